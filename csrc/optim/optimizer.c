/* The update of all parameters: norms, then the rule of each over tiles. csrc/optim/rule.c holds the rules. */
#include "optim/optimizer.h"

#include "base/ahead.h"
#include "base/random.h"
#include "grad/norm.h"
#include "optim/rule.h"

#include <math.h>
#include <string.h>

int ec_optimizer_slots(const struct ec_optimizer *optimizer)
{
    switch (optimizer->kind) {
    case EC_SGD: return optimizer->momentum != 0.0;
    case EC_RMSPROP: return 1 + (optimizer->momentum != 0.0) + (optimizer->centered != 0);
    case EC_ADAGRAD: return 1;
    case EC_ADAM: return 2 + (optimizer->amsgrad != 0);
    case EC_ADADELTA:
    case EC_ADAMAX:
    case EC_NADAM: break;
    }
    return 2;
}

/* Above all numbers of layers, whose dropout has keys of the same step. */
static const uint64_t ROUNDING = 1ull << 40;

static int needs_norm(const struct ec_optimizer *optimizer)
{
    return optimizer->clipnorm > 0.0 || optimizer->global_clipnorm > 0.0;
}

void ec_optimizer_begin(struct ec_optimizer *optimizer, double learning_rate, uint64_t number)
{
    uint64_t steps = optimizer->accumulation_steps > 1 ? (uint64_t)optimizer->accumulation_steps : 1;
    int frequency = optimizer->use_ema ? optimizer->ema_overwrite_frequency : 0;
    optimizer->learning_rate = learning_rate;
    optimizer->updates = (number + 1) % steps == 0;
    optimizer->overwrites = frequency > 0 && (number / steps + 1) % (uint64_t)frequency == 0;
}

static int accumulates(const struct ec_update *update) { return update->optimizer->accumulation_steps > 1; }

/* A dense update needs the whole gradient of a table only where more than the rule reads it. Where a penalty has
 * spread it already, its gradient has no rows. */
static ec_status plan_table(struct ec_update_item *item, const struct ec_update *update, struct ec_arena *arena)
{
    struct ec_parameter *parameter = item->parameter;
    if (!parameter->gradient.rows) {
        return EC_OK;
    }
    if (ec_parameter_penalised(parameter) || accumulates(update)) {
        return ec_spread_plan(&item->accumulation, arena);
    }
    item->place_of_row = ec_arena_take(arena, parameter->dims[0], sizeof *item->place_of_row);
    if (!item->place_of_row) {
        return EC_NO_MEMORY;
    }
    memset(item->place_of_row, 0xff, (size_t)parameter->dims[0] * sizeof *item->place_of_row);
    for (int64_t i = 0; i < parameter->gradient.count; i++) {
        item->place_of_row[parameter->gradient.rows[i]] = (int32_t)i;
    }
    return EC_OK;
}

/* Whether rows of a gradient are made where the update reads them, in a core's own cache, and never written: where
 * nothing else of the step reads or adds to them. */
static int makes_rows(const struct ec_update *update, const struct ec_parameter *parameter)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    int others = needs_norm(update->optimizer) || accumulates(update) || update->optimizer->dense_tables ||
                 ec_parameter_penalised(parameter);
    return update->whole_step && gradient->rows && gradient->maker && gradient->maker->make &&
           gradient->maker->writers == 1 && !others;
}

/* `number`: of the parameter, in the order of the program. */
static ec_status plan_item(struct ec_update_item *item, int number, const struct ec_update *update,
                           struct ec_arena *arena)
{
    struct ec_parameter *parameter = item->parameter;
    ec_status status = EC_OK;
    item->accumulation = (struct ec_accumulation){.parameter = parameter, .fresh = parameter->gradient};
    if (parameter->stored) {
        item->key = ec_random_key(update->key, (uint64_t)number + ROUNDING);
        item->stored_rows = ec_arena_take(arena, update->threads * parameter->dims[1], sizeof *item->stored_rows);
        item->no_gradient = ec_arena_take(arena, parameter->dims[1], sizeof *item->no_gradient);
        if (!item->stored_rows || !item->no_gradient) {
            return EC_NO_MEMORY;
        }
        memset(item->no_gradient, 0, (size_t)parameter->dims[1] * sizeof *item->no_gradient);
    }
    if (makes_rows(update, parameter)) {
        parameter->gradient.maker->used = 1;
        item->made_rows = ec_arena_take(arena, update->threads * parameter->gradient.stride, sizeof *item->made_rows);
    }
    if (parameter->is_table && update->optimizer->dense_tables) {
        status = plan_table(item, update, arena);
    }
    if (status == EC_OK && accumulates(update) && update->optimizer->updates) {
        status = ec_mean_plan(&item->accumulation, arena);
    }
    if (status == EC_OK && needs_norm(update->optimizer)) {
        struct ec_gradient now = parameter->gradient;
        if (accumulates(update) && update->optimizer->updates) {
            parameter->gradient = item->accumulation.mean; /* the one that is clipped */
        }
        item->tiles = ec_gradient_tiles(parameter);
        item->partial = ec_arena_take(arena, item->tiles, sizeof *item->partial);
        parameter->gradient = now;
    }
    return status == EC_OK && arena->failed ? EC_NO_MEMORY : status;
}

/* Whether the constraint is a pass of its own behind the update: rows that are stored in fewer bits meet theirs before
 * they are rounded. */
static int constrained_apart(const struct ec_parameter *parameter)
{
    return parameter->rules.constraint != EC_NO_CONSTRAINT && !parameter->stored;
}

double ec_optimizer_work(struct ec_parameter *const *parameters, int count)
{
    const double operations = 10.0; /* for each entry: that of Adam, roughly */
    double work = 0.0;
    for (int i = 0; i < count; i++) {
        const struct ec_gradient *gradient = &parameters[i]->gradient;
        if (gradient->values) {
            work += operations * (double)(gradient->rows ? gradient->count * gradient->width : parameters[i]->size);
        }
    }
    return work;
}

ec_status ec_optimizer_plan(struct ec_update *update, struct ec_optimizer *optimizer,
                            struct ec_parameter *const *parameters, int count, struct ec_arena *arena)
{
    update->optimizer = optimizer;
    update->count = update->constrained = 0;
    update->items = ec_arena_take(arena, count, sizeof *update->items);
    if (!update->items) {
        return EC_NO_MEMORY;
    }
    for (int i = 0; i < count; i++) {
        if (parameters[i]->trainable && parameters[i]->writers) {
            struct ec_update_item *item = &update->items[update->count++];
            *item = (struct ec_update_item){.parameter = parameters[i]};
            update->constrained |= constrained_apart(parameters[i]);
            ec_status status = plan_item(item, i, update, arena);
            if (status != EC_OK) {
                return status;
            }
        }
    }
    return EC_OK;
}

/* The partial sums are shared out; one thread adds them up in their order. */
static void find_norms(struct ec_update *update, struct ec_team *team)
{
    for (int i = 0; i < update->count; i++) {
        ec_gradient_partial_squares(update->items[i].parameter, update->items[i].partial, team);
    }
    ec_team_barrier(team);
    if (team->index == 0) {
        double all = 0.0;
        for (int i = 0; i < update->count; i++) {
            double sum = 0.0;
            for (int64_t tile = 0; tile < update->items[i].tiles; tile++) {
                sum += update->items[i].partial[tile];
            }
            update->items[i].norm = sqrt(sum);
            all += sum;
        }
        update->global_norm = sqrt(all);
    }
    ec_team_barrier(team);
}

/* clip_by_norm as Keras: g * clip / max(norm, clip); a norm that is NaN or infinite makes the whole gradient NaN, so
 * that it shows. */
static struct ec_gradient_scaling scaling_of(const struct ec_update *update, const struct ec_update_item *item)
{
    const struct ec_optimizer *optimizer = update->optimizer;
    struct ec_gradient_scaling scaling = {.scale = 1.0f, .limit = INFINITY};
    if (optimizer->clipvalue > 0.0) {
        scaling.limit = (float)optimizer->clipvalue;
    }
    if (needs_norm(optimizer)) {
        double clip = optimizer->clipnorm > 0.0 ? optimizer->clipnorm : optimizer->global_clipnorm;
        double norm = optimizer->clipnorm > 0.0 ? item->norm : update->global_norm;
        scaling.scale = !isfinite(norm) ? NAN : norm > clip ? (float)(clip / norm) : 1.0f;
    }
    return scaling;
}

/* The gradients, summed up with those of the steps before where an update spans several. */
static void finish_gradients(struct ec_update *update, struct ec_team *team)
{
    int spread = 0;
    for (int i = 0; i < update->count; i++) {
        if (update->items[i].accumulation.place_of_row) {
            ec_spread(&update->items[i].accumulation, team);
            spread = 1;
        }
    }
    if (spread) {
        ec_team_barrier(team);
    }
    if (!accumulates(update)) {
        return;
    }
    for (int i = 0; i < update->count; i++) {
        ec_accumulate(&update->items[i].accumulation, team);
    }
    ec_team_barrier(team);
    for (int i = 0; update->optimizer->updates && i < update->count; i++) {
        ec_mean(&update->items[i].accumulation, update->optimizer->accumulation_steps, team);
    }
    ec_team_barrier(team);
    if (team->index == 0 && update->optimizer->updates) {
        for (int i = 0; i < update->count; i++) {
            update->items[i].parameter->gradient = update->items[i].accumulation.mean;
        }
    }
    ec_team_barrier(team);
}

/* One range of a parameter; rule NULL: a step without an update, whose averages move all the same, as in Keras. */
static void update_range(const struct ec_update *update, const struct ec_rule *rule, struct ec_parameter *parameter,
                         int64_t begin, const float *gradient, int64_t n)
{
    if (rule) {
        ec_rule_apply(rule, parameter, parameter->value + begin, begin, gradient, n);
    }
    if (update->optimizer->use_ema) {
        ec_average_move(update, parameter, parameter->value + begin, begin, n);
    }
}

static void update_dense(const struct ec_update *update, const struct ec_rule *rule, struct ec_parameter *parameter,
                         struct ec_team *team)
{
    const float *gradient = parameter->gradient.values;
    if (parameter->row_learns) {
        int64_t width = parameter->size / parameter->dims[0];
        for (int64_t row; (row = ec_team_next(team, parameter->dims[0])) >= 0;) {
            if (parameter->row_learns[row]) {
                update_range(update, rule, parameter, row * width, gradient + row * width, width);
            }
        }
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, parameter->size, EC_DENSE_TILE, &tile);) {
        update_range(update, rule, parameter, tile.begin, gradient + tile.begin, tile.end - tile.begin);
    }
}

void ec_ask_for_row(const struct ec_update *update, const struct ec_parameter *parameter, int64_t row)
{
    int64_t width = parameter->dims[1], begin = row * width;
    if (parameter->stored) {
        ec_ask_for_bytes((const uint16_t *)parameter->stored + begin, width * (int64_t)sizeof(uint16_t)); /* halves */
    }
    if (!parameter->stored || parameter->mastered) {
        ec_ask_for(parameter->value + begin, width);
    }
    for (int i = 0; i < parameter->slot_count; i++) {
        ec_ask_for(parameter->slots[i] + begin, width);
    }
    if (update->optimizer->use_ema) {
        ec_ask_for(parameter->average + begin, width);
    }
}

static void update_touched_rows(const struct ec_update *update, const struct ec_rule *rule,
                                const struct ec_update_item *item, struct ec_team *team)
{
    struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    float *room = item->made_rows ? item->made_rows + team->index * gradient->stride : NULL;
    int64_t width = gradient->width, ahead = parameter->size < EC_LARGE_TABLE ? INT64_MAX : ec_rows_ahead(width);
    for (struct ec_range tile; ec_team_next_range(team, gradient->count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            if (ahead < gradient->count - i) {
                ec_ask_for_row(update, parameter, gradient->rows[i + ahead]);
            }
            if (!ec_row_learns(parameter, gradient->rows[i])) {
                continue; /* of a gradient that the caller gave */
            }
            if (ec_average_owes_moves(update, parameter)) {
                ec_average_catch_up(update, parameter, parameter->value + gradient->rows[i] * width, gradient->rows[i],
                                    *parameter->moves + 1);
            }
            update_range(update, rule, parameter, gradient->rows[i] * width, ec_gradient_row(gradient, i, room), width);
        }
    }
}

static void update_all_rows(const struct ec_update *update, const struct ec_rule *rule,
                            const struct ec_update_item *item, struct ec_team *team)
{
    struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    static const float zeros[256];
    for (int64_t row; (row = ec_team_next(team, parameter->dims[0])) >= 0;) {
        int32_t place = item->place_of_row[row];
        for (int64_t c = 0; c < gradient->width && ec_row_learns(parameter, row); c += 256) {
            int64_t n = ec_least(256, gradient->width - c);
            update_range(update, rule, parameter, row * gradient->width + c,
                         place < 0 ? zeros : gradient->values + place * gradient->stride + c, n);
        }
    }
}

static void constrain(struct ec_update *update, struct ec_team *team)
{
    for (int i = 0; i < update->count; i++) {
        struct ec_parameter *parameter = update->items[i].parameter;
        if (constrained_apart(parameter)) {
            ec_constrain(parameter, &parameter->gradient, team);
        }
    }
}

void ec_optimizer_update(struct ec_update *update, struct ec_team *team)
{
    const struct ec_optimizer *optimizer = update->optimizer;
    finish_gradients(update, team);
    if (optimizer->updates && needs_norm(optimizer)) {
        find_norms(update, team);
    }
    for (int i = 0; i < update->count; i++) {
        struct ec_update_item *item = &update->items[i];
        struct ec_parameter *parameter = item->parameter;
        struct ec_rule made, *rule = optimizer->updates ? &made : NULL;
        int constrains = parameter->stored && parameter->rules.constraint != EC_NO_CONSTRAINT;
        if (!rule && !optimizer->use_ema && !constrains) {
            continue; /* its gradients have been accumulated */
        }
        if (rule) {
            struct ec_optimizer own = *optimizer;
            own.learning_rate *= parameter->rules.rate_scale;
            ec_rule_init(rule, &own, *parameter->steps + 1, !parameter->rules.keeps_weight, scaling_of(update, item));
        }
        if (parameter->stored) {
            ec_update_stored_rows(update, rule, item, team);
        } else if (!parameter->gradient.rows) {
            update_dense(update, rule, parameter, team);
        } else if (item->place_of_row) {
            update_all_rows(update, rule, item, team);
        } else {
            update_touched_rows(update, rule, item, team);
        }
    }
    ec_team_barrier(team);
    if (update->constrained) {
        constrain(update, team);
        ec_team_barrier(team);
    }
    for (int i = 0; i < update->count && optimizer->overwrites; i++) {
        if (ec_average_owes_moves(update, update->items[i].parameter)) {
            ec_average_overwrite_others(update, &update->items[i], team);
        }
    }
    if (optimizer->overwrites) {
        ec_team_barrier(team);
    }
    for (int i = 0; i < update->count && team->index == 0; i++) {
        struct ec_parameter *parameter = update->items[i].parameter;
        *parameter->steps += optimizer->updates != 0;
        if (ec_average_owes_moves(update, parameter)) {
            ++*parameter->moves;
        }
    }
}
