/* Products of few rows with matrices that stand side by side in the result: the kernels of several convolutions over
 * the tokens of one sentence. Nothing is packed, so the matrices, which do not fit the caches, are read once. */
#ifndef EC_MATRIX_FEW_ROWS_H
#define EC_MATRIX_FEW_ROWS_H

#include "base/threads.h"

#include <stdint.h>

/* Up to so many rows this is faster than ec_product_run, which packs (measured with D 300 and 1,200 columns). */
#define EC_FEW_ROWS 40

/* b [depth x cols], rows b_stride apart, whose product goes to columns [out_col, out_col + cols). */
struct ec_few_rows_part {
    const float *b;
    int64_t b_stride, cols, out_col;
};

/* out = a * (b of each part), a [rows x depth] with contiguous rows a_stride apart. Called by every thread of the team;
 * ends with a barrier. The bits depend on the kernels only. depth >= 1. */
void ec_few_rows_product(struct ec_team *team, float *out, int64_t out_stride, const float *a, int64_t a_stride,
                         int64_t rows, int64_t depth, const struct ec_few_rows_part *parts, int64_t part_count);

#endif
