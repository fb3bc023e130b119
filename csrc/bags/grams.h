/* The distinct n-grams of characters of many tokens, with how often they occur. Filled by ranking.c, once the tokens of
 * a corpus are known: each distinct token is cut once. */
#ifndef EC_BAGS_GRAMS_H
#define EC_BAGS_GRAMS_H

#include "bags/table.h"
#include "bags/tokens.h"

/* All zeros at first. Numbered by first occurrence. */
struct ec_bag_grams {
    struct ec_bag_table table;
    int64_t capacity;
    uint64_t *keys;
    int64_t *counts;
    uint8_t *bytes;
    int64_t *ends;
    int64_t bytes_capacity;
};

void ec_bag_grams_clear(struct ec_bag_grams *grams);
/* The number of an n-gram of characters, which occurs `count` times more. */
ec_status ec_bag_grams_count(struct ec_bag_grams *grams, const uint8_t *gram, int64_t length, int64_t count,
                             int32_t *number);

#endif
