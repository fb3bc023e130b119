/* unit_normalization: each row of the last axis with the Euclidean norm 1 (Keras's UnitNormalization; Dot with
 * normalize=True). A row of zeros stays as it is and gets no gradient.
 *
 *     y = x / |x|, d_x = (d_y - y (y . d_y)) / |x| */
#include "ops/op.h"

#include <math.h>

struct state {
    float *inverse; /* of the step: [rows] 1 / |x|, 0 for a row of zeros */
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    step->work += 4.0 * (double)ec_tensor_vectors(op->inputs[0]) * (double)op->inputs[0]->channels;
    state->inverse = ec_arena_take(step->arena, ec_tensor_vectors(op->inputs[0]), sizeof *state->inverse);
    return state->inverse ? ec_op_plan_like_input(op, step) : EC_NO_MEMORY;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const float *x = in->data + row * in->channels;
        double norm = sqrt(ec_kernels()->sum_squares(x, in->channels));
        state->inverse[row] = norm > 1e-12 ? (float)(1.0 / norm) : norm == norm ? 0.0f : NAN;
        ec_kernels()->scale(out->data + row * in->channels, x, state->inverse[row], in->channels);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t row; (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
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
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_unit_normalization = {
    .name = "unit_normalization",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
