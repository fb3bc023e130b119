/* Keras's activation functions and their derivatives. One loop; the switch on the function is outside of it, as the
 * step below is inlined with a constant. Where x is infinite the limit results, where it is NaN, NaN. */
#ifndef EC_KERNELS_BODY_ACTIVATION_H
#define EC_KERNELS_BODY_ACTIVATION_H

#include "kernels/body/exponential.h"
#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define SELU_SCALE 1.05070098f /* Klambauer et al. 2017 */
#define SELU_ALPHA 1.67326324f
#define LEAKY_SLOPE 0.2f
#define GELU_INNER 0.797884561f /* sqrt(2 / pi) */
#define GELU_CUBE 0.044715f
#define SHRINK 0.5f
#define ABOVE_SHRINK 0.50000006f /* the next float: |x| <= SHRINK is |x| < ABOVE_SHRINK */
#define LARGEST 3.402823466e38f

/* 1 / (1 + exp(-x)) */
INLINE vec vec_sigmoid(vec x) { return vec_div(vec_set(1.0f), vec_add(vec_set(1.0f), vec_exp(vec_negate(x)))); }

/* sqrt(2 / pi) (x + 0.044715 x^3), the argument of the tanh in gelu's approximation, twice */
INLINE vec gelu_twice_inner(vec x)
{
    vec cube = vec_mul(vec_mul(x, x), vec_mul(x, vec_set(GELU_CUBE)));
    return vec_mul(vec_set(2.0f * GELU_INNER), vec_add(x, cube));
}

/* mish = x tanh(softplus(x)), as a quotient of polynomials in e = exp(-|x|): t = above / below, 1 - t = rest / below.
 */
struct mish {
    vec t, rest;
};

INLINE struct mish mish_of(vec x)
{
    vec one = vec_set(1.0f), two = vec_set(2.0f), e = vec_exp(vec_negate(vec_abs(x)));
    mask negative = vec_less(x, vec_set(0.0f));
    vec above = vec_select(negative, vec_mul(e, vec_add(e, two)), vec_fma(two, e, one));
    vec missing = vec_select(negative, two, vec_mul(two, vec_mul(e, e)));
    vec below = vec_add(above, missing);
    return (struct mish){vec_div(above, below), vec_div(missing, below)};
}

/* sqrt(x^2 + 4); beyond 1e9 it is |x| in float, where x^2 would overflow. */
INLINE vec squareplus_root(vec x)
{
    vec size = vec_abs(x), small = vec_min(vec_set(1e9f), size);
    return vec_select(vec_less(vec_set(1e9f), size), size, vec_sqrt(vec_fma(small, small, vec_set(4.0f))));
}

INLINE vec value_of(vec x, const enum ec_activation activation)
{
    vec zero = vec_set(0.0f), one = vec_set(1.0f);
    vec finite = vec_max(vec_set(-LARGEST), x); /* so that 0 * infinity does not occur */
    switch (activation) {
    case EC_RELU: return vec_max(zero, x);
    case EC_TANH: return vec_tanh(x);
    case EC_SIGMOID: return vec_sigmoid(x);
    case EC_SOFTPLUS: {
        vec small = vec_log1p_unit(vec_exp(vec_negate(vec_abs(x)))); /* max(x, 0) + log(1 + exp(-|x|)) */
        return vec_add(vec_max(zero, x), small);
    }
    case EC_SOFTSIGN: {
        vec both = vec_min(vec_set(LARGEST), finite);
        return vec_div(both, vec_add(one, vec_abs(both)));
    }
    case EC_ELU: return vec_select(vec_less(zero, x), x, vec_expm1_negative(vec_min(zero, x)));
    case EC_SELU: {
        vec below = vec_mul(vec_set(SELU_SCALE * SELU_ALPHA), vec_expm1_negative(vec_min(zero, x)));
        return vec_select(vec_less(zero, x), vec_mul(vec_set(SELU_SCALE), x), below);
    }
    case EC_EXPONENTIAL: return vec_exp(x);
    case EC_LEAKY_RELU: return vec_select(vec_less(zero, x), x, vec_mul(vec_set(LEAKY_SLOPE), x));
    case EC_RELU6: return vec_clamp(x, 0.0f, 6.0f);
    case EC_HARD_SIGMOID: return vec_clamp(vec_fma(x, vec_set(1.0f / 6.0f), vec_set(0.5f)), 0.0f, 1.0f);
    case EC_SILU: return vec_div(finite, vec_add(one, vec_exp(vec_negate(x))));
    case EC_GELU: return vec_mul(finite, normal_of(x).below);
    case EC_GELU_TANH: /* x sigmoid(2 u) = x (1 + tanh(u)) / 2 */
        return vec_div(finite, vec_add(one, vec_exp(vec_negate(gelu_twice_inner(x)))));
    case EC_LOG_SIGMOID: return vec_sub(vec_min(zero, x), vec_log1p_unit(vec_exp(vec_negate(vec_abs(x)))));
    case EC_MISH: return vec_mul(finite, mish_of(x).t);
    case EC_HARD_SILU: return vec_mul(finite, vec_clamp(vec_fma(x, vec_set(1.0f / 6.0f), vec_set(0.5f)), 0.0f, 1.0f));
    case EC_HARD_TANH: return vec_clamp(x, -1.0f, 1.0f);
    case EC_TANH_SHRINK: return vec_sub(x, vec_tanh(x));
    case EC_SOFT_SHRINK: return vec_sub(x, vec_clamp(x, -SHRINK, SHRINK));
    case EC_HARD_SHRINK: return vec_select(vec_less(vec_abs(x), vec_set(ABOVE_SHRINK)), zero, x);
    case EC_SQUAREPLUS: { /* (x + r) / 2 = 2 / (r - x), whichever does not cancel */
        vec half = vec_set(0.5f), root = squareplus_root(x), sum = vec_add(root, vec_abs(x));
        return vec_select(vec_less(x, zero), vec_div(vec_set(2.0f), sum), vec_fma(half, root, vec_mul(half, x)));
    }
    case EC_SPARSE_PLUS: {
        vec half = vec_clamp(vec_fma(x, vec_set(0.5f), vec_set(0.5f)), 0.0f, 1.0f);
        return vec_select(vec_less(one, x), x, vec_mul(half, half));
    }
    case EC_SPARSE_SIGMOID: return vec_clamp(vec_fma(x, vec_set(0.5f), vec_set(0.5f)), 0.0f, 1.0f);
    case EC_LINEAR:
    case EC_ACTIVATIONS: break;
    }
    return x;
}

/* d/dx of x sigmoid(z(x)) = s + y (1 - s) z'; both s and 1 - s without cancellation. */
INLINE vec gated_slope(vec y, vec z, vec z_slope)
{
    vec one = vec_set(1.0f), e = vec_exp(vec_negate(vec_abs(z)));
    vec major = vec_div(one, vec_add(one, e)), minor = vec_mul(e, major);
    mask negative = vec_less(z, vec_set(0.0f));
    vec s = vec_select(negative, minor, major), rest = vec_select(negative, major, minor);
    return vec_fma(vec_mul(y, rest), z_slope, s);
}

INLINE vec slope_of(vec x, vec y, const enum ec_activation activation)
{
    vec zero = vec_set(0.0f), one = vec_set(1.0f);
    vec near = vec_clamp(x, -100.0f, 100.0f); /* beyond, the slopes that use it are 0 or 1 in float */
    switch (activation) {
    case EC_RELU: return vec_select(vec_less(zero, y), one, zero);
    case EC_TANH: return vec_fnma(y, y, one);
    case EC_SIGMOID: return vec_fnma(y, y, y);
    case EC_SOFTPLUS: return vec_negate(vec_expm1_negative(vec_negate(y))); /* sigmoid(x) = 1 - exp(-y) */
    case EC_SOFTSIGN: {
        vec rest = vec_sub(one, vec_abs(y));
        return vec_mul(rest, rest);
    }
    case EC_ELU: return vec_select(vec_less(y, zero), vec_add(y, one), one);
    case EC_SELU:
        return vec_select(vec_less(y, zero), vec_add(y, vec_set(SELU_SCALE * SELU_ALPHA)), vec_set(SELU_SCALE));
    case EC_EXPONENTIAL: return y;
    case EC_LEAKY_RELU: return vec_select(vec_less(zero, y), one, vec_set(LEAKY_SLOPE));
    case EC_RELU6: return vec_select(vec_less(zero, y), vec_select(vec_less(y, vec_set(6.0f)), one, zero), zero);
    case EC_HARD_SIGMOID: {
        vec rising = vec_set(1.0f / 6.0f);
        return vec_select(vec_less(zero, y), vec_select(vec_less(y, one), rising, zero), zero);
    }
    case EC_SILU: return gated_slope(vec_clamp(y, -100.0f, 100.0f), near, one);
    case EC_GELU: {
        struct normal normal = normal_of(near); /* P + x bell / sqrt(2 pi) */
        return vec_fma(vec_mul(near, normal.bell), vec_set(0.398942280f), normal.below);
    }
    case EC_GELU_TANH: {
        vec z_slope = vec_fma(vec_mul(near, near), vec_set(6.0f * GELU_INNER * GELU_CUBE), vec_set(2.0f * GELU_INNER));
        return gated_slope(vec_clamp(y, -100.0f, 100.0f), gelu_twice_inner(near), z_slope);
    }
    case EC_LOG_SIGMOID: return vec_negate(vec_expm1_negative(y)); /* sigmoid(-x) = 1 - exp(y) */
    case EC_MISH: {                                                /* t + x (1 - t^2) sigmoid(x) */
        struct mish mish = mish_of(near);
        vec bend = vec_mul(vec_mul(near, vec_sigmoid(near)), vec_mul(mish.rest, vec_add(one, mish.t)));
        return vec_add(mish.t, bend);
    }
    case EC_HARD_SILU: {
        vec inside = vec_fma(x, vec_set(1.0f / 3.0f), vec_set(0.5f)), limit = vec_set(3.0f);
        return vec_select(vec_less(vec_abs(x), limit), inside, vec_select(vec_less(zero, x), one, zero));
    }
    case EC_HARD_TANH: return vec_select(vec_less(vec_abs(x), one), one, zero);
    case EC_TANH_SHRINK: {
        vec t = vec_tanh(x);
        return vec_mul(t, t);
    }
    case EC_SOFT_SHRINK:
    case EC_HARD_SHRINK: return vec_select(vec_less(vec_abs(x), vec_set(ABOVE_SHRINK)), zero, one);
    case EC_SQUAREPLUS: { /* f(x) / r */
        vec bounded = vec_clamp(x, -1e9f, 1e9f);
        return vec_div(value_of(bounded, EC_SQUAREPLUS), squareplus_root(bounded));
    }
    case EC_SPARSE_PLUS: return vec_clamp(vec_fma(x, vec_set(0.5f), vec_set(0.5f)), 0.0f, 1.0f);
    case EC_SPARSE_SIGMOID: return vec_select(vec_less(vec_abs(x), one), vec_set(0.5f), zero);
    case EC_LINEAR:
    case EC_ACTIVATIONS: break;
    }
    return one;
}

INLINE void activate_all(float *y, const float *x, int64_t n, const enum ec_activation activation)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec_store_upto(y + i, n - i, value_of(vec_load_upto(x + i, n - i), activation));
    }
}

static void activate(float *y, const float *x, enum ec_activation activation, int64_t n)
{
    switch (activation) {
    case EC_RELU: activate_all(y, x, n, EC_RELU); break;
    case EC_TANH: activate_all(y, x, n, EC_TANH); break;
    case EC_SIGMOID: activate_all(y, x, n, EC_SIGMOID); break;
    case EC_SOFTPLUS: activate_all(y, x, n, EC_SOFTPLUS); break;
    case EC_SOFTSIGN: activate_all(y, x, n, EC_SOFTSIGN); break;
    case EC_ELU: activate_all(y, x, n, EC_ELU); break;
    case EC_SELU: activate_all(y, x, n, EC_SELU); break;
    case EC_EXPONENTIAL: activate_all(y, x, n, EC_EXPONENTIAL); break;
    case EC_LEAKY_RELU: activate_all(y, x, n, EC_LEAKY_RELU); break;
    case EC_RELU6: activate_all(y, x, n, EC_RELU6); break;
    case EC_HARD_SIGMOID: activate_all(y, x, n, EC_HARD_SIGMOID); break;
    case EC_SILU: activate_all(y, x, n, EC_SILU); break;
    case EC_GELU: activate_all(y, x, n, EC_GELU); break;
    case EC_GELU_TANH: activate_all(y, x, n, EC_GELU_TANH); break;
    case EC_LOG_SIGMOID: activate_all(y, x, n, EC_LOG_SIGMOID); break;
    case EC_MISH: activate_all(y, x, n, EC_MISH); break;
    case EC_HARD_SILU: activate_all(y, x, n, EC_HARD_SILU); break;
    case EC_HARD_TANH: activate_all(y, x, n, EC_HARD_TANH); break;
    case EC_TANH_SHRINK: activate_all(y, x, n, EC_TANH_SHRINK); break;
    case EC_SOFT_SHRINK: activate_all(y, x, n, EC_SOFT_SHRINK); break;
    case EC_HARD_SHRINK: activate_all(y, x, n, EC_HARD_SHRINK); break;
    case EC_SQUAREPLUS: activate_all(y, x, n, EC_SQUAREPLUS); break;
    case EC_SPARSE_PLUS: activate_all(y, x, n, EC_SPARSE_PLUS); break;
    case EC_SPARSE_SIGMOID: activate_all(y, x, n, EC_SPARSE_SIGMOID); break;
    case EC_LINEAR:
    case EC_ACTIVATIONS: activate_all(y, x, n, EC_LINEAR); break;
    }
}

INLINE void activate_backward_all(float *d_x, const float *d_y, const float *x, const float *y, int64_t n,
                                  const enum ec_activation activation)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec value = vec_load_upto(y + i, n - i), slope = slope_of(vec_load_upto(x + i, n - i), value, activation);
        vec_store_upto(d_x + i, n - i, vec_mul(vec_load_upto(d_y + i, n - i), slope));
    }
}

static void activate_backward(float *d_x, const float *d_y, const float *x, const float *y,
                              enum ec_activation activation, int64_t n)
{
    const float *in = x ? x : y; /* not used where x may be NULL, but loaded */
    switch (activation) {
    case EC_RELU: activate_backward_all(d_x, d_y, in, y, n, EC_RELU); break;
    case EC_TANH: activate_backward_all(d_x, d_y, in, y, n, EC_TANH); break;
    case EC_SIGMOID: activate_backward_all(d_x, d_y, in, y, n, EC_SIGMOID); break;
    case EC_SOFTPLUS: activate_backward_all(d_x, d_y, in, y, n, EC_SOFTPLUS); break;
    case EC_SOFTSIGN: activate_backward_all(d_x, d_y, in, y, n, EC_SOFTSIGN); break;
    case EC_ELU: activate_backward_all(d_x, d_y, in, y, n, EC_ELU); break;
    case EC_SELU: activate_backward_all(d_x, d_y, in, y, n, EC_SELU); break;
    case EC_EXPONENTIAL: activate_backward_all(d_x, d_y, in, y, n, EC_EXPONENTIAL); break;
    case EC_LEAKY_RELU: activate_backward_all(d_x, d_y, in, y, n, EC_LEAKY_RELU); break;
    case EC_RELU6: activate_backward_all(d_x, d_y, in, y, n, EC_RELU6); break;
    case EC_HARD_SIGMOID: activate_backward_all(d_x, d_y, in, y, n, EC_HARD_SIGMOID); break;
    case EC_SILU: activate_backward_all(d_x, d_y, in, y, n, EC_SILU); break;
    case EC_GELU: activate_backward_all(d_x, d_y, in, y, n, EC_GELU); break;
    case EC_GELU_TANH: activate_backward_all(d_x, d_y, in, y, n, EC_GELU_TANH); break;
    case EC_LOG_SIGMOID: activate_backward_all(d_x, d_y, in, y, n, EC_LOG_SIGMOID); break;
    case EC_MISH: activate_backward_all(d_x, d_y, in, y, n, EC_MISH); break;
    case EC_HARD_SILU: activate_backward_all(d_x, d_y, in, y, n, EC_HARD_SILU); break;
    case EC_HARD_TANH: activate_backward_all(d_x, d_y, in, y, n, EC_HARD_TANH); break;
    case EC_TANH_SHRINK: activate_backward_all(d_x, d_y, in, y, n, EC_TANH_SHRINK); break;
    case EC_SOFT_SHRINK: activate_backward_all(d_x, d_y, in, y, n, EC_SOFT_SHRINK); break;
    case EC_HARD_SHRINK: activate_backward_all(d_x, d_y, in, y, n, EC_HARD_SHRINK); break;
    case EC_SQUAREPLUS: activate_backward_all(d_x, d_y, in, y, n, EC_SQUAREPLUS); break;
    case EC_SPARSE_PLUS: activate_backward_all(d_x, d_y, in, y, n, EC_SPARSE_PLUS); break;
    case EC_SPARSE_SIGMOID: activate_backward_all(d_x, d_y, in, y, n, EC_SPARSE_SIGMOID); break;
    case EC_LINEAR:
    case EC_ACTIVATIONS: activate_backward_all(d_x, d_y, d_y, d_y, n, EC_LINEAR); break;
    }
}

#endif
