/* token_bag: tokens -> flat [B, D], the rows of a text summed, averaged or their maximum taken without writing them out
 * (averaged-embedding classifiers, bags of features; some hundred to some ten thousand tokens a batch). Masked tokens
 * do not count; a text without tokens gives zeros and no gradient. A second input holds a weight for each token, [B, T]
 * or [B, T, 1]; without it all are 1.
 *
 *     sum, mean, sqrtn: out[b] = s(b) sum over tokens i of b of w(i) values[row(i)], s = 1, 1 / sum of w, or
 *                       1 / sqrt(sum of w^2); 0 where that divides by 0
 *                       d_values[u] = sum over i with row(i) = u of w(i) s(b(i)) d_out[b(i)]
 *                       d_w[i] = s(b) d_out[b] . (values[row(i)] - k out[b]), k = 0, 1 or w(i) s(b)
 *     max:              out[b] = values[row(i*)], the first of equal ones; NaN wins        d_values[row(i*)] +=
 * d_out[b]
 */
#include "ops/token_bag.h"

#include <math.h>
#include <string.h>

static const char *const mode_names[] = {"mean", "sum", "sqrtn", "max", NULL};
static const struct ec_attribute attributes[] = {
    {"mode", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_token_bag, mode), mode_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_token_bag *state = op->state;
    op->outputs[0]->steps = EC_NO_STEPS;
    if (op->input_count == 1) {
        return EC_OK;
    }
    const struct ec_tensor *in = op->inputs[0], *weights = op->inputs[1];
    if (state->mode == EC_BAG_MAX) {
        return ec_refuse(report, "token_bag: a maximum takes no weights");
    }
    if (weights->steps != EC_NO_STEPS && weights->cols != 1) {
        return ec_refuse(report, "token_bag: weights with %lld values a step; allowed are [B, T] or [B, T, 1]",
                         (long long)weights->cols);
    }
    if (weights->steps == EC_NO_STEPS && in->steps >= 0 && in->steps != weights->cols) {
        return ec_refuse(report, "token_bag: %lld weights for texts of %lld tokens", (long long)weights->cols,
                         (long long)in->steps);
    }
    return EC_OK;
}

/* -- forward -------------------------------------------------------------------------------------------------- */
/* The weights of a text's tokens, and its share. */
static void read_weights(const struct ec_op *op, int64_t b)
{
    const struct ec_token_bag *state = op->state;
    double sum = 0.0;
    for (int32_t i = state->begin[b]; i < state->begin[b + 1]; i++) {
        double weight = state->weight_at[i] < 0 ? 0.0 : op->inputs[1]->data[state->weight_at[i]];
        state->weight[i] = (float)weight;
        sum += state->mode == EC_BAG_SQRTN ? weight * weight : weight;
    }
    double divisor = state->mode == EC_BAG_SUM ? 1.0 : state->mode == EC_BAG_SQRTN ? sqrt(sum) : sum;
    state->share[b] = divisor == 0.0 || state->begin[b] == state->begin[b + 1] ? 0.0f : (float)(1.0 / divisor);
}

/* The row of token i, which is read into `room` where it is stored in fewer bits. */
static const float *row_of_token(const struct ec_token_bag *state, const struct ec_lookup_rows *lookup, int32_t i,
                                 float *room)
{
    const struct ec_table_rows *rows = &lookup->token_values;
    if (rows->storage == EC_FLOAT32) {
        return (const float *)rows->data + state->at[i] * rows->stride;
    }
    ec_kernels()->read_stored(room, rows, state->at[i], lookup->width);
    return room;
}

static void take_maximum(const struct ec_token_bag *state, const struct ec_lookup_rows *lookup, float *y, int64_t b,
                         int64_t cols, float *room)
{
    int32_t *winner = state->winner + b * cols, first = state->begin[b];
    const int32_t *names = state->rows ? state->rows : state->at; /* of the rows, for the gradient */
    if (first == state->begin[b + 1]) {
        memset(y, 0, (size_t)cols * sizeof *y);
        memset(winner, 0xff, (size_t)cols * sizeof *winner);
        return;
    }
    memcpy(y, row_of_token(state, lookup, first, room), (size_t)cols * sizeof *y);
    for (int64_t c = 0; c < cols; c++) {
        winner[c] = names[first];
    }
    for (int32_t i = first + 1; i < state->begin[b + 1]; i++) {
        ec_kernels()->maximum_into(y, winner, row_of_token(state, lookup, i, room), names[i], cols);
    }
}

static const int64_t texts_at_once = 16;

/* Of text b; tokens before `end` are those of this thread's texts. */
static void sum_rows(const struct ec_token_bag *state, const struct ec_lookup_rows *lookup, float *y, int64_t b,
                     int32_t end, int64_t cols)
{
    const struct ec_table_rows *rows = &lookup->token_values;
    const int32_t *at = state->at + state->begin[b];
    const float *weight = state->weight ? state->weight + state->begin[b] : NULL;
    int64_t count = state->begin[b + 1] - state->begin[b];
    if (lookup->tokens_far || rows->storage != EC_FLOAT32) {
        int64_t known = lookup->tokens_far ? end - state->begin[b] : 0;
        ec_kernels()->table_sum(y, rows, at, weight, count, known, cols);
    } else {
        ec_kernels()->weighted_sum(y, 0, rows->data, rows->stride, at, weight, count, cols);
    }
}

static void forward_text(struct ec_op *op, int64_t b, int32_t end, float *room)
{
    const struct ec_token_bag *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    const struct ec_tensor *out = op->outputs[0];
    float *y = out->data + b * out->cols;
    if (state->mode == EC_BAG_MAX) {
        take_maximum(state, lookup, y, b, out->cols, room);
        return;
    }
    if (state->weight) {
        read_weights(op, b);
    }
    sum_rows(state, lookup, y, b, end, out->cols);
    if (state->mode != EC_BAG_SUM) {
        ec_kernels()->scale(y, y, state->share[b], out->cols);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_token_bag *state = op->state;
    int64_t texts = ec_tensor_texts(op->inputs[0]);
    /* Texts in a row, so that a thread asks for rows that it will read itself; some for each thread to be fair. */
    int64_t block = ec_least(texts_at_once, texts / (8 * team->size) + 1);
    float *room = state->room ? state->room + team->index * op->outputs[0]->cols : NULL;
    for (struct ec_range part; ec_team_next_range(team, texts, block, &part);) {
        for (int64_t b = part.begin; b < part.end; b++) {
            forward_text(op, b, state->begin[part.end], room);
        }
    }
    ec_team_barrier(team);
}

/* -- backward ------------------------------------------------------------------------------------------------- */
static const int64_t column_block = 64;

/* Column by column, text after text: the order in which the general path adds up. */
static void backward_max(struct ec_op *op, struct ec_team *team)
{
    const struct ec_token_bag *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    const struct ec_tensor *out = op->outputs[0];
    float *sums = op->adds_input[0] ? state->sums : lookup->d_values;
    for (struct ec_range cols; ec_team_next_range(team, out->cols, column_block, &cols);) {
        int64_t n = cols.end - cols.begin;
        for (int64_t u = 0; u < lookup->learning; u++) {
            memset(sums + u * lookup->stride + cols.begin, 0, (size_t)n * sizeof *sums);
        }
        for (int64_t b = 0; b < out->rows; b++) {
            for (int64_t c = cols.begin; c < cols.end; c++) {
                int32_t u = state->winner[b * out->cols + c];
                if (u >= 0 && u < lookup->learning) {
                    sums[u * lookup->stride + c] += out->grad[b * out->cols + c];
                }
            }
        }
        for (int64_t u = 0; op->adds_input[0] && u < lookup->learning; u++) {
            ec_kernels()->add(lookup->d_values + u * lookup->stride + cols.begin,
                              sums + u * lookup->stride + cols.begin, n);
        }
    }
}

static void share_weights(const struct ec_token_bag *state, int64_t occurrences, struct ec_team *team)
{
    const int64_t block = 1024;
    for (struct ec_range part; ec_team_next_range(team, occurrences, block, &part);) {
        for (int64_t i = part.begin; i < part.end; i++) {
            state->share_of[i] = state->weight[state->occurrences.at[i]] * state->share[state->text_of[i]];
        }
    }
    ec_team_barrier(team);
}

/* d . (row - k out); eight sums, so that the compiler may use vectors. */
static float weight_gradient(const float *d, const float *row, const float *out, float k, int64_t n)
{
    float sums[8] = {0.0f}, total = 0.0f;
    for (int64_t c = 0; c < n; c++) {
        sums[c & 7] += d[c] * (row[c] - k * out[c]);
    }
    for (int lane = 0; lane < 8; lane++) {
        total += sums[lane];
    }
    return total;
}

static void backward_weights(struct ec_op *op, struct ec_team *team)
{
    const struct ec_token_bag *state = op->state;
    const struct ec_tensor *weights = op->inputs[1], *out = op->outputs[0];
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    float *room = state->room ? state->room + team->index * out->cols : NULL;
    for (int64_t b; (b = ec_team_next(team, out->rows)) >= 0;) {
        int64_t first = ec_tensor_row(weights, b) * weights->cols, end = ec_tensor_row(weights, b + 1) * weights->cols;
        if (!op->adds_input[1]) {
            memset(weights->grad + first, 0, (size_t)(end - first) * sizeof *weights->grad);
        }
        for (int32_t i = state->begin[b]; i < state->begin[b + 1]; i++) {
            if (state->weight_at[i] >= 0) {
                float k = state->mode == EC_BAG_MEAN    ? 1.0f
                          : state->mode == EC_BAG_SQRTN ? state->weight[i] * state->share[b]
                                                        : 0.0f;
                weights->grad[state->weight_at[i]] +=
                    state->share[b] * weight_gradient(out->grad + b * out->cols, row_of_token(state, lookup, i, room),
                                                      out->data + b * out->cols, k, out->cols);
            }
        }
    }
}

/* The gradient of distinct row u, into `row` or added to it. */
static void gradient_of_row(const struct ec_op *op, float *row, int adds, int64_t u)
{
    const struct ec_token_bag *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    int32_t begin = state->occurrences.begin[u], end = state->occurrences.begin[u + 1];
    ec_kernels()->weighted_sum(row, adds, out->grad, out->cols, state->text_of + begin, state->share_of + begin,
                               end - begin, out->cols);
}

void ec_token_bag_make_row(const void *operation, float *row, int64_t u) { gradient_of_row(operation, row, 0, u); }

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_token_bag *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    if (op->input_count == 2 && op->inputs[1]->needs_grad) {
        backward_weights(op, team);
    }
    if (op->inputs[0]->needs_grad && state->mode == EC_BAG_MAX) {
        backward_max(op, team);
    } else if (op->inputs[0]->needs_grad) {
        if (state->weight) {
            share_weights(state, state->occurrences.begin[lookup->learning], team);
        }
        int64_t rows = lookup->maker.used ? 0 : lookup->learning; /* else they are made for the update */
        for (int64_t u; (u = ec_team_next(team, rows)) >= 0;) {
            gradient_of_row(op, lookup->d_values + u * lookup->stride, op->adds_input[0], u);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_token_bag = {
    .name = "token_bag",
    .state_bytes = sizeof(struct ec_token_bag),
    .attributes = attributes,
    .inputs = {1, 2},
    .outputs = {1, 1},
    .first = {EC_TOKENS, EC_STEPS, {1, 1}},
    .others = {EC_FLOATS, EC_STEPS_OR_NONE, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .reads_each_token = 1,
    .infer = infer,
    .plan = ec_token_bag_plan,
    .forward = forward,
    .backward = backward,
};
