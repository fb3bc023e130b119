/* slice, pad, stretch: along one axis, each place of the result holds what stands at one place of the input, or a
 * constant. slice: as Python's start:stop:step; pad: with values before and behind; stretch: each value several times.
 * The batch stays as it is.
 *
 *     out[..., j, ...] = in[..., k(j), ...]          d_in[..., k, ...] = sum over j with k(j) = k of d_out[..., j, ...]
 */
#include "ops/full.h"

#include <string.h>

enum {
    TO_END = 1 << 20 /* a stop behind, or a start before, what any axis has */
};

struct state {
    int axis;
    int start, stop, step; /* slice */
    int before, behind;    /* pad */
    double value;          /* pad */
    int times;             /* stretch */

    /* of the step */
    struct ec_layout layout;
    struct ec_full in, out;
    int place;     /* of the axis among theirs: rows are one axis where it stands behind the steps */
    int64_t first; /* slice: k(0) */
};

static const struct state defaults = {.stop = TO_END, .step = 1, .times = 1};
static const struct ec_attribute slice_attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {"start", EC_ATTRIBUTE_INT, offsetof(struct state, start), NULL},
    {"stop", EC_ATTRIBUTE_INT, offsetof(struct state, stop), NULL},
    {"step", EC_ATTRIBUTE_INT, offsetof(struct state, step), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute pad_attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {"before", EC_ATTRIBUTE_INT, offsetof(struct state, before), NULL},
    {"behind", EC_ATTRIBUTE_INT, offsetof(struct state, behind), NULL},
    {"value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, value), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute stretch_attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {"times", EC_ATTRIBUTE_INT, offsetof(struct state, times), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* How many places a slice has of an axis of n, and the first, as Python counts. */
static int64_t sliced(const struct state *state, int64_t n, int64_t *first)
{
    int64_t back = state->step < 0, start = state->start, stop = state->stop;
    int64_t least = back ? -1 : 0, most = back ? n - 1 : n;
    start = clamp(start < 0 && start > -TO_END ? start + n : start, least, most);
    stop = clamp(stop < 0 && stop > -TO_END ? stop + n : stop, least, most);
    int64_t span = back ? start - stop : stop - start, step = back ? -state->step : state->step;
    *first = start;
    return span > 0 ? (span + step - 1) / step : 0;
}

/* The size of the axis in the result; -1 stays unknown. */
static int64_t size_of(const struct ec_op *op, int64_t n, int64_t *first)
{
    const struct state *state = op->state;
    *first = 0;
    if (n < 0) {
        return -1;
    }
    return op->type == &ec_op_slice ? sliced(state, n, first) : (n + state->before + state->behind) * state->times;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    struct ec_full full = ec_full_shape(op->inputs[0]);
    int64_t first;
    if (state->axis < !op->inputs[0]->single || state->axis >= full.axes || state->step == 0 || state->before < 0 ||
        state->behind < 0 || state->times < 1) {
        return ec_refuse(report, "%s: axis = %d of %d; an axis behind the batch, steps not 0, sizes not below 0",
                         op->type->name, state->axis, full.axes);
    }
    full.sizes[state->axis] = size_of(op, full.sizes[state->axis], &first);
    if (full.sizes[state->axis] == 0 || full.sizes[state->axis] > INT32_MAX) {
        return ec_refuse(report, "%s: axis %d would have %lld places", op->type->name, state->axis,
                         (long long)full.sizes[state->axis]);
    }
    ec_full_set(op->outputs[0], op->inputs[0], &full);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int by_rows = in->layout && state->axis >= 2;
    ec_status status = by_rows ? EC_OK : ec_full_check(op, 0, step);
    if (status != EC_OK) {
        return status;
    }
    state->place = state->axis - by_rows;
    state->in = state->out = by_rows ? ec_full_rows(in) : ec_full_of(in);
    state->out.sizes[state->place] = size_of(op, state->in.sizes[state->place], &state->first);
    if (state->out.sizes[state->place] == 0) {
        return ec_refuse(&step->report, "%s: nothing is left of the %lld steps", op->type->name,
                         (long long)state->in.sizes[state->place]);
    }
    return by_rows ? ec_op_plan_like_input(op, step)
                   : ec_full_plan(op, state->out.sizes[0], state->out.sizes[1], &state->layout, step);
}

/* k(j), -1: the constant. */
static int64_t source_of(const struct ec_op *op, int64_t j)
{
    const struct state *state = op->state;
    if (op->type == &ec_op_slice) {
        return state->first + j * state->step;
    }
    int64_t k = j / state->times - state->before;
    return k >= 0 && k < state->in.sizes[state->place] ? k : -1;
}

/* The lines [begin, end) of the result: a line is what stands behind one place of the axis. */
static void forward_lines(const struct ec_op *op, struct ec_range lines, int64_t width)
{
    const struct state *state = op->state;
    int64_t size = state->out.sizes[state->place], own = state->in.sizes[state->place];
    for (int64_t line = lines.begin; line < lines.end; line++) {
        int64_t k = source_of(op, line % size);
        float *y = op->outputs[0]->data + line * width;
        if (k < 0) {
            ec_kernels()->fill(y, (float)state->value, width);
        } else {
            memcpy(y, op->inputs[0]->data + (line / size * own + k) * width, (size_t)width * sizeof *y);
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t width = ec_full_count(&state->out, state->place + 1, state->out.axes);
    int64_t lines = ec_full_count(&state->out, 0, state->place + 1);
    for (struct ec_range part; ec_team_next_range(team, lines, ec_ceil_div(4096, width), &part);) {
        forward_lines(op, part, width);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t width = ec_full_count(&state->out, state->place + 1, state->out.axes);
    int64_t size = state->out.sizes[state->place], own = state->in.sizes[state->place];
    for (int64_t outer; (outer = ec_team_next(team, ec_full_count(&state->out, 0, state->place))) >= 0;) {
        float *d_x = op->inputs[0]->grad + outer * own * width;
        if (!op->adds_input[0]) {
            memset(d_x, 0, (size_t)(own * width) * sizeof *d_x);
        }
        for (int64_t j = 0; j < size; j++) {
            int64_t k = source_of(op, j);
            if (k >= 0) {
                ec_kernels()->add(d_x + k * width, op->outputs[0]->grad + (outer * size + j) * width, width);
            }
        }
    }
    ec_team_barrier(team);
}

#define ALONG_AXIS(kind)                                                                                               \
    const struct ec_op_type ec_op_##kind = {                                                                           \
        .name = #kind,                                                                                                 \
        .state_bytes = sizeof(struct state),                                                                           \
        .defaults = &defaults,                                                                                         \
        .attributes = kind##_attributes,                                                                               \
        .inputs = {1, 1},                                                                                              \
        .outputs = {1, 1},                                                                                             \
        .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},                                                      \
        .mixing = EC_MIXES_STEPS,                                                                                      \
        .infer = infer,                                                                                                \
        .plan = plan,                                                                                                  \
        .forward = forward,                                                                                            \
        .backward = backward,                                                                                          \
    };
ALONG_AXIS(slice)
ALONG_AXIS(pad)
ALONG_AXIS(stretch)
