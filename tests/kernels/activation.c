/* activate, activate_backward, softmax and dropout. */
#include "check.h"

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

static const double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

/* f(x) and f'(x) in double, in the form of the textbook; the limits where x is infinite. */
static double exact_value(double x, enum ec_activation activation)
{
    double inner = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    switch (activation) {
    case EC_RELU: return isnan(x) ? x : fmax(x, 0);
    case EC_TANH: return tanh(x);
    case EC_SIGMOID: return sigmoid(x);
    case EC_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case EC_SOFTSIGN: return isinf(x) ? copysign(1, x) : x / (1 + fabs(x));
    case EC_ELU: return x > 0 ? x : expm1(x);
    case EC_SELU: return selu_scale * (x > 0 ? x : selu_alpha * expm1(x));
    case EC_EXPONENTIAL: return exp(x);
    case EC_LEAKY_RELU: return x > 0 ? x : (double)0.2f * x;
    case EC_RELU6: return isnan(x) ? x : fmin(fmax(x, 0), 6);
    case EC_HARD_SIGMOID: return isnan(x) ? x : fmin(fmax(x / 6 + 0.5, 0), 1);
    case EC_SILU: return x == -INFINITY ? 0 : x * sigmoid(x);
    case EC_GELU: return x == -INFINITY ? 0 : x * 0.5 * erfc(-x * sqrt(0.5));
    case EC_GELU_TANH: return x == -INFINITY ? 0 : x * sigmoid(2 * inner);
    case EC_LOG_SIGMOID: return x > 0 ? -log1p(exp(-x)) : x - log1p(exp(x));
    case EC_MISH: return x == -INFINITY ? 0 : x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    case EC_HARD_SILU: return isnan(x) ? x : x == -INFINITY ? 0 : x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case EC_HARD_TANH: return isnan(x) ? x : fmin(fmax(x, -1), 1);
    case EC_TANH_SHRINK: return x - tanh(x);
    case EC_SOFT_SHRINK: return isnan(x) ? x : x - fmin(fmax(x, -0.5), 0.5);
    case EC_HARD_SHRINK: return fabs(x) <= 0.5 ? 0 : x;
    case EC_SQUAREPLUS: return x < 0 ? 2 / (sqrt(x * x + 4) - x) : (x + sqrt(x * x + 4)) / 2;
    case EC_SPARSE_PLUS: return x >= 1 ? x : x <= -1 ? 0 : (x + 1) * (x + 1) / 4;
    case EC_SPARSE_SIGMOID: return isnan(x) ? x : fmin(fmax((x + 1) / 2, 0), 1);
    case EC_LINEAR:
    case EC_ACTIVATIONS: break;
    }
    return x;
}

static double exact_slope(double x, enum ec_activation activation)
{
    double s = sigmoid(x), pi = acos(-1), inner = 2 * sqrt(2 / pi) * (x + 0.044715 * x * x * x), size = 1 + fabs(x);
    if (isnan(x)) { /* the piecewise constant ones go by comparisons */
        return x;
    }
    switch (activation) {
    case EC_RELU: return x > 0;
    case EC_TANH: return 1 - tanh(x) * tanh(x);
    case EC_SIGMOID: return s * (1 - s);
    case EC_SOFTPLUS: return s;
    case EC_SOFTSIGN: return 1 / (size * size);
    case EC_ELU: return x > 0 ? 1 : exp(x);
    case EC_SELU: return selu_scale * (x >= 0 ? 1 : selu_alpha * exp(x));
    case EC_EXPONENTIAL: return exp(x);
    case EC_LEAKY_RELU: return x > 0 ? 1 : (double)0.2f;
    case EC_RELU6: return x > 0 && x < 6;
    case EC_HARD_SIGMOID: return fabs(x) < 3 ? 1.0 / 6 : 0;
    case EC_SILU: return isinf(x) ? x > 0 : s + x * s * sigmoid(-x);
    case EC_GELU: return isinf(x) ? x > 0 : 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-x * x / 2) / sqrt(2 * pi);
    case EC_GELU_TANH:
        return fabs(x) > 100 ? x > 0
                             : sigmoid(inner) +
                                   x * sigmoid(inner) * sigmoid(-inner) * 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x);
    case EC_LOG_SIGMOID: return sigmoid(-x);
    case EC_MISH: {
        double t = tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
        return isinf(x) ? x > 0 : t + x * s * (1 - t * t);
    }
    case EC_HARD_SILU: return fabs(x) < 3 ? x / 3 + 0.5 : x > 0;
    case EC_HARD_TANH: return fabs(x) < 1;
    case EC_TANH_SHRINK: return tanh(x) * tanh(x);
    case EC_SOFT_SHRINK:
    case EC_HARD_SHRINK: return fabs(x) > 0.5;
    case EC_SQUAREPLUS: return isinf(x) ? x > 0 : exact_value(x, activation) / sqrt(x * x + 4);
    case EC_SPARSE_PLUS: return x >= 1 ? 1 : x <= -1 ? 0 : (x + 1) / 2;
    case EC_SPARSE_SIGMOID: return fabs(x) < 1 ? 0.5 : 0;
    case EC_LINEAR:
    case EC_ACTIVATIONS: break;
    }
    return 1;
}

/* What is too large for float is infinity there. */
static double in_range_of_float(double x) { return fabs(x) > 3.4028235677973366e38 ? copysign(INFINITY, x) : x; }

static int finds_slope_from_y(enum ec_activation activation)
{
    return activation < EC_SILU || activation == EC_LOG_SIGMOID;
}

static void check_slopes(enum ec_activation activation, const float *x, const float *y, int64_t n)
{
    float *d_y = slot_array(2, n), *d_x = slot_array(3, n);
    fill_random(d_y, n, 1.0f, 2);
    kernels->activate_backward(d_x, d_y, finds_slope_from_y(activation) ? NULL : x, y, activation, n);
    for (int64_t i = 0; i < n; i++) {
        /* Rounded y can reach the bend before x does. */
        if ((activation == EC_HARD_SIGMOID && fabs(fabs(x[i]) - 3) < 1e-6) || isnan(x[i])) {
            continue;
        }
        double slope = in_range_of_float(exact_slope(x[i], activation));
        double want = in_range_of_float((double)d_y[i] * slope);
        expect(is_near(d_x[i], want, 1e-6, 5e-7 * fabs((double)d_y[i])), "activation %d: f'(%.9g) is %.9g, not %.9g",
               (int)activation, (double)x[i], (double)d_x[i] / (double)d_y[i], slope);
    }
}

static void check_values(enum ec_activation activation, float scale, int64_t n)
{
    const float special[] = {0.0f,    -0.0f,   NAN,    INFINITY, -INFINITY, 3e38f, -3e38f, 1e-30f, -1e-30f,
                             88.722f, -87.33f, 103.9f, -103.9f,  6.0f,      -3.0f, 3.0f,   0.625f, -0.625f};
    float *x = slot_array(0, n), *y = slot_array(1, n);
    fill_random(x, n, scale, (uint64_t)n);
    for (size_t i = 0; n > 64 && i < sizeof special / sizeof *special; i++) {
        x[i * 3] = special[i];
    }
    at_kernel("activate");
    kernels->activate(y, x, activation, n);
    for (int64_t i = 0; i < n; i++) {
        double want = in_range_of_float(exact_value(x[i], activation));
        expect(is_near(y[i], want, 3e-7, 1e-7), "activation %d: f(%.9g) is %.9g, not %.9g", (int)activation,
               (double)x[i], (double)y[i], want);
    }
    at_kernel("activate_backward");
    check_slopes(activation, x, y, n);
    at_kernel("activate in place");
    float *copy = slot_array(4, n);
    memcpy(copy, x, (size_t)n * sizeof *x);
    kernels->activate(copy, copy, activation, n);
    expect(!memcmp(copy, y, (size_t)n * sizeof *y), "activation %d differs", (int)activation);
}

void check_activation(void)
{
    for (enum ec_activation activation = EC_LINEAR; activation < EC_ACTIVATIONS; activation++) {
        int64_t n;
        for (int number = 0; (n = edge_size(number)) >= 0; number++) {
            check_values(activation, 3.0f, n);
        }
        check_values(activation, 0.01f, 1000);
        check_values(activation, 1.0f, 100000);
        check_values(activation, 12.0f, 100000);
        check_values(activation, 110.0f, 100000);
    }
}

void check_softmax(void)
{
    at_kernel("softmax");
    int64_t n;
    for (int number = 1; (n = edge_size(number)) >= 0; number++) {
        for (float scale = 1.0f; n > 0 && scale < 1e4f; scale *= 10) {
            float *x = slot_array(0, n), *y = slot_array(1, n);
            fill_random(x, n, scale, (uint64_t)n);
            double largest = x[0], sum = 0.0;
            for (int64_t i = 1; i < n; i++) {
                largest = (double)x[i] > largest ? (double)x[i] : largest;
            }
            for (int64_t i = 0; i < n; i++) {
                sum += exp((double)x[i] - largest);
            }
            float got = kernels->softmax(y, x, n);
            expect(is_near(got, largest + log(sum), 3e-7, 3e-7), "n %d: log of the sum is %g", (int)n, (double)got);
            for (int64_t i = 0; i < n; i++) {
                double want = exp((double)x[i] - largest) / sum;
                expect(is_near(y[i], want, 1e-6 * (1 + (double)scale / 10), 1e-37), "n %d: [%d] is %g, not %g", (int)n,
                       (int)i, (double)y[i], want);
            }
            x[n / 2] = NAN;
            got = kernels->softmax(x, x, n);
            for (int64_t i = 0; i < n; i++) {
                expect(isnan(x[i]) && isnan(got), "n %d: NaN is lost at %d", (int)n, (int)i);
            }
        }
    }
}

void check_dropout(void)
{
    at_kernel("dropout");
    int64_t n;
    for (int number = 0; (n = edge_size(number)) >= 0; number++) {
        float *in = slot_array(0, n), *out = slot_array(1, n);
        const uint32_t thresholds[] = {0, 1u << 31, 0xc0000000u, 0xffffffffu};
        fill_random(in, n, 1.0f, 1);
        for (int t = 0; t < 4; t++) {
            uint64_t key = ec_random_key(99, (uint64_t)n);
            kernels->dropout(out, in, key, thresholds[t], 1.25f, n);
            for (int64_t i = 0; i < n; i++) {
                float want = ec_random_u32(key, (uint32_t)i) >= thresholds[t] ? in[i] * 1.25f : 0.0f;
                expect(out[i] == want, "n %d, threshold %u: [%d] is %g, not %g", (int)n, thresholds[t], (int)i,
                       (double)out[i], (double)want);
            }
        }
    }
}
