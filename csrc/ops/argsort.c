/* argsort: where the values of one axis stand in the order of their size, as numbers. Equal values keep their order;
 * NaN is larger than all. sort and top_k are made of it and of take, which has the gradient; this has none.
 *
 *     out[.., j, ..] = k, so that in[.., k, ..] is the value number j of its lane
 * A merge sort: lanes are short, and it is stable. */
#include "ops/full.h"

#include <string.h>

struct item {
    float value;
    int32_t place;
};

struct state {
    int axis, descending;

    /* of the step */
    struct ec_layout layout;
    int64_t outer, size, inner; /* [outer, size, inner] */
    int by_rows;                /* an axis behind the steps: what is masked stays so */
    struct item *items;         /* [threads, 2, size] */
};

static const struct ec_attribute attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {"descending", EC_ATTRIBUTE_INT, offsetof(struct state, descending), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    int axes = ec_full_shape(op->inputs[0]).axes;
    if (state->axis < !op->inputs[0]->single || state->axis >= axes) {
        return ec_refuse(report, "argsort: axis = %d of %d; it must be one behind the batch", state->axis, axes);
    }
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    state->by_rows = in->layout && state->axis >= 2;
    struct ec_full full = state->by_rows ? ec_full_rows(in) : ec_full_of(in);
    int place = state->axis - state->by_rows;
    state->outer = ec_full_count(&full, 0, place);
    state->size = full.sizes[place];
    state->inner = ec_full_count(&full, place + 1, full.axes);
    state->items = ec_arena_take(step->arena, 2 * state->size * step->threads, sizeof *state->items);
    step->work += 16.0 * (double)in->rows * (double)in->cols;
    ec_status status = state->by_rows ? ec_op_plan_like_input(op, step) : ec_full_check(op, 0, step);
    if (status == EC_OK && !state->by_rows) {
        status = ec_full_plan(op, full.sizes[0], full.sizes[1], &state->layout, step);
    }
    op->outputs[0]->needs_grad = 0;
    return step->arena->failed ? EC_NO_MEMORY : status;
}

/* Whether b must come before a, which stands before it. */
static int overtakes(struct item b, struct item a, int descending)
{
    struct item small = descending ? a : b, large = descending ? b : a;
    return small.value < large.value || (large.value != large.value && small.value == small.value);
}

/* Sorts n items with as much room beside them; returns where they stand then. */
static const struct item *sorted(struct item *items, int64_t n, int descending)
{
    struct item *from = items, *to = items + n;
    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t begin = 0; begin < n; begin += 2 * run) {
            int64_t middle = begin + run < n ? begin + run : n, end = begin + 2 * run < n ? begin + 2 * run : n;
            int64_t a = begin, b = middle;
            for (int64_t k = begin; k < end; k++) {
                int second = a == middle || (b < end && overtakes(from[b], from[a], descending));
                to[k] = second ? from[b++] : from[a++];
            }
        }
        struct item *other = from;
        from = to;
        to = other;
    }
    return from;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct item *items = state->items + 2 * state->size * team->index;
    for (int64_t lane; (lane = ec_team_next(team, state->outer * state->inner)) >= 0;) {
        int64_t begin = lane / state->inner * state->size * state->inner + lane % state->inner;
        int counts = !state->by_rows || ec_layout_counts(in->layout, begin / in->cols);
        for (int64_t k = 0; k < state->size; k++) {
            items[k] = (struct item){in->data[begin + k * state->inner], (int32_t)k};
        }
        const struct item *found = sorted(items, state->size, state->descending);
        for (int64_t k = 0; k < state->size; k++) {
            op->outputs[0]->data[begin + k * state->inner] = counts ? (float)found[k].place : 0.0f;
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op; /* places have no gradient */
    (void)step;
    (void)team;
}

const struct ec_op_type ec_op_argsort = {
    .name = "argsort",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
