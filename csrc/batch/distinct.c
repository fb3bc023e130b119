/* Distinct ids by open addressing, occurrences by counting sort; both serial: some microseconds a batch. */
#include "batch/distinct.h"

#include <string.h>

ec_status ec_distinct_init(struct ec_distinct *distinct, struct ec_arena *arena, int64_t tokens, int64_t limit)
{
    if (tokens > INT32_MAX / 4) {
        return EC_TOO_LARGE;
    }
    int64_t capacity = 64;
    while (capacity < 2 * tokens) {
        capacity *= 2;
    }
    distinct->by_id = limit <= 2 * capacity;
    capacity = distinct->by_id ? limit : capacity;
    distinct->count = 0;
    distinct->ids = ec_arena_take(arena, tokens, sizeof *distinct->ids);
    distinct->slots = ec_arena_take(arena, capacity, sizeof *distinct->slots);
    if (!distinct->ids || !distinct->slots) {
        return EC_NO_MEMORY;
    }
    distinct->hash_mask = (uint32_t)capacity - 1; /* of a hash set */
    memset(distinct->slots, 0xff, (size_t)capacity * sizeof *distinct->slots);
    return EC_OK;
}

static int32_t place_of(struct ec_distinct *distinct, int32_t id)
{
    uint32_t slot = (uint32_t)id * 0x9e3779b9u;
    slot = (slot ^ slot >> 15) & distinct->hash_mask;
    for (;; slot = (slot + 1) & distinct->hash_mask) {
        int32_t place = distinct->slots[slot];
        if (place < 0) {
            place = (int32_t)distinct->count++;
            distinct->slots[slot] = place;
            distinct->ids[place] = id;
            return place;
        }
        if (distinct->ids[place] == id) {
            return place;
        }
    }
}

static void add_by_id(struct ec_distinct *distinct, int32_t *row, const int32_t *ids, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t id = ids[i], place = id < 0 ? -1 : distinct->slots[id];
        if (place < 0 && id >= 0) {
            place = distinct->slots[id] = (int32_t)distinct->count;
            distinct->ids[distinct->count++] = id;
        }
        row[i] = place;
    }
}

void ec_distinct_add(struct ec_distinct *distinct, int32_t *row, const int32_t *ids, int64_t count)
{
    if (distinct->by_id) {
        add_by_id(distinct, row, ids, count);
        return;
    }
    int32_t last_id = -1, last_row = -1; /* padding comes in runs */
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] != last_id) {
            last_id = ids[i];
            last_row = last_id < 0 ? -1 : place_of(distinct, last_id);
        }
        row[i] = last_row;
    }
}

int32_t *ec_occurrences_count(struct ec_occurrences *occurrences, struct ec_arena *arena, const int32_t *row,
                              int64_t tokens, int64_t distinct)
{
    occurrences->begin = ec_arena_take(arena, distinct + 2, sizeof *occurrences->begin);
    if (!occurrences->begin) {
        return NULL;
    }
    /* Counted two places on, so that after the running sum begin[u + 1] is where row u is filled in next, and after
     * filling in, where it ends. */
    int32_t *next = occurrences->begin + 1;
    memset(occurrences->begin, 0, (size_t)(distinct + 2) * sizeof *occurrences->begin);
    for (int64_t i = 0; i < tokens; i++) {
        if (row[i] >= 0 && row[i] < distinct) {
            next[row[i] + 1]++;
        }
    }
    for (int64_t u = 1; u <= distinct; u++) {
        next[u] += next[u - 1];
    }
    return next;
}

ec_status ec_occurrences_init(struct ec_occurrences *occurrences, struct ec_arena *arena, const int32_t *row,
                              int64_t tokens, int64_t distinct)
{
    occurrences->at = ec_arena_take(arena, tokens, sizeof *occurrences->at);
    int32_t *next = ec_occurrences_count(occurrences, arena, row, tokens, distinct);
    if (!occurrences->at || !next) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < tokens; i++) {
        if (row[i] >= 0 && row[i] < distinct) {
            occurrences->at[next[row[i]]++] = (int32_t)i;
        }
    }
    return EC_OK;
}
