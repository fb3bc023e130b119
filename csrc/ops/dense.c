/* dense: y = x W + b over the last axis, for each vector along it. With `transposed` y = x W^T + b: W may be the table
 * of a lookup, whose rows get scores (tied weights: Press and Wolf 2017).
 *
 *     d_W = x^T d_y, or d_y^T x          d_b = column sums of d_y          d_x = d_y W^T, or d_y W */
#include "ops/op.h"

struct state {
    int transposed;
    struct ec_product forward, d_kernel, d_input;
};

static const struct ec_attribute attributes[] = {
    {"transposed", EC_ATTRIBUTE_INT, offsetof(struct state, transposed), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const int64_t dims[] = {state->transposed ? -1 : op->inputs[0]->channels,
                            state->transposed ? op->inputs[0]->channels : -1};
    struct ec_parameter *kernel = op->parameters[0];
    ec_status status = ec_infer_parameter(op, 0, dims, report);
    if (status != EC_OK) {
        return status;
    }
    if (state->transposed) {
        kernel->is_whole = 1;
        kernel->is_tied |= kernel->is_table;
        kernel->is_table = 0;
    }
    const int64_t units = kernel->dims[state->transposed ? 0 : 1];
    ec_tensor_set_channels(op->outputs[0], units);
    return op->parameter_count == 2 ? ec_infer_parameter(op, 1, &units, report) : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_parameter *kernel = op->parameters[0];
    ec_status status = ec_op_plan_like_input(op, step);
    if (status != EC_OK) {
        return status;
    }
    struct ec_matrix x = ec_matrix(in->data, ec_tensor_vectors(out), in->channels, in->channels);
    struct ec_matrix w = state->transposed
                             ? ec_transposed(ec_matrix(kernel->value, out->channels, in->channels, in->channels))
                             : ec_matrix(kernel->value, in->channels, out->channels, out->channels);
    struct ec_matrix d_y = ec_matrix(out->grad, ec_tensor_vectors(out), out->channels, out->channels);
    state->forward = ec_product_plan(step, out->data, out->channels, x, w);
    if (out->needs_grad && kernel->trainable) {
        float *d_w = kernel->gradient.values;
        state->d_kernel = state->transposed ? ec_product_plan(step, d_w, in->channels, ec_transposed(d_y), x)
                                            : ec_product_plan(step, d_w, out->channels, ec_transposed(x), d_y);
    }
    if (in->needs_grad) {
        state->d_input = ec_product_plan(step, in->grad, in->channels, d_y, ec_transposed(w));
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    const int64_t block = 16;
    ec_product_run(team, &state->forward);
    if (op->parameter_count == 2) {
        for (struct ec_range rows; ec_team_next_range(team, ec_tensor_vectors(out), block, &rows);) {
            ec_kernels()->add_bias(out->data + rows.begin * out->channels, out->channels, op->parameters[1]->value,
                                   rows.end - rows.begin, out->channels);
        }
        ec_team_barrier(team);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_op_bias_gradient(op, team);
    if (op->parameters[0]->trainable) {
        ec_product_run_adding(team, &state->d_kernel, op->adds_parameter[0]);
    }
    if (in->needs_grad) {
        ec_product_run_adding(team, &state->d_input, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_dense = {
    .name = "dense",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameters = {1, 2},
    .parameter_ranks = {{2, 2}, {1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
