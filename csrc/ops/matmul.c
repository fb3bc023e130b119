/* matmul: products of matrices. With a second operand of one row in all, a matrix [k, p]: each vector along the last
 * dimension times it, steps and masks as they are. Else both are stacks of matrices, as many, and the last two axes are
 * multiplied: attention by hand, bilinear forms; matrices of some hundred rows.
 *
 *     out[n] = a[n] b[n]          d_a[n] = d_out[n] b[n]^T          d_b[n] = a[n]^T d_out[n] */
#include "ops/full.h"

#include <string.h>

struct state {
    /* of infer */
    int shared; /* the first form */

    /* of the step */
    struct ec_layout layout;
    struct ec_product forward, d_a, d_b; /* shared */
    int64_t items, rows, depth, cols;
    float *turned; /* [items x max(rows, cols) x depth]: a or b of each item with rows and columns exchanged */
};

static ec_status refuse(struct ec_report *report)
{
    return ec_refuse(report, "matmul: the shapes do not fit; expected [.., m, k] and [k, p] of one row in all, or "
                             "[.., m, k] and [.., k, p] that agree before the last two axes");
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const struct ec_tensor *a = op->inputs[0], *b = op->inputs[1];
    struct ec_full left = ec_full_shape(a), right = ec_full_shape(b);
    state->shared = b->single && b->rank == 2;
    if (a->rank < 1 || b->rank < 1) {
        return refuse(report);
    }
    if (state->shared) {
        if (a->channels != b->dims[0]) {
            return refuse(report);
        }
        ec_tensor_set_channels(op->outputs[0], b->dims[1]);
        return EC_OK;
    }
    int last = left.axes - 1, agree = left.axes == right.axes && left.axes >= 3 && a->single == b->single;
    for (int axis = 0; agree && axis < last - 1; axis++) {
        agree = left.sizes[axis] == right.sizes[axis];
    }
    if (!agree || left.sizes[last] != right.sizes[last - 1]) {
        return refuse(report);
    }
    left.sizes[last] = right.sizes[last];
    ec_full_set(op->outputs[0], a, &left);
    return EC_OK;
}

static ec_status plan_shared(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *a = op->inputs[0], *b = op->inputs[1], *out = op->outputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    if (status != EC_OK) {
        return status;
    }
    struct ec_matrix x = ec_matrix(a->data, ec_tensor_vectors(out), a->channels, a->channels);
    struct ec_matrix w = ec_matrix(b->data, a->channels, out->channels, out->channels);
    struct ec_matrix d_y = ec_matrix(out->grad, ec_tensor_vectors(out), out->channels, out->channels);
    state->forward = ec_product_plan(step, out->data, out->channels, x, w);
    if (b->needs_grad) {
        state->d_b = ec_product_plan(step, b->grad, out->channels, ec_transposed(x), d_y);
    }
    if (a->needs_grad) {
        state->d_a = ec_product_plan(step, a->grad, a->channels, d_y, ec_transposed(w));
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    if (state->shared) {
        return plan_shared(op, step);
    }
    struct ec_full left = ec_full_of(op->inputs[0]), right = ec_full_of(op->inputs[1]);
    int last = left.axes - 1;
    ec_status status = ec_full_check(op, 0, step);
    status = status == EC_OK ? ec_full_check(op, 1, step) : status;
    if (status == EC_OK && left.sizes[last] != right.sizes[last - 1]) {
        status = ec_refuse(&step->report, "matmul: %lld columns of the first do not fit %lld rows of the second",
                           (long long)left.sizes[last], (long long)right.sizes[last - 1]);
    }
    if (status == EC_OK && last > 2 && left.sizes[1] != right.sizes[1]) { /* steps, whose number may be open */
        status = ec_refuse(&step->report, "matmul: %lld matrices a text of the first, %lld of the second",
                           (long long)left.sizes[1], (long long)right.sizes[1]);
    }
    if (status != EC_OK) {
        return status;
    }
    state->items = ec_full_count(&left, 0, last - 1);
    state->rows = left.sizes[last - 1];
    state->depth = left.sizes[last];
    state->cols = right.sizes[last];
    int64_t most = state->rows > state->cols ? state->rows : state->cols;
    status = ec_full_plan(op, left.sizes[0], left.sizes[1], &state->layout, step);
    int needs = op->outputs[0]->needs_grad;
    state->turned = needs ? ec_arena_take(step->arena, state->items * most * state->depth, sizeof(float)) : NULL;
    step->work += 2.0 * (double)(state->items * state->rows) * (double)state->depth * (double)state->cols;
    return step->arena->failed ? EC_NO_MEMORY : status;
}

/* out [rows x cols] (+)= a [rows x depth] b [depth x cols], all dense, by one thread. */
static void product(float *out, int add, const float *a, const float *b, int64_t rows, int64_t depth, int64_t cols)
{
    const struct ec_kernels *kernels = ec_kernels();
    for (int64_t r = 0; r < rows; r += kernels->few_rows) {
        int height = (int)ec_least(kernels->few_rows, rows - r);
        for (int64_t c = 0; c < cols; c += kernels->few_cols) {
            int width = (int)ec_least(kernels->few_cols, cols - c);
            kernels->product_tile(out + r * cols + c, cols, add, a + r * depth, depth, b + c, cols, height, width,
                                  depth);
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    if (state->shared) {
        ec_product_run(team, &state->forward);
        return;
    }
    const int64_t rows = 32; /* of a task */
    int64_t blocks = ec_ceil_div(state->rows, rows);
    for (int64_t task; (task = ec_team_next(team, state->items * blocks)) >= 0;) {
        int64_t item = task / blocks;
        struct ec_range part = ec_range_from(task % blocks * rows, rows, state->rows);
        int64_t first = item * state->rows + part.begin;
        product(op->outputs[0]->data + first * state->cols, 0, op->inputs[0]->data + first * state->depth,
                op->inputs[1]->data + item * state->depth * state->cols, part.end - part.begin, state->depth,
                state->cols);
    }
    ec_team_barrier(team);
}

static void backward_item(const struct ec_op *op, int64_t item)
{
    const struct state *state = op->state;
    const struct ec_tensor *a = op->inputs[0], *b = op->inputs[1];
    int64_t rows = state->rows, depth = state->depth, cols = state->cols, most = rows > cols ? rows : cols;
    const float *d_out = op->outputs[0]->grad + item * rows * cols;
    float *turned = state->turned + item * most * depth;
    if (a->needs_grad) {
        ec_kernels()->transpose(turned, depth, b->data + item * depth * cols, cols, cols, depth);
        product(a->grad + item * rows * depth, op->adds_input[0], d_out, turned, rows, cols, depth);
    }
    if (b->needs_grad) {
        ec_kernels()->transpose(turned, rows, a->data + item * rows * depth, depth, depth, rows);
        product(b->grad + item * depth * cols, op->adds_input[1], turned, d_out, depth, rows, cols);
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    if (state->shared) {
        if (op->inputs[1]->needs_grad) {
            ec_product_run_adding(team, &state->d_b, op->adds_input[1]);
        }
        if (op->inputs[0]->needs_grad) {
            ec_product_run_adding(team, &state->d_a, op->adds_input[0]);
        }
        return;
    }
    for (int64_t item; (item = ec_team_next(team, state->items)) >= 0;) {
        backward_item(op, item);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_matmul = {
    .name = "matmul",
    .state_bytes = sizeof(struct state),
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
