/* N-grams in an order: by first occurrence, then by count. A million n-grams are usual, so a team does it; neither the
 * team nor how documents were cut shows in the result. Part of ranking.c. */
#ifndef EC_BAGS_ORDER_H
#define EC_BAGS_ORDER_H

#include "bags/census.h"
#include "bags/grams.h"

struct ec_bag_order {
    int64_t count;
    int32_t *codes;
    int64_t *counts; /* how often each occurs */
    int64_t kept;    /* of a ranked order: those that are features, which come first */
};

/* The n-grams of a kind of the census by first occurrence. Clear with ec_bag_order_clear, also after a failure. */
ec_status ec_bag_order_first(struct ec_bag_order *order, const struct ec_bag_census *census, int kind, int threads);
/* N-grams of characters as they are numbered: by first occurrence. */
ec_status ec_bag_order_grams(struct ec_bag_order *order, const struct ec_bag_grams *grams);
/* By count, most frequent first, equal ones as they stand; those that occur min_count times are kept. */
ec_status ec_bag_order_rank(struct ec_bag_order *order, int64_t min_count, int threads);
void ec_bag_order_clear(struct ec_bag_order *order);

#endif
