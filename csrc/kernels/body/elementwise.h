/* Sums, products and reductions over plain arrays: bound by memory, so that one vector per turn is enough. */
#ifndef EC_KERNELS_BODY_ELEMENTWISE_H
#define EC_KERNELS_BODY_ELEMENTWISE_H

#include "kernels/body/partial.h"

static void fill(float *out, float value, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(out + i, n - i, vec_set(value));
    }
}

static void add(float *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(out + i, n - i, vec_add(vec_load_upto(out + i, n - i), vec_load_upto(in + i, n - i)));
    }
}

static void add_scaled(float *out, const float *in, float scale_by, int64_t n)
{
    vec factor = vec_set(scale_by);
    for (int64_t i = 0; i < n; i += LANES) {
        vec sum = vec_fma(factor, vec_load_upto(in + i, n - i), vec_load_upto(out + i, n - i));
        vec_store_upto(out + i, n - i, sum);
    }
}

static void scale(float *out, const float *in, float scale_by, int64_t n)
{
    vec factor = vec_set(scale_by);
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(out + i, n - i, vec_mul(factor, vec_load_upto(in + i, n - i)));
    }
}

static void multiply(float *out, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(out + i, n - i, vec_mul(vec_load_upto(a + i, n - i), vec_load_upto(b + i, n - i)));
    }
}

static void maximum_into(float *out, int32_t *at, const float *in, int32_t number, int64_t n)
{
    float *at_bits = (float *)(void *)at; /* only loaded and stored */
    for (int64_t i = 0; i < n; i += LANES) {
        vec top = vec_load_upto(out + i, n - i), value = vec_load_upto(in + i, n - i);
        ivec top_at = vec_bits(vec_load_upto(at_bits + i, n - i));
        mask better = vec_beats(value, top);
        vec_store_upto(out + i, n - i, vec_select(better, value, top));
        vec_store_upto(at_bits + i, n - i, ivec_as_floats(ivec_select(better, ivec_set((uint32_t)number), top_at)));
    }
}

static void add_where(float *out, const float *in, const int32_t *at, int32_t number, int64_t n)
{
    const float *at_bits = (const float *)(const void *)at; /* only loaded */
    for (int64_t i = 0; i < n; i += LANES) {
        ivec differs = ivec_xor(vec_bits(vec_load_upto(at_bits + i, n - i)), ivec_set((uint32_t)number));
        vec share = vec_select(ivec_at_least(differs, ivec_set(1)), vec_set(0.0f), vec_load_upto(in + i, n - i));
        vec_store_upto(out + i, n - i, vec_add(vec_load_upto(out + i, n - i), share));
    }
}

static void add_bias(float *out, int64_t stride, const float *bias, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++) {
        add(out + r * stride, bias, cols);
    }
}

/* Four vectors of columns at a time: four rows' additions do not wait for each other. */
static void column_sum(float *out, int accumulate, const float *in, int64_t stride, int64_t rows, int64_t cols)
{
    int64_t c = 0;
    for (; c + 4 * LANES <= cols; c += 4 * LANES) {
        vec sum[4];
        UNROLLED for (int v = 0; v < 4; v++) { sum[v] = accumulate ? vec_load(out + c + v * LANES) : vec_set(0.0f); }
        for (int64_t r = 0; r < rows; r++) {
            const float *row = in + r * stride + c;
            UNROLLED for (int v = 0; v < 4; v++) { sum[v] = vec_add(sum[v], vec_load(row + v * LANES)); }
        }
        UNROLLED for (int v = 0; v < 4; v++) { vec_store(out + c + v * LANES, sum[v]); }
    }
    for (; c < cols; c += LANES) {
        vec sum = accumulate ? vec_load_upto(out + c, cols - c) : vec_set(0.0f);
        for (int64_t r = 0; r < rows; r++) {
            sum = vec_add(sum, vec_load_upto(in + r * stride + c, cols - c));
        }
        vec_store_upto(out + c, cols - c, sum);
    }
}

static double sum_squares(const float *in, int64_t n)
{
    wide even = wide_of(vec_set(0.0f)), odd = even;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        wide first = wide_of(vec_load(in + i)), second = wide_of(vec_load(in + i + LANES));
        even = wide_fma(first, first, even);
        odd = wide_fma(second, second, odd);
    }
    for (; i < n; i += LANES) {
        wide rest = wide_of(vec_load_upto(in + i, n - i));
        even = wide_fma(rest, rest, even);
    }
    return wide_sum(even) + wide_sum(odd);
}

#endif
