/* softmax and its logarithm, over the last axis or over others (`axes`): along the steps of a text masked ones have no
 * share, and are zeros.
 *
 *     softmax: y[c] = exp(x[c]) / sum over k of exp(x[k]), d_x[c] = y[c] (d_y[c] - sum over k of d_y[k] y[k])
 *     log_softmax: y[c] = x[c] - log(sum over k of exp(x[k])), d_x[c] = d_y[c] - exp(y[c]) sum over k of d_y[k] */
#include "ops/axes.h"

#include <math.h>

struct state {
    struct ec_axes axes; /* the first: ec_axes_infer_alone */

    /* of the step */
    float *lanes; /* [threads, 3, places] of a lane x or y, its d_y, and what is made of them */
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    ec_status status = ec_op_plan_like_input(op, step);
    if (status != EC_OK || !state->axes.chosen) {
        return status;
    }
    status = ec_axes_plan(&state->axes, op, step);
    int64_t places = ec_axes_places(&state->axes, op->inputs[0]);
    state->lanes = ec_arena_take(step->arena, 3 * places * step->threads, sizeof *state->lanes);
    return status == EC_OK && step->arena->failed ? EC_NO_MEMORY : status;
}

/* -- vectors of n values -------------------------------------------------------------------------------------- */
typedef void forward_fn(float *y, const float *x, int64_t n);
/* d_x (+)= the gradient */
typedef void backward_fn(float *d_x, const float *y, const float *d_y, int64_t n, int add);

static void softmax(float *y, const float *x, int64_t n) { ec_kernels()->softmax(y, x, n); }

static void softmax_back(float *d_x, const float *y, const float *d_y, int64_t n, int add)
{
    float dot = 0.0f;
    for (int64_t c = 0; c < n; c++) {
        dot += d_y[c] * y[c];
    }
    for (int64_t c = 0; c < n; c++) {
        float value = y[c] * (d_y[c] - dot);
        d_x[c] = add ? d_x[c] + value : value;
    }
}

static void log_softmax(float *y, const float *x, int64_t n)
{
    ec_kernels()->softmax(y, x, n);
    int64_t top = 0;
    for (int64_t c = 1; c < n; c++) {
        top = x[c] > x[top] ? c : top;
    }
    float largest = x[top], share = logf(y[top]); /* minus the log of the sum of exp(x - largest): exact far from 0 */
    for (int64_t c = 0; c < n; c++) {
        y[c] = x[c] - largest + share;
    }
}

static void log_softmax_back(float *d_x, const float *y, const float *d_y, int64_t n, int add)
{
    double sum = 0.0;
    for (int64_t c = 0; c < n; c++) {
        sum += (double)d_y[c];
    }
    for (int64_t c = 0; c < n; c++) {
        float value = d_y[c] - expf(y[c]) * (float)sum;
        d_x[c] = add ? d_x[c] + value : value;
    }
}

/* -- lanes ---------------------------------------------------------------------------------------------------- */
static float *scratch_of(const struct ec_op *op, const struct ec_team *team)
{
    const struct state *state = op->state;
    return state->lanes + 3 * team->index * ec_axes_places(&state->axes, op->inputs[0]);
}

/* The unmasked values of a lane, one after the other; returns how many. */
static int64_t gather(const struct ec_op *op, int64_t lane, float *values, const float *from)
{
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0];
    int64_t count = 0, places = ec_axes_places(axes, in);
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(axes, in, lane, place);
        if (at >= 0 && (!axes->along_steps || ec_axes_counts(in, at))) {
            values[count++] = from[at];
        }
    }
    return count;
}

/* And back, zeros for masked ones. */
static void scatter(const struct ec_op *op, int64_t lane, const float *values, float *to, int add)
{
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0];
    int64_t places = ec_axes_places(axes, in);
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(axes, in, lane, place);
        if (at >= 0) {
            float value = !axes->along_steps || ec_axes_counts(in, at) ? *values++ : 0.0f;
            to[at] = add ? to[at] + value : value;
        }
    }
}

static void run_forward(struct ec_op *op, struct ec_team *team, forward_fn *run)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; !state->axes.chosen && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        run(out->data + row * in->channels, in->data + row * in->channels, in->channels);
    }
    for (int64_t lane; state->axes.chosen && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        float *x = scratch_of(op, team), *y = x + ec_axes_places(&state->axes, in);
        int64_t n = gather(op, lane, x, in->data);
        if (n) {
            run(y, x, n);
        }
        scatter(op, lane, y, out->data, 0);
    }
    ec_team_barrier(team);
}

static void run_backward(struct ec_op *op, struct ec_team *team, backward_fn *run)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; !state->axes.chosen && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const int64_t at = row * in->channels;
        run(in->grad + at, out->data + at, out->grad + at, in->channels, op->adds_input[0]);
    }
    for (int64_t lane; state->axes.chosen && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        int64_t places = ec_axes_places(&state->axes, in);
        float *y = scratch_of(op, team), *d_y = y + places, *d_x = d_y + places;
        int64_t n = gather(op, lane, y, out->data);
        gather(op, lane, d_y, out->grad);
        run(d_x, y, d_y, n, 0);
        scatter(op, lane, d_x, in->grad, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

static void softmax_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_forward(op, team, softmax);
}

static void softmax_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_backward(op, team, softmax_back);
}

static void log_softmax_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_forward(op, team, log_softmax);
}

static void log_softmax_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run_backward(op, team, log_softmax_back);
}

const struct ec_op_type ec_op_softmax = {
    .name = "softmax",
    .state_bytes = sizeof(struct state),
    .attributes = ec_axes_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = ec_axes_infer_alone,
    .plan = plan,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

const struct ec_op_type ec_op_log_softmax = {
    .name = "log_softmax",
    .state_bytes = sizeof(struct state),
    .attributes = ec_axes_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = ec_axes_infer_alone,
    .plan = plan,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};
