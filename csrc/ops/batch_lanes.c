/* batch_normalization along another axis than the last: its places are the channels, lane by lane (ops/axes.h). */
#include "ops/batch_normalization.h"

/* Where a place of a lane stands, -1 where it does not count. */
static int64_t counted_at(const struct ec_op *op, int64_t lane, int64_t place)
{
    const struct ec_tensor *in = op->inputs[0];
    int64_t at = ec_axes_at(&((const struct ec_batch_normalization *)op->state)->axes, in, lane, place);
    return at >= 0 && !ec_axes_counts(in, at) ? -1 : at;
}

static void find_place_statistics(const struct ec_op *op, int64_t place)
{
    struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t lanes = ec_axes_lanes(&state->axes, in);
    double sum = 0.0, squares = 0.0;
    int64_t count = 0;
    for (int64_t lane = 0; state->own_statistics && lane < lanes; lane++) {
        int64_t at = counted_at(op, lane, place);
        sum += at >= 0 ? (double)in->data[at] : 0.0;
        count += at >= 0;
    }
    state->seen[place] = count;
    if (!count) {
        ec_batch_take_moving(op, place, 1);
        return;
    }
    state->mean[place] = sum / (double)count;
    for (int64_t lane = 0; lane < lanes; lane++) {
        int64_t at = counted_at(op, lane, place);
        double distance = at >= 0 ? (double)in->data[at] - state->mean[place] : 0.0;
        squares += distance * distance;
    }
    state->deviation[place] = (float)(1.0 / sqrt(squares / (double)count + state->epsilon));
    ec_batch_move(op, place, state->mean[place], squares / (double)count);
}

static void normalize_lane(const struct ec_op *op, int64_t lane)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    for (int64_t place = 0; place < ec_axes_places(&state->axes, in); place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        if (at >= 0) {
            float h = (float)((double)in->data[at] - state->mean[place]) * state->deviation[place];
            state->normal[at] = h;
            op->outputs[0]->data[at] = h * (gamma ? gamma->value[place] : 1.0f) + (beta ? beta->value[place] : 0.0f);
        }
    }
}

void ec_batch_forward_lanes(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_batch_normalization *state = op->state;
    for (int64_t place; (place = ec_team_next(team, ec_axes_places(&state->axes, op->inputs[0]))) >= 0;) {
        find_place_statistics(op, place);
    }
    ec_team_barrier(team);
    for (int64_t lane; (lane = ec_team_next(team, ec_axes_lanes(&state->axes, op->inputs[0]))) >= 0;) {
        normalize_lane(op, lane);
    }
    ec_team_barrier(team);
}

/* Sums over all lanes for one place, and the gradients of gamma and beta; zeros behind the longest text. */
static void find_place_sums(const struct ec_op *op, int64_t place)
{
    const struct ec_batch_normalization *state = op->state;
    struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    int inside = place < ec_axes_places(&state->axes, op->inputs[0]);
    double sum = 0.0, dot = 0.0;
    for (int64_t lane = 0; inside && lane < ec_axes_lanes(&state->axes, op->inputs[0]); lane++) {
        int64_t at = counted_at(op, lane, place);
        if (at >= 0) {
            sum += (double)op->outputs[0]->grad[at];
            dot += (double)op->outputs[0]->grad[at] * (double)state->normal[at];
        }
    }
    state->sums[2 * place] = sum;
    state->sums[2 * place + 1] = dot;
    if (gamma && gamma->trainable) {
        float *d = gamma->gradient.values + place;
        *d = (float)(dot + (op->adds_parameter[0] ? (double)*d : 0.0));
    }
    if (beta && beta->trainable) {
        float *d = beta->gradient.values + place;
        *d = (float)(sum + (op->adds_parameter[gamma ? 1 : 0] ? (double)*d : 0.0));
    }
}

static void lane_gradient(const struct ec_op *op, int64_t lane)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_parameter *gamma = ec_batch_gamma(op);
    for (int64_t place = 0; place < ec_axes_places(&state->axes, in); place++) {
        int64_t at = ec_axes_at(&state->axes, in, lane, place);
        if (at < 0) {
            continue;
        }
        float kept = ec_axes_counts(in, at) ? 1.0f : 0.0f;
        double share = state->seen[place] ? 1.0 / (double)state->seen[place] : 0.0;
        float mean = (float)(state->sums[2 * place] * share), slope = (float)(state->sums[2 * place + 1] * share);
        float d = op->outputs[0]->grad[at] - mean - state->normal[at] * slope;
        d *= state->deviation[place] * (gamma ? gamma->value[place] : 1.0f) * kept;
        in->grad[at] = op->adds_input[0] ? in->grad[at] + d : d;
    }
}

void ec_batch_backward_lanes(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    for (int64_t place; (place = ec_team_next(team, op->parameters[0]->size)) >= 0;) {
        find_place_sums(op, place);
    }
    ec_team_barrier(team);
    for (int64_t lane; in->needs_grad && (lane = ec_team_next(team, ec_axes_lanes(&state->axes, in))) >= 0;) {
        lane_gradient(op, lane);
    }
    ec_team_barrier(team);
}
