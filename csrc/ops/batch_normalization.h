/* What the parts of batch_normalization share: its state, its parameters, its moving statistics. */
#ifndef EC_OPS_BATCH_NORMALIZATION_H
#define EC_OPS_BATCH_NORMALIZATION_H

#include "ops/axes.h"
#include "ops/pixel_normalization.h"

#include <math.h>

struct ec_batch_normalization {
    struct ec_axes axes;
    int scale, center;
    double epsilon, momentum;
    int frozen; /* called with training=False: the moving statistics also in training */

    /* of the step */
    int own_statistics;      /* the batch's */
    int64_t counted;         /* unmasked rows */
    float *normal;           /* [rows, C] h; not of images, which have it made again */
    double *mean;            /* [C] */
    float *deviation;        /* [C] 1 / sqrt(variance + epsilon) */
    double *sums;            /* [2, C] of d_y, and of d_y h */
    int64_t *seen;           /* [C] other axis: unmasked values of each place; 0: it has the moving statistics */
    struct ec_pixels pixels; /* of images */
};

static inline struct ec_parameter *ec_batch_gamma(const struct ec_op *op)
{
    return ((const struct ec_batch_normalization *)op->state)->scale ? op->parameters[0] : NULL;
}

static inline struct ec_parameter *ec_batch_beta(const struct ec_op *op)
{
    const struct ec_batch_normalization *state = op->state;
    return state->center ? op->parameters[state->scale ? 1 : 0] : NULL;
}

/* The moving mean; the moving variance stands behind it. */
static inline struct ec_parameter **ec_batch_moving(const struct ec_op *op)
{
    return op->parameters + op->parameter_count - 2;
}

/* The moving statistics of channel c follow those of a batch. */
static inline void ec_batch_move(const struct ec_op *op, int64_t c, double mean, double variance)
{
    const struct ec_batch_normalization *state = op->state;
    float *moving_mean = ec_batch_moving(op)[0]->value + c, *moving_variance = ec_batch_moving(op)[1]->value + c;
    *moving_mean = (float)(*moving_mean * state->momentum + mean * (1.0 - state->momentum));
    *moving_variance = (float)(*moving_variance * state->momentum + variance * (1.0 - state->momentum));
}

/* The moving statistics, of n channels, are those of the step. */
static inline void ec_batch_take_moving(const struct ec_op *op, int64_t begin, int64_t n)
{
    struct ec_batch_normalization *state = op->state;
    for (int64_t c = begin; c < begin + n; c++) {
        state->mean[c] = (double)ec_batch_moving(op)[0]->value[c];
        state->deviation[c] = (float)(1.0 / sqrt((double)ec_batch_moving(op)[1]->value[c] + state->epsilon));
    }
}

/* With another axis than the last: all of forward and backward. */
void ec_batch_forward_lanes(const struct ec_op *op, struct ec_team *team);
void ec_batch_backward_lanes(const struct ec_op *op, struct ec_team *team);
/* The same of images, whose pixels are not masked. */
void ec_batch_forward_pixels(const struct ec_op *op, struct ec_team *team);
void ec_batch_backward_pixels(const struct ec_op *op, struct ec_team *team);

#endif
