/* What a convolution over distinct tokens consists of besides its matrix product: gather-add with max over time, sums
 * of picked rows (the gradients of the weights and of the table), and plain gathering. Rows are 50 to 400 floats wide
 * and lie in the first or second cache; texts have 5 to 500 tokens. */
#ifndef EC_KERNELS_BODY_TOKENS_H
#define EC_KERNELS_BODY_TOKENS_H

#include "base/ahead.h"
#include "kernels/body/partial.h"

#include <math.h>

/* Some neighbouring vectors of columns, the last of them in part. */
INLINE vec load_column(const float *row, int v, int vectors, part last)
{
    return v < vectors - 1 ? vec_load(row + v * LANES) : vec_load_part(row + v * LANES, last);
}
INLINE void store_column(float *row, int v, int vectors, part last, vec a)
{
    if (v < vectors - 1) {
        vec_store(row + v * LANES, a);
    } else {
        vec_store_part(row + v * LANES, last, a);
    }
}

/* The arguments of window_max for one block of filters. */
struct windows {
    float *best;
    int32_t *best_at;
    const float *products;
    int64_t stride;
    const int32_t *index;
    int64_t filters, windows;
    int taps;
    part last;
};

/* `wanted` vectors of filters, a constant once this is inlined: sums and maxima stay in registers. Counts above
 * WINDOW_VECTORS never occur; the clamp only keeps their cases below from growing the code. */
INLINE void window_max_block(const struct windows *w, const int wanted)
{
    const int vectors = wanted <= WINDOW_VECTORS ? wanted : 1;
    vec top[WINDOW_VECTORS];
    ivec top_at[WINDOW_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++)
    {
        top[v] = vec_set(-INFINITY);
        top_at[v] = ivec_set(0);
    }
    for (int64_t t = 0; t < w->windows; t++) {
        vec sum[WINDOW_VECTORS];
        const float *row = w->products + w->index[t] * w->stride;
        UNROLLED for (int v = 0; v < vectors; v++) { sum[v] = load_column(row, v, vectors, w->last); }
        for (int j = 1; j < w->taps; j++) {
            row = w->products + w->index[t + j] * w->stride + j * w->filters;
            UNROLLED for (int v = 0; v < vectors; v++)
            {
                sum[v] = vec_add(sum[v], load_column(row, v, vectors, w->last));
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
    float *at = (float *)(void *)w->best_at; /* bits of integers, only stored */
    UNROLLED for (int v = 0; v < vectors; v++)
    {
        store_column(w->best, v, vectors, w->last, top[v]);
        store_column(at, v, vectors, w->last, ivec_as_floats(top_at[v]));
    }
}

static void window_max(float *best, int32_t *best_at, const float *products, int64_t stride, const int32_t *index,
                       int64_t filters, int64_t windows, int taps)
{
    int64_t vectors = (filters + LANES - 1) / LANES, blocks = (vectors + WINDOW_VECTORS - 1) / WINDOW_VECTORS;
    for (int64_t block = 0, f = 0; block < blocks; block++) {
        int64_t count = vectors / blocks + (block < vectors % blocks); /* blocks of nearly equal size */
        int64_t left = filters - f - (count - 1) * LANES;
        const struct windows w = {best + f, best_at + f, products + f,
                                  stride,   index,       filters,
                                  windows,  taps,        part_of(left < LANES ? left : LANES)};
        switch (count) {
        case 1: window_max_block(&w, 1); break;
        case 2: window_max_block(&w, 2); break;
        case 3: window_max_block(&w, 3); break;
        case 4: window_max_block(&w, 4); break;
        case 5: window_max_block(&w, 5); break;
        case 6: window_max_block(&w, 6); break;
        case 7: window_max_block(&w, 7); break;
        case 8: window_max_block(&w, 8); break;
        }
        f += count * LANES;
    }
}
_Static_assert(WINDOW_VECTORS <= 8, "a case above for each count");

/* The arguments of weighted_sum for one block of columns. */
struct sums {
    float *out;
    int accumulate;
    const float *rows;
    int64_t stride;
    const int32_t *index;
    const float *weight;
    int64_t count;
    part last;
};

INLINE void weighted_sum_block(const struct sums *w, const int wanted)
{
    const int vectors = wanted <= SUM_VECTORS ? wanted : 1; /* as in window_max_block */
    vec sum[SUM_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) { sum[v] = vec_set(0.0f); }
    vec factor = vec_set(1.0f);
    for (int64_t i = 0; i < w->count; i++) {
        const float *row = w->rows + w->index[i] * w->stride;
        if (w->weight) {
            factor = vec_set(w->weight[i]);
        }
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            sum[v] = vec_fma(factor, load_column(row, v, vectors, w->last), sum[v]);
        }
    }
    UNROLLED for (int v = 0; v < vectors; v++)
    {
        vec total = w->accumulate ? vec_add(load_column(w->out, v, vectors, w->last), sum[v]) : sum[v];
        store_column(w->out, v, vectors, w->last, total);
    }
}

static void weighted_sum(float *out, int accumulate, const float *rows, int64_t stride, const int32_t *index,
                         const float *weight, int64_t count, int64_t width)
{
    int64_t vectors = (width + LANES - 1) / LANES, blocks = (vectors + SUM_VECTORS - 1) / SUM_VECTORS;
    for (int64_t block = 0, c = 0; block < blocks; block++) {
        int64_t number = vectors / blocks + (block < vectors % blocks); /* blocks of nearly equal size */
        int64_t left = width - c - (number - 1) * LANES;
        const struct sums w = {out + c, accumulate, rows + c, stride,
                               index,   weight,     count,    part_of(left < LANES ? left : LANES)};
        switch (number) {
        case 1: weighted_sum_block(&w, 1); break;
        case 2: weighted_sum_block(&w, 2); break;
        case 3: weighted_sum_block(&w, 3); break;
        case 4: weighted_sum_block(&w, 4); break;
        case 5: weighted_sum_block(&w, 5); break;
        case 6: weighted_sum_block(&w, 6); break;
        case 7: weighted_sum_block(&w, 7); break;
        case 8: weighted_sum_block(&w, 8); break;
        case 9: weighted_sum_block(&w, 9); break;
        case 10: weighted_sum_block(&w, 10); break;
        case 11: weighted_sum_block(&w, 11); break;
        case 12: weighted_sum_block(&w, 12); break;
        case 13: weighted_sum_block(&w, 13); break;
        case 14: weighted_sum_block(&w, 14); break;
        case 15: weighted_sum_block(&w, 15); break;
        case 16: weighted_sum_block(&w, 16); break;
        case 17: weighted_sum_block(&w, 17); break;
        case 18: weighted_sum_block(&w, 18); break;
        case 19: weighted_sum_block(&w, 19); break;
        case 20: weighted_sum_block(&w, 20); break;
        }
        c += number * LANES;
    }
}
_Static_assert(SUM_VECTORS <= 20, "a case above for each count");

/* Products of up to four rows with x, whose values are read once for all of them. */
INLINE void row_products_block(float *out, const float *rows, int64_t stride, const int32_t *index, const float *x,
                               int64_t width, const int count)
{
    vec sum[4];
    UNROLLED for (int r = 0; r < count; r++) { sum[r] = vec_set(0.0f); }
    for (int64_t c = 0; c < width; c += LANES) {
        vec value = vec_load_upto(x + c, width - c);
        UNROLLED for (int r = 0; r < count; r++)
        {
            sum[r] = vec_fma(vec_load_upto(rows + index[r] * stride + c, width - c), value, sum[r]);
        }
    }
    UNROLLED for (int r = 0; r < count; r++)
    {
        float lanes[LANES];
        vec_store(lanes, sum[r]);
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int lane = 0; lane < half; lane++) {
                lanes[lane] += lanes[lane + half];
            }
        }
        out[r] = lanes[0];
    }
}

static void row_products(float *out, const float *rows, int64_t stride, const int32_t *index, int64_t count,
                         const float *x, int64_t width)
{
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        row_products_block(out + i, rows, stride, index + i, x, width, 4);
    }
    switch (count - i) {
    case 1: row_products_block(out + i, rows, stride, index + i, x, width, 1); break;
    case 2: row_products_block(out + i, rows, stride, index + i, x, width, 2); break;
    case 3: row_products_block(out + i, rows, stride, index + i, x, width, 3); break;
    }
}

static void add_to_rows(float *rows, int64_t stride, const int32_t *index, const float *weight, int64_t count,
                        const float *step, int64_t width, const int32_t *later, int64_t later_count)
{
    int64_t due = 0;
    for (int64_t i = 0; i < count; i++) {
        float *row = rows + index[i] * stride;
        vec factor = vec_set(weight[i]);
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES) {
            vec_store(row + c, vec_fma(factor, vec_load(step + c), vec_load(row + c)));
        }
        if (c < width) {
            vec sum = vec_fma(factor, vec_load_upto(step + c, width - c), vec_load_upto(row + c, width - c));
            vec_store_upto(row + c, width - c, sum);
        }
        for (due += later_count; due >= count; due -= count) {
            ec_ask_for_later(rows + *later++ * stride, width);
        }
    }
}

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
