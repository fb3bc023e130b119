/* Sums random rows of a table in registers, 128 floats each, and asks for those some rows ahead: what memory gives at
 * most to whoever gathers rows. Nothing else is done in its loop, as its instructions, too, take room in the
 * processor's window of those that wait: written with short inner loops it takes twice as long. gather_sum.py compiles
 * it to a library, for the very processor, and calls it. */
#include <stdint.h>

enum {
    WIDTH = 128,
    LINE = 16 /* floats */
};
typedef float line __attribute__((vector_size(64), aligned(4)));

/* The sum of all numbers read, so that nothing is left out. */
double read_rows(const float *table, const int32_t *rows, int64_t count, int64_t ahead, int threads)
{
    double sum = 0.0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
    for (int64_t part = 0; part < (count + 999) / 1000; part++) {
        int64_t end = part * 1000 + 1000 < count ? part * 1000 + 1000 : count;
        line sums[WIDTH / LINE] = {{0.0f}};
        for (int64_t i = part * 1000; i < end; i++) {
            const float *far = table + rows[i + ahead < count ? i + ahead : i] * (int64_t)WIDTH;
            const float *row = table + rows[i] * (int64_t)WIDTH;
#pragma GCC unroll 8
            for (int k = 0; k < WIDTH / LINE; k++) {
                __builtin_prefetch(far + k * LINE);
            }
#pragma GCC unroll 8
            for (int k = 0; k < WIDTH / LINE; k++) {
                sums[k] += *(const line *)(const void *)(row + k * LINE);
            }
        }
        for (int k = 0; k < WIDTH / LINE; k++) {
            for (int c = 0; c < LINE; c++) {
                sum += (double)sums[k][c];
            }
        }
    }
    return sum;
}
