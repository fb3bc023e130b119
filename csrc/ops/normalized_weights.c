/* normalized_weights: kernel and bias of a dense or convolution layer with the batch normalisation behind it, as
 * inference has it, so that no operation goes over the layer's output once more. It reads no tensor and makes none: it
 * writes the last two of its parameters, which the layer's operation reads as its own. Made anew in each run, a pass
 * over the kernel: the weights are always those of now.
 *
 *     s[f] = gamma[f] / sqrt(variance[f] + epsilon)
 *     new kernel[..., f, i] = kernel[..., f, i] s[f], new bias[f] = (bias[f] - mean[f]) s[f] + beta[f]
 *
 * i counts `inner` values behind a channel (1, but for a transposed convolution, whose kernel ends with the channels
 * that it reads). */
#include "ops/op.h"

#include <math.h>

enum {
    BLOCK = 4096 /* values of the kernel that a thread writes at a time, roughly */
};

struct state {
    int bias, scale, center; /* whether there are such parameters */
    double epsilon;
    int64_t inner;

    /* of the step */
    float *factor; /* [inner F] s of each value of a row of the kernel */
};

static const struct state defaults = {.scale = 1, .center = 1, .epsilon = 1e-3, .inner = 1};
static const struct ec_attribute attributes[] = {
    {"bias", EC_ATTRIBUTE_INT, offsetof(struct state, bias), NULL},
    {"scale", EC_ATTRIBUTE_INT, offsetof(struct state, scale), NULL},
    {"center", EC_ATTRIBUTE_INT, offsetof(struct state, center), NULL},
    {"epsilon", EC_ATTRIBUTE_FLOAT, offsetof(struct state, epsilon), NULL},
    {"inner", EC_ATTRIBUTE_COUNT, offsetof(struct state, inner), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* Parameters: kernel, (bias), (gamma), (beta), moving mean, moving variance, new kernel, new bias. */
struct weights {
    struct ec_parameter *kernel, *bias, *gamma, *beta, *mean, *variance, *new_kernel, *new_bias;
};

static struct weights weights_of(const struct ec_op *op)
{
    const struct state *state = op->state;
    struct ec_parameter **at = op->parameters;
    struct weights weights = {.kernel = *at++};
    weights.bias = state->bias ? *at++ : NULL;
    weights.gamma = state->scale ? *at++ : NULL;
    weights.beta = state->center ? *at++ : NULL;
    weights.mean = *at++;
    weights.variance = *at++;
    weights.new_kernel = *at++;
    weights.new_bias = *at;
    return weights;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    int count = 5 + (state->bias != 0) + (state->scale != 0) + (state->center != 0);
    if (op->parameter_count != count) {
        return ec_refuse(report, "normalized_weights: %d parameters; expected %d", op->parameter_count, count);
    }
    const struct weights weights = weights_of(op);
    int64_t channels = weights.mean->size, row;
    ec_status status = EC_OK;
    for (int i = 1; status == EC_OK && i < count; i++) {
        status = i == count - 2 ? ec_infer_parameter_of_rank(op, i, weights.kernel->rank, weights.kernel->dims, report)
                                : ec_infer_parameter_of_rank(op, i, 1, &channels, report);
    }
    if (status == EC_OK && (state->inner < 1 || __builtin_mul_overflow(state->inner, channels, &row) ||
                            weights.kernel->size % row || !(state->epsilon > 0.0))) {
        status =
            ec_refuse(report,
                      "normalized_weights: inner = %lld, epsilon = %g; both must be > 0, and a kernel of %lld "
                      "values whole rows of inner for each of %lld channels",
                      (long long)state->inner, state->epsilon, (long long)weights.kernel->size, (long long)channels);
    }
    if (status == EC_OK) {
        weights.new_kernel->is_state = weights.new_bias->is_state = 1;
    }
    return status;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct weights weights = weights_of(op);
    state->factor = ec_arena_take(step->arena, state->inner * weights.mean->size, sizeof *state->factor);
    step->work += (double)weights.kernel->size;
    return state->factor ? EC_OK : EC_NO_MEMORY;
}

static void find_factors(const struct ec_op *op)
{
    const struct state *state = op->state;
    const struct weights weights = weights_of(op);
    for (int64_t f = 0; f < weights.mean->size; f++) {
        double factor = (weights.gamma ? (double)weights.gamma->value[f] : 1.0) /
                        sqrt((double)weights.variance->value[f] + state->epsilon);
        double before = (weights.bias ? (double)weights.bias->value[f] : 0.0) - (double)weights.mean->value[f];
        weights.new_bias->value[f] = (float)(before * factor + (weights.beta ? (double)weights.beta->value[f] : 0.0));
        ec_kernels()->fill(state->factor + f * state->inner, (float)factor, state->inner);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct weights weights = weights_of(op);
    while (ec_team_next(team, 1) >= 0) {
        find_factors(op);
    }
    ec_team_barrier(team);
    int64_t row = state->inner * weights.mean->size, block = ec_most(1, BLOCK / row);
    for (struct ec_range rows; ec_team_next_range(team, weights.kernel->size / row, block, &rows);) {
        for (int64_t at = rows.begin * row; at < rows.end * row; at += row) {
            ec_kernels()->multiply(weights.new_kernel->value + at, weights.kernel->value + at, state->factor, row);
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op; /* it stands in inference, where no weight learns */
    (void)step;
    (void)team;
}

const struct ec_op_type ec_op_normalized_weights = {
    .name = "normalized_weights",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {0, 0},
    .outputs = {0, 0},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .parameters = {5, 8},
    .parameter_ranks = {{1, EC_MAX_RANK}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
