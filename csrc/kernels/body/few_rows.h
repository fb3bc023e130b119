/* A matrix product of few rows, from operands as they stand: every value of b is read once or twice, so packing it
 * would cost more than it gives. matrix/few_rows.c calls it for one sentence against the kernels of a text CNN. */
#ifndef EC_KERNELS_BODY_FEW_ROWS_H
#define EC_KERNELS_BODY_FEW_ROWS_H

#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define FEW_COLS (GEMM_VECTORS * LANES)

/* The arguments of product_tile that are not constants of one of its loops. */
struct few {
    float *out;
    int64_t out_stride;
    int accumulate;
    const float *a;
    int64_t a_stride;
    const float *b;
    int64_t b_stride;
    int cols;
    int64_t depth;
};

/* `wanted_rows`, `vectors` and `whole` (cols fill all vectors) are constants once this is inlined. */
INLINE void few_constant_tile(const struct few *g, const int wanted_rows, const int vectors, const int whole)
{
    const int rows = wanted_rows <= GEMM_ROWS ? wanted_rows : 1;
    const float *b_row = g->b;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_set(0.0f); }
    }
    for (int64_t k = 0; k < g->depth; k++) {
        vec b[GEMM_VECTORS];
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            const int left = g->cols - v * LANES;
            b[v] = whole || (v == 0 && vectors > 1) ? vec_load(b_row + v * LANES)
                   : left > 0                       ? vec_load_upto(b_row + v * LANES, left)
                                                    : vec_set(0.0f);
        }
        UNROLLED for (int r = 0; r < rows; r++)
        {
            vec a = vec_set(g->a[r * g->a_stride + k]);
            UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_fma(a, b[v], sum[r][v]); }
        }
        b_row += g->b_stride;
    }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        float *out_row = g->out + r * g->out_stride;
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            int left = g->cols - v * LANES;
            if (left > 0) {
                vec total = sum[r][v];
                total = g->accumulate ? vec_add(vec_load_upto(out_row + v * LANES, left), total) : total;
                vec_store_upto(out_row + v * LANES, left, total);
            }
        }
    }
}

INLINE void few_rows_tile(const struct few *g, int rows, const int vectors, const int whole)
{
    switch (rows) {
    case 1: few_constant_tile(g, 1, vectors, whole); break;
    case 2: few_constant_tile(g, 2, vectors, whole); break;
    case 3: few_constant_tile(g, 3, vectors, whole); break;
    case 4: few_constant_tile(g, 4, vectors, whole); break;
    case 5: few_constant_tile(g, 5, vectors, whole); break;
    case 6: few_constant_tile(g, 6, vectors, whole); break;
    case 7: few_constant_tile(g, 7, vectors, whole); break;
    case 8: few_constant_tile(g, 8, vectors, whole); break;
    case 9: few_constant_tile(g, 9, vectors, whole); break;
    case 10: few_constant_tile(g, 10, vectors, whole); break;
    case 11: few_constant_tile(g, 11, vectors, whole); break;
    case 12: few_constant_tile(g, 12, vectors, whole); break;
    case 13: few_constant_tile(g, 13, vectors, whole); break;
    case 14: few_constant_tile(g, 14, vectors, whole); break;
    }
}

static void product_tile(float *out, int64_t out_stride, int accumulate, const float *a, int64_t a_stride,
                         const float *b, int64_t b_stride, int rows, int cols, int64_t depth)
{
    const struct few g = {out, out_stride, accumulate, a, a_stride, b, b_stride, cols, depth};
    if (cols == FEW_COLS) {
        few_rows_tile(&g, rows, GEMM_VECTORS, 1);
    } else if (cols > LANES) {
        few_rows_tile(&g, rows, GEMM_VECTORS, 0);
    } else {
        few_rows_tile(&g, rows, 1, 0);
    }
}

#endif
