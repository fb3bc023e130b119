/* Matrix products against double precision: sizes around the edges of panels and blocks, all four layouts, strides,
 * accumulation, every precision, b packed before, and the same bits from teams of 1, 2, 3, 4 and 7 threads, on every
 * rung of the machine, or the one named. Prints what fails and exits with 1; `--bench [RUNG]` prints GFLOP/s and the
 * share of the peak of fused multiply-adds instead. */
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
    struct ec_matrix matrix;
};

static struct operand make_operand(int64_t rows, int64_t cols, int transposed, int layout, uint64_t key)
{
    int64_t step = layout & 8 ? 2 : 1;
    int64_t line = ((transposed ? rows : cols) + (layout & 4 ? 3 : 0)) * step;
    int64_t count = (transposed ? cols : rows) * line;
    float *values = ec_alloc_array(count + 1, sizeof(float));
    fill_random(values, count, key);
    return (struct operand){
        values, {values, rows, cols, .row_stride = transposed ? step : line, .col_stride = transposed ? line : step}};
}

static double exact(const struct ec_product *p, int64_t row, int64_t col, double *size)
{
    double sum = 0.0;
    for (int64_t k = 0; k < p->a.cols; k++) {
        double term = (double)p->a.values[row * p->a.row_stride + k * p->a.col_stride] *
                      (double)p->b.values[k * p->b.row_stride + col * p->b.col_stride];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* Of a term's size; what sums in fp32 add comes on top. kernels.h says what each precision promises. */
static const double promised[EC_PRECISIONS] = {0.0, 0x3.04p-16, 0x1.02p-7};

static void compare(const char *rung, const struct ec_product *p, const float *before, int layout)
{
    int wrong = 0;
    for (int64_t row = 0; row < p->a.rows; row++) {
        for (int64_t col = 0; col < p->out_stride; col++) {
            int64_t at = row * p->out_stride + col;
            double size = 0.0, want = before[at];
            if (col < p->b.cols) {
                want = exact(p, row, col, &size) + (p->accumulate ? want : 0.0);
            }
            double relative = 2e-7 * (4.0 + sqrt((double)p->a.cols)) + promised[p->precision];
            double allowed = col < p->b.cols ? relative * (size + fabs(want)) : 0.0;
            wrong += !(fabs(p->out[at] - want) <= allowed);
        }
    }
    if (wrong) {
        failures++;
        printf("FAIL %s: %lld x %lld x %lld, layout %d, precision %d, accumulate %d, packed %d: %d values are wrong\n",
               rung, (long long)p->a.rows, (long long)p->a.cols, (long long)p->b.cols, layout, (int)p->precision,
               p->accumulate, p->packed_b != NULL, wrong);
    }
}

/* A product and where it goes; `room` floats of workspace may be written; `turns`: teams that it has had. */
struct trial {
    const char *rung;
    size_t turns;
    int layout;
    struct ec_product product;
    float *before, *first;
    int64_t out_count, room;
};

/* The right bits from one thread, and the same from a team: 2, 3, 4 and 7 threads take turns over the layouts of a
 * size, as any of them sees another order of tiles, and all of them at every layout took most of the time. */
static void check_teams(struct trial *trial)
{
    static const int teams[] = {2, 3, 4, 7};
    const int sizes[] = {1, teams[(trial->turns++ + (size_t)trial->layout / 2) % 4]};
    struct ec_product *p = &trial->product;
    for (size_t team = 0; team < sizeof sizes / sizeof *sizes; team++) {
        memcpy(p->out, trial->before, (size_t)trial->out_count * sizeof(float));
        memset(p->workspace, 0xff, (size_t)(trial->room + 16) * sizeof(float));
        ec_parallel(sizes[team], run_product, p);
        for (int64_t i = trial->room; i < trial->room + 16; i++) {
            failures += p->workspace[i] == p->workspace[i]; /* NaN until someone writes there */
        }
        if (team == 0) {
            memcpy(trial->first, p->out, (size_t)trial->out_count * sizeof(float));
            compare(trial->rung, p, trial->before, trial->layout);
        } else if (memcmp(trial->first, p->out, (size_t)trial->out_count * sizeof(float))) {
            failures++;
            printf("FAIL %s: %lld x %lld x %lld, layout %d: %d threads give other bits\n", trial->rung,
                   (long long)p->a.rows, (long long)p->a.cols, (long long)p->b.cols, trial->layout, sizes[team]);
        }
    }
}

struct filling {
    struct ec_panels *panels;
    const struct ec_product *product;
};

static void fill_panels(struct ec_team *team, void *argument)
{
    struct filling *filling = argument;
    const struct ec_product *p = filling->product;
    ec_panels_fill(team, filling->panels, p->b.values, p->b.col_stride, p->b.row_stride);
}

/* b packed once by a team; then products by teams, and panels multiplied by one thread in groups of two. */
static void check_packed(struct trial *trial)
{
    struct ec_product *p = &trial->product;
    struct ec_panels b, a;
    ec_panels_init(&b, EC_COLS_OF_B, p->b.cols, p->a.cols, p->precision);
    ec_panels_init(&a, EC_ROWS_OF_A, p->a.rows, p->a.cols, p->precision);
    b.values = ec_alloc_array(ec_panels_floats(&b), sizeof(float));
    a.values = ec_alloc_array(ec_panels_floats(&a), sizeof(float));
    ec_parallel(3, fill_panels, &(struct filling){&b, p});
    int64_t room = trial->room;
    p->packed_b = &b;
    trial->room = ec_product_workspace(p);
    check_teams(trial); /* reads b only to know what is right */
    ec_panels_pack(&a, p->a.values, p->a.row_stride, p->a.col_stride, 0, a.count);
    memcpy(p->out, trial->before, (size_t)trial->out_count * sizeof(float));
    for (int64_t row = 0; row < a.count; row++) {
        for (int64_t col = 0; col < b.count; col += 2) {
            int64_t end = col + 2 < b.count ? col + 2 : b.count;
            ec_panels_multiply(p->out + ec_panels_line(&a, row) * p->out_stride + ec_panels_line(&b, col),
                               p->out_stride, p->accumulate, &a, row, row + 1, &b, col, end);
        }
    }
    if (memcmp(trial->first, p->out, (size_t)trial->out_count * sizeof(float))) {
        failures++;
        printf("FAIL %s: %lld x %lld x %lld: panels by hand give other bits\n", trial->rung, (long long)p->a.rows,
               (long long)p->a.cols, (long long)p->b.cols);
    }
    p->packed_b = NULL;
    trial->room = room;
    ec_free(b.values), ec_free(a.values);
}

static void check_size(const char *rung, const int64_t size[3], int layout, enum ec_precision precision)
{
    int64_t rows = size[0], depth = size[1], cols = size[2];
    struct operand a = make_operand(rows, depth, layout & 1, layout, 1),
                   b = make_operand(depth, cols, layout & 2, layout, 2);
    int64_t out_stride = cols + (layout & 4 ? 5 : 0), out_count = rows * out_stride;
    struct trial trial = {.rung = rung,
                          .layout = layout,
                          .product = {.out = ec_alloc_array(out_count, sizeof(float)),
                                      .out_stride = out_stride,
                                      .a = a.matrix,
                                      .b = b.matrix,
                                      .precision = precision},
                          .before = ec_alloc_array(out_count, sizeof(float)),
                          .first = ec_alloc_array(out_count, sizeof(float)),
                          .out_count = out_count};
    struct ec_product *p = &trial.product;
    trial.room = ec_product_workspace(p);
    p->workspace = ec_alloc_array(trial.room + 16, sizeof(float));
    fill_random(trial.before, out_count, 3);
    for (p->accumulate = 0; p->accumulate < 2; p->accumulate++) {
        check_teams(&trial);
        if (depth > 0 && layout % 3 == 0) {
            check_packed(&trial);
        }
    }
    ec_free(a.values), ec_free(b.values), ec_free(trial.before), ec_free(trial.first), ec_free(p->out);
    ec_free(p->workspace);
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
    for (enum ec_precision precision = EC_HIGHEST; precision < EC_PRECISIONS; precision++) {
        if (precision > EC_HIGHEST && ec_kernels()->gemm[precision].tile == ec_kernels()->gemm[EC_HIGHEST].tile) {
            continue;
        }
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            for (int layout = 0; layout<16; layout += precision> EC_HIGHEST ? 5 : 1) {
                check_size(rung, sizes[size], layout, precision);
            }
        }
        for (uint32_t trial = 0; trial < (precision > EC_HIGHEST ? 12 : 40); trial++) {
            uint32_t bits = ec_random_u32(17, trial);
            const int64_t size[3] = {1 + bits % 70, 1 + (bits >> 8) % 130, 1 + (bits >> 16) % 90};
            check_size(rung, size, (int)(bits >> 28), precision);
        }
    }
}

/* Errors in the mean, over a depth of 512: bf16x3 within 16 times fp32's, bf16 what rounding to 8 bits gives. */
static void check_accuracy(const char *rung)
{
    enum {
        ROWS = 40,
        DEPTH = 512,
        COLS = 96
    };
    struct operand a = make_operand(ROWS, DEPTH, 0, 0, 5), b = make_operand(DEPTH, COLS, 0, 0, 6);
    static float out[ROWS * COLS];
    double error[EC_PRECISIONS];
    ec_kernels_select(rung);
    for (enum ec_precision precision = EC_HIGHEST; precision < EC_PRECISIONS; precision++) {
        struct ec_product p = {.out = out, .out_stride = COLS, .a = a.matrix, .b = b.matrix, .precision = precision};
        double squares = 0.0, sizes = 0.0, size;
        p.workspace = ec_alloc_array(ec_product_workspace(&p), sizeof(float));
        ec_parallel(2, run_product, &p);
        for (int64_t at = 0; at < ROWS * COLS; at++) {
            double want = exact(&p, at / COLS, at % COLS, &size);
            squares += (out[at] - want) * (out[at] - want);
            sizes += want * want;
        }
        error[precision] = sqrt(squares / sizes);
        ec_free(p.workspace);
    }
    printf("%s: relative error, highest %.1e, high %.1e, medium %.1e\n", rung, error[EC_HIGHEST], error[EC_HIGH],
           error[EC_MEDIUM]);
    failures += !(error[EC_HIGHEST] < 2e-6 && error[EC_HIGH] <= 16 * error[EC_HIGHEST] && error[EC_MEDIUM] < 4e-3);
    failures += error[EC_MEDIUM] > error[EC_HIGHEST] && error[EC_HIGH] > 0.01 * error[EC_MEDIUM];
    ec_free(a.values), ec_free(b.values);
}

static void check_workspace(void)
{
    struct ec_product long_one = {.a = ec_matrix(NULL, INT64_MAX / 2, 1, 1), .b = ec_matrix(NULL, 1, 1, 1)};
    struct ec_product deep_one = {.a = ec_matrix(NULL, 1 << 30, INT64_MAX / 1024, 1),
                                  .b = ec_matrix(NULL, INT64_MAX / 1024, 1 << 30, 1)};
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
    struct timing timing = {{.out = out, .out_stride = cols, .a = a.matrix, .b = b.matrix}, 1 + (int)(3e8 / flops)};
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
        if (!bench && count > 1 && strcmp(arguments[1], *rung)) {
            continue;
        }
        if (bench) {
            bench_rung(*rung);
        } else {
            check_rung(*rung);
            check_accuracy(*rung);
            printf("%s: checked\n", *rung);
        }
    }
    check_workspace();
    return failures != 0;
}
