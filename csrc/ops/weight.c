/* weight, cast: what operations of the user's own begin with. weight: a parameter as a tensor of one row in all, to be
 * joined with rows of texts (elementwise, matmul, take). cast: ids as numbers.
 *
 *     weight: out = w, d_w = d_out          cast: out[i] = ids[i], exact below 2^24 */
#include "ops/op.h"

#include <string.h>

static const int64_t block = 4096; /* values that a thread takes at a time */

static ec_status infer_weight(struct ec_op *op, struct ec_report *report)
{
    (void)report;
    op->outputs[0]->single = 1;
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, op->parameters[0]->rank, op->parameters[0]->dims);
    return EC_OK;
}

static ec_status plan_weight(struct ec_op *op, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_gradients(op, step);
    out->layout = NULL;
    out->rows = 1;
    out->data = op->parameters[0]->value; /* the update comes when all have read it */
    out->grad = out->needs_grad ? ec_arena_take(step->arena, out->cols, sizeof(float)) : NULL;
    return step->arena->failed ? EC_NO_MEMORY : status;
}

static void forward_weight(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op; /* the values are those of the parameter */
    (void)step;
    (void)team;
}

static void backward_weight(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    float *gradient = op->parameters[0]->gradient.values;
    const float *d_out = op->outputs[0]->grad;
    for (struct ec_range part; ec_team_next_range(team, op->outputs[0]->cols, block, &part);) {
        if (op->adds_parameter[0]) {
            ec_kernels()->add(gradient + part.begin, d_out + part.begin, part.end - part.begin);
        } else {
            memcpy(gradient + part.begin, d_out + part.begin, (size_t)(part.end - part.begin) * sizeof *d_out);
        }
    }
    ec_team_barrier(team);
}

static ec_status infer_cast(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0];
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] < 0) {
            return ec_refuse(report, "cast: axis %d of a row is open; numbers have rows of known sizes", i);
        }
    }
    return EC_OK;
}

static ec_status plan_cast(struct ec_op *op, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    out->layout = op->inputs[0]->layout;
    out->rows = op->inputs[0]->rows;
    out->needs_grad = 0;
    return ec_tensor_take(out, step);
}

static void forward_cast(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (struct ec_range part; ec_team_next_range(team, in->rows * in->cols, block, &part);) {
        for (int64_t i = part.begin; i < part.end; i++) {
            out->data[i] = (float)in->ids[i];
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_weight = {
    .name = "weight",
    .inputs = {0, 0},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .parameters = {1, 1},
    .parameter_ranks = {{0, EC_MAX_RANK}},
    .infer = infer_weight,
    .plan = plan_weight,
    .forward = forward_weight,
    .backward = backward_weight,
};

const struct ec_op_type ec_op_cast = {
    .name = "cast",
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_IDS, EC_STEPS, {0, EC_MAX_RANK}},
    .infer = infer_cast,
    .plan = plan_cast,
    .forward = forward_cast,
    .backward = forward_weight, /* ids have no gradient */
};
