/* external: an operation that is computed outside of the core, by whoever made the program (a layer written in Python).
 * The program leaves its parallel region, calls, and goes on: see program/program.c. Here is only what a call needs to
 * be planned: the kind and the channels of the output, its steps, room for values and gradients. */
#include "ops/op.h"

struct state {
    struct ec_external external;
    int kind, cols;
    int length; /* steps of a sequence; 0: those of the first input, masks included */

    /* of the step */
    struct ec_layout layout;
};

static const char *const kinds[] = {"flat", "sequence", NULL};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {"cols", EC_ATTRIBUTE_INT, offsetof(struct state, cols), NULL},
    {"length", EC_ATTRIBUTE_INT, offsetof(struct state, length), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    const struct state *state = op->state;
    if (op->input_count < 1 || op->output_count != 1 || state->cols < 1 || state->length < 0) {
        return ec_infer_error(message, bytes,
                              "external: %d inputs, %d outputs, cols = %d, length = %d; expected at least 1 input, 1 "
                              "output, cols >= 1, length >= 0",
                              op->input_count, op->output_count, state->cols, state->length);
    }
    for (int i = 0; i < op->input_count; i++) {
        ec_status status = ec_infer_floats(op, i, message, bytes);
        if (status != EC_OK) {
            return status;
        }
    }
    if (state->kind && !state->length && op->inputs[0]->kind != EC_SEQUENCE) {
        return ec_infer_error(message, bytes, "external: a sequence from a flat tensor needs a length");
    }
    op->outputs[0]->kind = state->kind ? EC_SEQUENCE : EC_FLAT;
    op->outputs[0]->cols = state->cols;
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_gradients(op, step);
    out->layout = state->kind && !state->length ? op->inputs[0]->layout : NULL;
    if (status == EC_OK && state->kind && state->length) {
        status = ec_layout_full(&state->layout, step->batch, state->length, step->arena);
        out->layout = &state->layout;
    }
    if (status != EC_OK) {
        return status;
    }
    out->rows = out->layout ? out->layout->rows : step->batch;
    return ec_tensor_take(out, step);
}

const struct ec_op_type ec_op_external = {
    .name = "external",
    .is_external = 1,
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
};
