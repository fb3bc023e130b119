/* Ranks n-grams and names features; see the header. Single-threaded but for what is asked of a whole corpus. */
#include "bags/ranking.h"

#include "bags/grams.h"
#include "base/memory.h"

#define PARTITIONS EC_BAG_PARTITIONS

/* All n-grams of a kind. */
struct entries {
    int64_t count;
    int32_t *codes; /* by count, ties by first occurrence, once ranked */
    int64_t *counts;
    int64_t kept;
};

void ec_bag_ranking_clear(struct ec_bag_ranking *ranking)
{
    for (int kind = 0; kind < EC_BAG_LONGEST; kind++) {
        ec_free(ranking->ids[kind]);
    }
    for (int kind = 0; kind < EC_BAG_KINDS; kind++) {
        ec_free((void *)ranking->names.words[kind]);
    }
    ec_free((void *)ranking->names.word_bytes);
    ec_free((void *)ranking->names.word_ends);
    ec_free((void *)ranking->names.gram_bytes);
    ec_free((void *)ranking->names.gram_ends);
    ec_free(ranking->gram_ends);
    ec_free(ranking->grams);
    memset(ranking, 0, sizeof *ranking);
}

static void clear_entries(struct entries *entries)
{
    ec_free(entries->codes);
    ec_free(entries->counts);
}

/* One more than the largest code of a kind. */
static int64_t code_end(const struct ec_bag_census *census, int kind)
{
    int64_t most = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        most = ec_most(most, census->partitions[kind][partition].table.count);
    }
    return most * PARTITIONS;
}

/* Puts `entries` in the order of keys, ascending, equal ones as they stand. */
static ec_status reorder(struct entries *entries, const uint64_t *keys)
{
    int32_t *order = ec_alloc_array(entries->count, sizeof *order);
    int32_t *codes = ec_alloc_array(entries->count, sizeof *codes);
    int64_t *counts = ec_alloc_array(entries->count, sizeof *counts);
    ec_status status = order && codes && counts ? EC_OK : EC_NO_MEMORY;
    if (!status && entries->count) {
        status = ec_stable_order(keys, entries->count, order);
    }
    if (status) {
        ec_free(codes);
        ec_free(counts);
    } else {
        for (int64_t i = 0; i < entries->count; i++) {
            codes[i] = entries->codes[order[i]];
            counts[i] = entries->counts[order[i]];
        }
        clear_entries(entries);
        entries->codes = codes;
        entries->counts = counts;
    }
    ec_free(order);
    return status;
}

/* The n-grams of a kind of the census by first occurrence. */
static ec_status gather(struct entries *entries, const struct ec_bag_census *census, int kind)
{
    *entries = (struct entries){0};
    for (int partition = 0; partition < PARTITIONS; partition++) {
        entries->count += census->partitions[kind][partition].table.count;
    }
    entries->codes = ec_alloc_array(entries->count, sizeof *entries->codes);
    entries->counts = ec_alloc_array(entries->count, sizeof *entries->counts);
    uint64_t *firsts = ec_alloc_array(entries->count, sizeof *firsts);
    ec_status status = entries->codes && entries->counts && firsts ? EC_OK : EC_NO_MEMORY;
    int64_t made = 0;
    for (int partition = 0; !status && partition < PARTITIONS; partition++) {
        const struct ec_bag_partition *from = &census->partitions[kind][partition];
        for (int64_t number = 0; number < from->table.count; number++, made++) {
            entries->codes[made] = (int32_t)(number * PARTITIONS + partition);
            entries->counts[made] = from->counts[number];
            firsts[made] = (uint64_t)from->firsts[number];
        }
    }
    status = status ? status : reorder(entries, firsts);
    ec_free(firsts);
    return status;
}

/* By count; `entries` is in the order of first occurrence. */
static ec_status rank(struct entries *entries, int64_t min_count)
{
    uint64_t *keys = ec_alloc_array(entries->count, sizeof *keys);
    if (!keys) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < entries->count; i++) {
        keys[i] = (uint64_t)(INT64_MAX - entries->counts[i]);
    }
    ec_status status = reorder(entries, keys);
    ec_free(keys);
    for (entries->kept = 0; !status && entries->kept < entries->count; entries->kept++) {
        if (entries->counts[entries->kept] < min_count) {
            break;
        }
    }
    return status;
}

/* Counts the n-grams of all tokens' characters; `tokens` by first occurrence. Writes the ranking's lists, of numbers.
 */
static ec_status count_grams(struct ec_bag_ranking *ranking, struct ec_bag_grams *grams, const struct entries *tokens)
{
    const struct ec_bag_census *census = ranking->census;
    const int *chars = census->settings.chars;
    int64_t longest = 0, bound = 0, used = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        const struct ec_bag_partition *from = &census->partitions[0][partition];
        for (int64_t number = 0, begin = 0; number < from->table.count; begin = from->ends[number++]) {
            int64_t length = from->ends[number] - begin;
            longest = ec_most(longest, length);
            bound += (length + 2) * (chars[1] - chars[0] + 1);
        }
    }
    uint8_t *framed = ec_alloc_zeros(EC_BAG_FRAME_ROOM(longest), 1);
    ranking->gram_ends = ec_alloc_zeros(2 * code_end(census, 0), sizeof *ranking->gram_ends);
    ranking->grams = ec_alloc_array(bound, sizeof *ranking->grams);
    ec_status status = framed && ranking->gram_ends && ranking->grams ? EC_OK : EC_NO_MEMORY;
    status = status ? status : ec_bag_table_reserve(&grams->table, 0, NULL);
    for (int64_t i = 0; !status && i < tokens->count; i++) {
        int64_t code = tokens->codes[i];
        const struct ec_bag_partition *from = &census->partitions[0][code % PARTITIONS];
        int64_t begin = code / PARTITIONS ? from->ends[code / PARTITIONS - 1] : 0;
        int64_t length = ec_bag_frame(framed, from->bytes + begin, from->ends[code / PARTITIONS] - begin);
        ranking->gram_ends[2 * code] = used;
        for (int64_t a = 0, b = 0; !status && ec_bag_next_gram(framed, length, chars, &a, &b);) {
            status = ec_bag_grams_count(grams, framed + a, b - a, tokens->counts[i], &ranking->grams[used++]);
        }
        ranking->gram_ends[2 * code + 1] = used;
    }
    ec_free(framed);
    return status;
}

/* Lowers `kept` of the kinds until at most max_features are kept in all. */
static void cut(struct entries *kinds, int count, int64_t max_features)
{
    int64_t kept[EC_BAG_KINDS] = {0};
    for (int64_t total = 0; total < max_features; total++) {
        int best = -1;
        for (int kind = 0; kind < count; kind++) {
            if (kept[kind] < kinds[kind].kept &&
                (best < 0 || kinds[kind].counts[kept[kind]] > kinds[best].counts[kept[best]])) {
                best = kind;
            }
        }
        if (best < 0) {
            return;
        }
        kept[best]++;
    }
    for (int kind = 0; kind < count; kind++) {
        kinds[kind].kept = kept[kind];
    }
}

/* Adds the bytes of a token to the names; `capacity` grows. */
static ec_status name_token(struct ec_bag_names *names, const struct ec_bag_census *census, int32_t code,
                            int64_t *capacity)
{
    const struct ec_bag_partition *from = &census->partitions[0][code % PARTITIONS];
    int64_t begin = code / PARTITIONS ? from->ends[code / PARTITIONS - 1] : 0;
    int64_t length = from->ends[code / PARTITIONS] - begin;
    int64_t used = names->word_count ? names->word_ends[names->word_count - 1] : 0;
    if (used + length > *capacity) {
        uint8_t *bytes = ec_grow_array((void *)names->word_bytes, used, 2 * (used + length), 1);
        if (!bytes) {
            return EC_NO_MEMORY;
        }
        names->word_bytes = bytes;
        *capacity = 2 * (used + length);
    }
    memcpy((uint8_t *)names->word_bytes + used, from->bytes + begin, (size_t)length);
    ((int64_t *)names->word_ends)[names->word_count++] = used + length;
    return EC_OK;
}

/* Names the tokens that are features, then those that kept n-grams of several tokens hold. */
static ec_status name_tokens(struct ec_bag_ranking *ranking, const struct entries *entries)
{
    const struct ec_bag_census *census = ranking->census;
    struct ec_bag_names *names = &ranking->names;
    int64_t codes = code_end(census, 0), capacity = 0;
    int32_t *numbers = ec_alloc_array(codes, sizeof *numbers); /* of the tokens that have a name */
    names->word_ends = ec_alloc_array(codes, sizeof *names->word_ends);
    ec_status status = numbers && names->word_ends ? EC_OK : EC_NO_MEMORY;
    if (!status && codes) {
        memset(numbers, 0xff, (size_t)codes * sizeof *numbers);
    }
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        int length = ranking->kinds[kind].tokens;
        names->counts[kind] = entries[kind].kept;
        if (!length) {
            continue;
        }
        int32_t *words = length > 1 ? ec_alloc_array(entries[kind].kept * length, sizeof *words) : NULL;
        names->words[kind] = words;
        status = length == 1 || words ? EC_OK : EC_NO_MEMORY;
        for (int64_t i = 0; !status && i < entries[kind].kept; i++) {
            int32_t code = entries[kind].codes[i];
            int from = ec_bag_census_kind(census, length);
            const struct ec_bag_partition *partition = &census->partitions[from][code % PARTITIONS];
            for (int n = 0; !status && n < length; n++) {
                int32_t token = length > 1 ? partition->words[code / PARTITIONS * length + n] : code;
                if (numbers[token] < 0) {
                    numbers[token] = (int32_t)names->word_count;
                    status = name_token(names, census, token, &capacity);
                }
                if (words) {
                    words[i * length + n] = numbers[token];
                }
            }
        }
    }
    ec_free(numbers);
    return status;
}

/* Names the kept n-grams of characters and replaces numbers by ids in the ranking's lists. */
static ec_status name_grams(struct ec_bag_ranking *ranking, const struct ec_bag_grams *grams,
                            const struct entries *entries, int64_t first)
{
    struct ec_bag_names *names = &ranking->names;
    int64_t bytes = grams->table.count ? grams->ends[grams->table.count - 1] : 0;
    int64_t listed = 0, used = 0;
    int32_t *ids = ec_alloc_array(grams->table.count, sizeof *ids);
    names->gram_bytes = ec_alloc_array(bytes, 1);
    names->gram_ends = ec_alloc_array(entries->kept, sizeof *names->gram_ends);
    if (!ids || !names->gram_bytes || !names->gram_ends) {
        ec_free(ids);
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < entries->count; i++) {
        int32_t number = entries->codes[i];
        ids[number] = i < entries->kept ? (int32_t)(first + i) : -1;
        if (i < entries->kept) {
            int64_t begin = number ? grams->ends[number - 1] : 0;
            memcpy((uint8_t *)names->gram_bytes + used, grams->bytes + begin, (size_t)(grams->ends[number] - begin));
            used += grams->ends[number] - begin;
            ((int64_t *)names->gram_ends)[i] = used;
        }
    }
    for (int64_t code = 0; code < code_end(ranking->census, 0); code++) {
        listed = ec_most(listed, ranking->gram_ends[2 * code + 1]);
    }
    for (int64_t i = 0; i < listed; i++) {
        ranking->grams[i] = ids[ranking->grams[i]];
    }
    ec_free(ids);
    return EC_OK;
}

/* Gives the kept n-grams of every kind their ids. */
static ec_status number_kinds(struct ec_bag_ranking *ranking, const struct entries *entries,
                              const struct ec_bag_grams *grams)
{
    const struct ec_bag_census *census = ranking->census;
    ec_status status = EC_OK;
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        int length = ranking->kinds[kind].tokens;
        int64_t first = ranking->size;
        ranking->kinds[kind].first = first;
        ranking->size += entries[kind].kept;
        ranking->kinds[kind].end = ranking->size;
        if (!length) {
            status = name_grams(ranking, grams, &entries[kind], first);
            continue;
        }
        int from = ec_bag_census_kind(census, length);
        int32_t *ids = ec_alloc_scattered(code_end(census, from), sizeof *ids);
        ranking->ids[from] = ids;
        status = ids ? EC_OK : EC_NO_MEMORY;
        for (int64_t i = 0; !status && i < entries[kind].count; i++) {
            ids[entries[kind].codes[i]] = i < entries[kind].kept ? (int32_t)(first + i) : -1;
        }
    }
    return status;
}

static ec_status as_entries(struct entries *entries, const struct ec_bag_grams *grams)
{
    entries->count = grams->table.count;
    entries->codes = ec_alloc_array(entries->count, sizeof *entries->codes);
    entries->counts = ec_alloc_array(entries->count, sizeof *entries->counts);
    if (!entries->codes || !entries->counts) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < entries->count; i++) {
        entries->codes[i] = (int32_t)i;
        entries->counts[i] = grams->counts[i];
    }
    return EC_OK;
}

ec_status ec_bag_ranking_init(struct ec_bag_ranking *ranking, const struct ec_bag_census *census, int64_t min_count,
                              int64_t max_features)
{
    struct entries entries[EC_BAG_KINDS] = {{0}}, tokens = {0};
    struct ec_bag_grams grams = {.capacity = 0};
    memset(ranking, 0, sizeof *ranking);
    ranking->census = census;
    ranking->kind_count = ec_bag_kinds(ranking->kinds, &census->settings);
    ec_status status = census->status;
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        int length = ranking->kinds[kind].tokens;
        if (length) {
            status = gather(&entries[kind], census, ec_bag_census_kind(census, length));
        } else {
            status = gather(&tokens, census, 0);
            status = status ? status : count_grams(ranking, &grams, &tokens);
            status = status ? status : as_entries(&entries[kind], &grams);
        }
        status = status ? status : rank(&entries[kind], min_count);
    }
    if (!status) {
        cut(entries, ranking->kind_count, max_features);
        status = name_tokens(ranking, entries);
    }
    status = status ? status : number_kinds(ranking, entries, &grams);
    for (int kind = 0; kind < EC_BAG_KINDS; kind++) {
        clear_entries(&entries[kind]);
    }
    clear_entries(&tokens);
    ec_bag_grams_clear(&grams);
    return status;
}
