/* A matrix product of few rows, from operands as they stand: every value of b is read once or twice, so packing it
 * would cost more than it gives. matrix/few_rows.c calls it for one sentence against the kernels of a text CNN. */
#ifndef EC_KERNELS_BODY_FEW_ROWS_H
#define EC_KERNELS_BODY_FEW_ROWS_H

#include "kernels/body/register_tile.h"

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
    const int rows = tile_rows(wanted_rows);
    const float *b_row = g->b;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    tile_clear(sum, rows, vectors);
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
    tile_store(g->out, g->out_stride, g->accumulate, sum, rows, vectors, g->cols);
}

static void product_tile(float *out, int64_t out_stride, int accumulate, const float *a, int64_t a_stride,
                         const float *b, int64_t b_stride, int rows, int cols, int64_t depth)
{
    const struct few g = {out, out_stride, accumulate, a, a_stride, b, b_stride, cols, depth};
    if (cols == GEMM_COLS) {
        TILE_OF_ROWS(few_constant_tile, &g, rows, GEMM_VECTORS, 1);
    } else if (cols > LANES) {
        TILE_OF_ROWS(few_constant_tile, &g, rows, GEMM_VECTORS, 0);
    } else {
        TILE_OF_ROWS(few_constant_tile, &g, rows, 1, 0);
    }
}

#endif
