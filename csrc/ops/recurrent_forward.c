/* The way forward of a recurrent layer: states and masks are brought into the order of the steps, x W is computed for
 * all tokens at once (for the distinct ids where they are tokens), the time loop runs, and what it leaves goes to the
 * texts. Planned in ops/recurrent.c, whose head has the formulas. B 1 to 512, T 10 to 400, H 16 to 1024. */
#include "ops/recurrent.h"

#include "base/random.h"
#include "matrix/parts.h"

#include <string.h>

enum {
    ROW_BLOCK = 32
};

/* x W */
static struct ec_product input_product(const struct ec_op *op, float *out, const float *x, int64_t x_stride,
                                       int64_t rows)
{
    const struct ec_recurrent *state = op->state;
    return (struct ec_product){.out = out,
                               .out_stride = state->gates,
                               .a = ec_matrix(x, rows, op->inputs[0]->cols, x_stride),
                               .b = ec_recurrent_kernel(state, op->parameters[0]->value, op->inputs[0]->cols),
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

/* Everything that the time loop reads but the input's part of the gates. */
static void prepare(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct ec_recurrent *state = op->state;
    struct ec_recurrence *r = &state->recurrence;
    size_t bytes = (size_t)r->units * sizeof(float);
    if (team->index == 0) {
        memset(r->zeros, 0, bytes);
        for (int64_t k = 0; r->count_up && k < r->units; k++) {
            r->count_up[k] = (int32_t)k;
        }
        if (state->use_bias) {
            const float *bias = op->parameters[2]->value;
            memcpy(state->bias, bias, (size_t)state->gates * sizeof *bias);
            if (r->cell == EC_CELL_GRU) {
                ec_kernels()->add(state->bias, bias + state->gates, 2 * r->units);
            }
        }
        if (r->state_mask) {
            ec_kernels()->fill(state->ones, 1.0f, r->units);
        }
    }
    ec_team_barrier(team);
    uint64_t key = ec_random_key(step->key, (uint64_t)state->layer);
    for (int64_t rank; (rank = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        int64_t b = state->steps.text[rank];
        for (int i = 1; i < op->input_count; i++) {
            memcpy(state->first[i - 1] + rank * r->units, op->inputs[i]->data + b * r->units, bytes);
        }
        for (int i = 0; state->stateful && i < state->states; i++) {
            memcpy(state->first[i] + rank * r->units, op->parameters[state->kept + i]->value + b * r->units, bytes);
        }
        if (r->state_mask) { /* one mask a text, as Keras; position -1 keeps it apart from dropout of the input */
            ec_kernels()->dropout((float *)r->state_mask + rank * r->units, state->ones,
                                  ec_random_key(ec_random_key(key, (uint64_t)b), UINT64_MAX),
                                  (uint32_t)(state->recurrent_dropout * 4294967296.0),
                                  (float)(1.0 / (1.0 - state->recurrent_dropout)), r->units);
        }
    }
}

/* x W for the distinct ids, with the bias. */
static void project_tokens(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    struct ec_product product = input_product(op, state->source, lookup->values, lookup->stride, lookup->count);
    ec_product_run_parts(team, &product);
    for (int64_t u; state->use_bias && (u = ec_team_next(team, lookup->count)) >= 0;) {
        ec_kernels()->add(state->source + u * state->gates, state->bias, state->gates);
    }
    ec_team_barrier(team);
}

/* x W for all rows, in the order of the steps; the bias comes in the time loop, and may the product. */
static void project_rows(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    for (struct ec_range rows; ec_team_next_range(team, state->rows, ROW_BLOCK, &rows);) {
        for (int64_t row = rows.begin; row < rows.end; row++) {
            memcpy(state->rows_of_x + row * in->cols, in->data + state->steps.row[row] * in->cols,
                   (size_t)in->cols * sizeof(float));
        }
    }
    ec_team_barrier(team);
    if (state->recurrence.x) {
        return;
    }
    struct ec_product product = input_product(op, state->recurrence.gates, state->rows_of_x, in->cols, state->rows);
    ec_product_run_parts(team, &product);
}

/* Rows of masked tokens inside a text hold the output before them, or zeros. */
static void fill_masked(const struct ec_op *op, int64_t b)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_layout *layout = op->outputs[0]->layout;
    int64_t first = layout->offsets[b], end = layout->offsets[b + 1];
    size_t bytes = (size_t)state->units * sizeof(float);
    int falls = state->reverse && state->keep_order;
    const float *last = NULL;
    for (int64_t i = 0; i < end - first; i++) {
        int64_t row = falls ? end - 1 - i : first + i;
        float *out = op->outputs[0]->data + row * state->units;
        if (layout->mask[row]) {
            last = out;
        } else if (!last || state->zero_output_for_mask) {
            memset(out, 0, bytes);
        } else {
            memcpy(out, last, bytes);
        }
    }
}

/* The last states from ranks to texts. */
static void leave(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_recurrent *state = op->state;
    size_t bytes = (size_t)state->units * sizeof(float);
    for (int64_t rank; (rank = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        int64_t b = state->steps.text[rank];
        if (!state->return_sequences) {
            memcpy(op->outputs[0]->data + b * state->units, state->last[0] + rank * state->units, bytes);
        } else if (op->outputs[0]->layout->mask) {
            fill_masked(op, b);
        }
        for (int i = 1; i < op->output_count; i++) {
            memcpy(op->outputs[i]->data + b * state->units, state->last[i - 1] + rank * state->units, bytes);
        }
        for (int i = 0; state->stateful && i < state->states; i++) {
            memcpy(op->parameters[state->kept + i]->value + b * state->units, state->last[i] + rank * state->units,
                   bytes);
        }
    }
    ec_team_barrier(team);
}

void ec_recurrent_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct ec_recurrent *state = op->state;
    prepare(op, step, team);
    if (op->inputs[0]->dtype == EC_TOKENS) {
        project_tokens(op, team);
    } else {
        project_rows(op, team);
    }
    ec_team_barrier(team);
    ec_recurrence_forward(team, &state->recurrence);
    leave(op, step, team);
}
