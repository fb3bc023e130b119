/* conv_pool: sequence -> flat [B, F]. A convolution over a sequence and its maximum over time, as one operation: the
 * convolved sequence is never written, and the backward is that of the winners only (design, savings 3 and 4). For
 * convolutions above other layers; over tokens, token_conv_pool does more.
 *
 *     z[b, f] = max over windows t of sum over j, c of in[t * strides + j - lead, c] W[j, c, f]      at t*[b, f]
 *     y[b, f] = activation(z[b, f] + bias[f])                                  the activation never falls
 *
 * Backward, with g[b, f] = d_y activation'(y):
 *     d_bias[f] = sum over b of g[b, f]              d_W[:, :, f] = sum over b of g[b, f] window(b, t*[b, f])
 *     d_in = sum over f of g[b, f] W[:, :, f], where window t*[b, f] of text b was read
 *
 * A window is a contiguous piece of the text's rows, so the rows themselves, strides apart, are the matrix that is
 * multiplied; only texts with padding or masked tokens are copied first, with zeros. */
#include "ops/op.h"

#include <string.h>

enum {
    WINDOWS_AT_ONCE = 56, /* packed and multiplied together, so that they stay in the second cache */
    GROUP = 16            /* filters whose gradients are transposed together */
};

struct state {
    int strides, padding, activation;
    int64_t taps, channels, filters, depth; /* taps * channels */

    /* of the step */
    struct ec_windows window;
    struct ec_layout layout;
    struct ec_panels weights;
    int64_t *begin;     /* [B + 1] first row of a text in `rows` */
    float *copied;      /* NULL where the input serves */
    int32_t *at;        /* [B, F] winning window, -1: none */
    float *thread_rows; /* [threads] packed windows, then their products */
    int64_t thread_room, products_begin;

    /* backward */
    float *g;              /* [B, F] */
    float *turned;         /* [F, depth] W[:, :, f] */
    float *thread_grad;    /* [threads, longest text's rows or GROUP windows] */
    int32_t *thread_index; /* [threads, B] */
    float *thread_weight;  /* [threads, B] */
    int64_t grad_room;
};

static const struct state defaults = {.strides = 1};
static const struct ec_attribute attributes[] = {
    {"strides", EC_ATTRIBUTE_INT, offsetof(struct state, strides), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, padding), ec_padding_names},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), ec_rising_activation_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    if (state->strides < 1) {
        return ec_refuse(report, "conv_pool: strides = %d; it must be >= 1", state->strides);
    }
    const int64_t dims[] = {-1, op->inputs[0]->cols, -1};
    ec_status status = ec_infer_parameter(op, 0, dims, report);
    if (status != EC_OK) {
        return status;
    }
    state->taps = op->parameters[0]->dims[0];
    state->channels = op->inputs[0]->cols;
    state->depth = state->taps * state->channels;
    state->filters = op->parameters[0]->dims[2];
    if (op->parameter_count == 2) {
        status = ec_infer_parameter(op, 1, &state->filters, report);
    }
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 1, &state->filters);
    return status;
}

static int64_t windows_of(const struct state *state, int64_t b)
{
    return state->layout.offsets[b + 1] - state->layout.offsets[b];
}

static int64_t rows_of(const struct state *state, int64_t b) { return state->begin[b + 1] - state->begin[b]; }

/* Where the rows of each text are read: in the input if its windows reach over its tokens only. */
static ec_status plan_rows(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    const struct ec_layout *layout = in->layout;
    int serves = state->padding == EC_PADDING_VALID && !layout->mask;
    int64_t rows = 0;
    state->begin = ec_arena_take(step->arena, texts + 1, sizeof *state->begin);
    if (!state->begin) {
        return EC_NO_MEMORY;
    }
    state->begin[0] = 0;
    for (int64_t b = 0; b < texts; b++) {
        int64_t windows = windows_of(state, b);
        rows += windows ? (windows - 1) * state->strides + state->taps : 0;
        state->begin[b + 1] = rows;
        serves &= windows == 0 || layout->offsets[b + 1] - layout->offsets[b] >= state->taps;
    }
    if (in->rows > INT32_MAX || rows > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    state->copied = serves ? NULL : ec_arena_take(step->arena, rows * state->channels, sizeof(float));
    if (serves) { /* then rows_of is the text's length, its windows may end before */
        memcpy(state->begin, layout->offsets, (size_t)(texts + 1) * sizeof *state->begin);
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static void plan_backward(struct ec_op *op, struct ec_step *step)
{
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    struct state *state = op->state;
    int64_t longest = 0;
    for (int64_t b = 0; b < texts; b++) {
        longest = ec_most(longest, rows_of(state, b));
    }
    state->grad_room = ec_most(longest * state->channels, GROUP * state->depth);
    state->g = ec_arena_take(step->arena, texts * state->filters, sizeof(float));
    state->turned = ec_arena_take(step->arena, state->filters * state->depth, sizeof(float));
    state->thread_grad = ec_arena_take(step->arena, step->threads * state->grad_room, sizeof(float));
    state->thread_index = ec_arena_take(step->arena, step->threads * texts, sizeof(int32_t));
    state->thread_weight = ec_arena_take(step->arena, step->threads * texts, sizeof(float));
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    struct state *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    state->window =
        (struct ec_windows){.size = state->taps, .strides = state->strides, .dilation = 1, .padding = state->padding};
    ec_status status = ec_op_plan_windows(op, &state->window, &state->layout, step);
    out->layout = NULL;
    out->rows = texts;
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK ||
        (status = ec_tensor_take(out, step)) != EC_OK || (status = plan_rows(op, step)) != EC_OK) {
        return status;
    }
    struct ec_panels block;
    ec_panels_init(&block, EC_ROWS_OF_A, WINDOWS_AT_ONCE, state->depth, step->precision);
    ec_panels_init(&state->weights, EC_COLS_OF_B, state->filters, state->depth, step->precision);
    state->products_begin = ec_round_up(ec_panels_floats(&block), 16);
    state->thread_room = state->products_begin + ec_round_up(WINDOWS_AT_ONCE * state->filters, 16);
    state->weights.values = ec_arena_take(step->arena, ec_panels_floats(&state->weights), sizeof(float));
    state->thread_rows = ec_arena_take(step->arena, step->threads * state->thread_room, sizeof(float));
    state->at = ec_arena_take(step->arena, texts * state->filters, sizeof *state->at);
    step->work += 2.0 * (double)state->layout.rows * (double)state->depth * (double)state->filters;
    if (out->needs_grad) {
        plan_backward(op, step);
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* The rows that the windows of a text read, zeros outside the text and for masked tokens. */
static void copy_text(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = in->layout->offsets;
    int64_t length = offsets[b + 1] - offsets[b], lead = ec_windows_lead(&state->window, length);
    float *to = state->copied + state->begin[b] * state->channels;
    for (int64_t row = 0; row < rows_of(state, b); row++, to += state->channels) {
        int64_t place = row - lead;
        if (place < 0 || place >= length || !ec_layout_counts(in->layout, offsets[b] + place)) {
            memset(to, 0, (size_t)state->channels * sizeof *to);
        } else {
            memcpy(to, in->data + (offsets[b] + place) * state->channels, (size_t)state->channels * sizeof *to);
        }
    }
}

static void pool_text(const struct ec_op *op, const struct ec_step *step, int64_t b, float *packed)
{
    const struct ec_kernels *kernels = ec_kernels();
    const struct state *state = op->state;
    int64_t windows = windows_of(state, b), filters = state->filters;
    float *y = op->outputs[0]->data + b * filters, *products = packed + state->products_begin;
    int32_t *at = state->at + b * filters;
    if (windows == 0) { /* nothing but padding: zeros, and no gradient */
        memset(y, 0, (size_t)filters * sizeof *y);
        memset(at, 0xff, (size_t)filters * sizeof *at);
        return;
    }
    const float *rows = (state->copied ? state->copied : op->inputs[0]->data) + state->begin[b] * state->channels;
    int64_t stride = state->strides * state->channels;
    for (int64_t first = 0; first < windows; first += WINDOWS_AT_ONCE) {
        int64_t count = ec_least(WINDOWS_AT_ONCE, windows - first);
        struct ec_panels block;
        ec_panels_init(&block, EC_ROWS_OF_A, count, state->depth, step->precision);
        block.values = packed;
        ec_panels_pack(&block, rows + first * stride, stride, 1, 0, block.count);
        ec_panels_multiply(products, filters, 0, &block, 0, block.count, &state->weights, 0, state->weights.count);
        for (int64_t i = 0; i < count; i++) {
            if (first + i == 0) {
                memcpy(y, products, (size_t)filters * sizeof *y);
                memset(at, 0, (size_t)filters * sizeof *at);
            } else {
                kernels->maximum_into(y, at, products + i * filters, (int32_t)(first + i), filters);
            }
        }
    }
    if (op->parameter_count == 2) {
        kernels->add(y, op->parameters[1]->value, filters);
    }
    kernels->activate(y, y, (enum ec_activation)state->activation, filters);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    ec_panels_fill(team, &state->weights, op->parameters[0]->value, 1, state->filters);
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        if (state->copied) {
            copy_text(op, b);
        }
        pool_text(op, step, b, state->thread_rows + team->index * state->thread_room);
    }
    ec_team_barrier(team);
}

/* d_W[:, :, f] of up to GROUP filters: sums of whole windows, transposed into place; and d_bias of these. */
static void filter_gradients(const struct ec_op *op, int thread, struct ec_range group)
{
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    const struct ec_kernels *kernels = ec_kernels();
    const struct state *state = op->state;
    int64_t filters = state->filters, depth = state->depth;
    int64_t first = group.begin, count = group.end - group.begin;
    const float *in = state->copied ? state->copied : op->inputs[0]->data;
    float *sums = state->thread_grad + thread * state->grad_room, *weight = state->thread_weight + thread * texts;
    int32_t *index = state->thread_index + thread * texts;
    int learns_bias = op->parameter_count == 2 && op->parameters[1]->trainable;
    for (int64_t f = first; f < group.end; f++) {
        int64_t winners = 0;
        float sum = 0.0f;
        for (int64_t b = 0; b < texts; b++) {
            float g = state->g[b * filters + f];
            index[winners] = (int32_t)(state->begin[b] + state->at[b * filters + f] * state->strides);
            weight[winners] = g;
            winners += g != 0.0f; /* true for NaN */
            sum += g;
        }
        if (learns_bias) {
            float *d_bias = op->parameters[1]->gradient.values + f;
            *d_bias = op->adds_parameter[1] ? *d_bias + sum : sum;
        }
        kernels->weighted_sum(sums + (f - first) * depth, 0, in, state->channels, index, weight, winners, depth);
    }
    if (!op->parameters[0]->trainable) {
        return;
    }
    float *d_weight = op->parameters[0]->gradient.values + first;
    if (!op->adds_parameter[0]) {
        kernels->transpose(d_weight, filters, sums, depth, depth, count);
        return;
    }
    for (int64_t k = 0; k < depth; k++) {
        for (int64_t f = 0; f < count; f++) {
            d_weight[k * filters + f] += sums[f * depth + k];
        }
    }
}

/* d_in of one text: every winner's filter, added where its window was read. */
static void input_gradient(const struct ec_op *op, int64_t b, float *d_rows)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const int64_t *offsets = in->layout->offsets;
    int64_t length = offsets[b + 1] - offsets[b], channels = state->channels;
    int64_t lead = ec_windows_lead(&state->window, length), rows = rows_of(state, b);
    memset(d_rows, 0, (size_t)(rows * channels) * sizeof *d_rows);
    for (int64_t f = 0; f < state->filters; f++) {
        float g = state->g[b * state->filters + f];
        if (g != 0.0f) {
            ec_kernels()->add_scaled(d_rows + state->at[b * state->filters + f] * state->strides * channels,
                                     state->turned + f * state->depth, g, state->depth);
        }
    }
    for (int64_t place = 0; place < length; place++) {
        float *to = in->grad + (offsets[b] + place) * channels;
        int reads = place + lead < rows && ec_layout_counts(in->layout, offsets[b] + place);
        if (!op->adds_input[0]) {
            memset(to, 0, (size_t)channels * sizeof *to);
        }
        if (reads) {
            ec_kernels()->add(to, d_rows + (place + lead) * channels, channels);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t texts = ec_tensor_texts(in);
    int64_t filters = state->filters;
    if (in->needs_grad) {
        for (int64_t j; (j = ec_team_next(team, state->taps)) >= 0;) {
            ec_kernels()->transpose(state->turned + j * state->channels, state->depth,
                                    op->parameters[0]->value + j * state->channels * filters, filters, filters,
                                    state->channels);
        }
    }
    for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
        float *g = state->g + b * filters;
        ec_kernels()->activate_backward(g, out->grad + b * filters, NULL, out->data + b * filters,
                                        (enum ec_activation)state->activation, filters);
        for (int64_t f = 0; f < filters; f++) {
            g[f] = state->at[b * filters + f] < 0 ? 0.0f : g[f];
        }
    }
    ec_team_barrier(team);
    for (struct ec_range group; ec_team_next_range(team, filters, GROUP, &group);) {
        filter_gradients(op, team->index, group);
    }
    for (int64_t b; in->needs_grad && (b = ec_team_next(team, texts)) >= 0;) {
        input_gradient(op, b, state->thread_grad + team->index * state->grad_room);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_conv_pool = {
    .name = "conv_pool",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .parameters = {1, 2},
    .parameter_ranks = {{3, 3}, {1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
