/* L1 and L2 penalties over tiles of a parameter, or of the rows of a table that a step read.
 *
 *     value += l1 sum |w| + l2 sum w^2          d_w += l1 sign(w) + 2 l2 w */
#include "grad/penalty.h"

#include "grad/storage.h"

#include <math.h>
#include <string.h>

static int64_t tile_size(const struct ec_penalty *item) { return item->by_rows ? EC_SUMMED_ROW_TILE : EC_DENSE_TILE; }

ec_status ec_penalties_plan(struct ec_penalties *penalties, struct ec_parameter *const *parameters, int count,
                            int threads, struct ec_arena *arena)
{
    penalties->count = 0;
    penalties->value = 0.0;
    penalties->items = ec_arena_take(arena, count, sizeof *penalties->items);
    for (int i = 0; penalties->items && i < count; i++) {
        struct ec_parameter *parameter = parameters[i];
        if (!ec_parameter_penalised(parameter)) {
            continue;
        }
        struct ec_penalty *item = &penalties->items[penalties->count++];
        *item = (struct ec_penalty){.parameter = parameter};
        item->by_rows = parameter->is_table && !parameter->rules.all_rows;
        if (parameter->is_table && !item->by_rows && parameter->trainable && parameter->writers) {
            item->whole = (struct ec_accumulation){.parameter = parameter, .fresh = parameter->gradient};
            ec_status status = ec_spread_plan(&item->whole, arena);
            if (status != EC_OK) {
                return status;
            }
        }
        item->rows = item->by_rows ? parameter->gradient.rows : NULL;
        item->count = item->by_rows ? parameter->gradient.count : parameter->size;
        item->tiles = ec_ceil_div(item->count, tile_size(item));
        item->partial = ec_arena_take(arena, item->tiles, sizeof *item->partial);
        item->room = parameter->stored ? ec_arena_take(arena, threads * parameter->dims[1], sizeof *item->room) : NULL;
    }
    return arena->failed ? EC_NO_MEMORY : EC_OK;
}

ec_status ec_penalties_plan_alone(struct ec_parameter *const *parameters, int count, struct ec_arena *arena)
{
    for (int i = 0; i < count; i++) {
        struct ec_gradient *gradient = &parameters[i]->gradient;
        if (!parameters[i]->trainable || parameters[i]->writers || !ec_parameter_penalised(parameters[i])) {
            continue;
        }
        int64_t size = gradient->rows ? gradient->count * gradient->stride : parameters[i]->size;
        if (!gradient->values) {
            gradient->values = ec_arena_take(arena, size, sizeof *gradient->values);
        }
        if (!gradient->values) {
            return EC_NO_MEMORY;
        }
        memset(gradient->values, 0, (size_t)size * sizeof *gradient->values);
        parameters[i]->writers = 1;
    }
    return EC_OK;
}

/* The value of n weights; d_w NULL: no gradient. Eight sums, so that the compiler may use vectors. */
static double penalise(const struct ec_parameter_rules *rules, double scale, float *d_w, const float *w, int64_t n)
{
    double sizes[8] = {0.0}, squares[8] = {0.0}, total = 0.0;
    float l1 = (float)(scale * rules->l1), twice_l2 = (float)(2.0 * scale * rules->l2);
    for (int64_t i = 0; i < n; i++) {
        sizes[i & 7] += fabs((double)w[i]);
        squares[i & 7] += (double)w[i] * w[i];
    }
    for (int64_t i = 0; d_w && i < n; i++) {
        d_w[i] += twice_l2 * w[i] + (w[i] > 0.0f ? l1 : w[i] < 0.0f ? -l1 : 0.0f);
    }
    for (int lane = 0; lane < 8; lane++) {
        total += rules->l1 * sizes[lane] + rules->l2 * squares[lane];
    }
    return total;
}

/* All entries of a tile of a table, row by row. */
static double run_rows(const struct ec_penalty *item, struct ec_range range, double scale, float *room)
{
    const struct ec_parameter *parameter = item->parameter;
    int64_t width = parameter->size / parameter->dims[0];
    double sum = 0.0;
    for (int64_t at = range.begin, end; at < range.end; at = end) { /* the part of a row in this tile */
        end = ec_least(range.end, (at / width + 1) * width);
        if (ec_row_learns(parameter, at / width)) {
            sum += penalise(&parameter->rules, scale, scale != 0.0 ? parameter->gradient.values + at : NULL,
                            ec_row_values(parameter, at / width, room) + at % width, end - at);
        }
    }
    return sum;
}

static void run_tile(struct ec_penalty *item, struct ec_range range, double scale, int thread)
{
    const struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    double *partial = item->partial + range.begin / tile_size(item);
    float *room = parameter->stored ? item->room + thread * parameter->dims[1] : NULL;
    if (!gradient->values || !parameter->writers) {
        scale = 0.0; /* nothing is written, which no update reads */
    }
    if (!item->by_rows && (parameter->row_learns || parameter->stored)) {
        *partial = run_rows(item, range, scale, room);
        return;
    }
    if (!item->by_rows) {
        *partial = penalise(&parameter->rules, scale, scale != 0.0 ? gradient->values + range.begin : NULL,
                            parameter->value + range.begin, range.end - range.begin);
        return;
    }
    int64_t width = parameter->dims[1];
    *partial = 0.0;
    for (int64_t i = range.begin; i < range.end; i++) {
        *partial += penalise(&parameter->rules, scale, scale != 0.0 ? gradient->values + i * gradient->stride : NULL,
                             ec_row_values(parameter, item->rows[i], room), width);
    }
}

static void spread_tables(struct ec_penalties *penalties, struct ec_team *team)
{
    int spread = 0;
    for (int i = 0; i < penalties->count; i++) {
        if (penalties->items[i].whole.place_of_row) {
            ec_spread(&penalties->items[i].whole, team);
            spread = 1;
        }
    }
    if (spread) {
        ec_team_barrier(team);
    }
}

void ec_penalties_run(struct ec_penalties *penalties, int adds, double scale, struct ec_team *team)
{
    if (!penalties->count) {
        return;
    }
    if (adds) {
        spread_tables(penalties, team);
    }
    for (int i = 0; i < penalties->count; i++) {
        struct ec_penalty *item = &penalties->items[i];
        for (struct ec_range range; ec_team_next_range(team, item->count, tile_size(item), &range);) {
            run_tile(item, range, adds ? scale : 0.0, team->index);
        }
    }
    ec_team_barrier(team);
    if (team->index == 0) {
        penalties->value = 0.0;
        for (int i = 0; i < penalties->count; i++) {
            for (int64_t tile = 0; tile < penalties->items[i].tiles; tile++) {
                penalties->value += penalties->items[i].partial[tile];
            }
        }
    }
    ec_team_barrier(team);
}
