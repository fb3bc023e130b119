/* unit_normalization: each row of the last axis with the Euclidean norm 1 (Keras's UnitNormalization; Dot with
 * normalize=True). A row of zeros stays as it is and gets no gradient. Over other axes (`axes`) the same, lane by lane
 * (ops/axes.h): along the steps of a text masked ones are left out, and are zeros.
 *
 *     y = x / |x|, d_x = (d_y - y (y . d_y)) / |x| */
#include "ops/axes.h"

#include <math.h>

struct state {
    struct ec_axes axes; /* the first: ec_axes_infer_alone */

    float *inverse; /* of the step: [rows], or of each lane: 1 / |x|, 0 for a row of zeros */
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    int64_t lanes = ec_tensor_vectors(op->inputs[0]);
    if (state->axes.chosen) {
        ec_status status = ec_axes_plan(&state->axes, op, step);
        if (status != EC_OK) {
            return status;
        }
        lanes = ec_axes_lanes(&state->axes, op->inputs[0]);
    }
    step->work += 4.0 * (double)ec_tensor_vectors(op->inputs[0]) * (double)op->inputs[0]->channels;
    state->inverse = ec_arena_take(step->arena, lanes, sizeof *state->inverse);
    return state->inverse ? ec_op_plan_like_input(op, step) : EC_NO_MEMORY;
}

static float inverse_of(double norm) { return norm > 1e-12 ? (float)(1.0 / norm) : norm == norm ? 0.0f : NAN; }

static void forward_lane(const struct ec_op *op, int64_t lane)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t places = ec_axes_places(&state->axes, in);
    double squares = 0.0;
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        if (at >= 0 && (!state->axes.along_steps || ec_axes_counts(in, at))) {
            squares += (double)in->data[at] * (double)in->data[at];
        }
    }
    state->inverse[lane] = inverse_of(sqrt(squares));
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        if (at >= 0) {
            int kept = !state->axes.along_steps || ec_axes_counts(in, at);
            out->data[at] = kept ? in->data[at] * state->inverse[lane] : 0.0f;
        }
    }
}

/* Masked steps have no gradient: y and d_y are zeros there. */
static void backward_lane(const struct ec_op *op, int64_t lane)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const float *y = op->outputs[0]->data, *d_y = op->outputs[0]->grad;
    int64_t places = ec_axes_places(&state->axes, in);
    double dot = 0.0;
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        dot += at >= 0 ? (double)y[at] * (double)d_y[at] : 0.0;
    }
    for (int64_t place = 0; place < places; place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        if (at >= 0) {
            int kept = !state->axes.along_steps || ec_axes_counts(in, at);
            float d = kept ? (float)((double)d_y[at] - (double)y[at] * dot) * state->inverse[lane] : 0.0f;
            in->grad[at] = op->adds_input[0] ? in->grad[at] + d : d;
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; !state->axes.chosen && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const float *x = in->data + row * in->channels;
        double norm = sqrt(ec_kernels()->sum_squares(x, in->channels));
        state->inverse[row] = inverse_of(norm);
        ec_kernels()->scale(out->data + row * in->channels, x, state->inverse[row], in->channels);
    }
    for (int64_t lane; state->axes.chosen && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        forward_lane(op, lane);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; !state->axes.chosen && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const float *y = out->data + row * in->channels, *d_y = out->grad + row * in->channels;
        float *d_x = in->grad + row * in->channels;
        double dot = 0.0;
        for (int64_t c = 0; c < in->channels; c++) {
            dot += (double)y[c] * (double)d_y[c];
        }
        for (int64_t c = 0; c < in->channels; c++) {
            float d = (d_y[c] - y[c] * (float)dot) * state->inverse[row];
            d_x[c] = op->adds_input[0] ? d_x[c] + d : d;
        }
    }
    for (int64_t lane; state->axes.chosen && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        backward_lane(op, lane);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_unit_normalization = {
    .name = "unit_normalization",
    .state_bytes = sizeof(struct state),
    .attributes = ec_axes_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = ec_axes_infer_alone,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
