/* The way back of a recurrent layer: the time loop gives the gradients of all gates' sums; those of the weights and of
 * x follow in one product each over all tokens (over the distinct ids where they are tokens). Planned in
 * ops/recurrent.c, whose head has the formulas. B 1 to 512, T 10 to 400, H 16 to 1024. */
#include "ops/recurrent.h"

#include "matrix/parts.h"

#include <string.h>

enum {
    COL_BLOCK = 256,
    TURNED_BLOCK = 64
};

/* d_x (+)= da W^T */
static struct ec_product d_input_product(const struct ec_op *op, float *out, int64_t out_stride, int add,
                                         const float *da, int64_t rows)
{
    const struct ec_recurrent *state = op->state;
    int64_t cols = op->inputs[0]->cols, gates = state->gates;
    return (struct ec_product){.out = out,
                               .out_stride = out_stride,
                               .accumulate = add,
                               .a = ec_matrix(da, rows, gates, gates),
                               .b = ec_transposed(ec_recurrent_kernel(state, op->parameters[0]->value, cols)),
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

/* Gradient (+)= left^T da, of a weight that left [tokens, depth of the weight] was multiplied with; from its column
 * `col` on. */
static struct ec_product d_weight_product(const struct ec_op *op, int number, int64_t col, struct ec_matrix left,
                                          struct ec_matrix da)
{
    const struct ec_recurrent *state = op->state;
    int turned = state->transposed != 0;
    return (struct ec_product){.out = op->parameters[number]->gradient.values + col * (turned ? left.cols : 1),
                               .out_stride = turned ? left.cols : state->gates,
                               .accumulate = op->adds_parameter[number],
                               .a = ec_transposed(turned ? da : left),
                               .b = turned ? left : da,
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

/* The gradient of a weight, or of a part of it. A transposed one is computed as the others, which is faster, and then
 * turned; not where it is added to. */
static void weight_gradient(const struct ec_op *op, struct ec_team *team, int number, int64_t col,
                            struct ec_matrix left, struct ec_matrix da)
{
    const struct ec_recurrent *state = op->state;
    struct ec_product product = d_weight_product(op, number, col, left, da);
    int turns = state->transposed && !op->adds_parameter[number];
    float *out = product.out;
    if (turns) {
        product.out = state->turned;
        product.out_stride = da.cols;
        product.a = ec_transposed(left);
        product.b = da;
    }
    ec_product_run_parts(team, &product);
    for (struct ec_range some; turns && ec_team_next_range(team, da.cols, TURNED_BLOCK, &some);) {
        ec_kernels()->transpose(out + some.begin * left.cols, left.cols, state->turned + some.begin, da.cols,
                                some.end - some.begin, left.cols);
    }
    if (turns) {
        ec_team_barrier(team);
    }
}

static int is_wanted(const struct ec_tensor *output) { return output->needs_grad && output->writers > 0; }

/* Gradients of the last states by rank, of outputs that something read. */
static void enter_gradients(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct ec_recurrent *state = op->state;
    struct ec_recurrence *r = &state->recurrence;
    for (int64_t rank; (rank = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        int64_t b = state->steps.text[rank];
        float *d[] = {r->d_state + rank * r->units, r->d_carry + rank * r->units};
        memset(d[0], 0, (size_t)r->units * sizeof(float));
        memset(d[1], 0, (size_t)r->units * sizeof(float));
        for (int i = 0; i < op->output_count; i++) {
            if (op->outputs[i]->steps == EC_NO_STEPS && is_wanted(op->outputs[i])) {
                ec_kernels()->add(d[i == 2], op->outputs[i]->grad + b * r->units, r->units);
            }
        }
    }
    ec_team_barrier(team);
}

/* d_W_h (+)= state^T da over all tokens: the gates', and apart from them the candidate's of GRU, whose inner product
 * has a gradient of its own, or with the reset before another left operand. */
static void recurrent_gradient(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_recurrence *r = &state->recurrence;
    int64_t first = ec_recurrent_first_row(r), rows = state->rows - first, cols = ec_recurrent_cols_of_state(state);
    struct ec_matrix states = ec_matrix(r->state + first * r->units, rows, r->units, r->units);
    const float *da = r->gates + first * state->gates;
    weight_gradient(op, team, 1, 0, states, ec_matrix(da, rows, cols, state->gates));
    if (!r->inner) {
        return;
    }
    struct ec_matrix inner = ec_matrix(r->inner + first * r->units, rows, r->units, r->units);
    if (r->cell == EC_CELL_GRU) {
        weight_gradient(op, team, 1, cols, states, inner);
    } else {
        weight_gradient(op, team, 1, cols, inner, ec_matrix(da + cols, rows, r->units, state->gates));
    }
}

/* Part of a bias gradient (+)= column sums of `rows` rows. No barrier. */
static void column_sums(struct ec_team *team, float *out, int add, const float *in, int64_t stride, int64_t rows,
                        int64_t cols)
{
    for (struct ec_range some; ec_team_next_range(team, cols, COL_BLOCK, &some);) {
        ec_kernels()->column_sum(out + some.begin, add, in + some.begin, stride, rows, some.end - some.begin);
    }
}

/* da: summed over the tokens of an id or not, `rows` of them. GRU's second bias belongs to its recurrent products: z
 * and r as in the first, the candidate apart. */
static void bias_gradient(const struct ec_op *op, struct ec_team *team, const float *da, int64_t rows)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_recurrence *r = &state->recurrence;
    float *d_bias = op->parameters[2]->gradient.values, *second = d_bias + state->gates;
    int add = op->adds_parameter[2];
    column_sums(team, d_bias, add, da, state->gates, rows, state->gates);
    if (r->cell == EC_CELL_GRU) {
        column_sums(team, second, add, da, state->gates, rows, 2 * r->units);
        column_sums(team, second + 2 * r->units, add, r->inner, r->units, state->rows, r->units);
    }
}

/* d_source[u] = sum of da over the tokens of distinct id u. */
static void sum_over_tokens(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_occurrences *where = &state->occurrences;
    int64_t blocks = ec_ceil_div(state->gates, COL_BLOCK), distinct = op->inputs[0]->lookup->count;
    for (int64_t tile; (tile = ec_team_next(team, distinct * blocks)) >= 0;) {
        int64_t u = tile / blocks, col = tile % blocks * COL_BLOCK;
        int64_t cols = ec_least(COL_BLOCK, state->gates - col);
        ec_kernels()->weighted_sum(state->d_source + u * state->gates + col, 0, state->recurrence.gates + col,
                                   state->gates, where->at + where->begin[u], NULL,
                                   where->begin[u + 1] - where->begin[u], cols);
    }
    ec_team_barrier(team);
}

/* The gradient of a sequence: in the order of the steps into rows_of_x, then to its places. */
static void sequence_gradient(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_product product =
        d_input_product(op, state->rows_of_x, in->cols, 0, state->recurrence.gates, state->rows);
    ec_product_run_parts(team, &product);
    if (!op->adds_input[0] && in->layout->mask) {
        for (int64_t b; (b = ec_team_next(team, in->layout->batch)) >= 0;) {
            int64_t first = in->layout->offsets[b], end = in->layout->offsets[b + 1];
            memset(in->grad + first * in->cols, 0, (size_t)((end - first) * in->cols) * sizeof(float));
        }
        ec_team_barrier(team);
    }
    for (int64_t row; (row = ec_team_next(team, state->rows)) >= 0;) {
        float *out = in->grad + state->steps.row[row] * in->cols;
        if (op->adds_input[0]) {
            ec_kernels()->add(out, state->rows_of_x + row * in->cols, in->cols);
        } else {
            memcpy(out, state->rows_of_x + row * in->cols, (size_t)in->cols * sizeof *out);
        }
    }
    ec_team_barrier(team);
}

/* Gradients of the first states back to their texts. */
static void leave_gradients(const struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_recurrent *state = op->state;
    const struct ec_recurrence *r = &state->recurrence;
    for (int64_t rank; (rank = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        int64_t b = state->steps.text[rank];
        for (int i = 1; i < op->input_count; i++) {
            const float *d = (i == 1 ? r->d_state : r->d_carry) + rank * r->units;
            float *out = op->inputs[i]->grad + b * r->units;
            if (!op->inputs[i]->needs_grad) {
                continue;
            }
            if (op->adds_input[i]) {
                ec_kernels()->add(out, d, r->units);
            } else {
                memcpy(out, d, (size_t)r->units * sizeof *out);
            }
        }
    }
    ec_team_barrier(team);
}

void ec_recurrent_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_recurrence r = state->recurrence;
    enter_gradients(op, step, team);
    r.d_out = state->return_sequences && is_wanted(op->outputs[0]) ? op->outputs[0]->grad : NULL;
    ec_recurrence_backward(team, &r);
    leave_gradients(op, step, team);
    if (op->parameters[1]->trainable) {
        recurrent_gradient(op, team);
    }
    const float *da = r.gates, *x = state->rows_of_x;
    int64_t rows = state->rows, stride = in->cols;
    if (in->dtype == EC_TOKENS) {
        sum_over_tokens(op, team);
        da = state->d_source;
        x = in->lookup->values;
        rows = in->lookup->count;
        stride = in->lookup->stride;
    }
    if (state->use_bias && op->parameters[2]->trainable) {
        bias_gradient(op, team, da, rows);
    }
    if (op->parameters[0]->trainable) {
        weight_gradient(op, team, 0, 0, ec_matrix(x, rows, in->cols, stride),
                        ec_matrix(da, rows, state->gates, state->gates));
    }
    if (in->needs_grad && in->dtype == EC_TOKENS) {
        struct ec_product product =
            d_input_product(op, in->lookup->d_values, in->lookup->stride, op->adds_input[0], da, in->lookup->learning);
        ec_product_run_parts(team, &product);
    } else if (in->needs_grad) {
        sequence_gradient(op, team);
    }
    ec_team_barrier(team);
}
