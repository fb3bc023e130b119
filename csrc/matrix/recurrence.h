/* A recurrent layer over time by a team: at each step the product of the last state with the recurrent weights, and the
 * cell right behind it. For B 1 to 512 texts, H 16 to 1024 units, 10 to 400 steps.
 *
 *     a_s = x_s + h_{s-1} W, h_s = cell(a_s)        rows of step s: the first begin[s + 1] - begin[s] texts (by rank)
 *
 * W is packed once, in the number format of the precision, for all steps. A thread owns blocks of units with all their
 * gates, so that its part of W stays in its cache from step to step; one barrier a step, two with the reset before. */
#ifndef EC_MATRIX_RECURRENCE_H
#define EC_MATRIX_RECURRENCE_H

#include "base/threads.h"
#include "kernels/kernels.h"
#include "matrix/panels.h"

#include <stdint.h>

enum ec_cell {
    EC_CELL_SIMPLE, /* h = activation(a) */
    EC_CELL_LSTM,
    EC_CELL_GRU,             /* the reset gate behind the candidate's product with the state */
    EC_CELL_GRU_RESET_BEFORE /* before it: two products a step, one after the other */
};

/* Row-major arrays. "Kept" arrays have a row for each token, in the order of the steps, where a backward follows
 * (`keep`); else rows for two steps, one used after the other. "By rank": one row a text. H units, G gates. */
struct ec_recurrence {
    enum ec_cell cell;
    enum ec_activation activation, gate_activation;
    enum ec_precision precision;
    int64_t units, batch, steps;
    const int64_t *begin; /* [steps + 1] */
    int keep;

    const float *weights;      /* [H, G H] */
    int transposed;            /* they stand as [G H, H]; then W is always packed */
    const float *x;            /* [tokens, C] in the order of the steps, where x W runs in the time loop; or NULL */
    int64_t channels;          /* C */
    const float *kernel;       /* [C, G H], or as the weights transposed */
    const float *inner_bias;   /* GRU: [H] bias of the candidate's recurrent part; or NULL */
    const float *state_mask;   /* by rank [H]: recurrent dropout; or NULL */
    const float *source;       /* rows of x that tokens share [*, G H], or NULL */
    const int32_t *source_row; /* [tokens] */
    const float *bias;         /* [G H] added to x W where source is NULL; or NULL */
    const float *first_state;  /* by rank [H], NULL: zeros */
    const float *first_carry;  /* LSTM's c; by rank [H], NULL: zeros */
    float *out;                /* h of each token at out + out_row[token] * H, or NULL */
    const int64_t *out_row;    /* [tokens] */
    float *last_state;         /* by rank [H] */
    float *last_carry;         /* LSTM: by rank [H] */

    float *gates;          /* kept [G H]; with source and x NULL all rows exist, and hold x W */
    float *inner;          /* GRU: kept [H], the candidate's product; reset before: r h_{s-1}, with recurrent dropout */
    float *carry;          /* kept [H]: c of LSTM, h of GRU */
    float *state;          /* kept [H]: h_{s-1}, with recurrent dropout, for the gradient of W */
    float *zeros;          /* [H] */
    float *packed_weights; /* [ec_recurrence_weights()] */
    float *packed_x;       /* [tokens, C + 1], and of the kernel [ec_recurrence_kernel()]: the bias is its last row */
    float *packed_kernel;
    float *packed_state[2]; /* [ec_recurrence_texts()] each, of the last and of this step */
    float *packed_inner;    /* reset before: [ec_recurrence_texts()] */
    int32_t *count_up;      /* [H] 0, 1, ...: only where nothing is packed; else NULL */

    /* backward: gates and inner turn into the gradients of a_s and of GRU's inner product */
    const float *d_out; /* like out, or NULL */
    float *d_state;     /* by rank [H]: in: gradient of the last state, out: of the first one */
    float *d_carry;     /* by rank [H]: the same for LSTM's c; GRU: zeros */
    int wants_first;    /* the gradient of the first state is wanted */
    float *packed_back; /* [ec_recurrence_weights()] W transposed */
    float *packed_d[2]; /* [G ec_recurrence_texts()] each */
};

int64_t ec_recurrence_gates(enum ec_cell cell);
/* Floats of packed operands, for the kernels in use: all weights, or one state of all texts. -1: too many. */
int64_t ec_recurrence_weights(enum ec_cell cell, int64_t units, enum ec_precision precision);
int64_t ec_recurrence_texts(int64_t batch, int64_t units, enum ec_precision precision);
/* Places of the depth of x W: C, and one for the bias. */
int64_t ec_recurrence_depth_of_x(const struct ec_recurrence *recurrence);
int64_t ec_recurrence_kernel(const struct ec_recurrence *recurrence);
/* Whether the product x W of a sequence runs in the time loop, that of a step right before its recurrent one: the gates
 * of a step stay in the caches then. Otherwise, as where few texts would read the whole kernel in each step, the caller
 * computes it for all tokens at once, with the same bits. Of the sizes, cell, precision and begin. */
int ec_recurrence_takes_x(const struct ec_recurrence *recurrence);
/* Whether so few tokens are read that W is used as it stands, not packed. */
int ec_recurrence_is_short(int64_t tokens);

/* Called by every thread of the team, each ends with a barrier. The bits depend on the sizes and the kernels only. */
void ec_recurrence_forward(struct ec_team *team, const struct ec_recurrence *recurrence);
void ec_recurrence_backward(struct ec_team *team, const struct ec_recurrence *recurrence);

#endif
