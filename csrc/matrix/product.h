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

/* A matrix where it stands: element (i, j) is values[i * row_stride + j * col_stride]. */
struct ec_matrix {
    const float *values;
    int64_t rows, cols, row_stride, col_stride;
};

/* Its rows are contiguous, and `stride` floats apart. */
static inline struct ec_matrix ec_matrix(const float *values, int64_t rows, int64_t cols, int64_t stride)
{
    return (struct ec_matrix){.values = values, .rows = rows, .cols = cols, .row_stride = stride, .col_stride = 1};
}

static inline struct ec_matrix ec_transposed(struct ec_matrix matrix)
{
    return (struct ec_matrix){.values = matrix.values,
                              .rows = matrix.cols,
                              .cols = matrix.rows,
                              .row_stride = matrix.col_stride,
                              .col_stride = matrix.row_stride};
}

/* out (+)= a * b with a [rows x depth], b [depth x cols]. The rows of out are contiguous. */
struct ec_product {
    float *out;
    int64_t out_stride;
    int accumulate;
    struct ec_matrix a, b;
    float *workspace; /* ec_product_workspace floats, 64-byte aligned */
    enum ec_precision precision;
    const struct ec_panels
        *packed_b; /* or NULL; then values of b are not read. For the sizes of b and this precision */
};

/* Floats of workspace for a product of these sizes, this precision and the kernels in use, whatever the layout and the
 * team; less where b is packed. -1 where the number is too large for an array. */
int64_t ec_product_workspace(const struct ec_product *product);

/* Called by every thread of the team. The inputs must be visible to all (a barrier before); ends with a barrier. The
 * bits depend on the sizes, the precision and the kernels, never on the team. depth = 0 gives zeros (or leaves out as
 * it is with accumulate). Up to four rows are always computed in fp32, unless b is packed. */
void ec_product_run(struct ec_team *team, const struct ec_product *product);
/* The same for a product of which only now is known whether it adds to out. */
void ec_product_run_adding(struct ec_team *team, const struct ec_product *product, int accumulate);

#endif
