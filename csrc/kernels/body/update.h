/* Optimizer steps over one contiguous piece of a parameter: a dense array, or one row of an embedding table. */
#ifndef EC_KERNELS_BODY_UPDATE_H
#define EC_KERNELS_BODY_UPDATE_H

#include "kernels/body/exponential.h"
#include "kernels/body/partial.h"
#include "kernels/kernels.h"

INLINE vec scaled_gradient(const float *gradient, int64_t count, const struct ec_gradient_scaling *scaling)
{
    vec g = vec_mul(vec_load_upto(gradient, count), vec_set(scaling->scale));
    return vec_clamp(g, -scaling->limit, scaling->limit);
}

static void adam(float *value, float *m, float *v, const float *gradient, const struct ec_adam_step *step, int64_t n)
{
    vec rate = vec_set(step->rate), epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    vec first = vec_set(step->one_minus_beta1), second = vec_set(step->one_minus_beta2);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec mean = vec_load_upto(m + i, n - i), square = vec_load_upto(v + i, n - i);
        vec p = vec_load_upto(value + i, n - i);
        mean = vec_fma(vec_sub(g, mean), first, mean);
        square = vec_fma(vec_sub(vec_mul(g, g), square), second, square);
        p = vec_fnma(p, decay, p);
        p = vec_sub(p, vec_div(vec_mul(rate, mean), vec_add(vec_sqrt(square), epsilon)));
        vec_store_upto(m + i, n - i, mean);
        vec_store_upto(v + i, n - i, square);
        vec_store_upto(value + i, n - i, p);
    }
}

static void sgd_plain(float *value, const float *gradient, const struct ec_sgd_step *step, int64_t n)
{
    vec rate = vec_set(step->rate), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec p = vec_load_upto(value + i, n - i);
        p = vec_fnma(p, decay, p);
        p = vec_fnma(rate, scaled_gradient(gradient + i, n - i, &step->scaling), p);
        vec_store_upto(value + i, n - i, p);
    }
}

static void sgd(float *value, float *m, const float *gradient, const struct ec_sgd_step *step, int64_t n)
{
    if (!m) {
        sgd_plain(value, gradient, step, n);
        return;
    }
    vec rate = vec_set(step->rate), momentum = vec_set(step->momentum), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec p = vec_load_upto(value + i, n - i);
        vec speed = vec_fnma(rate, g, vec_mul(momentum, vec_load_upto(m + i, n - i)));
        p = vec_fnma(p, decay, p);
        vec change = step->nesterov ? vec_fnma(rate, g, vec_mul(momentum, speed)) : speed;
        vec_store_upto(m + i, n - i, speed);
        vec_store_upto(value + i, n - i, vec_add(p, change));
    }
}

#endif
