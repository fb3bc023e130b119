/* What the files of the recurrent layers share: the state of lstm, gru and simple_rnn. recurrent.c plans a step,
 * recurrent_forward.c and recurrent_backward.c run it around the time loop of matrix/recurrence.h.
 * Layers over words or characters: B 1 to 512, T 10 to 400, H 16 to 1024. */
#ifndef EC_OPS_RECURRENT_H
#define EC_OPS_RECURRENT_H

#include "batch/steps.h"
#include "matrix/recurrence.h"
#include "ops/op.h"

struct ec_recurrent {
    int cell;
    int use_bias, return_sequences, return_state, initial_state, stateful, reverse, keep_order, zero_output_for_mask;
    int activation, recurrent_activation, layer, reset_after;
    double recurrent_dropout;
    int always;     /* recurrent_dropout in inference too */
    int transposed; /* kernels stand as [G H, C] and [G H, H] */

    int64_t units, gates; /* gates: columns of all of them, G H */
    int states;           /* 2: LSTM */
    int kept;             /* number of the first kept state among the parameters */

    /* of the step */
    struct ec_steps steps;
    struct ec_recurrence recurrence;
    int64_t rows;     /* tokens read */
    float *rows_of_x; /* sequence: [rows, C] in the order of the steps */
    float *source;    /* tokens: [U, G H] */
    float *d_source;
    int32_t *source_row;
    int64_t *out_row;
    float *bias;               /* [G H] GRU: both together, where they are added alike */
    float *first[2], *last[2]; /* by rank */
    float *ones;
    float *turned;    /* [C or H, G H] of the gradient of a transposed kernel */
    float *workspace; /* of the products around the time loop, which run one after the other */
    struct ec_occurrences occurrences;
};

/* The products that give d_W_h, which planning and backward must know alike: the first row whose state comes from
 * before (where none is given, that of the first step is zero), and the columns of the gates whose products with the
 * state have one gradient (GRU's candidate has its own). */
static inline int64_t ec_recurrent_first_row(const struct ec_recurrence *r)
{
    return r->first_state || r->steps == 0 ? 0 : r->begin[1];
}
/* A kernel of these rows, in the orientation [depth, G H] that the formulas have. */
static inline struct ec_matrix ec_recurrent_kernel(const struct ec_recurrent *state, const float *values, int64_t rows)
{
    return state->transposed ? ec_transposed(ec_matrix(values, state->gates, rows, rows))
                             : ec_matrix(values, rows, state->gates, state->gates);
}
static inline int64_t ec_recurrent_cols_of_state(const struct ec_recurrent *state)
{
    return state->recurrence.inner ? 2 * state->units : state->gates;
}

void ec_recurrent_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team);
void ec_recurrent_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team);

#endif
