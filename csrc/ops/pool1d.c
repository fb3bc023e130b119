/* max_pool, average_pool: sequence -> sequence, over windows of time (Keras's MaxPooling1D and AveragePooling1D). Only
 * unmasked steps of a window count; a window without any is masked (its value zero). Windows are counted from the first
 * step of a text's span.
 *
 *     max: out[w, c] = in[t*, c] (the first of equal ones, NaN wins), d_in[t*, c] += d_out[w, c]
 *     average: out[w, c] = sum over t of in[t, c] / n(w), d_in[t, c] += d_out[w, c] / n(w) */
#include "ops/op.h"

#include <string.h>

struct state {
    int pool_size, strides, padding;

    /* of the step */
    struct ec_layout layout;
    int32_t *at; /* max: [rows out, C] row of the winner, -1: none */
};

static const struct state defaults = {.pool_size = 2, .strides = 2};
static const struct ec_attribute attributes[] = {
    {"pool_size", EC_ATTRIBUTE_INT, offsetof(struct state, pool_size), NULL},
    {"strides", EC_ATTRIBUTE_INT, offsetof(struct state, strides), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, padding), ec_pool_padding_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static struct ec_windows windows_of(const struct state *state)
{
    return (struct ec_windows){
        .size = state->pool_size, .strides = state->strides, .dilation = 1, .padding = state->padding};
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (state->pool_size < 1 || state->strides < 1) {
        return ec_refuse(report, "%s: pool_size = %d, strides = %d; both must be >= 1", op->type->name,
                         state->pool_size, state->strides);
    }
    const struct ec_windows windows = windows_of(state);
    op->outputs[0]->steps = ec_windows_steps(&windows, op->inputs[0]->steps);
    return EC_OK;
}

static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_layout *in = op->inputs[0]->layout;
    const struct ec_windows windows = windows_of(state);
    ec_status status = ec_windows_layout(&state->layout, &windows, in, 1, step->arena);
    return status != EC_BAD_VALUE
               ? status
               : ec_refuse(
                     &step->report,
                     "the sequences are %lld steps long; pool_size = %d with padding='valid' needs at least as many",
                     (long long)in->width, state->pool_size);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    if (op->inputs[0]->rows > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    out->layout = &state->layout;
    out->rows = state->layout.rows;
    state->at = ec_arena_take(step->arena, out->rows * out->cols, sizeof *state->at);
    step->work += 2.0 * (double)op->inputs[0]->rows * (double)out->cols;
    return ec_tensor_take(out, step);
}

static void run(struct ec_op *op, const struct ec_step *step, struct ec_team *team,
                void (*window)(const struct ec_op *op, int64_t row, int64_t first, int64_t end), int back)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = in->layout->offsets;
    const struct ec_windows windows = windows_of(state);
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        int64_t length = offsets[b + 1] - offsets[b];
        if (back && !op->adds_input[0]) {
            memset(in->grad + offsets[b] * in->cols, 0, (size_t)(length * in->cols) * sizeof(float));
        }
        for (int64_t row = state->layout.offsets[b]; row < state->layout.offsets[b + 1]; row++) {
            int64_t begin, end;
            ec_windows_bounds(&windows, length, row - state->layout.offsets[b], &begin, &end);
            window(op, row, offsets[b] + begin, offsets[b] + end);
        }
    }
    ec_team_barrier(team);
}

static void max_window(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    const struct state *state = op->state;
    int64_t place = row * op->outputs[0]->cols;
    const struct ec_tensor *in = op->inputs[0];
    ec_rows_maximum(op->outputs[0]->data + place, state->at + place, in->data, in->cols, in->layout, first, end);
}

static void average_window(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    const struct ec_tensor *in = op->inputs[0];
    ec_rows_mean(op->outputs[0]->data + row * in->cols, in->data, in->cols, in->layout, first, end);
}

static void max_window_back(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    (void)first;
    (void)end;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    ec_rows_maximum_back(in->grad, out->grad + row * out->cols, state->at + row * out->cols, out->cols);
}

static void average_window_back(const struct ec_op *op, int64_t row, int64_t first, int64_t end)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    ec_rows_mean_back(in->grad, out->grad + row * out->cols, in->cols, in->layout, first, end);
}

static void max_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, max_window, 0);
}

static void max_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, max_window_back, 1);
}

static void average_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, average_window, 0);
}

static void average_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    run(op, step, team, average_window_back, 1);
}

const struct ec_op_type ec_op_max_pool = {
    .name = "max_pool",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = max_forward,
    .backward = max_backward,
};

const struct ec_op_type ec_op_average_pool = {
    .name = "average_pool",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = average_forward,
    .backward = average_backward,
};
