/* transpose: the axes in another order; the batch stays the first. The steps move only where their number is known, and
 * then stand among the dimensions of a row before (reshape).
 *
 *     out[i_0, i_1, ...] = in[i at their places]          d_in alike */
#include "ops/full.h"

struct state {
    int order; /* digits to the base 8, the first axis in the lowest: which axis of the input it is */

    /* of the step */
    struct ec_full out;
    int64_t strides[EC_MOST_AXES]; /* in the input, of each axis of the output */
};

static const struct ec_attribute attributes[] = {
    {"order", EC_ATTRIBUTE_INT, offsetof(struct state, order), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static int source_axis(const struct state *state, int axis) { return state->order >> (3 * axis) & 7; }

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_full full = ec_full_shape(in), moved = full;
    int seen = 0, stays = !in->single + (in->steps != EC_NO_STEPS);
    for (int axis = 0; axis < full.axes; axis++) {
        int source = source_axis(state, axis);
        seen |= 1 << source;
        if (source >= full.axes || (axis < stays && source != axis)) {
            seen = 0;
            break;
        }
        moved.sizes[axis] = full.sizes[source];
    }
    if (seen != (1 << full.axes) - 1) {
        return ec_refuse(report, "transpose: order = %d; each of %d axes once, batch and steps where they are",
                         state->order, full.axes);
    }
    ec_full_set(op->outputs[0], in, &moved);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *tensor = op->inputs[0];
    int by_rows = tensor->layout != NULL; /* batch and steps stay */
    struct ec_full in = by_rows ? ec_full_rows(tensor) : ec_full_of(tensor);
    state->out = in;
    for (int axis = 0; axis < in.axes; axis++) {
        int source = by_rows && !axis ? 0 : source_axis(state, axis + by_rows) - by_rows;
        state->out.sizes[axis] = in.sizes[source];
        state->strides[axis] = ec_full_count(&in, source + 1, in.axes);
    }
    ec_status status = ec_op_plan_like_input(op, step);
    step->work += 8.0 * (double)tensor->rows * (double)tensor->cols;
    return status;
}

/* The first value of the input that line `line` of the result reads; a line runs along the last axis. */
static int64_t start_of(const struct state *state, int64_t line)
{
    int64_t at = 0;
    for (int axis = state->out.axes - 2; axis >= 0; axis--) {
        at += line % state->out.sizes[axis] * state->strides[axis];
        line /= state->out.sizes[axis];
    }
    return at;
}

static void run(struct ec_op *op, struct ec_team *team, int back)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int last = state->out.axes - 1;
    int64_t width = state->out.sizes[last], stride = state->strides[last], lines = ec_full_count(&state->out, 0, last);
    int add = back && op->adds_input[0];
    for (struct ec_range part; ec_team_next_range(team, lines, ec_ceil_div(4096, width), &part);) {
        for (int64_t line = part.begin; line < part.end; line++) {
            int64_t at = start_of(state, line);
            for (int64_t i = 0; back && i < width; i++) {
                float d = out->grad[line * width + i];
                in->grad[at + i * stride] = add ? in->grad[at + i * stride] + d : d;
            }
            for (int64_t i = 0; !back && i < width; i++) {
                out->data[line * width + i] = in->data[at + i * stride];
            }
        }
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, team, 0);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, team, 1);
}

const struct ec_op_type ec_op_transpose = {
    .name = "transpose",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
