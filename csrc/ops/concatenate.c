/* concatenate: tensors side by side along the last axis; all flat, or all sequences with the same steps
 * (a step is unmasked where it is in all, as in Keras).
 *
 *     out[r, :] = (in_0[r, :], in_1[r, :], ...)          d_in_i[r, :] = its part of d_out[r, :] */
#include "ops/op.h"

#include <string.h>

struct state {
    struct ec_layout layout; /* of the step, where the masks differ */
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    if (op->input_count < 1 || op->output_count != 1 || op->parameter_count != 0) {
        return ec_infer_error(message, bytes, "concatenate: %d inputs, %d outputs; expected at least 1, and 1",
                              op->input_count, op->output_count);
    }
    op->outputs[0]->cols = 0;
    for (int i = 0; i < op->input_count; i++) {
        ec_status status = ec_infer_floats(op, i, message, bytes);
        if (status != EC_OK) {
            return status;
        }
        if (op->inputs[i]->kind != op->inputs[0]->kind) {
            return ec_infer_error(message, bytes, "concatenate: input %d is %s, input 0 is not", i,
                                  op->inputs[i]->kind == EC_FLAT ? "flat" : "a sequence");
        }
        op->outputs[0]->cols += op->inputs[i]->cols;
    }
    op->outputs[0]->kind = op->inputs[0]->kind;
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    return ec_op_plan_like_inputs(op, step, &((struct state *)op->state)->layout);
}

static void run(struct ec_op *op, struct ec_team *team, int back)
{
    const struct ec_tensor *out = op->outputs[0];
    const int64_t block = 16;
    for (int64_t tile; (tile = ec_team_next(team, (out->rows + block - 1) / block)) >= 0;) {
        int64_t end = (tile + 1) * block < out->rows ? (tile + 1) * block : out->rows;
        for (int64_t row = tile * block; row < end; row++) {
            int64_t col = row * out->cols;
            for (int i = 0; i < op->input_count; col += op->inputs[i]->cols, i++) {
                const struct ec_tensor *in = op->inputs[i];
                if (!back) {
                    memcpy(out->data + col, in->data + row * in->cols, (size_t)in->cols * sizeof(float));
                } else if (in->needs_grad && op->adds_input[i]) {
                    ec_kernels()->add(in->grad + row * in->cols, out->grad + col, in->cols);
                } else if (in->needs_grad) {
                    memcpy(in->grad + row * in->cols, out->grad + col, (size_t)in->cols * sizeof(float));
                }
            }
        }
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, team, 0);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, team, 1);
}

const struct ec_op_type ec_op_concatenate = {
    .name = "concatenate",
    .state_bytes = sizeof(struct state),
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
