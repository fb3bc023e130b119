/* Partial sums of squares: tiles of a dense gradient, or of the rows of a row-sparse one. */
#include "grad/norm.h"

#include "kernels/kernels.h"

#include <math.h>

int64_t ec_gradient_tiles(const struct ec_parameter *parameter)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    return gradient->rows ? ec_ceil_div(gradient->count, EC_SUMMED_ROW_TILE)
                          : ec_ceil_div(parameter->size, EC_DENSE_TILE);
}

static double sum_rows(const struct ec_gradient *gradient, struct ec_range rows)
{
    double sum = 0.0;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        sum += ec_kernels()->sum_squares(gradient->values + row * gradient->stride, gradient->width);
    }
    return sum;
}

void ec_gradient_partial_squares(const struct ec_parameter *parameter, double *partial, struct ec_team *team)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    if (gradient->rows) {
        for (struct ec_range rows; ec_team_next_range(team, gradient->count, EC_SUMMED_ROW_TILE, &rows);) {
            partial[rows.begin / EC_SUMMED_ROW_TILE] = sum_rows(gradient, rows);
        }
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, parameter->size, EC_DENSE_TILE, &tile);) {
        partial[tile.begin / EC_DENSE_TILE] =
            ec_kernels()->sum_squares(gradient->values + tile.begin, tile.end - tile.begin);
    }
}

double ec_norm_of_order(const float *values, double p, int64_t n)
{
    double sum = 0.0;
    for (int64_t c = 0; c < n; c++) {
        double size = fabs((double)values[c]);
        if (isinf(p)) {
            sum = size > sum || isnan(size) ? size : sum;
        } else {
            sum += p == 2.0 ? size * size : p == 1.0 ? size : pow(size, p);
        }
    }
    return isinf(p) || p == 1.0 ? sum : p == 2.0 ? sqrt(sum) : pow(sum, 1.0 / p);
}
