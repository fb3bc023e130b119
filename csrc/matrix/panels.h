/* Packed operands of matrix products: a matrix in the order, and the number format, in which the gemm kernels read it.
 * matrix/product.c packs both operands of each product; an operation that multiplies by the same matrix many times
 * (a recurrent layer, over its steps) packs it once and hands it to every product, or multiplies panels itself.
 *
 *     plan:      ec_panels_init(&weights, EC_COLS_OF_B, 4 * H, H, step->precision);
 *                weights.values = ec_arena_take(step->arena, ec_panels_floats(&weights), sizeof(float));
 *     forward:   ec_panels_fill(team, &weights, W, 1, 4 * H);       all threads; ends with a barrier
 *     each step: product.packed_b = &weights; ec_product_run(team, &product);
 * or, where a thread computes its own columns, alone and without a barrier:
 *                ec_panels_pack(&rows, h, H, 1, 0, rows.count);
 *                ec_panels_multiply(z, 4 * H, 0, &rows, 0, rows.count, &weights, first, end); */
#ifndef EC_MATRIX_PANELS_H
#define EC_MATRIX_PANELS_H

#include "base/threads.h"
#include "kernels/kernels.h"

#include <stdint.h>

enum ec_side {
    EC_ROWS_OF_A,
    EC_COLS_OF_B
};

/* A packed operand: panels of its lines (the rows of a, or the columns of b) over the whole depth. Both operands of a
 * product must have been made with the same depth and precision. */
struct ec_panels {
    const struct ec_gemm *gemm;
    enum ec_side side;
    int64_t lines, depth;
    int64_t count;        /* panels: columns fill all but the last, rows are spread evenly */
    int64_t depth_blocks; /* stored one behind the other, each with all panels */
    int64_t panel_lines;  /* of the shorter panels; the first `longer` ones have `unit` more */
    int64_t longer, unit;
    float *values; /* room for ec_panels_floats, 64-byte aligned; set by the caller */
};

/* The format in which products of this depth are computed: that of the precision, but fp32 where it would mostly
 * multiply the zeros behind a small depth. */
const struct ec_gemm *ec_gemm_for(enum ec_precision precision, int64_t depth);

/* Everything but `values`, for the kernels in use. depth >= 1. */
void ec_panels_init(struct ec_panels *panels, enum ec_side side, int64_t lines, int64_t depth,
                    enum ec_precision precision);
/* Floats of room for the values, -1 where they are too many for an array. */
int64_t ec_panels_floats(const struct ec_panels *panels);

/* First line of a panel; that of number `count` is `lines`. */
int64_t ec_panels_line(const struct ec_panels *panels, int64_t panel);

/* Packs panels [begin, end) of a matrix in which line i, place k of the depth stands at
 * first[i * line_stride + k * depth_stride]. By the calling thread alone. */
void ec_panels_pack(const struct ec_panels *panels, const float *first, int64_t line_stride, int64_t depth_stride,
                    int64_t begin, int64_t end);
/* Packs all panels, shared out to the team; ends with a barrier. */
void ec_panels_fill(struct ec_team *team, const struct ec_panels *panels, const float *first, int64_t line_stride,
                    int64_t depth_stride);

/* out (+)= a * b for some panels of rows and some panels of columns, by the calling thread alone; `out` is where
 * the first of these rows and columns go. The bits do not depend on how the panels are grouped. */
void ec_panels_multiply(float *out, int64_t out_stride, int accumulate, const struct ec_panels *a, int64_t a_begin,
                        int64_t a_end, const struct ec_panels *b, int64_t b_begin, int64_t b_end);

/* The two above for one block of the depth, for callers that keep a block of b in a place of their own: where panel
 * b_begin is packed to, and read from. */
void ec_panels_pack_block(const struct ec_panels *panels, float *to, const float *first, int64_t line_stride,
                          int64_t depth_stride, int64_t block, int64_t begin, int64_t end);
void ec_panels_multiply_block(float *out, int64_t out_stride, int accumulate, const struct ec_panels *a,
                              int64_t a_begin, int64_t a_end, const struct ec_panels *b, const float *b_values,
                              int64_t b_begin, int64_t b_end, int64_t block);

#endif
