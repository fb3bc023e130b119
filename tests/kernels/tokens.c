/* window_max, weighted_sum, row_products, add_to_rows and gather_rows. */
#include "check.h"

/* The largest sum and its first window, as kernels.h defines them; sums in float with taps rising, as the kernel does,
 * so that ties are the same ones. */
static void slow_window_max(float *best, int32_t *best_at, const float *products, int64_t stride, const int32_t *index,
                            int64_t filters, int64_t windows, int taps)
{
    for (int64_t f = 0; f < filters; f++) {
        for (int32_t t = 0; t < windows; t++) {
            float sum = products[index[t] * stride + f];
            for (int j = 1; j < taps; j++) {
                sum += products[index[t + j] * stride + j * filters + f];
            }
            if (t == 0 || sum > best[f] || (isnan(sum) && !isnan(best[f]))) {
                best[f] = sum;
                best_at[f] = t;
            }
        }
    }
}

/* Kinds: 0: plain values, 1: few values, so that windows tie, 2: with NaN, 3: with minus infinity everywhere. */
static void check_window_max_of(int64_t filters, int64_t windows, int taps, int kind)
{
    enum {
        DISTINCT = 9
    };
    static float best[2048];
    static int32_t best_at[2048];
    int64_t stride = filters * taps + 1, count = (DISTINCT - 1) * stride + filters * taps;
    float *products = slot_array(0, count), *out = slot_array(1, filters);
    int32_t *index = slot_numbers(2, windows + taps - 1), *out_at = slot_numbers(3, filters);
    fill_random(products, count, 1.0f, (uint64_t)filters);
    fill_numbers(index, windows + taps - 1, DISTINCT, (uint64_t)windows);
    for (int64_t i = 0; i < count; i++) {
        products[i] = kind == 1 ? roundf(products[i]) : products[i];
        products[i] = kind == 2 && i % 11 == 3 ? NAN : products[i];
        products[i] = kind == 3 ? -INFINITY : products[i];
    }
    slow_window_max(best, best_at, products, stride, index, filters, windows, taps);
    kernels->window_max(out, out_at, products, stride, index, filters, windows, taps);
    for (int64_t f = 0; f < filters; f++) {
        expect(is_near(out[f], best[f], 0, 0) && out_at[f] == best_at[f],
               "%d filters, %d windows, %d taps, kind %d: filter %d is %g at %d, not %g at %d", (int)filters,
               (int)windows, taps, kind, (int)f, (double)out[f], (int)out_at[f], (double)best[f], (int)best_at[f]);
    }
}

static void check_weighted_sum_of(int64_t width, int64_t count, int accumulate, int weighted)
{
    enum {
        ROWS = 13
    };
    int64_t stride = width + 2, values = (ROWS - 1) * stride + width;
    float *rows = slot_array(0, values), *out = slot_array(1, width), *weight = slot_array(2, count);
    int32_t *index = slot_numbers(3, count);
    fill_random(rows, values, 1.0f, 5);
    fill_random(weight, count, 1.0f, 6);
    fill_numbers(index, count, ROWS, 7);
    kernels->weighted_sum(out, accumulate, rows, stride, index, weighted ? weight : NULL, count, width);
    for (int64_t c = 0; c < width; c++) {
        double want = 0.0;
        for (int64_t i = 0; i < count; i++) {
            want += (weighted ? (double)weight[i] : 1.0) * (double)rows[index[i] * stride + c];
        }
        want += accumulate ? (double)UNTOUCHED : 0.0;
        expect(is_near(out[c], want, 2e-7, 2e-7 * (double)count),
               "width %d, count %d, accumulate %d: [%d] is %g, not %g", (int)width, (int)count, accumulate, (int)c,
               (double)out[c], want);
    }
}

static void check_row_products_of(int64_t width, int64_t count)
{
    enum {
        ROWS = 9
    };
    int64_t stride = width + 1, values = (ROWS - 1) * stride + width;
    float *rows = slot_array(0, values), *out = slot_array(1, count), *x = slot_array(2, width);
    int32_t *index = slot_numbers(3, count);
    fill_random(rows, values, 1.0f, 16);
    fill_random(x, width, 1.0f, 17);
    fill_numbers(index, count, ROWS, 18);
    kernels->row_products(out, rows, stride, index, count, x, width);
    for (int64_t i = 0; i < count; i++) {
        double want = 0.0;
        for (int64_t c = 0; c < width; c++) {
            want += (double)rows[index[i] * stride + c] * (double)x[c];
        }
        expect(is_near(out[i], want, 2e-7, 2e-7 * (double)width), "width %d, count %d: [%d] is %g, not %g", (int)width,
               (int)count, (int)i, (double)out[i], want);
    }
}

/* As add_scaled, row after row, bit for bit; rows are as close as they can be, and those to be asked for are more than,
 * as many as, or fewer than those that are added to. */
static void check_add_to_rows_of(int64_t width, int64_t count, int64_t later_count)
{
    enum {
        ROWS = 11
    };
    float *rows = slot_array(0, ROWS * width), *want = slot_array(1, ROWS * width), *step = slot_array(2, width);
    float *weight = slot_array(3, count);
    int32_t *index = slot_numbers(4, count), *later = slot_numbers(5, later_count);
    fill_random(rows, ROWS * width, 1.0f, 11);
    fill_random(step, width, 1.0f, 12);
    fill_random(weight, count, 1.0f, 13);
    fill_numbers(index, count, ROWS, 14);
    fill_numbers(later, later_count, ROWS, 15);
    for (int64_t i = 0; i < ROWS * width; i++) {
        want[i] = rows[i];
    }
    for (int64_t i = 0; i < count; i++) {
        kernels->add_scaled(want + index[i] * width, step, weight[i], width);
    }
    kernels->add_to_rows(rows, width, index, weight, count, step, width, later, later_count);
    for (int64_t i = 0; i < ROWS * width; i++) {
        expect(rows[i] == want[i], "width %d, count %d, later %d: [%d] is %g, not %g", (int)width, (int)count,
               (int)later_count, (int)i, (double)rows[i], (double)want[i]);
    }
}

static void check_gather_rows_of(int64_t width, int64_t out_stride, int64_t count)
{
    enum {
        ROWS = 7
    };
    int64_t stride = width + 1;
    float *table = slot_array(0, (ROWS - 1) * stride + width), *out = slot_array(1, count * out_stride);
    int32_t *index = slot_numbers(2, count);
    fill_random(table, (ROWS - 1) * stride + width, 1.0f, 8);
    fill_numbers(index, count, ROWS + 1, 9);
    for (int64_t i = 0; i < count; i++) {
        index[i]--; /* -1: a row of zeros */
    }
    kernels->gather_rows(out, out_stride, table, stride, index, count, width);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t c = 0; c < out_stride; c++) {
            float want = c < width && index[i] >= 0 ? table[index[i] * stride + c] : 0.0f;
            expect(out[i * out_stride + c] == want, "width %d, stride %d: [%d, %d]", (int)width, (int)out_stride,
                   (int)i, (int)c);
        }
    }
}

void check_tokens(void)
{
    at_kernel("window_max");
    int64_t size;
    for (int number = 0; (size = edge_size(number)) >= 0; number++) {
        for (int64_t windows = 1; windows < 30; windows = 2 * windows + 1) {
            for (int taps = 1; taps <= 5; taps += 2) {
                for (int kind = 0; kind < 4; kind++) {
                    check_window_max_of(size, windows, taps, kind);
                }
            }
        }
    }
    at_kernel("weighted_sum");
    for (int64_t width = 0; width <= 700; width += width < 70 ? 1 : 37) {
        for (int variant = 0; variant < 4; variant++) {
            check_weighted_sum_of(width, width % 6, variant & 1, variant & 2);
            check_weighted_sum_of(width, 50, variant & 1, variant & 2);
        }
    }
    at_kernel("row_products");
    for (int64_t width = 0; width <= 140; width += width < 70 ? 1 : 13) {
        check_row_products_of(width, width % 9);
        check_row_products_of(width, 13);
    }
    at_kernel("add_to_rows");
    for (int64_t width = 1; width <= 140; width += width < 70 ? 1 : 13) {
        check_add_to_rows_of(width, 20, 33);
        check_add_to_rows_of(width, 7, 7);
        check_add_to_rows_of(width, 15, 0);
        check_add_to_rows_of(width, 0, 0);
    }
    at_kernel("gather_rows");
    for (int number = 0; (size = edge_size(number)) >= 0; number++) {
        check_gather_rows_of(size, size, 5);
        check_gather_rows_of(size, size + 1, 5);
        check_gather_rows_of(size, size + 3 * kernels->lanes - 1, 11);
        check_gather_rows_of(size, size, 0);
    }
}
