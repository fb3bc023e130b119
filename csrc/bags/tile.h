/* Documents on their way into a census: the n-grams of a tile of about 64 KiB of text, sorted by the partitions that
 * will count them, and the bytes of its tokens. A thread reads tiles, others count what stands in them. */
#ifndef EC_BAGS_TILE_H
#define EC_BAGS_TILE_H

#include "bags/partition.h"
#include "bags/tokens.h"

/* One n-gram of a tile. */
struct ec_bag_entry {
    uint64_t key;
    uint32_t place; /* token of the tile at which it begins */
    int32_t code;   /* once it is counted */
};

/* What was read of a tile of documents. */
struct ec_bag_tile {
    int64_t count; /* tokens */
    uint8_t *text; /* their bytes, one behind the other */
    int64_t text_capacity;
    uint32_t *text_ends;
    int64_t end_capacity;
    struct ec_bag_entry *entries; /* by kind, then by partition */
    int64_t entry_capacity;
    int64_t starts[EC_BAG_LONGEST][EC_BAG_PARTITIONS + 1];
    int64_t first_token; /* of the census */
    int64_t first_code;  /* where its codes stand, in tokens */
};

/* What a thread reads tiles with. */
struct ec_bag_tile_reader {
    struct ec_bag_tokens tokens;
    uint64_t *hashes, *keys; /* of the tile's tokens, and of the n-grams that begin there */
    int64_t capacity;
};

void ec_bag_tile_clear(struct ec_bag_tile *tile);
/* Appends the tokens that were read to the tile. */
ec_status ec_bag_tile_take(struct ec_bag_tile *tile, struct ec_bag_tile_reader *reader);
/* The n-grams of the tile, whose documents have `lengths` tokens: those of kinds[i] tokens for each kind. */
ec_status ec_bag_tile_spread(struct ec_bag_tile *tile, struct ec_bag_tile_reader *reader, const int *kinds,
                             int kind_count, const int64_t *lengths, int64_t document_count);

#endif
