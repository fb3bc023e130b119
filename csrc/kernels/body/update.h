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

static void amsgrad(float *value, float *m, float *v, float *most, const float *gradient,
                    const struct ec_adam_step *step, int64_t n)
{
    vec rate = vec_set(step->rate), epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    vec first = vec_set(step->one_minus_beta1), second = vec_set(step->one_minus_beta2);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec mean = vec_load_upto(m + i, n - i), square = vec_load_upto(v + i, n - i);
        vec p = vec_load_upto(value + i, n - i), largest = vec_load_upto(most + i, n - i);
        mean = vec_fma(vec_sub(g, mean), first, mean);
        square = vec_fma(vec_sub(vec_mul(g, g), square), second, square);
        largest = vec_select(vec_less(square, largest), largest, square); /* NaN stays */
        p = vec_fnma(p, decay, p);
        p = vec_sub(p, vec_div(vec_mul(rate, mean), vec_add(vec_sqrt(largest), epsilon)));
        vec_store_upto(m + i, n - i, mean);
        vec_store_upto(v + i, n - i, square);
        vec_store_upto(most + i, n - i, largest);
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

/* rho * old + (1 - rho) * new */
INLINE vec running_mean(vec old, vec now, vec rho) { return vec_fma(vec_sub(old, now), rho, now); }

static void rmsprop(float *value, float *v, float *m, float *mean, const float *gradient,
                    const struct ec_rmsprop_step *step, int64_t n)
{
    vec rate = vec_set(step->rate), rho = vec_set(step->rho), momentum = vec_set(step->momentum);
    vec epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec p = vec_load_upto(value + i, n - i);
        vec square = running_mean(vec_load_upto(v + i, n - i), vec_mul(g, g), rho);
        vec_store_upto(v + i, n - i, square);
        if (mean) {
            vec average = running_mean(vec_load_upto(mean + i, n - i), g, rho);
            vec_store_upto(mean + i, n - i, average);
            square = vec_fnma(average, average, square);
        }
        vec change = vec_div(vec_mul(rate, g), vec_sqrt(vec_add(square, epsilon)));
        if (m) {
            change = vec_fma(momentum, vec_load_upto(m + i, n - i), change);
            vec_store_upto(m + i, n - i, change);
        }
        vec_store_upto(value + i, n - i, vec_sub(vec_fnma(p, decay, p), change));
    }
}

static void adagrad(float *value, float *v, const float *gradient, const struct ec_adagrad_step *step, int64_t n)
{
    vec rate = vec_set(step->rate), epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec p = vec_load_upto(value + i, n - i);
        vec square = vec_fma(g, g, vec_load_upto(v + i, n - i));
        vec change = vec_div(vec_mul(rate, g), vec_sqrt(vec_add(square, epsilon)));
        vec_store_upto(v + i, n - i, square);
        vec_store_upto(value + i, n - i, vec_sub(vec_fnma(p, decay, p), change));
    }
}

static void adadelta(float *value, float *v, float *u, const float *gradient, const struct ec_adadelta_step *step,
                     int64_t n)
{
    vec rate = vec_set(step->rate), rho = vec_set(step->rho);
    vec epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec p = vec_load_upto(value + i, n - i), changes = vec_load_upto(u + i, n - i);
        vec square = running_mean(vec_load_upto(v + i, n - i), vec_mul(g, g), rho);
        vec change = vec_div(vec_mul(g, vec_sqrt(vec_add(changes, epsilon))), vec_sqrt(vec_add(square, epsilon)));
        vec_store_upto(v + i, n - i, square);
        vec_store_upto(u + i, n - i, running_mean(changes, vec_mul(change, change), rho));
        vec_store_upto(value + i, n - i, vec_fnma(rate, change, vec_fnma(p, decay, p)));
    }
}

static void adamax(float *value, float *m, float *u, const float *gradient, const struct ec_adamax_step *step,
                   int64_t n)
{
    vec rate = vec_set(step->rate), first = vec_set(step->one_minus_beta1), beta2 = vec_set(step->beta2);
    vec epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec p = vec_load_upto(value + i, n - i), mean = vec_load_upto(m + i, n - i);
        vec old = vec_mul(beta2, vec_load_upto(u + i, n - i)), size = vec_abs(g);
        mean = vec_fma(vec_sub(g, mean), first, mean);
        vec largest = vec_select(vec_less(size, old), old, size); /* NaN stays */
        vec_store_upto(m + i, n - i, mean);
        vec_store_upto(u + i, n - i, largest);
        vec change = vec_div(vec_mul(rate, mean), vec_add(largest, epsilon));
        vec_store_upto(value + i, n - i, vec_sub(vec_fnma(p, decay, p), change));
    }
}

static void nadam(float *value, float *m, float *v, const float *gradient, const struct ec_nadam_step *step, int64_t n)
{
    vec rate_m = vec_set(step->rate_m), rate_g = vec_set(step->rate_g), correction = vec_set(step->correction);
    vec first = vec_set(step->one_minus_beta1), second = vec_set(step->one_minus_beta2);
    vec epsilon = vec_set(step->epsilon), decay = vec_set(step->decay);
    for (int64_t i = 0; i < n; i += LANES) {
        vec g = scaled_gradient(gradient + i, n - i, &step->scaling);
        vec mean = vec_load_upto(m + i, n - i), square = vec_load_upto(v + i, n - i);
        vec p = vec_load_upto(value + i, n - i);
        mean = vec_fma(vec_sub(g, mean), first, mean);
        square = vec_fma(vec_sub(vec_mul(g, g), square), second, square);
        vec change = vec_fma(rate_g, g, vec_mul(rate_m, mean));
        change = vec_div(change, vec_add(vec_sqrt(vec_mul(square, correction)), epsilon));
        vec_store_upto(m + i, n - i, mean);
        vec_store_upto(v + i, n - i, square);
        vec_store_upto(value + i, n - i, vec_sub(vec_fnma(p, decay, p), change));
    }
}

#endif
