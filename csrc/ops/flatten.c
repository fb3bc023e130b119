/* flatten: sequence [B, T, C] -> flat [B, T * C], in padded form; masked steps become zeros and the mask ends (Keras's
 * Flatten). T is fixed when the program is built, as the layer behind it has weights for it. */
#include "ops/op.h"

#include <string.h>

struct state {
    int length; /* T */
};

static const struct ec_attribute attributes[] = {
    {"length", EC_ATTRIBUTE_INT, offsetof(struct state, length), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (state->length < 1) {
        return ec_refuse(report, "flatten: length = %d; it must be >= 1", state->length);
    }
    const int64_t values = state->length * op->inputs[0]->cols; /* at most 2**20 times 2**31 */
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 1, &values);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    const struct state *state = op->state;
    const struct ec_layout *layout = op->inputs[0]->layout;
    struct ec_tensor *out = op->outputs[0];
    int fits = layout->masked ? layout->width <= state->length : layout->width == state->length;
    if (!fits) {
        return ec_refuse(&step->report, "flatten: the sequences are %lld steps long; the model was built for %d",
                         (long long)layout->width, state->length);
    }
    out->layout = NULL;
    out->rows = ec_tensor_texts(op->inputs[0]);
    ec_status status = ec_op_plan_gradients(op, step);
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

/* Copies the rows of text b to their places, or their gradients back. */
static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        float *y = out->data + b * out->cols;
        memset(y, 0, (size_t)out->cols * sizeof *y);
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            if (!layout->mask || layout->mask[row]) {
                int64_t t = layout->starts[b] + row - layout->offsets[b];
                memcpy(y + t * in->cols, in->data + row * in->cols, (size_t)in->cols * sizeof *y);
            }
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            int64_t t = layout->starts[b] + row - layout->offsets[b];
            float share = !layout->mask || layout->mask[row] ? 1.0f : 0.0f;
            float *d_x = in->grad + row * in->cols;
            if (!op->adds_input[0]) {
                memset(d_x, 0, (size_t)in->cols * sizeof *d_x);
            }
            ec_kernels()->add_scaled(d_x, out->grad + b * out->cols + t * in->cols, share, in->cols);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_flatten = {
    .name = "flatten",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
