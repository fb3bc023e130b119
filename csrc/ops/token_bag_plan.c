/* The plan of token_bag: which tokens count, where their weights stand, and for the gradient in which texts each
 * distinct row occurs. All is done by one thread, some nanoseconds a token. */
#include "ops/token_bag.h"

#include <math.h>

/* The texts in which each distinct row occurs, in rising order: a counting sort of the texts, or where weights are
 * asked for by token, of the tokens. */
static ec_status plan_backward(struct ec_token_bag *state, struct ec_step *step, int64_t batch, int64_t distinct)
{
    int64_t tokens = state->begin[batch];
    state->text_of = ec_arena_take(step->arena, tokens, sizeof *state->text_of);
    state->share_of = ec_arena_take(step->arena, tokens, sizeof *state->share_of);
    state->occurrences.at = state->weight ? ec_arena_take(step->arena, tokens, sizeof *state->occurrences.at) : NULL;
    int32_t *next = ec_occurrences_count(&state->occurrences, step->arena, state->rows, tokens, distinct);
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < batch; b++) {
        for (int32_t i = state->begin[b]; i < state->begin[b + 1]; i++) {
            if (state->rows[i] < distinct) { /* the others rest */
                int32_t place = next[state->rows[i]]++;
                state->text_of[place] = (int32_t)b;
                if (state->weight) { /* shares when they are known */
                    state->occurrences.at[place] = i;
                } else {
                    state->share_of[place] = state->share[b];
                }
            }
        }
    }
    return EC_OK;
}

/* The place of the weight of a token, which is stored at `row` of text b; EC_BAD_VALUE where there is none. */
static ec_status place_of_weight(const struct ec_op *op, struct ec_step *step, int64_t b, int64_t row, int32_t *place)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    const struct ec_tensor *weights = op->inputs[1];
    int64_t position = layout->starts[b] + row - layout->offsets[b];
    if (weights->layout) {
        int masked = weights->layout->masked;
        *place = position < weights->layout->width ? (int32_t)ec_layout_row(layout, b, row, weights->layout) : -1;
        if (masked || position < weights->layout->width) {
            return EC_OK;
        }
    } else if (position < weights->cols) {
        *place = (int32_t)(b * weights->cols + position);
        return EC_OK;
    }
    return ec_refuse(&step->report, "token_bag: text %lld has a token at place %lld, and weights for %lld places",
                     (long long)b, (long long)position,
                     (long long)(weights->layout ? weights->layout->width : weights->cols));
}

/* Which tokens count: all, or what is left of them in arrays of their own. */
static ec_status plan_tokens(struct ec_op *op, struct ec_step *step)
{
    struct ec_token_bag *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    int32_t signs = 0, count = 0;
    for (int64_t i = 0; i < in->rows; i++) {
        signs |= in->token_at[i];
    }
    state->at = in->token_at;
    state->rows = in->needs_grad ? in->token_rows : NULL;
    for (int64_t b = 0; signs >= 0 && b <= texts; b++) {
        state->begin[b] = (int32_t)in->layout->offsets[b];
    }
    if (signs >= 0) {
        return EC_OK;
    }
    int32_t *at = ec_arena_take(step->arena, in->rows, sizeof *at);
    int32_t *rows = state->rows ? ec_arena_take(step->arena, in->rows, sizeof *rows) : NULL;
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < texts; b++) {
        state->begin[b] = count;
        for (int64_t i = in->layout->offsets[b]; i < in->layout->offsets[b + 1]; i++) {
            at[count] = in->token_at[i];
            if (rows) {
                rows[count] = in->token_rows[i];
            }
            count += in->token_at[i] >= 0;
        }
    }
    state->begin[texts] = count;
    state->at = at;
    state->rows = rows;
    return EC_OK;
}

/* The places of the weights of the tokens that count. */
static ec_status plan_weights(struct ec_op *op, struct ec_step *step)
{
    const struct ec_token_bag *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in), count = 0;
    for (int64_t b = 0; b < texts; b++) {
        for (int64_t i = in->layout->offsets[b]; i < in->layout->offsets[b + 1]; i++) {
            if (in->token_at[i] >= 0) {
                ec_status status = place_of_weight(op, step, b, i, &state->weight_at[count++]);
                if (status != EC_OK) {
                    return status;
                }
            }
        }
    }
    return EC_OK;
}

/* Where no weights are given. */
static void plan_shares(const struct ec_token_bag *state, int64_t texts)
{
    for (int64_t b = 0; b < texts; b++) {
        float tokens = (float)(state->begin[b + 1] - state->begin[b]);
        state->share[b] = tokens == 0.0f                ? 0.0f
                          : state->mode == EC_BAG_MEAN  ? 1.0f / tokens
                          : state->mode == EC_BAG_SQRTN ? 1.0f / sqrtf(tokens)
                                                        : 1.0f;
    }
}

ec_status ec_token_bag_plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_token_bag *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in), weights = op->input_count == 2 ? in->rows : 0;
    struct ec_tensor *out = op->outputs[0];
    out->rows = texts;
    if (weights && op->inputs[1]->rows * op->inputs[1]->cols > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    ec_status status = ec_op_plan_gradients(op, step);
    if (status != EC_OK || (status = ec_tensor_take(out, step)) != EC_OK) {
        return status;
    }
    int is_max = state->mode == EC_BAG_MAX;
    state->begin = ec_arena_take(step->arena, texts + 1, sizeof *state->begin);
    state->share = ec_arena_take(step->arena, texts, sizeof *state->share);
    state->weight = op->input_count == 2 ? ec_arena_take(step->arena, weights, sizeof *state->weight) : NULL;
    state->weight_at = op->input_count == 2 ? ec_arena_take(step->arena, weights, sizeof *state->weight_at) : NULL;
    state->winner = is_max ? ec_arena_take(step->arena, texts * out->cols, sizeof *state->winner) : NULL;
    int reads_rows = is_max || (op->input_count == 2 && op->inputs[1]->needs_grad);
    state->room = NULL;
    if (reads_rows && in->lookup->token_values.storage != EC_FLOAT32) {
        state->room = ec_arena_take(step->arena, step->threads * out->cols, sizeof *state->room);
    }
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    if ((status = plan_tokens(op, step)) != EC_OK || (state->weight && (status = plan_weights(op, step)) != EC_OK)) {
        return status;
    }
    plan_shares(state, texts);
    step->work += 2.0 * (double)state->begin[texts] * (double)in->cols;
    if (!in->needs_grad) {
        return EC_OK;
    }
    if (is_max) {
        state->sums = ec_arena_take(step->arena, in->lookup->learning * in->lookup->stride, sizeof *state->sums);
        return state->sums ? EC_OK : EC_NO_MEMORY;
    }
    in->lookup->maker.make = ec_token_bag_make_row;
    in->lookup->maker.operation = op;
    return plan_backward(state, step, texts, in->lookup->learning);
}
