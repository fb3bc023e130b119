/* Documents → margins of linear models over their n-grams: prediction, without pairs that anybody would keep.
 *
 * All models ("parts") stand in one table, a row for each feature: of a part the columns of its units, then those of
 * its norms. A part's margin is the sum of multiplier * value over the features, divided by its norm, plus the bias. */
#ifndef EC_BAGS_SCORES_H
#define EC_BAGS_SCORES_H

#include "bags/features.h"

enum ec_bag_norm {
    EC_BAG_NORM_NONE,
    EC_BAG_NORM_L2,  /* the root of the sum of tf^2 * column */
    EC_BAG_NORM_MEAN /* the sum of count * column */
};

struct ec_bag_part {
    int64_t units;
    int64_t norms; /* 0 without a norm; one for all units, or one for each */
    enum ec_bag_norm norm;
    int sublinear; /* tf = 1 + log(count), else the count */
};

struct ec_bag_scoring {
    const struct ec_bag_features *features;
    const float *table; /* [features, columns] */
    const float *bias;  /* [units] */
    const struct ec_bag_part *parts;
    int64_t part_count;
    int64_t columns, units; /* of all parts together */
};

/* margins[document, unit of all parts]. Sums are made in double precision, in the order of the ids. */
ec_status ec_bag_scores(float *margins, const struct ec_bag_scoring *scoring, const struct ec_document *documents,
                        int64_t document_count, int threads);

#endif
