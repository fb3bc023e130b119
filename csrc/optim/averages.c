/* Moving averages of the values, Keras's `use_ema`. Of a table that is updated lazily only the rows that a step touched
 * move in it; the others owe their moves and catch up when they are read or touched. Of a table that is stored in fewer
 * bits only rows that have been touched have an average in memory: that of the others is their value. */
#include "grad/storage.h"
#include "optim/rule.h"

#include <math.h>
#include <string.h>

/* Whether the average of a row is its value, which no step has touched. */
static int has_no_average(const struct ec_parameter *parameter, int64_t row)
{
    return parameter->stored && !parameter->moves[1 + row];
}

/* The value stood still, so that the moves are one: average = value + momentum^missed (average - value). */
void ec_average_catch_up(const struct ec_update *update, struct ec_parameter *parameter, const float *value,
                         int64_t row, int64_t now)
{
    int64_t missed = *parameter->moves - parameter->moves[1 + row], width = parameter->size / parameter->dims[0];
    float *average = parameter->average + row * width;
    if (has_no_average(parameter, row)) {
        memcpy(average, value, (size_t)width * sizeof *average);
    } else if (missed > 0) {
        float keep = (float)pow(update->optimizer->ema_momentum, (double)missed);
        for (int64_t c = 0; c < width; c++) {
            average[c] = value[c] + keep * (average[c] - value[c]);
        }
    }
    parameter->moves[1 + row] = now;
}

int ec_average_owes_moves(const struct ec_update *update, const struct ec_parameter *parameter)
{
    return update->optimizer->use_ema && parameter->moves && parameter->gradient.rows;
}

static void overwrite_row(const struct ec_update *update, const struct ec_update_item *item, int64_t row, float *room)
{
    struct ec_parameter *parameter = item->parameter;
    int64_t width = parameter->dims[1];
    float keep = (float)update->optimizer->ema_momentum;
    float *average = parameter->average + row * width, *value = ec_row_open(parameter, row, room);
    ec_average_catch_up(update, parameter, value, row, *parameter->moves + 1);
    for (int64_t c = 0; c < width; c++) {
        value[c] = average[c] = value[c] + keep * (average[c] - value[c]);
    }
    ec_row_close(parameter, row, value, &item->key);
}

void ec_average_overwrite_others(const struct ec_update *update, const struct ec_update_item *item,
                                 struct ec_team *team)
{
    const struct ec_parameter *parameter = item->parameter;
    int64_t now = *parameter->moves + 1;
    float *room = parameter->stored ? item->stored_rows + team->index * parameter->dims[1] : NULL;
    for (struct ec_range tile; ec_team_next_range(team, parameter->dims[0], EC_SUMMED_ROW_TILE, &tile);) {
        for (int64_t row = tile.begin; row < tile.end; row++) {
            if (parameter->moves[1 + row] != now && ec_row_learns(parameter, row) && !has_no_average(parameter, row)) {
                overwrite_row(update, item, row, room);
            }
        }
    }
}

/* average = momentum average + (1 - momentum) value; in the first update the value itself. */
void ec_average_move(const struct ec_update *update, struct ec_parameter *parameter, float *value, int64_t begin,
                     int64_t n)
{
    double momentum = *parameter->steps ? update->optimizer->ema_momentum : 0.0;
    float keep = (float)momentum, take = (float)(1.0 - momentum);
    float *average = parameter->average + begin;
    for (int64_t i = 0; i < n; i++) {
        average[i] = keep * average[i] + take * value[i];
    }
    if (update->optimizer->overwrites) {
        memcpy(value, average, (size_t)n * sizeof *value);
    }
}
