/* Rows by their hash, then compared: serial, a pass over the array. */
#include "matrix/same_rows.h"

/* All values take part: rows of counts or one-hot codes differ in few places only. Two chains, as each waits for its
 * own multiplication. */
static uint64_t hash_of(const float *row, int64_t width)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u;
    uint64_t even = 1, odd = 2, pair[2];
    int64_t i = 0;
    for (; i + 4 <= width; i += 4) {
        memcpy(pair, row + i, sizeof pair);
        even = (even ^ pair[0]) * factor;
        odd = (odd ^ pair[1]) * factor;
        even ^= even >> 29;
        odd ^= odd >> 31;
    }
    for (; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, row + i, sizeof bits);
        even = (even ^ bits) * factor;
        even ^= even >> 29;
    }
    even = (even ^ odd >> 7 ^ odd << 17) * factor;
    return even ^ even >> 32;
}

ec_status ec_same_rows_init(struct ec_same_rows *same, struct ec_arena *arena, const float *values, int64_t rows,
                            int64_t width, int64_t most)
{
    if (rows > INT32_MAX / 4) {
        return EC_TOO_LARGE;
    }
    int64_t capacity = 64;
    while (capacity < 2 * most) {
        capacity *= 2;
    }
    same->count = 0;
    same->first = ec_arena_take(arena, most + 1, sizeof *same->first);
    same->kind = ec_arena_take(arena, rows, sizeof *same->kind);
    uint64_t *hashes = ec_arena_take(arena, most + 1, sizeof *hashes);
    int32_t *slots = ec_arena_take(arena, capacity, sizeof *slots); /* a kind, or -1 */
    if (!same->first || !same->kind || !hashes || !slots) {
        return EC_NO_MEMORY;
    }
    memset(slots, 0xff, (size_t)capacity * sizeof *slots);
    for (int64_t row = 0; row < rows; row++) {
        const float *here = values + row * width;
        uint64_t hash = hash_of(here, width), slot = hash & (uint64_t)(capacity - 1);
        int32_t kind;
        while ((kind = slots[slot]) >= 0 && (hashes[kind] != hash || memcmp(here, values + same->first[kind] * width,
                                                                            (size_t)width * sizeof *here))) {
            slot = (slot + 1) & (uint64_t)(capacity - 1);
        }
        if (kind < 0) {
            if (same->count == most) {
                same->count = rows;
                return EC_OK;
            }
            kind = slots[slot] = (int32_t)same->count++;
            same->first[kind] = (int32_t)row;
            hashes[kind] = hash;
        }
        same->kind[row] = kind;
    }
    return EC_OK;
}
