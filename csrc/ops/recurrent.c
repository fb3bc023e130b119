/* lstm, gru, simple_rnn: tokens or a sequence -> sequence of states [B, T, H], or the last state [B, H] of each text.
 * Layers over words or characters: B 1 to 512, T 10 to 400, H 16 to 1024.
 *
 *     x W + b      over tokens: one product over the distinct ids (design, saving 1), rows gathered at each step
 *     a_s = x_s W + b + h_{s-1} W_h, h_s = cell(a_s)          matrix/recurrence.h, in the order of batch/steps.h
 *
 * Backward, with da the gradients of a for all tokens at once:
 *     d_W_h = sum over tokens of h_{s-1}^T da        d_W = x^T da        d_b = column sums of da        d_x = da W^T
 * where tokens are shared, da is first summed over the tokens of each distinct id.
 *
 * Masked tokens keep the state; their output is the one before, or zeros, and takes no gradient. Inputs: x, then the
 * first states where `initial_state`; outputs: the states, then the last ones (h, LSTM: c) where `return_state`. */
#include "ops/op.h"

#include "base/random.h"
#include "batch/steps.h"
#include "matrix/parts.h"
#include "matrix/recurrence.h"

#include <string.h>

enum {
    COL_BLOCK = 256,
    ROW_BLOCK = 32
};

struct state {
    int cell;
    int use_bias, return_sequences, return_state, initial_state, stateful, reverse, keep_order, zero_output_for_mask;
    int activation, recurrent_activation, layer, reset_after;
    double recurrent_dropout;

    int64_t units, gates; /* gates: columns of all of them, G H */
    int states;           /* 2: LSTM */
    int kept;             /* number of the first kept state among the parameters */

    /* of the step */
    struct ec_steps steps;
    struct ec_recurrence recurrence;
    int64_t rows;     /* tokens read */
    float *rows_of_x; /* sequence: [rows, C] in the order of the steps */
    float *source;    /* tokens: [U, G H] */
    float *d_source;
    int32_t *source_row;
    int64_t *out_row;
    float *bias;               /* [G H] GRU: both together, where they are added alike */
    float *first[2], *last[2]; /* by rank */
    float *ones;
    float *workspace;
    struct ec_occurrences occurrences;
};

static const char *const activations[] = {"linear",   "relu",         "tanh", "sigmoid",     "softplus",
                                          "softsign", "elu",          "selu", "exponential", "leaky_relu",
                                          "relu6",    "hard_sigmoid", NULL};
static const struct state simple_defaults = {.cell = EC_CELL_SIMPLE, .use_bias = 1, .activation = EC_TANH};
static const struct state lstm_defaults = {
    .cell = EC_CELL_LSTM, .use_bias = 1, .activation = EC_TANH, .recurrent_activation = EC_SIGMOID};
static const struct state gru_defaults = {
    .cell = EC_CELL_GRU, .use_bias = 1, .activation = EC_TANH, .recurrent_activation = EC_SIGMOID, .reset_after = 1};
static const struct ec_attribute attributes[] = {
    {"use_bias", EC_ATTRIBUTE_INT, offsetof(struct state, use_bias), NULL},
    {"return_sequences", EC_ATTRIBUTE_INT, offsetof(struct state, return_sequences), NULL},
    {"return_state", EC_ATTRIBUTE_INT, offsetof(struct state, return_state), NULL},
    {"initial_state", EC_ATTRIBUTE_INT, offsetof(struct state, initial_state), NULL},
    {"stateful", EC_ATTRIBUTE_INT, offsetof(struct state, stateful), NULL},
    {"reverse", EC_ATTRIBUTE_INT, offsetof(struct state, reverse), NULL},
    {"keep_order", EC_ATTRIBUTE_INT, offsetof(struct state, keep_order), NULL},
    {"zero_output_for_mask", EC_ATTRIBUTE_INT, offsetof(struct state, zero_output_for_mask), NULL},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), activations},
    {"recurrent_activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, recurrent_activation), activations},
    {"reset_after", EC_ATTRIBUTE_INT, offsetof(struct state, reset_after), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"recurrent_dropout", EC_ATTRIBUTE_FLOAT, offsetof(struct state, recurrent_dropout), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer_parameters(struct ec_op *op, char *message, size_t bytes)
{
    struct state *state = op->state;
    int64_t gates = ec_recurrence_gates((enum ec_cell)state->cell);
    const int64_t kernel_dims[] = {op->inputs[0]->cols, -1};
    ec_status status = ec_infer_parameter(op, 0, 2, kernel_dims, message, bytes);
    if (status != EC_OK) {
        return status;
    }
    state->gates = op->parameters[0]->dims[1];
    state->units = state->gates / gates;
    if (state->gates % gates || state->units > INT32_MAX / 4) {
        return ec_infer_error(message, bytes, "%s: the kernel has %lld columns; expected %lld for each unit",
                              op->type->name, (long long)state->gates, (long long)gates);
    }
    const int64_t recurrent_dims[] = {state->units, state->gates}, both_dims[] = {2, state->gates};
    status = ec_infer_parameter(op, 1, 2, recurrent_dims, message, bytes);
    if (status == EC_OK && state->use_bias) {
        int gru = state->cell == EC_CELL_GRU;
        status = ec_infer_parameter(op, 2, gru ? 2 : 1, gru ? both_dims : &state->gates, message, bytes);
    }
    const int64_t kept_dims[] = {-1, state->units};
    for (int i = state->kept; status == EC_OK && i < op->parameter_count; i++) {
        status = ec_infer_parameter(op, i, 2, kept_dims, message, bytes);
    }
    return status;
}

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    struct state *state = op->state;
    if (state->cell == EC_CELL_GRU && !state->reset_after) {
        state->cell = EC_CELL_GRU_RESET_BEFORE;
    }
    state->states = state->cell == EC_CELL_LSTM ? 2 : 1;
    state->kept = state->use_bias ? 3 : 2;
    int parameters = state->kept + state->states * (state->stateful != 0);
    if (state->stateful && state->initial_state) {
        return ec_infer_error(message, bytes, "%s: a stateful layer takes no initial state", op->type->name);
    }
    ec_status status =
        ec_infer_counts(op, 1 + state->states * (state->initial_state != 0),
                        1 + state->states * (state->return_state != 0), parameters, parameters, message, bytes);
    if (status != EC_OK) {
        return status;
    }
    if (op->inputs[0]->kind != EC_TOKENS && op->inputs[0]->kind != EC_SEQUENCE) {
        return ec_infer_error(message, bytes, "%s: expected tokens or a sequence", op->type->name);
    }
    if ((status = infer_parameters(op, message, bytes)) != EC_OK) {
        return status;
    }
    if (!(state->recurrent_dropout >= 0.0 && state->recurrent_dropout < 1.0)) {
        return ec_infer_error(message, bytes, "%s: recurrent_dropout = %g is outside [0, 1)", op->type->name,
                              state->recurrent_dropout);
    }
    for (int i = 1; i < op->input_count; i++) {
        if (op->inputs[i]->kind != EC_FLAT || op->inputs[i]->cols != state->units) {
            return ec_infer_error(message, bytes,
                                  "%s: initial state %d has %lld columns; expected one row of %lld a text",
                                  op->type->name, i, (long long)op->inputs[i]->cols, (long long)state->units);
        }
    }
    for (int i = 0; i < op->output_count; i++) {
        op->outputs[i]->kind = i == 0 && state->return_sequences ? EC_SEQUENCE : EC_FLAT;
        op->outputs[i]->cols = state->units;
    }
    return EC_OK;
}

/* The layout of the states: as the input's, or turned round where they come out in the order of reading. */
static ec_status plan_out_layout(struct ec_op *op, struct ec_step *step)
{
    const struct state *state = op->state;
    const struct ec_layout *in = op->inputs[0]->layout;
    struct ec_tensor *out = op->outputs[0];
    out->layout = in;
    out->rows = in->rows;
    out->repeats = !state->zero_output_for_mask && !(state->reverse && state->keep_order);
    if (!state->reverse || state->keep_order) {
        return EC_OK;
    }
    struct ec_layout *turned = ec_arena_take(step->arena, 1, sizeof *turned);
    int64_t *starts = ec_arena_take(step->arena, in->batch, sizeof *starts);
    uint8_t *mask = in->mask ? ec_arena_take(step->arena, in->rows, sizeof *mask) : NULL;
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < in->batch; b++) {
        int64_t first = in->offsets[b], end = in->offsets[b + 1];
        starts[b] = in->width - in->starts[b] - (end - first);
        for (int64_t i = 0; mask && i < end - first; i++) {
            mask[first + i] = in->mask[end - 1 - i];
        }
    }
    *turned = *in;
    turned->starts = starts;
    turned->mask = mask;
    out->layout = turned;
    return EC_OK;
}

/* Row of the states for a row that is read: in the order of reading, unless the layer keeps the texts' order. */
static int64_t out_row_of(const struct state *state, const struct ec_layout *layout, int64_t b, int64_t row)
{
    return state->reverse && !state->keep_order ? layout->offsets[b] + layout->offsets[b + 1] - 1 - row : row;
}

static ec_status plan_rows(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_status status = ec_steps_init(&state->steps, step->arena, in->layout, state->reverse);
    if (status != EC_OK) {
        return status;
    }
    const struct ec_steps *steps = &state->steps;
    state->rows = steps->rows;
    state->out_row = state->return_sequences ? ec_arena_take(step->arena, steps->rows, sizeof(int64_t)) : NULL;
    state->source_row = in->kind == EC_TOKENS ? ec_arena_take(step->arena, steps->rows, sizeof(int32_t)) : NULL;
    if (step->arena->failed || steps->rows > INT32_MAX) {
        return step->arena->failed ? EC_NO_MEMORY : EC_TOO_LARGE;
    }
    for (int64_t s = 0; s < steps->count; s++) {
        for (int64_t row = steps->begin[s]; row < steps->begin[s + 1]; row++) {
            int64_t b = steps->text[row - steps->begin[s]];
            if (state->out_row) {
                state->out_row[row] = out_row_of(state, in->layout, b, steps->row[row]);
            }
            if (state->source_row) {
                state->source_row[row] = in->token_rows[steps->row[row]];
            }
        }
    }
    return EC_OK;
}

/* The products around the time loop, which run one after the other in one workspace. x W: */
static struct ec_product input_product(const struct ec_op *op, float *out, const float *x, int64_t x_stride,
                                       int64_t rows)
{
    const struct state *state = op->state;
    return (struct ec_product){.out = out,
                               .out_stride = state->gates,
                               .a = x,
                               .a_row_stride = x_stride,
                               .a_col_stride = 1,
                               .b = op->parameters[0]->value,
                               .b_row_stride = state->gates,
                               .b_col_stride = 1,
                               .rows = rows,
                               .cols = state->gates,
                               .depth = op->inputs[0]->cols,
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

/* d_x (+)= da W^T */
static struct ec_product d_input_product(const struct ec_op *op, float *out, int64_t out_stride, int add,
                                         const float *da, int64_t rows)
{
    const struct state *state = op->state;
    return (struct ec_product){.out = out,
                               .out_stride = out_stride,
                               .accumulate = add,
                               .a = da,
                               .a_row_stride = state->gates,
                               .a_col_stride = 1,
                               .b = op->parameters[0]->value,
                               .b_row_stride = 1,
                               .b_col_stride = state->gates,
                               .rows = rows,
                               .cols = op->inputs[0]->cols,
                               .depth = state->gates,
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

/* Gradient (+)= left^T da, of a weight that left [rows, depth of the weight] was multiplied with; some of its columns.
 */
static struct ec_product d_weight_product(const struct ec_op *op, int number, int64_t col, int64_t cols,
                                          const float *left, int64_t left_stride, const float *da, int64_t da_stride,
                                          int64_t rows)
{
    const struct state *state = op->state;
    return (struct ec_product){.out = op->parameters[number]->gradient.values + col,
                               .out_stride = state->gates,
                               .accumulate = op->adds_parameter[number],
                               .a = left,
                               .a_row_stride = 1,
                               .a_col_stride = left_stride,
                               .b = da,
                               .b_row_stride = da_stride,
                               .b_col_stride = 1,
                               .rows = op->parameters[number]->dims[0],
                               .cols = cols,
                               .depth = rows,
                               .workspace = state->workspace,
                               .precision = state->recurrence.precision};
}

static ec_status plan_workspace(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t rows = in->kind == EC_TOKENS ? in->lookup->count : state->rows, most = 0;
    const struct ec_product products[] = {
        {.rows = rows, .cols = state->gates, .depth = in->cols},
        {.rows = rows, .cols = in->cols, .depth = state->gates},
        {.rows = in->cols, .cols = state->gates, .depth = rows},
        {.rows = state->units, .cols = state->gates, .depth = state->rows},
    };
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        struct ec_product product = products[i];
        product.precision = step->precision;
        int64_t floats = ec_product_parts_workspace(&product);
        if (floats < 0) {
            return EC_TOO_LARGE;
        }
        most = floats > most ? floats : most;
    }
    state->workspace = ec_arena_take(step->arena, most, sizeof(float));
    return state->workspace ? EC_OK : EC_NO_MEMORY;
}

static float *take(struct ec_step *step, int64_t rows, int64_t cols)
{
    int64_t size;
    return ec_arena_take(step->arena, __builtin_mul_overflow(rows, cols, &size) ? -1 : size, sizeof(float));
}

static void plan_recurrence_backward(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_recurrence *r = &state->recurrence;
    int64_t B = step->batch;
    r->d_state = take(step, B, r->units);
    r->d_carry = take(step, B, r->units);
    r->packed_back = take(step, 1, ec_recurrence_weights(r->cell, r->units, r->precision));
    int64_t texts = ec_recurrence_texts(B, r->units, r->precision);
    for (int i = 0; i < 2; i++) {
        r->packed_d[i] = take(step, texts, ec_recurrence_gates(r->cell));
    }
    for (int i = 1; i < op->input_count; i++) {
        r->wants_first |= op->inputs[i]->needs_grad;
    }
}

static void plan_recurrence(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    int64_t B = step->batch, rows = step->backward ? state->rows : 2 * B;
    struct ec_recurrence *r = &state->recurrence;
    *r = (struct ec_recurrence){
        .cell = (enum ec_cell)state->cell,
        .activation = (enum ec_activation)state->activation,
        .gate_activation = (enum ec_activation)state->recurrent_activation,
        .precision = step->precision,
        .units = state->units,
        .batch = B,
        .steps = state->steps.count,
        .begin = state->steps.begin,
        .keep = step->backward,
        .weights = op->parameters[1]->value,
        .source = state->source,
        .source_row = state->source_row,
        .bias = state->use_bias && !state->source ? state->bias : NULL,
        .first_state = state->initial_state || state->stateful ? state->first[0] : NULL,
        .first_carry = state->initial_state || state->stateful ? state->first[1] : NULL,
        .out = state->return_sequences ? out->data : NULL,
        .out_row = state->out_row,
        .last_state = state->last[0],
        .last_carry = state->last[1],
    };
    r->gates = take(step, state->source ? rows : state->rows, state->gates);
    r->inner = state->gates == 3 * state->units ? take(step, rows, r->units) : NULL;
    r->carry = take(step, rows, r->units);
    r->state = take(step, rows, r->units);
    r->zeros = take(step, 1, r->units);
    if (ec_recurrence_is_short(state->rows)) {
        r->count_up = ec_arena_take(step->arena, r->units, sizeof *r->count_up);
    } else {
        r->packed_weights = take(step, 1, ec_recurrence_weights(r->cell, r->units, r->precision));
        int64_t texts = ec_recurrence_texts(B, r->units, r->precision);
        r->packed_state[0] = take(step, 1, texts);
        r->packed_state[1] = take(step, 1, texts);
        r->packed_inner = r->cell == EC_CELL_GRU_RESET_BEFORE ? take(step, 1, texts) : NULL;
    }
    if (state->recurrent_dropout > 0.0 && step->training) {
        r->state_mask = take(step, B, r->units);
        state->ones = take(step, 1, r->units);
    }
    if (r->cell == EC_CELL_GRU && state->use_bias) {
        r->inner_bias = op->parameters[2]->value + 5 * r->units; /* row 1, the candidate's */
    }
    if (out->needs_grad) {
        plan_recurrence_backward(op, step);
    }
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (state->stateful && op->parameters[state->kept]->dims[0] != step->batch) {
        return ec_infer_error(step->message, sizeof step->message,
                              "%s: a stateful layer keeps the states of %lld texts; this batch has %lld",
                              op->type->name, (long long)op->parameters[state->kept]->dims[0], (long long)step->batch);
    }
    ec_status status = state->return_sequences ? plan_out_layout(op, step) : EC_OK;
    if (status == EC_OK) {
        status = ec_op_plan_gradients(op, step);
    }
    for (int i = 0; status == EC_OK && i < op->output_count; i++) {
        if (op->outputs[i]->kind == EC_FLAT) {
            op->outputs[i]->rows = step->batch;
        }
        status = ec_tensor_take(op->outputs[i], step);
    }
    if (status != EC_OK || (status = plan_rows(op, step)) != EC_OK) {
        return status;
    }
    int learns = op->outputs[0]->needs_grad;
    if (in->kind == EC_TOKENS) {
        state->source = take(step, in->lookup->count, state->gates);
        state->d_source = learns ? take(step, in->lookup->count, state->gates) : NULL;
        if (learns && ec_occurrences_init(&state->occurrences, step->arena, state->source_row, state->rows,
                                          in->lookup->count) != EC_OK) {
            return EC_NO_MEMORY;
        }
        step->work += 2.0 * (double)in->lookup->count * (double)in->cols * (double)state->gates;
    } else {
        state->source = NULL;
        state->rows_of_x = take(step, state->rows, in->cols);
        step->work += 2.0 * (double)state->rows * (double)in->cols * (double)state->gates;
    }
    state->bias = take(step, 1, state->gates);
    for (int i = 0; i < 2; i++) {
        state->first[i] = take(step, step->batch, state->units);
        state->last[i] = take(step, step->batch, state->units);
    }
    plan_recurrence(op, step);
    step->work += 2.0 * (double)state->rows * (double)state->units * (double)state->gates;
    return step->arena->failed ? EC_NO_MEMORY : plan_workspace(op, step);
}

/* Everything that the time loop reads but the input's part of the gates. */
static void prepare(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
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
    for (int64_t rank; (rank = ec_team_next(team, step->batch)) >= 0;) {
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
    const struct state *state = op->state;
    const struct ec_lookup_rows *lookup = op->inputs[0]->lookup;
    struct ec_product product = input_product(op, state->source, lookup->values, lookup->stride, lookup->count);
    ec_product_run_parts(team, &product);
    for (int64_t u; state->use_bias && (u = ec_team_next(team, lookup->count)) >= 0;) {
        ec_kernels()->add(state->source + u * state->gates, state->bias, state->gates);
    }
    ec_team_barrier(team);
}

/* x W for all rows, in the order of the steps; the bias comes in the time loop. */
static void project_rows(const struct ec_op *op, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    for (int64_t tile; (tile = ec_team_next(team, (state->rows + ROW_BLOCK - 1) / ROW_BLOCK)) >= 0;) {
        int64_t end = (tile + 1) * ROW_BLOCK < state->rows ? (tile + 1) * ROW_BLOCK : state->rows;
        for (int64_t row = tile * ROW_BLOCK; row < end; row++) {
            memcpy(state->rows_of_x + row * in->cols, in->data + state->steps.row[row] * in->cols,
                   (size_t)in->cols * sizeof(float));
        }
    }
    ec_team_barrier(team);
    struct ec_product product = input_product(op, state->recurrence.gates, state->rows_of_x, in->cols, state->rows);
    ec_product_run_parts(team, &product);
}

/* Rows of masked tokens inside a text hold the output before them, or zeros. */
static void fill_masked(const struct ec_op *op, int64_t b)
{
    const struct state *state = op->state;
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
    const struct state *state = op->state;
    size_t bytes = (size_t)state->units * sizeof(float);
    for (int64_t rank; (rank = ec_team_next(team, step->batch)) >= 0;) {
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

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    prepare(op, step, team);
    if (op->inputs[0]->kind == EC_TOKENS) {
        project_tokens(op, team);
    } else {
        project_rows(op, team);
    }
    ec_team_barrier(team);
    ec_recurrence_forward(team, &state->recurrence);
    leave(op, step, team);
}

static int is_wanted(const struct ec_tensor *output) { return output->needs_grad && output->writers > 0; }

/* Gradients of the last states by rank, of outputs that something read. */
static void enter_gradients(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    struct ec_recurrence *r = &state->recurrence;
    for (int64_t rank; (rank = ec_team_next(team, step->batch)) >= 0;) {
        int64_t b = state->steps.text[rank];
        float *d[] = {r->d_state + rank * r->units, r->d_carry + rank * r->units};
        memset(d[0], 0, (size_t)r->units * sizeof(float));
        memset(d[1], 0, (size_t)r->units * sizeof(float));
        for (int i = 0; i < op->output_count; i++) {
            if (op->outputs[i]->kind == EC_FLAT && is_wanted(op->outputs[i])) {
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
    const struct state *state = op->state;
    const struct ec_recurrence *r = &state->recurrence;
    int64_t first = r->first_state || r->steps == 0 ? 0 : r->begin[1]; /* before, the state is zero */
    int64_t rows = state->rows - first, cols = r->inner ? 2 * r->units : state->gates;
    const float *left = r->state + first * r->units, *da = r->gates + first * state->gates;
    struct ec_product product = d_weight_product(op, 1, 0, cols, left, r->units, da, state->gates, rows);
    ec_product_run_parts(team, &product);
    if (!r->inner) {
        return;
    }
    const float *inner = r->inner + first * r->units;
    product = r->cell == EC_CELL_GRU
                  ? d_weight_product(op, 1, cols, r->units, left, r->units, inner, r->units, rows)
                  : d_weight_product(op, 1, cols, r->units, inner, r->units, da + cols, state->gates, rows);
    ec_product_run_parts(team, &product);
}

/* Part of a bias gradient (+)= column sums of `rows` rows. No barrier. */
static void column_sums(struct ec_team *team, float *out, int add, const float *in, int64_t stride, int64_t rows,
                        int64_t cols)
{
    for (int64_t tile; (tile = ec_team_next(team, (cols + COL_BLOCK - 1) / COL_BLOCK)) >= 0;) {
        int64_t col = tile * COL_BLOCK, count = cols - col < COL_BLOCK ? cols - col : COL_BLOCK;
        ec_kernels()->column_sum(out + col, add, in + col, stride, rows, count);
    }
}

/* da: summed over the tokens of an id or not, `rows` of them. GRU's second bias belongs to its recurrent products: z
 * and r as in the first, the candidate apart. */
static void bias_gradient(const struct ec_op *op, struct ec_team *team, const float *da, int64_t rows)
{
    const struct state *state = op->state;
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
    const struct state *state = op->state;
    const struct ec_occurrences *where = &state->occurrences;
    int64_t blocks = (state->gates + COL_BLOCK - 1) / COL_BLOCK, distinct = op->inputs[0]->lookup->count;
    for (int64_t tile; (tile = ec_team_next(team, distinct * blocks)) >= 0;) {
        int64_t u = tile / blocks, col = tile % blocks * COL_BLOCK;
        int64_t cols = state->gates - col < COL_BLOCK ? state->gates - col : COL_BLOCK;
        ec_kernels()->weighted_sum(state->d_source + u * state->gates + col, 0, state->recurrence.gates + col,
                                   state->gates, where->at + where->begin[u], NULL,
                                   where->begin[u + 1] - where->begin[u], cols);
    }
    ec_team_barrier(team);
}

/* The gradient of a sequence: in the order of the steps into rows_of_x, then to its places. */
static void sequence_gradient(const struct ec_op *op, struct ec_team *team)
{
    const struct state *state = op->state;
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
    const struct state *state = op->state;
    const struct ec_recurrence *r = &state->recurrence;
    for (int64_t rank; (rank = ec_team_next(team, step->batch)) >= 0;) {
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

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
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
    if (in->kind == EC_TOKENS) {
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
        struct ec_product product = d_weight_product(op, 0, 0, state->gates, x, stride, da, state->gates, rows);
        ec_product_run_parts(team, &product);
    }
    if (in->needs_grad && in->kind == EC_TOKENS) {
        struct ec_product product =
            d_input_product(op, in->lookup->d_values, in->lookup->stride, op->adds_input[0], da, rows);
        ec_product_run_parts(team, &product);
    } else if (in->needs_grad) {
        sequence_gradient(op, team);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_simple_rnn = {
    .name = "simple_rnn",
    .state_bytes = sizeof(struct state),
    .defaults = &simple_defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
const struct ec_op_type ec_op_lstm = {
    .name = "lstm",
    .state_bytes = sizeof(struct state),
    .defaults = &lstm_defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
const struct ec_op_type ec_op_gru = {
    .name = "gru",
    .state_bytes = sizeof(struct state),
    .defaults = &gru_defaults,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
