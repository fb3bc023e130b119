/* activity_penalty: passes its input on and adds to the step's loss the size of it (Keras's activity_regularizer), or
 * instead its sum (add_loss), `added` times:
 *
 *     out = x          penalty = (l1 sum |x| + l2 sum x^2) / B    or added sum x
 *     d_x = d_out + (l1 sign(x) + 2 l2 x) / B       or d_out + added */
#include "ops/op.h"

#include <math.h>
#include <string.h>

struct state {
    double l1, l2, added;
    double *text_penalty; /* [B] */
    double value;
};

static const struct ec_attribute attributes[] = {
    {"l1", EC_ATTRIBUTE_FLOAT, offsetof(struct state, l1), NULL},
    {"l2", EC_ATTRIBUTE_FLOAT, offsetof(struct state, l2), NULL},
    {"added", EC_ATTRIBUTE_FLOAT, offsetof(struct state, added), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    state->value = 0.0;
    state->text_penalty = ec_arena_take(step->arena, ec_tensor_texts(op->inputs[0]), sizeof *state->text_penalty);
    ec_status status = ec_op_plan_like_input(op, step);
    return state->text_penalty ? status : EC_NO_MEMORY;
}

static int64_t first_value(const struct ec_tensor *in, int64_t b) { return ec_tensor_row(in, b) * in->cols; }

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
        int64_t begin = first_value(in, b), end = first_value(in, b + 1);
        double sizes = 0.0, squares = 0.0, sum = 0.0;
        for (int64_t i = begin; i < end; i++) {
            sizes += fabs((double)in->data[i]);
            squares += (double)in->data[i] * in->data[i];
            sum += in->data[i];
        }
        memcpy(op->outputs[0]->data + begin, in->data + begin, (size_t)(end - begin) * sizeof(float));
        state->text_penalty[b] =
            state->added != 0.0 ? state->added * sum * (double)texts : state->l1 * sizes + state->l2 * squares;
    }
    ec_team_barrier(team);
    if (team->index == 0) {
        double sum = 0.0;
        for (int64_t b = 0; b < texts; b++) {
            sum += state->text_penalty[b];
        }
        state->value = sum / (double)texts;
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t texts = ec_tensor_texts(in);
    double scale = op->share * step->penalty_scale;
    float l1 = (float)(scale * state->l1 / (double)texts), twice_l2 = (float)(2.0 * scale * state->l2 / (double)texts);
    float added = (float)(step->penalty_scale * state->added);
    for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
        for (int64_t i = first_value(in, b); in->grad && i < first_value(in, b + 1); i++) {
            float x = in->data[i], slope = twice_l2 * x + (x > 0.0f ? l1 : x < 0.0f ? -l1 : 0.0f);
            float d_out = out->writers ? out->grad[i] : 0.0f;
            slope = state->added != 0.0 ? added : slope;
            in->grad[i] = (op->adds_input[0] ? in->grad[i] : 0.0f) + d_out + slope;
        }
    }
    ec_team_barrier(team);
}

static double penalty_of(const struct ec_op *op) { return op->share * ((const struct state *)op->state)->value; }

static double divisor(const struct ec_op *op)
{
    const struct state *state = op->state;
    return state->added != 0.0 ? (double)NAN : (double)ec_tensor_texts(op->inputs[0]);
}

const struct ec_op_type ec_op_activity_penalty = {
    .name = "activity_penalty",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .starts_gradient = 1,
    .penalty = penalty_of,
    .divisor = divisor,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
