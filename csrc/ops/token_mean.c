/* token_mean: tokens -> flat [B, D], the mean of a text's embeddings without writing them out (averaged-embedding
 * classifiers; some hundred to some ten thousand tokens a batch). Masked tokens do not count; a text without tokens
 * gives zeros and no gradient.
 *
 *     out[b] = sum over tokens i of b of values[row(i)] / n(b)
 *     d_values[u] = sum over i with row(i) = u of d_out[b(i)] / n(b(i)) */
#include "ops/op.h"

struct state {
    int32_t *rows;  /* [tokens] those that count, text after text */
    int32_t *begin; /* [B + 1] */
    float *share;   /* [B] 1 / n */

    /* backward */
    struct ec_occurrences occurrences;
    int32_t *text_of; /* [tokens] text of the i-th occurrence ... */
    float *share_of;  /* [tokens] ... and its share */
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    (void)report;
    op->outputs[0]->steps = EC_NO_STEPS;
    return EC_OK;
}

/* Occurrences name tokens; the gradient needs their texts. */
static ec_status plan_backward(struct state *state, struct ec_step *step, int64_t batch, int64_t distinct)
{
    int64_t tokens = state->begin[batch];
    int32_t *text = ec_arena_take(step->arena, tokens, sizeof *text);
    state->text_of = ec_arena_take(step->arena, tokens, sizeof *state->text_of);
    state->share_of = ec_arena_take(step->arena, tokens, sizeof *state->share_of);
    ec_status status = ec_occurrences_init(&state->occurrences, step->arena, state->rows, tokens, distinct);
    if (step->arena->failed || status != EC_OK) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < batch; b++) {
        for (int32_t i = state->begin[b]; i < state->begin[b + 1]; i++) {
            text[i] = (int32_t)b;
        }
    }
    for (int64_t i = 0; i < tokens; i++) {
        state->text_of[i] = text[state->occurrences.at[i]];
        state->share_of[i] = state->share[state->text_of[i]];
    }
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    const struct ec_layout *layout = in->layout;
    struct ec_tensor *out = op->outputs[0];
    out->rows = texts;
    ec_status status = ec_op_plan_gradients(op, step);
    if (status != EC_OK || (status = ec_tensor_take(out, step)) != EC_OK) {
        return status;
    }
    state->rows = ec_arena_take(step->arena, in->rows, sizeof *state->rows);
    state->begin = ec_arena_take(step->arena, texts + 1, sizeof *state->begin);
    state->share = ec_arena_take(step->arena, texts, sizeof *state->share);
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    int32_t count = 0;
    for (int64_t b = 0; b < texts; b++) {
        state->begin[b] = count;
        for (int64_t i = layout->offsets[b]; i < layout->offsets[b + 1]; i++) {
            state->rows[count] = in->token_rows[i];
            count += in->token_rows[i] >= 0;
        }
        state->share[b] = count > state->begin[b] ? 1.0f / (float)(count - state->begin[b]) : 0.0f;
    }
    state->begin[texts] = count;
    step->work += 2.0 * (double)count * (double)in->cols;
    return out->needs_grad ? plan_backward(state, step, texts, in->lookup->count) : EC_OK;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        float *y = out->data + b * out->cols;
        ec_kernels()->weighted_sum(y, 0, lookup->values, lookup->stride, state->rows + state->begin[b], NULL,
                                   state->begin[b + 1] - state->begin[b], out->cols);
        ec_kernels()->scale(y, y, state->share[b], out->cols);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    const struct ec_tensor *out = op->outputs[0];
    const int32_t *begin = state->occurrences.begin;
    for (int64_t u; (u = ec_team_next(team, lookup->count)) >= 0;) {
        ec_kernels()->weighted_sum(lookup->d_values + u * lookup->stride, op->adds_input[0], out->grad, out->cols,
                                   state->text_of + begin[u], state->share_of + begin[u], begin[u + 1] - begin[u],
                                   out->cols);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_token_mean = {
    .name = "token_mean",
    .state_bytes = sizeof(struct state),
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_TOKENS, EC_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
