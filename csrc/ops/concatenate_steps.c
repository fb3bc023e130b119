/* concatenate_steps: texts one behind the other, as Keras's Concatenate(axis=1). The masks are joined as in Keras: in
 * padded form the second text begins behind the padding of the first, so steps between the two stay masked.
 *
 *     out[b, W_0 + ... + W_(i - 1) + t, ...] = in_i[b, t, ...]          d_in_i = its part of d_out */
#include "ops/op.h"

#include <string.h>

struct state {
    /* of the step */
    int64_t *begins; /* [inputs] where the steps of each begin in padded form */
    struct ec_layout layout;
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *first = op->inputs[0];
    int64_t steps = 0;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        if (in->rank != first->rank || memcmp(in->dims, first->dims, (size_t)in->rank * sizeof *in->dims) != 0) {
            return ec_refuse(report, "concatenate_steps: input %d has other axes behind the steps than input 0", i);
        }
        steps = steps < 0 || in->steps < 0 ? EC_ANY_STEPS : steps + in->steps;
    }
    op->outputs[0]->steps = steps;
    return EC_OK;
}

/* The first and the last step of a text that one of its parts stores; returns how many steps there are between. */
static int64_t span_of(const struct ec_op *op, int64_t text, int64_t *first)
{
    const struct state *state = op->state;
    int64_t end = 0;
    *first = 0;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_layout *part = op->inputs[i]->layout;
        int64_t rows = part->offsets[text + 1] - part->offsets[text];
        int64_t begin = state->begins[i] + part->starts[text];
        if (rows) {
            *first = end ? *first : begin;
            end = begin + rows;
        }
    }
    return end - *first;
}

/* Where the stored rows of a part stand in the result. */
static int64_t row_of_part(const struct ec_op *op, int64_t text, int i)
{
    const struct state *state = op->state;
    const struct ec_layout *part = op->inputs[i]->layout, *out = &state->layout;
    return out->offsets[text] + state->begins[i] + part->starts[text] - out->starts[text];
}

/* Layouts whose steps are masked: spans from the first unmasked step to the last, and which of their rows count. */
static ec_status plan_masked(struct ec_op *op, struct ec_step *step, int64_t width)
{
    struct state *state = op->state;
    int64_t batch = ec_tensor_texts(op->inputs[0]);
    int64_t *offsets = ec_arena_take(step->arena, batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(step->arena, batch, sizeof *starts);
    if (!offsets || !starts) {
        return EC_NO_MEMORY;
    }
    offsets[0] = 0;
    for (int64_t text = 0; text < batch; text++) {
        offsets[text + 1] = offsets[text] + span_of(op, text, &starts[text]);
    }
    state->layout = (struct ec_layout){
        .batch = batch, .width = width, .rows = offsets[batch], .offsets = offsets, .starts = starts, .masked = 1};
    uint8_t *mask = ec_arena_take(step->arena, offsets[batch], 1);
    if (!mask) {
        return EC_NO_MEMORY;
    }
    memset(mask, 0, (size_t)offsets[batch]);
    for (int64_t text = 0; text < batch; text++) {
        for (int i = 0; i < op->input_count; i++) {
            const struct ec_layout *part = op->inputs[i]->layout;
            int64_t to = row_of_part(op, text, i);
            for (int64_t row = part->offsets[text]; row < part->offsets[text + 1]; row++, to++) {
                mask[to] = (uint8_t)ec_layout_counts(part, row);
            }
        }
    }
    state->layout.mask = mask;
    return offsets[batch] > INT32_MAX ? EC_TOO_LARGE : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    int64_t width = 0, batch = ec_tensor_texts(op->inputs[0]);
    int masked = 0;
    state->begins = ec_arena_take(step->arena, op->input_count, sizeof *state->begins);
    for (int i = 0; state->begins && i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        state->begins[i] = width;
        width += in->steps >= 0 ? in->steps : in->layout->width;
        masked |= in->layout->masked;
        if (in->layout->batch != batch || (in->steps >= 0 && in->layout->width > in->steps)) {
            return ec_refuse(&step->report, "concatenate_steps: input %d holds %lld texts of %lld steps; expected %lld",
                             i, (long long)in->layout->batch, (long long)in->layout->width, (long long)batch);
        }
    }
    ec_status status = !state->begins ? EC_NO_MEMORY
                       : masked       ? plan_masked(op, step, width)
                                      : ec_layout_full(&state->layout, batch, width, step->arena);
    if (status == EC_OK) {
        status = ec_op_plan_gradients(op, step);
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *out = op->outputs[0];
    const struct ec_layout *layout = out->layout;
    for (int64_t text; (text = ec_team_next(team, layout->batch)) >= 0;) {
        if (layout->mask) {
            int64_t rows = layout->offsets[text + 1] - layout->offsets[text];
            memset(out->data + layout->offsets[text] * out->cols, 0, (size_t)(rows * out->cols) * sizeof(float));
        }
        for (int i = 0; i < op->input_count; i++) {
            const struct ec_tensor *in = op->inputs[i];
            int64_t to = row_of_part(op, text, i);
            for (int64_t row = in->layout->offsets[text]; row < in->layout->offsets[text + 1]; row++, to++) {
                if (ec_layout_counts(in->layout, row)) {
                    memcpy(out->data + to * in->cols, in->data + row * in->cols, (size_t)in->cols * sizeof(float));
                }
            }
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t text; (text = ec_team_next(team, out->layout->batch)) >= 0;) {
        ec_op_clear_gradients(op, text);
        for (int i = 0; i < op->input_count; i++) {
            const struct ec_tensor *in = op->inputs[i];
            int64_t to = row_of_part(op, text, i);
            for (int64_t row = in->layout->offsets[text]; row < in->layout->offsets[text + 1]; row++, to++) {
                if (in->needs_grad && ec_layout_counts(in->layout, row)) {
                    ec_kernels()->add(in->grad + row * in->cols, out->grad + to * in->cols, in->cols);
                }
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_concatenate_steps = {
    .name = "concatenate_steps",
    .state_bytes = sizeof(struct state),
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
