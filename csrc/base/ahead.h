/* Rows of a large table are asked for before they are needed: where the next ones lie is known from their ids, and the
 * processor does not guess it. A few rows far apart wait for memory together then, not one after the other. */
#ifndef EC_BASE_AHEAD_H
#define EC_BASE_AHEAD_H

#include "base/memory.h"

#include <stddef.h>
#include <stdint.h>

/* Tables below this stay in a core's own caches: asking would be work for nothing. */
#define EC_LARGE_TABLE ((int64_t)1 << 18) /* floats */
/* Rows of tables from here on are often in no cache at all, and not only those that are rare in a text. */
#define EC_FAR_TABLE ((int64_t)1 << 23) /* floats */
/* What is asked for at a time, to be read soon: half of a second cache of 512 KB. */
#define EC_ASKED_FLOATS ((int64_t)1 << 16)

/* How many rows ahead: about 2 KB of each array, at least two rows. */
static inline int64_t ec_rows_ahead(int64_t width)
{
    int64_t rows = width > 0 ? 512 / width : 16;
    return rows < 2 ? 2 : rows > 16 ? 16 : rows;
}

static inline void ec_ask_for_bytes(const void *row, int64_t bytes)
{
#if defined(__GNUC__) || defined(__clang__)
    for (int64_t at = 0; at < bytes; at += EC_ALIGNMENT) {
        __builtin_prefetch((const char *)row + at);
    }
    /* To gcc a function that only prefetches has no effect, and calls of it vanish; this has one, in its eyes. */
    __asm__ volatile("" : : "r"(row));
#else
    (void)row, (void)bytes;
#endif
}

static inline void ec_ask_for(const float *row, int64_t width) { ec_ask_for_bytes(row, width * (int64_t)sizeof *row); }

/* Rows that are not needed soon: into the second cache, as the first is in use. */
static inline void ec_ask_for_later(const float *row, int64_t width)
{
#if defined(__GNUC__) || defined(__clang__)
    for (int64_t c = 0; c < width; c += EC_ALIGNMENT / (int64_t)sizeof *row) {
        __builtin_prefetch(row + c, 0, 2);
    }
    __asm__ volatile("" : : "r"(row));
#else
    (void)row, (void)width;
#endif
}

#endif
