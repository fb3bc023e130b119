/* The kinds of elementwise: a formula for the value and one for each slope, in a table. The macros stand for the loops
 * only; a, b, c are the operands' values, y the result's. Comparisons and logic give 1 and 0. */
#include "ops/elementwise.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define VALUE_1(kind, formula)                                                                                         \
    static void kind(float *y, const float *const *x, int64_t n)                                                       \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            float a = x[0][i];                                                                                         \
            y[i] = (formula);                                                                                          \
        }                                                                                                              \
    }
#define VALUE_2(kind, formula)                                                                                         \
    static void kind(float *y, const float *const *x, int64_t n)                                                       \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            float a = x[0][i], b = x[1][i];                                                                            \
            y[i] = (formula);                                                                                          \
        }                                                                                                              \
    }
#define SLOPE(operand, slope)                                                                                          \
    for (int64_t i = 0; d_x[operand] && i < n; i++) {                                                                  \
        float a = x[0][i], result = y[i];                                                                              \
        (void)a;                                                                                                       \
        (void)result;                                                                                                  \
        d_x[operand][i] = d_y[i] * (slope);                                                                            \
    }
#define BACK_1(kind, slope)                                                                                            \
    static void kind##_back(float *const *d_x, const float *d_y, const float *const *x, const float *y, int64_t n)     \
    {                                                                                                                  \
        SLOPE(0, slope)                                                                                                \
    }
#define BACK_2(kind, slope_a, slope_b)                                                                                 \
    static void kind##_back(float *const *d_x, const float *d_y, const float *const *x, const float *y, int64_t n)     \
    {                                                                                                                  \
        SLOPE(0, slope_a)                                                                                              \
        SLOPE(1, slope_b)                                                                                              \
    }
#define B (x[1][i])

VALUE_1(negative, -a)
BACK_1(negative, -1.0f)
VALUE_1(logarithm, logf(a))
BACK_1(logarithm, 1.0f / a)
VALUE_1(logarithm_1p, log1pf(a))
BACK_1(logarithm_1p, 1.0f / (1.0f + a))
VALUE_1(exponential_m1, expm1f(a))
BACK_1(exponential_m1, result + 1.0f)
VALUE_1(root, sqrtf(a))
BACK_1(root, 0.5f / result)
VALUE_1(inverse_root, 1.0f / sqrtf(a))
BACK_1(inverse_root, -0.5f * result / a)
VALUE_1(reciprocal, 1.0f / a)
BACK_1(reciprocal, -result *result)
VALUE_1(square, a *a)
BACK_1(square, 2.0f * a)
VALUE_1(absolute, fabsf(a))
BACK_1(absolute, (float)((a > 0.0f) - (a < 0.0f)))
VALUE_1(sign, a != a ? a : (float)((a > 0.0f) - (a < 0.0f)))
VALUE_1(error_function, erff(a))
BACK_1(error_function, 1.12837917f * expf(-a * a)) /* 2 / sqrt(pi) */
VALUE_1(sine, sinf(a))
BACK_1(sine, cosf(a))
VALUE_1(cosine, cosf(a))
BACK_1(cosine, -sinf(a))
VALUE_1(tangent, tanf(a))
BACK_1(tangent, 1.0f + result * result)
VALUE_1(inverse_sine, asinf(a))
BACK_1(inverse_sine, 1.0f / sqrtf(1.0f - a * a))
VALUE_1(inverse_cosine, acosf(a))
BACK_1(inverse_cosine, -1.0f / sqrtf(1.0f - a * a))
VALUE_1(inverse_tangent, atanf(a))
BACK_1(inverse_tangent, 1.0f / (1.0f + a * a))
VALUE_1(hyperbolic_sine, sinhf(a))
BACK_1(hyperbolic_sine, coshf(a))
VALUE_1(hyperbolic_cosine, coshf(a))
BACK_1(hyperbolic_cosine, sinhf(a))
VALUE_1(lower, floorf(a))
VALUE_1(upper, ceilf(a))
VALUE_1(nearest, rintf(a))
VALUE_1(toward_zero, truncf(a))
VALUE_1(same, a)
VALUE_1(is_nan, a != a ? 1.0f : 0.0f)
VALUE_1(is_finite, isfinite(a) ? 1.0f : 0.0f)
VALUE_1(is_infinite, isinf(a) ? 1.0f : 0.0f)
VALUE_1(not_true, a == 0.0f ? 1.0f : 0.0f)
VALUE_1(is_true, a != 0.0f ? 1.0f : 0.0f)

VALUE_2(subtract, a - b)
BACK_2(subtract, 1.0f, -1.0f)
VALUE_2(divide, a / b)
BACK_2(divide, 1.0f / B, -result / B)
VALUE_2(remainder_of, b == 0.0f ? NAN : a - b * floorf(a / b))
BACK_2(remainder_of, 1.0f, -floorf(a / B))
VALUE_2(power, powf(a, b))
BACK_2(power, B == 0.0f ? 0.0f : B * powf(a, B - 1.0f), a > 0.0f ? result * logf(a) : 0.0f)
/* The first of equal ones gets the gradient; NaN wins over numbers. */
VALUE_2(maximum, a >= b || a != a ? a : b)
BACK_2(maximum, a >= B || a != a ? 1.0f : 0.0f, a >= B || a != a ? 0.0f : 1.0f)
VALUE_2(minimum, a <= b || a != a ? a : b)
BACK_2(minimum, a <= B || a != a ? 1.0f : 0.0f, a <= B || a != a ? 0.0f : 1.0f)
VALUE_2(angle_of, atan2f(a, b))
BACK_2(angle_of, B / (a * a + B * B), -a / (a * a + B * B))
VALUE_2(equal, a == b ? 1.0f : 0.0f)
VALUE_2(not_equal, a != b ? 1.0f : 0.0f)
VALUE_2(less, a < b ? 1.0f : 0.0f)
VALUE_2(less_equal, a <= b ? 1.0f : 0.0f)
VALUE_2(greater, a > b ? 1.0f : 0.0f)
VALUE_2(greater_equal, a >= b ? 1.0f : 0.0f)
VALUE_2(logical_and, a != 0.0f && b != 0.0f ? 1.0f : 0.0f)
VALUE_2(logical_or, a != 0.0f || b != 0.0f ? 1.0f : 0.0f)

static void zero(float *y, const float *const *x, int64_t n)
{
    (void)x;
    ec_kernels()->fill(y, 0.0f, n);
}

static void one(float *y, const float *const *x, int64_t n)
{
    (void)x;
    ec_kernels()->fill(y, 1.0f, n);
}

static void add(float *y, const float *const *x, int64_t n)
{
    memcpy(y, x[0], (size_t)n * sizeof *y);
    ec_kernels()->add(y, x[1], n);
}

BACK_2(add, 1.0f, 1.0f)

static void multiply(float *y, const float *const *x, int64_t n) { ec_kernels()->multiply(y, x[0], x[1], n); }

static void multiply_back(float *const *d_x, const float *d_y, const float *const *x, const float *y, int64_t n)
{
    (void)y;
    for (int k = 0; k < 2; k++) {
        if (d_x[k]) {
            ec_kernels()->multiply(d_x[k], d_y, x[1 - k], n);
        }
    }
}

static void where(float *y, const float *const *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[0][i] != 0.0f ? x[1][i] : x[2][i];
    }
}

static void where_back(float *const *d_x, const float *d_y, const float *const *x, const float *y, int64_t n)
{
    (void)y;
    for (int k = 0; k < 3; k++) {
        for (int64_t i = 0; d_x[k] && i < n; i++) {
            int taken = k && (x[0][i] != 0.0f) == (k == 1);
            d_x[k][i] = taken ? d_y[i] : 0.0f;
        }
    }
}

/* name, operands, value, slopes */
#define KINDS(KIND)                                                                                                    \
    KIND("add", 2, add, add_back)                                                                                      \
    KIND("subtract", 2, subtract, subtract_back)                                                                       \
    KIND("multiply", 2, multiply, multiply_back)                                                                       \
    KIND("divide", 2, divide, divide_back)                                                                             \
    KIND("mod", 2, remainder_of, remainder_of_back)                                                                    \
    KIND("power", 2, power, power_back)                                                                                \
    KIND("maximum", 2, maximum, maximum_back)                                                                          \
    KIND("minimum", 2, minimum, minimum_back)                                                                          \
    KIND("arctan2", 2, angle_of, angle_of_back)                                                                        \
    KIND("equal", 2, equal, NULL)                                                                                      \
    KIND("not_equal", 2, not_equal, NULL)                                                                              \
    KIND("less", 2, less, NULL)                                                                                        \
    KIND("less_equal", 2, less_equal, NULL)                                                                            \
    KIND("greater", 2, greater, NULL)                                                                                  \
    KIND("greater_equal", 2, greater_equal, NULL)                                                                      \
    KIND("logical_and", 2, logical_and, NULL)                                                                          \
    KIND("logical_or", 2, logical_or, NULL)                                                                            \
    KIND("where", 3, where, where_back)                                                                                \
    KIND("negative", 1, negative, negative_back)                                                                       \
    KIND("log", 1, logarithm, logarithm_back)                                                                          \
    KIND("log1p", 1, logarithm_1p, logarithm_1p_back)                                                                  \
    KIND("expm1", 1, exponential_m1, exponential_m1_back)                                                              \
    KIND("sqrt", 1, root, root_back)                                                                                   \
    KIND("rsqrt", 1, inverse_root, inverse_root_back)                                                                  \
    KIND("reciprocal", 1, reciprocal, reciprocal_back)                                                                 \
    KIND("square", 1, square, square_back)                                                                             \
    KIND("abs", 1, absolute, absolute_back)                                                                            \
    KIND("sign", 1, sign, NULL)                                                                                        \
    KIND("erf", 1, error_function, error_function_back)                                                                \
    KIND("sin", 1, sine, sine_back)                                                                                    \
    KIND("cos", 1, cosine, cosine_back)                                                                                \
    KIND("tan", 1, tangent, tangent_back)                                                                              \
    KIND("arcsin", 1, inverse_sine, inverse_sine_back)                                                                 \
    KIND("arccos", 1, inverse_cosine, inverse_cosine_back)                                                             \
    KIND("arctan", 1, inverse_tangent, inverse_tangent_back)                                                           \
    KIND("sinh", 1, hyperbolic_sine, hyperbolic_sine_back)                                                             \
    KIND("cosh", 1, hyperbolic_cosine, hyperbolic_cosine_back)                                                         \
    KIND("floor", 1, lower, NULL)                                                                                      \
    KIND("ceil", 1, upper, NULL)                                                                                       \
    KIND("round", 1, nearest, NULL)                                                                                    \
    KIND("trunc", 1, toward_zero, NULL)                                                                                \
    KIND("stop_gradient", 1, same, NULL)                                                                               \
    KIND("zeros_like", 1, zero, NULL)                                                                                  \
    KIND("ones_like", 1, one, NULL)                                                                                    \
    KIND("isnan", 1, is_nan, NULL)                                                                                     \
    KIND("isfinite", 1, is_finite, NULL)                                                                               \
    KIND("isinf", 1, is_infinite, NULL)                                                                                \
    KIND("logical_not", 1, not_true, NULL)                                                                             \
    KIND("is_true", 1, is_true, NULL)

#define ENTRY(name, operands, value, slopes) {name, operands, value, slopes},
#define NAME(name, operands, value, slopes) name,
const struct ec_elementwise_kind ec_elementwise_kinds[] = {KINDS(ENTRY){NULL, 0, NULL, NULL}};
const char *const ec_elementwise_names[] = {KINDS(NAME) NULL};
