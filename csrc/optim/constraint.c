/* Constraints on weights after an update: none below zero, or norms over some axes inside bounds (Keras's MaxNorm,
 * UnitNorm, MinMaxNorm). */
#include "optim/rule.h"

#include <math.h>
#include <string.h>

static double factor_of(const struct ec_parameter_rules *rules, double squares)
{
    double norm = sqrt(squares), bounded = norm < rules->least_norm ? rules->least_norm : norm;
    bounded = bounded > rules->most_norm ? rules->most_norm : bounded;
    return (rules->norm_rate * bounded + (1.0 - rules->norm_rate) * norm) / (1e-7 + norm);
}

/* Walks over the entries of one group: those that differ only in the summed axes. */
struct walk {
    int rank;
    int64_t sizes[EC_MAX_RANK], strides[EC_MAX_RANK];
};

static void scale_group(const struct ec_parameter_rules *rules, float *first, const struct walk *walk)
{
    double squares = 0.0, factor = 1.0;
    for (int pass = 0; pass < 2; pass++) {
        int64_t at[EC_MAX_RANK] = {0};
        float *entry = first;
        for (int axis = 0; axis >= 0;) {
            if (pass) {
                *entry = (float)(*entry * factor);
            } else {
                squares += (double)*entry * *entry;
            }
            for (axis = walk->rank - 1; axis >= 0; axis--) { /* the next entry */
                entry += walk->strides[axis];
                if (++at[axis] < walk->sizes[axis]) {
                    break;
                }
                entry -= walk->strides[axis] * walk->sizes[axis];
                at[axis] = 0;
            }
        }
        factor = factor_of(rules, squares);
    }
}

/* The axes that are summed over, and those that count the groups. */
static int64_t split_axes(const struct ec_parameter *parameter, struct walk *inside, struct walk *groups)
{
    int64_t stride = 1, count = 1;
    memset(inside, 0, sizeof *inside);
    memset(groups, 0, sizeof *groups);
    for (int axis = parameter->rank - 1; axis >= 0; axis--) {
        struct walk *walk = parameter->rules.norm_axes >> axis & 1 ? inside : groups;
        walk->sizes[walk->rank] = parameter->dims[axis];
        walk->strides[walk->rank++] = stride;
        count *= walk == groups ? parameter->dims[axis] : 1;
        stride *= parameter->dims[axis];
    }
    return count;
}

static void constrain_norms(struct ec_parameter *parameter, struct ec_team *team)
{
    struct walk inside, groups;
    int64_t count = split_axes(parameter, &inside, &groups);
    for (int64_t group; (group = ec_team_next(team, count)) >= 0;) {
        int64_t offset = 0, rest = group;
        if (parameter->row_learns && !parameter->row_learns[group]) {
            continue; /* of a table, whose groups are its rows: ec_program_bind refuses others */
        }
        for (int axis = 0; axis < groups.rank; axis++) {
            offset += rest % groups.sizes[axis] * groups.strides[axis];
            rest /= groups.sizes[axis];
        }
        scale_group(&parameter->rules, parameter->value + offset, &inside);
    }
}

static void keep_positive(float *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        w[i] = w[i] < 0.0f ? 0.0f : w[i]; /* NaN stays */
    }
}

void ec_constrain_row(const struct ec_parameter_rules *rules, float *row, int64_t width)
{
    const struct walk inside = {.rank = 1, .sizes = {width}, .strides = {1}};
    if (rules->constraint == EC_NON_NEGATIVE) {
        keep_positive(row, width);
    } else if (rules->constraint == EC_NORM) {
        scale_group(rules, row, &inside);
    }
}

static void constrain_rows(struct ec_parameter *parameter, const struct ec_gradient *touched, struct ec_team *team)
{
    for (int64_t i; (i = ec_team_next(team, touched->count)) >= 0;) {
        if (ec_row_learns(parameter, touched->rows[i])) {
            float *row = parameter->value + touched->rows[i] * touched->width;
            ec_constrain_row(&parameter->rules, row, touched->width);
        }
    }
}

void ec_constrain(struct ec_parameter *parameter, const struct ec_gradient *touched, struct ec_team *team)
{
    if (touched->rows && !parameter->rules.all_rows) {
        constrain_rows(parameter, touched, team);
    } else if (parameter->rules.constraint == EC_NORM) {
        constrain_norms(parameter, team);
    } else if (parameter->row_learns) {
        int64_t width = parameter->size / parameter->dims[0];
        for (int64_t row; (row = ec_team_next(team, parameter->dims[0])) >= 0;) {
            keep_positive(parameter->value + row * width, parameter->row_learns[row] ? width : 0);
        }
    } else {
        for (struct ec_range tile; ec_team_next_range(team, parameter->size, EC_DENSE_TILE, &tile);) {
            keep_positive(parameter->value + tile.begin, tile.end - tile.begin);
        }
    }
}
