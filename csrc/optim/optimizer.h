/* gradient -> parameters. One update for all parameters of a step: clipping, then SGD or Adam, in dense or row-sparse
 * form.
 *
 * "lazy" (the default) updates of a table only the rows that the step touched; "dense" is Keras's result, at the cost
 * of the whole table. Every thread of the team calls ec_optimizer_update. */
#ifndef EC_OPTIM_OPTIMIZER_H
#define EC_OPTIM_OPTIMIZER_H

#include "base/memory.h"
#include "base/threads.h"
#include "grad/parameter.h"

#include <stdint.h>

enum ec_optimizer_kind {
    EC_SGD,
    EC_ADAM,
    EC_RMSPROP,
    EC_ADAGRAD,
    EC_ADADELTA,
    EC_ADAMAX,
    EC_NADAM
};

struct ec_optimizer {
    enum ec_optimizer_kind kind;
    double momentum; /* SGD, RMSprop */
    int nesterov;
    int centered;                   /* RMSprop */
    double rho;                     /* RMSprop, Adadelta */
    double beta_1, beta_2, epsilon; /* Adam, Adamax, Nadam; epsilon of all but SGD */
    double weight_decay;
    double clipnorm, global_clipnorm, clipvalue; /* 0: off; at most one is on */
    int dense_tables;                            /* embedding_update="dense" */
    double learning_rate;                        /* of this step */
};

/* One parameter of an update. */
struct ec_update_item {
    struct ec_parameter *parameter;
    int64_t tiles;   /* of the gradient, for the norm */
    double *partial; /* [tiles] sums of squares */
    double norm;
    int32_t *place_of_row; /* dense update of a table: [V] gradient row, or -1 */
};

struct ec_update {
    struct ec_optimizer *optimizer;
    struct ec_update_item *items;
    int count;
    double global_norm;
};

/* Slots that a parameter needs, in the order of csrc/optim/rule.c: SGD none, or m with momentum; Adam and Nadam m, v;
 * RMSprop v, then m with momentum, then the mean where centered; Adagrad v; Adadelta v, u; Adamax m, u. */
int ec_optimizer_slots(const struct ec_optimizer *optimizer);
/* Plans the update of those parameters that are trainable and have a gradient. */
ec_status ec_optimizer_plan(struct ec_update *update, struct ec_optimizer *optimizer,
                            struct ec_parameter *const *parameters, int count, struct ec_arena *arena);
/* Ends with a barrier. The parameters' step counts are raised by thread 0. */
void ec_optimizer_update(struct ec_update *update, struct ec_team *team);

#endif
