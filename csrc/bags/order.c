/* Puts n-grams in order; see the header. Those of each partition are in the order of first occurrence already: so the
 * token numbers are cut into segments, whose n-grams fit the near caches, and sorted one by one. Counts are small, but
 * for a few: one pass over their classes. */
#include "bags/order.h"

#include "base/memory.h"
#include "base/threads.h"

#define PARTITIONS EC_BAG_PARTITIONS
#define SEGMENTS 64
#define CLASSES 256 /* counts below are a class each, all others are the first class */
#define BLOCK 32768 /* n-grams that are ranked at once */

struct work {
    struct ec_bag_order *order;
    const struct ec_bag_partition *partitions;
    int64_t token_count;
    int64_t ranges[SEGMENTS + 1][PARTITIONS]; /* the first n-gram of each segment in each partition */
    int64_t places[SEGMENTS + 1];             /* where the n-grams of each segment stand in the order */
    int32_t *codes;                           /* of the new order */
    int64_t *counts;
    int64_t (*next)[CLASSES]; /* of each block */
    ec_status status[EC_MAX_THREADS];
};

void ec_bag_order_clear(struct ec_bag_order *order)
{
    ec_free(order->codes);
    ec_free(order->counts);
    memset(order, 0, sizeof *order);
}

static ec_status allocate(struct ec_bag_order *order, int64_t count)
{
    *order = (struct ec_bag_order){
        .count = count,
        .codes = ec_alloc_array(count, sizeof *order->codes),
        .counts = ec_alloc_array(count, sizeof *order->counts),
    };
    return order->codes && order->counts ? EC_OK : EC_NO_MEMORY;
}

static ec_status run(struct work *work, ec_team_fn fn, int64_t tiles, int threads)
{
    ec_parallel((int)ec_most(1, ec_least(threads, tiles)), fn, work);
    for (int thread = 0; thread < EC_MAX_THREADS; thread++) {
        if (work->status[thread]) {
            return work->status[thread];
        }
    }
    return EC_OK;
}

/* The first n-gram of the partition that began at `token` or later. */
static int64_t search(const struct ec_bag_partition *partition, int64_t token)
{
    int64_t low = 0, high = partition->table.count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (partition->firsts[middle] < token) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ec_status sort_segment(struct work *work, int64_t segment)
{
    int64_t first = work->places[segment], count = work->places[segment + 1] - first, made = 0;
    struct ec_bag_order found = {0};
    ec_status status = allocate(&found, count);
    uint64_t *keys = ec_alloc_array(count, sizeof *keys);
    int32_t *order = ec_alloc_array(count, sizeof *order);
    status = status || (keys && order) ? status : EC_NO_MEMORY;
    for (int partition = 0; !status && partition < PARTITIONS; partition++) {
        const struct ec_bag_partition *from = &work->partitions[partition];
        int64_t end = work->ranges[segment + 1][partition];
        for (int64_t number = work->ranges[segment][partition]; number < end; number++, made++) {
            found.codes[made] = (int32_t)(number * PARTITIONS + partition);
            found.counts[made] = from->counts[number];
            keys[made] = (uint64_t)from->firsts[number];
        }
    }
    if (!status && count) {
        status = ec_stable_order(keys, count, order);
    }
    for (int64_t i = 0; !status && i < count; i++) {
        work->order->codes[first + i] = found.codes[order[i]];
        work->order->counts[first + i] = found.counts[order[i]];
    }
    ec_bag_order_clear(&found);
    ec_free(keys);
    ec_free(order);
    return status;
}

static void sort_segments(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->status[team->index];
    for (int64_t segment; (segment = ec_team_next(team, SEGMENTS)) >= 0;) {
        *status = *status ? *status : sort_segment(work, segment);
    }
}

ec_status ec_bag_order_first(struct ec_bag_order *order, const struct ec_bag_census *census, int kind, int threads)
{
    struct work *work = ec_alloc_zeros(1, sizeof *work);
    memset(order, 0, sizeof *order);
    if (!work) {
        return EC_NO_MEMORY;
    }
    work->order = order;
    work->partitions = census->partitions[kind];
    for (int segment = 0; segment <= SEGMENTS; segment++) {
        int64_t token = ec_range_part(census->token_count, SEGMENTS, segment).begin;
        for (int partition = 0; partition < PARTITIONS; partition++) {
            work->ranges[segment][partition] = search(&work->partitions[partition], token);
            work->places[segment] += work->ranges[segment][partition];
        }
    }
    ec_status status = allocate(order, work->places[SEGMENTS]);
    status = status ? status : run(work, sort_segments, order->count > BLOCK ? SEGMENTS : 1, threads);
    ec_free(work);
    return status;
}

ec_status ec_bag_order_grams(struct ec_bag_order *order, const struct ec_bag_grams *grams)
{
    ec_status status = allocate(order, grams->table.count);
    for (int64_t i = 0; !status && i < order->count; i++) {
        order->codes[i] = (int32_t)i;
        order->counts[i] = grams->counts[i];
    }
    return status;
}

static int class_of(int64_t count) { return count < CLASSES ? CLASSES - (int)count : 0; }

static void count_classes(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_bag_order *order = work->order;
    for (struct ec_range block; ec_team_next_range(team, order->count, BLOCK, &block);) {
        for (int64_t i = block.begin; i < block.end; i++) {
            work->next[block.begin / BLOCK][class_of(order->counts[i])]++;
        }
    }
}

static void place_classes(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_bag_order *order = work->order;
    for (struct ec_range block; ec_team_next_range(team, order->count, BLOCK, &block);) {
        for (int64_t i = block.begin; i < block.end; i++) {
            int64_t at = work->next[block.begin / BLOCK][class_of(order->counts[i])]++;
            work->codes[at] = order->codes[i];
            work->counts[at] = order->counts[i];
        }
    }
}

/* Sorts the first `count` n-grams, those of the tier of all large counts. */
static ec_status sort_large(struct ec_bag_order *order, int64_t count)
{
    struct ec_bag_order sorted;
    ec_status status = allocate(&sorted, count);
    uint64_t *keys = ec_alloc_array(count, sizeof *keys);
    int32_t *places = ec_alloc_array(count, sizeof *places);
    status = status || (keys && places) ? status : EC_NO_MEMORY;
    for (int64_t i = 0; !status && i < count; i++) {
        keys[i] = (uint64_t)(INT64_MAX - order->counts[i]);
    }
    if (!status && count) {
        status = ec_stable_order(keys, count, places);
    }
    for (int64_t i = 0; !status && i < count; i++) {
        sorted.codes[i] = order->codes[places[i]];
        sorted.counts[i] = order->counts[places[i]];
    }
    if (!status && count) {
        ec_copy(order->codes, sorted.codes, (size_t)count * sizeof *order->codes);
        ec_copy(order->counts, sorted.counts, (size_t)count * sizeof *order->counts);
    }
    ec_bag_order_clear(&sorted);
    ec_free(keys);
    ec_free(places);
    return status;
}

ec_status ec_bag_order_rank(struct ec_bag_order *order, int64_t min_count, int threads)
{
    int64_t blocks = ec_ceil_div(order->count, BLOCK), sum = 0, large = 0;
    struct work *work = ec_alloc_zeros(1, sizeof *work);
    struct ec_bag_order ranked;
    ec_status status = allocate(&ranked, order->count);
    if (work) {
        work->order = order;
        work->codes = ranked.codes;
        work->counts = ranked.counts;
        work->next = ec_alloc_zeros(blocks, sizeof *work->next);
    }
    status = status || (work && work->next) ? status : EC_NO_MEMORY;
    status = status ? status : run(work, count_classes, blocks, threads);
    for (int tier = 0; !status && tier < CLASSES; tier++) {
        for (int64_t block = 0; block < blocks; block++) {
            int64_t here = work->next[block][tier];
            work->next[block][tier] = sum;
            sum += here;
        }
        large = tier ? large : sum;
    }
    status = status ? status : run(work, place_classes, blocks, threads);
    status = status ? status : sort_large(&ranked, large);
    for (ranked.kept = 0; !status && ranked.kept < ranked.count; ranked.kept++) {
        if (ranked.counts[ranked.kept] < min_count) {
            break;
        }
    }
    struct ec_bag_order *left = status ? &ranked : order;
    ec_bag_order_clear(left);
    if (!status) {
        *order = ranked;
    }
    if (work) {
        ec_free(work->next);
    }
    ec_free(work);
    return status;
}
