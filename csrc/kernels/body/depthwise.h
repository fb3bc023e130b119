/* Products channel by channel over pixels whose channels lie side by side: depthwise convolutions, forward and back.
 * Bound by loads: in windows of any kind a weight is loaded once for some pixels and each pixel for each tap. In those
 * of 3 x 3 neighbouring pixels, which nearly all networks have, a pixel is loaded once for all sums of some rows that
 * it takes part in; rows of an image of 128 channels are in the second cache, whose bandwidth was the limit. Measured
 * on Zen 4 (images 56 x 56 x 128): 4.5 ms a 100 MB of input one tap after the other, 2.5 ms so, 2.1 ms to double them.
 */
#ifndef EC_KERNELS_BODY_DEPTHWISE_H
#define EC_KERNELS_BODY_DEPTHWISE_H

#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define PIXELS 8 /* at a time: as many sums */
#if defined(__GNUC__) || defined(__clang__)
#define ASK_FOR(place) __builtin_prefetch(place)
#else
#define ASK_FOR(place) ((void)(place))
#endif

/* `n` pixels of one vector of channels, a constant once this is inlined. */
INLINE void depthwise_block(float *out, int64_t out_step, int accumulate, const float *start, const float *in,
                            int64_t in_step, const float *weights, const struct ec_tap *taps, int64_t count,
                            int64_t left, const int n)
{
    vec sum[PIXELS];
    UNROLLED for (int i = 0; i < n; i++) { sum[i] = start ? vec_load_upto(start, left) : vec_set(0.0f); }
    for (int64_t t = 0; t < count; t++) {
        const float *x = in + taps[t].in;
        vec w = vec_load_upto(weights + taps[t].weight, left);
        UNROLLED for (int i = 0; i < n; i++) { sum[i] = vec_fma(vec_load_upto(x + i * in_step, left), w, sum[i]); }
    }
    UNROLLED for (int i = 0; i < n; i++)
    {
        float *y = out + i * out_step;
        vec_store_upto(y, left, accumulate ? vec_add(vec_load_upto(y, left), sum[i]) : sum[i]);
    }
}

static void depthwise(float *out, int64_t out_step, int accumulate, const float *start, const float *in,
                      int64_t in_step, const float *weights, const struct ec_tap *taps, int64_t count, int64_t pixels,
                      int64_t channels)
{
    for (int64_t i = 0; i < pixels;) {
        int whole = pixels - i >= PIXELS;
        for (int64_t c = 0; c < channels; c += LANES) {
            float *y = out + i * out_step + c;
            const float *x = in + i * in_step + c, *first = start ? start + c : start;
            if (whole && channels - c >= LANES) {
                depthwise_block(y, out_step, accumulate, first, x, in_step, weights + c, taps, count, LANES, PIXELS);
            } else if (whole) {
                depthwise_block(y, out_step, accumulate, first, x, in_step, weights + c, taps, count, channels - c,
                                PIXELS);
            } else {
                depthwise_block(y, out_step, accumulate, first, x, in_step, weights + c, taps, count, channels - c, 1);
            }
        }
        i += whole ? PIXELS : 1;
    }
}

INLINE void depthwise_gradient_block(float *d_weights, const struct ec_tap *taps, int64_t count, const float *in,
                                     int64_t in_step, const float *d_out, int64_t out_step, int64_t left, const int n)
{
    vec d[PIXELS];
    UNROLLED for (int i = 0; i < n; i++) { d[i] = vec_load_upto(d_out + i * out_step, left); }
    for (int64_t t = 0; t < count; t++) {
        const float *x = in + taps[t].in;
        float *d_w = d_weights + taps[t].weight;
        vec sum = vec_load_upto(d_w, left);
        UNROLLED for (int i = 0; i < n; i++) { sum = vec_fma(vec_load_upto(x + i * in_step, left), d[i], sum); }
        vec_store_upto(d_w, left, sum);
    }
}

static void depthwise_gradient(float *d_weights, const struct ec_tap *taps, int64_t count, const float *in,
                               int64_t in_step, const float *d_out, int64_t out_step, int64_t pixels, int64_t channels)
{
    for (int64_t i = 0; i < pixels;) {
        int whole = pixels - i >= PIXELS;
        for (int64_t c = 0; c < channels; c += LANES) {
            const float *x = in + i * in_step + c, *d = d_out + i * out_step + c;
            if (whole && channels - c >= LANES) {
                depthwise_gradient_block(d_weights + c, taps, count, x, in_step, d, out_step, LANES, PIXELS);
            } else if (whole) {
                depthwise_gradient_block(d_weights + c, taps, count, x, in_step, d, out_step, channels - c, PIXELS);
            } else {
                depthwise_gradient_block(d_weights + c, taps, count, x, in_step, d, out_step, channels - c, 1);
            }
        }
        i += whole ? PIXELS : 1;
    }
}

/* Sums of `rows` x `pixels` windows of 3 x 3, constants once this is inlined. */
INLINE void depthwise_3x3_block(float *out, int64_t out_row, int accumulate, const float *start, const float *in,
                                int64_t in_row, const float *weights, int64_t channels, int64_t left, const int rows,
                                const int pixels)
{
    vec sum[DEPTHWISE_ROWS][2], w[9];
    vec first = start ? vec_load_upto(start, left) : vec_set(0.0f);
    UNROLLED for (int t = 0; t < 9; t++) { w[t] = vec_load_upto(weights + t * channels, left); }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int i = 0; i < pixels; i++) { sum[r][i] = first; }
    }
    UNROLLED for (int r = 0; r < rows + 2; r++)
    {
        const float *x = in + r * in_row;
        UNROLLED for (int i = 0; r > 1 && i < pixels; i++) { ASK_FOR(x + rows * in_row + i * channels); }
        UNROLLED for (int i = 0; i < pixels + 2; i++)
        {
            vec value = vec_load_upto(x + i * channels, left);
            UNROLLED for (int down = 0; down < 3; down++)
            {
                UNROLLED for (int right = 0; right < 3; right++)
                {
                    if (r >= down && r - down < rows && i >= right && i - right < pixels) {
                        vec *to = &sum[r - down][i - right];
                        *to = vec_fma(value, w[3 * down + right], *to);
                    }
                }
            }
        }
    }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int i = 0; i < pixels; i++)
        {
            float *y = out + r * out_row + i * channels;
            vec_store_upto(y, left, accumulate ? vec_add(vec_load_upto(y, left), sum[r][i]) : sum[r][i]);
        }
    }
}

/* The channels of one column of windows, or of two. */
INLINE void depthwise_3x3_columns(float *out, int64_t out_row, int accumulate, const float *start, const float *in,
                                  int64_t in_row, const float *weights, int64_t channels, const int rows,
                                  const int pixels)
{
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        depthwise_3x3_block(out + c, out_row, accumulate, start ? start + c : start, in + c, in_row, weights + c,
                            channels, LANES, rows, pixels);
    }
    if (c < channels) {
        depthwise_3x3_block(out + c, out_row, accumulate, start ? start + c : start, in + c, in_row, weights + c,
                            channels, channels - c, rows, pixels);
    }
}

static void depthwise_3x3(float *out, int64_t out_row, int accumulate, const float *start, const float *in,
                          int64_t in_row, const float *weights, int64_t rows, int64_t pixels, int64_t channels)
{
    for (int64_t r = 0; r < rows;) {
        int many = rows - r >= DEPTHWISE_ROWS;
        for (int64_t i = 0; i < pixels;) {
            float *y = out + r * out_row + i * channels;
            const float *x = in + r * in_row + i * channels;
            int two = pixels - i >= 2;
            if (many && two) {
                depthwise_3x3_columns(y, out_row, accumulate, start, x, in_row, weights, channels, DEPTHWISE_ROWS, 2);
            } else if (many) {
                depthwise_3x3_columns(y, out_row, accumulate, start, x, in_row, weights, channels, DEPTHWISE_ROWS, 1);
            } else if (two) {
                depthwise_3x3_columns(y, out_row, accumulate, start, x, in_row, weights, channels, 1, 2);
            } else {
                depthwise_3x3_columns(y, out_row, accumulate, start, x, in_row, weights, channels, 1, 1);
            }
            i += two ? 2 : 1;
        }
        r += many ? DEPTHWISE_ROWS : 1;
    }
}

INLINE void depthwise_3x3_gradient_block(float *d_weights, const float *in, int64_t in_row, const float *d_out,
                                         int64_t out_row, int64_t channels, int64_t left, const int rows,
                                         const int pixels)
{
    vec d[DEPTHWISE_ROWS][2], sum[9];
    UNROLLED for (int t = 0; t < 9; t++) { sum[t] = vec_load_upto(d_weights + t * channels, left); }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int i = 0; i < pixels; i++) { d[r][i] = vec_load_upto(d_out + r * out_row + i * channels, left); }
    }
    UNROLLED for (int r = 0; r < rows + 2; r++)
    {
        UNROLLED for (int i = 0; i < pixels + 2; i++)
        {
            vec value = vec_load_upto(in + r * in_row + i * channels, left);
            UNROLLED for (int down = 0; down < 3; down++)
            {
                UNROLLED for (int right = 0; right < 3; right++)
                {
                    if (r >= down && r - down < rows && i >= right && i - right < pixels) {
                        sum[3 * down + right] = vec_fma(value, d[r - down][i - right], sum[3 * down + right]);
                    }
                }
            }
        }
    }
    UNROLLED for (int t = 0; t < 9; t++) { vec_store_upto(d_weights + t * channels, left, sum[t]); }
}

INLINE void depthwise_3x3_gradient_columns(float *d_weights, const float *in, int64_t in_row, const float *d_out,
                                           int64_t out_row, int64_t channels, const int rows, const int pixels)
{
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        depthwise_3x3_gradient_block(d_weights + c, in + c, in_row, d_out + c, out_row, channels, LANES, rows, pixels);
    }
    if (c < channels) {
        depthwise_3x3_gradient_block(d_weights + c, in + c, in_row, d_out + c, out_row, channels, channels - c, rows,
                                     pixels);
    }
}

static void depthwise_3x3_gradient(float *d_weights, const float *in, int64_t in_row, const float *d_out,
                                   int64_t out_row, int64_t rows, int64_t pixels, int64_t channels)
{
    for (int64_t r = 0; r < rows;) {
        int many = rows - r >= DEPTHWISE_ROWS;
        for (int64_t i = 0; i < pixels;) {
            const float *x = in + r * in_row + i * channels, *d = d_out + r * out_row + i * channels;
            int two = pixels - i >= 2;
            if (many && two) {
                depthwise_3x3_gradient_columns(d_weights, x, in_row, d, out_row, channels, DEPTHWISE_ROWS, 2);
            } else if (many) {
                depthwise_3x3_gradient_columns(d_weights, x, in_row, d, out_row, channels, DEPTHWISE_ROWS, 1);
            } else if (two) {
                depthwise_3x3_gradient_columns(d_weights, x, in_row, d, out_row, channels, 1, 2);
            } else {
                depthwise_3x3_gradient_columns(d_weights, x, in_row, d, out_row, channels, 1, 1);
            }
            i += two ? 2 : 1;
        }
        r += many ? DEPTHWISE_ROWS : 1;
    }
}

#endif
