/* Sums and steps of rows: see row_sums.h. Wide rows come from memory, seven cache lines each, so those of the next ids
 * are asked for a chunk early, and those of the next document while this one's, which the second cache has, are added
 * to. Narrow ones, as those of folded models with several classes, do without the call of a
 * kernel for each: `stride` is a constant to the compiler. */
#include "bags/row_sums.h"

#include "base/ahead.h"
#include "kernels/kernels.h"

#define CHUNK 8 /* wide rows between asking for one and using it */
#define AHEAD 16
#define NARROW 16 /* floats */

float ec_row_dot(const float *a, const float *b, int64_t n)
{
    float sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int lane = 0; lane < 8; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (; i < n; i++) {
        sums[0] += a[i] * b[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static inline int is_in(struct ec_range shards, int32_t id)
{
    int64_t shard = (uint32_t)id * 0x9e3779b9u >> 26; /* the upper 6 bits of a Fibonacci hash */
    return shard >= shards.begin && shard < shards.end;
}

static inline int are_all(struct ec_range shards) { return shards.end - shards.begin == EC_ROW_SHARDS; }

static inline void sum_narrow(float *sum, const struct ec_row_table *table, const struct ec_bag_slice *document,
                              const int64_t stride)
{
    float kept[NARROW] = {0};
    for (int64_t i = 0; i < document->count; i++) {
        if (i + AHEAD < document->count) {
            __builtin_prefetch(table->rows + document->ids[i + AHEAD] * stride, 1);
        }
        const float *row = table->rows + document->ids[i] * stride;
        for (int64_t column = 0; column < stride; column++) {
            kept[column] += document->tf[i] * row[column];
        }
    }
    for (int64_t column = 0; column < table->width; column++) {
        sum[column] = kept[column];
    }
}

static inline void add_narrow(const struct ec_row_table *table, const struct ec_bag_slice *document, const float *step,
                              struct ec_range shards, const int64_t stride)
{
    float kept[NARROW];
    int all = are_all(shards);
    for (int64_t column = 0; column < stride; column++) {
        kept[column] = step[column];
    }
    for (int64_t i = 0; i < document->count; i++) {
        if (all || is_in(shards, document->ids[i])) {
            float *row = table->rows + document->ids[i] * stride;
            for (int64_t column = 0; column < stride; column++) {
                row[column] += document->tf[i] * kept[column];
            }
        }
    }
}

static void fetch_rows(const struct ec_row_table *table, const struct ec_bag_slice *document, int64_t begin)
{
    int64_t end = ec_least(begin + CHUNK, document->count);
    for (int64_t i = begin; i < end; i++) {
        ec_ask_for(table->rows + document->ids[i] * table->stride, table->width);
    }
}

void ec_row_sum(float *sum, const struct ec_row_table *table, const struct ec_bag_slice *document)
{
    switch (table->stride) {
    case 2: sum_narrow(sum, table, document, 2); return;
    case 4: sum_narrow(sum, table, document, 4); return;
    case 8: sum_narrow(sum, table, document, 8); return;
    case 16: sum_narrow(sum, table, document, 16); return;
    default: break;
    }
    fetch_rows(table, document, 0);
    for (int64_t begin = 0; begin < document->count; begin += CHUNK) {
        int64_t count = ec_least(CHUNK, document->count - begin);
        fetch_rows(table, document, begin + CHUNK);
        ec_kernels()->weighted_sum(sum, begin > 0, table->rows, table->stride, document->ids + begin,
                                   document->tf + begin, count, table->width);
    }
}

void ec_row_add(const struct ec_row_table *table, const struct ec_bag_slice *document, const float *step,
                struct ec_range shards, const struct ec_bag_slice *next)
{
    switch (table->stride) {
    case 2: add_narrow(table, document, step, shards, 2); return;
    case 4: add_narrow(table, document, step, shards, 4); return;
    case 8: add_narrow(table, document, step, shards, 8); return;
    case 16: add_narrow(table, document, step, shards, 16); return;
    default: break;
    }
    const struct ec_kernels *kernels = ec_kernels();
    if (are_all(shards)) { /* the width is 0 where there are more threads than blocks of columns */
        int64_t later = next ? ec_least(next->count, EC_ASKED_FLOATS / ec_most(table->width, 1)) : 0;
        kernels->add_to_rows(table->rows, table->stride, document->ids, document->tf, document->count, step,
                             table->width, later ? next->ids : NULL, later);
        return;
    }
    for (int64_t i = 0; i < document->count; i++) {
        if (is_in(shards, document->ids[i])) {
            kernels->add_scaled(table->rows + document->ids[i] * table->stride, step, document->tf[i], table->width);
        }
    }
}
