/* Packing of matrix operands as pairs of bf16, two values of the depth in one 32-bit lane. An operand has lines (rows
 * of a, columns of b) over the depth. Blocks of 16 lines times 16 pairs are stored line by line or pair by pair,
 * whichever the tile that reads them wants; where the matrix lies the other way, they are turned on the way. */
#ifndef EC_KERNELS_BODY_PAIRS_H
#define EC_KERNELS_BODY_PAIRS_H

#include "kernels/body/partial.h"

#define BLOCK_DEPTH (2 * LANES)

/* Which bf16 stands for a value: the nearest, or the nearest to what that leaves (the lower half of bf16x3). */
enum half {
    UPPER,
    LOWER
};

struct pair_block {
    const float *first;
    int64_t line_stride, depth_stride;
    int64_t lines, depth; /* what there is; beyond are zeros */
};

INLINE vec load_half(const float *p, int64_t count, const enum half half)
{
    vec value = count > 0 ? vec_load_upto(p, count) : vec_set(0.0f);
    return half == LOWER ? vec_sub(value, vec_rounded(value)) : value;
}

/* LANES pairs of one line of a matrix whose depth is contiguous. */
INLINE vec pairs_of_line(const struct pair_block *block, int64_t line, const enum half half)
{
    const float *p = block->first + line * block->line_stride;
    if (line >= block->lines) {
        return vec_set(0.0f);
    }
    return pairs_beside(load_half(p, block->depth, half), load_half(p + LANES, block->depth - LANES, half));
}

/* One pair of LANES lines of a matrix whose lines are contiguous. */
INLINE vec pair_of_lines(const struct pair_block *block, int64_t pair, const enum half half)
{
    const float *p = block->first + 2 * pair * block->depth_stride;
    vec even = load_half(p, 2 * pair < block->depth ? block->lines : 0, half);
    vec odd = load_half(p + block->depth_stride, 2 * pair + 1 < block->depth ? block->lines : 0, half);
    return pairs_between(even, odd);
}

/* Writes vectors 0 <= i < count to `to + i * stride`, line by line or pair by pair. Only `room` floats from `to` may be
 * written; of the last vectors, that which fits. */
INLINE void store_pairs(float *to, int64_t stride, int64_t count, int64_t room, const struct pair_block *block,
                        const int by_line, const enum half half)
{
    int lies_by_line = block->depth_stride == 1;
    if (lies_by_line == by_line) {
        for (int64_t i = 0; i < count; i++) {
            vec_store_upto(to + i * stride, room - i * stride,
                           by_line ? pairs_of_line(block, i, half) : pair_of_lines(block, i, half));
        }
        return;
    }
    vec turned[LANES];
    UNROLLED for (int i = 0; i < LANES; i++)
    {
        turned[i] = by_line ? pair_of_lines(block, i, half) : pairs_of_line(block, i, half);
    }
    vec_transpose(turned);
    UNROLLED for (int i = 0; i < LANES; i++)
    {
        if (i < count) {
            vec_store_upto(to + i * stride, room - i * stride, turned[i]);
        }
    }
}

static inline void pack_pairs_by_line(float *to, int64_t stride, int64_t count, int64_t room,
                                      const struct pair_block *block, enum half half)
{
    if (half == UPPER) {
        store_pairs(to, stride, count, room, block, 1, UPPER);
    } else {
        store_pairs(to, stride, count, room, block, 1, LOWER);
    }
}

static inline void pack_pairs_by_pair(float *to, int64_t stride, int64_t count, int64_t room,
                                      const struct pair_block *block, enum half half)
{
    if (half == UPPER) {
        store_pairs(to, stride, count, room, block, 0, UPPER);
    } else {
        store_pairs(to, stride, count, room, block, 0, LOWER);
    }
}

/* The block that starts at (line, k) of a larger one; with neither lines nor depth contiguous, a copy in `copied`. */
INLINE struct pair_block block_at(const struct pair_block *whole, int64_t line, int64_t k,
                                  float copied[LANES * BLOCK_DEPTH])
{
    struct pair_block block = *whole;
    block.first += line * whole->line_stride + k * whole->depth_stride;
    block.lines = whole->lines - line < LANES ? whole->lines - line : LANES;
    block.depth = whole->depth - k < BLOCK_DEPTH ? whole->depth - k : BLOCK_DEPTH;
    if (block.line_stride == 1 || block.depth_stride == 1) {
        return block;
    }
    for (int64_t i = 0; i < block.lines; i++) {
        for (int64_t j = 0; j < block.depth; j++) {
            copied[i * BLOCK_DEPTH + j] = block.first[i * block.line_stride + j * block.depth_stride];
        }
    }
    block.first = copied;
    block.line_stride = BLOCK_DEPTH;
    block.depth_stride = 1;
    return block;
}

#endif
