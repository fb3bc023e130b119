/* Fills tiles; see the header. */
#include "bags/tile.h"

#include "base/memory.h"

#define PARTITIONS EC_BAG_PARTITIONS

void ec_bag_tile_clear(struct ec_bag_tile *tile)
{
    ec_free(tile->text);
    ec_free(tile->text_ends);
    ec_free(tile->entries);
}

/* Room for `tokens` in the tile, with `bytes`. */
static ec_status reserve(struct ec_bag_tile *tile, struct ec_bag_tile_reader *reader, int64_t tokens, int64_t bytes)
{
    if (tokens > reader->capacity) {
        uint64_t *hashes = ec_grow_array(reader->hashes, tile->count, 2 * tokens, sizeof *hashes);
        reader->hashes = hashes ? hashes : reader->hashes;
        uint64_t *keys = ec_grow_array(reader->keys, 0, 2 * tokens, sizeof *keys);
        reader->keys = keys ? keys : reader->keys;
        if (!hashes || !keys) {
            return EC_NO_MEMORY;
        }
        reader->capacity = 2 * tokens;
    }
    if (tokens > tile->end_capacity) {
        uint32_t *ends = ec_grow_array(tile->text_ends, tile->count, tokens + tokens / 2, sizeof *ends);
        if (!ends) {
            return EC_NO_MEMORY;
        }
        tile->text_ends = ends;
        tile->end_capacity = tokens + tokens / 2;
    }
    if (bytes > tile->text_capacity) {
        int64_t used = tile->count ? tile->text_ends[tile->count - 1] : 0;
        uint8_t *text = ec_grow_array(tile->text, used, bytes + bytes / 2, 1);
        if (!text) {
            return EC_NO_MEMORY;
        }
        tile->text = text;
        tile->text_capacity = bytes + bytes / 2;
    }
    return EC_OK;
}

ec_status ec_bag_tile_take(struct ec_bag_tile *tile, struct ec_bag_tile_reader *reader)
{
    const struct ec_bag_tokens *tokens = &reader->tokens;
    int64_t bytes = 0, used = tile->count ? tile->text_ends[tile->count - 1] : 0;
    for (int64_t i = 0; i < tokens->count; i++) {
        bytes += tokens->lengths[i];
    }
    if (used + bytes > UINT32_MAX) {
        return EC_TOO_LARGE;
    }
    ec_status status = reserve(tile, reader, tile->count + tokens->count, used + bytes + EC_WORD_SLACK);
    for (int64_t i = 0; !status && i < tokens->count; i++) {
        if (tokens->lengths[i] <= EC_WORD_SLACK) { /* a copy of known size is several times faster */
            memcpy(tile->text + used, tokens->tokens[i], EC_WORD_SLACK);
        } else {
            ec_copy(tile->text + used, tokens->tokens[i], (size_t)tokens->lengths[i]);
        }
        used += tokens->lengths[i];
        reader->hashes[tile->count] = tokens->hashes[i];
        tile->text_ends[tile->count++] = (uint32_t)used;
    }
    return status;
}

/* Makes the keys of n-grams of `length` tokens from those of one token less. */
static void make_keys(struct ec_bag_tile_reader *reader, int length, const int64_t *lengths, int64_t document_count)
{
    int64_t begin = 0;
    for (int64_t i = 0; i < document_count; begin += lengths[i++]) {
        for (int64_t j = begin; j + length <= begin + lengths[i]; j++) {
            uint64_t hash = reader->hashes[j + length - 1];
            reader->keys[j] = length > 1 ? ec_bag_longer(reader->keys[j], hash) : hash;
        }
    }
}

/* Appends the n-grams of `length` tokens, sorted by partition, to the tile's entries, of which `used` are in use. */
static void spread(const struct ec_bag_tile_reader *reader, struct ec_bag_tile *tile, int kind, int length,
                   int64_t used, const int64_t *lengths, int64_t document_count)
{
    int64_t *starts = tile->starts[kind];
    int64_t next[PARTITIONS] = {0};
    int64_t begin = 0;
    for (int64_t i = 0; i < document_count; begin += lengths[i++]) {
        for (int64_t j = begin; j + length <= begin + lengths[i]; j++) {
            next[reader->keys[j] % PARTITIONS]++;
        }
    }
    starts[0] = used;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        starts[partition + 1] = starts[partition] + next[partition];
        next[partition] = starts[partition];
    }
    begin = 0;
    for (int64_t i = 0; i < document_count; begin += lengths[i++]) {
        for (int64_t j = begin; j + length <= begin + lengths[i]; j++) {
            struct ec_bag_entry *entry = &tile->entries[next[reader->keys[j] % PARTITIONS]++];
            entry->key = reader->keys[j];
            entry->place = (uint32_t)j;
        }
    }
}

ec_status ec_bag_tile_spread(struct ec_bag_tile *tile, struct ec_bag_tile_reader *reader, const int *kinds,
                             int kind_count, const int64_t *lengths, int64_t document_count)
{
    int64_t used = 0;
    if (tile->count * kind_count > tile->entry_capacity) {
        ec_free(tile->entries);
        tile->entry_capacity = (tile->count + tile->count / 8) * kind_count;
        tile->entries = ec_alloc_array(tile->entry_capacity, sizeof *tile->entries);
        if (!tile->entries) {
            tile->entry_capacity = 0;
            return EC_NO_MEMORY;
        }
    }
    for (int kind = 0, length = 0; kind < kind_count; kind++) {
        while (length < kinds[kind]) {
            make_keys(reader, ++length, lengths, document_count);
        }
        spread(reader, tile, kind, length, used, lengths, document_count);
        used = tile->starts[kind][PARTITIONS];
    }
    return EC_OK;
}
