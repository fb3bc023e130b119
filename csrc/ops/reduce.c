/* reduce: sum, mean, max, min along chosen axes, argmax and argmin: the batch, the steps of a text, dimensions of a
 * row. Masked steps take no part; where nothing does the result is 0, without a gradient. Over the batch one row is
 * left.
 *
 *     sum: d_in = d_out     mean: d_in = d_out / n     max, min: d_out goes to the first value that has it, NaN first
 * A group is what shares a result: a row, or the rows of a text. Over the batch the groups' results are reduced again,
 * in their order, so the bits do not depend on the team. */
#include "ops/op.h"

#include <string.h>

enum kind {
    SUM,
    MEAN,
    MAX,
    MIN,
    ARGMAX,
    ARGMIN
};

struct state {
    int kind, batch, steps;
    int dims; /* bit k: dimension k of a row */

    /* of the step */
    int64_t inside_count, outside_count; /* values of a row that share a result, and results of a row */
    int64_t *inside, *outside;           /* where in a row these stand */
    int64_t groups, *counts;             /* [groups] rows that count */
    float *parts;    /* [groups x outside] results of groups; the output itself, but over the batch */
    int64_t *at;     /* [groups x outside] places of extremes, -1: none; counted in padded form */
    int64_t *winner; /* over the batch: [outside] group of the extreme */
};

static const char *const kinds[] = {"sum", "mean", "max", "min", "argmax", "argmin", NULL};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {"batch", EC_ATTRIBUTE_INT, offsetof(struct state, batch), NULL},
    {"steps", EC_ATTRIBUTE_INT, offsetof(struct state, steps), NULL},
    {"dims", EC_ATTRIBUTE_INT, offsetof(struct state, dims), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static const int64_t block = 256; /* results of a task over the batch */

static int is_extreme(const struct state *state) { return state->kind >= MAX; }
static int is_place(const struct state *state) { return state->kind >= ARGMAX; }
static int is_largest(const struct state *state) { return state->kind == MAX || state->kind == ARGMAX; }

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    int has_steps = in->steps != EC_NO_STEPS;
    if (state->dims < 0 || state->dims >> in->rank || (state->steps && !has_steps) ||
        (state->batch && (in->single || (has_steps && !state->steps)))) {
        return ec_refuse(report,
                         "reduce: batch = %d, steps = %d, dims = %d; the input must have these axes, and over the "
                         "batch goes along the steps too",
                         state->batch, state->steps, state->dims);
    }
    int64_t dims[EC_MAX_RANK];
    int rank = 0;
    for (int dim = 0; dim < in->rank; dim++) {
        if (!(state->dims >> dim & 1)) {
            dims[rank++] = in->dims[dim];
        }
    }
    ec_tensor_set_shape(out, state->steps ? EC_NO_STEPS : in->steps, rank, dims);
    out->single = in->single || state->batch;
    return EC_OK;
}

/* Where in a row the values stand that differ in the chosen dimensions, or in the others, in their order. */
static int64_t *places(const struct ec_tensor *in, int chosen, int64_t *count, struct ec_arena *arena)
{
    *count = 1;
    for (int dim = 0; dim < in->rank; dim++) {
        *count *= chosen >> dim & 1 ? in->dims[dim] : 1;
    }
    int64_t *at = ec_arena_take(arena, *count, sizeof *at);
    for (int64_t i = 0; at && i < *count; i++) {
        int64_t rest = i, stride = 1;
        at[i] = 0;
        for (int dim = in->rank - 1; dim >= 0; dim--) {
            if (chosen >> dim & 1) {
                at[i] += rest % in->dims[dim] * stride;
                rest /= in->dims[dim];
            }
            stride *= in->dims[dim];
        }
    }
    return at;
}

static struct ec_range rows_of(const struct ec_op *op, int64_t group)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    int by_text = ((const struct state *)op->state)->steps;
    return by_text ? (struct ec_range){layout->offsets[group], layout->offsets[group + 1]}
                   : (struct ec_range){group, group + 1};
}

static int counts(const struct ec_op *op, int64_t row)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    return !layout || ec_layout_counts(layout, row);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    int64_t texts = ec_tensor_texts(in), size;
    state->groups = state->steps ? texts : in->rows;
    out->layout = state->steps ? NULL : in->layout;
    out->rows = state->batch ? 1 : state->groups;
    ec_status status = ec_op_plan_gradients(op, step);
    if (status != EC_OK || (status = ec_tensor_take(out, step)) != EC_OK) {
        return status;
    }
    state->inside = places(in, state->dims, &state->inside_count, step->arena);
    state->outside = places(in, ~state->dims, &state->outside_count, step->arena);
    if (__builtin_mul_overflow(state->groups, state->outside_count, &size)) {
        return EC_TOO_LARGE;
    }
    state->counts = ec_arena_take(step->arena, state->groups, sizeof *state->counts);
    state->parts = state->batch ? ec_arena_take(step->arena, size, sizeof(float)) : out->data;
    state->at = is_extreme(state) ? ec_arena_take(step->arena, size, sizeof *state->at) : NULL;
    state->winner = is_extreme(state) && state->batch
                        ? ec_arena_take(step->arena, state->outside_count, sizeof *state->winner)
                        : NULL;
    step->work += 2.0 * (double)in->rows * (double)in->cols;
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t group = 0; group < state->groups; group++) {
        struct ec_range rows = rows_of(op, group);
        state->counts[group] = 0;
        for (int64_t row = rows.begin; row < rows.end; row++) {
            state->counts[group] += counts(op, row);
        }
    }
    return EC_OK;
}

/* -- forward --------------------------------------------------------------------------------------------------- */
/* The sum of neighbouring values, in an order fixed by n. */
static float sum_of(const float *x, int64_t n)
{
    float lanes[8] = {0.0f};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int lane = 0; lane < 8; lane++) {
            lanes[lane] += x[i + lane];
        }
    }
    double sum = 0.0;
    for (int lane = 0; lane < 8; lane++) {
        sum += (double)lanes[lane];
    }
    for (; i < n; i++) {
        sum += (double)x[i];
    }
    return (float)sum;
}

static void sum_row(const struct state *state, float *y, const float *x)
{
    int contiguous = state->inside[state->inside_count - 1] == state->inside_count - 1;
    if (state->inside_count == 1) {
        ec_kernels()->add(y, x, state->outside_count);
        return;
    }
    for (int64_t o = 0; o < state->outside_count; o++) {
        const float *lane = x + state->outside[o];
        if (contiguous) {
            y[o] += sum_of(lane, state->inside_count);
            continue;
        }
        for (int64_t i = 0; i < state->inside_count; i++) {
            y[o] += lane[state->inside[i]];
        }
    }
}

static int beats(const struct state *state, float x, float best)
{
    return (is_largest(state) ? x > best : x < best) || (x != x && best == best);
}

/* `place` is that of the row's first value. */
static void extreme_of_row(const struct state *state, float *y, int64_t *at, const float *x, int64_t place)
{
    for (int64_t o = 0; o < state->outside_count; o++) {
        const float *lane = x + state->outside[o];
        for (int64_t i = 0; i < state->inside_count; i++) {
            float value = lane[state->inside[i]];
            if (at[o] < 0 || beats(state, value, y[o])) {
                y[o] = value;
                at[o] = place + i;
            }
        }
    }
}

static void reduce_group(const struct ec_op *op, int64_t group)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t n = state->outside_count, *at = state->at ? state->at + group * n : NULL;
    float *y = state->parts + group * n;
    struct ec_range rows = rows_of(op, group);
    ec_kernels()->fill(y, 0.0f, n);
    for (int64_t o = 0; at && o < n; o++) {
        at[o] = -1;
    }
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *x = in->data + row * in->cols;
        if (!counts(op, row)) {
            continue;
        }
        if (at) {
            int64_t t = state->steps ? in->layout->starts[group] + row - rows.begin : 0;
            extreme_of_row(state, y, at, x, t * state->inside_count);
        } else {
            sum_row(state, y, x);
        }
    }
    if (state->kind == MEAN && !state->batch && state->counts[group]) {
        ec_kernels()->scale(y, y, 1.0f / (float)(state->counts[group] * state->inside_count), n);
    }
    for (int64_t o = 0; is_place(state) && !state->batch && o < n; o++) {
        y[o] = at[o] < 0 ? 0.0f : (float)at[o];
    }
}

/* Values of a text that share a result, in padded form. */
static int64_t places_of_text(const struct ec_op *op)
{
    const struct state *state = op->state;
    return state->inside_count * (state->steps ? op->inputs[0]->layout->width : 1);
}

static double count_of_batch(const struct state *state)
{
    int64_t rows = 0;
    for (int64_t group = 0; group < state->groups; group++) {
        rows += state->counts[group];
    }
    return (double)rows * (double)state->inside_count;
}

/* One result over the batch from those of the groups. */
static void reduce_batch(const struct ec_op *op, int64_t o)
{
    const struct state *state = op->state;
    float *y = op->outputs[0]->data + o;
    int64_t n = state->outside_count, best = -1;
    double sum = 0.0;
    for (int64_t group = 0; group < state->groups; group++) {
        float value = state->parts[group * n + o];
        sum += (double)value;
        if (state->at && state->at[group * n + o] >= 0 &&
            (best < 0 || beats(state, value, state->parts[best * n + o]))) {
            best = group;
        }
    }
    if (!state->at) {
        double count = state->kind == MEAN ? count_of_batch(state) : 1.0;
        *y = count > 0.0 ? (float)(sum / count) : 0.0f;
        return;
    }
    state->winner[o] = best;
    *y = best < 0          ? 0.0f
         : is_place(state) ? (float)(best * places_of_text(op) + state->at[best * n + o])
                           : state->parts[best * n + o];
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    int64_t many = ec_ceil_div(4096, op->inputs[0]->cols); /* groups of a task: some thousand values */
    for (struct ec_range part; ec_team_next_range(team, state->groups, state->steps ? 1 : many, &part);) {
        for (int64_t group = part.begin; group < part.end; group++) {
            reduce_group(op, group);
        }
    }
    ec_team_barrier(team);
    if (state->batch) {
        for (struct ec_range part; ec_team_next_range(team, state->outside_count, block, &part);) {
            for (int64_t o = part.begin; o < part.end; o++) {
                reduce_batch(op, o);
            }
        }
        ec_team_barrier(team);
    }
}

/* -- backward -------------------------------------------------------------------------------------------------- */
static void spread_row(const struct state *state, float *d_x, const float *d_y, float share)
{
    if (state->inside_count == 1) {
        ec_kernels()->add_scaled(d_x, d_y, share, state->outside_count);
        return;
    }
    for (int64_t o = 0; o < state->outside_count; o++) {
        float d = d_y[o] * share, *lane = d_x + state->outside[o];
        for (int64_t i = 0; i < state->inside_count; i++) {
            lane[state->inside[i]] += d;
        }
    }
}

/* The gradients of extremes that stand in a group. */
static void pass_to_extremes(const struct ec_op *op, int64_t group, const float *d_y)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_range rows = rows_of(op, group);
    for (int64_t o = 0; o < state->outside_count; o++) {
        int64_t place = state->at[group * state->outside_count + o];
        if (place < 0 || (state->winner && state->winner[o] != group)) {
            continue;
        }
        int64_t t = place / state->inside_count;
        int64_t row = state->steps ? rows.begin + t - in->layout->starts[group] : group;
        in->grad[row * in->cols + state->outside[o] + state->inside[place % state->inside_count]] += d_y[o];
    }
}

static void backward_group(const struct ec_op *op, int64_t group, double total)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const float *d_y = op->outputs[0]->grad + (state->batch ? 0 : group * state->outside_count);
    struct ec_range rows = rows_of(op, group);
    if (!op->adds_input[0]) {
        memset(in->grad + rows.begin * in->cols, 0, (size_t)((rows.end - rows.begin) * in->cols) * sizeof *in->grad);
    }
    if (is_extreme(state)) {
        if (!is_place(state)) {
            pass_to_extremes(op, group, d_y);
        }
        return;
    }
    double count = state->batch ? total : (double)(state->counts[group] * state->inside_count);
    float share = state->kind == MEAN ? (float)(1.0 / count) : 1.0f;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        if (counts(op, row)) {
            spread_row(state, in->grad + row * in->cols, d_y, share);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    double total = state->batch && state->kind == MEAN ? count_of_batch(state) : 1.0;
    int64_t many = ec_ceil_div(4096, op->inputs[0]->cols);
    for (struct ec_range part; ec_team_next_range(team, state->groups, state->steps ? 1 : many, &part);) {
        for (int64_t group = part.begin; group < part.end; group++) {
            backward_group(op, group, total);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_reduce = {
    .name = "reduce",
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
