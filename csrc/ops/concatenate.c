/* concatenate: tensors side by side along the last axis, or another one of a row; all flat, or all sequences. A step is
 * unmasked where it is in one of them (as in Keras); where another is masked its channels are zeros.
 * ops/concatenate_steps.c joins texts, one behind the other.
 *
 *     out[r, ..., :] = (in_0[r, ..., :], in_1[r, ..., :], ...)          d_in_i[r, ..., :] = its part of d_out */
#include "ops/op.h"

#include <string.h>

struct state {
    int axis; /* of a row, counted from the last: 0, 1 ... */

    /* of the step */
    int differ; /* the inputs have different steps: they meet in `layout` */
    struct ec_layout layout;
};

static const struct ec_attribute attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* Values of a tensor that stand together: those of its part of the axis, and of all axes behind it. */
static int64_t block_of(const struct ec_op *op, const struct ec_tensor *tensor)
{
    int64_t block = 1;
    for (int dim = tensor->rank - 1 - ((const struct state *)op->state)->axis; dim < tensor->rank; dim++) {
        block *= tensor->dims[dim];
    }
    return block;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *first = op->inputs[0];
    int joined = first->rank - 1 - ((const struct state *)op->state)->axis;
    int64_t dims[EC_MAX_RANK], size = 0;
    if (joined < 0 || joined >= first->rank) {
        return ec_refuse(report, "concatenate: axis = %d; a row has the axes 0 (the last) to %d",
                         first->rank - 1 - joined, first->rank - 1);
    }
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        int fits = in->rank == first->rank && (in->steps == EC_NO_STEPS) == (first->steps == EC_NO_STEPS);
        for (int dim = 0; fits && dim < in->rank; dim++) {
            fits = dim == joined || in->dims[dim] == first->dims[dim];
        }
        if (!fits) {
            return ec_refuse(report, "concatenate: input %d has other axes than input 0 beside the one that is joined",
                             i);
        }
        size += in->dims[joined];
    }
    memcpy(dims, first->dims, sizeof dims);
    dims[joined] = size;
    ec_tensor_set_shape(op->outputs[0], first->steps, first->rank, dims);
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
    int64_t all = block_of(op, out), block = 0;
    float *part = out->data + row * out->cols;
    for (int i = 0; i < op->input_count; part += block, i++) {
        const struct ec_tensor *in = op->inputs[i];
        int64_t from = differ ? ec_layout_row(out->layout, text, row, in->layout) : row;
        block = block_of(op, in);
        for (int64_t v = 0; v < in->cols / block; v++) {
            float *y = part + v * all;
            if (from < 0) {
                memset(y, 0, (size_t)block * sizeof *y);
            } else {
                memcpy(y, in->data + from * in->cols + v * block, (size_t)block * sizeof *y);
            }
        }
    }
}

static void copy_gradients_back(const struct ec_op *op, int64_t text, int64_t row)
{
    const struct ec_tensor *out = op->outputs[0];
    int differ = ((const struct state *)op->state)->differ;
    int64_t all = block_of(op, out), block = 0;
    const float *part = out->grad + row * out->cols;
    for (int i = 0; i < op->input_count; part += block, i++) {
        const struct ec_tensor *in = op->inputs[i];
        int64_t to = differ ? ec_layout_row(out->layout, text, row, in->layout) : row;
        block = block_of(op, in);
        for (int64_t v = 0; in->needs_grad && to >= 0 && v < in->cols / block; v++) {
            const float *d_y = part + v * all;
            float *d_x = in->grad + to * in->cols + v * block;
            if (op->adds_input[i] || differ) {
                ec_kernels()->add(d_x, d_y, block);
            } else {
                memcpy(d_x, d_y, (size_t)block * sizeof *d_y);
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
    .attributes = attributes,
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
