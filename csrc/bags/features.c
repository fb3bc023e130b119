/* Makes features from their names, or from nothing where they are hashed; see the header. Between what counts n-grams
 * (census.c) or a model's file, and the readers. */
#include "bags/features.h"

#include "base/memory.h"
#include "base/range.h"

int ec_bag_kinds(struct ec_bag_kind kinds[EC_BAG_KINDS], const struct ec_bag_settings *settings)
{
    int count = 0;
    for (int tokens = settings->words[0]; tokens && tokens <= settings->words[1]; tokens++) {
        kinds[count++] = (struct ec_bag_kind){.tokens = tokens};
    }
    if (settings->chars[1]) {
        kinds[count++] = (struct ec_bag_kind){.tokens = 0};
    }
    return count;
}

/* The hashes of words that stand one behind the other, through a buffer that has slack behind it. */
static ec_status hash_words(uint64_t *hashes, int64_t count, const uint8_t *bytes, const int64_t *ends, int grams)
{
    int64_t longest = 0;
    for (int64_t i = 0, begin = 0; i < count; begin = ends[i++]) {
        longest = ec_most(longest, ends[i] - begin);
    }
    uint8_t *word = ec_alloc_zeros(longest + EC_WORD_SLACK, 1);
    for (int64_t i = 0, begin = 0; word && i < count; begin = ends[i++]) {
        int64_t length = ends[i] - begin;
        ec_copy(word, bytes + begin, (size_t)length);
        struct ec_word_key key = ec_word_key(word, length);
        hashes[i] = grams ? ec_bag_gram_key(word, length) : ec_bag_hash(&key, length);
    }
    ec_free(word);
    return word ? EC_OK : EC_NO_MEMORY;
}

/* The keys of all features, kind by kind. */
static ec_status fill_keys(uint64_t *keys, const struct ec_bag_features *features, const struct ec_bag_names *names)
{
    uint64_t *hashes = ec_alloc_array(names->word_count, sizeof *hashes);
    ec_status status =
        hashes ? hash_words(hashes, names->word_count, names->word_bytes, names->word_ends, 0) : EC_NO_MEMORY;
    for (int kind = 0; !status && kind < features->kind_count; kind++) {
        int tokens = features->kinds[kind].tokens;
        uint64_t *out = keys + features->kinds[kind].first;
        if (!tokens) {
            status = hash_words(out, names->counts[kind], names->gram_bytes, names->gram_ends, 1);
        }
        for (int64_t i = 0; tokens && i < names->counts[kind]; i++) {
            const int32_t *words = tokens > 1 ? names->words[kind] + i * tokens : NULL;
            out[i] = hashes[tokens > 1 ? words[0] : i];
            for (int n = 1; n < tokens; n++) {
                out[i] = ec_bag_longer(out[i], hashes[words[n]]);
            }
        }
    }
    ec_free(hashes);
    return status;
}

static ec_status fill_table(struct ec_bag_features *features, const struct ec_bag_names *names)
{
    uint64_t *keys = ec_alloc_array(features->size, sizeof *keys);
    ec_status status = keys ? ec_bag_table_reserve(&features->table, features->size, NULL) : EC_NO_MEMORY;
    status = status ? status : fill_keys(keys, features, names);
    for (int64_t id = 0; !status && id < features->size; id++) {
        if (id + 16 < features->size) {
            ec_bag_table_prefetch(&features->table, keys[id + 16]);
        }
        if (ec_bag_table_find(&features->table, keys[id]) >= 0) {
            status = EC_BAD_VALUE;
        } else {
            ec_bag_table_put(&features->table, keys[id]);
        }
    }
    ec_free(keys);
    return status;
}

ec_status ec_bag_features_init(struct ec_bag_features *features, const struct ec_bag_settings *settings,
                               int64_t buckets, const struct ec_bag_names *names)
{
    memset(features, 0, sizeof *features);
    features->settings = *settings;
    features->buckets = names ? 0 : buckets;
    features->kind_count = ec_bag_kinds(features->kinds, settings);
    for (int kind = 0; kind < features->kind_count; kind++) {
        features->kinds[kind].first = features->size;
        features->size += names ? names->counts[kind] : buckets;
        features->kinds[kind].end = features->size;
    }
    if (features->size >= INT32_MAX / 2) {
        return EC_TOO_LARGE;
    }
    return names ? fill_table(features, names) : EC_OK;
}

void ec_bag_features_clear(struct ec_bag_features *features) { ec_bag_table_clear(&features->table); }
