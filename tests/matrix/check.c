/* Matrix products against double precision: sizes around the edges of panels and blocks, all four layouts, strides,
 * accumulation, and the same bits from teams of 1, 2, 3, 4 and 7 threads, on every rung of the machine. Prints what
 * fails and exits with 1; `--bench [RUNG]` prints GFLOP/s and the share of the peak of fused multiply-adds
 * instead. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "matrix/product.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void run_product(struct ec_team *team, void *argument) { ec_product_run(team, argument); }

static void fill_random(float *out, int64_t n, uint64_t key)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)ec_random_u32(key, (uint32_t)i) * 0x1p-31f - 1.0f;
    }
}

/* Layout bits: 1: a is transposed, 2: b is transposed, 4: every stride has room, 8: every second column. */
struct operand {
    float *values;
    int64_t row_stride, col_stride, count;
};

static struct operand make_operand(int64_t rows, int64_t cols, int transposed, int layout, uint64_t key)
{
    int64_t step = layout & 8 ? 2 : 1;
    int64_t line = ((transposed ? rows : cols) + (layout & 4 ? 3 : 0)) * step;
    int64_t count = (transposed ? cols : rows) * line;
    struct operand operand = {ec_alloc_array(count + 1, sizeof(float)), transposed ? step : line,
                              transposed ? line : step, count};
    fill_random(operand.values, count, key);
    return operand;
}

static double exact(const struct ec_product *p, int64_t row, int64_t col, double *size)
{
    double sum = 0.0;
    for (int64_t k = 0; k < p->depth; k++) {
        double term = (double)p->a[row * p->a_row_stride + k * p->a_col_stride] *
                      (double)p->b[k * p->b_row_stride + col * p->b_col_stride];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

static void compare(const char *rung, const struct ec_product *p, const float *before, int layout)
{
    int wrong = 0;
    for (int64_t row = 0; row < p->rows; row++) {
        for (int64_t col = 0; col < p->out_stride; col++) {
            int64_t at = row * p->out_stride + col;
            double size = 0.0, want = before[at];
            if (col < p->cols) {
                want = exact(p, row, col, &size) + (p->accumulate ? want : 0.0);
            }
            double allowed = col < p->cols ? 2e-7 * (4.0 + sqrt((double)p->depth)) * (size + fabs(want)) : 0.0;
            wrong += !(fabs(p->out[at] - want) <= allowed);
        }
    }
    if (wrong) {
        failures++;
        printf("FAIL %s: %lld x %lld x %lld, layout %d, accumulate %d: %d values are wrong\n", rung, (long long)p->rows,
               (long long)p->depth, (long long)p->cols, layout, p->accumulate, wrong);
    }
}

static void check_size(const char *rung, int64_t rows, int64_t depth, int64_t cols, int layout)
{
    struct operand a = make_operand(rows, depth, layout & 1, layout, 1),
                   b = make_operand(depth, cols, layout & 2, layout, 2);
    int64_t out_stride = cols + (layout & 4 ? 5 : 0), out_count = rows * out_stride;
    struct ec_product p = {.out_stride = out_stride,
                           .a = a.values,
                           .a_row_stride = a.row_stride,
                           .a_col_stride = a.col_stride,
                           .b = b.values,
                           .b_row_stride = b.row_stride,
                           .b_col_stride = b.col_stride,
                           .rows = rows,
                           .cols = cols,
                           .depth = depth};
    int64_t room = ec_product_workspace(&p);
    float *before = ec_alloc_array(out_count, sizeof(float)), *first = ec_alloc_array(out_count, sizeof(float));
    float *out = ec_alloc_array(out_count, sizeof(float)), *workspace = ec_alloc_array(room + 16, sizeof(float));
    p.out = out;
    p.workspace = workspace;
    static const int sizes[] = {1, 2, 3, 4, 7};
    fill_random(before, out_count, 3);
    for (p.accumulate = 0; p.accumulate < 2; p.accumulate++) {
        for (size_t team = 0; team < sizeof sizes / sizeof *sizes; team++) {
            fill_random(out, out_count, 3);
            memset(workspace, 0xff, (size_t)(room + 16) * sizeof(float));
            ec_parallel(sizes[team], run_product, &p);
            for (int64_t i = room; i < room + 16; i++) {
                failures += workspace[i] == workspace[i]; /* NaN until someone writes there */
            }
            if (team == 0) {
                memcpy(first, out, (size_t)out_count * sizeof(float));
                compare(rung, &p, before, layout);
            } else if (memcmp(first, out, (size_t)out_count * sizeof(float))) {
                failures++;
                printf("FAIL %s: %lld x %lld x %lld, layout %d: %d threads give other bits\n", rung, (long long)rows,
                       (long long)depth, (long long)cols, layout, sizes[team]);
            }
        }
    }
    ec_free(a.values), ec_free(b.values), ec_free(before), ec_free(first), ec_free(out), ec_free(workspace);
}

static void check_rung(const char *rung)
{
    static const int64_t sizes[][3] = {{1, 1, 1},    {1, 0, 5},       {3, 0, 40},     {0, 4, 4},     {4, 4, 0},
                                       {2, 7, 33},   {1, 300, 700},   {2, 513, 65},   {4, 260, 333}, {5, 260, 333},
                                       {50, 300, 2}, {50, 300, 1},    {31, 9, 8},     {13, 100, 16}, {14, 17, 32},
                                       {15, 16, 33}, {28, 385, 64},   {29, 768, 31},  {97, 50, 99},  {128, 33, 5},
                                       {200, 3, 3},  {101, 203, 103}, {300, 70, 130}, {17, 1000, 17}};
    if (ec_kernels_select(rung)) {
        failures++;
    }
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        for (int layout = 0; layout < 16; layout++) {
            check_size(rung, sizes[size][0], sizes[size][1], sizes[size][2], layout);
        }
    }
    for (uint32_t trial = 0; trial < 40; trial++) {
        uint32_t bits = ec_random_u32(17, trial);
        check_size(rung, 1 + bits % 70, 1 + (bits >> 8) % 130, 1 + (bits >> 16) % 90, (int)(bits >> 28));
    }
}

static void check_workspace(void)
{
    struct ec_product long_one = {.rows = INT64_MAX / 2, .cols = 1, .depth = 1};
    struct ec_product deep_one = {.rows = 1 << 30, .cols = 1 << 30, .depth = INT64_MAX / 1024};
    if (ec_product_workspace(&long_one) != -1 || ec_product_workspace(&deep_one) != -1) {
        failures++;
        printf("FAIL: the workspace of a product that is too large\n");
    }
}

/* Fused multiply-adds alone: one register tile over panels in the first cache. */
static double peak_gflops(const struct ec_gemm *gemm)
{
    enum {
        DEPTH = 128
    };
    static _Alignas(64) float a[EC_GEMM_MAX_ROWS * DEPTH], b[EC_GEMM_MAX_COLS * DEPTH],
        out[EC_GEMM_MAX_ROWS * EC_GEMM_MAX_COLS];
    double best = 0.0;
    for (int trial = 0; trial < 20; trial++) {
        int64_t start = ec_clock_ns();
        for (int turn = 0; turn < 500; turn++) {
            gemm->tile(out, gemm->cols, 0, a, b, gemm->rows, gemm->cols, DEPTH);
        }
        double flops = 2.0 * 500 * gemm->rows * gemm->cols * DEPTH;
        best = fmax(best, flops / (double)(ec_clock_ns() - start));
    }
    return best;
}

struct timing {
    struct ec_product product;
    int turns;
};

static void time_product(struct ec_team *team, void *argument)
{
    struct timing *timing = argument;
    for (int turn = 0; turn < timing->turns; turn++) {
        ec_product_run(team, &timing->product);
    }
}

static void bench_size(int64_t rows, int64_t depth, int64_t cols, int layout, double peak)
{
    struct operand a = make_operand(rows, depth, layout & 1, layout, 1),
                   b = make_operand(depth, cols, layout & 2, layout, 2);
    float *out = ec_alloc_zeros(rows * cols, sizeof(float));
    double flops = 2.0 * (double)rows * (double)cols * (double)depth;
    struct timing timing = {{.out = out,
                             .out_stride = cols,
                             .a = a.values,
                             .a_row_stride = a.row_stride,
                             .a_col_stride = a.col_stride,
                             .b = b.values,
                             .b_row_stride = b.row_stride,
                             .b_col_stride = b.col_stride,
                             .rows = rows,
                             .cols = cols,
                             .depth = depth},
                            1 + (int)(3e8 / flops)};
    timing.product.workspace = ec_alloc_zeros(ec_product_workspace(&timing.product), sizeof(float));
    printf("  %5lld x %5lld x %5lld layout %d:", (long long)rows, (long long)depth, (long long)cols, layout);
    for (int threads = 1; threads <= 2; threads++) {
        double best = INFINITY;
        for (int trial = 0; trial < 12; trial++) {
            int64_t start = ec_clock_ns();
            ec_parallel(threads, time_product, &timing);
            best = fmin(best, (double)(ec_clock_ns() - start) / timing.turns);
        }
        printf("  %d thread%s %10.1f us %7.1f GFLOP/s %5.1f %%", threads, threads > 1 ? "s" : " ", best / 1000,
               flops / best, 100 * flops / best / peak / threads);
    }
    printf("\n");
    ec_free(a.values), ec_free(b.values), ec_free(out), ec_free(timing.product.workspace);
}

static void bench_rung(const char *rung)
{
    ec_kernels_select(rung);
    double peak = peak_gflops(&ec_kernels()->gemm[EC_HIGHEST]);
    printf("%s: one thread's peak %.1f GFLOP/s\n", rung, peak);
    static const int64_t sizes[][4] = {
        {476, 300, 1200, 0}, {128, 512, 2048, 0}, {128, 2048, 512, 2}, {512, 128, 2048, 1}, {1024, 1024, 1024, 0},
        {50, 300, 100, 0},   {50, 300, 2, 0},     {300, 50, 100, 1},   {1, 512, 2048, 0},   {4, 512, 2048, 0}};
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        bench_size(sizes[size][0], sizes[size][1], sizes[size][2], (int)sizes[size][3], peak);
    }
}

int main(int count, char **arguments)
{
    int bench = count > 1 && !strcmp(arguments[1], "--bench");
    for (const char *const *rung = ec_kernels_available(); *rung; rung++) {
        if (bench && count > 2 && strcmp(arguments[2], *rung)) {
            continue;
        }
        if (bench) {
            bench_rung(*rung);
        } else {
            check_rung(*rung);
            printf("%s: checked\n", *rung);
        }
    }
    check_workspace();
    return failures != 0;
}
