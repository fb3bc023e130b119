/* The register tile of a matrix product: gemm_rows x gemm_cols sums stay in registers while k runs over the depth of
 * two packed panels, [k][row] and [k][gemm_cols]. matrix/panels.c calls it some thousand times per product, with a
 * depth of 50 to 512. */
#ifndef EC_KERNELS_BODY_GEMM_H
#define EC_KERNELS_BODY_GEMM_H

#include "kernels/body/register_tile.h"

#ifndef GEMM_MULTIPLY_ADD
#define GEMM_MULTIPLY_ADD vec_fma /* gemm_pairs.h has two values of the depth in each lane */
#endif

/* The arguments of gemm_tile that are not constants of one of its loops. */
struct gemm {
    float *out;
    int64_t out_stride;
    int accumulate;
    const float *a_panel, *b_panel;
    int cols;
    int64_t depth;
};

/* `wanted_rows` and `vectors` are constants once this is inlined. */
INLINE void gemm_constant_tile(const struct gemm *g, const int wanted_rows, const int vectors)
{
    const int rows = tile_rows(wanted_rows);
    const float *a_panel = g->a_panel, *b_panel = g->b_panel;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    tile_clear(sum, rows, vectors);
    for (int64_t k = 0; k < g->depth; k++) {
        vec b[GEMM_VECTORS];
        UNROLLED for (int v = 0; v < vectors; v++) { b[v] = vec_load(b_panel + v * LANES); }
        UNROLLED for (int r = 0; r < rows; r++)
        {
            vec a = vec_set(a_panel[r]);
            UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = GEMM_MULTIPLY_ADD(a, b[v], sum[r][v]); }
        }
        a_panel += rows;
        b_panel += GEMM_COLS;
    }
    tile_store(g->out, g->out_stride, g->accumulate, sum, rows, vectors, g->cols);
}

static void gemm_tile(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel,
                      int rows, int cols, int64_t depth)
{
    const struct gemm g = {out, out_stride, accumulate, a_panel, b_panel, cols, depth};
    if (cols <= LANES) {
        TILE_OF_ROWS(gemm_constant_tile, &g, rows, 1);
    } else {
        TILE_OF_ROWS(gemm_constant_tile, &g, rows, GEMM_VECTORS);
    }
}

#endif
