/* The update of a table whose rows are kept in fewer bits than they are computed with: each touched row is read,
 * updated in float32 and written back, by chance or as the nearest of a master that is kept of it. */
#include "grad/storage.h"
#include "optim/rule.h"

/* A row that is stored in fewer bits: updated in float32 and rounded, or its master updated, which the first update
 * makes. */
static void update_stored_row(const struct ec_rule *rule, const struct ec_update_item *item, int64_t i, int thread)
{
    struct ec_parameter *parameter = item->parameter;
    const struct ec_gradient *gradient = &parameter->gradient;
    int32_t row = gradient->rows[i];
    int64_t begin = row * gradient->width;
    float *value = parameter->mastered ? parameter->value + begin : item->rows + thread * gradient->width;
    if (!parameter->mastered || !parameter->mastered[row]) {
        ec_rows_read(value, gradient->width, parameter, &row, 1);
    }
    ec_rule_apply(rule, parameter, value, begin, gradient->values + i * gradient->stride, gradient->width);
    ec_row_write(parameter, row, value, parameter->mastered ? NULL : &item->key);
    if (parameter->mastered) {
        parameter->mastered[row] = 1;
    }
}

void ec_update_stored_rows(const struct ec_rule *rule, const struct ec_update_item *item, struct ec_team *team)
{
    const struct ec_gradient *gradient = &item->parameter->gradient;
    for (struct ec_range tile; ec_team_next_range(team, gradient->count, EC_ROW_TILE, &tile);) {
        for (int64_t i = tile.begin; i < tile.end; i++) {
            if (ec_row_learns(item->parameter, gradient->rows[i])) {
                update_stored_row(rule, item, i, team->index);
            }
        }
    }
}
