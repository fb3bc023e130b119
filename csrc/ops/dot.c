/* dot: two tensors multiplied and summed along one axis of each, for every example (Keras's Dot). A flat tensor has the
 * axis 1 (channels), a sequence 1 (time) and 2 (channels). What is left of the first, then of the second, are the axes
 * of the result: [B, 1] where nothing is. Masked steps are zeros, and the mask ends.
 *
 *     out[i, j] = sum over k of a[i, k] b[j, k]          d_a[i, k] = sum over j of d_out[i, j] b[j, k], d_b alike
 * Small products: plain loops over padded copies of one example. */
#include "ops/op.h"

#include <string.h>

/* One operand: where it stands in memory, as [left, k] by strides. */
struct side {
    int64_t steps, cols; /* padded form; steps is 1 for a flat tensor */
    int64_t left, depth, left_stride, depth_stride;
    int over_time; /* the axis that is summed along is time */
    float *padded; /* of the step: [B, steps, cols] */
};

struct state {
    int axes[2], lengths[2]; /* lengths: T of a sequence */
    struct side side[2];

    /* of the step */
    struct ec_layout layout;
};

static const struct state defaults = {.axes = {1, 1}};
static const struct ec_attribute attributes[] = {
    {"axis_a", EC_ATTRIBUTE_INT, offsetof(struct state, axes[0]), NULL},
    {"axis_b", EC_ATTRIBUTE_INT, offsetof(struct state, axes[1]), NULL},
    {"length_a", EC_ATTRIBUTE_INT, offsetof(struct state, lengths[0]), NULL},
    {"length_b", EC_ATTRIBUTE_INT, offsetof(struct state, lengths[1]), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer_side(struct ec_op *op, int number, struct ec_report *report)
{
    struct state *state = op->state;
    struct side *side = &state->side[number];
    const struct ec_tensor *in = op->inputs[number];
    int sequence = in->steps != EC_NO_STEPS, axis = state->axes[number];
    if (axis < 1 || axis > 1 + sequence || (sequence && state->lengths[number] < 1)) {
        return ec_refuse(report,
                         "dot: axis %d of input %d (length = %d); axes are 1 to %d, and a sequence "
                         "has a length",
                         axis, number, state->lengths[number], 1 + sequence);
    }
    side->steps = sequence ? state->lengths[number] : 1;
    side->cols = in->cols;
    int over_time = side->over_time = sequence && axis == 1;
    side->depth = over_time ? side->steps : side->cols;
    side->left = over_time ? side->cols : side->steps;
    side->depth_stride = over_time ? side->cols : 1;
    side->left_stride = over_time ? 1 : side->cols;
    return EC_OK;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    ec_status status = EC_OK;
    for (int i = 0; i < 2 && status == EC_OK; i++) {
        status = infer_side(op, i, report);
    }
    if (status != EC_OK) {
        return status;
    }
    const struct side *sides = state->side;
    if (sides[0].depth != sides[1].depth) {
        return ec_refuse(report, "dot: the axes have the sizes %lld and %lld; expected one size",
                         (long long)sides[0].depth, (long long)sides[1].depth);
    }
    int both = op->inputs[0]->steps != EC_NO_STEPS && op->inputs[1]->steps != EC_NO_STEPS;
    const int64_t values = sides[0].left * sides[1].left;
    ec_tensor_set_shape(op->outputs[0], both ? sides[0].left : EC_NO_STEPS, 1, both ? &sides[1].left : &values);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    for (int i = 0; i < 2; i++) {
        const struct ec_layout *layout = op->inputs[i]->layout;
        int64_t length = state->lengths[i];
        if (layout && (layout->masked ? layout->width > length : layout->width != length)) {
            return ec_refuse(&step->report,
                             "dot: the sequences of input %d are %lld steps long; the model was built for %lld", i,
                             (long long)layout->width, (long long)length);
        }
        int64_t size;
        if (__builtin_mul_overflow(texts, state->side[i].steps * state->side[i].cols, &size)) {
            return EC_TOO_LARGE;
        }
        state->side[i].padded = ec_arena_take(step->arena, size, sizeof(float));
    }
    ec_status status = ec_op_plan_gradients(op, step);
    out->layout = NULL;
    out->rows = texts;
    if (status == EC_OK && out->steps != EC_NO_STEPS) {
        status = ec_layout_full(&state->layout, texts, state->side[0].left, step->arena);
        out->layout = &state->layout;
        out->rows = state->layout.rows;
    }
    step->work +=
        2.0 * (double)texts * (double)(state->side[0].left * state->side[1].left) * (double)state->side[0].depth;
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

/* The padded form of example b, zeros where masked. */
static float *pad_example(const struct ec_op *op, int number, int64_t b)
{
    const struct side *side = &((const struct state *)op->state)->side[number];
    const struct ec_tensor *in = op->inputs[number];
    int64_t size = side->steps * side->cols;
    float *padded = side->padded + b * size;
    if (!in->layout) {
        memcpy(padded, in->data + b * size, (size_t)size * sizeof *padded);
        return padded;
    }
    memset(padded, 0, (size_t)size * sizeof *padded);
    for (int64_t row = in->layout->offsets[b]; row < in->layout->offsets[b + 1]; row++) {
        if (ec_layout_counts(in->layout, row)) {
            int64_t t = in->layout->starts[b] + row - in->layout->offsets[b];
            memcpy(padded + t * side->cols, in->data + row * side->cols, (size_t)side->cols * sizeof *padded);
        }
    }
    return padded;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct side *a = &state->side[0], *b = &state->side[1];
    for (int64_t example; (example = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        const float *left = pad_example(op, 0, example), *right = pad_example(op, 1, example);
        float *out = op->outputs[0]->data + example * a->left * b->left;
        for (int64_t i = 0; i < a->left; i++) {
            for (int64_t j = 0; j < b->left; j++) {
                double sum = 0.0;
                for (int64_t k = 0; k < a->depth; k++) {
                    sum += (double)left[i * a->left_stride + k * a->depth_stride] *
                           (double)right[j * b->left_stride + k * b->depth_stride];
                }
                out[i * b->left + j] = (float)sum;
            }
        }
    }
    ec_team_barrier(team);
}

/* One value of the padded gradient of input `number`: its place `left`, `k` against all of the other. */
static float gradient_at(const struct ec_op *op, int number, int64_t example, int64_t left, int64_t k)
{
    const struct state *state = op->state;
    const struct side *other = &state->side[!number];
    const float *values = other->padded + example * other->steps * other->cols + k * other->depth_stride;
    int64_t cols = state->side[1].left;
    const float *d_out = op->outputs[0]->grad + example * state->side[0].left * cols;
    double sum = 0.0;
    for (int64_t i = 0; i < other->left; i++) {
        sum +=
            (double)values[i * other->left_stride] * (double)(number ? d_out[i * cols + left] : d_out[left * cols + i]);
    }
    return (float)sum;
}

/* Gradient of one stored row; t is its place in padded form. */
static void row_gradient(const struct ec_op *op, int number, int64_t example, int64_t row, int64_t t, int kept)
{
    const struct side *side = &((const struct state *)op->state)->side[number];
    float *d_x = op->inputs[number]->grad + row * side->cols;
    for (int64_t c = 0; c < side->cols; c++) {
        float d = !kept ? 0.0f : gradient_at(op, number, example, side->over_time ? c : t, side->over_time ? t : c);
        d_x[c] = op->adds_input[number] ? d_x[c] + d : d;
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    for (int64_t example; (example = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        for (int number = 0; number < 2; number++) {
            const struct ec_layout *layout = op->inputs[number]->layout;
            if (!op->inputs[number]->needs_grad) {
                continue;
            }
            if (!layout) {
                row_gradient(op, number, example, example, 0, 1);
                continue;
            }
            for (int64_t row = layout->offsets[example]; row < layout->offsets[example + 1]; row++) {
                row_gradient(op, number, example, row, layout->starts[example] + row - layout->offsets[example],
                             ec_layout_counts(layout, row));
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_dot = {
    .name = "dot",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
