/* Sums and scaling of rows of channels, for normalisation over the pixels of a batch: bound by memory. */
#ifndef EC_KERNELS_BODY_NORMALIZATION_H
#define EC_KERNELS_BODY_NORMALIZATION_H

#include "kernels/body/partial.h"

static void centered_sums(float *sum, float *product, const float *in, const float *center, const float *other,
                          int64_t rows, int64_t cols)
{
    for (int64_t c = 0; c < cols; c += LANES) {
        int64_t left = cols - c;
        vec mean = vec_load_upto(center + c, left), first = vec_set(0.0f), second = vec_set(0.0f);
        for (int64_t r = 0; r < rows; r++) {
            vec apart = vec_sub(vec_load_upto(in + r * cols + c, left), mean);
            vec value = other ? vec_load_upto(other + r * cols + c, left) : apart;
            first = vec_add(first, value);
            second = vec_fma(value, apart, second);
        }
        vec_store_upto(sum + c, left, first);
        vec_store_upto(product + c, left, second);
    }
}

static void centered_scale(float *out, int accumulate, const float *in, const float *center, const float *scale_by,
                           const float *offset, const float *other, const float *other_scale, int64_t rows,
                           int64_t cols)
{
    for (int64_t c = 0; c < cols; c += LANES) {
        int64_t left = cols - c;
        vec mean = vec_load_upto(center + c, left), factor = vec_load_upto(scale_by + c, left);
        vec start = vec_load_upto(offset + c, left), share = other ? vec_load_upto(other_scale + c, left) : factor;
        for (int64_t r = 0; r < rows; r++) {
            int64_t at = r * cols + c;
            vec sum = vec_fma(vec_sub(vec_load_upto(in + at, left), mean), factor, start);
            sum = other ? vec_fma(vec_load_upto(other + at, left), share, sum) : sum;
            vec_store_upto(out + at, left, accumulate ? vec_add(vec_load_upto(out + at, left), sum) : sum);
        }
    }
}

#endif
