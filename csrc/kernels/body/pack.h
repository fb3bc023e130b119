/* Copies of matrix parts in the order in which gemm_tile reads them. An operand comes as rows or transposed (as
 * columns), with any strides; the two contiguous cases are fast, the rest (a slice with steps) is a plain loop. */
#ifndef EC_KERNELS_BODY_PACK_H
#define EC_KERNELS_BODY_PACK_H

#include "kernels/body/gemm.h"
#include "kernels/body/partial.h"

#define ROW_GROUPS ((GEMM_ROWS + LANES - 1) / LANES)

/* Reads a block of up to LANES rows and LANES columns of a row-major matrix as columns; what is missing is 0. */
INLINE void load_columns(vec column[LANES], const float *in, int64_t stride, int64_t rows, int64_t cols)
{
    if (rows >= LANES && cols >= LANES) {
        UNROLLED for (int r = 0; r < LANES; r++) { column[r] = vec_load(in + r * stride); }
    } else {
        part some = part_of(cols < LANES ? cols : LANES);
        UNROLLED for (int r = 0; r < LANES; r++)
        {
            column[r] = r < rows ? vec_load_part(in + r * stride, some) : vec_set(0.0f);
        }
    }
    vec_transpose(column);
}

/* Stores a vector of which `count` <= LANES values count. Where `room` values fit, the rest may be overwritten: they
 * are stored later. A whole store is cheaper than a partial one. */
INLINE void store_front(float *p, int64_t count, int64_t room, vec a)
{
    if (room >= LANES) {
        vec_store(p, a);
    } else {
        vec_store_part(p, part_of(count), a);
    }
}

static void pack_a_rows(float *panel, const float *a, int64_t row_stride, int rows, int64_t depth)
{
    float *end = panel + depth * rows;
    for (int64_t k = 0; k < depth; k += LANES) {
        vec column[ROW_GROUPS][LANES];
        UNROLLED for (int g = 0; g < ROW_GROUPS; g++)
        {
            load_columns(column[g], a + g * LANES * row_stride + k, row_stride, rows - g * LANES, depth - k);
        }
        UNROLLED for (int c = 0; c < LANES; c++)
        {
            UNROLLED for (int g = 0; g < ROW_GROUPS; g++)
            {
                int count = rows - g * LANES < LANES ? rows - g * LANES : LANES;
                if (k + c < depth && count > 0) {
                    float *to = panel + (k + c) * rows + g * LANES;
                    store_front(to, count, end - to, column[g][c]);
                }
            }
        }
    }
}

static void pack_a(void *to_panel, const float *a, int64_t row_stride, int64_t col_stride, int rows, int64_t depth)
{
    float *panel = to_panel;
    if (col_stride == 1) {
        pack_a_rows(panel, a, row_stride, rows, depth);
        return;
    }
    float *end = panel + depth * rows;
    for (int64_t k = 0; k < depth; k++) {
        float *to = panel + k * rows;
        const float *from = a + k * col_stride;
        if (row_stride == 1) {
            for (int r = 0; r < rows; r += LANES) {
                store_front(to + r, rows - r < LANES ? rows - r : LANES, end - to - r,
                            vec_load_upto(from + r, rows - r));
            }
        } else {
            for (int r = 0; r < rows; r++) {
                to[r] = from[r * row_stride];
            }
        }
    }
}

static void pack_b_columns(float *panel, const float *b, int64_t col_stride, int cols, int64_t depth)
{
    for (int c = 0; c < GEMM_COLS; c += LANES) {
        for (int64_t k = 0; k < depth; k += LANES) {
            vec row[LANES];
            /* b's columns are contiguous: as rows of length depth they load and turn like any matrix. */
            load_columns(row, b + c * col_stride + k, col_stride, cols - c, depth - k);
            UNROLLED for (int r = 0; r < LANES; r++)
            {
                if (k + r < depth) {
                    vec_store(panel + (k + r) * GEMM_COLS + c, row[r]);
                }
            }
        }
    }
}

static void pack_b(void *to_panel, const float *b, int64_t row_stride, int64_t col_stride, int cols, int64_t depth)
{
    float *panel = to_panel;
    if (row_stride == 1 && col_stride != 1) {
        pack_b_columns(panel, b, col_stride, cols, depth);
        return;
    }
    for (int64_t k = 0; k < depth; k++) {
        float *to = panel + k * GEMM_COLS;
        const float *from = b + k * row_stride;
        if (col_stride == 1) {
            UNROLLED for (int c = 0; c < GEMM_COLS; c += LANES)
            {
                vec_store(to + c, c < cols ? vec_load_upto(from + c, cols - c) : vec_set(0.0f));
            }
        } else {
            for (int c = 0; c < GEMM_COLS; c++) {
                to[c] = c < cols ? from[c * col_stride] : 0.0f;
            }
        }
    }
}

static void transpose(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += LANES) {
        for (int64_t c = 0; c < cols; c += LANES) {
            vec column[LANES];
            load_columns(column, in + c * in_stride + r, in_stride, cols - c, rows - r);
            UNROLLED for (int i = 0; i < LANES; i++)
            {
                if (r + i < rows) {
                    vec_store_upto(out + (r + i) * out_stride + c, cols - c, column[i]);
                }
            }
        }
    }
}

#endif
