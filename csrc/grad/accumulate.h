/* Gradients that are not used as they come: summed over several steps before one update, or spread from the rows that a
 * step read over the whole table. Planned before the backward pass: the parameter's gradient is replaced, `fresh` is
 * the one that the backward pass writes. */
#ifndef EC_GRAD_ACCUMULATE_H
#define EC_GRAD_ACCUMULATE_H

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "grad/parameter.h"

struct ec_accumulation {
    struct ec_parameter *parameter;
    struct ec_gradient fresh;
    int32_t *place_of_row;   /* spreads: [V] fresh row, or -1; else NULL */
    struct ec_gradient mean; /* update steps: what the update uses in the end */
};

/* Spreads the gradient of a table over all rows; its tile is a row. */
ec_status ec_spread_plan(struct ec_accumulation *item, struct ec_arena *arena);
void ec_spread(struct ec_accumulation *item, struct ec_team *team);
/* accumulator += gradient of the step; shared out, no barrier. */
void ec_accumulate(struct ec_accumulation *item, struct ec_team *team);
/* In a step with an update: takes room for the mean over `steps` steps, of all rows touched in them. */
ec_status ec_mean_plan(struct ec_accumulation *item, struct ec_arena *arena);
/* gradient = accumulator / steps; accumulator = 0. After a barrier; shared out, no barrier at its end. */
void ec_mean(struct ec_accumulation *item, int steps, struct ec_team *team);

#endif
