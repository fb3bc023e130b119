/* conv1d: sequence -> sequence, the general convolution over time (cross-correlation, channels last, as Keras's
 * Conv1D). The windows are written out as rows of a matrix (im2col), so that all of forward and backward are matrix
 * products. For layers that no fused operation covers.
 *
 *     out[t, f] = bias[f] + sum over j, c of in[t * strides + j * dilation - lead, c] W[j, c, f]
 *     d_W = windows^T d_out     d_bias = column sums of d_out     d_in = d_out W^T, added back to where each value came
 * from
 *
 * Masks: windows are counted from the first token of a text's span; masked tokens inside it are zero vectors. With
 * padding="valid" a span shorter than the kernel has one window, with zeros to its right; an empty one has none. */
#include "ops/op.h"

#include <string.h>

enum padding {
    VALID,
    SAME,
    CAUSAL
};

struct state {
    int strides, dilation, padding;
    int64_t taps, channels, filters;

    /* of the step */
    struct ec_layout layout;
    float *windows; /* [rows out, taps * channels] */
    float *d_windows;
    struct ec_product forward, d_kernel, d_window;
};

static const char *const paddings[] = {"valid", "same", "causal", NULL};
static const struct state defaults = {.strides = 1, .dilation = 1};
static const struct ec_attribute attributes[] = {
    {"strides", EC_ATTRIBUTE_INT, offsetof(struct state, strides), NULL},
    {"dilation_rate", EC_ATTRIBUTE_INT, offsetof(struct state, dilation), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, padding), paddings},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    struct state *state = op->state;
    ec_status status = ec_infer_counts(op, 1, 1, 1, 2, message, bytes);
    if (status != EC_OK) {
        return status;
    }
    if (op->inputs[0]->kind != EC_SEQUENCE) {
        return ec_infer_error(message, bytes, "conv1d: the input is no sequence [B, T, C]");
    }
    if (state->strides < 1 || state->dilation < 1 || (state->strides > 1 && state->dilation > 1)) {
        return ec_infer_error(message, bytes,
                              "conv1d: strides = %d, dilation_rate = %d; both must be >= 1 and one of them 1",
                              state->strides, state->dilation);
    }
    const int64_t dims[] = {-1, op->inputs[0]->cols, -1};
    if ((status = ec_infer_parameter(op, 0, 3, dims, message, bytes)) != EC_OK) {
        return status;
    }
    state->taps = op->parameters[0]->dims[0];
    state->channels = op->parameters[0]->dims[1];
    state->filters = op->parameters[0]->dims[2];
    if (op->parameter_count == 2) {
        status = ec_infer_parameter(op, 1, 1, &state->filters, message, bytes);
    }
    op->outputs[0]->kind = EC_SEQUENCE;
    op->outputs[0]->cols = state->filters;
    return status;
}

/* First kernel position that a window covers, and places before the span where the first window begins. */
static int64_t reach(const struct state *state) { return (state->taps - 1) * state->dilation + 1; }

static int64_t window_count(const struct state *state, int64_t length, int masked)
{
    if (state->padding != VALID) {
        return (length + state->strides - 1) / state->strides;
    }
    if (length >= reach(state)) {
        return (length - reach(state)) / state->strides + 1;
    }
    return masked && length > 0;
}

/* Places before a text of this length where its first window begins. */
static int64_t lead(const struct state *state, int64_t length)
{
    if (state->padding == CAUSAL) {
        return reach(state) - 1;
    }
    if (state->padding == VALID) {
        return 0;
    }
    /* "same" pads as few places as the windows need, the odd one behind */
    int64_t windows = window_count(state, length, 0);
    int64_t all = (windows - 1) * state->strides + reach(state) - length;
    return all > 0 ? all / 2 : 0;
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
    if (in->masked && width < 1) {
        width = 1;
    }
    if (width < 1) {
        return ec_infer_error(
            step->message, sizeof step->message,
            "the texts are %lld tokens long; a kernel that reaches over %lld with padding='valid' needs at "
            "least as many",
            (long long)in->width, (long long)reach(state));
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < in->batch; b++) {
        int64_t count = window_count(state, in->offsets[b + 1] - in->offsets[b], in->masked);
        int64_t start = in->starts[b] / state->strides;
        offsets[b + 1] = offsets[b] + count;
        starts[b] = start < width - count ? start : width - count;
    }
    state->layout = (struct ec_layout){.batch = in->batch,
                                       .width = width,
                                       .rows = offsets[in->batch],
                                       .offsets = offsets,
                                       .starts = starts,
                                       .mask = NULL,
                                       .masked = in->masked};
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_parameter *kernel = op->parameters[0];
    struct ec_tensor *out = op->outputs[0];
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    if ((status = ec_tensor_take(out, step)) != EC_OK) {
        return status;
    }
    int64_t depth = state->taps * state->channels;
    int64_t size;
    if (__builtin_mul_overflow(out->rows, depth, &size)) {
        return EC_TOO_LARGE;
    }
    state->windows = ec_arena_take(step->arena, size, sizeof(float));
    state->forward = (struct ec_product){.out = out->data,
                                         .out_stride = state->filters,
                                         .a = state->windows,
                                         .a_row_stride = depth,
                                         .a_col_stride = 1,
                                         .b = kernel->value,
                                         .b_row_stride = state->filters,
                                         .b_col_stride = 1,
                                         .rows = out->rows,
                                         .cols = state->filters,
                                         .depth = depth};
    ec_product_plan(&state->forward, step);
    if (out->needs_grad && kernel->trainable) {
        state->d_kernel = (struct ec_product){.out = kernel->gradient.values,
                                              .out_stride = state->filters,
                                              .a = state->windows,
                                              .a_row_stride = 1,
                                              .a_col_stride = depth,
                                              .b = out->grad,
                                              .b_row_stride = state->filters,
                                              .b_col_stride = 1,
                                              .rows = depth,
                                              .cols = state->filters,
                                              .depth = out->rows};
        ec_product_plan(&state->d_kernel, step);
    }
    if (in->needs_grad) {
        state->d_windows = ec_arena_take(step->arena, size, sizeof(float));
        state->d_window = (struct ec_product){.out = state->d_windows,
                                              .out_stride = depth,
                                              .a = out->grad,
                                              .a_row_stride = state->filters,
                                              .a_col_stride = 1,
                                              .b = kernel->value,
                                              .b_row_stride = 1,
                                              .b_col_stride = state->filters,
                                              .rows = out->rows,
                                              .cols = depth,
                                              .depth = state->filters};
        ec_product_plan(&state->d_window, step);
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* The input row of a window's tap, or -1 where it lies outside the span or on a masked token. */
static int64_t source_row(const struct state *state, const struct ec_layout *in, int64_t b, int64_t window, int64_t tap)
{
    int64_t length = in->offsets[b + 1] - in->offsets[b];
    int64_t place = window * state->strides + tap * state->dilation - lead(state, length);
    if (place < 0 || place >= length || (in->mask && !in->mask[in->offsets[b] + place])) {
        return -1;
    }
    return in->offsets[b] + place;
}

static void write_windows(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = state->layout.offsets;
    float *out = state->windows + offsets[b] * state->taps * state->channels;
    for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++) {
        for (int64_t tap = 0; tap < state->taps; tap++, out += state->channels) {
            int64_t row = source_row(state, in->layout, b, window, tap);
            if (row < 0) {
                memset(out, 0, (size_t)state->channels * sizeof *out);
            } else {
                memcpy(out, in->data + row * state->channels, (size_t)state->channels * sizeof *out);
            }
        }
    }
}

static void add_windows_back(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = state->layout.offsets;
    const int64_t *rows = in->layout->offsets;
    const float *d_window = state->d_windows + offsets[b] * state->taps * state->channels;
    if (!op->adds_input[0]) {
        memset(in->grad + rows[b] * in->cols, 0, (size_t)((rows[b + 1] - rows[b]) * in->cols) * sizeof(float));
    }
    for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++) {
        for (int64_t tap = 0; tap < state->taps; tap++, d_window += state->channels) {
            int64_t row = source_row(state, in->layout, b, window, tap);
            if (row >= 0) {
                ec_kernels()->add(in->grad + row * state->channels, d_window, state->channels);
            }
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        write_windows(op, b);
    }
    ec_team_barrier(team);
    ec_product_run(team, &state->forward);
    if (op->parameter_count == 2) {
        for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
            int64_t begin = state->layout.offsets[b];
            ec_kernels()->add_bias(out->data + begin * out->cols, out->cols, op->parameters[1]->value,
                                   state->layout.offsets[b + 1] - begin, out->cols);
        }
        ec_team_barrier(team);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    if (op->parameter_count == 2 && op->parameters[1]->trainable) {
        while (ec_team_next(team, 1) >= 0) {
            ec_kernels()->column_sum(op->parameters[1]->gradient.values, op->adds_parameter[1], out->grad, out->cols,
                                     out->rows, out->cols);
        }
    }
    if (op->parameters[0]->trainable) {
        struct ec_product d_kernel = state->d_kernel;
        d_kernel.accumulate = op->adds_parameter[0];
        ec_product_run(team, &d_kernel);
    }
    if (in->needs_grad) {
        ec_product_run(team, &state->d_window);
        for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
            add_windows_back(op, b);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_conv1d = {
    .name = "conv1d",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
