/* The register tile of a matrix product: gemm_rows x gemm_cols sums stay in registers while k runs over the depth of
 * two packed panels, [k][row] and [k][gemm_cols]. matrix/panels.c calls it some thousand times per product, with a
 * depth of 50 to 512. */
#ifndef EC_KERNELS_BODY_GEMM_H
#define EC_KERNELS_BODY_GEMM_H

#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define GEMM_COLS (GEMM_VECTORS * LANES)
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

/* `wanted_rows` and `vectors` are constants once this is inlined, so that sum[][] can live in registers. Row counts
 * above GEMM_ROWS never occur; the clamp only keeps their cases below from growing the code. */
INLINE void gemm_constant_tile(const struct gemm *g, const int wanted_rows, const int vectors)
{
    const int rows = wanted_rows <= GEMM_ROWS ? wanted_rows : 1;
    const float *a_panel = g->a_panel, *b_panel = g->b_panel;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_set(0.0f); }
    }
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

INLINE void gemm_tile_of_width(const struct gemm *g, int rows, const int vectors)
{
    switch (rows) {
    case 1: gemm_constant_tile(g, 1, vectors); break;
    case 2: gemm_constant_tile(g, 2, vectors); break;
    case 3: gemm_constant_tile(g, 3, vectors); break;
    case 4: gemm_constant_tile(g, 4, vectors); break;
    case 5: gemm_constant_tile(g, 5, vectors); break;
    case 6: gemm_constant_tile(g, 6, vectors); break;
    case 7: gemm_constant_tile(g, 7, vectors); break;
    case 8: gemm_constant_tile(g, 8, vectors); break;
    case 9: gemm_constant_tile(g, 9, vectors); break;
    case 10: gemm_constant_tile(g, 10, vectors); break;
    case 11: gemm_constant_tile(g, 11, vectors); break;
    case 12: gemm_constant_tile(g, 12, vectors); break;
    case 13: gemm_constant_tile(g, 13, vectors); break;
    case 14: gemm_constant_tile(g, 14, vectors); break;
    }
}

_Static_assert(GEMM_ROWS <= 14, "a case above for each row count");
_Static_assert(GEMM_ROWS <= EC_GEMM_MAX_ROWS && GEMM_COLS <= EC_GEMM_MAX_COLS, "what callers make room for");

static void gemm_tile(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel,
                      int rows, int cols, int64_t depth)
{
    const struct gemm g = {out, out_stride, accumulate, a_panel, b_panel, cols, depth};
    if (cols <= LANES) {
        gemm_tile_of_width(&g, rows, 1);
    } else {
        gemm_tile_of_width(&g, rows, GEMM_VECTORS);
    }
}

#endif
