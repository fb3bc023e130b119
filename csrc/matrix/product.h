/* Matrix products by a team of threads: the loops around the gemm kernels (packing, blocking, sharing out tiles).
 * For dense layers, convolutions, recurrent layers and the token products of the fused ops: 1 to some thousand rows,
 * any strides.
 *
 * An operand b that many products share (recurrent weights over the steps) is packed once: matrix/panels.h shows how,
 * and how a thread multiplies panels alone, between other work and without a barrier. */
#ifndef EC_MATRIX_PRODUCT_H
#define EC_MATRIX_PRODUCT_H

#include "base/threads.h"
#include "kernels/kernels.h"
#include "matrix/panels.h"

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
    float *workspace; /* ec_product_workspace floats, 64-byte aligned */
    enum ec_precision precision;
    const struct ec_panels *packed_b; /* or NULL; then b is not read. For this depth, these cols and this precision */
};

/* Floats of workspace for a product of these sizes, this precision and the kernels in use, whatever the layout and the
 * team; less where b is packed. -1 where the number is too large for an array. */
int64_t ec_product_workspace(const struct ec_product *product);

/* Called by every thread of the team. The inputs must be visible to all (a barrier before); ends with a barrier. The
 * bits depend on the sizes, the precision and the kernels, never on the team. depth = 0 gives zeros (or leaves out as
 * it is with accumulate). Up to four rows are always computed in fp32, unless b is packed. */
void ec_product_run(struct ec_team *team, const struct ec_product *product);

#endif
