/* The matrix kernels of "high" and "medium", where the rung has any of their own: packed and multiplied, against the
 * products of rounded values in double precision, and against the exact product within the errors that are promised. */
#include "check.h"

#include <float.h>
#include <stdlib.h>

/* The nearest bf16, ties to even; subnormal numbers become 0, what is too large infinite. */
static float rounded(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = isnan(value) || isinf(value) ? bits
           : fabsf(value) < FLT_MIN     ? bits & 0x80000000u
                                        : (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What the format multiplies: one or three products of the rounded values. */
static double term(enum ec_precision precision, float a, float b)
{
    double a_upper = rounded(a), b_upper = rounded(b);
    if (precision == EC_MEDIUM) {
        return a_upper * b_upper;
    }
    double a_lower = rounded(a - rounded(a)), b_lower = rounded(b - rounded(b));
    return a_upper * b_upper + a_upper * b_lower + a_lower * b_upper;
}

/* Of a term's size. bf16 rounds each value by up to 2^-8; bf16x3 rounds what that leaves by as much again, and leaves
 * out the product of the two lower halves. */
static double promised(enum ec_precision precision) { return precision == EC_MEDIUM ? 0x1.02p-7 : 0x3.04p-16; }

struct matrix {
    float *values;
    int64_t line_stride, depth_stride;
};

/* Layouts: 0 the depth is contiguous, 1 the lines are, 2 neither. */
static struct matrix make_matrix(int slot, int64_t lines, int64_t depth, int layout, uint64_t key)
{
    int64_t step = layout == 2 ? 2 : 1, row = ((layout == 1 ? lines : depth) + 2) * step;
    struct matrix m = {NULL, layout == 1 ? step : row, layout == 1 ? row : step};
    int64_t count = lines && depth ? (lines - 1) * m.line_stride + (depth - 1) * m.depth_stride + 1 : 0;
    m.values = slot_array(slot, count);
    fill_random(m.values, count, 1.0f, key);
    return m;
}

static int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

static void check_product(enum ec_precision precision, int rows, int cols, int64_t depth, int layout, int accumulate)
{
    const struct ec_gemm *gemm = &kernels->gemm[precision];
    int64_t stride = cols + 3, padded = round_up(depth, gemm->depth_unit) * gemm->value_bytes / 4;
    struct matrix a = make_matrix(0, rows, depth, layout, 1), b = make_matrix(1, cols, depth, layout, 2);
    float *a_panel = slot_array(2, round_up(rows, gemm->row_unit) * padded);
    float *b_panel = slot_array(3, gemm->cols * padded);
    float *out = slot_array(4, (rows - 1) * stride + cols);
    gemm->pack_a(a_panel, a.values, a.line_stride, a.depth_stride, rows, depth);
    gemm->pack_b(b_panel, b.values, b.depth_stride, b.line_stride, cols, depth);
    if (gemm->begin) {
        gemm->begin();
    }
    gemm->tile(out, stride, accumulate, a_panel, b_panel, rows, cols, depth);
    if (gemm->end) {
        gemm->end();
    }
    for (int64_t at = 0; at < (rows - 1) * stride + cols; at++) {
        int64_t row = at / stride, col = at % stride;
        if (col >= cols) {
            expect(out[at] == UNTOUCHED, "%d x %d: [%d] behind a row was written", rows, cols, (int)at);
            continue;
        }
        double of_rounded = accumulate ? UNTOUCHED : 0.0, exact = of_rounded, size = fabs(exact);
        for (int64_t k = 0; k < depth; k++) {
            float x = a.values[row * a.line_stride + k * a.depth_stride];
            float y = b.values[col * b.line_stride + k * b.depth_stride];
            of_rounded += term(precision, x, y);
            exact += (double)x * (double)y;
            size += fabs((double)x * (double)y);
        }
        double sums = 1.2e-7 * (2.0 + (double)depth) * size;
        expect(fabs(out[at] - of_rounded) <= sums && fabs(out[at] - exact) <= sums + promised(precision) * size,
               "%d x %d, depth %d, layout %d, accumulate %d: [%d, %d] is %g, not %g (exactly %g)", rows, cols,
               (int)depth, layout, accumulate, (int)row, (int)col, (double)out[at], of_rounded, exact);
    }
}

/* What x * 1 is. */
static float converted(enum ec_precision precision, float x)
{
    const struct ec_gemm *gemm = &kernels->gemm[precision];
    int64_t padded = gemm->depth_unit * gemm->value_bytes / 4;
    float *a_panel = slot_array(2, gemm->row_unit * padded), *b_panel = slot_array(3, gemm->cols * padded);
    float *out = slot_array(4, 1);
    const float one = 1.0f;
    gemm->pack_a(a_panel, &x, 1, 1, 1, 1);
    gemm->pack_b(b_panel, &one, 1, 1, 1, 1);
    if (gemm->begin) {
        gemm->begin();
    }
    gemm->tile(out, 1, 0, a_panel, b_panel, 1, 1, 1);
    if (gemm->end) {
        gemm->end();
    }
    return *out;
}

static void check_conversion(enum ec_precision precision)
{
    static const float values[] = {0.0f,       -0.0f,         1.0f,        -2.5f,    1.00390625f, 1.01171875f,
                                   1.0039063f, 0.1f,          -3.1415927f, FLT_MIN,  -FLT_MIN,    1e-40f,
                                   -1e-45f,    3.3895314e38f, 1.9999999f,  65535.0f, 123456789.0f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        float got = converted(precision, values[i]);
        double want = term(precision, values[i], 1.0f);
        expect(is_near(got, want, 1e-7, 0.0), "%g is converted to %g, not %g", (double)values[i], (double)got, want);
    }
    expect(isnan(converted(precision, NAN)), "NaN is converted to a number");
    static const float large[] = {INFINITY, -INFINITY, FLT_MAX, -FLT_MAX};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        float got = converted(precision, large[i]);
        int shows = precision == EC_MEDIUM ? isinf(got) && (got > 0) == (large[i] > 0) : !isfinite(got);
        expect(shows, "%g is converted to %g", (double)large[i], (double)got);
    }
}

void check_precision(void)
{
    for (enum ec_precision precision = EC_HIGH; precision < EC_PRECISIONS; precision++) {
        const struct ec_gemm *gemm = &kernels->gemm[precision];
        int is_fp32 = gemm->tile == kernels->gemm[EC_HIGHEST].tile;
        at_kernel(precision == EC_HIGH ? "gemm of high" : "gemm of medium");
        expect(!strcmp(gemm->name, is_fp32                ? "fp32"
                                   : precision == EC_HIGH ? "bf16x3"
                                                          : "bf16"),
               "is named %s", gemm->name);
        if (is_fp32) {
            continue;
        }
        expect(gemm->rows <= EC_GEMM_MAX_ROWS && gemm->cols <= EC_GEMM_MAX_COLS, "the tile is too large");
        static const int64_t depths[] = {0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100};
        for (int rows = 1; rows <= gemm->rows; rows++) {
            for (int cols = 1; cols <= gemm->cols; cols++) {
                check_product(precision, rows, cols, (rows * 5 + cols) % 41, (rows + cols) % 3, rows % 2);
            }
            for (size_t depth = 0; depth < sizeof depths / sizeof *depths; depth++) {
                for (int layout = 0; layout < 3; layout++) {
                    check_product(precision, rows, gemm->cols - rows % 2, depths[depth], layout, layout == 1);
                }
            }
        }
        check_conversion(precision);
    }
}
