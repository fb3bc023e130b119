/* step_mask, masked_like: masks between operations that know of none. step_mask: which steps of a sequence count, as
 * numbers in padded form. masked_like: padded steps as those of another sequence, with its mask: what stands where that
 * is masked goes.
 *
 *     step_mask: out[b, t] = 1 where step t counts, else 0          masked_like: out[b, t] = in[b, t], d_in = d_out */
#include "ops/full.h"

#include <string.h>

struct state {
    struct ec_layout layout; /* of the step; step_mask */
};

/* -- step_mask ------------------------------------------------------------------------------------------------ */
static ec_status infer_mask(struct ec_op *op, struct ec_report *report)
{
    (void)report;
    ec_tensor_set_shape(op->outputs[0], op->inputs[0]->steps, 0, NULL);
    return EC_OK;
}

/* Steps in padded form: where their number is known it is that, of ragged texts too. */
static int64_t width_of(const struct ec_tensor *in) { return in->steps > 0 ? in->steps : in->layout->width; }

static ec_status plan_mask(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_layout_full(&state->layout, ec_tensor_texts(in), width_of(in), step->arena);
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    out->needs_grad = 0;
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

static void forward_mask(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_layout *in = op->inputs[0]->layout;
    int64_t width = op->outputs[0]->layout->width;
    for (int64_t text; (text = ec_team_next(team, in->batch)) >= 0;) {
        float *y = op->outputs[0]->data + text * width;
        memset(y, 0, (size_t)width * sizeof *y);
        for (int64_t row = in->offsets[text]; row < in->offsets[text + 1]; row++) {
            y[in->starts[text] + row - in->offsets[text]] = ec_layout_counts(in, row) ? 1.0f : 0.0f;
        }
    }
    ec_team_barrier(team);
}

static void no_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op; /* a mask has no gradient */
    (void)step;
    (void)team;
}

/* -- masked_like ---------------------------------------------------------------------------------------------- */
static ec_status infer_like(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0], *like = op->inputs[1];
    if (like->steps == EC_NO_STEPS || (in->steps > 0 && like->steps > 0 && in->steps != like->steps)) {
        return ec_refuse(report, "masked_like: both must be sequences of as many steps");
    }
    return EC_OK;
}

static ec_status plan_like(struct ec_op *op, struct ec_step *step)
{
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    out->layout = op->inputs[1]->layout;
    out->rows = op->inputs[1]->rows;
    if (in->layout->width < out->layout->width) {
        return ec_refuse(&step->report, "masked_like: %lld steps cannot be those of a sequence of %lld",
                         (long long)in->layout->width, (long long)out->layout->width);
    }
    ec_status status = ec_full_check(op, 0, step);
    out->needs_grad = in->needs_grad && step->backward;
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

static void move(struct ec_op *op, struct ec_team *team, int back)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = out->layout;
    int64_t cols = in->cols, width = in->layout->width;
    for (int64_t text; (text = ec_team_next(team, layout->batch)) >= 0;) {
        if (back) {
            ec_op_clear_gradients(op, text);
        }
        for (int64_t row = layout->offsets[text]; row < layout->offsets[text + 1]; row++) {
            int64_t place = (text * width + layout->starts[text] + row - layout->offsets[text]) * cols;
            int counts = ec_layout_counts(layout, row);
            if (back && counts) {
                ec_kernels()->add(in->grad + place, out->grad + row * cols, cols);
            } else if (!back && counts) {
                memcpy(out->data + row * cols, in->data + place, (size_t)cols * sizeof(float));
            } else if (!back) {
                memset(out->data + row * cols, 0, (size_t)cols * sizeof(float));
            }
        }
    }
    ec_team_barrier(team);
}

static void forward_like(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    move(op, team, 0);
}

static void backward_like(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    move(op, team, 1);
}

const struct ec_op_type ec_op_step_mask = {
    .name = "step_mask",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {0, EC_MAX_RANK}},
    .infer = infer_mask,
    .plan = plan_mask,
    .forward = forward_mask,
    .backward = no_backward,
};

const struct ec_op_type ec_op_masked_like = {
    .name = "masked_like",
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {0, EC_MAX_RANK}},
    .infer = infer_like,
    .plan = plan_like,
    .forward = forward_like,
    .backward = backward_like,
};
