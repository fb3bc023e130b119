/* The bags of many documents while they are made: tile by tile, as it is not known beforehand how many features a
 * document has; then copied one after the other. Between whatever makes bags and csrc/python. */
#ifndef EC_BAGS_BAGS_H
#define EC_BAGS_BAGS_H

#include "base/status.h"
#include "base/threads.h"

/* The features of one document: distinct ids, ascending, each with how often it occurs. */
struct ec_bag {
    int64_t count;
    const int32_t *ids;
    const float *counts;
};

struct ec_bags {
    int64_t count;    /* documents */
    int64_t *offsets; /* count + 1: where each document's features start; until ec_bags_end how many it has, one on */
    int64_t tile_count;
    int64_t *tiles; /* first document of each tile, and the end */
    int32_t **ids;  /* of each tile */
    float **counts;
};

/* Takes `tiles`, also after a failure. Clear with ec_bags_clear, also after a failure. */
ec_status ec_bags_init(struct ec_bags *bags, int64_t count, int64_t *tiles, int64_t tile_count);
void ec_bags_clear(struct ec_bags *bags);
/* Called when all tiles are there. */
void ec_bags_end(struct ec_bags *bags);
/* Copies all ids and counts, offsets[count] of each, one document after the other. */
void ec_bags_copy(const struct ec_bags *bags, int32_t *ids, float *counts, int threads);

/* The features of the documents of a tile; a thread uses one for all its tiles. All zeros at first. */
struct ec_bag_scratch {
    int32_t *ids;
    float *counts;
    int64_t used, capacity;
};
void ec_bag_scratch_clear(struct ec_bag_scratch *scratch);
/* Room for `more` features behind those in use. */
ec_status ec_bag_scratch_reserve(struct ec_bag_scratch *scratch, int64_t more);
ec_status ec_bag_scratch_append(struct ec_bag_scratch *scratch, const struct ec_bag *bag);
/* Makes what it holds the tile's. */
ec_status ec_bag_scratch_put(struct ec_bag_scratch *scratch, struct ec_bags *bags, int64_t tile);

#endif
