/* fold, unfold: the steps of texts as texts of their own and back, for what is done to each step alone: a sentence
 * encoder over the sentences of documents (Keras's TimeDistributed). Values do not move: steps that are stored stand
 * one after the other, so steps outside of a text's span are no texts, and cost nothing.
 *
 *     fold: [B, S, W, D] -> [B S, W, D], texts of W steps; without `steps` [B, S, W, D] -> [B S, W, D], rows without
 * any. Its second output is the frame: the steps of the input, which unfold gives back. unfold: [B S, W, D] and the
 * frame -> [B, S, W, D]; [B S, D] -> [B, S, D]. The mask of the inner steps ends: masked ones are zeros, or repeat the
 * step before them where the tensor says so (states of recurrent layers). */
#include "ops/op.h"

#include <string.h>

static const int64_t block = 4096; /* values that a thread copies at a time */

/* out (+)= in, a part of a tensor's gradient. */
static void pass_on(float *out, const float *in, int64_t n, int add)
{
    if (add) {
        ec_kernels()->add(out, in, n);
    } else {
        memcpy(out, in, (size_t)n * sizeof *out);
    }
}

static ec_status take_gradient(struct ec_tensor *tensor, struct ec_step *step)
{
    tensor->grad = tensor->needs_grad ? ec_arena_take(step->arena, tensor->rows * tensor->cols, sizeof(float)) : NULL;
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* -- fold ----------------------------------------------------------------------------------------------------- */
struct fold {
    int steps; /* the first dimension of a row becomes the steps of a text */

    /* of the step */
    struct ec_layout layout;
};

static const struct fold fold_defaults = {.steps = 1};
static const struct ec_attribute fold_attributes[] = {
    {"steps", EC_ATTRIBUTE_INT, offsetof(struct fold, steps), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer_fold(struct ec_op *op, struct ec_report *report)
{
    const struct fold *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    int floats = in->dtype == EC_FLOATS;
    if (floats ? in->rank < 1 + (state->steps != 0) : !state->steps || in->rank != 1) {
        return ec_refuse(report,
                         "fold: a row of %s with %d axes, steps = %d; numbers have at least %d, ids 1 and steps",
                         floats ? "numbers" : "ids", in->rank, state->steps, 1 + (state->steps != 0));
    }
    out->dtype = in->dtype;
    out->id_limit = INT32_MAX;
    out->ids_of = floats ? NULL : op->inputs[0];
    if (state->steps) {
        ec_tensor_set_shape(out, in->dims[0], in->rank - 1, in->dims + 1); /* -1: EC_ANY_STEPS */
    } else {
        ec_tensor_set_shape(out, EC_NO_STEPS, in->rank, in->dims);
    }
    ec_tensor_set_shape(op->outputs[1], in->steps, 0, NULL);
    op->outputs[1]->dtype = EC_FRAME;
    return EC_OK;
}

static ec_status plan_fold(struct ec_op *op, struct ec_step *step)
{
    struct fold *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0], *frame = op->outputs[1];
    out->needs_grad = in->needs_grad && step->backward;
    frame->needs_grad = 0;
    frame->layout = in->layout;
    frame->rows = in->rows;
    out->layout = NULL;
    out->rows = in->rows;
    if (state->steps) {
        ec_status status = ec_layout_full(&state->layout, in->rows, in->cols / out->cols, step->arena);
        if (status != EC_OK) {
            return status;
        }
        out->layout = &state->layout;
        out->rows = state->layout.rows;
    }
    out->ids = in->ids;
    out->data = in->data;
    return take_gradient(out, step);
}

static void forward_fold(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op; /* the values are those of the input */
    (void)step;
    (void)team;
}

static void backward_fold(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (struct ec_range part; ec_team_next_range(team, in->rows * in->cols, block, &part);) {
        pass_on(in->grad + part.begin, out->grad + part.begin, part.end - part.begin, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

/* -- unfold --------------------------------------------------------------------------------------------------- */
static ec_status infer_unfold(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0], *frame = op->inputs[1];
    int64_t dims[1 + EC_MAX_RANK] = {in->steps};
    int first = in->steps == EC_NO_STEPS;
    memcpy(dims + 1, in->dims, (size_t)in->rank * sizeof *dims);
    if (in->steps == EC_ANY_STEPS || 1 - first + in->rank > EC_MAX_RANK) {
        return ec_refuse(report, "unfold: texts of any number of steps, or a row of more than %d axes", EC_MAX_RANK);
    }
    ec_tensor_set_shape(op->outputs[0], frame->steps, 1 - first + in->rank, dims + first);
    return EC_OK;
}

/* Whether the texts stand as the rows of the result do. */
static int stands_alike(const struct ec_op *op)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    return !layout || layout->rows == layout->batch * op->outputs[0]->dims[0];
}

static ec_status plan_unfold(struct ec_op *op, struct ec_step *step)
{
    const struct ec_tensor *in = op->inputs[0], *frame = op->inputs[1];
    struct ec_tensor *out = op->outputs[0];
    if (ec_tensor_texts(in) != frame->rows || (in->layout && in->layout->width > out->dims[0])) {
        return ec_refuse(&step->report, "unfold: %lld texts of %lld steps do not fit %lld rows of %lld",
                         (long long)ec_tensor_texts(in), (long long)(in->layout ? in->layout->width : 0),
                         (long long)frame->rows, (long long)out->dims[0]);
    }
    out->layout = frame->layout;
    out->rows = frame->rows;
    out->needs_grad = in->needs_grad && step->backward;
    if (stands_alike(op) && !(in->layout && in->layout->mask)) {
        out->data = in->data;
        return take_gradient(out, step);
    }
    return ec_tensor_take(out, step);
}

/* The stored row whose values stand at step t of a text, -1 for zeros; `before`: that of the step before it. */
static int64_t row_at(const struct ec_tensor *in, int64_t text, int64_t t, int64_t before)
{
    const struct ec_layout *layout = in->layout;
    int64_t row = layout->offsets[text] + t - layout->starts[text];
    int stored = t >= layout->starts[text] && row < layout->offsets[text + 1];
    return stored && ec_layout_counts(layout, row) ? row : in->repeats ? before : -1;
}

static void forward_unfold(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    if (out->data == in->data) {
        return;
    }
    for (int64_t text; (text = ec_team_next(team, out->rows)) >= 0;) {
        int64_t row = -1;
        for (int64_t t = 0; t < out->dims[0]; t++) {
            float *y = out->data + text * out->cols + t * in->cols;
            row = row_at(in, text, t, row);
            if (row < 0) {
                memset(y, 0, (size_t)in->cols * sizeof *y);
            } else {
                memcpy(y, in->data + row * in->cols, (size_t)in->cols * sizeof *y);
            }
        }
    }
    ec_team_barrier(team);
}

static void backward_unfold(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    if (out->data == in->data) {
        for (struct ec_range part; ec_team_next_range(team, in->rows * in->cols, block, &part);) {
            pass_on(in->grad + part.begin, out->grad + part.begin, part.end - part.begin, op->adds_input[0]);
        }
        ec_team_barrier(team);
        return;
    }
    for (int64_t text; (text = ec_team_next(team, out->rows)) >= 0;) {
        int64_t row = -1;
        ec_op_clear_gradients(op, text);
        for (int64_t t = 0; t < out->dims[0]; t++) {
            row = row_at(in, text, t, row);
            if (row >= 0) {
                ec_kernels()->add(in->grad + row * in->cols, out->grad + text * out->cols + t * in->cols, in->cols);
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_fold = {
    .name = "fold",
    .shares_values = 1,
    .state_bytes = sizeof(struct fold),
    .defaults = &fold_defaults,
    .attributes = fold_attributes,
    .inputs = {1, 1},
    .outputs = {2, 2},
    .first = {EC_IDS + EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .infer = infer_fold,
    .plan = plan_fold,
    .forward = forward_fold,
    .backward = backward_fold,
};

const struct ec_op_type ec_op_unfold = {
    .name = "unfold",
    .shares_values = 1,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .others = {EC_FRAME, EC_STEPS, {0, 0}},
    .infer = infer_unfold,
    .plan = plan_unfold,
    .forward = forward_unfold,
    .backward = backward_unfold,
};
