/* depthwise_conv2d: images -> images, every channel convolved on its own with M kernels, then an activation (Keras's
 * DepthwiseConv2D). Memory decides, so a row of the result is activated while it is in the cache, and the backward goes
 * over a band of rows once for the gradients of the images, the kernel and the bias.
 *
 *     z[y, x, c M + m] = bias[c M + m] + sum over i, j of in[y sr + i dr - top, x sc + j dc - left, c] W[i, j, c, m]
 *     out = f(z), d_z = d_out f'(z), which follows from out
 *     d_W[i, j, c, m] = sum over images, y, x of in[..., c] d_z[y, x, c M + m]     d_bias = sum of d_z
 *     d_in[..., c] += sum over m of d_z[y, x, c M + m] W[i, j, c, m] */
#include "ops/depthwise.h"

#include <string.h>

enum {
    PARTS = 64 /* of the sums for kernel and bias, at most */
};

struct state {
    struct ec_windows_2d window;
    int activation;
    struct ec_depthwise depthwise;

    /* of the step */
    float *rows;   /* [threads] planes of a row; or of d_z, the needed rows of a band, and one in the order of out */
    int64_t room;  /* floats of each */
    float *sums;   /* [parts, those of kernel and bias], and room for a kernel */
    int64_t parts; /* of all bands */
};

static const struct state defaults = {.window = EC_WINDOWS_2D_DEFAULTS};
static const struct ec_attribute attributes[] = {
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.strides), NULL},
    {"dilation_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.dilation), NULL},
    {"dilation_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.dilation), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.rows.padding), ec_pool_padding_names},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), ec_rising_activation_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    int64_t channels = op->inputs[0]->channels, filters;
    const int64_t dims[] = {-1, -1, channels, -1};
    ec_status status = ec_infer_parameter(op, 0, dims, report);
    if (status != EC_OK) {
        return status;
    }
    const int64_t *kernel = op->parameters[0]->dims;
    state->depthwise = (struct ec_depthwise){.window = &state->window, .multiplier = kernel[3]};
    if (__builtin_mul_overflow(channels, kernel[3], &filters)) {
        return EC_TOO_LARGE;
    }
    if (op->parameter_count == 2 && (status = ec_infer_parameter(op, 1, &filters, report)) != EC_OK) {
        return status;
    }
    return ec_windows_2d_infer(&state->window, op, kernel[0], kernel[1], filters, report);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    if (status != EC_OK || (status = ec_depthwise_plan(&state->depthwise, op->parameters[0]->value, step)) != EC_OK) {
        return status;
    }
    int64_t bands = out->rows * ec_depthwise_bands(&state->depthwise), row = ec_depthwise_row(&state->depthwise);
    state->room = (out->needs_grad ? ec_depthwise_needed(&state->depthwise) + 1 : 1) * row;
    state->rows = ec_arena_take(step->arena, step->threads * state->room, sizeof(float));
    state->parts = ec_most(1, ec_least(PARTS, bands));
    if (out->needs_grad) {
        state->sums =
            ec_arena_take(step->arena, (state->parts + 1) * (op->parameters[0]->size + out->channels), sizeof(float));
    }
    step->work += 2.0 * (double)out->rows * (double)out->cols * (double)op->parameters[0]->size / (double)out->channels;
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

enum {
    ROWS = 8 /* of results at a time */
};

static void forward_rows(const struct ec_op *op, int thread, int64_t b, struct ec_range rows)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_depthwise *depthwise = &state->depthwise;
    const float *bias = op->parameter_count == 2 ? op->parameters[1]->value : NULL, *image = in->data + b * in->cols;
    int64_t width = state->window.out_width, row = ec_depthwise_row(depthwise), count = rows.end - rows.begin;
    float *y = out->data + b * out->cols + rows.begin * row;
    if (depthwise->multiplier == 1) {
        ec_depthwise_forward(depthwise, thread, y, image, rows, bias);
    }
    for (int64_t r = 0; r < count && depthwise->multiplier > 1; r++) {
        float *planes = state->rows + thread * state->room;
        ec_depthwise_forward(depthwise, thread, planes, image, (struct ec_range){rows.begin + r, rows.begin + r + 1},
                             NULL);
        ec_depthwise_interleave(depthwise, y + r * row, planes, width);
    }
    if (bias && depthwise->multiplier > 1) {
        ec_kernels()->add_bias(y, out->channels, bias, count * width, out->channels);
    }
    if (state->activation != EC_LINEAR) {
        ec_kernels()->activate(y, y, (enum ec_activation)state->activation, count * row);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t height = state->window.out_height, blocks = ec_ceil_div(height, ROWS);
    ec_depthwise_begin(&state->depthwise, team, op->parameters[0]->value);
    for (int64_t number; (number = ec_team_next(team, op->outputs[0]->rows * blocks)) >= 0;) {
        forward_rows(op, team->index, number / blocks, ec_range_from(number % blocks * ROWS, ROWS, height));
    }
    ec_team_barrier(team);
}

/* d_z of the needed rows of a band, in planes: where they stand. Adds those of the band itself to d_bias. */
static const float *find_d_z(const struct ec_op *op, int thread, const struct ec_band *band, float *d_bias)
{
    const struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    const struct ec_depthwise *depthwise = &state->depthwise;
    int64_t row = ec_depthwise_row(depthwise), first = band->image * out->cols + band->needed.begin * row;
    float *d_z = state->rows + thread * state->room, *line = d_z + state->room - row;
    for (int64_t y = band->needed.begin; y < band->needed.end; y++) {
        int64_t at = band->image * out->cols + y * row;
        float *to = d_z + at - first;
        const float *d_row = out->grad + at;
        if (state->activation != EC_LINEAR) {
            float *activated = depthwise->multiplier == 1 ? to : line;
            ec_kernels()->activate_backward(activated, d_row, NULL, out->data + at,
                                            (enum ec_activation)state->activation, row);
            d_row = activated;
        }
        if (d_bias && y >= band->results.begin && y < band->results.end) {
            ec_kernels()->column_sum(d_bias, 1, d_row, out->channels, state->window.out_width, out->channels);
        }
        if (depthwise->multiplier > 1) {
            ec_depthwise_separate(depthwise, to, d_row, state->window.out_width);
        }
    }
    return state->activation == EC_LINEAR && depthwise->multiplier == 1 ? out->grad + first : d_z;
}

/* Some of the bands: the gradients of their pixels, and what they add to those of kernel and bias. */
static void backward_part(const struct ec_op *op, int thread, int64_t part)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_depthwise *depthwise = &state->depthwise;
    int64_t kernel_size = op->parameters[0]->size, size = kernel_size + out->channels;
    float *sums = state->sums + part * size;
    float *d_bias = op->parameter_count == 2 && op->parameters[1]->trainable ? sums + kernel_size : NULL;
    memset(sums, 0, (size_t)size * sizeof *sums);
    const struct ec_range bands = ec_range_part(out->rows * ec_depthwise_bands(depthwise), state->parts, part);
    for (int64_t number = bands.begin; number < bands.end; number++) {
        struct ec_band band = ec_depthwise_band(depthwise, number);
        const float *d_z = find_d_z(op, thread, &band, d_bias);
        ec_depthwise_backward(depthwise, thread, &band, in->data + band.image * in->cols, d_z,
                              in->needs_grad ? in->grad + band.image * in->cols : NULL, op->adds_input[0],
                              op->parameters[0]->trainable ? sums : NULL);
    }
}

enum {
    FLOATS = 1024 /* of a tile of these sums */
};

/* The sums over all parts, in the first. */
static void sum_parts(const struct state *state, int64_t size, struct ec_range range)
{
    for (int64_t part = 1; part < state->parts; part++) {
        ec_kernels()->add(state->sums + range.begin, state->sums + part * size + range.begin, range.end - range.begin);
    }
}

static void give(const struct ec_op *op, int number, const float *sums)
{
    const struct ec_parameter *parameter = op->parameters[number];
    if (parameter->trainable && op->adds_parameter[number]) {
        ec_kernels()->add(parameter->gradient.values, sums, parameter->size);
    } else if (parameter->trainable) {
        memcpy(parameter->gradient.values, sums, (size_t)parameter->size * sizeof *sums);
    }
}

static void give_sums(const struct ec_op *op)
{
    const struct state *state = op->state;
    int64_t kernel_size = op->parameters[0]->size, size = kernel_size + op->outputs[0]->channels;
    float *kernel = state->sums;
    if (state->depthwise.multiplier > 1) {
        kernel = state->sums + state->parts * size;
        ec_depthwise_interleave(&state->depthwise, kernel, state->sums,
                                state->window.rows.size * state->window.cols.size);
    }
    give(op, 0, kernel);
    if (op->parameter_count == 2) {
        give(op, 1, state->sums + kernel_size);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t size = op->parameters[0]->size + op->outputs[0]->channels;
    ec_depthwise_begin_backward(&state->depthwise, team);
    for (int64_t part; (part = ec_team_next(team, state->parts)) >= 0;) {
        backward_part(op, team->index, part);
    }
    ec_team_barrier(team);
    for (struct ec_range range; ec_team_next_range(team, size, FLOATS, &range);) {
        sum_parts(state, size, range);
    }
    ec_team_barrier(team);
    while (ec_team_next(team, 1) >= 0) {
        give_sums(op);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_depthwise_conv2d = {
    .name = "depthwise_conv2d",
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
