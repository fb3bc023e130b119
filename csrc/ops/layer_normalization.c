/* layer_normalization: over the last axis of each row (Ba, Kiros and Hinton 2016), as Keras: gamma first if scaled,
 * then beta if centred.
 *
 *     h = (x - mean) / sqrt(variance + epsilon), y = gamma h + beta
 *     d_h = d_y gamma, d_x = (d_h - mean(d_h) - h mean(d_h h)) / sqrt(variance + epsilon)
 *     d_gamma = sum of d_y h, d_beta = sum of d_y */
#include "ops/op.h"

#include <math.h>
#include <string.h>

struct state {
    int scale, center;
    double epsilon;

    /* of the step */
    float *normal;    /* [rows, C] h */
    float *deviation; /* [rows] 1 / sqrt(variance + epsilon) */
};

static const struct state defaults = {.scale = 1, .center = 1, .epsilon = 1e-3};
static const struct ec_attribute attributes[] = {
    {"scale", EC_ATTRIBUTE_INT, offsetof(struct state, scale), NULL},
    {"center", EC_ATTRIBUTE_INT, offsetof(struct state, center), NULL},
    {"epsilon", EC_ATTRIBUTE_FLOAT, offsetof(struct state, epsilon), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const int64_t channels = op->inputs[0]->channels;
    int count = (state->scale != 0) + (state->center != 0);
    if (op->parameter_count != count) {
        return ec_refuse(report, "layer_normalization: %d parameters; expected %d", op->parameter_count, count);
    }
    ec_status status = EC_OK;
    for (int i = 0; status == EC_OK && i < count; i++) {
        status = ec_infer_parameter(op, i, &channels, report);
    }
    if (status == EC_OK && !(state->epsilon > 0.0)) {
        status = ec_refuse(report, "layer_normalization: epsilon = %g; it must be > 0", state->epsilon);
    }
    return status;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    ec_status status = ec_op_plan_like_input(op, step);
    const struct ec_tensor *out = op->outputs[0];
    step->work += 8.0 * (double)ec_tensor_vectors(out) * (double)out->channels;
    state->normal = ec_arena_take(step->arena, ec_tensor_vectors(out) * out->channels, sizeof(float));
    state->deviation = ec_arena_take(step->arena, ec_tensor_vectors(out), sizeof(float));
    return step->arena->failed ? EC_NO_MEMORY : status;
}

static void normalize_row(const struct ec_op *op, int64_t row)
{
    const struct state *state = op->state;
    int64_t cols = op->inputs[0]->channels;
    const float *x = op->inputs[0]->data + row * cols;
    float *h = state->normal + row * cols, *y = op->outputs[0]->data + row * cols;
    double sum = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        sum += (double)x[c];
    }
    double mean = sum / (double)cols; /* a float would lose the digits of a small variance */
    for (int64_t c = 0; c < cols; c++) {
        h[c] = (float)((double)x[c] - mean);
    }
    double squares = ec_kernels()->sum_squares(h, cols) / (double)cols;
    float deviation = (float)(1.0 / sqrt(squares + state->epsilon));
    state->deviation[row] = deviation;
    ec_kernels()->scale(h, h, deviation, cols);
    memcpy(y, h, (size_t)cols * sizeof *y);
    if (state->scale) {
        ec_kernels()->multiply(y, y, op->parameters[0]->value, cols);
    }
    if (state->center) {
        ec_kernels()->add(y, op->parameters[state->scale ? 1 : 0]->value, cols);
    }
}

static void row_gradient(const struct ec_op *op, int64_t row)
{
    const struct state *state = op->state;
    int64_t cols = op->inputs[0]->channels;
    const float *d_y = op->outputs[0]->grad + row * cols, *h = state->normal + row * cols;
    const float *gamma = state->scale ? op->parameters[0]->value : NULL;
    float *d_x = op->inputs[0]->grad + row * cols;
    double sum = 0.0, dot = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        double d_h = (double)d_y[c] * (gamma ? (double)gamma[c] : 1.0);
        sum += d_h;
        dot += d_h * (double)h[c];
    }
    float mean = (float)(sum / (double)cols), slope = (float)(dot / (double)cols);
    for (int64_t c = 0; c < cols; c++) {
        float d = state->deviation[row] * (d_y[c] * (gamma ? gamma[c] : 1.0f) - mean - h[c] * slope);
        d_x[c] = op->adds_input[0] ? d_x[c] + d : d;
    }
}

/* Sums over all rows, for a part of the channels: each has its own order, whatever the team. */
static void parameter_gradients(const struct ec_op *op, int64_t begin, int64_t end)
{
    const struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    float *d_gamma = state->scale && op->parameters[0]->trainable ? op->parameters[0]->gradient.values : NULL;
    int number = state->scale ? 1 : 0;
    float *d_beta = state->center && op->parameters[number]->trainable ? op->parameters[number]->gradient.values : NULL;
    for (int64_t c = begin; c < end; c++) {
        double gamma = d_gamma && op->adds_parameter[0] ? (double)d_gamma[c] : 0.0;
        double beta = d_beta && op->adds_parameter[number] ? (double)d_beta[c] : 0.0;
        for (int64_t row = 0; row < ec_tensor_vectors(out); row++) {
            double d_y = (double)out->grad[row * out->channels + c];
            gamma += d_y * (double)state->normal[row * out->channels + c];
            beta += d_y;
        }
        if (d_gamma) {
            d_gamma[c] = (float)gamma;
        }
        if (d_beta) {
            d_beta[c] = (float)beta;
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    for (int64_t row; (row = ec_team_next(team, ec_tensor_vectors(op->inputs[0]))) >= 0;) {
        normalize_row(op, row);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t channels = 16; /* a cache line */
    for (struct ec_range tile; op->parameter_count && ec_team_next_range(team, in->channels, channels, &tile);) {
        parameter_gradients(op, tile.begin, tile.end);
    }
    for (int64_t row; in->needs_grad && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        row_gradient(op, row);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_layer_normalization = {
    .name = "layer_normalization",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameters = {0, 2},
    .parameter_ranks = {{1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
