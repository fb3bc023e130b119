/* masking: a sequence with a mask: steps whose values all equal mask_value are left out (Keras's Masking), and those
 * that were masked before. With two inputs, a mask [B, T] and the sequence, the steps where the mask is 0 are left out
 * instead. Which these are decides how the batch is stored, so it is found while the step is planned, when the
 * operations before this one have run.
 *
 *     out = in where unmasked, d_in = d_out there, else 0 */
#include "ops/op.h"

#include <string.h>

struct state {
    double mask_value;

    /* of the step */
    struct ec_layout layout;
};

static const struct ec_attribute attributes[] = {
    {"mask_value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, mask_value), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static struct ec_tensor *sequence_of(const struct ec_op *op) { return op->inputs[op->input_count - 1]; }
static struct ec_tensor *mask_of(const struct ec_op *op) { return op->input_count > 1 ? op->inputs[0] : NULL; }

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = sequence_of(op), *mask = mask_of(op);
    if (in->steps == EC_NO_STEPS) {
        return ec_refuse(report, "masking: the input is no sequence [B, T, C]");
    }
    if (mask && mask->rank != (mask->steps == EC_NO_STEPS)) {
        return ec_refuse(report, "masking: the mask is not [B, T]");
    }
    ec_tensor_set_shape(op->outputs[0], in->steps, in->rank, in->dims);
    return EC_OK;
}

/* Steps of a mask, whether these are its rows or stand in one. */
static int64_t width_of(const struct ec_tensor *mask) { return mask->layout ? mask->layout->width : mask->cols; }

/* Whether row `row` of text b counts. */
static int is_kept(const struct ec_op *op, int64_t b, int64_t row)
{
    const struct ec_tensor *in = sequence_of(op), *given = mask_of(op);
    if (given) {
        int64_t t = in->layout->starts[b] + row - in->layout->offsets[b];
        return ec_layout_counts(in->layout, row) && given->data[b * width_of(given) + t] != 0.0f;
    }
    float mask_value = (float)((const struct state *)op->state)->mask_value;
    for (int64_t c = 0; ec_layout_counts(in->layout, row) && c < in->cols; c++) {
        if (in->data[row * in->cols + c] != mask_value) {
            return 1;
        }
    }
    return 0;
}

/* The row of the input that a stored row of text b is. */
static int64_t source_row(const struct ec_op *op, int64_t b, int64_t row)
{
    const struct ec_layout *in = sequence_of(op)->layout, *out = op->outputs[0]->layout;
    return in->offsets[b] + out->starts[b] - in->starts[b] + row - out->offsets[b];
}

/* The span of each text, and the mask of the rows inside. */
static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_layout *in = sequence_of(op)->layout;
    const struct ec_tensor *given = mask_of(op);
    if (given && (width_of(given) != in->width || given->rows * given->cols != in->batch * in->width)) {
        return ec_refuse(&step->report, "masking: the mask has %lld steps, the sequence %lld",
                         (long long)width_of(given), (long long)in->width);
    }
    int64_t *offsets = ec_arena_take(step->arena, in->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(step->arena, in->batch, sizeof *starts);
    uint8_t *mask = ec_arena_take(step->arena, in->rows, 1);
    int gaps = 0;
    if (!offsets || !starts || !mask) {
        return EC_NO_MEMORY;
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < in->batch; b++) {
        int64_t first = in->offsets[b], end = in->offsets[b + 1];
        while (end > first && !is_kept(op, b, end - 1)) {
            end--;
        }
        while (first < end && !is_kept(op, b, first)) {
            first++;
        }
        starts[b] = in->starts[b] + first - in->offsets[b];
        offsets[b + 1] = offsets[b] + end - first;
        for (int64_t row = first; row < end; row++) {
            uint8_t kept = (uint8_t)is_kept(op, b, row);
            mask[offsets[b] + row - first] = kept;
            gaps |= !kept;
        }
    }
    state->layout = (struct ec_layout){.batch = in->batch,
                                       .width = in->width,
                                       .rows = offsets[in->batch],
                                       .offsets = offsets,
                                       .starts = starts,
                                       .mask = gaps ? mask : NULL,
                                       .masked = 1};
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    op->outputs[0]->layout = &state->layout;
    op->outputs[0]->rows = state->layout.rows;
    return ec_tensor_take(op->outputs[0], step);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = sequence_of(op), *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(sequence_of(op)))) >= 0;) {
        int64_t rows = out->layout->offsets[b + 1] - out->layout->offsets[b];
        if (rows) {
            int64_t row = out->layout->offsets[b];
            memcpy(out->data + row * in->cols, in->data + source_row(op, b, row) * in->cols,
                   (size_t)(rows * in->cols) * sizeof(float));
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = sequence_of(op), *given = mask_of(op), *out = op->outputs[0];
    const int64_t *offsets = in->layout->offsets;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(sequence_of(op)))) >= 0;) {
        if (given && given->needs_grad && !op->adds_input[0]) {
            memset(given->grad + b * width_of(given), 0, (size_t)width_of(given) * sizeof(float));
        }
        if (!in->needs_grad) {
            continue;
        }
        if (!op->adds_input[op->input_count - 1]) {
            memset(in->grad + offsets[b] * in->cols, 0,
                   (size_t)((offsets[b + 1] - offsets[b]) * in->cols) * sizeof(float));
        }
        for (int64_t row = out->layout->offsets[b]; row < out->layout->offsets[b + 1]; row++) {
            if (ec_layout_counts(out->layout, row)) {
                ec_kernels()->add(in->grad + source_row(op, b, row) * in->cols, out->grad + row * in->cols, in->cols);
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_masking = {
    .name = "masking",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .plans_from_values = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
