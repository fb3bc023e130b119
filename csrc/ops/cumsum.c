/* cumsum: the running sum along one axis, the steps of a text or a dimension of a row. Masked steps add nothing and are
 * zeros.
 *
 *     out[k] = sum over j <= k of in[j]          d_in[k] = sum over j >= k of d_out[j] */
#include "ops/axes.h"

struct state {
    struct ec_axes axes; /* the first: ec_axes_infer_alone */
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    ec_status status = ec_op_plan_like_input(op, step);
    step->work += 8.0 * (double)op->inputs[0]->rows * (double)op->inputs[0]->cols;
    return status == EC_OK ? ec_axes_plan(&((struct state *)op->state)->axes, op, step) : status;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t places = ec_axes_places(axes, in);
    for (int64_t lane; (lane = ec_team_next(team, ec_axes_lanes(axes, in))) >= 0;) {
        double sum = 0.0;
        for (int64_t place = 0; place < places; place++) {
            int64_t at = ec_axes_at(axes, in, lane, place);
            if (at >= 0) {
                sum += ec_axes_counts(in, at) ? (double)in->data[at] : 0.0;
                out->data[at] = ec_axes_counts(in, at) ? (float)sum : 0.0f;
            }
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_axes *axes = &((const struct state *)op->state)->axes;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t lane; (lane = ec_team_next(team, ec_axes_lanes(axes, in))) >= 0;) {
        double sum = 0.0;
        for (int64_t place = ec_axes_places(axes, in) - 1; place >= 0; place--) {
            int64_t at = ec_axes_at(axes, in, lane, place);
            if (at >= 0) {
                int kept = ec_axes_counts(in, at);
                sum += kept ? (double)out->grad[at] : 0.0;
                in->grad[at] = (op->adds_input[0] ? in->grad[at] : 0.0f) + (kept ? (float)sum : 0.0f);
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_cumsum = {
    .name = "cumsum",
    .state_bytes = sizeof(struct state),
    .attributes = ec_axes_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_BY_AXES,
    .infer = ec_axes_infer_alone,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
