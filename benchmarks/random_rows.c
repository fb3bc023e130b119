/* Reads random rows of a table, one word of each cache line, and asks for those a few rows ahead: what memory gives
 * at most to whoever gathers rows. gather_sum.py compiles it to a library and calls it. */
#include <stdint.h>

/* The sum of the words read, so that nothing is left out. `words`: of 8 bytes, a row, in whole lines of 64 bytes. */
uint64_t read_rows(const uint64_t *table, const int32_t *rows, int64_t count, int64_t words, int64_t ahead, int threads)
{
    uint64_t sum = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) {
        const uint64_t *far = table + rows[i + ahead < count ? i + ahead : i] * words;
        const uint64_t *row = table + rows[i] * words;
        for (int64_t line = 0; line < words; line += 8) {
            __builtin_prefetch(far + line);
        }
        for (int64_t line = 0; line < words; line += 8) {
            sum += row[line];
        }
    }
    return sum;
}
