/* layer_normalization: over the last axis of each row (Ba, Kiros and Hinton 2016), as Keras: gamma first if scaled,
 * then beta if centred. Over other axes (`axes`) the same, lane by lane (ops/axes.h): along the steps of a text masked
 * ones are left out, and are zeros.
 *
 *     h = (x - mean) / sqrt(variance + epsilon), y = gamma h + beta
 *     d_h = d_y gamma, d_x = (d_h - mean(d_h) - h mean(d_h h)) / sqrt(variance + epsilon)
 *     d_gamma = sum of d_y h, d_beta = sum of d_y */
#include "ops/axes.h"

#include <math.h>
#include <string.h>

struct state {
    struct ec_axes axes;
    int scale, center;
    double epsilon;

    /* of the step */
    float *normal;    /* [rows, C] h */
    float *deviation; /* [rows], or of each lane: 1 / sqrt(variance + epsilon) */
};

static const struct state defaults = {.scale = 1, .center = 1, .epsilon = 1e-3};
static const struct ec_attribute attributes[] = {
    {"axes", EC_ATTRIBUTE_INT, offsetof(struct state, axes.chosen), NULL},
    {"scale", EC_ATTRIBUTE_INT, offsetof(struct state, scale), NULL},
    {"center", EC_ATTRIBUTE_INT, offsetof(struct state, center), NULL},
    {"epsilon", EC_ATTRIBUTE_FLOAT, offsetof(struct state, epsilon), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    int count = (state->scale != 0) + (state->center != 0);
    if (op->parameter_count != count) {
        return ec_refuse(report, "layer_normalization: %d parameters; expected %d", op->parameter_count, count);
    }
    ec_status status = ec_axes_infer(&state->axes, op, report);
    int64_t sizes[1 + EC_MAX_RANK];
    int rank = ec_axes_sizes(&state->axes, op->inputs[0], sizes);
    if (status == EC_OK && count && sizes[0] == EC_ANY_STEPS) {
        status = ec_refuse(report, "layer_normalization: weights along the steps need a known number of steps");
    }
    for (int i = 0; status == EC_OK && i < count; i++) {
        status = ec_infer_parameter_of_rank(op, i, rank, sizes, report);
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
    int64_t lanes = ec_tensor_vectors(out);
    if (status == EC_OK && state->axes.chosen) {
        status = ec_axes_plan(&state->axes, op, step);
        lanes = ec_axes_lanes(&state->axes, out);
    }
    step->work += 8.0 * (double)ec_tensor_vectors(out) * (double)out->channels;
    state->normal = ec_arena_take(step->arena, ec_tensor_vectors(out) * out->channels, sizeof(float));
    state->deviation = ec_arena_take(step->arena, lanes, sizeof(float));
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

/* -- other axes than the last --------------------------------------------------------------------------------- */
/* Where a place of a lane stands, -1 where it takes no part. */
static int64_t place_at(const struct ec_op *op, int64_t lane, int64_t place)
{
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0];
    int64_t at = ec_axes_at(axes, in, lane, place);
    return at >= 0 && axes->along_steps && !ec_axes_counts(in, at) ? -1 : at;
}

/* values of the masked steps of a lane become zeros. */
static void clear_masked(const struct ec_op *op, int64_t lane, float *values)
{
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0];
    for (int64_t place = 0; axes->along_steps && place < ec_axes_places(axes, in); place++) {
        int64_t at = ec_axes_at(axes, in, lane, place);
        if (at >= 0 && !ec_axes_counts(in, at)) {
            values[at] = 0.0f;
        }
    }
}

static void normalize_lane(const struct ec_op *op, int64_t lane)
{
    struct state *state = op->state;
    const float *x = op->inputs[0]->data;
    const float *gamma = state->scale ? op->parameters[0]->value : NULL;
    const float *beta = state->center ? op->parameters[gamma ? 1 : 0]->value : NULL;
    float *y = op->outputs[0]->data;
    int64_t places = ec_axes_places(&state->axes, op->inputs[0]), count = 0;
    double sum = 0.0, squares = 0.0;
    for (int64_t place = 0, at; place < places; place++) {
        if ((at = place_at(op, lane, place)) >= 0) {
            sum += (double)x[at];
            count++;
        }
    }
    double mean = count ? sum / (double)count : 0.0;
    for (int64_t place = 0, at; place < places; place++) {
        if ((at = place_at(op, lane, place)) >= 0) {
            double distance = (double)x[at] - mean;
            squares += distance * distance;
        }
    }
    double deviation = 1.0 / sqrt((count ? squares / (double)count : 0.0) + state->epsilon);
    state->deviation[lane] = (float)deviation;
    for (int64_t place = 0, at; place < places; place++) {
        if ((at = place_at(op, lane, place)) >= 0) {
            state->normal[at] = (float)(((double)x[at] - mean) * deviation);
            y[at] = state->normal[at] * (gamma ? gamma[place] : 1.0f) + (beta ? beta[place] : 0.0f);
        }
    }
    clear_masked(op, lane, y);
}

static void lane_gradient(const struct ec_op *op, int64_t lane)
{
    const struct state *state = op->state;
    const float *d_y = op->outputs[0]->grad, *gamma = state->scale ? op->parameters[0]->value : NULL;
    float *d_x = op->inputs[0]->grad;
    int64_t places = ec_axes_places(&state->axes, op->inputs[0]), count = 0;
    double sum = 0.0, dot = 0.0;
    for (int64_t place = 0, at; place < places; place++) {
        if ((at = place_at(op, lane, place)) >= 0) {
            double d_h = (double)d_y[at] * (gamma ? (double)gamma[place] : 1.0);
            sum += d_h;
            dot += d_h * (double)state->normal[at];
            count++;
        }
    }
    for (int64_t place = 0, at; place < places; place++) {
        if ((at = place_at(op, lane, place)) >= 0) {
            double d_h = (double)d_y[at] * (gamma ? (double)gamma[place] : 1.0);
            double d = d_h - sum / (double)count - (double)state->normal[at] * dot / (double)count;
            d_x[at] = (op->adds_input[0] ? d_x[at] : 0.0f) + (float)(d * (double)state->deviation[lane]);
        }
    }
    if (!op->adds_input[0]) {
        clear_masked(op, lane, d_x);
    }
}

/* Sums over all lanes in their order, for one place. */
static void place_gradients(const struct ec_op *op, int64_t place)
{
    const struct state *state = op->state;
    double sums[2] = {0.0, 0.0}; /* of d_y h, and of d_y */
    for (int64_t lane = 0; lane < ec_axes_lanes(&state->axes, op->inputs[0]); lane++) {
        int64_t at = place_at(op, lane, place);
        if (at >= 0) {
            double d_y = (double)op->outputs[0]->grad[at];
            sums[0] += d_y * (double)state->normal[at];
            sums[1] += d_y;
        }
    }
    for (int i = 0; i < op->parameter_count; i++) {
        float *d = op->parameters[i]->gradient.values + place;
        if (op->parameters[i]->trainable) {
            double sum = sums[state->scale && i == 0 ? 0 : 1];
            *d = (float)(sum + (op->adds_parameter[i] ? (double)*d : 0.0));
        }
    }
}

static void backward_lanes(struct ec_op *op, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t places = op->parameter_count ? op->parameters[0]->size : 0;
    for (int64_t place; (place = ec_team_next(team, places)) >= 0;) {
        if (place < ec_axes_places(&state->axes, in)) {
            place_gradients(op, place);
        } else { /* behind the longest text */
            for (int i = 0; i < op->parameter_count; i++) {
                if (op->parameters[i]->trainable && !op->adds_parameter[i]) {
                    op->parameters[i]->gradient.values[place] = 0.0f;
                }
            }
        }
    }
    for (int64_t lane; in->needs_grad && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        lane_gradient(op, lane);
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    for (int64_t row; !axes->chosen && (row = ec_team_next(team, ec_tensor_vectors(op->inputs[0]))) >= 0;) {
        normalize_row(op, row);
    }
    for (int64_t lane; axes->chosen && (lane = ec_team_next(team, ec_axes_lanes(axes, op->inputs[0]))) >= 0;) {
        normalize_lane(op, lane);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t channels = 16; /* a cache line */
    if (((const struct state *)op->state)->axes.chosen) {
        backward_lanes(op, team);
        return;
    }
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
    .parameter_ranks = {{1, EC_MAX_RANK}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
