/* max_pool, average_pool: sequence -> sequence, over windows of time (Keras's MaxPooling1D and AveragePooling1D). Only
 * unmasked steps of a window count; a window without any is masked (its value zero). Windows are counted from the first
 * step of a text's span.
 *
 *     max: out[w, c] = in[t*, c] (the first of equal ones, NaN wins), d_in[t*, c] += d_out[w, c]
 *     average: out[w, c] = sum over t of in[t, c] / n(w), d_in[t, c] += d_out[w, c] / n(w) */
#include "ops/op.h"

#include <string.h>

enum padding {
    VALID,
    SAME
};

struct state {
    int pool_size, strides, padding;

    /* of the step */
    struct ec_layout layout;
    int32_t *at; /* max: [rows out, C] row of the winner, -1: none */
};

static const char *const paddings[] = {"valid", "same", NULL};
static const struct state defaults = {.pool_size = 2, .strides = 2};
static const struct ec_attribute attributes[] = {
    {"pool_size", EC_ATTRIBUTE_INT, offsetof(struct state, pool_size), NULL},
    {"strides", EC_ATTRIBUTE_INT, offsetof(struct state, strides), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, padding), paddings},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    const struct state *state = op->state;
    ec_status status = ec_infer_counts(op, 1, 1, 0, 0, message, bytes);
    if (status == EC_OK && op->inputs[0]->kind != EC_SEQUENCE) {
        status = ec_infer_error(message, bytes, "%s: the input is no sequence [B, T, C]", op->type->name);
    }
    if (status == EC_OK && (state->pool_size < 1 || state->strides < 1)) {
        status = ec_infer_error(message, bytes, "%s: pool_size = %d, strides = %d; both must be >= 1", op->type->name,
                                state->pool_size, state->strides);
    }
    if (status == EC_OK) {
        op->outputs[0]->kind = EC_SEQUENCE;
        op->outputs[0]->cols = op->inputs[0]->cols;
    }
    return status;
}

/* A masked span shorter than the window has one window, as for conv1d. */
static int64_t window_count(const struct state *state, int64_t length, int masked)
{
    if (state->padding == SAME) {
        return (length + state->strides - 1) / state->strides;
    }
    if (length >= state->pool_size) {
        return (length - state->pool_size) / state->strides + 1;
    }
    return masked && length > 0;
}

/* First and last + 1 step of a window inside a text of this length. */
static void window_bounds(const struct state *state, int64_t length, int64_t window, int64_t *begin, int64_t *end)
{
    int64_t lead = 0;
    if (state->padding == SAME) {
        int64_t all = (window_count(state, length, 0) - 1) * state->strides + state->pool_size - length;
        lead = all > 0 ? all / 2 : 0;
    }
    *begin = window * state->strides - lead;
    *end = *begin + state->pool_size < length ? *begin + state->pool_size : length;
    *begin = *begin > 0 ? *begin : 0;
}

static int counts(const struct ec_layout *layout, int64_t row) { return !layout->mask || layout->mask[row]; }

/* Whether a window of text b holds an unmasked step. */
static int holds_step(const struct state *state, const struct ec_layout *in, int64_t b, int64_t window)
{
    int64_t begin, end;
    window_bounds(state, in->offsets[b + 1] - in->offsets[b], window, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        if (counts(in, in->offsets[b] + t)) {
            return 1;
        }
    }
    return 0;
}

/* Which windows hold an unmasked step; NULL mask where all do. */
static ec_status plan_mask(struct state *state, const struct ec_layout *in, struct ec_step *step)
{
    uint8_t *mask = in->mask ? ec_arena_take(step->arena, state->layout.rows, 1) : NULL;
    int gaps = 0;
    for (int64_t b = 0; mask && b < in->batch; b++) {
        for (int64_t row = state->layout.offsets[b]; row < state->layout.offsets[b + 1]; row++) {
            mask[row] = (uint8_t)holds_step(state, in, b, row - state->layout.offsets[b]);
            gaps |= !mask[row];
        }
    }
    state->layout.mask = gaps ? mask : NULL;
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_layout *in = op->inputs[0]->layout;
    int64_t *offsets = ec_arena_take(step->arena, in->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(step->arena, in->batch, sizeof *starts);
    if (!offsets || !starts) {
        return EC_NO_MEMORY;
    }
    int64_t width = window_count(state, in->width, in->masked);
    width = in->masked && width < 1 ? 1 : width;
    if (width < 1) {
        return ec_infer_error(
            step->message, sizeof step->message,
            "the sequences are %lld steps long; pool_size = %d with padding='valid' needs at least as many",
            (long long)in->width, state->pool_size);
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < in->batch; b++) {
        int64_t count = window_count(state, in->offsets[b + 1] - in->offsets[b], in->masked);
        int64_t start = in->starts[b] / state->strides;
        starts[b] = start < width - count ? start : width - count;
        while (in->mask && count > 0 && !holds_step(state, in, b, count - 1)) {
            count--; /* a span ends with an unmasked step; the first window always holds one */
        }
        offsets[b + 1] = offsets[b] + count;
    }
    state->layout = (struct ec_layout){.batch = in->batch,
                                       .width = width,
                                       .rows = offsets[in->batch],
                                       .offsets = offsets,
                                       .starts = starts,
                                       .masked = in->masked};
    return plan_mask(state, in, step);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    if (op->inputs[0]->rows > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    state->at = ec_arena_take(step->arena, out->rows * out->cols, sizeof *state->at);
    step->work += 2.0 * (double)op->inputs[0]->rows * (double)out->cols;
    return ec_tensor_take(out, step);
}

static void pool_max(const struct ec_tensor *in, float *y, int32_t *at, int64_t first, int64_t end)
{
    int64_t row = first;
    while (row < end && !counts(in->layout, row)) {
        row++;
    }
    if (row == end) {
        memset(y, 0, (size_t)in->cols * sizeof *y);
        memset(at, 0xff, (size_t)in->cols * sizeof *at);
        return;
    }
    memcpy(y, in->data + row * in->cols, (size_t)in->cols * sizeof *y);
    for (int64_t c = 0; c < in->cols; c++) {
        at[c] = (int32_t)row;
    }
    for (row++; row < end; row++) {
        if (counts(in->layout, row)) {
            ec_kernels()->maximum_into(y, at, in->data + row * in->cols, (int32_t)row, in->cols);
        }
    }
}

/* 1 / (unmasked steps), or 0. */
static float share_of(const struct ec_layout *layout, int64_t first, int64_t end)
{
    int64_t count = 0;
    for (int64_t row = first; row < end; row++) {
        count += counts(layout, row);
    }
    return count ? 1.0f / (float)count : 0.0f;
}

static void pool_average(const struct ec_tensor *in, float *y, int64_t first, int64_t end)
{
    memset(y, 0, (size_t)in->cols * sizeof *y);
    for (int64_t row = first; row < end; row++) {
        if (counts(in->layout, row)) {
            ec_kernels()->add(y, in->data + row * in->cols, in->cols);
        }
    }
    ec_kernels()->scale(y, y, share_of(in->layout, first, end), in->cols);
}

static void run(struct ec_op *op, const struct ec_step *step, struct ec_team *team,
                void (*window)(const struct ec_op *op, int64_t row, int64_t first, int64_t end), int back)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = in->layout->offsets;
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        int64_t length = offsets[b + 1] - offsets[b];
        if (back && !op->adds_input[0]) {
            memset(in->grad + offsets[b] * in->cols, 0, (size_t)(length * in->cols) * sizeof(float));
        }
        for (int64_t row = state->layout.offsets[b]; row < state->layout.offsets[b + 1]; row++) {
            int64_t begin, end;
            window_bounds(state, length, row - state->layout.offsets[b], &begin, &end);
            window(op, row, offsets[b] + begin, offsets[b] + end);
        }
    }
    ec_team_barrier(team);
}

static void max_window(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    const struct state *state = op->state;
    int64_t place = row * op->outputs[0]->cols;
    pool_max(op->inputs[0], op->outputs[0]->data + place, state->at + place, first, end);
}

static void average_window(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    pool_average(op->inputs[0], op->outputs[0]->data + row * op->outputs[0]->cols, first, end);
}

static void max_window_back(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    (void)first;
    (void)end;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t c = 0; c < out->cols; c++) {
        int32_t winner = state->at[row * out->cols + c];
        if (winner >= 0) {
            in->grad[winner * in->cols + c] += out->grad[row * out->cols + c];
        }
    }
}

static void average_window_back(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    float share = share_of(in->layout, first, end);
    for (int64_t t = first; t < end; t++) {
        if (counts(in->layout, t)) {
            ec_kernels()->add_scaled(in->grad + t * in->cols, out->grad + row * out->cols, share, in->cols);
        }
    }
}

static void max_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, max_window, 0);
}

static void max_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, max_window_back, 1);
}

static void average_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, average_window, 0);
}

static void average_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, average_window_back, 1);
}

const struct ec_op_type ec_op_max_pool = {
    .name = "max_pool",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = max_forward,
    .backward = max_backward,
};

const struct ec_op_type ec_op_average_pool = {
    .name = "average_pool",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = average_forward,
    .backward = average_backward,
};
