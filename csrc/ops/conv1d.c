/* conv1d: sequence -> sequence, the general convolution over time (cross-correlation, channels last, as Keras's
 * Conv1D). The windows are written out as rows of a matrix (im2col), so that all of forward and backward are matrix
 * products, one for each group of channels. For layers that no fused operation covers.
 *
 *     out[t, f] = bias[f] + sum over j, c of in[t * strides + j * dilation - lead, c] W[j, c, f]
 *     d_W = windows^T d_out     d_bias = column sums of d_out
 *     d_in = d_out W^T, added back to where each value came from
 *
 * With groups, filter f of group g reads the channels of g only: c counts them from the first of the group.
 * Masks: windows are counted from the first token of a text's span (batch/windows.h); masked tokens inside it are zero
 * vectors. */
#include "ops/op.h"

#include <string.h>

struct state {
    struct ec_windows window;
    int groups;
    int64_t taps, channels, filters; /* channels of all groups */

    /* of the step */
    struct ec_layout layout;
    float *windows; /* [rows out, groups, taps * channels of a group] */
    float *d_windows;
    struct ec_product forward, d_kernel, d_window; /* of the first group */
};

static const struct state defaults = {.window = EC_WINDOWS_DEFAULTS, .groups = 1};
static const struct ec_attribute attributes[] = {
    EC_WINDOWS_ATTRIBUTES,
    {"groups", EC_ATTRIBUTE_INT, offsetof(struct state, groups), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    ec_status status = ec_infer_windows(op, &state->window, report);
    if (status != EC_OK) {
        return status;
    }
    state->channels = op->inputs[0]->cols;
    if (state->groups < 1 || state->channels % state->groups) {
        return ec_refuse(report, "conv1d: groups = %d does not divide the %lld channels", state->groups,
                         (long long)state->channels);
    }
    const int64_t dims[] = {-1, state->channels / state->groups, -1};
    if ((status = ec_infer_parameter(op, 0, dims, report)) != EC_OK) {
        return status;
    }
    state->taps = state->window.size = op->parameters[0]->dims[0];
    state->filters = op->parameters[0]->dims[2];
    if (state->filters % state->groups) {
        return ec_refuse(report, "conv1d: groups = %d does not divide the %lld filters", state->groups,
                         (long long)state->filters);
    }
    if (op->parameter_count == 2) {
        status = ec_infer_parameter(op, 1, &state->filters, report);
    }
    ec_tensor_set_shape(op->outputs[0], ec_windows_steps(&state->window, op->inputs[0]->steps), 1, &state->filters);
    return status;
}

static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    return ec_op_plan_windows(op, &state->window, &state->layout, step);
}

/* Columns of a window row that belong to one group. */
static int64_t group_depth(const struct state *state) { return state->taps * state->channels / state->groups; }

static void plan_products(struct ec_op *op, struct ec_step *step, int64_t size)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_parameter *kernel = op->parameters[0];
    int64_t stride = state->taps * state->channels, depth = group_depth(state);
    int64_t filters = state->filters / state->groups;
    struct ec_matrix x = ec_matrix(state->windows, out->rows, depth, stride);
    struct ec_matrix w = ec_matrix(kernel->value, depth, filters, state->filters);
    struct ec_matrix d_y = ec_matrix(out->grad, out->rows, filters, state->filters);
    state->forward = ec_product_plan(step, out->data, state->filters, x, w);
    if (out->needs_grad && kernel->trainable) {
        state->d_kernel = ec_product_plan(step, kernel->gradient.values, state->filters, ec_transposed(x), d_y);
    }
    if (in->needs_grad) {
        state->d_windows = ec_arena_take(step->arena, size, sizeof(float));
        state->d_window = ec_product_plan(step, state->d_windows, stride, d_y, ec_transposed(w));
    }
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
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
    int64_t size;
    if (__builtin_mul_overflow(out->rows, state->taps * state->channels, &size)) {
        return EC_TOO_LARGE;
    }
    state->windows = ec_arena_take(step->arena, size, sizeof(float));
    plan_products(op, step, size);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* The three products for each group in turn: the parts of the first, moved on by `out`, `a` and `b` floats. */
static void run_groups(struct ec_team *team, const struct state *state, struct ec_product product, int64_t out,
                       int64_t a, int64_t b)
{
    for (int group = 0; group < state->groups; group++) {
        ec_product_run(team, &product);
        product.out += out;
        product.a.values += a;
        product.b.values += b;
    }
}

static void write_windows(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = state->layout.offsets;
    int64_t channels = state->channels / state->groups;
    float *out = state->windows + offsets[b] * state->taps * state->channels;
    for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++, out += state->taps * state->channels) {
        for (int64_t tap = 0; tap < state->taps; tap++) {
            int64_t row = ec_windows_source(&state->window, in->layout, b, window, tap);
            for (int group = 0; group < state->groups; group++) {
                float *place = out + group * group_depth(state) + tap * channels;
                if (row < 0) {
                    memset(place, 0, (size_t)channels * sizeof *out);
                } else {
                    memcpy(place, in->data + row * state->channels + group * channels, (size_t)channels * sizeof *out);
                }
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
    int64_t channels = state->channels / state->groups;
    const float *d_window = state->d_windows + offsets[b] * state->taps * state->channels;
    if (!op->adds_input[0]) {
        memset(in->grad + rows[b] * state->channels, 0,
               (size_t)((rows[b + 1] - rows[b]) * state->channels) * sizeof(float));
    }
    for (int64_t window = 0; window < offsets[b + 1] - offsets[b];
         window++, d_window += state->taps * state->channels) {
        for (int64_t tap = 0; tap < state->taps; tap++) {
            int64_t row = ec_windows_source(&state->window, in->layout, b, window, tap);
            for (int group = 0; row >= 0 && group < state->groups; group++) {
                ec_kernels()->add(in->grad + row * state->channels + group * channels,
                                  d_window + group * group_depth(state) + tap * channels, channels);
            }
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
        write_windows(op, b);
    }
    ec_team_barrier(team);
    run_groups(team, state, state->forward, state->filters / state->groups, group_depth(state),
               state->filters / state->groups);
    if (op->parameter_count == 2) {
        for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
            int64_t begin = state->layout.offsets[b];
            ec_kernels()->add_bias(out->data + begin * out->cols, out->cols, op->parameters[1]->value,
                                   state->layout.offsets[b + 1] - begin, out->cols);
        }
        ec_team_barrier(team);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t filters = state->filters / state->groups;
    ec_op_bias_gradient(op, team);
    if (op->parameters[0]->trainable) {
        struct ec_product d_kernel = state->d_kernel;
        d_kernel.accumulate = op->adds_parameter[0];
        run_groups(team, state, d_kernel, filters, group_depth(state), filters);
    }
    if (in->needs_grad) {
        run_groups(team, state, state->d_window, group_depth(state), filters, filters);
        for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
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
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, 1}},
    .parameters = {1, 2},
    .parameter_ranks = {{3, 3}, {1, 1}},
    .mixing = EC_MIXES_BY_KERNEL,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
