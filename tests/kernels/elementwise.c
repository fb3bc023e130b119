/* fill, add, add_scaled, scale, multiply, maximum_into, add_where, add_bias, column_sum, sum_squares, centered_sums and
 * centered_scale. */
#include "check.h"

/* Which kernel a step of the loop below runs. */
enum step {
    FILL,
    ADD,
    ADD_SCALED,
    SCALE,
    MULTIPLY,
    MULTIPLY_IN_PLACE,
    STEPS
};

static void check_step(enum step step, int64_t n)
{
    static const char *const names[STEPS] = {"fill", "add", "add_scaled", "scale", "multiply", "multiply in place"};
    float *out = slot_array(0, n), *a = slot_array(1, n), *b = slot_array(2, n);
    at_kernel(names[step]);
    fill_random(a, n, 2.0f, 1);
    fill_random(b, n, 2.0f, 2);
    switch (step) {
    case FILL: kernels->fill(out, 0.75f, n); break;
    case ADD: kernels->add(out, a, n); break;
    case ADD_SCALED: kernels->add_scaled(out, a, -3.0f, n); break;
    case SCALE: kernels->scale(out, a, 0.3f, n); break;
    case MULTIPLY: kernels->multiply(out, a, b, n); break;
    case MULTIPLY_IN_PLACE:
        memcpy(out, a, (size_t)n * sizeof *out);
        kernels->multiply(out, out, b, n);
        break;
    case STEPS: break;
    }
    for (int64_t i = 0; i < n; i++) {
        const double wants[STEPS] = {0.75,
                                     (double)UNTOUCHED + (double)a[i],
                                     (double)UNTOUCHED - 3.0 * (double)a[i],
                                     (double)0.3f * (double)a[i],
                                     (double)a[i] * (double)b[i],
                                     (double)a[i] * (double)b[i]};
        expect(is_near(out[i], wants[step], 1.2e-7, 0), "n %d: [%d] is %g, not %g", (int)n, (int)i, (double)out[i],
               wants[step]);
    }
}

static void check_maximum_into(int64_t n)
{
    at_kernel("maximum_into");
    float *out = slot_array(0, n), *in = slot_array(1, n);
    int32_t *at = slot_numbers(2, n);
    for (int64_t i = 0; i < n; i++) {
        const float values[] = {-1.0f, 0.0f, 1.0f, NAN, -INFINITY, INFINITY};
        out[i] = values[i % 6];
        in[i] = values[i / 6 % 6];
        at[i] = (int32_t)i;
    }
    kernels->maximum_into(out, at, in, -7, n);
    for (int64_t i = 0; i < n; i++) {
        const float values[] = {-1.0f, 0.0f, 1.0f, NAN, -INFINITY, INFINITY};
        float old = values[i % 6];
        int wins = in[i] > old || (isnan(in[i]) && !isnan(old));
        expect(is_near(out[i], wins ? in[i] : old, 0, 0) && at[i] == (wins ? -7 : i), "n %d: [%d] is %g at %d", (int)n,
               (int)i, (double)out[i], at[i]);
    }
}

static void check_add_where(int64_t n)
{
    at_kernel("add_where");
    float *out = slot_array(0, n), *in = slot_array(1, n);
    int32_t *at = slot_numbers(2, n);
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)i;
        in[i] = i % 5 == 4 ? NAN : 0.5f;
        at[i] = i % 5 == 1 ? 2000000001 : i % 5 == 2 ? -1 : 2000000000;
    }
    kernels->add_where(out, in, at, 2000000000, n);
    for (int64_t i = 0; i < n; i++) {
        float want = (float)i + (i % 5 == 1 || i % 5 == 2 ? 0.0f : in[i]);
        expect(is_near(out[i], want, 0, 0), "n %d: [%d] is %g, not %g", (int)n, (int)i, (double)out[i], (double)want);
    }
}

void check_elementwise(void)
{
    int64_t n;
    for (int number = 0; (n = edge_size(number)) >= 0; number++) {
        for (enum step step = FILL; step < STEPS; step++) {
            check_step(step, n);
        }
        check_maximum_into(n);
        check_add_where(n);
    }
}

static void check_rows(int64_t rows, int64_t cols)
{
    int64_t stride = cols + 2, count = rows ? (rows - 1) * stride + cols : 0;
    float *in = slot_array(0, count), *sum = slot_array(1, cols);
    fill_random(in, count, 1.0f, 3);
    at_kernel("column_sum");
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        sum = slot_array(1, cols);
        kernels->column_sum(sum, accumulate, in, stride, rows, cols);
        for (int64_t c = 0; c < cols; c++) {
            double want = accumulate ? (double)UNTOUCHED : 0.0;
            for (int64_t r = 0; r < rows; r++) {
                want += (double)in[r * stride + c];
            }
            expect(is_near(sum[c], want, 1e-7 * (1.0 + (double)rows), 1e-7 * (double)rows),
                   "%d x %d: [%d] is %g, not %g", (int)rows, (int)cols, (int)c, (double)sum[c], want);
        }
    }
    at_kernel("add_bias");
    float *out = slot_array(2, count), *bias = slot_array(3, cols);
    fill_random(bias, cols, 1.0f, 4);
    kernels->add_bias(out, stride, bias, rows, cols);
    for (int64_t at = 0; at < count; at++) {
        float want = at % stride < cols ? UNTOUCHED + bias[at % stride] : UNTOUCHED;
        expect(out[at] == want, "%d x %d: [%d]", (int)rows, (int)cols, (int)at);
    }
}

static void check_centered(int64_t rows, int64_t cols)
{
    float *in = slot_array(0, rows * cols), *other = slot_array(1, rows * cols), *factors = slot_array(2, 4 * cols);
    fill_random(in, rows * cols, 1.0f, 5);
    fill_random(other, rows * cols, 1.0f, 6);
    fill_random(factors, 4 * cols, 1.0f, 7);
    const float *center = factors, *scale = center + cols, *offset = scale + cols, *share = offset + cols;
    for (int way = 0; way < 2; way++) {
        const float *beside = way ? other : NULL;
        float *out = slot_array(3, rows * cols), *sum = slot_array(4, cols), *product = slot_array(5, cols);
        at_kernel("centered_scale");
        kernels->centered_scale(out, way, in, center, scale, offset, beside, share, rows, cols);
        for (int64_t at = 0; at < rows * cols; at++) {
            int64_t c = at % cols;
            double want = (double)scale[c] * ((double)in[at] - (double)center[c]) + (double)offset[c];
            want += way ? (double)share[c] * (double)other[at] + (double)UNTOUCHED : 0.0;
            expect(is_near(out[at], want, 2e-7, 1e-6), "%d x %d: [%d] is %g, not %g", (int)rows, (int)cols, (int)at,
                   (double)out[at], want);
        }
        at_kernel("centered_sums");
        kernels->centered_sums(sum, product, in, center, beside, rows, cols);
        for (int64_t c = 0; c < cols; c++) {
            double first = 0.0, second = 0.0;
            for (int64_t at = c; at < rows * cols; at += cols) {
                double apart = (double)in[at] - (double)center[c], value = way ? (double)other[at] : apart;
                first += value;
                second += value * apart;
            }
            expect(is_near(sum[c], first, 1e-6, 1e-5) && is_near(product[c], second, 1e-6, 1e-5),
                   "%d x %d: [%d] is %g and %g, not %g and %g", (int)rows, (int)cols, (int)c, (double)sum[c],
                   (double)product[c], first, second);
        }
    }
}

void check_reductions(void)
{
    int64_t n;
    for (int number = 0; (n = edge_size(number)) >= 0; number++) {
        for (int64_t rows = 0; rows < 20; rows = 2 * rows + 1) {
            check_rows(rows, n);
            check_centered(rows, n);
        }
        at_kernel("sum_squares");
        float *in = slot_array(0, n);
        fill_random(in, n, 1e25f, 5); /* squares that do not fit in float */
        double want = 0.0;
        for (int64_t i = 0; i < n; i++) {
            want += (double)in[i] * (double)in[i];
        }
        expect(is_near(kernels->sum_squares(in, n), want, 1e-14, 0), "n %d", (int)n);
        if (n) {
            in[n - 1] = NAN;
            expect(isnan(kernels->sum_squares(in, n)), "n %d: NaN is lost", (int)n);
        }
    }
}
