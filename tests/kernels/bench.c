/* Timings of the kernels, in the sizes of the workloads they are for: one line per kernel and rung, with the work done
 * per nanosecond. Best of several runs; a busy machine still shows. */
#include "base/clock.h"
#include "check.h"

#include <stdlib.h>

enum {
    DISTINCT = 476,
    WIDTH = 300,
    FILTERS = 100,
    TAPS = 4,
    WINDOWS = 20,
    COUNT = 50,
    N = 4096
};

static float table[DISTINCT * 1216], out[1 << 16], other[1 << 16], third[1 << 16], fourth[1 << 16];
static int32_t index_of[1 << 12], at[1 << 12];
static float weight[COUNT];

/* One call of each kernel; the number varies what is touched. */
static void run_gemm(int turn)
{
    (void)turn;
    const struct ec_gemm *gemm = &kernels->gemm[EC_HIGHEST];
    gemm->tile(out, gemm->cols, 0, table, table + 4096, gemm->rows, gemm->cols, 128);
}
static void run_window_max(int turn)
{
    kernels->window_max(out, at, table, 1200, index_of + turn % 1000, FILTERS, WINDOWS, TAPS);
}
static void run_sum_300(int turn)
{
    kernels->weighted_sum(out, 0, table, WIDTH, index_of + turn % 1000, weight, COUNT, WIDTH);
}
static void run_sum_304(int turn) /* rows that start at a cache line */
{
    kernels->weighted_sum(out, 0, table, 304, index_of + turn % 1000, weight, COUNT, WIDTH);
}
static void run_sum_50(int turn)
{
    kernels->weighted_sum(out, 0, table, 50, index_of + turn % 1000, weight, COUNT, 50);
}
static void run_gather(int turn)
{
    kernels->gather_rows(out, WIDTH, table, WIDTH, index_of + turn % 1000, COUNT, WIDTH);
}
static void run_transpose(int turn)
{
    (void)turn;
    kernels->transpose(out, 128, table, 128, 128, 128);
}
static void run_add_scaled(int turn)
{
    (void)turn;
    kernels->add_scaled(out, other, 1e-9f, N);
}
static void run_column_sum(int turn)
{
    (void)turn;
    kernels->column_sum(out, 0, table, 512, 64, 512);
}
static void run_sum_squares(int turn)
{
    (void)turn;
    weight[0] = (float)kernels->sum_squares(other, N) * 1e-9f;
}
static void run_relu(int turn)
{
    (void)turn;
    kernels->activate(out, other, EC_RELU, N);
}
static void run_tanh(int turn)
{
    (void)turn;
    kernels->activate(out, other, EC_TANH, N);
}
static void run_sigmoid(int turn)
{
    (void)turn;
    kernels->activate(out, other, EC_SIGMOID, N);
}
static void run_gelu(int turn)
{
    (void)turn;
    kernels->activate(out, other, EC_GELU, N);
}
static void run_softmax(int turn)
{
    (void)turn;
    kernels->softmax(out, other, N);
}
static void run_dropout(int turn) { kernels->dropout(out, other, (uint64_t)turn, 1u << 30, 1.1f, N); }
static void run_adam(int turn)
{
    (void)turn;
    const struct ec_adam_step step = {1e-3f, 0.1f, 1e-3f, 1e-7f, 0.0f, {1.0f, INFINITY}};
    kernels->adam(out, third, fourth, other, &step, N);
}

static const struct {
    const char *name, *unit;
    void (*run)(int turn);
    double work; /* units per call; for gemm_tile set by the rung's tile */
} benches[] = {
    {"gemm_tile (peak)", "GFLOP/s", run_gemm, 0},
    {"window_max 100 x 20 x 4", "GB/s", run_window_max, 4.0 * FILTERS * WINDOWS * TAPS},
    {"weighted_sum 300 x 50", "GB/s", run_sum_300, 4.0 * WIDTH * COUNT},
    {"weighted_sum 300 x 50, aligned rows", "GB/s", run_sum_304, 4.0 * WIDTH * COUNT},
    {"weighted_sum 50 x 50", "GB/s", run_sum_50, 4.0 * 50 * COUNT},
    {"gather_rows 300 x 50", "GB/s", run_gather, 4.0 * WIDTH * COUNT},
    {"transpose 128 x 128", "GB/s", run_transpose, 4.0 * 128 * 128},
    {"add_scaled 4096", "values/ns", run_add_scaled, N},
    {"column_sum 64 x 512", "values/ns", run_column_sum, 64.0 * 512},
    {"sum_squares 4096", "values/ns", run_sum_squares, N},
    {"relu 4096", "values/ns", run_relu, N},
    {"tanh 4096", "values/ns", run_tanh, N},
    {"sigmoid 4096", "values/ns", run_sigmoid, N},
    {"gelu 4096", "values/ns", run_gelu, N},
    {"softmax 4096", "values/ns", run_softmax, N},
    {"dropout 4096", "values/ns", run_dropout, N},
    {"adam 4096", "values/ns", run_adam, N},
};

static double best_ns(void (*run)(int turn))
{
    double best = INFINITY;
    int turns = 1;
    for (int trial = 0; trial < 12; trial++) {
        int64_t start = ec_clock_ns();
        for (int turn = 0; turn < turns; turn++) {
            run(turn);
        }
        double ns = (double)(ec_clock_ns() - start);
        best = fmin(best, ns / turns);
        turns = trial == 0 ? 1 + (int)(1e6 / fmax(ns, 1.0)) : turns; /* about a millisecond per trial */
    }
    return best;
}

void bench_all(void)
{
    fill_random(table, DISTINCT * 1216, 1.0f, 1);
    fill_random(other, 1 << 16, 1.0f, 2);
    fill_random(third, 1 << 16, 1.0f, 3);
    kernels->fill(fourth, 1.0f, 1 << 16);
    fill_numbers(index_of, 1 << 12, DISTINCT, 4);
    fill_random(weight, COUNT, 1.0f, 5);
    printf("%s\n", kernels->name);
    const struct ec_gemm *gemm = &kernels->gemm[EC_HIGHEST];
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        double ns = best_ns(benches[i].run);
        double work = benches[i].work > 0 ? benches[i].work : 2.0 * gemm->rows * gemm->cols * 128;
        printf("  %-38s %10.0f ns %8.1f %s\n", benches[i].name, ns, work / ns, benches[i].unit);
    }
}
