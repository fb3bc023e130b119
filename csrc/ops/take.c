/* take: values at indices, which are numbers of another tensor. Negative ones count from the end; one outside gives
 * NaN, so that it shows, and no gradient.
 *
 *     indices of one row in all, along an axis:   out[.., j .., ..] = in[.., index[j ..], ..]
 *     a single row and an index for each value:   out[b, t, j .., ..] = in[index[b, t, j ..], ..], rows of a table
 *     `along`:                                    out[.., j, i ..] = in[.., index[.., j, i ..], i ..]
 *     d_in: the sums of d_out over the places that read a value */
#include "ops/full.h"

#include <math.h>
#include <string.h>

struct state {
    int axis, along;

    /* of infer */
    int of_table; /* the second form */

    /* of the step */
    struct ec_layout layout;
    int64_t outer, size, count, inner; /* [outer, size, inner] becomes [outer, count, inner] */
};

static const struct ec_attribute attributes[] = {
    {"axis", EC_ATTRIBUTE_INT, offsetof(struct state, axis), NULL},
    {"along", EC_ATTRIBUTE_INT, offsetof(struct state, along), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status refuse(const struct state *state, struct ec_report *report)
{
    return ec_refuse(report,
                     "take: axis = %d, along = %d; the axis must be one behind the batch, indices a single row (or a "
                     "table's, axis 0), along an axis of tensors that agree in all others",
                     state->axis, state->along);
}

static ec_status infer_table(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0], *index = op->inputs[1];
    struct ec_tensor *out = op->outputs[0];
    int64_t dims[2 * EC_MAX_RANK];
    int rank = index->rank + in->rank - 1;
    if (((const struct state *)op->state)->axis || in->rank < 1 || rank > EC_MAX_RANK) {
        return refuse(op->state, report);
    }
    memcpy(dims, index->dims, (size_t)index->rank * sizeof *dims);
    memcpy(dims + index->rank, in->dims + 1, (size_t)(in->rank - 1) * sizeof *dims);
    ec_tensor_set_shape(out, index->steps, rank, dims);
    out->single = 0;
    return EC_OK;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *index = op->inputs[1];
    state->of_table = in->single && !index->single;
    if (state->of_table) {
        return state->along ? refuse(state, report) : infer_table(op, report);
    }
    if (!state->along && !index->single) {
        return refuse(state, report);
    }
    struct ec_full full = ec_full_shape(in), by = ec_full_shape(index), made = full;
    int first = !in->single + (!state->along && in->steps != EC_NO_STEPS); /* an axis that may be chosen */
    if (state->axis < first || state->axis >= full.axes || (!state->along && full.axes + by.axes - 1 > EC_MOST_AXES)) {
        return refuse(state, report);
    }
    if (state->along) {
        made.sizes[state->axis] = by.sizes[state->axis];
        if (in->steps == EC_NO_STEPS && made.sizes[state->axis] < 0) {
            return refuse(state, report); /* open steps would become a size of a row */
        }
        for (int axis = 0; axis < full.axes; axis++) {
            if (by.axes != full.axes || in->single != index->single || by.sizes[axis] != made.sizes[axis]) {
                return refuse(state, report);
            }
        }
    } else {
        made.axes = full.axes + by.axes - 1;
        for (int axis = 0; axis < by.axes; axis++) {
            made.sizes[state->axis + axis] = by.sizes[axis];
        }
        for (int axis = state->axis + 1; axis < full.axes; axis++) {
            made.sizes[axis + by.axes - 1] = full.sizes[axis];
        }
    }
    if (made.axes - first > EC_MAX_RANK) {
        return refuse(state, report);
    }
    ec_full_set(op->outputs[0], in, &made);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *index = op->inputs[1];
    struct ec_tensor *out = op->outputs[0];
    struct ec_full full = ec_full_of(in), by = ec_full_of(index);
    state->outer = ec_full_count(&full, 0, state->axis);
    state->size = full.sizes[state->axis];
    state->inner = ec_full_count(&full, state->axis + 1, full.axes);
    if (state->of_table) {
        state->count = index->rows * index->cols;
        out->layout = index->layout;
        out->rows = index->rows;
        ec_status status = ec_op_plan_gradients(op, step);
        return status == EC_OK ? ec_tensor_take(out, step) : status;
    }
    state->count = state->along ? by.sizes[state->axis] : index->cols;
    int alike = !state->along || (index->layout && in->layout && ec_layout_same(in->layout, index->layout));
    if (in->layout && state->axis >= 2 && alike) { /* each row's own: what is masked stays so */
        full = ec_full_rows(in);
        state->outer = ec_full_count(&full, 0, state->axis - 1);
        return ec_op_plan_like_input(op, step);
    }
    ec_status status = ec_full_check(op, 0, step);
    status = status == EC_OK ? ec_full_check(op, 1, step) : status;
    if (status == EC_OK && !in->single && state->axis > 1 && full.sizes[1] != by.sizes[1]) { /* steps may be open */
        status = ec_refuse(&step->report, "take: indices along axis %d for %lld steps; the sequences have %lld",
                           state->axis, (long long)by.sizes[1], (long long)full.sizes[1]);
    }
    int64_t width = state->along && state->axis == 1 ? by.sizes[1] : full.sizes[1];
    return status == EC_OK ? ec_full_plan(op, full.sizes[0], width, &state->layout, step) : status;
}

/* Which place of the axis an index means; -1 for one outside. */
static int64_t place_of(const struct state *state, float index)
{
    double place = index < 0.0f ? (double)index + (double)state->size : (double)index;
    return place >= 0.0 && place < (double)state->size ? (int64_t)place : -1;
}

/* Line j of outer number o of the result. */
static void forward_line(const struct ec_op *op, int64_t o, int64_t j)
{
    const struct state *state = op->state;
    const float *x = op->inputs[0]->data + o * state->size * state->inner, *index = op->inputs[1]->data;
    float *y = op->outputs[0]->data + (o * state->count + j) * state->inner;
    for (int64_t i = 0; state->along && i < state->inner; i++) {
        int64_t place = place_of(state, index[(o * state->count + j) * state->inner + i]);
        y[i] = place < 0 ? NAN : x[place * state->inner + i];
    }
    if (state->along) {
        return;
    }
    int64_t place = place_of(state, index[j]);
    if (place < 0) {
        ec_kernels()->fill(y, NAN, state->inner);
    } else {
        memcpy(y, x + place * state->inner, (size_t)state->inner * sizeof *y);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    for (struct ec_range part;
         ec_team_next_range(team, state->outer * state->count, ec_ceil_div(4096, state->inner), &part);) {
        for (int64_t line = part.begin; line < part.end; line++) {
            forward_line(op, line / state->count, line % state->count);
        }
    }
    ec_team_barrier(team);
}

/* Adds what reads values [begin, end) behind each place, in outer number o. */
static void add_lines(const struct ec_op *op, int64_t o, struct ec_range inner)
{
    const struct state *state = op->state;
    float *d_x = op->inputs[0]->grad + o * state->size * state->inner;
    const float *index = op->inputs[1]->data;
    for (int64_t j = 0; j < state->count; j++) {
        const float *d_y = op->outputs[0]->grad + (o * state->count + j) * state->inner;
        for (int64_t i = inner.begin; state->along && i < inner.end; i++) {
            int64_t place = place_of(state, index[(o * state->count + j) * state->inner + i]);
            if (place >= 0) {
                d_x[place * state->inner + i] += d_y[i];
            }
        }
        int64_t place = state->along ? -1 : place_of(state, index[j]);
        if (place >= 0) {
            ec_kernels()->add(d_x + place * state->inner + inner.begin, d_y + inner.begin, inner.end - inner.begin);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *index = op->inputs[1];
    const int64_t columns = 32;
    if (index->needs_grad && !op->adds_input[1]) { /* an index has no gradient */
        for (struct ec_range part; ec_team_next_range(team, index->rows * index->cols, 4096, &part);) {
            memset(index->grad + part.begin, 0, (size_t)(part.end - part.begin) * sizeof(float));
        }
        ec_team_barrier(team);
    }
    int64_t parts = ec_ceil_div(state->inner, columns);
    for (int64_t task; in->needs_grad && (task = ec_team_next(team, state->outer * parts)) >= 0;) {
        int64_t o = task / parts;
        struct ec_range inner = ec_range_from(task % parts * columns, columns, state->inner);
        for (int64_t place = 0; !op->adds_input[0] && place < state->size; place++) {
            memset(in->grad + (o * state->size + place) * state->inner + inner.begin, 0,
                   (size_t)(inner.end - inner.begin) * sizeof(float));
        }
        add_lines(op, o, inner);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_take = {
    .name = "take",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .joins_single = 1,
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
