/* Norms of gradients over coalesced rows, for clipping. The sum has a fixed order: partial sums of tiles, added in
 * turn. */
#ifndef EC_GRAD_NORM_H
#define EC_GRAD_NORM_H

#include "base/threads.h"
#include "grad/parameter.h"

/* Tiles of a gradient's partial sums. */
int64_t ec_gradient_tiles(const struct ec_parameter *parameter);
/* partial[tile] = sum of squares of that tile; shared out among the team, no barrier. */
void ec_gradient_partial_squares(const struct ec_parameter *parameter, double *partial, struct ec_team *team);

/* Of order p, infinity too; in double precision. */
double ec_norm_of_order(const float *values, double p, int64_t n);

#endif
