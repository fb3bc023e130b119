/* Sums of gradients over steps, dense or of the rows of a table. */
#include "grad/accumulate.h"

#include "kernels/kernels.h"

#include <string.h>

ec_status ec_spread_plan(struct ec_accumulation *item, struct ec_arena *arena)
{
    struct ec_parameter *parameter = item->parameter;
    item->place_of_row = ec_arena_take(arena, parameter->dims[0], sizeof *item->place_of_row);
    float *values = ec_arena_take(arena, parameter->size, sizeof *values);
    if (!item->place_of_row || !values) {
        return EC_NO_MEMORY;
    }
    memset(item->place_of_row, 0xff, (size_t)parameter->dims[0] * sizeof *item->place_of_row);
    for (int64_t i = 0; i < item->fresh.count; i++) {
        item->place_of_row[item->fresh.rows[i]] = (int32_t)i;
    }
    parameter->gradient = (struct ec_gradient){.values = values};
    return EC_OK;
}

void ec_spread(struct ec_accumulation *item, struct ec_team *team)
{
    int64_t width = item->fresh.width;
    for (int64_t row; (row = ec_team_next(team, item->parameter->dims[0])) >= 0;) {
        float *out = item->parameter->gradient.values + row * width;
        int32_t place = item->place_of_row[row];
        if (place < 0) {
            memset(out, 0, (size_t)width * sizeof *out);
        } else {
            memcpy(out, item->fresh.values + place * item->fresh.stride, (size_t)width * sizeof *out);
        }
    }
}

void ec_accumulate(struct ec_accumulation *item, struct ec_team *team)
{
    struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    if (!gradient->rows) {
        for (struct ec_range tile; ec_team_next_range(team, parameter->size, EC_DENSE_TILE, &tile);) {
            ec_kernels()->add(parameter->accumulator + tile.begin, gradient->values + tile.begin,
                              tile.end - tile.begin);
        }
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, gradient->count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            ec_kernels()->add(parameter->accumulator + gradient->rows[i] * gradient->width,
                              gradient->values + i * gradient->stride, gradient->width);
            parameter->touched[gradient->rows[i]] = 1;
        }
    }
}

ec_status ec_mean_plan(struct ec_accumulation *item, struct ec_arena *arena)
{
    struct ec_parameter *parameter = item->parameter;
    item->mean = parameter->gradient;
    if (!parameter->gradient.rows) {
        return EC_OK;
    }
    for (int64_t i = 0; i < item->fresh.count; i++) { /* those of this step, in advance */
        parameter->touched[item->fresh.rows[i]] = 1;
    }
    int64_t count = 0;
    for (int64_t row = 0; row < parameter->dims[0]; row++) {
        /* the arrays are the caller's, who may write anything, also between this loop and the next */
        count += parameter->touched[row] != 0 && ec_row_learns(parameter, row);
    }
    int32_t *rows = ec_arena_take(arena, count, sizeof *rows);
    float *values = ec_arena_take(arena, count * item->fresh.stride, sizeof *values);
    if (!rows || !values) {
        return EC_NO_MEMORY;
    }
    int64_t listed = 0;
    for (int64_t row = 0; row < parameter->dims[0] && listed < count; row++) {
        if (parameter->touched[row] && ec_row_learns(parameter, row)) {
            rows[listed++] = (int32_t)row;
        }
    }
    item->mean.values = values;
    item->mean.rows = rows;
    item->mean.count = listed;
    return EC_OK;
}

static void take_mean(float *out, float *sum, float steps, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = sum[i] / steps;
    }
    memset(sum, 0, (size_t)n * sizeof *sum);
}

void ec_mean(struct ec_accumulation *item, int steps, struct ec_team *team)
{
    struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *mean = &item->mean;
    if (!mean->rows) {
        for (struct ec_range tile; ec_team_next_range(team, parameter->size, EC_DENSE_TILE, &tile);) {
            take_mean(mean->values + tile.begin, parameter->accumulator + tile.begin, (float)steps,
                      tile.end - tile.begin);
        }
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, mean->count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            take_mean(mean->values + i * mean->stride, parameter->accumulator + mean->rows[i] * mean->width,
                      (float)steps, mean->width);
            parameter->touched[mean->rows[i]] = 0;
        }
    }
}
