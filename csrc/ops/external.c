/* external: an operation that is computed outside of the core, by whoever made the program (a layer written in Python).
 * The program leaves its parallel region, calls, and goes on: see program/program.c. Here is only what a call needs to
 * be planned: the shape of the output, room for values and gradients. */
#include "ops/op.h"

struct state {
    struct ec_external external;
    int has_steps, cols;
    int length; /* steps; 0: those of the first input, masks included */

    /* of the step */
    struct ec_layout layout;
};

static const struct ec_attribute attributes[] = {
    {"has_steps", EC_ATTRIBUTE_INT, offsetof(struct state, has_steps), NULL},
    {"cols", EC_ATTRIBUTE_INT, offsetof(struct state, cols), NULL},
    {"length", EC_ATTRIBUTE_INT, offsetof(struct state, length), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (state->cols < 1 || state->length < 0) {
        return ec_refuse(report, "external: cols = %d, length = %d; expected cols >= 1, length >= 0", state->cols,
                         state->length);
    }
    if (state->has_steps && !state->length && op->inputs[0]->steps == EC_NO_STEPS) {
        return ec_refuse(report, "external: steps from a tensor without any need a length");
    }
    const int64_t cols = state->cols, steps = state->length ? state->length : op->inputs[0]->steps;
    ec_tensor_set_shape(op->outputs[0], state->has_steps ? steps : EC_NO_STEPS, 1, &cols);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_gradients(op, step);
    out->layout = state->has_steps && !state->length ? op->inputs[0]->layout : NULL;
    if (status == EC_OK && state->has_steps && state->length) {
        status = ec_layout_full(&state->layout, texts, state->length, step->arena);
        out->layout = &state->layout;
    }
    if (status != EC_OK) {
        return status;
    }
    out->rows = out->layout ? out->layout->rows : texts;
    return ec_tensor_take(out, step);
}

const struct ec_op_type ec_op_external = {
    .name = "external",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, 1},
    .parameters = {0, EC_ANY_NUMBER},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameter_ranks = {{1, EC_MAX_RANK}},
    .is_external = 1,
    .infer = infer,
    .plan = plan,
};
