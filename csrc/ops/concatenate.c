/* concatenate: tensors side by side along the last axis; all flat, or all sequences. A step is unmasked where it is in
 * one of them (as in Keras); where another is masked its channels are zeros.
 *
 *     out[r, ..., :] = (in_0[r, ..., :], in_1[r, ..., :], ...)          d_in_i[r, ..., :] = its part of d_out */
#include "ops/op.h"

#include <string.h>

struct state {
    /* of the step */
    int differ; /* the inputs have different steps: they meet in `layout` */
    struct ec_layout layout;
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *first = op->inputs[0];
    int64_t channels = 0;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        int fits = in->rank == first->rank && (in->steps == EC_NO_STEPS) == (first->steps == EC_NO_STEPS);
        for (int axis = 0; fits && axis < in->rank - 1; axis++) {
            fits = in->dims[axis] == first->dims[axis];
        }
        if (!fits) {
            return ec_refuse(report, "concatenate: input %d has other axes before the last than input 0", i);
        }
        channels += in->channels;
    }
    ec_tensor_set_channels(op->outputs[0], channels);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    return ec_op_plan_like_inputs(op, step, &state->layout, &state->differ);
}

static void copy_row(const struct ec_op *op, int64_t text, int64_t row)
{
    const struct ec_tensor *out = op->outputs[0];
    int differ = ((const struct state *)op->state)->differ;
    float *part = out->data + row * out->cols;
    for (int i = 0; i < op->input_count; part += op->inputs[i]->channels, i++) {
        const struct ec_tensor *in = op->inputs[i];
        int64_t from = differ ? ec_layout_row(out->layout, text, row, in->layout) : row;
        for (int64_t v = 0; v < in->cols / in->channels; v++) {
            float *y = part + v * out->channels;
            if (from < 0) {
                memset(y, 0, (size_t)in->channels * sizeof *y);
            } else {
                memcpy(y, in->data + from * in->cols + v * in->channels, (size_t)in->channels * sizeof *y);
            }
        }
    }
}

static void copy_gradients_back(const struct ec_op *op, int64_t text, int64_t row)
{
    const struct ec_tensor *out = op->outputs[0];
    int differ = ((const struct state *)op->state)->differ;
    const float *part = out->grad + row * out->cols;
    for (int i = 0; i < op->input_count; part += op->inputs[i]->channels, i++) {
        const struct ec_tensor *in = op->inputs[i];
        int64_t to = differ ? ec_layout_row(out->layout, text, row, in->layout) : row;
        for (int64_t v = 0; in->needs_grad && to >= 0 && v < in->cols / in->channels; v++) {
            const float *d_y = part + v * out->channels;
            float *d_x = in->grad + to * in->cols + v * in->channels;
            if (op->adds_input[i] || differ) {
                ec_kernels()->add(d_x, d_y, in->channels);
            } else {
                memcpy(d_x, d_y, (size_t)in->channels * sizeof *d_y);
            }
        }
    }
}
typedef void row_fn(const struct ec_op *op, int64_t text, int64_t row);

/* Every row once: in tiles, or text by text where the inputs' steps differ. */
static void run_rows(struct ec_op *op, struct ec_team *team, row_fn *run, int back)
{
    const struct ec_tensor *out = op->outputs[0];
    const int64_t block = 16;
    int differ = ((const struct state *)op->state)->differ;
    for (struct ec_range rows; !differ && ec_team_next_range(team, out->rows, block, &rows);) {
        for (int64_t row = rows.begin; row < rows.end; row++) {
            run(op, -1, row);
        }
    }
    for (int64_t text; differ && (text = ec_team_next(team, out->layout->batch)) >= 0;) {
        if (back) {
            ec_op_clear_gradients(op, text);
        }
        for (int64_t row = out->layout->offsets[text]; row < out->layout->offsets[text + 1]; row++) {
            run(op, text, row);
        }
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_rows(op, team, copy_row, 0);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_rows(op, team, copy_gradients_back, 1);
}

const struct ec_op_type ec_op_concatenate = {
    .name = "concatenate",
    .state_bytes = sizeof(struct state),
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
