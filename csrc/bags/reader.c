/* Reads one document's features; see the header. All keys of a kind are made and their slots asked for before the first
 * is looked up: a table of a million features is in no near cache. */
#include "bags/reader.h"

#include "bags/characters.h"
#include "bags/pairs.h"
#include "bags/tally.h"
#include "base/memory.h"

#define AHEAD 32 /* keys whose slots are asked for before they are looked up */

struct ec_bag_reader {
    const struct ec_bag_features *features;
    struct ec_bag_tokens tokens;
    uint64_t *keys; /* of the n-grams that begin at each token */
    int64_t key_capacity;
    int32_t *ids, *sorted, *spare;
    float *counts;
    int64_t used, capacity;               /* of ids and counts */
    struct ec_bag_characters *characters; /* NULL where no kind is of these */
    struct ec_bag_tally tally;            /* of their ids, if there are not too many, once there were many tokens */
};

struct ec_bag_reader *ec_bag_reader_new(const struct ec_bag_features *features, int64_t longest)
{
    struct ec_bag_reader *reader = ec_alloc_zeros(1, sizeof *reader);
    if (!reader) {
        return NULL;
    }
    reader->features = features;
    const struct ec_bag_kind *last = &features->kinds[features->kind_count - 1];
    ec_status status = ec_bag_tokens_init(&reader->tokens, &features->settings, longest);
    if (!status && !last->tokens) {
        reader->characters = ec_bag_characters_new(features, last, longest);
        status = reader->characters ? EC_OK : EC_NO_MEMORY;
    }
    if (status) {
        ec_bag_reader_free(reader);
        return NULL;
    }
    return reader;
}

void ec_bag_reader_free(struct ec_bag_reader *reader)
{
    if (!reader) {
        return;
    }
    ec_bag_tokens_clear(&reader->tokens);
    ec_free(reader->keys);
    ec_free(reader->ids);
    ec_free(reader->counts);
    ec_free(reader->sorted);
    ec_free(reader->spare);
    ec_bag_characters_free(reader->characters);
    ec_bag_tally_clear(&reader->tally);
    ec_free(reader);
}

/* Room for `more` ids behind those in use; `sorted` and `spare` hold as many. */
static ec_status reserve(struct ec_bag_reader *reader, int64_t more)
{
    int64_t needed = reader->used + more;
    if (reader->ids && needed <= reader->capacity) {
        return EC_OK;
    }
    int64_t capacity = 2 * needed + 1;
    int32_t *ids = ec_grow_array(reader->ids, reader->used, capacity, sizeof *ids);
    reader->ids = ids ? ids : reader->ids;
    float *counts = ec_grow_array(reader->counts, reader->used, capacity, sizeof *counts);
    reader->counts = counts ? counts : reader->counts;
    int32_t *sorted = ec_grow_array(reader->sorted, reader->capacity, capacity, sizeof *sorted);
    reader->sorted = sorted ? sorted : reader->sorted;
    int32_t *spare = ec_grow_array(reader->spare, 0, capacity, sizeof *spare);
    reader->spare = spare ? spare : reader->spare;
    if (!ids || !counts || !sorted || !spare) {
        return EC_NO_MEMORY;
    }
    reader->capacity = capacity;
    return EC_OK;
}

/* Ids of keys[0 .. count) of a kind, those that have one; how many. */
static int64_t look_up(const struct ec_bag_features *features, const struct ec_bag_kind *kind, const uint64_t *keys,
                       int64_t count, int32_t *out)
{
    if (features->buckets) {
        for (int64_t i = 0; i < count; i++) {
            out[i] = ec_bag_bucket(kind, features->buckets, keys[i]);
        }
        return count;
    }
    int64_t found = 0;
    for (int64_t i = 0; i < count && i < AHEAD; i++) {
        ec_bag_table_prefetch(&features->table, keys[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            ec_bag_table_prefetch(&features->table, keys[i + AHEAD]);
        }
        out[found] = ec_bag_table_find(&features->table, keys[i]);
        found += out[found] >= kind->first && out[found] < kind->end; /* whatever keys collide */
    }
    return found;
}

/* Appends the first `count` ids of `sorted`, which are not sorted yet, sorted and merged. */
static void take_ids(struct ec_bag_reader *reader, int64_t count)
{
    if (!count) { /* perhaps there is no memory at all */
        return;
    }
    const int32_t *sorted = ec_bag_sort(reader->sorted, reader->spare, count);
    reader->used += ec_bag_merge(reader->ids + reader->used, reader->counts + reader->used, sorted, count);
}

/* Appends the ids of keys[0 .. count), sorted and merged. */
static ec_status take_keys(struct ec_bag_reader *reader, const struct ec_bag_kind *kind, int64_t count)
{
    ec_status status = reserve(reader, count);
    if (!status) {
        take_ids(reader, look_up(reader->features, kind, reader->keys, count, reader->sorted));
    }
    return status;
}

static ec_status reserve_keys(struct ec_bag_reader *reader, int64_t used, int64_t more)
{
    if (used + more <= reader->key_capacity) {
        return EC_OK;
    }
    uint64_t *keys = ec_grow_array(reader->keys, used, 2 * (used + more), sizeof *keys);
    if (!keys) {
        return EC_NO_MEMORY;
    }
    reader->keys = keys;
    reader->key_capacity = 2 * (used + more);
    return EC_OK;
}

/* Ids of one token's characters, or NULL without memory. */
static const int32_t *characters_of(struct ec_bag_reader *reader, int64_t token, int32_t *count)
{
    const struct ec_bag_tokens *tokens = &reader->tokens;
    return ec_bag_characters_of(reader->characters, tokens->tokens[token], tokens->lengths[token],
                                tokens->hashes[token], count);
}

static ec_status read_characters(struct ec_bag_reader *reader, const struct ec_bag_kind *kind)
{
    int64_t found = 0, size = kind->end - kind->first;
    if (!reader->tally.counts && reader->characters->seen > EC_BAG_MANY && size <= EC_BAG_TALLY_MOST) {
        ec_status status = ec_bag_tally_init(&reader->tally, kind->first, size);
        if (status) {
            return status;
        }
    }
    for (int64_t i = 0; i < reader->tokens.count; i++) {
        int32_t count = 0;
        const int32_t *ids = characters_of(reader, i, &count);
        ec_status status = ids ? EC_OK : EC_NO_MEMORY;
        if (!reader->tally.counts) {
            status = status ? status : reserve(reader, found + count);
        }
        if (status) {
            return status;
        }
        for (int32_t n = 0; reader->tally.counts && n < count; n++) {
            ec_bag_tally_add(&reader->tally, ids[n]);
        }
        if (!reader->tally.counts && count) {
            ec_copy(reader->sorted + found, ids, (size_t)count * sizeof *ids);
            found += count;
        }
    }
    if (!reader->tally.counts) {
        take_ids(reader, found);
        return EC_OK;
    }
    ec_status status = reserve(reader, ec_least(reader->tally.added, reader->tally.size));
    if (!status) {
        reader->used += ec_bag_tally_take(&reader->tally, reader->ids + reader->used, reader->counts + reader->used);
    }
    return status;
}

ec_status ec_bag_read(struct ec_bag_reader *reader, const struct ec_document *document, struct ec_bag *bag)
{
    const struct ec_bag_features *features = reader->features;
    struct ec_bag_tokens *tokens = &reader->tokens;
    ec_status status = ec_bag_tokens_of(tokens, document);
    reader->used = 0;
    status = status ? status : reserve_keys(reader, 0, tokens->count);
    if (!status && tokens->count) {
        ec_copy(reader->keys, tokens->hashes, (size_t)tokens->count * sizeof *reader->keys);
    }
    int length = 1; /* tokens of the n-grams whose keys are made */
    for (int kind = 0; !status && kind < features->kind_count; kind++) {
        int wanted = features->kinds[kind].tokens;
        if (!wanted) {
            status = read_characters(reader, &features->kinds[kind]);
            continue;
        }
        for (; length < wanted; length++) {
            for (int64_t i = 0; i + length < tokens->count; i++) {
                reader->keys[i] = ec_bag_longer(reader->keys[i], tokens->hashes[i + length]);
            }
        }
        status = take_keys(reader, &features->kinds[kind], ec_most(tokens->count - wanted + 1, 0));
    }
    *bag = (struct ec_bag){.count = reader->used, .ids = reader->ids, .counts = reader->counts};
    return status;
}
