/* batch_normalization: each channel with mean 0 and variance 1 over all unmasked rows of the batch (Ioffe and Szegedy
 * 2015), as Keras: gamma first if scaled, then beta if centred, then the moving mean and variance. A training step uses
 * the statistics of its batch and moves the moving ones, where these are tracked; otherwise the moving ones are used
 * as they are. Sums are taken channel by channel over the rows in their order, whatever the team. With another axis
 * than the last (`axes`) its places are the channels (ops/axes.h): along the steps of texts each step has statistics of
 * its own, over the texts whose step is unmasked.
 *
 *     h = (x - mean) / sqrt(variance + epsilon), y = gamma h + beta; moving = momentum moving + (1 - momentum) batch's
 *     d_gamma = sum of d_y h, d_beta = sum of d_y
 *     d_x = gamma (d_y - (d_beta + h d_gamma) / n) / sqrt(variance + epsilon)
 *           with moving statistics gamma d_y / sqrt(variance + epsilon) */
#include "ops/batch_normalization.h"

#include <string.h>

static const struct ec_batch_normalization defaults = {.scale = 1, .center = 1, .epsilon = 1e-3, .momentum = 0.99};
static const struct ec_attribute attributes[] = {
    {"axes", EC_ATTRIBUTE_INT, offsetof(struct ec_batch_normalization, axes.chosen), NULL},
    {"scale", EC_ATTRIBUTE_INT, offsetof(struct ec_batch_normalization, scale), NULL},
    {"center", EC_ATTRIBUTE_INT, offsetof(struct ec_batch_normalization, center), NULL},
    {"epsilon", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_batch_normalization, epsilon), NULL},
    {"momentum", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_batch_normalization, momentum), NULL},
    {"frozen", EC_ATTRIBUTE_INT, offsetof(struct ec_batch_normalization, frozen), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct ec_batch_normalization *state = op->state;
    int64_t sizes[1 + EC_MAX_RANK];
    int count = (state->scale != 0) + (state->center != 0) + 2;
    if (op->parameter_count != count) {
        return ec_refuse(report, "batch_normalization: %d parameters; expected %d", op->parameter_count, count);
    }
    ec_status status = ec_axes_infer(&state->axes, op, report);
    if (status == EC_OK && ec_axes_sizes(&state->axes, op->inputs[0], sizes) != 1) {
        status = ec_refuse(report, "batch_normalization: axes = %d; it takes one axis", state->axes.chosen);
    }
    if (status == EC_OK && sizes[0] == EC_ANY_STEPS) {
        status = ec_refuse(report, "batch_normalization: weights along the steps need a known number of steps");
    }
    for (int i = 0; status == EC_OK && i < count; i++) {
        status = ec_infer_parameter(op, i, sizes, report);
    }
    if (status == EC_OK && !(state->epsilon > 0.0 && state->momentum >= 0.0 && state->momentum <= 1.0)) {
        status = ec_refuse(report,
                           "batch_normalization: epsilon = %g, momentum = %g; epsilon must be > 0, momentum in "
                           "[0, 1]",
                           state->epsilon, state->momentum);
    }
    return status;
}

/* Whether the row of a vector is unmasked. */
static int counts(const struct ec_tensor *tensor, int64_t vector)
{
    int64_t row = tensor->rank == 1 ? vector : vector * tensor->channels / tensor->cols;
    return !tensor->layout || ec_layout_counts(tensor->layout, row);
}

/* Whether what counts are all pixels of images. */
static int is_image(const struct ec_op *op)
{
    const struct ec_batch_normalization *state = op->state;
    return !op->inputs[0]->layout && op->inputs[0]->rank == 3 && !state->axes.chosen;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (ec_batch_moving(op)[0]->trainable || ec_batch_moving(op)[1]->trainable) {
        return ec_refuse(&step->report, "batch_normalization: the moving mean and variance cannot be trainable");
    }
    ec_status status = ec_op_plan_like_input(op, step);
    state->counted = in->layout ? 0 : ec_tensor_vectors(in);
    for (int64_t row = 0; in->layout && row < ec_tensor_vectors(in); row++) {
        state->counted += counts(in, row);
    }
    state->own_statistics = step->training && !state->frozen && ec_batch_moving(op)[0]->tracked &&
                            ec_batch_moving(op)[1]->tracked && state->counted > 0;
    int64_t channels = op->parameters[0]->size;
    if (is_image(op)) {
        status = status == EC_OK ? ec_pixels_plan(&state->pixels, in, step) : status;
    } else {
        state->normal = ec_arena_take(step->arena, ec_tensor_vectors(in) * in->channels, sizeof *state->normal);
    }
    state->mean = ec_arena_take(step->arena, channels, sizeof *state->mean);
    state->deviation = ec_arena_take(step->arena, channels, sizeof *state->deviation);
    state->sums = ec_arena_take(step->arena, 2 * channels, sizeof *state->sums);
    if (status == EC_OK && state->axes.chosen) {
        status = ec_axes_plan(&state->axes, op, step);
        state->seen = ec_arena_take(step->arena, channels, sizeof *state->seen);
    }
    step->work += 10.0 * (double)ec_tensor_vectors(in) * (double)in->channels;
    return step->arena->failed ? EC_NO_MEMORY : status;
}

enum {
    CHANNELS = 16 /* of a tile: a cache line */
};

/* Mean and variance of the channels [begin, begin + n), and the moving ones with them. */
static void find_statistics(const struct ec_op *op, int64_t begin, int64_t n)
{
    struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    double sum[CHANNELS] = {0.0}, squares[CHANNELS] = {0.0}, count = (double)state->counted;
    for (int64_t row = 0; row < ec_tensor_vectors(in); row++) {
        for (int64_t c = 0, end = counts(in, row) ? n : 0; c < end; c++) {
            sum[c] += (double)in->data[row * in->channels + begin + c];
        }
    }
    for (int64_t c = 0; c < n; c++) {
        state->mean[begin + c] = sum[c] / count;
    }
    for (int64_t row = 0; row < ec_tensor_vectors(in); row++) {
        for (int64_t c = 0, end = counts(in, row) ? n : 0; c < end; c++) {
            double distance = (double)in->data[row * in->channels + begin + c] - state->mean[begin + c];
            squares[c] += distance * distance;
        }
    }
    for (int64_t c = 0; c < n; c++) {
        double variance = squares[c] / count;
        state->deviation[begin + c] = (float)(1.0 / sqrt(variance + state->epsilon));
        ec_batch_move(op, begin + c, state->mean[begin + c], variance);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    if (state->axes.chosen) {
        ec_batch_forward_lanes(op, team);
        return;
    }
    if (is_image(op)) {
        ec_batch_forward_pixels(op, team);
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, in->channels, CHANNELS, &tile);) {
        if (state->own_statistics) {
            find_statistics(op, tile.begin, tile.end - tile.begin);
        } else {
            ec_batch_take_moving(op, tile.begin, tile.end - tile.begin);
        }
    }
    ec_team_barrier(team);
    for (int64_t row; (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const float *x = in->data + row * in->channels;
        float *h = state->normal + row * in->channels, *y = out->data + row * in->channels;
        for (int64_t c = 0; c < in->channels; c++) {
            h[c] = (float)((double)x[c] - state->mean[c]) * state->deviation[c];
            y[c] = h[c] * (gamma ? gamma->value[c] : 1.0f) + (beta ? beta->value[c] : 0.0f);
        }
    }
    ec_team_barrier(team);
}

/* Sums over all rows for the channels [begin, begin + n), and the gradients of gamma and beta. */
static void find_sums(const struct ec_op *op, int64_t begin, int64_t n)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    double *sum = state->sums + begin, *dot = state->sums + out->channels + begin;
    memset(sum, 0, (size_t)n * sizeof *sum);
    memset(dot, 0, (size_t)n * sizeof *dot);
    for (int64_t row = 0; row < ec_tensor_vectors(out); row++) {
        for (int64_t c = 0, end = counts(out, row) ? n : 0; c < end; c++) {
            double d_y = (double)out->grad[row * out->channels + begin + c];
            sum[c] += d_y;
            dot[c] += d_y * (double)state->normal[row * out->channels + begin + c];
        }
    }
    for (int64_t c = 0; gamma && gamma->trainable && c < n; c++) {
        float *d = gamma->gradient.values + begin + c;
        *d = (float)(dot[c] + (op->adds_parameter[0] ? (double)*d : 0.0));
    }
    for (int64_t c = 0; beta && beta->trainable && c < n; c++) {
        float *d = beta->gradient.values + begin + c;
        *d = (float)(sum[c] + (op->adds_parameter[gamma ? 1 : 0] ? (double)*d : 0.0));
    }
}

static void row_gradient(const struct ec_op *op, int64_t row)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_parameter *gamma = ec_batch_gamma(op);
    const float *d_y = op->outputs[0]->grad + row * in->channels, *h = state->normal + row * in->channels;
    float *d_x = in->grad + row * in->channels, kept = counts(in, row) ? 1.0f : 0.0f;
    double share = state->own_statistics ? 1.0 / (double)state->counted : 0.0;
    for (int64_t c = 0; c < in->channels; c++) {
        float mean = (float)(state->sums[c] * share), slope = (float)(state->sums[in->channels + c] * share);
        float d = state->deviation[c] * (gamma ? gamma->value[c] : 1.0f) * (d_y[c] - mean - h[c] * slope) * kept;
        d_x[c] = op->adds_input[0] ? d_x[c] + d : d;
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0];
    if (((const struct ec_batch_normalization *)op->state)->axes.chosen) {
        ec_batch_backward_lanes(op, team);
        return;
    }
    if (is_image(op)) {
        ec_batch_backward_pixels(op, team);
        return;
    }
    for (struct ec_range tile; ec_team_next_range(team, in->channels, CHANNELS, &tile);) {
        find_sums(op, tile.begin, tile.end - tile.begin);
    }
    ec_team_barrier(team);
    for (int64_t row; in->needs_grad && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        row_gradient(op, row);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_batch_normalization = {
    .name = "batch_normalization",
    .state_bytes = sizeof(struct ec_batch_normalization),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameters = {2, 4},
    .parameter_ranks = {{1, 1}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
