/* conv2d_transpose: images -> images, a convolution the other way round (Keras's Conv2DTranspose): every pixel of the
 * input adds its values times the taps to a window of the output. What is forward here is backward in conv2d
 * (matrix/correlation.h).
 *
 *     out[y sr + i dr - top, x sc + j dc - left, f] += sum over c of in[y, x, c] W[i, j, f, c], over all y, x, i, j
 *     out += bias[f], then an activation that never falls
 *     d_in[y, x, c] = sum over i, j, f of d_out[..., f] W[i, j, f, c]     d_W[i, j, f, c] = sum of d_out[..., f]
 * in[..., c]
 *
 * The caller says how large the output is and how many places before it the first window begins. */
#include "ops/windows_2d.h"

enum {
    LARGEST = 1 << 20 /* of any setting: their products stay far below 2^63 */
};

struct state {
    struct ec_windows rows, cols;
    int64_t out_rows, out_cols, lead_rows, lead_cols;
    int activation;

    /* of the step */
    struct ec_sweep forward, back;
    struct ec_kernel_sum kernel;
};

static const struct state defaults = {.rows = {.strides = 1, .dilation = 1}, .cols = {.strides = 1, .dilation = 1}};
static const struct ec_attribute attributes[] = {
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, cols.strides), NULL},
    {"dilation_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, rows.dilation), NULL},
    {"dilation_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, cols.dilation), NULL},
    {"out_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, out_rows), NULL},
    {"out_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, out_cols), NULL},
    {"lead_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, lead_rows), NULL},
    {"lead_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, lead_cols), NULL},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), ec_rising_activation_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static int is_small(int64_t value, int64_t least) { return value >= least && value <= LARGEST; }

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const int64_t dims[] = {-1, -1, -1, op->inputs[0]->channels};
    ec_status status = ec_infer_parameter(op, 0, dims, report);
    if (status != EC_OK) {
        return status;
    }
    const int64_t *kernel = op->parameters[0]->dims;
    state->rows.size = kernel[0];
    state->cols.size = kernel[1];
    if (!is_small(state->rows.strides, 1) || !is_small(state->cols.strides, 1) || !is_small(state->rows.dilation, 1) ||
        !is_small(state->cols.dilation, 1) || !is_small(state->out_rows, 1) || !is_small(state->out_cols, 1) ||
        !is_small(state->lead_rows, 0) || !is_small(state->lead_cols, 0)) {
        return ec_refuse(report,
                         "conv2d_transpose: strides = (%lld, %lld), dilation_rate = (%lld, %lld), an output of %lld x "
                         "%lld that begins at (%lld, %lld); all but these two must be >= 1, and all at most 2**20",
                         (long long)state->rows.strides, (long long)state->cols.strides,
                         (long long)state->rows.dilation, (long long)state->cols.dilation, (long long)state->out_rows,
                         (long long)state->out_cols, (long long)state->lead_rows, (long long)state->lead_cols);
    }
    const int64_t out[] = {state->out_rows, state->out_cols, kernel[2]};
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, out);
    return op->parameter_count == 2 ? ec_infer_parameter(op, 1, &kernel[2], report) : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    const struct ec_correlation sizes = {
        .axis = {ec_correlation_axis_of(&state->rows, state->out_rows, in->dims[0], state->lead_rows),
                 ec_correlation_axis_of(&state->cols, state->out_cols, in->dims[1], state->lead_cols)},
        .images = in->rows,
        .groups = 1,
        .channels = out->channels,
        .filters = in->channels,
    };
    if (status == EC_OK) {
        status = ec_sweep_plan(&state->forward, &sizes, 1, step->threads, step->arena);
    }
    if (status == EC_OK && out->needs_grad && in->needs_grad) {
        status = ec_sweep_plan(&state->back, &sizes, 0, step->threads, step->arena);
    }
    if (status == EC_OK && out->needs_grad && op->parameters[0]->trainable) {
        status = ec_kernel_sum_plan(&state->kernel, &sizes, step->threads, step->arena);
    }
    step->work += 2.0 * (double)in->rows * (double)in->cols * (double)op->parameters[0]->size / (double)in->channels;
    return step->arena->failed ? EC_NO_MEMORY : status;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_sweep_end end = {.bias = op->parameter_count == 2 ? op->parameters[1]->value : NULL,
                                     .activation = (enum ec_activation)state->activation};
    ec_sweep_run(team, &state->forward, op->outputs[0]->data, 0, op->inputs[0]->data, op->parameters[0]->value, &end);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_parameter *kernel = op->parameters[0];
    ec_op_activation_gradient(op, (enum ec_activation)state->activation, team);
    ec_op_bias_gradient(op, team);
    if (kernel->trainable) {
        ec_kernel_sum_run(team, &state->kernel, kernel->gradient.values, op->adds_parameter[0], NULL, 0, out->grad,
                          in->data);
    }
    if (in->needs_grad) {
        ec_sweep_run(team, &state->back, in->grad, op->adds_input[0], out->grad, kernel->value, NULL);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_conv2d_transpose = {
    .name = "conv2d_transpose",
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
