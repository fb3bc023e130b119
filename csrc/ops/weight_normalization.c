/* weight_normalization: what a dense or convolution layer with kernel v and no bias gave, as though its kernel were
 * g v / |v| (Salimans and Kingma 2016): each output channel f is scaled by s[f] = g[f] / |v[..., f]|, then the bias
 * added. As the layers are linear in their kernels, no second kernel is made.
 *
 *     y[r, f] = x[r, f] s[f] + bias[f]          d_x = d_y s, d_bias = sum of d_y, d_s[f] = sum over r of d_y x
 *     d_g = d_s / |v|, and to the gradient that v gets through x: d_v += -d_s g v / |v|^3 */
#include "ops/op.h"

#include <math.h>

struct state {
    float *scale;    /* of the step: [F] s */
    double *inverse; /* [F] 1 / |v| */
};

/* Parameters: g [F], v [..., F], and the bias [F] or none. */
static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const int64_t channels = op->inputs[0]->channels;
    const int64_t dims[] = {-1, -1, channels};
    int rank = op->parameters[1]->rank;
    ec_status status = ec_infer_parameter_of_rank(op, 1, rank, dims + 3 - rank, report);
    for (int i = 0; status == EC_OK && i < op->parameter_count; i += 2) {
        status = ec_infer_parameter(op, i, &channels, report);
    }
    return status;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    int64_t cols = op->inputs[0]->channels;
    state->scale = ec_arena_take(step->arena, cols, sizeof *state->scale);
    state->inverse = ec_arena_take(step->arena, cols, sizeof *state->inverse);
    step->work += 4.0 * (double)ec_tensor_vectors(op->inputs[0]) * (double)cols + 2.0 * (double)op->parameters[1]->size;
    return state->scale && state->inverse ? ec_op_plan_like_input(op, step) : EC_NO_MEMORY;
}

enum {
    CHANNELS = 16 /* of a tile: a cache line */
};

static void find_scale(const struct ec_op *op, int64_t begin, int64_t n)
{
    const struct state *state = op->state;
    const struct ec_parameter *g = op->parameters[0], *v = op->parameters[1];
    int64_t cols = op->inputs[0]->channels;
    double squares[CHANNELS] = {0.0};
    for (int64_t place = begin; place < v->size; place += cols) {
        for (int64_t c = 0; c < n; c++) {
            squares[c] += (double)v->value[place + c] * (double)v->value[place + c];
        }
    }
    for (int64_t c = 0; c < n; c++) {
        double norm = sqrt(squares[c]);
        state->inverse[begin + c] = norm > 1e-12 ? 1.0 / norm : norm == norm ? 0.0 : NAN;
        state->scale[begin + c] = (float)((double)g->value[begin + c] * state->inverse[begin + c]);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (struct ec_range tile; ec_team_next_range(team, in->channels, CHANNELS, &tile);) {
        find_scale(op, tile.begin, tile.end - tile.begin);
    }
    ec_team_barrier(team);
    for (int64_t row; (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        float *y = out->data + row * in->channels;
        ec_kernels()->multiply(y, in->data + row * in->channels, state->scale, in->channels);
        if (op->parameter_count == 3) {
            ec_kernels()->add(y, op->parameters[2]->value, in->channels);
        }
    }
    ec_team_barrier(team);
}

/* Sums over all rows in their order, then the gradients of the channels [begin, begin + n). */
static void parameter_gradients(const struct ec_op *op, int64_t begin, int64_t n)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    struct ec_parameter *g = op->parameters[0], *v = op->parameters[1];
    struct ec_parameter *bias = op->parameter_count == 3 ? op->parameters[2] : NULL;
    double d_scale[CHANNELS] = {0.0}, d_bias[CHANNELS] = {0.0};
    for (int64_t row = 0; row < ec_tensor_vectors(out); row++) {
        for (int64_t c = 0; c < n; c++) {
            double d_y = (double)out->grad[row * out->channels + begin + c];
            d_bias[c] += d_y;
            d_scale[c] += d_y * (double)in->data[row * out->channels + begin + c];
        }
    }
    for (int64_t c = 0; c < n; c++) {
        double inverse = state->inverse[begin + c];
        if (g->trainable) {
            float *d = g->gradient.values + begin + c;
            *d = (float)(d_scale[c] * inverse + (op->adds_parameter[0] ? (double)*d : 0.0));
        }
        if (bias && bias->trainable) {
            float *d = bias->gradient.values + begin + c;
            *d = (float)(d_bias[c] + (op->adds_parameter[2] ? (double)*d : 0.0));
        }
        double factor = -d_scale[c] * (double)g->value[begin + c] * inverse * inverse * inverse;
        for (int64_t place = begin + c; v->trainable && place < v->size; place += out->channels) {
            double d = factor * (double)v->value[place];
            v->gradient.values[place] = (float)(d + (op->adds_parameter[1] ? (double)v->gradient.values[place] : 0.0));
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (struct ec_range tile; ec_team_next_range(team, in->channels, CHANNELS, &tile);) {
        parameter_gradients(op, tile.begin, tile.end - tile.begin);
    }
    for (int64_t row; in->needs_grad && (row = ec_team_next(team, ec_tensor_vectors(in))) >= 0;) {
        const float *d_y = out->grad + row * in->channels;
        float *d_x = in->grad + row * in->channels;
        for (int64_t c = 0; c < in->channels; c++) {
            d_x[c] = d_y[c] * state->scale[c] + (op->adds_input[0] ? d_x[c] : 0.0f);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_weight_normalization = {
    .name = "weight_normalization",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameters = {2, 3},
    .parameter_ranks = {{1, 1}, {2, 3}, {1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
