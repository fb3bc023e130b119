/* Matrix products in tile registers of bf16 pairs, with sums in fp32: up to 2 x 2 tiles of the result stay in
 * registers while the depth goes by in steps of 32. bf16 takes one product of tiles per step; bf16x3 takes three, of
 * the upper and lower halves of each value (upper * lower, upper * upper, lower * upper), with eight loads.
 *
 * Panels are whole tiles of 1 KB: of a [step][half][tile of 16 rows][row][pair], of b [step][half][tile of 16
 * columns][pair][column], one or two tiles of rows, always two of columns. */
#ifndef EC_KERNELS_BODY_GEMM_TILES_H
#define EC_KERNELS_BODY_GEMM_TILES_H

#include "kernels/body/pairs.h"
#include "kernels/kernels.h"

enum {
    TILE_LINES = 16,
    TILE_FLOATS = 256,
    TILE_BYTES_PER_ROW = 64,
    TILES = 2,          /* of rows, and of columns */
    TILED_DEPTH = 256,  /* 16 KB of b and as much of a, side by side in the first cache */
    TILED_DEPTH_3 = 128 /* the same with two halves */
};
_Static_assert(LANES == TILE_LINES, "a block of pairs is a tile");

/* Tiles 0 to 3 are sums (row * 2 + column), 4 and 5 of a, 6 and 7 of b. */
INLINE void load_tiles_of_a(const float *a, const int row_tiles)
{
    tile_load(4, a, TILE_BYTES_PER_ROW);
    if (row_tiles > 1) {
        tile_load(5, a + TILE_FLOATS, TILE_BYTES_PER_ROW);
    }
}

INLINE void load_tiles_of_b(const float *b, const int col_tiles)
{
    tile_load(6, b, TILE_BYTES_PER_ROW);
    if (col_tiles > 1) {
        tile_load(7, b + TILE_FLOATS, TILE_BYTES_PER_ROW);
    }
}

INLINE void multiply_tiles(const int row_tiles, const int col_tiles)
{
    tile_dot(0, 4, 6);
    if (col_tiles > 1) {
        tile_dot(1, 4, 7);
    }
    if (row_tiles > 1) {
        tile_dot(2, 5, 6);
    }
    if (row_tiles > 1 && col_tiles > 1) {
        tile_dot(3, 5, 7);
    }
}

INLINE void start_sums(const float *out, int64_t stride, int accumulate, const int row_tiles, const int col_tiles)
{
    if (!accumulate) {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
        return;
    }
    const int64_t bytes = stride * (int64_t)sizeof(float);
    const float *below = out + TILE_LINES * stride;
    COMPILER_BARRIER();
    tile_load(0, out, bytes);
    if (col_tiles > 1) {
        tile_load(1, out + TILE_LINES, bytes);
    }
    if (row_tiles > 1) {
        tile_load(2, below, bytes);
    }
    if (row_tiles > 1 && col_tiles > 1) {
        tile_load(3, below + TILE_LINES, bytes);
    }
}

INLINE void store_sums(float *out, int64_t stride, const int row_tiles, const int col_tiles)
{
    const int64_t bytes = stride * (int64_t)sizeof(float);
    float *below = out + TILE_LINES * stride;
    tile_store(0, out, bytes);
    if (col_tiles > 1) {
        tile_store(1, out + TILE_LINES, bytes);
    }
    if (row_tiles > 1) {
        tile_store(2, below, bytes);
    }
    if (row_tiles > 1 && col_tiles > 1) {
        tile_store(3, below + TILE_LINES, bytes);
    }
    COMPILER_BARRIER();
}

/* row_tiles, col_tiles and halves are constants once this is inlined. */
INLINE void sum_tiles(float *out, int64_t stride, int accumulate, const float *a, const float *b, int64_t steps,
                      const int row_tiles, const int col_tiles, const int halves)
{
    start_sums(out, stride, accumulate, row_tiles, col_tiles);
    const int64_t a_half = row_tiles * TILE_FLOATS, b_half = TILES * TILE_FLOATS;
    for (int64_t step = 0; step < steps; step++) {
        load_tiles_of_a(a, row_tiles);
        if (halves > 1) {
            load_tiles_of_b(b + b_half, col_tiles);
            multiply_tiles(row_tiles, col_tiles);
        }
        load_tiles_of_b(b, col_tiles);
        multiply_tiles(row_tiles, col_tiles);
        if (halves > 1) {
            load_tiles_of_a(a + a_half, row_tiles);
            multiply_tiles(row_tiles, col_tiles);
        }
        a += halves * a_half;
        b += halves * b_half;
    }
    store_sums(out, stride, row_tiles, col_tiles);
}

INLINE void sum_tiles_of_shape(float *out, int64_t stride, int accumulate, const float *a, const float *b,
                               int64_t steps, int rows, int cols, const int halves)
{
    if (rows > TILE_LINES && cols > TILE_LINES) {
        sum_tiles(out, stride, accumulate, a, b, steps, 2, 2, halves);
    } else if (rows > TILE_LINES) {
        sum_tiles(out, stride, accumulate, a, b, steps, 2, 1, halves);
    } else if (cols > TILE_LINES) {
        sum_tiles(out, stride, accumulate, a, b, steps, 1, 2, halves);
    } else {
        sum_tiles(out, stride, accumulate, a, b, steps, 1, 1, halves);
    }
}

/* What does not fill whole tiles of `out` goes by way of a copy that does. */
INLINE void tiled_product(float *out, int64_t out_stride, int accumulate, const float *a, const float *b, int rows,
                          int cols, int64_t depth, const int halves)
{
    const int64_t steps = (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH, width = TILES * TILE_LINES;
    if (rows % TILE_LINES == 0 && cols % TILE_LINES == 0) {
        sum_tiles_of_shape(out, out_stride, accumulate, a, b, steps, rows, cols, halves);
        return;
    }
    _Alignas(64) float block[TILES * TILE_LINES * TILES * TILE_LINES];
    for (int64_t r = 0; accumulate && r < TILES * TILE_LINES; r++) {
        for (int64_t c = 0; c < width; c += LANES) {
            int64_t count = r < rows ? cols - c : 0;
            vec_store(block + r * width + c,
                      count > 0 ? vec_load_upto(out + r * out_stride + c, count) : vec_set(0.0f));
        }
    }
    sum_tiles_of_shape(block, width, accumulate, a, b, steps, rows, cols, halves);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < cols; c += LANES) {
            vec_store_upto(out + r * out_stride + c, cols - c, vec_load(block + r * width + c));
        }
    }
}

static void tile_bf16(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel,
                      int rows, int cols, int64_t depth)
{
    tiled_product(out, out_stride, accumulate, a_panel, b_panel, rows, cols, depth, 1);
}

static void tile_bf16x3(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel,
                        int rows, int cols, int64_t depth)
{
    tiled_product(out, out_stride, accumulate, a_panel, b_panel, rows, cols, depth, 2);
}

/* Line by line for a, pair by pair for b. */
static void pack_tiles(float *to, const struct pair_block *whole, int tiles, int by_line, int halves)
{
    float copied[LANES * BLOCK_DEPTH];
    for (int64_t k = 0; k < whole->depth; k += BLOCK_DEPTH) {
        for (int half = 0; half < halves; half++) {
            for (int tile = 0; tile < tiles; tile++, to += TILE_FLOATS) {
                const struct pair_block block = block_at(whole, tile * TILE_LINES, k, copied);
                (by_line ? pack_pairs_by_line : pack_pairs_by_pair)(to, TILE_LINES, TILE_LINES, TILE_FLOATS, &block,
                                                                    half ? LOWER : UPPER);
            }
        }
    }
}

static void pack_a_tiles(void *panel, const float *a, int64_t row_stride, int64_t col_stride, int rows, int64_t depth)
{
    const struct pair_block whole = {a, row_stride, col_stride, rows, depth};
    pack_tiles(panel, &whole, rows > TILE_LINES ? 2 : 1, 1, 1);
}

static void pack_a_tiles_3(void *panel, const float *a, int64_t row_stride, int64_t col_stride, int rows, int64_t depth)
{
    const struct pair_block whole = {a, row_stride, col_stride, rows, depth};
    pack_tiles(panel, &whole, rows > TILE_LINES ? 2 : 1, 1, 2);
}

static void pack_b_tiles(void *panel, const float *b, int64_t row_stride, int64_t col_stride, int cols, int64_t depth)
{
    const struct pair_block whole = {b, col_stride, row_stride, cols, depth};
    pack_tiles(panel, &whole, TILES, 0, 1);
}

static void pack_b_tiles_3(void *panel, const float *b, int64_t row_stride, int64_t col_stride, int cols, int64_t depth)
{
    const struct pair_block whole = {b, col_stride, row_stride, cols, depth};
    pack_tiles(panel, &whole, TILES, 0, 2);
}

static void begin_tiles(void) { tiles_configure(); }
static void end_tiles(void) { tiles_release(); }

static void fill_tiled(struct ec_kernels *kernels)
{
    const struct ec_gemm bf16 = {
        .name = "bf16",
        .rows = TILES * TILE_LINES,
        .cols = TILES * TILE_LINES,
        .row_unit = TILE_LINES,
        .depth_unit = BLOCK_DEPTH,
        .value_bytes = 2,
        .depth_block = TILED_DEPTH,
        .tile = tile_bf16,
        .pack_a = pack_a_tiles,
        .pack_b = pack_b_tiles,
        .begin = begin_tiles,
        .end = end_tiles,
    };
    kernels->name = "amx";
    kernels->gemm[EC_MEDIUM] = bf16;
    kernels->gemm[EC_HIGH] = bf16;
    kernels->gemm[EC_HIGH].name = "bf16x3";
    kernels->gemm[EC_HIGH].value_bytes = 4;
    kernels->gemm[EC_HIGH].depth_block = TILED_DEPTH_3;
    kernels->gemm[EC_HIGH].tile = tile_bf16x3;
    kernels->gemm[EC_HIGH].pack_a = pack_a_tiles_3;
    kernels->gemm[EC_HIGH].pack_b = pack_b_tiles_3;
}

#endif
