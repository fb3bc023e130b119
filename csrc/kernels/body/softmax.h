/* Softmax of one row: 2 to some thousand classes. */
#ifndef EC_KERNELS_BODY_SOFTMAX_H
#define EC_KERNELS_BODY_SOFTMAX_H

#include "kernels/body/elementwise.h"
#include "kernels/body/exponential.h"
#include "kernels/body/partial.h"

#include <math.h>

/* NaN may be lost here; exp(NaN - max) brings it back. */
static float largest_of(const float *x, int64_t n)
{
    float largest = x[0];
    int64_t i = 1;
    if (n >= LANES) {
        vec top = vec_load(x);
        for (i = LANES; i + LANES <= n; i += LANES) {
            top = vec_max(top, vec_load(x + i));
        }
        float lane[LANES];
        vec_store(lane, top);
        largest = lane[0];
        for (int l = 1; l < LANES; l++) {
            largest = lane[l] > largest ? lane[l] : largest;
        }
    }
    for (; i < n; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

static float softmax(float *y, const float *x, int64_t n)
{
    float largest = largest_of(x, n);
    vec shift = vec_set(largest);
    wide one = wide_of(vec_set(1.0f)), sum = wide_of(vec_set(0.0f));
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(y + i, n - i, vec_exp(vec_sub(vec_load_upto(x + i, n - i), shift)));
        sum = wide_fma(wide_of(vec_load_upto(y + i, n - i)), one, sum); /* loaded again: 0 behind the end */
    }
    double total = wide_sum(sum);
    scale(y, y, (float)(1.0 / total), n);
    return (float)(largest + log(total));
}

#endif
