/* batch_normalization of images: sums over all pixels, then one pass that scales them, forward and back.
 *
 *     forward: y = (x - mean) gamma deviation + beta
 *     backward: a = gamma deviation, d_x = a d_y - (x - mean) a deviation d_gamma / n - a d_beta / n
 *               d_gamma = deviation sum of d_y (x - mean), d_beta = sum of d_y */
#include "ops/batch_normalization.h"

/* Rows of pixels.factors. */
enum {
    CENTER,
    SCALE,
    OFFSET,
    OTHER_SCALE
};

static float *factor_of(const struct ec_batch_normalization *state, int which)
{
    return state->pixels.factors + which * state->pixels.channels;
}

static void find_statistics(const struct ec_op *op)
{
    struct ec_batch_normalization *state = op->state;
    for (int64_t c = 0; c < state->pixels.channels; c++) {
        double n = (double)state->counted, apart = state->sums[c] / n;
        double variance = state->sums[state->pixels.channels + c] / n - apart * apart;
        variance = variance < 0.0 ? 0.0 : variance; /* NaN stays */
        state->mean[c] = (double)factor_of(state, CENTER)[c] + apart;
        state->deviation[c] = (float)(1.0 / sqrt(variance + state->epsilon));
        ec_batch_move(op, c, state->mean[c], variance);
    }
}

static void find_factors(const struct ec_op *op)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    for (int64_t c = 0; c < state->pixels.channels; c++) {
        factor_of(state, CENTER)[c] = (float)state->mean[c];
        factor_of(state, SCALE)[c] = state->deviation[c] * (gamma ? gamma->value[c] : 1.0f);
        factor_of(state, OFFSET)[c] = beta ? beta->value[c] : 0.0f;
    }
}

void ec_batch_forward_pixels(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (state->own_statistics) {
        ec_pixels_center(&state->pixels, team, factor_of(state, CENTER), in->data);
        ec_pixels_sum(&state->pixels, team, state->sums, in->data, factor_of(state, CENTER), NULL);
    }
    while (ec_team_next(team, 1) >= 0) {
        if (state->own_statistics) {
            find_statistics(op);
        } else {
            ec_batch_take_moving(op, 0, state->pixels.channels);
        }
        find_factors(op);
    }
    ec_team_barrier(team);
    ec_pixels_scale(&state->pixels, team, op->outputs[0]->data, 0, in->data, factor_of(state, CENTER),
                    factor_of(state, SCALE), factor_of(state, OFFSET), NULL, NULL);
}

static void give(const struct ec_parameter *parameter, int adds, int64_t c, double value)
{
    if (parameter && parameter->trainable) {
        float *d = parameter->gradient.values + c;
        *d = (float)(value + (adds ? (double)*d : 0.0));
    }
}

static void find_gradients(const struct ec_op *op)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_parameter *gamma = ec_batch_gamma(op), *beta = ec_batch_beta(op);
    double share = state->own_statistics ? 1.0 / (double)state->counted : 0.0;
    for (int64_t c = 0; c < state->pixels.channels; c++) {
        double deviation = (double)state->deviation[c];
        double d_beta = state->sums[c], d_gamma = deviation * state->sums[state->pixels.channels + c];
        double factor = deviation * (gamma ? (double)gamma->value[c] : 1.0);
        give(gamma, op->adds_parameter[0], c, d_gamma);
        give(beta, op->adds_parameter[gamma ? 1 : 0], c, d_beta);
        factor_of(state, SCALE)[c] = (float)(-factor * deviation * d_gamma * share);
        factor_of(state, OFFSET)[c] = (float)(-factor * d_beta * share);
        factor_of(state, OTHER_SCALE)[c] = (float)factor;
    }
}

void ec_batch_backward_pixels(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_batch_normalization *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    ec_pixels_sum(&state->pixels, team, state->sums, in->data, factor_of(state, CENTER), out->grad);
    while (ec_team_next(team, 1) >= 0) {
        find_gradients(op);
    }
    ec_team_barrier(team);
    if (in->needs_grad) {
        ec_pixels_scale(&state->pixels, team, in->grad, op->adds_input[0], in->data, factor_of(state, CENTER),
                        factor_of(state, SCALE), factor_of(state, OFFSET), out->grad, factor_of(state, OTHER_SCALE));
    }
}
