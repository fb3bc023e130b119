/* The frame of all losses: rows, targets, weights, reduction and sums. A family of losses (loss_*.c) gives the value
 * and the gradient of one row of predictions (`loss_rule` of its type); the frame walks over texts and rows:
 *
 *     L = weight * sum over rows r of w[r] l[r] / n        d_x[r] = weight w[r] / n * dl[r]/dx
 *
 * n by reduction: "sum_over_batch_size" the rows that count (not masked, not ignored), "mean_with_sample_weight" the
 * sum of their weights, "sum" 1. */
#ifndef EC_OPS_LOSS_H
#define EC_OPS_LOSS_H

#include "ops/op.h"

/* The state of every loss; a family exposes as attributes what it reads. */
struct ec_loss_state {
    struct ec_loss loss; /* first: the program reads it */
    int kind, from_logits, reduction, balanced;
    double weight, label_smoothing, delta, alpha, gamma;

    /* of the step */
    int64_t texts;        /* B of the predictions */
    int64_t vectors;      /* of a row: predictions along the last axis, each with a loss */
    int64_t padded_width; /* T of targets and weights: as the predictions', or more where these are masked */
    int binary_labels;    /* hinges: all targets are 0 or 1, so that 0 means -1 */
    double divisor;       /* n */
    double *text_loss;    /* [2 x B] weighted; and without weights */
    int32_t *text_right;  /* [B] */
    float *scratch;       /* [threads x C] a row's gradient that is to be added to another */
};

/* A loss of one row, what its type (`loss_rule`) gives the frame: `y` are its targets (int32 label, or floats [cols]),
 * `p` its predictions. */
struct ec_loss_rule {
    /* Writes p from x and returns l. */
    double (*value)(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols);
    /* d_x = scale * dl/dx. */
    void (*gradient)(const struct ec_loss_state *state, float *d_x, const float *p, const float *x, const void *y,
                     int64_t cols, float scale);
    /* How many predictions are right; or NULL. */
    int64_t (*right)(const struct ec_loss_state *state, const float *p, const void *y, int64_t cols);
};

/* plan for losses that walk over rows in an order of their own (dense_cross_entropy.c): checks the steps of targets and
 * weights, sets the divisor and takes the sums of the texts. */
ec_status ec_loss_plan_sums(struct ec_op *op, struct ec_step *step);
/* Of each row, where its target stands, -1 where it is masked, and the weight of its loss before division by n. */
void ec_loss_plan_rows(const struct ec_op *op, int64_t *target, double *weight);
/* Called by every thread once text_loss and text_right are written: the step's loss and how many rows are right. */
void ec_loss_sum_texts(struct ec_loss_state *state, struct ec_team *team);

extern const char *const ec_loss_reductions[];
#define EC_LOSS_ATTRIBUTES                                                                                             \
    {"weight", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, weight), NULL},                                      \
    {                                                                                                                  \
        "reduction", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_loss_state, reduction), ec_loss_reductions                \
    }

double ec_loss_divisor(const struct ec_op *op); /* `divisor` of the type of every loss */
ec_status ec_loss_infer(struct ec_op *op, struct ec_report *report);
ec_status ec_loss_plan(struct ec_op *op, struct ec_step *step);
/* forward and backward of every loss whose type has a rule. */
void ec_loss_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team);
void ec_loss_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team);

/* What is the same in the type of every such loss; `defaults` and `rule` are those of the file. */
#define EC_ROW_LOSS                                                                                                    \
    .state_bytes = sizeof(struct ec_loss_state), .defaults = &defaults, .inputs = {1, 1}, .outputs = {1, 1},           \
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}}, .is_loss = 1, .loss_rule = &rule,                        \
    .divisor = ec_loss_divisor, .forward = ec_loss_forward, .backward = ec_loss_backward

#define EC_LOSS_EPSILON 1e-7f /* Keras's */

static inline float ec_clip_probability(float p)
{
    return p < EC_LOSS_EPSILON ? EC_LOSS_EPSILON : p > 1.0f - EC_LOSS_EPSILON ? 1.0f - EC_LOSS_EPSILON : p;
}

static inline float ec_row_sum(const float *x, int64_t cols)
{
    float sum = 0.0f;
    for (int64_t c = 0; c < cols; c++) {
        sum += x[c];
    }
    return sum;
}

/* A target after label smoothing towards `to`. */
static inline float ec_smoothed(const struct ec_loss_state *state, float y, float to)
{
    float smoothing = (float)state->label_smoothing;
    return smoothing > 0.0f ? y * (1.0f - smoothing) + smoothing * to : y;
}

#endif
