/* token_conv_pool: tokens -> flat [B, sum of F]. Convolutions of any widths over embedded tokens, each followed by its
 * maximum over time, as one operation (design, savings 1 to 4). For batches of some hundred to some ten thousand
 * tokens; D 50 to 300.
 *
 *     P[u, (branch, j, f)] = sum over d of E[u, d] W_branch[j, d, f]            one product over the distinct ids
 *     z[b, f]  = max over windows t of sum over taps j of P[row(b, t + j), (branch, j, f)]    at t*[b, f]
 *     y[b, f]  = activation(z[b, f] + bias[f])                                  the activation never falls
 *
 * Backward, with g[b, f] = d_y activation'(y) and only the winning window t* of each (b, f) (saving 3):
 *     d_bias[f]       = sum over b of g[b, f]
 *     d_W[j, :, f]    = sum over b of g[b, f] E[row(b, t* + j), :]
 *     d_E[u, :]       = sum over (b, f, j) with row(b, t* + j) = u of g[b, f] W[j, :, f]
 *
 * The tokens of all texts stand one after the other in `tape`, with margins of zero rows between them, so that a window
 * that reaches past a text needs no test. A run of one id at either end of a text is cut to the widest kernel: the
 * windows left out are equal to one that stays (saving 2). */
#include "ops/token_conv_pool.h"

#include <string.h>

static const struct ec_token_conv_pool defaults = {.use_bias = 1};
static const struct ec_attribute attributes[] = {
    {"use_bias", EC_ATTRIBUTE_INT, offsetof(struct ec_token_conv_pool, use_bias), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_token_conv_pool, padding), ec_padding_names},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_token_conv_pool, activation), ec_rising_activation_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* The kernels (k, D, F) side by side: weights[d, (branch, j, f)] = W_branch[j, d, f]. */
static void join_weights(const struct ec_token_conv_pool *state, int64_t depth, struct ec_team *team)
{
    const int64_t block = 16;
    for (struct ec_range rows; ec_team_next_range(team, depth, block, &rows);) {
        for (int64_t d = rows.begin; d < rows.end; d++) {
            float *out = state->weights + d * state->products;
            for (int i = 0; i < state->branch_count; i++) {
                const struct ec_token_conv_branch *branch = &state->branches[i];
                for (int j = 0; j < branch->taps; j++, out += branch->filters) {
                    memcpy(out, branch->kernel->value + (j * depth + d) * branch->filters,
                           (size_t)branch->filters * sizeof *out);
                }
            }
        }
    }
}

static int64_t window_count(const struct ec_token_conv_pool *state, const struct ec_token_conv_branch *branch,
                            int64_t tokens)
{
    if (state->padding != EC_PADDING_VALID || tokens == 0) {
        return tokens;
    }
    return tokens >= branch->taps ? tokens - branch->taps + 1 : 1;
}

static void pool_text(const struct ec_token_conv_pool *state, const struct ec_tensor *out, int64_t b)
{
    const struct ec_kernels *kernels = ec_kernels();
    for (int i = 0; i < state->branch_count; i++) {
        const struct ec_token_conv_branch *branch = &state->branches[i];
        float *y = out->data + b * out->cols + branch->out_col;
        int32_t *at = state->best_at + b * state->filters + branch->out_col;
        int64_t windows = window_count(state, branch, state->text_count[b]);
        int32_t place = (int32_t)(state->text_begin[b] - branch->lead);
        if (windows == 0) { /* nothing but padding: zeros, and no gradient */
            memset(y, 0, (size_t)branch->filters * sizeof *y);
            memset(at, 0xff, (size_t)branch->filters * sizeof *at);
            continue;
        }
        kernels->window_max(y, at, state->product_values + branch->products, state->products, state->tape + place,
                            branch->filters, windows, branch->taps);
        for (int64_t f = 0; f < branch->filters; f++) {
            at[f] += place;
        }
        if (branch->bias) {
            kernels->add(y, branch->bias->value, branch->filters);
        }
        kernels->activate(y, y, (enum ec_activation)state->activation, branch->filters);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct ec_token_conv_pool *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    if (team->index == 0) { /* the row of zeros, which the product leaves alone */
        memset(state->product_values + lookup->count * state->products, 0, (size_t)state->products * sizeof(float));
    }
    if (state->parts) {
        ec_few_rows_product(team, state->product_values, state->products, lookup->values, lookup->stride, lookup->count,
                            lookup->width, state->parts, state->part_count);
    } else {
        join_weights(state, lookup->width, team);
        ec_team_barrier(team);
        ec_product_run(team, &state->product);
    }
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        pool_text(state, op->outputs[0], b);
    }
    ec_team_barrier(team);
}

/* g = d_y activation'(y), 0 where there was no window. */
static void scale_gradient(const struct ec_token_conv_pool *state, const struct ec_tensor *out, int64_t b)
{
    float *g = state->g + b * state->filters;
    const int32_t *at = state->best_at + b * state->filters;
    ec_kernels()->activate_backward(g, out->grad + b * out->cols, NULL, out->data + b * out->cols,
                                    (enum ec_activation)state->activation, state->filters);
    for (int64_t f = 0; f < state->filters; f++) {
        g[f] = at[f] < 0 ? 0.0f : g[f];
    }
}

/* Per filter, the texts with a gradient in rising order, and the gradient of the bias. */
static void list_winners(const struct ec_token_conv_pool *state, int64_t batch, int64_t begin, int64_t end)
{
    for (int64_t f = begin; f < end; f++) {
        int32_t *place = state->winner_place + f * batch;
        float *winner_g = state->winner_g + f * batch;
        int32_t count = 0;
        for (int64_t b = 0; b < batch; b++) {
            float g = state->g[b * state->filters + f];
            place[count] = state->best_at[b * state->filters + f];
            winner_g[count] = g;
            count += g != 0.0f; /* true for NaN */
        }
        state->winner_count[f] = count;
    }
}

/* The winners of text b by the token they touch: a counting sort over the text's places on the tape. */
static void sort_winners_by_token(const struct ec_token_conv_pool *state, int64_t b, int64_t learning)
{
    int64_t begin = state->text_begin[b], places = state->text_count[b];
    const float *g = state->g + b * state->filters;
    const int32_t *at = state->best_at + b * state->filters;
    memset(state->place_count + begin, 0, (size_t)places * sizeof *state->place_count);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < state->branch_count; i++) {
            const struct ec_token_conv_branch *branch = &state->branches[i];
            for (int64_t f = 0; f < branch->filters; f++) {
                int64_t column = branch->out_col + f;
                for (int j = 0; g[column] != 0.0f && j < branch->taps; j++) {
                    int64_t place = at[column] + j;
                    if (state->tape[place] >= learning) {
                        continue; /* a row that rests, or outside of the text */
                    }
                    if (pass == 0) {
                        state->place_count[place]++;
                    } else {
                        int64_t entry = state->place_end[place]++;
                        state->entry_g[entry] = g[column];
                        state->entry_weight[entry] = (int32_t)(branch->products + j * branch->filters + f);
                    }
                }
            }
        }
        int64_t next = b * state->products;
        for (int64_t place = begin; pass == 0 && place < begin + places; place++) {
            state->place_end[place] = next;
            next += state->place_count[place];
        }
    }
}

/* d_W[j, :, f] for one tap and up to EC_TOKEN_CONV_GROUP filters: rows over d, summed in registers, then transposed
 * into place. */
static void weight_gradient(const struct ec_op *op, const struct ec_step *step, int thread,
                            const struct ec_token_conv_branch *branch, int tap, int64_t first)
{
    (void)step;
    const struct ec_kernels *kernels = ec_kernels();
    const struct ec_token_conv_pool *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    int64_t B = ec_tensor_texts(op->inputs[0]), stride = lookup->stride;
    int64_t count = ec_least(EC_TOKEN_CONV_GROUP, branch->filters - first);
    float *rows = state->thread_rows + thread * EC_TOKEN_CONV_GROUP * stride;
    int32_t *index = state->thread_index + thread * B;
    float *d_weight = branch->kernel->gradient.values + tap * lookup->width * branch->filters + first;
    for (int64_t f = 0; f < count; f++) {
        int64_t column = branch->out_col + first + f;
        const int32_t *place = state->winner_place + column * B;
        int32_t winners = state->winner_count[column];
        for (int32_t i = 0; i < winners; i++) {
            index[i] = state->tape[place[i] + tap];
        }
        kernels->weighted_sum(rows + f * stride, 0, lookup->values, stride, index, state->winner_g + column * B,
                              winners, stride);
    }
    if (!op->adds_parameter[branch->kernel_number]) {
        kernels->transpose(d_weight, branch->filters, rows, stride, lookup->width, count);
        return;
    }
    for (int64_t d = 0; d < lookup->width; d++) {
        for (int64_t f = 0; f < count; f++) {
            d_weight[d * branch->filters + f] += rows[f * stride + d];
        }
    }
}

static void bias_gradient(const struct ec_op *op, int64_t batch, const struct ec_token_conv_branch *branch)
{
    const struct ec_token_conv_pool *state = op->state;
    float *d_bias = branch->bias->gradient.values;
    for (int64_t f = 0; f < branch->filters; f++) {
        int64_t column = branch->out_col + f;
        float sum = 0.0f;
        for (int32_t i = 0; i < state->winner_count[column]; i++) {
            sum += state->winner_g[column * batch + i];
        }
        d_bias[f] = op->adds_parameter[branch->bias_number] ? d_bias[f] + sum : sum;
    }
}

/* All weight gradients of a branch; tiles are (tap, group of filters). */
static void branch_gradients(const struct ec_op *op, const struct ec_step *step, struct ec_team *team,
                             const struct ec_token_conv_branch *branch)
{
    if (branch->kernel->trainable) {
        int64_t groups = ec_ceil_div(branch->filters, EC_TOKEN_CONV_GROUP);
        for (int64_t tile; (tile = ec_team_next(team, branch->taps * groups)) >= 0;) {
            weight_gradient(op, step, team->index, branch, (int)(tile / groups), tile % groups * EC_TOKEN_CONV_GROUP);
        }
    }
    if (branch->bias && branch->bias->trainable) {
        while (ec_team_next(team, 1) >= 0) {
            bias_gradient(op, ec_tensor_texts(op->inputs[0]), branch);
        }
    }
}

/* d_E[u] over all places of distinct row u, in the order of the tape. */
static void table_gradient(const struct ec_op *op, int64_t u)
{
    const struct ec_token_conv_pool *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    float *out = lookup->d_values + u * lookup->stride;
    int add = op->adds_input[0];
    for (int32_t i = state->occurrences.begin[u]; i < state->occurrences.begin[u + 1]; i++) {
        int32_t place = state->occurrences.at[i];
        int64_t entry = state->place_end[place] - state->place_count[place];
        ec_kernels()->weighted_sum(out, add, state->weights_by_filter, lookup->stride, state->entry_weight + entry,
                                   state->entry_g + entry, state->place_count[place], lookup->stride);
        add = 1;
    }
    if (!add) {
        memset(out, 0, (size_t)lookup->stride * sizeof *out);
    }
}

/* weights_by_filter[(branch, j, f), d] = W[j, d, f], zeros behind D. */
static void transpose_weights(const struct ec_token_conv_pool *state, int64_t depth, int64_t stride,
                              struct ec_team *team)
{
    for (int i = 0; i < state->branch_count; i++) {
        const struct ec_token_conv_branch *branch = &state->branches[i];
        for (int64_t j; (j = ec_team_next(team, branch->taps)) >= 0;) {
            float *out = state->weights_by_filter + (branch->products + j * branch->filters) * stride;
            ec_kernels()->transpose(out, stride, branch->kernel->value + j * depth * branch->filters, branch->filters,
                                    branch->filters, depth);
            for (int64_t f = 0; f < branch->filters; f++) {
                memset(out + f * stride + depth, 0, (size_t)(stride - depth) * sizeof *out);
            }
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct ec_token_conv_pool *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    const int64_t block = 8;
    if (in->needs_grad) {
        transpose_weights(state, in->lookup->width, in->lookup->stride, team);
    }
    for (int64_t b; (b = ec_team_next(team, texts)) >= 0;) {
        scale_gradient(state, op->outputs[0], b);
        if (in->needs_grad) {
            sort_winners_by_token(state, b, in->lookup->learning);
        }
    }
    ec_team_barrier(team);
    for (struct ec_range filters; ec_team_next_range(team, state->filters, block, &filters);) {
        list_winners(state, texts, filters.begin, filters.end);
    }
    ec_team_barrier(team);
    for (int i = 0; i < state->branch_count; i++) {
        branch_gradients(op, step, team, &state->branches[i]);
    }
    if (in->needs_grad) {
        for (int64_t u; (u = ec_team_next(team, in->lookup->learning)) >= 0;) {
            table_gradient(op, u);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_token_conv_pool = {
    .name = "token_conv_pool",
    .state_bytes = sizeof(struct ec_token_conv_pool),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_TOKENS, EC_STEPS, {1, 1}},
    .parameters = {1, EC_ANY_NUMBER},
    .parameter_ranks = {{3, 3}, {1, 3}},
    .mixing = EC_MIXES_STEPS,
    .infer = ec_token_conv_pool_infer,
    .plan = ec_token_conv_pool_plan,
    .forward = forward,
    .backward = backward,
    .clear = ec_token_conv_pool_clear,
};
