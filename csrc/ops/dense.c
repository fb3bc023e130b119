/* dense: y = x W + b over the last axis, for flat tensors and for each step of a sequence.
 *
 *     d_W = x^T d_y          d_b = column sums of d_y          d_x = d_y W^T */
#include "ops/op.h"

struct state {
    struct ec_product forward, d_kernel, d_input;
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    ec_status status = ec_infer_counts(op, 1, 1, 1, 2, message, bytes);
    if (status != EC_OK || (status = ec_infer_floats(op, 0, message, bytes)) != EC_OK) {
        return status;
    }
    const int64_t dims[] = {op->inputs[0]->cols, -1};
    if ((status = ec_infer_parameter(op, 0, 2, dims, message, bytes)) != EC_OK) {
        return status;
    }
    op->outputs[0]->kind = op->inputs[0]->kind;
    op->outputs[0]->cols = op->parameters[0]->dims[1];
    return op->parameter_count == 2 ? ec_infer_parameter(op, 1, 1, &op->outputs[0]->cols, message, bytes) : EC_OK;
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
    state->forward = (struct ec_product){.out = out->data,
                                         .out_stride = out->cols,
                                         .a = in->data,
                                         .a_row_stride = in->cols,
                                         .a_col_stride = 1,
                                         .b = kernel->value,
                                         .b_row_stride = out->cols,
                                         .b_col_stride = 1,
                                         .rows = out->rows,
                                         .cols = out->cols,
                                         .depth = in->cols};
    ec_product_plan(&state->forward, step);
    if (out->needs_grad && kernel->trainable) {
        state->d_kernel = (struct ec_product){.out = kernel->gradient.values,
                                              .out_stride = out->cols,
                                              .a = in->data,
                                              .a_row_stride = 1,
                                              .a_col_stride = in->cols,
                                              .b = out->grad,
                                              .b_row_stride = out->cols,
                                              .b_col_stride = 1,
                                              .rows = in->cols,
                                              .cols = out->cols,
                                              .depth = out->rows};
        ec_product_plan(&state->d_kernel, step);
    }
    if (in->needs_grad) {
        state->d_input = (struct ec_product){.out = in->grad,
                                             .out_stride = in->cols,
                                             .a = out->grad,
                                             .a_row_stride = out->cols,
                                             .a_col_stride = 1,
                                             .b = kernel->value,
                                             .b_row_stride = 1,
                                             .b_col_stride = out->cols,
                                             .rows = out->rows,
                                             .cols = in->cols,
                                             .depth = out->cols};
        ec_product_plan(&state->d_input, step);
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
        for (struct ec_range rows; ec_team_next_range(team, out->rows, block, &rows);) {
            ec_kernels()->add_bias(out->data + rows.begin * out->cols, out->cols, op->parameters[1]->value,
                                   rows.end - rows.begin, out->cols);
        }
        ec_team_barrier(team);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    if (op->parameter_count == 2 && op->parameters[1]->trainable) {
        while (ec_team_next(team, 1) >= 0) {
            ec_kernels()->column_sum(op->parameters[1]->gradient.values, op->adds_parameter[1], out->grad, out->cols,
                                     out->rows, out->cols);
        }
    }
    if (op->parameters[0]->trainable) {
        struct ec_product d_kernel = state->d_kernel;
        d_kernel.accumulate = op->adds_parameter[0];
        ec_product_run(team, &d_kernel);
    }
    if (in->needs_grad) {
        struct ec_product d_input = state->d_input;
        d_input.accumulate = op->adds_input[0];
        ec_product_run(team, &d_input);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_dense = {
    .name = "dense",
    .state_bytes = sizeof(struct state),
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
