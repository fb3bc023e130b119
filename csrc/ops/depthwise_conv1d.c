/* depthwise_conv1d: sequence -> sequence, every channel convolved on its own with M kernels (Keras's DepthwiseConv1D,
 * and the first half of SeparableConv1D). Too few products for a matrix: plain loops over the channels of a row.
 *
 *     out[t, c M + m] = bias[c M + m] + sum over j of in[t * strides + j * dilation - lead, c] W[j, c, m]
 *     d_W[j, c, m] = sum over t of in[..., c] d_out[t, c M + m]
 *     d_in[..., c] += sum over m of d_out[t, c M + m] W[j, c, m]
 *
 * Masks as for conv1d (batch/windows.h). */
#include "ops/op.h"

#include <string.h>

struct state {
    int64_t multiplier; /* M */
    struct ec_windows window;

    /* of the step */
    struct ec_layout layout;
};

static const struct state defaults = {.window = EC_WINDOWS_DEFAULTS};
static const struct ec_attribute attributes[] = {
    EC_WINDOWS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const int64_t dims[] = {-1, op->inputs[0]->cols, -1};
    ec_status status = ec_infer_windows(op, &state->window, report);
    if (status != EC_OK || (status = ec_infer_parameter(op, 0, dims, report)) != EC_OK) {
        return status;
    }
    state->multiplier = op->parameters[0]->dims[2];
    int64_t filters;
    if (__builtin_mul_overflow(op->inputs[0]->cols, state->multiplier, &filters)) {
        return EC_TOO_LARGE;
    }
    state->window.size = op->parameters[0]->dims[0];
    ec_tensor_set_shape(op->outputs[0], ec_windows_steps(&state->window, op->inputs[0]->steps), 1, &filters);
    return op->parameter_count == 2 ? ec_infer_parameter(op, 1, &filters, report) : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_windows(op, &state->window, &state->layout, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    step->work += 2.0 * (double)out->rows * (double)out->cols * (double)state->window.size;
    return ec_tensor_take(out, step);
}

/* y[c M + m] += x[c] w[c M + m] */
static void add_tap(float *y, const float *x, const float *w, int64_t channels, int64_t multiplier)
{
    if (multiplier == 1) {
        for (int64_t c = 0; c < channels; c++) {
            y[c] += x[c] * w[c];
        }
        return;
    }
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t m = 0; m < multiplier; m++) {
            y[c * multiplier + m] += x[c] * w[c * multiplier + m];
        }
    }
}

/* d_x[c] += sum over m of d_y[c M + m] w[c M + m] */
static void add_tap_back(float *d_x, const float *d_y, const float *w, int64_t channels, int64_t multiplier)
{
    for (int64_t c = 0; c < channels; c++) {
        float sum = 0.0f;
        for (int64_t m = 0; m < multiplier; m++) {
            sum += d_y[c * multiplier + m] * w[c * multiplier + m];
        }
        d_x[c] += sum;
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = state->layout.offsets;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++) {
            float *y = out->data + (offsets[b] + window) * out->cols;
            if (op->parameter_count == 2) {
                memcpy(y, op->parameters[1]->value, (size_t)out->cols * sizeof *y);
            } else {
                memset(y, 0, (size_t)out->cols * sizeof *y);
            }
            for (int64_t tap = 0; tap < state->window.size; tap++) {
                int64_t row = ec_windows_source(&state->window, in->layout, b, window, tap);
                if (row >= 0) {
                    add_tap(y, in->data + row * in->cols, op->parameters[0]->value + tap * out->cols, in->cols,
                            state->multiplier);
                }
            }
        }
    }
    ec_team_barrier(team);
}

static void input_gradient(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = state->layout.offsets, *rows = in->layout->offsets;
    if (!op->adds_input[0]) {
        memset(in->grad + rows[b] * in->cols, 0, (size_t)((rows[b + 1] - rows[b]) * in->cols) * sizeof(float));
    }
    for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++) {
        for (int64_t tap = 0; tap < state->window.size; tap++) {
            int64_t row = ec_windows_source(&state->window, in->layout, b, window, tap);
            if (row >= 0) {
                add_tap_back(in->grad + row * in->cols, out->grad + (offsets[b] + window) * out->cols,
                             op->parameters[0]->value + tap * out->cols, in->cols, state->multiplier);
            }
        }
    }
}

enum {
    CHANNELS = 64 /* of a tile of the kernel's gradient */
};

/* One tap of the kernel for the channels [begin, end): over all windows in their order. */
static void kernel_gradient(const struct ec_op *op, int64_t batch, int64_t tap, int64_t begin, int64_t end)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = state->layout.offsets;
    int64_t multiplier = state->multiplier;
    float *d_w = op->parameters[0]->gradient.values + tap * out->cols;
    if (!op->adds_parameter[0]) {
        memset(d_w + begin * multiplier, 0, (size_t)((end - begin) * multiplier) * sizeof *d_w);
    }
    for (int64_t b = 0; b < batch; b++) {
        for (int64_t window = 0; window < offsets[b + 1] - offsets[b]; window++) {
            int64_t row = ec_windows_source(&state->window, in->layout, b, window, tap);
            if (row >= 0) {
                const float *d_y = out->grad + (offsets[b] + window) * out->cols;
                for (int64_t c = begin; c < end; c++) {
                    float x = in->data[row * in->cols + c];
                    for (int64_t m = c * multiplier; m < (c + 1) * multiplier; m++) {
                        d_w[m] += x * d_y[m];
                    }
                }
            }
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    int64_t blocks = ec_ceil_div(in->cols, CHANNELS);
    ec_op_bias_gradient(op, team);
    int64_t tiles = op->parameters[0]->trainable ? state->window.size * blocks : 0;
    for (int64_t tile; (tile = ec_team_next(team, tiles)) >= 0;) {
        int64_t begin = tile % blocks * CHANNELS;
        kernel_gradient(op, texts, tile / blocks, begin, ec_least(begin + CHANNELS, in->cols));
    }
    for (int64_t b; in->needs_grad && (b = ec_team_next(team, texts)) >= 0;) {
        input_gradient(op, b);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_depthwise_conv1d = {
    .name = "depthwise_conv1d",
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
