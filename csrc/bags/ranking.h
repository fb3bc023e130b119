/* What was counted → features: which n-grams are kept, and the id of each. By count, ties by first occurrence, each
 * kind by itself; n-grams of characters are counted here, from the distinct tokens. Then the documents whose n-grams a
 * census kept become bags without being read again. */
#ifndef EC_BAGS_RANKING_H
#define EC_BAGS_RANKING_H

#include "bags/bags.h"
#include "bags/census.h"

struct ec_bag_ranking {
    const struct ec_bag_census *census; /* borrowed */
    int kind_count;
    struct ec_bag_kind kinds[EC_BAG_KINDS];
    int32_t *ids[EC_BAG_LONGEST]; /* of each code of a kind of the census; -1: not kept. NULL: not asked for */
    int64_t *gram_ends;           /* of each code of a token: where the n-grams of its characters begin and end */
    int32_t *grams;               /* their ids, -1: not kept. NULL: no such kind */
    int64_t size;
    struct ec_bag_names names; /* its arrays belong to the ranking */
};

/* Keeps n-grams that occur min_count times, and of these the max_features most frequent; of those that are equally
 * frequent shorter ones, then earlier ones. Clear with ec_bag_ranking_clear, also after a failure. */
ec_status ec_bag_ranking_init(struct ec_bag_ranking *ranking, const struct ec_bag_census *census, int64_t min_count,
                              int64_t max_features, int threads);
void ec_bag_ranking_clear(struct ec_bag_ranking *ranking);

/* The bags of documents whose codes the census kept: those of document i end at document_ends[i], in tokens. */
ec_status ec_bag_ranking_bags(struct ec_bags *bags, const struct ec_bag_ranking *ranking, const int32_t *codes,
                              const int64_t *document_ends, int64_t document_count, int threads);

#endif
