/* Sums of rows by id: distinct ids as everywhere, put in order, then one weighted sum of occurrences for each. */
#include "batch/row_sums.h"

#include "kernels/kernels.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

ec_status ec_row_sums_init(struct ec_row_sums *sums, struct ec_arena *arena, const int32_t *ids, int64_t tokens,
                           int64_t limit)
{
    struct ec_distinct distinct;
    int32_t *row = ec_arena_take(arena, tokens, sizeof *row);
    ec_status status = ec_distinct_init(&distinct, arena, tokens, limit);
    if (status != EC_OK || !row) {
        return status != EC_OK ? status : EC_NO_MEMORY;
    }
    ec_distinct_add(&distinct, row, ids, tokens);
    int64_t count = sums->count = distinct.count;
    int64_t *keys = ec_arena_take(arena, count, sizeof *keys); /* the id above its place among the distinct ids */
    int32_t *id = ec_arena_take(arena, count, sizeof *id), *rank = ec_arena_take(arena, count, sizeof *rank);
    if (!keys || !id || !rank) {
        return EC_NO_MEMORY;
    }
    for (int64_t u = 0; u < count; u++) {
        keys[u] = (int64_t)distinct.ids[u] << 32 | u;
    }
    qsort(keys, (size_t)count, sizeof *keys, compare);
    for (int64_t u = 0; u < count; u++) {
        id[u] = (int32_t)(keys[u] >> 32);
        rank[keys[u] & 0xffffffff] = (int32_t)u;
    }
    for (int64_t i = 0; i < tokens; i++) {
        row[i] = row[i] < 0 ? -1 : rank[row[i]];
    }
    sums->id = id;
    return ec_occurrences_init(&sums->occurrences, arena, row, tokens, count);
}

void ec_row_sums_run(struct ec_team *team, const struct ec_row_sums *sums, float *out, const float *rows, int64_t width,
                     int by_frequency)
{
    const struct ec_kernels *kernels = ec_kernels();
    for (int64_t u; (u = ec_team_next(team, sums->count)) >= 0;) {
        int64_t begin = sums->occurrences.begin[u], count = sums->occurrences.begin[u + 1] - begin;
        float *sum = out + u * width;
        kernels->weighted_sum(sum, 0, rows, width, sums->occurrences.at + begin, NULL, count, width);
        if (by_frequency) {
            kernels->scale(sum, sum, 1.0f / (float)count, width);
        }
    }
    ec_team_barrier(team);
}
