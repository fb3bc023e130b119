/* unflatten, repeat: flat -> sequence; permute: sequence -> sequence with time and channels exchanged. Values only
 * move: Keras's Reshape, RepeatVector and Permute. Their results have no mask; masked steps are zeros.
 *
 *     unflatten: out[b, t, ...] = in[b, t C + ...]   repeat: out[b, t, c] = in[b, c], d_in = sum over t of d_out
 *     permute: out[b, c, t] = in[b, t, c] */
#include "ops/op.h"

#include <string.h>

struct state {
    int length;        /* steps of the output; for permute, of the input */
    int second, third; /* unflatten: sizes of a row before its last dimension; 0: none */

    /* of the step */
    struct ec_layout layout;
};

static const struct ec_attribute attributes[] = {
    {"length", EC_ATTRIBUTE_INT, offsetof(struct state, length), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static const struct ec_attribute unflatten_attributes[] = {
    {"length", EC_ATTRIBUTE_INT, offsetof(struct state, length), NULL},
    {"second", EC_ATTRIBUTE_INT, offsetof(struct state, second), NULL},
    {"third", EC_ATTRIBUTE_INT, offsetof(struct state, third), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer_length(struct ec_op *op, struct ec_report *report)
{
    int length = ((const struct state *)op->state)->length;
    return length < 1 ? ec_refuse(report, "%s: length = %d; it must be >= 1", op->type->name, length) : EC_OK;
}

static ec_status infer_unflatten(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    ec_status status = infer_length(op, report);
    if (status != EC_OK) {
        return status;
    }
    int64_t dims[3], size = state->length, cols = op->inputs[0]->cols;
    int rank = 0;
    for (int i = 0; i < 2; i++) {
        int given = i ? state->third : state->second;
        if (given < 0 || (given && __builtin_mul_overflow(size, given, &size))) {
            return ec_refuse(report, "unflatten: second = %d, third = %d; both must be >= 0", state->second,
                             state->third);
        }
        if (given) {
            dims[rank++] = given;
        }
    }
    if (cols % size) {
        return ec_refuse(report, "unflatten: %lld values are no %d steps of one size", (long long)cols, state->length);
    }
    dims[rank++] = cols / size;
    ec_tensor_set_shape(op->outputs[0], state->length, rank, dims);
    return EC_OK;
}

static ec_status infer_repeat(struct ec_op *op, struct ec_report *report)
{
    op->outputs[0]->steps = ((const struct state *)op->state)->length;
    return infer_length(op, report);
}

static ec_status infer_permute(struct ec_op *op, struct ec_report *report)
{
    const int64_t length = ((const struct state *)op->state)->length;
    ec_tensor_set_shape(op->outputs[0], op->inputs[0]->cols, 1, &length);
    return infer_length(op, report);
}

static ec_status plan_width(struct ec_op *op, struct ec_step *step, int64_t width)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_layout_full(&state->layout, ec_tensor_texts(op->inputs[0]), width, step->arena);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    step->work += 2.0 * (double)out->rows * (double)out->cols;
    return ec_tensor_take(out, step);
}

static ec_status plan_steps(struct ec_op *op, struct ec_step *step)
{
    return plan_width(op, step, ((const struct state *)op->state)->length);
}

static ec_status plan_permute(struct ec_op *op, struct ec_step *step)
{
    const struct state *state = op->state;
    const struct ec_layout *layout = op->inputs[0]->layout;
    if (layout->masked ? layout->width > state->length : layout->width != state->length) {
        return ec_refuse(&step->report, "permute: the sequences are %lld steps long; the model was built for %d",
                         (long long)layout->width, state->length);
    }
    return plan_width(op, step, op->inputs[0]->cols);
}

/* out (+)= in for the values of text b, which stand in the same order. */
static void move_text(float *out, const float *in, int64_t n, int add)
{
    if (add) {
        ec_kernels()->add(out, in, n);
    } else {
        memcpy(out, in, (size_t)n * sizeof *out);
    }
}

static void forward_unflatten(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    int64_t n = op->inputs[0]->cols;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        move_text(op->outputs[0]->data + b * n, op->inputs[0]->data + b * n, n, 0);
    }
    ec_team_barrier(team);
}

static void backward_unflatten(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    int64_t n = op->inputs[0]->cols;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        move_text(op->inputs[0]->grad + b * n, op->outputs[0]->grad + b * n, n, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

static void forward_repeat(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t n = op->inputs[0]->cols;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        for (int64_t t = 0; t < state->length; t++) {
            move_text(op->outputs[0]->data + (b * state->length + t) * n, op->inputs[0]->data + b * n, n, 0);
        }
    }
    ec_team_barrier(team);
}

static void backward_repeat(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t n = op->inputs[0]->cols;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        for (int64_t t = 0; t < state->length; t++) {
            move_text(op->inputs[0]->grad + b * n, op->outputs[0]->grad + (b * state->length + t) * n, n,
                      op->adds_input[0] || t > 0);
        }
    }
    ec_team_barrier(team);
}

/* Place of the row in a text's padded form. */
static int64_t place_of(const struct ec_layout *layout, int64_t b, int64_t row)
{
    return layout->starts[b] + row - layout->offsets[b];
}

static void forward_permute(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        float *y = out->data + b * in->cols * out->cols;
        memset(y, 0, (size_t)(in->cols * out->cols) * sizeof *y);
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            for (int64_t c = 0; ec_layout_counts(layout, row) && c < in->cols; c++) {
                y[c * out->cols + place_of(layout, b, row)] = in->data[row * in->cols + c];
            }
        }
    }
    ec_team_barrier(team);
}

static void backward_permute(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        const float *d_y = out->grad + b * in->cols * out->cols;
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            float *d_x = in->grad + row * in->cols;
            for (int64_t c = 0; c < in->cols; c++) {
                float d = ec_layout_counts(layout, row) ? d_y[c * out->cols + place_of(layout, b, row)] : 0.0f;
                d_x[c] = op->adds_input[0] ? d_x[c] + d : d;
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_unflatten = {
    .name = "unflatten",
    .state_bytes = sizeof(struct state),
    .attributes = unflatten_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer_unflatten,
    .plan = plan_steps,
    .forward = forward_unflatten,
    .backward = backward_unflatten,
};

const struct ec_op_type ec_op_repeat = {
    .name = "repeat",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer_repeat,
    .plan = plan_steps,
    .forward = forward_repeat,
    .backward = backward_repeat,
};

const struct ec_op_type ec_op_permute = {
    .name = "permute",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer_permute,
    .plan = plan_permute,
    .forward = forward_permute,
    .backward = backward_permute,
};
