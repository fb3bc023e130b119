/* Partial sums of squares: tiles of a dense gradient, or of the rows of a row-sparse one. */
#include "grad/norm.h"

#include "kernels/kernels.h"

static const int64_t dense_tile = 1 << 14;
static const int64_t row_tile = 64;

int64_t ec_gradient_tiles(const struct ec_parameter *parameter)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    int64_t size = gradient->rows ? gradient->count : parameter->size;
    int64_t tile = gradient->rows ? row_tile : dense_tile;
    return (size + tile - 1) / tile;
}

static double sum_rows(const struct ec_gradient *gradient, int64_t begin)
{
    int64_t end = begin + row_tile < gradient->count ? begin + row_tile : gradient->count;
    double sum = 0.0;
    for (int64_t row = begin; row < end; row++) {
        sum += ec_kernels()->sum_squares(gradient->values + row * gradient->stride, gradient->width);
    }
    return sum;
}

void ec_gradient_partial_squares(const struct ec_parameter *parameter, double *partial, struct ec_team *team)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    for (int64_t tile; (tile = ec_team_next(team, ec_gradient_tiles(parameter))) >= 0;) {
        if (gradient->rows) {
            partial[tile] = sum_rows(gradient, tile * row_tile);
        } else {
            int64_t left = parameter->size - tile * dense_tile;
            partial[tile] =
                ec_kernels()->sum_squares(gradient->values + tile * dense_tile, left < dense_tile ? left : dense_tile);
        }
    }
}
