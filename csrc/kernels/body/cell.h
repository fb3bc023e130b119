/* The cells of recurrent layers: gates of one row to its new state, and back. matrix/recurrence_forward.c and
 * recurrence_backward.c call them right beside the product of a step, for 16 to 256 units of a row at a time. The usual
 * functions (tanh, sigmoid) are constants of the inlined loops; any others take the switch in every turn. */
#ifndef EC_KERNELS_BODY_CELL_H
#define EC_KERNELS_BODY_CELL_H

#include "kernels/body/activation.h"
#include "kernels/body/partial.h"
#include "kernels/kernels.h"

/* Where the function is not a constant, a call: with a switch for each of its values inlined, a loop takes gcc minutes
 * to optimise. */
static __attribute__((noinline)) vec any_value(vec x, enum ec_activation activation) { return value_of(x, activation); }
static __attribute__((noinline)) vec any_slope(vec x, vec y, enum ec_activation activation)
{
    return slope_of(x, y, activation);
}
INLINE vec cell_value(vec x, const enum ec_activation activation)
{
    return __builtin_constant_p(activation) ? value_of(x, activation) : any_value(x, activation);
}
INLINE vec cell_slope(vec x, vec y, const enum ec_activation activation)
{
    return __builtin_constant_p(activation) ? slope_of(x, y, activation) : any_slope(x, y, activation);
}

INLINE void lstm_cell_all(float *h, float *c, float *gates, int64_t stride, const float *c_before, int64_t n,
                          const enum ec_activation activation, const enum ec_activation gate_activation)
{
    float *in = gates, *forget = gates + stride, *candidate = forget + stride, *out = candidate + stride;
    for (int64_t u = 0; u < n; u += LANES) {
        vec i = cell_value(vec_load_upto(in + u, n - u), gate_activation);
        vec f = cell_value(vec_load_upto(forget + u, n - u), gate_activation);
        vec g = cell_value(vec_load_upto(candidate + u, n - u), activation);
        vec o = cell_value(vec_load_upto(out + u, n - u), gate_activation);
        vec cell = vec_fma(f, vec_load_upto(c_before + u, n - u), vec_mul(i, g));
        vec_store_upto(in + u, n - u, i);
        vec_store_upto(forget + u, n - u, f);
        vec_store_upto(candidate + u, n - u, g);
        vec_store_upto(out + u, n - u, o);
        vec_store_upto(c + u, n - u, cell);
        vec_store_upto(h + u, n - u, vec_mul(o, cell_value(cell, activation)));
    }
}

static void lstm_cell(float *h, float *c, float *gates, int64_t stride, const float *c_before, int64_t n,
                      enum ec_activation activation, enum ec_activation gate_activation)
{
    if (activation == EC_TANH && gate_activation == EC_SIGMOID) {
        lstm_cell_all(h, c, gates, stride, c_before, n, EC_TANH, EC_SIGMOID);
    } else {
        lstm_cell_all(h, c, gates, stride, c_before, n, activation, gate_activation);
    }
}

INLINE void lstm_cell_backward_all(float *gates, int64_t stride, float *d_c, const float *d_h, const float *c,
                                   const float *c_before, int64_t n, const enum ec_activation activation,
                                   const enum ec_activation gate_activation)
{
    float *in = gates, *forget = gates + stride, *candidate = forget + stride, *out = candidate + stride;
    for (int64_t u = 0; u < n; u += LANES) {
        vec i = vec_load_upto(in + u, n - u), f = vec_load_upto(forget + u, n - u);
        vec g = vec_load_upto(candidate + u, n - u), o = vec_load_upto(out + u, n - u);
        vec squashed = cell_value(vec_load_upto(c + u, n - u), activation), dh = vec_load_upto(d_h + u, n - u);
        vec slope = vec_mul(o, cell_slope(squashed, squashed, activation));
        vec dc = vec_fma(dh, slope, vec_load_upto(d_c + u, n - u));
        vec before = vec_load_upto(c_before + u, n - u);
        vec_store_upto(in + u, n - u, vec_mul(vec_mul(dc, g), cell_slope(i, i, gate_activation)));
        vec_store_upto(forget + u, n - u, vec_mul(vec_mul(dc, before), cell_slope(f, f, gate_activation)));
        vec_store_upto(candidate + u, n - u, vec_mul(vec_mul(dc, i), cell_slope(g, g, activation)));
        vec_store_upto(out + u, n - u, vec_mul(vec_mul(dh, squashed), cell_slope(o, o, gate_activation)));
        vec_store_upto(d_c + u, n - u, vec_mul(dc, f));
    }
}

static void lstm_cell_backward(float *gates, int64_t stride, float *d_c, const float *d_h, const float *c,
                               const float *c_before, int64_t n, enum ec_activation activation,
                               enum ec_activation gate_activation)
{
    if (activation == EC_TANH && gate_activation == EC_SIGMOID) {
        lstm_cell_backward_all(gates, stride, d_c, d_h, c, c_before, n, EC_TANH, EC_SIGMOID);
    } else {
        lstm_cell_backward_all(gates, stride, d_c, d_h, c, c_before, n, activation, gate_activation);
    }
}

INLINE void gru_cell_all(float *h, float *gates, int64_t stride, const float *inner, const float *h_before, int64_t n,
                         const enum ec_activation activation, const enum ec_activation gate_activation)
{
    float *update = gates, *reset = gates + stride, *candidate = reset + stride;
    for (int64_t u = 0; u < n; u += LANES) {
        vec z = cell_value(vec_load_upto(update + u, n - u), gate_activation);
        vec r = cell_value(vec_load_upto(reset + u, n - u), gate_activation);
        vec sum = vec_fma(r, vec_load_upto(inner + u, n - u), vec_load_upto(candidate + u, n - u));
        vec g = cell_value(sum, activation);
        vec_store_upto(update + u, n - u, z);
        vec_store_upto(reset + u, n - u, r);
        vec_store_upto(candidate + u, n - u, g);
        /* z h' + (1 - z) g */
        vec_store_upto(h + u, n - u, vec_fma(z, vec_sub(vec_load_upto(h_before + u, n - u), g), g));
    }
}

static void gru_cell(float *h, float *gates, int64_t stride, const float *inner, const float *h_before, int64_t n,
                     enum ec_activation activation, enum ec_activation gate_activation)
{
    if (activation == EC_TANH && gate_activation == EC_SIGMOID) {
        gru_cell_all(h, gates, stride, inner, h_before, n, EC_TANH, EC_SIGMOID);
    } else {
        gru_cell_all(h, gates, stride, inner, h_before, n, activation, gate_activation);
    }
}

INLINE void gru_cell_backward_all(float *gates, int64_t stride, float *inner, float *d_direct, const float *d_h,
                                  const float *h_before, int64_t n, const enum ec_activation activation,
                                  const enum ec_activation gate_activation)
{
    float *update = gates, *reset = gates + stride, *candidate = reset + stride;
    for (int64_t u = 0; u < n; u += LANES) {
        vec z = vec_load_upto(update + u, n - u), r = vec_load_upto(reset + u, n - u);
        vec g = vec_load_upto(candidate + u, n - u);
        vec dh = vec_add(vec_load_upto(d_h + u, n - u), vec_load_upto(d_direct + u, n - u));
        vec d_z = vec_mul(dh, vec_sub(vec_load_upto(h_before + u, n - u), g));
        vec d_sum = vec_mul(vec_fnma(z, dh, dh), cell_slope(g, g, activation));
        vec d_r = vec_mul(d_sum, vec_load_upto(inner + u, n - u));
        vec_store_upto(update + u, n - u, vec_mul(d_z, cell_slope(z, z, gate_activation)));
        vec_store_upto(reset + u, n - u, vec_mul(d_r, cell_slope(r, r, gate_activation)));
        vec_store_upto(candidate + u, n - u, d_sum);
        vec_store_upto(inner + u, n - u, vec_mul(d_sum, r));
        vec_store_upto(d_direct + u, n - u, vec_mul(dh, z));
    }
}

static void gru_cell_backward(float *gates, int64_t stride, float *inner, float *d_direct, const float *d_h,
                              const float *h_before, int64_t n, enum ec_activation activation,
                              enum ec_activation gate_activation)
{
    if (activation == EC_TANH && gate_activation == EC_SIGMOID) {
        gru_cell_backward_all(gates, stride, inner, d_direct, d_h, h_before, n, EC_TANH, EC_SIGMOID);
    } else {
        gru_cell_backward_all(gates, stride, inner, d_direct, d_h, h_before, n, activation, gate_activation);
    }
}

INLINE void gru_update_all(float *h, const float *update, float *candidate, const float *h_before, int64_t n,
                           const enum ec_activation activation)
{
    for (int64_t u = 0; u < n; u += LANES) {
        vec g = cell_value(vec_load_upto(candidate + u, n - u), activation);
        vec change = vec_sub(vec_load_upto(h_before + u, n - u), g);
        vec_store_upto(candidate + u, n - u, g);
        vec_store_upto(h + u, n - u, vec_fma(vec_load_upto(update + u, n - u), change, g));
    }
}

static void gru_update(float *h, const float *update, float *candidate, const float *h_before, int64_t n,
                       enum ec_activation activation)
{
    if (activation == EC_TANH) {
        gru_update_all(h, update, candidate, h_before, n, EC_TANH);
    } else {
        gru_update_all(h, update, candidate, h_before, n, activation);
    }
}

INLINE void gru_update_backward_all(float *update, float *candidate, float *d_direct, const float *d_h,
                                    const float *h_before, int64_t n, const enum ec_activation activation,
                                    const enum ec_activation gate_activation)
{
    for (int64_t u = 0; u < n; u += LANES) {
        vec z = vec_load_upto(update + u, n - u), g = vec_load_upto(candidate + u, n - u);
        vec dh = vec_add(vec_load_upto(d_h + u, n - u), vec_load_upto(d_direct + u, n - u));
        vec d_z = vec_mul(dh, vec_sub(vec_load_upto(h_before + u, n - u), g));
        vec_store_upto(update + u, n - u, vec_mul(d_z, cell_slope(z, z, gate_activation)));
        vec_store_upto(candidate + u, n - u, vec_mul(vec_fnma(z, dh, dh), cell_slope(g, g, activation)));
        vec_store_upto(d_direct + u, n - u, vec_mul(dh, z));
    }
}

static void gru_update_backward(float *update, float *candidate, float *d_direct, const float *d_h,
                                const float *h_before, int64_t n, enum ec_activation activation,
                                enum ec_activation gate_activation)
{
    if (activation == EC_TANH && gate_activation == EC_SIGMOID) {
        gru_update_backward_all(update, candidate, d_direct, d_h, h_before, n, EC_TANH, EC_SIGMOID);
    } else {
        gru_update_backward_all(update, candidate, d_direct, d_h, h_before, n, activation, gate_activation);
    }
}

#endif
