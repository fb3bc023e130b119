/* The maximum over a square of 2 x 2 pixels of an image [H, W, C] while its rows are in the cache, and the way back.
 * The first of equal ones wins, NaN wins over numbers. */
#ifndef EC_OPS_SQUARES_H
#define EC_OPS_SQUARES_H

#include "ops/op.h"

#include <string.h>

/* y = the largest of four pixels, at = the number of the winner; rows are `row` floats long. */
static inline void ec_square_maximum(float *y, int32_t *at, const float *pixels, int64_t row, int64_t channels)
{
    memcpy(y, pixels, (size_t)channels * sizeof *y);
    memset(at, 0, (size_t)channels * sizeof *at);
    for (int32_t k = 1; k < 4; k++) {
        ec_kernels()->maximum_into(y, at, pixels + k / 2 * row + k % 2 * channels, k, channels);
    }
}

/* Adds to the gradient of a row of pixels, the upper (0) or the lower (1) one of a row of squares. */
static inline void ec_square_gradient(float *d_row, const float *d_y, const int32_t *at, int32_t lower, int64_t squares,
                                      int64_t channels)
{
    for (int64_t col = 0; col < 2 * squares; col++) {
        int64_t from = col / 2 * channels;
        ec_kernels()->add_where(d_row + col * channels, d_y + from, at + from, 2 * lower + (int32_t)(col % 2),
                                channels);
    }
}

#endif
