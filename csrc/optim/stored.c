/* The update of a table whose rows are kept in fewer bits than they are computed with. All that a step does to a row is
 * done in float32 before it is stored: the optimizer's rule, the moving average, the constraint. Then it is rounded, by
 * chance or as the nearest of a master that is kept of it. */
#include "base/ahead.h"
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

/* The rows that a thread works in. */
struct room {
    float *value, *gradient;
};

/* Entry i of the gradient: of a row that the step touched, or of every row, whose gradient may be none. */
static void update_entry(const struct ec_update *update, const struct ec_rule *rule, const struct ec_update_item *item,
                         int64_t i, const struct room *room)
{
    const struct ec_gradient *gradient = &item->parameter->gradient;
    int32_t place = item->place_of_row ? item->place_of_row[i] : 0;
    int64_t row = gradient->rows && !item->place_of_row ? gradient->rows[i] : i;
    if (!ec_row_learns(item->parameter, row)) {
        return;
    }
    const float *values = !gradient->rows       ? gradient->values + row * item->parameter->dims[1]
                          : !item->place_of_row ? ec_gradient_row(gradient, i, room->gradient)
                          : place < 0           ? item->no_gradient
                                                : gradient->values + place * gradient->stride;
    update_row(update, rule, item, row, values, room->value);
}

void ec_update_stored_rows(const struct ec_update *update, const struct ec_rule *rule,
                           const struct ec_update_item *item, struct ec_team *team)
{
    const struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    int touched = gradient->rows && !item->place_of_row;
    int64_t count = touched ? gradient->count : parameter->dims[0];
    int64_t ahead = !touched || parameter->size < EC_LARGE_TABLE ? INT64_MAX : ec_rows_ahead(parameter->dims[1]);
    const struct room room = {item->stored_rows + team->index * parameter->dims[1],
                              item->made_rows ? item->made_rows + team->index * gradient->stride : NULL};
    for (struct ec_range tile; ec_team_next_range(team, count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            if (ahead < count - i) {
                ec_ask_for_row(update, parameter, gradient->rows[i + ahead]);
            }
            update_entry(update, rule, item, i, &room);
        }
    }
}
