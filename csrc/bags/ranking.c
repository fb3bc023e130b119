/* Ranks n-grams and names features; see the header. */
#include "bags/ranking.h"

#include "bags/grams.h"
#include "bags/order.h"
#include "base/memory.h"
#include "base/threads.h"

#define PARTITIONS EC_BAG_PARTITIONS
#define BLOCK 32768 /* n-grams that a thread names at once */

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

/* One more than the largest code of a kind. */
static int64_t code_end(const struct ec_bag_census *census, int kind)
{
    int64_t most = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        most = ec_most(most, census->partitions[kind][partition].table.count);
    }
    return most * PARTITIONS;
}

/* Counts the n-grams of all tokens' characters; `tokens` by first occurrence. Writes the ranking's lists, of numbers.
 */
static ec_status count_grams(struct ec_bag_ranking *ranking, struct ec_bag_grams *grams,
                             const struct ec_bag_order *tokens)
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
static void cut(struct ec_bag_order *kinds, int count, int64_t max_features)
{
    int64_t kept[EC_BAG_KINDS] = {0}, wanted = 0;
    for (int kind = 0; kind < count; kind++) {
        wanted += kinds[kind].kept;
    }
    for (int64_t total = 0; wanted > max_features && total < max_features; total++) {
        int best = -1;
        for (int kind = 0; kind < count; kind++) {
            if (kept[kind] < kinds[kind].kept &&
                (best < 0 || kinds[kind].counts[kept[kind]] > kinds[best].counts[kept[best]])) {
                best = kind;
            }
        }
        kept[best]++;
    }
    for (int kind = 0; wanted > max_features && kind < count; kind++) {
        kinds[kind].kept = kept[kind];
    }
}

/* Work on the kept n-grams of one kind. */
struct work {
    struct ec_bag_ranking *ranking;
    const struct ec_bag_order *order;
    int kind, from;         /* of the ranking, of the census */
    const int32_t *numbers; /* of the names of tokens, by code */
    int32_t *words;
    int64_t first; /* id */
};

/* The codes of the tokens of an n-gram of several. */
static const int32_t *tokens_of(const struct ec_bag_census *census, int from, int32_t code)
{
    return census->partitions[from][code % PARTITIONS].words + (int64_t)(code / PARTITIONS) * census->lengths[from];
}

static void write_words(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    const struct ec_bag_census *census = work->ranking->census;
    int length = census->lengths[work->from];
    for (struct ec_range block; ec_team_next_range(team, work->order->kept, BLOCK, &block);) {
        for (int64_t i = block.begin; i < block.end; i++) {
            const int32_t *tokens = tokens_of(census, work->from, work->order->codes[i]);
            for (int n = 0; n < length; n++) {
                work->words[i * length + n] = work->numbers[tokens[n]];
            }
        }
    }
}

static void write_ids(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    int32_t *ids = work->ranking->ids[work->from];
    for (struct ec_range block; ec_team_next_range(team, work->order->count, BLOCK, &block);) {
        for (int64_t i = block.begin; i < block.end; i++) {
            ids[work->order->codes[i]] = i < work->order->kept ? (int32_t)(work->first + i) : -1;
        }
    }
}

/* Marks the tokens that kept n-grams of several hold. */
static void mark_tokens(uint8_t *marks, const struct ec_bag_census *census, const struct ec_bag_order *order, int from)
{
    for (int64_t i = 0; i < order->kept; i++) {
        const int32_t *tokens = tokens_of(census, from, order->codes[i]);
        for (int n = 0; n < census->lengths[from]; n++) {
            marks[tokens[n]] = 1;
        }
    }
}

/* Writes the bytes of the tokens of these codes to the names. */
static ec_status write_tokens(struct ec_bag_names *names, const struct ec_bag_census *census, const int32_t *codes,
                              int64_t count)
{
    int64_t bytes = 0;
    int64_t *ends = ec_alloc_array(count, sizeof *ends);
    names->word_ends = ends;
    for (int64_t i = 0; ends && i < count; i++) {
        const struct ec_bag_partition *from = &census->partitions[0][codes[i] % PARTITIONS];
        int64_t number = codes[i] / PARTITIONS;
        bytes += from->ends[number] - (number ? from->ends[number - 1] : 0);
        ends[i] = bytes;
    }
    uint8_t *out = ec_alloc_array(bytes, 1);
    names->word_bytes = out;
    for (int64_t i = 0; ends && out && i < count; i++) {
        const struct ec_bag_partition *from = &census->partitions[0][codes[i] % PARTITIONS];
        int64_t begin = i ? ends[i - 1] : 0;
        int64_t length = ends[i] - begin;
        ec_copy(out + begin, from->bytes + from->ends[codes[i] / PARTITIONS] - length, (size_t)length);
    }
    names->word_count = count;
    return ends && out ? EC_OK : EC_NO_MEMORY;
}

/* Names the tokens that are features, then the others that kept n-grams of several hold: numbers[code] of each. */
static ec_status name_tokens(struct ec_bag_ranking *ranking, const struct ec_bag_order *orders, int32_t *numbers)
{
    const struct ec_bag_census *census = ranking->census;
    int64_t end = code_end(census, 0), count = 0;
    uint8_t *marks = ec_alloc_zeros(end, 1);
    int32_t *codes = ec_alloc_array(end, sizeof *codes);
    ec_status status = marks && codes ? EC_OK : EC_NO_MEMORY;
    for (int64_t code = 0; !status && code < end; code++) {
        numbers[code] = -1;
    }
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        int length = ranking->kinds[kind].tokens;
        for (int64_t i = 0; length == 1 && i < orders[kind].kept; i++) {
            codes[count] = orders[kind].codes[i];
            numbers[codes[count]] = (int32_t)count;
            count++;
        }
        if (length > 1 && (ranking->kinds[0].tokens > 1 || orders[0].kept < orders[0].count)) {
            mark_tokens(marks, census, &orders[kind], ec_bag_census_kind(census, length));
        }
    }
    for (int64_t code = 0; !status && code < end; code++) {
        if (marks[code] && numbers[code] < 0) {
            codes[count] = (int32_t)code;
            numbers[code] = (int32_t)count++;
        }
    }
    status = status ? status : write_tokens(&ranking->names, census, codes, count);
    ec_free(marks);
    ec_free(codes);
    return status;
}

/* Gives the kept n-grams of a kind of tokens their ids and names. */
static ec_status number_kind(struct ec_bag_ranking *ranking, const struct ec_bag_order *order, int kind,
                             const int32_t *numbers, int threads)
{
    int length = ranking->kinds[kind].tokens, from = ec_bag_census_kind(ranking->census, length);
    struct work work = {.ranking = ranking,
                        .order = order,
                        .kind = kind,
                        .from = from,
                        .numbers = numbers,
                        .first = ranking->kinds[kind].first};
    int team = order->count > BLOCK ? threads : 1;
    ranking->ids[from] = ec_alloc_scattered(code_end(ranking->census, from), sizeof *ranking->ids[from]);
    if (!ranking->ids[from]) {
        return EC_NO_MEMORY;
    }
    ec_parallel(team, write_ids, &work);
    if (length > 1) {
        work.words = ec_alloc_array(order->kept * length, sizeof *work.words);
        ranking->names.words[kind] = work.words;
        if (!work.words) {
            return EC_NO_MEMORY;
        }
        ec_parallel(team, write_words, &work);
    }
    return EC_OK;
}

/* Names the kept n-grams of characters and replaces numbers by ids in the ranking's lists. */
static ec_status name_grams(struct ec_bag_ranking *ranking, const struct ec_bag_grams *grams,
                            const struct ec_bag_order *order, int64_t first)
{
    struct ec_bag_names *names = &ranking->names;
    int64_t bytes = grams->table.count ? grams->ends[grams->table.count - 1] : 0;
    int64_t listed = 0, used = 0;
    int32_t *ids = ec_alloc_array(grams->table.count, sizeof *ids);
    names->gram_bytes = ec_alloc_array(bytes, 1);
    names->gram_ends = ec_alloc_array(order->kept, sizeof *names->gram_ends);
    if (!ids || !names->gram_bytes || !names->gram_ends) {
        ec_free(ids);
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < order->count; i++) {
        int32_t number = order->codes[i];
        ids[number] = i < order->kept ? (int32_t)(first + i) : -1;
        if (i < order->kept) {
            int64_t begin = number ? grams->ends[number - 1] : 0;
            ec_copy((uint8_t *)names->gram_bytes + used, grams->bytes + begin, (size_t)(grams->ends[number] - begin));
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

/* Gives the kept n-grams of every kind their ids and names. */
static ec_status number_kinds(struct ec_bag_ranking *ranking, const struct ec_bag_order *orders,
                              const struct ec_bag_grams *grams, int threads)
{
    int32_t *numbers = ec_alloc_array(code_end(ranking->census, 0), sizeof *numbers);
    ec_status status = numbers ? name_tokens(ranking, orders, numbers) : EC_NO_MEMORY;
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        ranking->kinds[kind].first = ranking->size;
        ranking->size += orders[kind].kept;
        ranking->kinds[kind].end = ranking->size;
        ranking->names.counts[kind] = orders[kind].kept;
        status = ranking->kinds[kind].tokens ? number_kind(ranking, &orders[kind], kind, numbers, threads)
                                             : name_grams(ranking, grams, &orders[kind], ranking->kinds[kind].first);
    }
    ec_free(numbers);
    return status;
}

ec_status ec_bag_ranking_init(struct ec_bag_ranking *ranking, const struct ec_bag_census *census, int64_t min_count,
                              int64_t max_features, int threads)
{
    struct ec_bag_order orders[EC_BAG_KINDS] = {{0}}, tokens = {0};
    struct ec_bag_grams grams = {.capacity = 0};
    memset(ranking, 0, sizeof *ranking);
    ranking->census = census;
    ranking->kind_count = ec_bag_kinds(ranking->kinds, &census->settings);
    ec_status status = census->status;
    for (int kind = 0; !status && kind < ranking->kind_count; kind++) {
        int length = ranking->kinds[kind].tokens;
        if (length) {
            status = ec_bag_order_first(&orders[kind], census, ec_bag_census_kind(census, length), threads);
        } else {
            status = ec_bag_order_first(&tokens, census, 0, threads);
            status = status ? status : count_grams(ranking, &grams, &tokens);
            status = status ? status : ec_bag_order_grams(&orders[kind], &grams);
        }
        status = status ? status : ec_bag_order_rank(&orders[kind], min_count, threads);
    }
    if (!status) {
        cut(orders, ranking->kind_count, max_features);
        status = number_kinds(ranking, orders, &grams, threads);
    }
    for (int kind = 0; kind < EC_BAG_KINDS; kind++) {
        ec_bag_order_clear(&orders[kind]);
    }
    ec_bag_order_clear(&tokens);
    ec_bag_grams_clear(&grams);
    return status;
}
