/* gradient -> parameters. One update for all parameters of a step: clipping, then the rule of one of seven optimizers,
 * in dense or row-sparse form, moving averages and constraints. The gradients hold the penalties already.
 *
 * "lazy" (the default) updates of a table only the rows that the step touched; "dense" is Keras's result, at the cost
 * of the whole table. Every thread of the team calls ec_optimizer_update. */
#ifndef EC_OPTIM_OPTIMIZER_H
#define EC_OPTIM_OPTIMIZER_H

#include "base/memory.h"
#include "base/threads.h"
#include "grad/accumulate.h"
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
    int amsgrad;                    /* Adam */
    double weight_decay;
    double clipnorm, global_clipnorm, clipvalue; /* 0: off; at most one is on */
    int dense_tables;                            /* embedding_update="dense" */
    int accumulation_steps;                      /* steps to an update; 0 or 1: every step */
    int use_ema;                                 /* keep moving averages of the values ... */
    double ema_momentum;
    int ema_overwrite_frequency; /* ... and put them in the place of the values every so many updates; 0: never */

    /* of this step */
    double learning_rate;
    int updates;    /* 0: its gradients are only accumulated */
    int overwrites; /* the averages replace the values */
};

/* One parameter of an update. */
struct ec_update_item {
    struct ec_parameter *parameter;
    struct ec_accumulation accumulation;
    int64_t tiles;   /* of the gradient, for the norm */
    double *partial; /* [tiles] sums of squares */
    double norm;
    float *stored_rows;    /* [threads] of a table that is stored in fewer bits, while they are updated */
    float *made_rows;      /* [threads] of a gradient whose rows are made for the update */
    float *no_gradient;    /* zeros, of a stored row that a dense update moves without */
    uint64_t key;          /* of its stochastic rounding */
    int32_t *place_of_row; /* dense update of a table: [V] gradient row, or -1; NULL where the gradient is spread */
};

struct ec_update {
    struct ec_optimizer *optimizer;
    struct ec_update_item *items;
    int count, constrained, threads;
    int whole_step; /* the step that makes the gradients is the one that uses them, and nobody looks between */
    uint64_t key;   /* (seed, step) */
    double global_norm;
};

/* Slots that a parameter needs, in the order of csrc/optim/rule.c: SGD none, or m with momentum; Adam and Nadam m, v,
 * and Adam with amsgrad the largest v; RMSprop v, then m with momentum, then the mean where centered; Adagrad v;
 * Adadelta v, u; Adamax m, u. */
int ec_optimizer_slots(const struct ec_optimizer *optimizer);
/* Sets what the optimizer does in step `number` (from 0). */
void ec_optimizer_begin(struct ec_optimizer *optimizer, double learning_rate, uint64_t number);
/* Plans the update of those parameters that are trainable and have a gradient; the caller has set key, threads
 * and whole_step. */
ec_status ec_optimizer_plan(struct ec_update *update, struct ec_optimizer *optimizer,
                            struct ec_parameter *const *parameters, int count, struct ec_arena *arena);
/* Floating-point operations of an update of these parameters, roughly. */
double ec_optimizer_work(struct ec_parameter *const *parameters, int count);
/* Ends with a barrier. The parameters' step counts are raised by thread 0. */
void ec_optimizer_update(struct ec_update *update, struct ec_team *team);

#endif
