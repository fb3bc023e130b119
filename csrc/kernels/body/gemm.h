/* The register tile of a matrix product: gemm_rows x gemm_cols sums stay in registers while k runs over the depth of
 * two packed panels. matrix/product.c calls it some thousand times per product, with a depth of 50 to 512. */
#ifndef EC_KERNELS_BODY_GEMM_H
#define EC_KERNELS_BODY_GEMM_H

#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define GEMM_COLS (GEMM_VECTORS * LANES)

/* `rows` and `vectors` are constants once this is inlined, so that sum[][] can live in registers. */
INLINE void gemm_constant_tile(float *out, int64_t out_stride, int accumulate, const float *a_panel,
                               const float *b_panel, int cols, int64_t depth, const int rows, const int vectors)
{
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_set(0.0f); }
    }
    for (int64_t k = 0; k < depth; k++) {
        vec b[GEMM_VECTORS];
        UNROLLED for (int v = 0; v < vectors; v++) { b[v] = vec_load(b_panel + v * LANES); }
        UNROLLED for (int r = 0; r < rows; r++)
        {
            vec a = vec_set(a_panel[r]);
            UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_fma(a, b[v], sum[r][v]); }
        }
        a_panel += rows;
        b_panel += GEMM_COLS;
    }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        float *out_row = out + r * out_stride;
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            int left = cols - v * LANES;
            if (left > 0) {
                vec total = sum[r][v];
                total = accumulate ? vec_add(vec_load_upto(out_row + v * LANES, left), total) : total;
                vec_store_upto(out_row + v * LANES, left, total);
            }
        }
    }
}

/* Row counts above GEMM_ROWS never occur; the clamp only keeps their cases from growing the code. */
#define TILE_OF(rows)                                                                                                  \
    gemm_constant_tile(out, out_stride, accumulate, a_panel, b_panel, cols, depth, (rows) <= GEMM_ROWS ? (rows) : 1,   \
                       vectors)

INLINE void gemm_tile_of_width(float *out, int64_t out_stride, int accumulate, const float *a_panel,
                               const float *b_panel, int rows, int cols, int64_t depth, const int vectors)
{
    switch (rows) {
    case 1: TILE_OF(1); break;
    case 2: TILE_OF(2); break;
    case 3: TILE_OF(3); break;
    case 4: TILE_OF(4); break;
    case 5: TILE_OF(5); break;
    case 6: TILE_OF(6); break;
    case 7: TILE_OF(7); break;
    case 8: TILE_OF(8); break;
    case 9: TILE_OF(9); break;
    case 10: TILE_OF(10); break;
    case 11: TILE_OF(11); break;
    case 12: TILE_OF(12); break;
    case 13: TILE_OF(13); break;
    case 14: TILE_OF(14); break;
    }
}

_Static_assert(GEMM_ROWS <= 14, "a case above for each row count");
_Static_assert(GEMM_ROWS <= EC_GEMM_MAX_ROWS && GEMM_COLS <= EC_GEMM_MAX_COLS, "what callers make room for");

static void gemm_tile(float *out, int64_t out_stride, int accumulate, const float *a_panel, const float *b_panel,
                      int rows, int cols, int64_t depth)
{
    if (cols <= LANES) {
        gemm_tile_of_width(out, out_stride, accumulate, a_panel, b_panel, rows, cols, depth, 1);
    } else {
        gemm_tile_of_width(out, out_stride, accumulate, a_panel, b_panel, rows, cols, depth, GEMM_VECTORS);
    }
}

#endif
