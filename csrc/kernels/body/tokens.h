/* What a convolution over distinct tokens consists of besides its matrix product: gather-add with max over time, sums
 * of picked rows (the gradients of the weights and of the table), and plain gathering. Rows are 50 to 400 floats wide
 * and lie in the first or second cache; texts have 5 to 500 tokens. */
#ifndef EC_KERNELS_BODY_TOKENS_H
#define EC_KERNELS_BODY_TOKENS_H

#include "kernels/body/partial.h"

#include <math.h>

/* `vectors` neighbouring vectors of filters, the last of them in part; sums and maxima stay in registers. */
INLINE void window_max_block(float *best, int32_t *best_at, const float *products, int64_t stride, const int32_t *index,
                             int64_t filters, int64_t windows, int taps, part last, const int vectors)
{
    vec top[WINDOW_VECTORS];
    ivec top_at[WINDOW_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++)
    {
        top[v] = vec_set(-INFINITY);
        top_at[v] = ivec_set(0);
    }
    for (int64_t t = 0; t < windows; t++) {
        vec sum[WINDOW_VECTORS];
        const float *row = products + index[t] * stride;
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            sum[v] = v < vectors - 1 ? vec_load(row + v * LANES) : vec_load_part(row + v * LANES, last);
        }
        for (int j = 1; j < taps; j++) {
            row = products + index[t + j] * stride + j * filters;
            UNROLLED for (int v = 0; v < vectors; v++)
            {
                vec more = v < vectors - 1 ? vec_load(row + v * LANES) : vec_load_part(row + v * LANES, last);
                sum[v] = vec_add(sum[v], more);
            }
        }
        ivec now = ivec_set((uint32_t)t);
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            mask better = vec_beats(sum[v], top[v]);
            top[v] = vec_select(better, sum[v], top[v]);
            top_at[v] = ivec_select(better, now, top_at[v]);
        }
    }
    float *at = (float *)(void *)best_at; /* bits of integers, only loaded and stored */
    UNROLLED for (int v = 0; v < vectors; v++)
    {
        if (v < vectors - 1) {
            vec_store(best + v * LANES, top[v]);
            vec_store(at + v * LANES, ivec_as_floats(top_at[v]));
        } else {
            vec_store_part(best + v * LANES, last, top[v]);
            vec_store_part(at + v * LANES, last, ivec_as_floats(top_at[v]));
        }
    }
}

#define WINDOW_BLOCK(count)                                                                                            \
    window_max_block(best + f, best_at + f, products + f, stride, index, filters, windows, taps, last,                 \
                     (count) <= WINDOW_VECTORS ? (count) : 1)

static void window_max(float *best, int32_t *best_at, const float *products, int64_t stride, const int32_t *index,
                       int64_t filters, int64_t windows, int taps)
{
    int64_t vectors = (filters + LANES - 1) / LANES, blocks = (vectors + WINDOW_VECTORS - 1) / WINDOW_VECTORS;
    for (int64_t block = 0, f = 0; block < blocks; block++) {
        int64_t count = vectors / blocks + (block < vectors % blocks); /* blocks of nearly equal size */
        int64_t left = filters - f - (count - 1) * LANES;
        part last = part_of(left < LANES ? left : LANES);
        switch (count) {
        case 1: WINDOW_BLOCK(1); break;
        case 2: WINDOW_BLOCK(2); break;
        case 3: WINDOW_BLOCK(3); break;
        case 4: WINDOW_BLOCK(4); break;
        case 5: WINDOW_BLOCK(5); break;
        case 6: WINDOW_BLOCK(6); break;
        case 7: WINDOW_BLOCK(7); break;
        case 8: WINDOW_BLOCK(8); break;
        }
        f += count * LANES;
    }
}
_Static_assert(WINDOW_VECTORS <= 8, "a case above for each count");

INLINE void weighted_sum_block(float *out, int accumulate, const float *rows, int64_t stride, const int32_t *index,
                               const float *weight, int64_t count, part last, const int vectors)
{
    vec sum[SUM_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) { sum[v] = vec_set(0.0f); }
    vec factor = vec_set(1.0f);
    for (int64_t i = 0; i < count; i++) {
        const float *row = rows + index[i] * stride;
        if (weight) {
            factor = vec_set(weight[i]);
        }
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            vec value = v < vectors - 1 ? vec_load(row + v * LANES) : vec_load_part(row + v * LANES, last);
            sum[v] = vec_fma(factor, value, sum[v]);
        }
    }
    UNROLLED for (int v = 0; v < vectors - 1; v++)
    {
        vec_store(out + v * LANES, accumulate ? vec_add(vec_load(out + v * LANES), sum[v]) : sum[v]);
    }
    out += (vectors - 1) * LANES;
    vec rest = sum[vectors - 1];
    vec_store_part(out, last, accumulate ? vec_add(vec_load_part(out, last), rest) : rest);
}

#define SUM_BLOCK(number)                                                                                              \
    weighted_sum_block(out + c, accumulate, rows + c, stride, index, weight, count, last,                              \
                       (number) <= SUM_VECTORS ? (number) : 1)

static void weighted_sum(float *out, int accumulate, const float *rows, int64_t stride, const int32_t *index,
                         const float *weight, int64_t count, int64_t width)
{
    int64_t vectors = (width + LANES - 1) / LANES, blocks = (vectors + SUM_VECTORS - 1) / SUM_VECTORS;
    for (int64_t block = 0, c = 0; block < blocks; block++) {
        int64_t number = vectors / blocks + (block < vectors % blocks); /* blocks of nearly equal size */
        int64_t left = width - c - (number - 1) * LANES;
        part last = part_of(left < LANES ? left : LANES);
        switch (number) {
        case 1: SUM_BLOCK(1); break;
        case 2: SUM_BLOCK(2); break;
        case 3: SUM_BLOCK(3); break;
        case 4: SUM_BLOCK(4); break;
        case 5: SUM_BLOCK(5); break;
        case 6: SUM_BLOCK(6); break;
        case 7: SUM_BLOCK(7); break;
        case 8: SUM_BLOCK(8); break;
        case 9: SUM_BLOCK(9); break;
        case 10: SUM_BLOCK(10); break;
        case 11: SUM_BLOCK(11); break;
        case 12: SUM_BLOCK(12); break;
        case 13: SUM_BLOCK(13); break;
        case 14: SUM_BLOCK(14); break;
        case 15: SUM_BLOCK(15); break;
        case 16: SUM_BLOCK(16); break;
        case 17: SUM_BLOCK(17); break;
        case 18: SUM_BLOCK(18); break;
        case 19: SUM_BLOCK(19); break;
        case 20: SUM_BLOCK(20); break;
        }
        c += number * LANES;
    }
}
_Static_assert(SUM_VECTORS <= 20, "a case above for each count");

static void gather_rows(float *out, int64_t out_stride, const float *table, int64_t table_stride, const int32_t *index,
                        int64_t count, int64_t width)
{
    for (int64_t i = 0; i < count; i++, out += out_stride) {
        int64_t c = 0;
        if (index[i] >= 0) {
            const float *row = table + index[i] * table_stride;
            for (; c < width; c += LANES) {
                vec_store_upto(out + c, width - c, vec_load_upto(row + c, width - c));
            }
            c = width;
        }
        for (; c < out_stride; c += LANES) {
            vec_store_upto(out + c, out_stride - c, vec_set(0.0f));
        }
    }
}

#endif
