/* token_conv: tokens -> sequence. A convolution over embedded tokens, for models that stack more on top of it (where a
 * maximum over time follows, token_conv_pool does both). For batches of some thousand to some ten thousand tokens.
 *
 *     P[u, (j, f)] = sum over d of E[u, d] W[j, d, f]            one product over the distinct ids (design, saving 1)
 *     out[t, f]    = bias[f] + sum over taps j of P[row(t, j), (j, f)]
 *
 * Backward:
 *     d_P[u, (j, f)] = sum over the windows t whose tap j reads id u of d_out[t, f]
 *     d_W[j] = E^T d_P[:, j]     d_E = d_P W^T     d_bias = column sums of d_out
 *
 * Masks as for conv1d: windows are counted from the first token of a text's span, masked tokens are zero vectors. */
#include "ops/op.h"

#include <string.h>

enum {
    ROWS_AT_ONCE = 16,    /* of the weights, joined or taken apart as one tile */
    WINDOWS_AT_ONCE = 512 /* in one sum of the gradient */
};

struct state {
    int64_t taps, filters, products; /* taps * filters */
    struct ec_windows window;

    /* of the step */
    struct ec_layout layout;
    float *weights;        /* [D, (tap, filter)] */
    float *product_values; /* [U, (tap, filter)] */
    struct ec_product product;
    int32_t *index; /* [threads, WINDOWS_AT_ONCE or taps] */
    int64_t index_room;

    /* backward */
    float *d_products;                 /* [U, (tap, filter)] */
    float *d_weights;                  /* [D, (tap, filter)] */
    int32_t *text_of, *place_of;       /* [tokens] text, and place counted from where its first window begins */
    struct ec_occurrences occurrences; /* of the distinct ids among the tokens */
    struct ec_product d_weight, d_row;
};

static const struct state defaults = {.window = EC_WINDOWS_DEFAULTS};
static const struct ec_attribute attributes[] = {
    EC_WINDOWS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const int64_t dims[] = {-1, op->inputs[0]->cols, -1};
    ec_status status = ec_infer_windows(op, &state->window, report);
    if (status != EC_OK || (status = ec_infer_parameter(op, 0, dims, report)) != EC_OK) {
        return status;
    }
    state->taps = state->window.size = op->parameters[0]->dims[0];
    state->filters = op->parameters[0]->dims[2];
    if (op->parameter_count == 2) {
        status = ec_infer_parameter(op, 1, &state->filters, report);
    }
    state->products = state->taps * state->filters;
    ec_tensor_set_shape(op->outputs[0], ec_windows_steps(&state->window, op->inputs[0]->steps), 1, &state->filters);
    return status;
}

static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    ec_status status = ec_op_plan_windows(op, &state->window, &state->layout, step);
    op->outputs[0]->layout = &state->layout;
    op->outputs[0]->rows = state->layout.rows;
    return status;
}

/* E [U, D], and the kernel with its taps side by side [D, taps F]. */
static struct ec_matrix embeddings_of(const struct ec_lookup_rows *lookup)
{
    return ec_matrix(lookup->values, lookup->count, lookup->width, lookup->stride);
}

static struct ec_matrix weights_of(const struct state *state, const struct ec_lookup_rows *lookup)
{
    return ec_matrix(state->weights, lookup->width, state->products, state->products);
}

/* Where each token stands, and the products of the gradients. */
static ec_status plan_backward(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_lookup_rows *lookup = in->lookup;
    const struct ec_layout *layout = in->layout;
    state->d_products = ec_arena_take(step->arena, lookup->count * state->products, sizeof(float));
    state->text_of = ec_arena_take(step->arena, in->rows, sizeof *state->text_of);
    state->place_of = ec_arena_take(step->arena, in->rows, sizeof *state->place_of);
    for (int64_t b = 0; state->text_of && state->place_of && b < layout->batch; b++) {
        int64_t lead = ec_windows_lead(&state->window, layout->offsets[b + 1] - layout->offsets[b]);
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            state->text_of[row] = (int32_t)b;
            state->place_of[row] = (int32_t)(row - layout->offsets[b] + lead);
        }
    }
    struct ec_matrix e = embeddings_of(lookup), w = weights_of(state, lookup);
    struct ec_matrix d_p = ec_matrix(state->d_products, lookup->count, state->products, state->products);
    if (op->parameters[0]->trainable) {
        state->d_weights = ec_arena_take(step->arena, lookup->width * state->products, sizeof(float));
        state->d_weight = ec_product_plan(step, state->d_weights, state->products, ec_transposed(e), d_p);
    }
    if (in->needs_grad) {
        d_p.rows = lookup->learning;
        state->d_row = ec_product_plan(step, lookup->d_values, lookup->stride, d_p, ec_transposed(w));
    }
    return ec_occurrences_init(&state->occurrences, step->arena, in->token_rows, in->rows, lookup->count);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    int64_t size;
    if (__builtin_mul_overflow(lookup->count + 1, state->products, &size) || lookup->count * state->taps > INT32_MAX ||
        out->rows > INT32_MAX || op->inputs[0]->rows > INT32_MAX / 2) {
        return EC_TOO_LARGE;
    }
    state->index_room = ec_most(state->taps, WINDOWS_AT_ONCE);
    state->index = ec_arena_take(step->arena, step->threads * state->index_room, sizeof *state->index);
    state->weights = ec_arena_take(step->arena, lookup->width * state->products, sizeof(float));
    state->product_values = ec_arena_take(step->arena, size, sizeof(float));
    state->product =
        ec_product_plan(step, state->product_values, state->products, embeddings_of(lookup), weights_of(state, lookup));
    step->work += (double)out->rows * (double)state->products;
    if ((status = ec_tensor_take(out, step)) != EC_OK || step->arena->failed) {
        return status != EC_OK ? status : EC_NO_MEMORY;
    }
    return out->needs_grad ? plan_backward(op, step) : EC_OK;
}

/* The kernel (k, D, F) and its gradient, with the taps of one d side by side: joined[d, (j, f)] = W[j, d, f]. */
static void join_weights(const struct state *state, const float *kernel, int64_t depth, struct ec_team *team)
{
    for (struct ec_range rows; ec_team_next_range(team, depth, ROWS_AT_ONCE, &rows);) {
        for (int64_t d = rows.begin; d < rows.end; d++) {
            for (int64_t j = 0; j < state->taps; j++) {
                memcpy(state->weights + d * state->products + j * state->filters,
                       kernel + (j * depth + d) * state->filters, (size_t)state->filters * sizeof *kernel);
            }
        }
    }
}

static void part_gradient(const struct state *state, float *d_kernel, int add, int64_t depth, struct ec_team *team)
{
    for (struct ec_range rows; ec_team_next_range(team, depth, ROWS_AT_ONCE, &rows);) {
        for (int64_t d = rows.begin; d < rows.end; d++) {
            for (int64_t j = 0; j < state->taps; j++) {
                float *to = d_kernel + (j * depth + d) * state->filters;
                const float *from = state->d_weights + d * state->products + j * state->filters;
                if (add) {
                    ec_kernels()->add(to, from, state->filters);
                } else {
                    memcpy(to, from, (size_t)state->filters * sizeof *to);
                }
            }
        }
    }
}

static void add_windows(const struct ec_op *op, int64_t b, int32_t *index)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int64_t *offsets = state->layout.offsets;
    for (int64_t row = offsets[b]; row < offsets[b + 1]; row++) {
        int64_t count = 0;
        for (int64_t tap = 0; tap < state->taps; tap++) {
            int64_t source = ec_windows_source(&state->window, in->layout, b, row - offsets[b], tap);
            if (source >= 0) {
                index[count++] = (int32_t)(in->token_rows[source] * state->taps + tap);
            }
        }
        float *y = out->data + row * out->cols;
        ec_kernels()->weighted_sum(y, 0, state->product_values, state->filters, index, NULL, count, state->filters);
        if (op->parameter_count == 2) {
            ec_kernels()->add(y, op->parameters[1]->value, state->filters);
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    join_weights(state, op->parameters[0]->value, op->inputs[0]->lookup->width, team);
    ec_team_barrier(team);
    ec_product_run(team, &state->product);
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        add_windows(op, b, state->index + team->index * state->index_room);
    }
    ec_team_barrier(team);
}

/* d_P[u, (j, :)]: the windows whose tap j reads id u, in the order of the tokens. */
static void sum_windows(const struct ec_op *op, int64_t u, int64_t tap, int32_t *index)
{
    const struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    const int64_t *offsets = state->layout.offsets;
    float *sum = state->d_products + u * state->products + tap * state->filters;
    int32_t at = state->occurrences.begin[u], end = state->occurrences.begin[u + 1];
    int add = 0;
    do {
        int64_t count = 0;
        for (; at < end && count < WINDOWS_AT_ONCE; at++) {
            int32_t token = state->occurrences.at[at];
            int64_t b = state->text_of[token], place = state->place_of[token] - tap * state->window.dilation;
            int64_t window = place / state->window.strides;
            index[count] = (int32_t)(offsets[b] + window);
            count += place >= 0 && window * state->window.strides == place && offsets[b] + window < offsets[b + 1];
        }
        ec_kernels()->weighted_sum(sum, add, out->grad, out->cols, index, NULL, count, out->cols);
        add = 1;
    } while (at < end);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_lookup_rows *lookup = in->lookup;
    ec_op_bias_gradient(op, team);
    if (op->parameters[0]->trainable || in->needs_grad) {
        for (int64_t u; (u = ec_team_next(team, lookup->count)) >= 0;) {
            for (int64_t tap = 0; tap < state->taps; tap++) {
                sum_windows(op, u, tap, state->index + team->index * state->index_room);
            }
        }
        ec_team_barrier(team);
    }
    if (op->parameters[0]->trainable) {
        ec_product_run(team, &state->d_weight);
        part_gradient(state, op->parameters[0]->gradient.values, op->adds_parameter[0], lookup->width, team);
    }
    if (in->needs_grad) {
        ec_product_run_adding(team, &state->d_row, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_token_conv = {
    .name = "token_conv",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_TOKENS, EC_STEPS, {1, 1}},
    .parameters = {1, 2},
    .parameter_ranks = {{3, 3}, {1, 1}},
    .mixing = EC_MIXES_BY_KERNEL,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
