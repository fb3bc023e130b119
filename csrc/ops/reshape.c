/* reshape: the values of each text in another shape, in their order. With `keeps_steps` each step's are, and the mask
 * goes on; else all of a text's are, masked steps as zeros (or as the step before them, where the tensor says so), and
 * the mask ends. `pads` does that alone and keeps the steps.
 *
 *     out[b, ...] = in[b, ...]          d_in = d_out
 * Values move only where padding is not stored. */
#include "ops/op.h"

#include <string.h>

struct state {
    int keeps_steps, pads;
    int64_t steps; /* of the result where it does not keep them; 0: none */
    int rank;
    int64_t dims[EC_MAX_RANK];
    int64_t length; /* T of an input whose steps do not stay */

    /* of the step */
    struct ec_layout layout;
};

static const struct ec_attribute attributes[] = {
    {"keeps_steps", EC_ATTRIBUTE_INT, offsetof(struct state, keeps_steps), NULL},
    {"pads", EC_ATTRIBUTE_INT, offsetof(struct state, pads), NULL},
    {"steps", EC_ATTRIBUTE_COUNT, offsetof(struct state, steps), NULL},
    {"rank", EC_ATTRIBUTE_INT, offsetof(struct state, rank), NULL},
    {"size0", EC_ATTRIBUTE_COUNT, offsetof(struct state, dims[0]), NULL},
    {"size1", EC_ATTRIBUTE_COUNT, offsetof(struct state, dims[1]), NULL},
    {"size2", EC_ATTRIBUTE_COUNT, offsetof(struct state, dims[2]), NULL},
    {"size3", EC_ATTRIBUTE_COUNT, offsetof(struct state, dims[3]), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static const int64_t block = 4096; /* values that a thread copies at a time */

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    int has_steps = in->steps != EC_NO_STEPS;
    if (state->pads) {
        return has_steps ? EC_OK : ec_refuse(report, "reshape: only sequences are padded");
    }
    int64_t wanted = state->keeps_steps || !state->steps ? 1 : state->steps, got = in->cols;
    int fits = state->rank >= 0 && state->rank <= EC_MAX_RANK && state->steps >= 0 && !(in->single && state->steps) &&
               (!state->keeps_steps || has_steps) && (state->keeps_steps || !has_steps || in->steps > 0);
    for (int dim = 0; fits && dim < state->rank; dim++) {
        fits = state->dims[dim] >= 1 && !__builtin_mul_overflow(wanted, state->dims[dim], &wanted);
    }
    state->length = has_steps && !state->keeps_steps ? in->steps : 0;
    fits = fits && !(state->length && __builtin_mul_overflow(got, state->length, &got));
    if (!fits || wanted != got) {
        return ec_refuse(report, "reshape: rank = %d; the sizes do not fit the input's %lld values of %s", state->rank,
                         (long long)in->cols, has_steps ? "each step" : "each text");
    }
    int64_t steps = state->keeps_steps ? in->steps : state->steps ? state->steps : EC_NO_STEPS;
    ec_tensor_set_shape(out, steps, state->rank, state->dims);
    return EC_OK;
}

/* Whether the input's rows stand as those of its padded form. */
static int stands_padded(const struct ec_op *op)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_layout *layout = in->layout;
    int64_t width = !layout ? 0 : state->length ? state->length : layout->width;
    return state->keeps_steps || !layout || (layout->rows == layout->batch * width && !layout->mask);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    int64_t texts = ec_tensor_texts(in), width = state->pads ? layout->width : state->steps;
    if (state->length && (layout->masked ? layout->width > state->length : layout->width != state->length)) {
        return ec_refuse(&step->report, "reshape: the sequences are %lld steps long; the model was built for %lld",
                         (long long)layout->width, (long long)state->length);
    }
    out->layout = state->keeps_steps ? layout : NULL;
    out->rows = state->keeps_steps ? in->rows : texts;
    if (!state->keeps_steps && width) {
        ec_status status = ec_layout_full(&state->layout, texts, width, step->arena);
        if (status != EC_OK) {
            return status;
        }
        out->layout = &state->layout;
        out->rows = state->layout.rows;
    }
    ec_status status = ec_op_plan_gradients(op, step);
    if (status != EC_OK || !stands_padded(op)) {
        return status != EC_OK ? status : ec_tensor_take(out, step);
    }
    out->repeats = state->keeps_steps && in->repeats;
    out->data = in->data;
    out->grad = out->needs_grad ? ec_arena_take(step->arena, out->rows * out->cols, sizeof(float)) : NULL;
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* The stored row of step t of a text, -1 for zeros; `before`: that of the step before it. */
static int64_t row_at(const struct ec_tensor *in, int64_t text, int64_t t, int64_t before)
{
    const struct ec_layout *layout = in->layout;
    int64_t row = layout->offsets[text] + t - layout->starts[text];
    int stored = t >= layout->starts[text] && row < layout->offsets[text + 1];
    return stored && ec_layout_counts(layout, row) ? row : in->repeats ? before : -1;
}

/* Moves the rows of a text to their places in padded form, or their gradients back. */
static void move_text(const struct ec_op *op, int64_t text, int back)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t width = state->length ? state->length : in->layout->width, row = -1;
    for (int64_t t = 0; t < width; t++) {
        int64_t place = (text * width + t) * in->cols;
        row = row_at(in, text, t, row);
        if (back && row >= 0) {
            ec_kernels()->add(in->grad + row * in->cols, out->grad + place, in->cols);
        } else if (!back && row >= 0) {
            memcpy(out->data + place, in->data + row * in->cols, (size_t)in->cols * sizeof(float));
        } else if (!back) {
            memset(out->data + place, 0, (size_t)in->cols * sizeof(float));
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    if (op->outputs[0]->data == op->inputs[0]->data) {
        return;
    }
    for (int64_t text; (text = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        move_text(op, text, 0);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    if (out->data != in->data) {
        for (int64_t text; (text = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
            ec_op_clear_gradients(op, text);
            move_text(op, text, 1);
        }
        ec_team_barrier(team);
        return;
    }
    for (struct ec_range part; ec_team_next_range(team, in->rows * in->cols, block, &part);) {
        if (op->adds_input[0]) {
            ec_kernels()->add(in->grad + part.begin, out->grad + part.begin, part.end - part.begin);
        } else {
            memcpy(in->grad + part.begin, out->grad + part.begin, (size_t)(part.end - part.begin) * sizeof(float));
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_reshape = {
    .name = "reshape",
    .shares_values = 1,
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
