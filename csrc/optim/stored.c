/* The update of a table whose rows are kept in fewer bits than they are computed with. All that a step does to a row is
 * done in float32 before it is stored: the optimizer's rule, the moving average, the constraint. Then it is rounded, by
 * chance or as the nearest of a master that is kept of it. */
#include "grad/storage.h"
#include "optim/rule.h"

static void update_row(const struct ec_update *update, const struct ec_rule *rule, const struct ec_update_item *item,
                       int64_t row, const float *gradient, float *room)
{
    struct ec_parameter *parameter = item->parameter;
    int64_t width = parameter->dims[1], begin = row * width;
    float *value = ec_row_open(parameter, row, room);
    if (ec_average_owes_moves(update, parameter)) {
        ec_average_catch_up(update, parameter, value, row, *parameter->moves + 1);
    }
    if (rule) {
        ec_rule_apply(rule, parameter, value, begin, gradient, width);
    }
    if (update->optimizer->use_ema) {
        ec_average_move(update, parameter, value, begin, width);
    }
    ec_constrain_row(&parameter->rules, value, width);
    ec_row_close(parameter, row, value, &item->key);
}

/* Entry i of the gradient: of a row that the step touched, or of every row, whose gradient may be none. */
static void update_entry(const struct ec_update *update, const struct ec_rule *rule, const struct ec_update_item *item,
                         int64_t i, float *room)
{
    const struct ec_gradient *gradient = &item->parameter->gradient;
    int64_t row = i, place = i, stride = item->parameter->dims[1];
    if (gradient->rows) {
        row = item->place_of_row ? i : gradient->rows[i];
        place = item->place_of_row ? item->place_of_row[i] : i;
        stride = gradient->stride;
    }
    if (ec_row_learns(item->parameter, row)) {
        update_row(update, rule, item, row, place < 0 ? item->no_gradient : gradient->values + place * stride, room);
    }
}

void ec_update_stored_rows(const struct ec_update *update, const struct ec_rule *rule,
                           const struct ec_update_item *item, struct ec_team *team)
{
    const struct ec_gradient *gradient = &item->parameter->gradient;
    int64_t count = gradient->rows && !item->place_of_row ? gradient->count : item->parameter->dims[0];
    float *room = item->rows + team->index * item->parameter->dims[1];
    for (struct ec_range tile; ec_team_next_range(team, count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            update_entry(update, rule, item, i, room);
        }
    }
}
