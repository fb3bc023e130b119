/* Looks the n-grams of tokens' characters up, and keeps what it found; see the header. */
#include "bags/characters.h"

#include "base/memory.h"
#include "base/range.h"

#define KEPT_IDS (1 << 19) /* ids that are kept, once there were many tokens */

/* Room for the ids of one token more; if there is none, all that is kept is forgotten. */
static ec_status reserve(struct ec_bag_characters *characters, int64_t more)
{
    if (characters->used + more > characters->capacity) {
        characters->used = 0;
        if (characters->cached) {
            memset(characters->cached, 0, EC_BAG_CACHED * sizeof *characters->cached);
        }
    }
    int64_t wanted = ec_most(more, characters->cached ? KEPT_IDS : 0);
    if (wanted > characters->capacity) {
        ec_free(characters->ids);
        characters->capacity = 0;
        characters->ids = ec_alloc_array(2 * wanted, sizeof *characters->ids);
        if (!characters->ids) {
            return EC_NO_MEMORY;
        }
        characters->used = 0;
        characters->capacity = 2 * wanted;
    }
    if (more > characters->key_capacity) {
        ec_free(characters->keys);
        characters->key_capacity = 0;
        characters->keys = ec_alloc_array(2 * more, sizeof *characters->keys);
        if (!characters->keys) {
            return EC_NO_MEMORY;
        }
        characters->key_capacity = 2 * more;
    }
    return EC_OK;
}

struct ec_bag_characters *ec_bag_characters_new(const struct ec_bag_features *features, const struct ec_bag_kind *kind,
                                                int64_t longest)
{
    struct ec_bag_characters *characters = ec_alloc_zeros(1, sizeof *characters);
    if (!characters) {
        return NULL;
    }
    characters->features = features;
    characters->kind = kind;
    characters->framed = ec_alloc_zeros(EC_BAG_FRAME_ROOM(ec_token_room(longest)), 1);
    if (!characters->framed) {
        ec_bag_characters_free(characters);
        return NULL;
    }
    return characters;
}

void ec_bag_characters_free(struct ec_bag_characters *characters)
{
    if (characters) {
        ec_free(characters->cached);
        ec_free(characters->ids);
        ec_free(characters->keys);
        ec_free(characters->framed);
    }
    ec_free(characters);
}

/* The ids of the n-grams of "<token>" in `out`; how many. */
static int32_t look_up(struct ec_bag_characters *characters, int64_t length, int32_t *out)
{
    const struct ec_bag_features *features = characters->features;
    const uint8_t *framed = characters->framed;
    const struct ec_bag_kind *kind = characters->kind;
    int64_t made = 0;
    int32_t found = 0;
    for (int64_t begin = 0, end = 0; ec_bag_next_gram(framed, length, features->settings.chars, &begin, &end);) {
        characters->keys[made++] = ec_bag_gram_key(framed + begin, end - begin);
    }
    for (int64_t i = 0; !features->buckets && i < made; i++) {
        ec_bag_table_prefetch(&features->table, characters->keys[i]);
    }
    for (int64_t i = 0; i < made; i++) {
        out[found] = features->buckets ? ec_bag_bucket(kind, features->buckets, characters->keys[i])
                                       : ec_bag_table_find(&features->table, characters->keys[i]);
        found += out[found] >= kind->first && out[found] < kind->end; /* whatever keys collide */
    }
    return found;
}

const int32_t *ec_bag_characters_of(struct ec_bag_characters *characters, const uint8_t *token, int32_t length,
                                    uint64_t hash, int32_t *count)
{
    const int *chars = characters->features->settings.chars;
    if (++characters->seen == EC_BAG_MANY) {
        characters->cached = ec_alloc_zeros(EC_BAG_CACHED, sizeof *characters->cached); /* or without */
        characters->capacity = 0;
    }
    struct ec_bag_cached *cached = characters->cached ? &characters->cached[hash % EC_BAG_CACHED] : NULL;
    if (cached && cached->count && cached->hash == hash) {
        *count = cached->count - 1;
        return characters->ids + cached->begin;
    }
    int64_t framed = ec_bag_frame(characters->framed, token, length);
    if (reserve(characters, framed * (chars[1] - chars[0] + 1))) {
        return NULL;
    }
    int32_t *ids = characters->ids + characters->used;
    *count = look_up(characters, framed, ids);
    if (cached) {
        *cached = (struct ec_bag_cached){.hash = hash, .begin = characters->used, .count = *count + 1};
        characters->used += *count;
    }
    return ids;
}
