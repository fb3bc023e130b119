/* The register tile of gemm.h over pairs of bf16, with sums in fp32: panels are [pair of k][row] and [pair of
 * k][gemm_cols], each pair as wide as a float. float32_matmul_precision "medium" without tile registers. */
#ifndef EC_KERNELS_BODY_GEMM_PAIRS_H
#define EC_KERNELS_BODY_GEMM_PAIRS_H

#include "kernels/body/pairs.h"

#define GEMM_MULTIPLY_ADD vec_dot_pairs
#include "kernels/body/gemm.h"

static void tile_of_pairs(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel,
                          int rows, int cols, int64_t depth)
{
    gemm_tile(out, out_stride, accumulate, a_panel, b_panel, rows, cols, (depth + 1) / 2);
}

static int64_t pairs_from(int64_t k, int64_t depth) { return depth - k < BLOCK_DEPTH ? (depth - k + 1) / 2 : LANES; }

/* A vector is LANES rows wide and overwrites the next pairs, which are stored later. */
static void pack_a_pairs(void *to_panel, const float *a, int64_t row_stride, int64_t col_stride, int rows,
                         int64_t depth)
{
    const struct pair_block whole = {a, row_stride, col_stride, rows, depth};
    float copied[LANES * BLOCK_DEPTH], *panel = to_panel, *end = panel + (depth + 1) / 2 * rows;
    for (int64_t k = 0; k < depth; k += BLOCK_DEPTH) {
        const struct pair_block block = block_at(&whole, 0, k, copied);
        float *to = panel + k / 2 * rows;
        pack_pairs_by_pair(to, rows, pairs_from(k, depth), end - to, &block, UPPER);
    }
}
_Static_assert(GEMM_ROWS <= LANES, "one block holds all rows of a panel");

static void pack_b_pairs(void *to_panel, const float *b, int64_t row_stride, int64_t col_stride, int cols,
                         int64_t depth)
{
    const struct pair_block whole = {b, col_stride, row_stride, cols, depth};
    float copied[LANES * BLOCK_DEPTH], *panel = to_panel;
    for (int64_t k = 0; k < depth; k += BLOCK_DEPTH) {
        for (int64_t col = 0; col < GEMM_COLS; col += LANES) {
            const struct pair_block block = block_at(&whole, col, k, copied);
            pack_pairs_by_pair(panel + k / 2 * GEMM_COLS + col, GEMM_COLS, pairs_from(k, depth), INT64_MAX, &block,
                               UPPER);
        }
    }
}

#define GEMM_PAIRS_DEPTH 512

static const struct ec_gemm gemm_pairs = {
    .name = "bf16",
    .rows = GEMM_ROWS,
    .cols = GEMM_COLS,
    .row_unit = 1,
    .depth_unit = 2,
    .value_bytes = 2,
    .depth_block = GEMM_PAIRS_DEPTH,
    .tile = tile_of_pairs,
    .pack_a = pack_a_pairs,
    .pack_b = pack_b_pairs,
};

#endif
