/* What features and documents are worth: counts to term frequencies, in how many documents a feature occurs, norms,
 * weighted values, and the margins of linear models over them. */
#ifndef EC_BAGS_WEIGHTS_H
#define EC_BAGS_WEIGHTS_H

#include "bags/documents.h"

/* tf[i] = counts[i], or 1 + log(counts[i]) where `sublinear`. */
void ec_bag_term_frequencies(float *tf, const float *counts, int64_t count, int sublinear, int threads);

/* frequencies[id, column] = the sum of amounts[document, column] over the documents that hold the id; `amounts` NULL:
 * 1 each. Row-major, `columns` a row. An id's sum is made in the order of the documents. */
void ec_bag_frequencies(double *frequencies, const struct ec_bag_pairs *pairs, const float *amounts, int64_t columns,
                        int threads);

/* values[i] = tf[i] * scale[ids[i]], divided by the l2 norm of the document where `norm` is set. */
void ec_bag_values(float *values, const struct ec_bag_pairs *pairs, const float *scale, int norm, int threads);

/* margins[document, column] = bias[column] + sum tf * folded[id, column] / norm; norm = the l2 norm of tf * scale,
 * from squares[id, column] = scale^2, which may have one column for all; NULL: norm = 1. */
struct ec_bag_table {
    const float *folded, *squares, *bias;
    int64_t columns, square_columns;
};
void ec_bag_margins(float *margins, const struct ec_bag_pairs *pairs, const struct ec_bag_table *table, int threads);

#endif
