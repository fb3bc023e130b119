/* A share of the n-grams that a census counts: those of one kind whose keys fall into one partition. Small enough for
 * the near caches, and filled by one thread at a time. */
#ifndef EC_BAGS_PARTITION_H
#define EC_BAGS_PARTITION_H

#include "bags/table.h"

#define EC_BAG_PARTITIONS 64

/* All zeros at first. Numbered by first occurrence. */
struct ec_bag_partition {
    struct ec_bag_table table; /* key → number */
    int64_t capacity;
    uint64_t *keys;
    int64_t *counts;
    int64_t *firsts; /* token at which the n-gram first began, counted over all documents */
    int32_t *words;  /* codes of its tokens, where it has several */
    uint8_t *bytes;  /* of tokens, one behind the other */
    int64_t *ends;
    int64_t bytes_capacity;
};

void ec_bag_partition_clear(struct ec_bag_partition *partition);
/* Room for one n-gram more, of `length` tokens, with `bytes` of its own where it is a single one. */
ec_status ec_bag_partition_reserve(struct ec_bag_partition *partition, int length, int64_t bytes);

#endif
