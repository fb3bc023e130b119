/* Matrix products by a team of threads: the loops around the gemm_tile kernel (packing, blocking, sharing out tiles).
 * For dense layers, convolutions and the token products of the fused ops: 1 to some thousand rows, any strides. */
#ifndef EC_MATRIX_PRODUCT_H
#define EC_MATRIX_PRODUCT_H

#include "base/threads.h"

#include <stdint.h>

/* out (+)= a * b with a [rows x depth], b [depth x cols]; element (i, j) of a stands at a[i * a_row_stride + j *
 * a_col_stride], so a transposed matrix is one with its strides exchanged. out's columns are contiguous. */
struct ec_product {
    float *out;
    int64_t out_stride;
    int accumulate;
    const float *a;
    int64_t a_row_stride, a_col_stride;
    const float *b;
    int64_t b_row_stride, b_col_stride;
    int64_t rows, cols, depth;
    float *workspace; /* ec_product_workspace(rows, cols, depth) floats, 64-byte aligned */
};

/* Floats of workspace for a product of these sizes, whatever the layout, the kernels and the team; -1 where the number
 * is too large for an array. */
int64_t ec_product_workspace(int64_t rows, int64_t cols, int64_t depth);

/* Called by every thread of the team. The inputs must be visible to all (a barrier before); ends with a barrier. The
 * bits depend on the sizes and the kernels, never on the team. depth = 0 gives zeros (or leaves out as it is with
 * accumulate). */
void ec_product_run(struct ec_team *team, const struct ec_product *product);

#endif
