/* The register tile of a convolution: as gemm_tile, but the depth is a list of places in a (the values that the taps of
 * a window read), and b may stand in rows of any length. matrix/correlation.c calls it for each run of output pixels;
 * a depth of 27 (three channels, 3 x 3 taps) to some thousand. */
#ifndef EC_KERNELS_BODY_OFFSET_TILE_H
#define EC_KERNELS_BODY_OFFSET_TILE_H

#include "kernels/body/gemm.h"
#include "kernels/body/partial.h"

/* The arguments of offset_tile that are not constants of one of its loops. */
struct offset_tile {
    float *out;
    int64_t out_stride;
    int accumulate;
    const float *a;
    const int32_t *offset;
    const float *b;
    int64_t b_stride;
    int cols;
    int64_t depth;
};

/* `wanted_rows` and `vectors` are constants once this is inlined, as in gemm_constant_tile. */
INLINE void offset_constant_tile(const struct offset_tile *g, const int wanted_rows, const int vectors)
{
    const int rows = wanted_rows <= GEMM_ROWS ? wanted_rows : 1;
    const float *b_row = g->b;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_set(0.0f); }
    }
    for (int64_t k = 0; k < g->depth; k++) {
        const float *a = g->a + g->offset[k];
        vec b[GEMM_VECTORS];
        UNROLLED for (int v = 0; v < vectors; v++) { b[v] = vec_load(b_row + v * LANES); }
        UNROLLED for (int r = 0; r < rows; r++)
        {
            vec one = vec_set(a[r]);
            UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_fma(one, b[v], sum[r][v]); }
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

INLINE void offset_tile_of_width(const struct offset_tile *g, int rows, const int vectors)
{
    switch (rows) {
    case 1: offset_constant_tile(g, 1, vectors); break;
    case 2: offset_constant_tile(g, 2, vectors); break;
    case 3: offset_constant_tile(g, 3, vectors); break;
    case 4: offset_constant_tile(g, 4, vectors); break;
    case 5: offset_constant_tile(g, 5, vectors); break;
    case 6: offset_constant_tile(g, 6, vectors); break;
    case 7: offset_constant_tile(g, 7, vectors); break;
    case 8: offset_constant_tile(g, 8, vectors); break;
    case 9: offset_constant_tile(g, 9, vectors); break;
    case 10: offset_constant_tile(g, 10, vectors); break;
    case 11: offset_constant_tile(g, 11, vectors); break;
    case 12: offset_constant_tile(g, 12, vectors); break;
    case 13: offset_constant_tile(g, 13, vectors); break;
    case 14: offset_constant_tile(g, 14, vectors); break;
    }
}

static void offset_tile(float *out, int64_t out_stride, int accumulate, const float *a, const int32_t *offset,
                        const float *b, int64_t b_stride, int rows, int cols, int64_t depth)
{
    const struct offset_tile g = {out, out_stride, accumulate, a, offset, b, b_stride, cols, depth};
    if (cols <= LANES) {
        offset_tile_of_width(&g, rows, 1);
    } else {
        offset_tile_of_width(&g, rows, GEMM_VECTORS);
    }
}

#endif
