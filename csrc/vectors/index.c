/* The hash index of words: linear probing, at most three quarters full, so that a lookup mostly touches one line of
 * slots and one word. */
#include "vectors/index.h"

#include "base/memory.h"
#include "vectors/word.h"

#include <string.h>

#define LEAST_SLOTS 64

int64_t ec_word_index_word(const struct ec_word_index *index, int64_t number, const char **word)
{
    if (number < 0 || number >= index->count) {
        return -1;
    }
    int64_t begin = index->offsets[number], end = index->offsets[number + 1];
    if (begin < 0 || end < begin || end > index->blob_bytes) {
        return -1;
    }
    *word = index->blob + begin;
    return end - begin;
}

int64_t ec_word_index_find(const struct ec_word_index *index, const char *word, int64_t bytes, uint64_t hash)
{
    uint64_t mask = (uint64_t)index->slot_count - 1;
    for (int64_t turn = 0; turn < index->slot_count; turn++) {
        uint64_t slot = index->slots[(hash + (uint64_t)turn) & mask];
        if (!slot) {
            return -1;
        }
        if (slot >> 32 == hash >> 32) {
            const char *found = "";
            int64_t number = (int64_t)(slot & 0xffffffffu) - 1;
            if (ec_word_index_word(index, number, &found) == bytes && !memcmp(found, word, (size_t)bytes)) {
                return number;
            }
        }
    }
    return -1;
}

void ec_word_table_init(struct ec_word_table *table) { memset(table, 0, sizeof *table); }

void ec_word_table_clear(struct ec_word_table *table)
{
    ec_free(table->slots);
    ec_free(table->offsets);
    ec_free(table->blob);
    ec_word_table_init(table);
}

struct ec_word_index ec_word_table_view(const struct ec_word_table *table)
{
    struct ec_word_index view = {table->slots, table->slot_count, table->offsets,
                                 table->count, table->blob,       table->count ? table->offsets[table->count] : 0};
    return view;
}

static void place(uint64_t *slots, int64_t slot_count, uint64_t hash, int64_t number)
{
    uint64_t mask = (uint64_t)slot_count - 1, at = hash & mask;
    while (slots[at]) {
        at = (at + 1) & mask;
    }
    slots[at] = (hash >> 32 << 32) | (uint64_t)(number + 1);
}

ec_status ec_word_table_reserve(struct ec_word_table *table, int64_t count)
{
    if (count > EC_MAX_WORDS) {
        return EC_TOO_LARGE;
    }
    if (count + 1 > table->offset_room) {
        int64_t room = count + 1 + count / 4;
        int64_t *offsets = ec_grow_array(table->offsets, table->offset_room, room, sizeof *offsets);
        if (!offsets) {
            return EC_NO_MEMORY;
        }
        if (!table->offset_room) {
            offsets[0] = 0;
        }
        table->offsets = offsets;
        table->offset_room = room;
    }
    int64_t slot_count = LEAST_SLOTS;
    while (slot_count - slot_count / 4 < count) {
        slot_count *= 2;
    }
    if (slot_count > table->slot_count) {
        uint64_t *slots = ec_alloc_zeros(slot_count, sizeof *slots);
        if (!slots) {
            return EC_NO_MEMORY;
        }
        for (int64_t number = 0; number < table->count; number++) {
            const char *word = table->blob + table->offsets[number];
            place(slots, slot_count, ec_word_hash(word, table->offsets[number + 1] - table->offsets[number]), number);
        }
        ec_free(table->slots);
        table->slots = slots;
        table->slot_count = slot_count;
    }
    return EC_OK;
}

ec_status ec_word_table_add(struct ec_word_table *table, const char *word, int64_t bytes, uint64_t hash,
                            int64_t *number, int *added)
{
    struct ec_word_index view = ec_word_table_view(table);
    *number = ec_word_index_find(&view, word, bytes, hash);
    *added = *number < 0;
    if (!*added) {
        return EC_OK;
    }
    ec_status status = ec_word_table_reserve(table, table->count + 1);
    if (status != EC_OK) {
        return status;
    }
    int64_t begin = table->offsets[table->count];
    if (begin + bytes >= table->blob_room) { /* ">=": there is a blob, even for the empty word */
        int64_t room = (begin + bytes) * 2 + 4096;
        char *blob = ec_grow_array(table->blob, begin, room, 1);
        if (!blob) {
            return EC_NO_MEMORY;
        }
        table->blob = blob;
        table->blob_room = room;
    }
    memcpy(table->blob + begin, word, (size_t)bytes);
    table->offsets[table->count + 1] = begin + bytes;
    place(table->slots, table->slot_count, hash, table->count);
    *number = table->count++;
    return EC_OK;
}
