/* noise: normally distributed noise in training, added (Keras's GaussianNoise) or multiplied (GaussianDropout,
 * Srivastava and others 2014). The numbers are a function of (seed, step, layer, example, position in the text,
 * channel), as dropout's, and computed again in the backward.
 *
 *     add: y = x + deviation n, d_x = d_y          multiply: y = x (1 + deviation n), d_x = d_y (1 + deviation n)
 *     n = sqrt(-2 log(u)) cos(2 pi v), and sin for the next channel, with u, v uniform in (0, 1) (Box and Muller 1958)
 */
#include "ops/op.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

struct state {
    double deviation;
    int layer;
    int multiply;
    int always; /* in inference too */
};

static const struct ec_attribute attributes[] = {
    {"deviation", EC_ATTRIBUTE_FLOAT, offsetof(struct state, deviation), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {"multiply", EC_ATTRIBUTE_INT, offsetof(struct state, multiply), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (!(state->deviation >= 0.0 && isfinite(state->deviation))) {
        return ec_refuse(report, "noise: deviation = %g; it must be a finite number >= 0", state->deviation);
    }
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    step->work += 50.0 * (double)op->inputs[0]->rows * (double)op->inputs[0]->cols;
    return ec_op_plan_like_input(op, step);
}

/* Two numbers, for the columns 2 pair and 2 pair + 1. u is never 0. */
static void normal_pair(float numbers[2], uint64_t key, int64_t pair)
{
    float u = ((float)(ec_random_u32(key, (uint32_t)(2 * pair)) >> 8) + 0.5f) / 16777216.0f;
    float angle = (float)ec_random_u32(key, (uint32_t)(2 * pair + 1)) * (6.2831853f / 4294967296.0f);
    float radius = sqrtf(-2.0f * logf(u));
    numbers[0] = radius * cosf(angle);
    numbers[1] = radius * sinf(angle);
}

/* The rows of text b, with their keys: out (+)= in changed by the noise. */
static void change_text(const struct ec_op *op, const struct ec_step *step, int64_t b, float *out, const float *in,
                        int add, int back)
{
    const struct state *state = op->state;
    const struct ec_tensor *tensor = op->inputs[0];
    int64_t cols = tensor->cols;
    int64_t begin = ec_tensor_row(tensor, b);
    int64_t end = ec_tensor_row(tensor, b + 1);
    uint64_t key = ec_random_key(ec_random_key(step->key, (uint64_t)state->layer), (uint64_t)b);
    int silent = (!step->training && !state->always) || (back && !state->multiply);
    for (int64_t row = begin; row < end; row++) {
        uint64_t row_key = ec_random_key(key, (uint64_t)(row - begin));
        float numbers[2] = {0.0f, 0.0f};
        for (int64_t c = 0; c < cols; c++) {
            if (!silent && c % 2 == 0) {
                normal_pair(numbers, row_key, c / 2);
            }
            float x = in[row * cols + c], noise = (float)state->deviation * numbers[c % 2];
            float y = x + (state->multiply ? x * noise : noise);
            out[row * cols + c] = add ? out[row * cols + c] + y : y;
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        change_text(op, step, b, op->outputs[0]->data, op->inputs[0]->data, 0, 0);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        change_text(op, step, b, op->inputs[0]->grad, op->outputs[0]->grad, op->adds_input[0], 1);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_noise = {
    .name = "noise",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .is_random = 1,
    .only_trains = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
