/* Keeps tiles of bags and puts them together; see the header. */
#include "bags/bags.h"

#include "base/memory.h"

#include <string.h>

ec_status ec_bags_init(struct ec_bags *bags, int64_t count, int64_t *tiles, int64_t tile_count)
{
    *bags = (struct ec_bags){
        .count = count,
        .offsets = ec_alloc_zeros(count + 1, sizeof *bags->offsets),
        .tile_count = tile_count,
        .tiles = tiles,
        .ids = ec_alloc_zeros(tile_count, sizeof *bags->ids),
        .counts = ec_alloc_zeros(tile_count, sizeof *bags->counts),
    };
    return bags->offsets && bags->ids && bags->counts ? EC_OK : EC_NO_MEMORY;
}

void ec_bags_clear(struct ec_bags *bags)
{
    for (int64_t tile = 0; bags->ids && bags->counts && tile < bags->tile_count; tile++) {
        ec_free(bags->ids[tile]);
        ec_free(bags->counts[tile]);
    }
    ec_free(bags->ids);
    ec_free(bags->counts);
    ec_free(bags->tiles);
    ec_free(bags->offsets);
    memset(bags, 0, sizeof *bags);
}

void ec_bags_end(struct ec_bags *bags)
{
    for (int64_t i = 0; i < bags->count; i++) {
        bags->offsets[i + 1] += bags->offsets[i];
    }
}

struct copy {
    const struct ec_bags *bags;
    int32_t *ids;
    float *counts;
};

static void copy_tiles(struct ec_team *team, void *argument)
{
    const struct copy *copy = argument;
    const struct ec_bags *bags = copy->bags;
    for (int64_t tile; (tile = ec_team_next(team, bags->tile_count)) >= 0;) {
        int64_t begin = bags->offsets[bags->tiles[tile]];
        size_t count = (size_t)(bags->offsets[bags->tiles[tile + 1]] - begin);
        if (count) {
            ec_copy(copy->ids + begin, bags->ids[tile], count * sizeof *copy->ids);
            ec_copy(copy->counts + begin, bags->counts[tile], count * sizeof *copy->counts);
        }
    }
}

void ec_bags_copy(const struct ec_bags *bags, int32_t *ids, float *counts, int threads)
{
    struct copy copy = {bags, ids, counts};
    if (bags->tile_count) {
        ec_parallel(threads > bags->tile_count ? (int)bags->tile_count : threads, copy_tiles, &copy);
    }
}

void ec_bag_scratch_clear(struct ec_bag_scratch *scratch)
{
    ec_free(scratch->ids);
    ec_free(scratch->counts);
}

ec_status ec_bag_scratch_reserve(struct ec_bag_scratch *scratch, int64_t more)
{
    int64_t needed = scratch->used + more;
    if (scratch->ids && needed <= scratch->capacity) {
        return EC_OK;
    }
    int64_t capacity = 2 * needed + 1;
    int32_t *ids = ec_grow_array(scratch->ids, scratch->used, capacity, sizeof *ids);
    scratch->ids = ids ? ids : scratch->ids;
    float *counts = ec_grow_array(scratch->counts, scratch->used, capacity, sizeof *counts);
    scratch->counts = counts ? counts : scratch->counts;
    if (!ids || !counts) {
        return EC_NO_MEMORY;
    }
    scratch->capacity = capacity;
    return EC_OK;
}

ec_status ec_bag_scratch_append(struct ec_bag_scratch *scratch, const struct ec_bag *bag)
{
    ec_status status = ec_bag_scratch_reserve(scratch, bag->count);
    if (!status && bag->count) {
        ec_copy(scratch->ids + scratch->used, bag->ids, (size_t)bag->count * sizeof *bag->ids);
        ec_copy(scratch->counts + scratch->used, bag->counts, (size_t)bag->count * sizeof *bag->counts);
        scratch->used += bag->count;
    }
    return status;
}

ec_status ec_bag_scratch_put(struct ec_bag_scratch *scratch, struct ec_bags *bags, int64_t tile)
{
    if (!scratch->used) {
        return EC_OK;
    }
    bags->ids[tile] = ec_alloc_array(scratch->used, sizeof *scratch->ids);
    bags->counts[tile] = ec_alloc_array(scratch->used, sizeof *scratch->counts);
    if (!bags->ids[tile] || !bags->counts[tile]) {
        return EC_NO_MEMORY;
    }
    ec_copy(bags->ids[tile], scratch->ids, (size_t)scratch->used * sizeof *scratch->ids);
    ec_copy(bags->counts[tile], scratch->counts, (size_t)scratch->used * sizeof *scratch->counts);
    return EC_OK;
}
