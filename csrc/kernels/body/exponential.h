/* Vectorised exp, expm1, log1p and tanh and the normal distribution, within about two units in the last place.
 * Polynomials are near-minimax fits (weighted least squares, iterated) over the reduced ranges named beside them. */
#ifndef EC_KERNELS_BODY_EXPONENTIAL_H
#define EC_KERNELS_BODY_EXPONENTIAL_H

#define ROUNDER 12582912.0f /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the sum */

/* The parts of exp(x) = 2^n (1 + m): n as an integer (also as a float), and m = exp(r) - 1 with |r| <= ln(2) / 2. */
struct exponent {
    vec n, m;
    ivec n_bits;
};

INLINE struct exponent exponent_of(vec x)
{
    vec rounder = vec_set(ROUNDER), shifted = vec_fma(x, vec_set(1.44269504f), rounder);
    vec n = vec_sub(shifted, rounder);
    /* ln(2) in two parts, the first short enough that n times it is exact. */
    vec r = vec_fnma(n, vec_set(1.42860677e-6f), vec_fnma(n, vec_set(0.693145752f), x));
    vec q = vec_set(0.0013951717410236597f);
    q = vec_fma(q, r, vec_set(0.008369598537683487f));
    q = vec_fma(q, r, vec_set(0.0416661873459816f));
    q = vec_fma(q, r, vec_set(0.16666512191295624f));
    q = vec_fma(q, r, vec_set(0.5f));
    return (struct exponent){n, vec_fma(vec_mul(r, r), q, r), ivec_sub(vec_bits(shifted), vec_bits(rounder))};
}

/* 2^n for integers of -126 to 127 */
INLINE vec power_of_two(ivec n) { return ivec_as_floats(ivec_shift_left(ivec_add(n, ivec_set(127)), 23)); }

INLINE vec vec_clamp(vec x, float low, float high) { return vec_max(vec_set(low), vec_min(vec_set(high), x)); }

/* 0 to infinity, denormal results included: 2^n in two factors, as n reaches from -150 to 128. */
INLINE vec vec_exp(vec x)
{
    struct exponent e = exponent_of(vec_clamp(x, -104.0f, 89.0f));
    vec rounder = vec_set(ROUNDER);
    ivec half = ivec_sub(vec_bits(vec_fma(e.n, vec_set(0.5f), rounder)), vec_bits(rounder));
    vec value = vec_add(vec_set(1.0f), e.m);
    return vec_mul(vec_mul(value, power_of_two(half)), power_of_two(ivec_sub(e.n_bits, half)));
}

/* exp(x) for x <= 0, down to 0 below -87: one factor is enough where nothing near the smallest floats matters. */
INLINE vec vec_exp_negative(vec x)
{
    struct exponent e = exponent_of(vec_max(vec_set(-87.0f), x));
    vec value = vec_mul(vec_add(vec_set(1.0f), e.m), power_of_two(e.n_bits));
    return vec_select(vec_less(x, vec_set(-87.0f)), vec_set(0.0f), value);
}

/* exp(x) - 1 for x <= 0, without cancellation near 0. */
INLINE vec vec_expm1_negative(vec x)
{
    struct exponent e = exponent_of(vec_max(vec_set(-30.0f), x));
    vec power = power_of_two(e.n_bits);
    return vec_fma(power, e.m, vec_sub(power, vec_set(1.0f)));
}

/* log(1 + u) for 0 <= u <= 1: 2 atanh(s) with s = u / (2 + u) <= 1/3 */
INLINE vec vec_log1p_unit(vec u)
{
    vec s = vec_div(u, vec_add(vec_set(2.0f), u)), z = vec_mul(s, s);
    vec q = vec_set(0.12150469422340393f);
    q = vec_fma(q, z, vec_set(0.10713828355073929f));
    q = vec_fma(q, z, vec_set(0.14308442175388336f));
    q = vec_fma(q, z, vec_set(0.19999438524246216f));
    q = vec_fma(q, z, vec_set(0.3333333730697632f));
    vec twice = vec_add(s, s);
    return vec_fma(vec_mul(twice, z), q, twice);
}

INLINE vec vec_negate(vec x) { return vec_sub(vec_set(-0.0f), x); }

/* The magnitude of `a` (>= 0) with the sign of `x`; `a` itself, which is NaN, where x is NaN. */
INLINE vec vec_with_sign(vec a, vec x) { return vec_select(vec_less(x, vec_set(0.0f)), vec_negate(a), a); }

/* -e / (2 + e) with e = exp(-2 |x|) - 1, exact near 0 and unable to overflow */
INLINE vec vec_tanh(vec x)
{
    vec e = vec_expm1_negative(vec_mul(vec_set(-2.0f), vec_abs(x)));
    return vec_with_sign(vec_div(vec_negate(e), vec_add(vec_set(2.0f), e)), x);
}

/* Distribution P(X <= x) and exp(-x^2 / 2) of the standard normal X. The tail is exp(-x^2 / 2) times a polynomial in
 * 1 / (1 + 0.3 |x|), the form of Abramowitz and Stegun 7.1.26, fitted anew: its absolute error is below 1e-9. */
struct normal {
    vec below, bell;
};

INLINE struct normal normal_of(vec x)
{
    vec bell = vec_exp_negative(vec_mul(vec_mul(vec_set(-0.5f), x), x));
    vec t = vec_div(vec_set(1.0f), vec_fma(vec_set(0.3f), vec_abs(x), vec_set(1.0f)));
    vec q = vec_set(0.021097876131534576f);
    q = vec_fma(q, t, vec_set(-0.07937721908092499f));
    q = vec_fma(q, t, vec_set(0.03039783611893654f));
    q = vec_fma(q, t, vec_set(0.1646919697523117f));
    q = vec_fma(q, t, vec_set(-0.03213281184434891f));
    q = vec_fma(q, t, vec_set(0.1700434684753418f));
    q = vec_fma(q, t, vec_set(0.10394040495157242f));
    q = vec_fma(q, t, vec_set(0.12133847922086716f));
    vec tail = vec_mul(bell, vec_mul(q, t));
    vec above_zero = vec_sub(vec_set(1.0f), tail);
    return (struct normal){vec_select(vec_less(x, vec_set(0.0f)), tail, above_zero), bell};
}

#endif
