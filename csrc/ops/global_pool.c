/* global_max_pool, global_average_pool, global_sum_pool: sequence -> flat, over the unmasked steps of each text. A text
 * without any gives zeros and no gradient. The first of equal maxima wins; NaN wins over numbers.
 *
 *     max:     out[c] = in[t*, c]                        d_in[t*, c] = d_out[c]
 *     average: out[c] = sum over t of in[t, c] / n       d_in[t, c] = d_out[c] / n
 *     sum:     out[c] = sum over t of in[t, c]           d_in[t, c] = d_out[c] */
#include "ops/op.h"

#include <string.h>

struct state {
    int32_t *at; /* max: [B, C] row of the winner, -1: none */
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    (void)report;
    op->outputs[0]->steps = EC_NO_STEPS;
    return EC_OK;
}

static ec_status plan_average(struct ec_op *op, struct ec_step *step)
{
    op->outputs[0]->layout = NULL;
    op->outputs[0]->rows = ec_tensor_texts(op->inputs[0]);
    ec_status status = ec_op_plan_gradients(op, step);
    return status == EC_OK ? ec_tensor_take(op->outputs[0], step) : status;
}

static ec_status plan_max(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    if (op->inputs[0]->rows > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    ec_status status = plan_average(op, step);
    state->at = ec_arena_take(step->arena, ec_tensor_texts(op->inputs[0]) * op->outputs[0]->cols, sizeof *state->at);
    return state->at ? status : EC_NO_MEMORY;
}

static void forward_max(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = in->layout->offsets;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        ec_rows_maximum(out->data + b * out->cols, state->at + b * out->cols, in->data, in->cols, in->layout,
                        offsets[b], offsets[b + 1]);
    }
    ec_team_barrier(team);
}

static void clear_text(const struct ec_op *op, int64_t b)
{
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = in->layout->offsets;
    if (!op->adds_input[0]) {
        memset(in->grad + offsets[b] * in->cols, 0, (size_t)((offsets[b + 1] - offsets[b]) * in->cols) * sizeof(float));
    }
}

static void backward_max(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        clear_text(op, b);
        ec_rows_maximum_back(in->grad, out->grad + b * out->cols, state->at + b * out->cols, out->cols);
    }
    ec_team_barrier(team);
}

/* What a text's rows become, and the way back: ec_rows_mean, ec_rows_sum and theirs. */
typedef void rows_fn(float *y, const float *rows, int64_t cols, const struct ec_layout *layout, int64_t first,
                     int64_t end);
typedef void rows_back_fn(float *d_rows, const float *d_y, int64_t cols, const struct ec_layout *layout, int64_t first,
                          int64_t end);

static void forward_texts(const struct ec_op *op, struct ec_team *team, rows_fn *pool)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = in->layout->offsets;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        pool(out->data + b * out->cols, in->data, in->cols, in->layout, offsets[b], offsets[b + 1]);
    }
    ec_team_barrier(team);
}

static void backward_texts(const struct ec_op *op, struct ec_team *team, rows_back_fn *back)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = in->layout->offsets;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        clear_text(op, b);
        back(in->grad, out->grad + b * out->cols, in->cols, in->layout, offsets[b], offsets[b + 1]);
    }
    ec_team_barrier(team);
}

static void forward_average(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    forward_texts(op, team, ec_rows_mean);
}

static void backward_average(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    backward_texts(op, team, ec_rows_mean_back);
}

static void forward_sum(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    forward_texts(op, team, ec_rows_sum);
}

static void backward_sum(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    backward_texts(op, team, ec_rows_sum_back);
}

const struct ec_op_type ec_op_global_max_pool = {
    .name = "global_max_pool",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan_max,
    .forward = forward_max,
    .backward = backward_max,
};

const struct ec_op_type ec_op_global_average_pool = {
    .name = "global_average_pool",
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan_average,
    .forward = forward_average,
    .backward = backward_average,
};

const struct ec_op_type ec_op_global_sum_pool = {
    .name = "global_sum_pool",
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan_average,
    .forward = forward_sum,
    .backward = backward_sum,
};
