/* The register tile of a convolution: as gemm_tile, but the depth is a list of places in a (the values that the taps of
 * a window read), and b may stand in rows of any length. matrix/correlation.c calls it for each run of output pixels;
 * a depth of 27 (three channels, 3 x 3 taps) to some thousand. */
#ifndef EC_KERNELS_BODY_OFFSET_TILE_H
#define EC_KERNELS_BODY_OFFSET_TILE_H

#include "kernels/body/register_tile.h"

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

/* `wanted_rows` and `vectors` are constants once this is inlined. */
INLINE void offset_constant_tile(const struct offset_tile *g, const int wanted_rows, const int vectors)
{
    const int rows = tile_rows(wanted_rows);
    const float *b_row = g->b;
    vec sum[GEMM_ROWS][GEMM_VECTORS];
    tile_clear(sum, rows, vectors);
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
    tile_store(g->out, g->out_stride, g->accumulate, sum, rows, vectors, g->cols);
}

static void offset_tile(float *out, int64_t out_stride, int accumulate, const float *a, const int32_t *offset,
                        const float *b, int64_t b_stride, int rows, int cols, int64_t depth)
{
    const struct offset_tile g = {out, out_stride, accumulate, a, offset, b, b_stride, cols, depth};
    if (cols <= LANES) {
        TILE_OF_ROWS(offset_constant_tile, &g, rows, 1);
    } else {
        TILE_OF_ROWS(offset_constant_tile, &g, rows, GEMM_VECTORS);
    }
}

#endif
