/* conv2d: images -> images, convolution over rows and columns (cross-correlation, channels last, as Keras's Conv2D).
 *
 *     out[y, x, f] = bias[f] + sum over i, j, c of in[y sr + i dr - top, x sc + j dc - left, c] W[i, j, c, f]
 *     d_W[i, j, c, f] = sum over images, y, x of in[..., c] d_out[y, x, f]     d_bias[f] = sum of d_out[..., f]
 *     d_in[..., c] += sum over f of d_out[y, x, f] W[i, j, c, f]
 *
 * s are the strides, d the dilation; places outside of an image are zeros. With groups, filter f of group g reads the
 * channels of g only: c counts them from the first of the group. */
#include "ops/windows_2d.h"

#include <string.h>

struct state {
    struct ec_windows_2d window;
    int groups;
    int64_t filters;
};

static const struct state defaults = {.window = EC_WINDOWS_2D_DEFAULTS, .groups = 1};
static const struct ec_attribute attributes[] = {
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.strides), NULL},
    {"dilation_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.dilation), NULL},
    {"dilation_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.dilation), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.rows.padding), ec_pool_padding_names},
    {"groups", EC_ATTRIBUTE_INT, offsetof(struct state, groups), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    int64_t channels = op->inputs[0]->channels;
    if (state->groups < 1 || channels % state->groups) {
        return ec_refuse(report, "conv2d: groups = %d does not divide the %lld channels", state->groups,
                         (long long)channels);
    }
    const int64_t dims[] = {-1, -1, channels / state->groups, -1};
    ec_status status = ec_infer_parameter(op, 0, dims, report);
    if (status != EC_OK) {
        return status;
    }
    const int64_t *kernel = op->parameters[0]->dims;
    state->filters = kernel[3];
    if (state->filters % state->groups) {
        return ec_refuse(report, "conv2d: groups = %d does not divide the %lld filters", state->groups,
                         (long long)state->filters);
    }
    if (op->parameter_count == 2 && (status = ec_infer_parameter(op, 1, &state->filters, report)) != EC_OK) {
        return status;
    }
    return ec_windows_2d_infer(&state->window, op, kernel[0], kernel[1], state->filters, report);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    step->work +=
        2.0 * (double)op->inputs[0]->rows * (double)out->cols * (double)op->parameters[0]->size / (double)out->channels;
    return ec_op_plan_like_input(op, step);
}

/* Calls `tap` for each window of image b and each tap of it inside of the image, with the pixel of `in`, the pixel of
 * `out`, the tap's matrix [channels of a group, filters] and the number of the group. */
static void each_tap(const struct ec_op *op, int64_t b,
                     void (*tap)(const struct ec_op *op, int64_t in, int64_t out, int64_t weights, int64_t group))
{
    const struct state *state = op->state;
    const struct ec_windows_2d *w = &state->window;
    for (int64_t y = 0; y < w->out_height; y++) {
        struct ec_range rows = ec_windows_2d_taps(&w->rows, w->height, w->top, y);
        for (int64_t x = 0; x < w->out_width; x++) {
            struct ec_range cols = ec_windows_2d_taps(&w->cols, w->width, w->left, x);
            int64_t out = ((b * w->out_height + y) * w->out_width + x) * state->filters;
            for (int64_t i = rows.begin; i < rows.end; i++) {
                for (int64_t j = cols.begin; j < cols.end; j++) {
                    int64_t row = y * w->rows.strides + i * w->rows.dilation - w->top;
                    int64_t col = x * w->cols.strides + j * w->cols.dilation - w->left;
                    int64_t in = ((b * w->height + row) * w->width + col) * w->channels;
                    int64_t weights = (i * w->cols.size + j) * w->channels / state->groups * state->filters;
                    for (int64_t group = 0; group < state->groups; group++) {
                        tap(op, in, out, weights, group);
                    }
                }
            }
        }
    }
}

static void forward_tap(const struct ec_op *op, int64_t in, int64_t out, int64_t weights, int64_t group)
{
    const struct state *state = op->state;
    int64_t channels = state->window.channels / state->groups, filters = state->filters / state->groups;
    for (int64_t c = 0; c < channels; c++) {
        ec_kernels()->add_scaled(op->outputs[0]->data + out + group * filters,
                                 op->parameters[0]->value + weights + c * state->filters + group * filters,
                                 op->inputs[0]->data[in + group * channels + c], filters);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, out->rows)) >= 0;) {
        memset(out->data + b * out->cols, 0, (size_t)out->cols * sizeof(float));
        each_tap(op, b, forward_tap);
        if (op->parameter_count == 2) {
            ec_kernels()->add_bias(out->data + b * out->cols, out->channels, op->parameters[1]->value,
                                   out->cols / out->channels, out->channels);
        }
    }
    ec_team_barrier(team);
}

static void input_tap(const struct ec_op *op, int64_t in, int64_t out, int64_t weights, int64_t group)
{
    const struct state *state = op->state;
    int64_t channels = state->window.channels / state->groups, filters = state->filters / state->groups;
    const float *d_y = op->outputs[0]->grad + out + group * filters;
    for (int64_t c = 0; c < channels; c++) {
        const float *w = op->parameters[0]->value + weights + c * state->filters + group * filters;
        float sum = 0.0f;
        for (int64_t f = 0; f < filters; f++) {
            sum += d_y[f] * w[f];
        }
        op->inputs[0]->grad[in + group * channels + c] += sum;
    }
}

static void kernel_tap(const struct ec_op *op, int64_t in, int64_t out, int64_t weights, int64_t group)
{
    const struct state *state = op->state;
    int64_t channels = state->window.channels / state->groups, filters = state->filters / state->groups;
    for (int64_t c = 0; c < channels; c++) {
        ec_kernels()->add_scaled(op->parameters[0]->gradient.values + weights + c * state->filters + group * filters,
                                 op->outputs[0]->grad + out + group * filters,
                                 op->inputs[0]->data[in + group * channels + c], filters);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_parameter *kernel = op->parameters[0];
    ec_op_bias_gradient(op, team);
    while (kernel->trainable && ec_team_next(team, 1) >= 0) {
        if (!op->adds_parameter[0]) {
            memset(kernel->gradient.values, 0, (size_t)kernel->size * sizeof(float));
        }
        for (int64_t b = 0; b < in->rows; b++) {
            each_tap(op, b, kernel_tap);
        }
    }
    for (int64_t b; in->needs_grad && (b = ec_team_next(team, in->rows)) >= 0;) {
        if (!op->adds_input[0]) {
            memset(in->grad + b * in->cols, 0, (size_t)in->cols * sizeof(float));
        }
        each_tap(op, b, input_tap);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_conv2d = {
    .name = "conv2d",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .parameters = {1, 2},
    .parameter_ranks = {{4, 4}, {1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
