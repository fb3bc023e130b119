/* conv2d, conv2d_pool: images -> images, convolution over rows and columns (cross-correlation, channels last, as
 * Keras's Conv2D), and an activation that never falls; matrix/correlation.h computes it.
 *
 *     out[y, x, f] = activation of bias[f] + sum over i, j, c of in[y sr + i dr - top, x sc + j dc - left, c] W[i, j,
 * c, f] d_W[i, j, c, f] = sum over images, y, x of in[..., c] d_out[y, x, f]     d_bias[f] = sum of d_out[..., f]
 *     d_in[..., c] += sum over f of d_out[y, x, f] W[i, j, c, f]
 *
 * conv2d_pool keeps of each 2 x 2 of these pixels the largest (MaxPooling2D behind a Conv2D): the first of equal ones,
 * NaN before numbers; nothing four times as large as its output is ever in memory.
 *
 * s are the strides, d the dilation; places outside of an image are zeros. With groups, filter f of group g reads the
 * channels of g only: c counts them from the first of the group. */
#include "ops/windows_2d.h"

enum {
    ONE_ROW = 256 /* pixels of small images that a convolution of single pixels takes as one row */
};

struct state {
    struct ec_windows_2d window;
    int groups, activation;
    int slope_is_given; /* what reads the output, alone, multiplies its gradient by the activation's slope */
    int64_t filters;

    /* of the step */
    struct ec_sweep forward, back;
    struct ec_kernel_sum kernel;
    int32_t *at; /* conv2d_pool: which of the four pixels was the largest; NULL where no backward follows */
};

static const struct state defaults = {.window = EC_WINDOWS_2D_DEFAULTS, .groups = 1};
static const struct ec_attribute attributes[] = {
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.strides), NULL},
    {"dilation_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.dilation), NULL},
    {"dilation_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.dilation), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.rows.padding), ec_pool_padding_names},
    {"groups", EC_ATTRIBUTE_INT, offsetof(struct state, groups), NULL},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), ec_rising_activation_names},
    {"slope_is_given", EC_ATTRIBUTE_INT, offsetof(struct state, slope_is_given), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* Whether the operation keeps the largest of each 2 x 2 pixels alone. */
static int pools(const struct ec_op *op) { return op->type == &ec_op_conv2d_pool; }

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    int64_t channels = op->inputs[0]->channels;
    if (state->groups < 1 || channels % state->groups) {
        return ec_refuse(report, "%s: groups = %d does not divide the %lld channels", op->type->name, state->groups,
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
        return ec_refuse(report, "%s: groups = %d does not divide the %lld filters", op->type->name, state->groups,
                         (long long)state->filters);
    }
    if (op->parameter_count == 2 && (status = ec_infer_parameter(op, 1, &state->filters, report)) != EC_OK) {
        return status;
    }
    status = ec_windows_2d_infer(&state->window, op, kernel[0], kernel[1], state->filters, report);
    if (status != EC_OK || !pools(op)) {
        return status;
    }
    struct ec_windows_2d *w = &state->window;
    if (w->out_height < 2 || w->out_width < 2 || state->groups > 1) {
        return ec_refuse(report, "conv2d_pool: %lld x %lld windows and groups = %d; at least 2 x 2 and one group",
                         (long long)w->out_height, (long long)w->out_width, state->groups);
    }
    const int64_t out[] = {w->out_height / 2, w->out_width / 2, state->filters};
    w->out_height = 2 * out[0]; /* the last of an odd number is not read */
    w->out_width = 2 * out[1];
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, out);
    return EC_OK;
}

static struct ec_correlation sizes_of(const struct ec_op *op)
{
    const struct state *state = op->state;
    const struct ec_windows_2d *w = &state->window;
    struct ec_correlation sizes = {
        .axis = {ec_correlation_axis_of(&w->rows, w->height, w->out_height, w->top),
                 ec_correlation_axis_of(&w->cols, w->width, w->out_width, w->left)},
        .images = op->inputs[0]->rows,
        .groups = state->groups,
        .channels = w->channels,
        .filters = state->filters,
        .pools = pools(op),
        .at = state->at,
    };
    int64_t pixels = w->height * w->width;
    if (w->rows.size * w->cols.size * w->rows.strides * w->cols.strides == 1 && pixels <= ONE_ROW && !pools(op)) {
        sizes.axis[EC_ROWS].from = sizes.axis[EC_ROWS].of = 1;
        sizes.axis[EC_COLS].from = sizes.axis[EC_COLS].of = pixels;
    }
    return sizes;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    state->at =
        pools(op) && out->needs_grad ? ec_arena_take(step->arena, out->rows * out->cols, sizeof *state->at) : NULL;
    const struct ec_correlation sizes = sizes_of(op);
    if (status == EC_OK) {
        status = ec_sweep_plan(&state->forward, &sizes, 0, step->threads, step->arena);
    }
    if (status == EC_OK && out->needs_grad && in->needs_grad) {
        status = ec_sweep_plan(&state->back, &sizes, 1, step->threads, step->arena);
    }
    if (status == EC_OK && out->needs_grad && op->parameters[0]->trainable) {
        status = ec_kernel_sum_plan(&state->kernel, &sizes, step->threads, step->arena);
    }
    step->work += 2.0 * (pools(op) ? 4 : 1) * (double)in->rows * (double)out->cols * (double)op->parameters[0]->size /
                  (double)out->channels;
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
    ec_op_activation_gradient(op, state->slope_is_given ? EC_LINEAR : (enum ec_activation)state->activation, team);
    if (kernel->trainable) {
        const struct ec_parameter *bias =
            op->parameter_count == 2 && op->parameters[1]->trainable ? op->parameters[1] : NULL;
        ec_kernel_sum_run(team, &state->kernel, kernel->gradient.values, op->adds_parameter[0],
                          bias ? bias->gradient.values : NULL, bias && op->adds_parameter[1], in->data, out->grad);
    } else {
        ec_op_bias_gradient(op, team);
    }
    if (in->needs_grad) {
        ec_sweep_run(team, &state->back, in->grad, op->adds_input[0], out->grad, kernel->value, NULL);
    }
    ec_team_barrier(team);
}

#define EC_CONVOLUTION(operation)                                                                                      \
    const struct ec_op_type ec_op_##operation = {                                                                      \
        .name = #operation,                                                                                            \
        .state_bytes = sizeof(struct state),                                                                           \
        .defaults = &defaults,                                                                                         \
        .attributes = attributes,                                                                                      \
        .inputs = {1, 1},                                                                                              \
        .outputs = {1, 1},                                                                                             \
        .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},                                                                \
        .parameters = {1, 2},                                                                                          \
        .parameter_ranks = {{4, 4}, {1, 1}},                                                                           \
        .infer = infer,                                                                                                \
        .plan = plan,                                                                                                  \
        .forward = forward,                                                                                            \
        .backward = backward,                                                                                          \
    }
EC_CONVOLUTION(conv2d);
EC_CONVOLUTION(conv2d_pool);
