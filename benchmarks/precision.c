/* Times the core's matrix product in each precision, alternating turn by turn, in processor time of one thread, and
 * measures its error against double precision. One line a shape and precision: rows, depth, columns, name, format,
 * best microseconds, relative error. precision.py compiles and reads it. */
#define _GNU_SOURCE
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "matrix/product.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct turn {
    const struct ec_product *product;
    double microseconds;
};

static double processor_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void run(struct ec_team *team, void *argument)
{
    struct turn *turn = argument;
    double start = processor_time();
    ec_product_run(team, turn->product);
    turn->microseconds = processor_time() - start;
}

static float *random_matrix(int64_t count, uint64_t key)
{
    float *values = ec_alloc_array(count, sizeof(float));
    for (int64_t i = 0; values && i < count; i++) {
        values[i] = (float)ec_random_u32(key, (uint32_t)i) * 0x1p-31f - 1.0f;
    }
    return values;
}

/* Over some rows: the whole product in double would take longer than all turns. */
static double relative_error(const struct ec_product *p)
{
    double squares = 0.0, size = 0.0;
    for (int64_t row = 0; row < p->a.rows; row += p->a.rows / 8) {
        for (int64_t col = 0; col < p->b.cols; col++) {
            double exact = 0.0;
            for (int64_t k = 0; k < p->a.cols; k++) {
                exact += (double)p->a.values[row * p->a.cols + k] * (double)p->b.values[k * p->b.cols + col];
            }
            double off = p->out[row * p->b.cols + col] - exact;
            squares += off * off;
            size += exact * exact;
        }
    }
    return sqrt(squares / size);
}

static int measure(int64_t rows, int64_t depth, int64_t cols, int rounds)
{
    static const char *const names[EC_PRECISIONS] = {"highest", "high", "medium"};
    struct ec_product products[EC_PRECISIONS];
    double best[EC_PRECISIONS];
    float *a = random_matrix(rows * depth, 1), *b = random_matrix(depth * cols, 2);
    float *out = ec_alloc_zeros(rows * cols, sizeof(float));
    int failed = !a || !b || !out;
    for (int i = 0; i < EC_PRECISIONS; i++) {
        products[i] = (struct ec_product){.out = out,
                                          .out_stride = cols,
                                          .a = ec_matrix(a, rows, depth, depth),
                                          .b = ec_matrix(b, depth, cols, cols),
                                          .precision = (enum ec_precision)i};
        products[i].workspace = ec_alloc_zeros(ec_product_workspace(&products[i]), sizeof(float));
        failed |= !products[i].workspace;
        best[i] = INFINITY;
    }
    int turns = failed ? 0 : rounds * (1 + (int)(2e8 / (double)(rows * depth * cols)));
    for (int turn = 0; turn < turns * EC_PRECISIONS; turn++) {
        struct turn one = {&products[turn % EC_PRECISIONS], 0.0};
        ec_parallel(1, run, &one);
        best[turn % EC_PRECISIONS] = fmin(best[turn % EC_PRECISIONS], one.microseconds);
    }
    for (int i = 0; !failed && i < EC_PRECISIONS; i++) {
        ec_parallel(1, run, &(struct turn){&products[i], 0.0});
        printf("%lld %lld %lld %s %s %.1f %.2e\n", (long long)rows, (long long)depth, (long long)cols, names[i],
               ec_gemm_for((enum ec_precision)i, depth)->name, best[i], relative_error(&products[i]));
        ec_free(products[i].workspace);
    }
    ec_free(a), ec_free(b), ec_free(out);
    return failed;
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 5;
    return measure(476, 300, 1200, rounds) | measure(128, 512, 2048, rounds) | measure(1024, 1024, 1024, rounds);
}
