/* Penalties on the size of weights (L1, L2): their value, which belongs to the loss, and their gradient, which is added
 * to that of the loss before clipping. Of a table that is updated lazily only the rows that the step read count. */
#ifndef EC_GRAD_PENALTY_H
#define EC_GRAD_PENALTY_H

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "grad/accumulate.h"
#include "grad/parameter.h"

struct ec_penalty {
    struct ec_parameter *parameter;
    int by_rows;                  /* of a table: only `rows` */
    struct ec_accumulation whole; /* of a table whose rows all count: its gradient, spread over them */
    const int32_t *rows;
    int64_t count, tiles;
    double *partial; /* [tiles] */
    float *room;     /* [threads] a row of a table that is stored in fewer bits, while its penalty is found */
};

struct ec_penalties {
    struct ec_penalty *items;
    int count;
    double value; /* of all, after ec_penalties_run */
};

/* Gradients that begin with zeros, for weights that learn by their penalty alone: no loss of the step depends on them.
 */
ec_status ec_penalties_plan_alone(struct ec_parameter *const *parameters, int count, struct ec_arena *arena);
/* Plans the penalties of a step whose backward pass, if it has one, has been planned. */
ec_status ec_penalties_plan(struct ec_penalties *penalties, struct ec_parameter *const *parameters, int count,
                            int threads, struct ec_arena *arena);
/* Finds the value; with `adds` also adds the gradients times `scale`. Every thread of the team; ends with a barrier. */
void ec_penalties_run(struct ec_penalties *penalties, int adds, double scale, struct ec_team *team);

#endif
