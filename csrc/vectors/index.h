/* word -> row: an open hash table over words that lie end to end in one block of bytes. The same three arrays are what
 * a loaded file holds, what a cache file stores and what a lookup in a mapped cache reads, so a lookup trusts none of
 * them: a damaged file may give a wrong answer, never an access outside the arrays. */
#ifndef EC_VECTORS_INDEX_H
#define EC_VECTORS_INDEX_H

#include "base/status.h"

#include <stdint.h>

/* Read-only view. Word i is blob[offsets[i] : offsets[i + 1]]. A slot holds 0 (free), or the upper half of the word's
 * hash above the word's number plus one. */
struct ec_word_index {
    const uint64_t *slots;
    int64_t slot_count; /* a power of two, or 0 for an index without words */
    const int64_t *offsets;
    int64_t count;
    const char *blob;
    int64_t blob_bytes;
};

#define EC_MAX_WORDS ((int64_t)UINT32_MAX - 1)

/* The word's number, or -1. */
int64_t ec_word_index_find(const struct ec_word_index *index, const char *word, int64_t bytes, uint64_t hash);
/* Bytes of word `number` and where they start, or -1 where the arrays contradict each other. */
int64_t ec_word_index_word(const struct ec_word_index *index, int64_t number, const char **word);

/* The same arrays while they grow. */
struct ec_word_table {
    uint64_t *slots;
    int64_t *offsets;
    char *blob;
    int64_t slot_count, offset_room, blob_room;
    int64_t count;
};

void ec_word_table_init(struct ec_word_table *table);
void ec_word_table_clear(struct ec_word_table *table);
/* Room for `count` words in total. */
ec_status ec_word_table_reserve(struct ec_word_table *table, int64_t count);
/* *number = the word's number, *added = whether it is new. */
ec_status ec_word_table_add(struct ec_word_table *table, const char *word, int64_t bytes, uint64_t hash,
                            int64_t *number, int *added);
struct ec_word_index ec_word_table_view(const struct ec_word_table *table);
/* Asks for the cache line that a word with this hash will need. */
static inline void ec_word_table_prefetch(const struct ec_word_table *table, uint64_t hash)
{
    if (table->slot_count) {
        __builtin_prefetch(&table->slots[hash & (uint64_t)(table->slot_count - 1)]);
    }
}

#endif
