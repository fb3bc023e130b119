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
#include "ops/recurrent.h"

#include "matrix/parts.h"

static const struct ec_recurrent simple_defaults = {.cell = EC_CELL_SIMPLE, .use_bias = 1, .activation = EC_TANH};
static const struct ec_recurrent lstm_defaults = {
    .cell = EC_CELL_LSTM, .use_bias = 1, .activation = EC_TANH, .recurrent_activation = EC_SIGMOID};
static const struct ec_recurrent gru_defaults = {
    .cell = EC_CELL_GRU, .use_bias = 1, .activation = EC_TANH, .recurrent_activation = EC_SIGMOID, .reset_after = 1};
static const struct ec_attribute attributes[] = {
    {"use_bias", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, use_bias), NULL},
    {"return_sequences", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, return_sequences), NULL},
    {"return_state", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, return_state), NULL},
    {"initial_state", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, initial_state), NULL},
    {"stateful", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, stateful), NULL},
    {"reverse", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, reverse), NULL},
    {"keep_order", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, keep_order), NULL},
    {"zero_output_for_mask", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, zero_output_for_mask), NULL},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_recurrent, activation), ec_rising_activation_names},
    {"recurrent_activation", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_recurrent, recurrent_activation),
     ec_rising_activation_names},
    {"reset_after", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, reset_after), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, layer), NULL},
    {"recurrent_dropout", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_recurrent, recurrent_dropout), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, always), NULL},
    {"transposed", EC_ATTRIBUTE_INT, offsetof(struct ec_recurrent, transposed), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer_parameters(struct ec_op *op, struct ec_report *report)
{
    struct ec_recurrent *state = op->state;
    int64_t gates = ec_recurrence_gates((enum ec_cell)state->cell);
    int turned = state->transposed != 0;
    const int64_t kernel_dims[] = {turned ? -1 : op->inputs[0]->cols, turned ? op->inputs[0]->cols : -1};
    ec_status status = ec_infer_parameter(op, 0, kernel_dims, report);
    if (status != EC_OK) {
        return status;
    }
    state->gates = op->parameters[0]->dims[!turned];
    state->units = state->gates / gates;
    if (state->gates % gates || state->units > INT32_MAX / 4) {
        return ec_refuse(report, "%s: the kernel has %lld %s; expected %lld for each unit", op->type->name,
                         (long long)state->gates, turned ? "rows" : "columns", (long long)gates);
    }
    const int64_t recurrent_dims[] = {turned ? state->gates : state->units, turned ? state->units : state->gates};
    const int64_t both_dims[] = {2, state->gates};
    status = ec_infer_parameter(op, 1, recurrent_dims, report);
    if (status == EC_OK && state->use_bias) {
        int gru = state->cell == EC_CELL_GRU;
        status = ec_infer_parameter_of_rank(op, 2, gru ? 2 : 1, gru ? both_dims : &state->gates, report);
    }
    int64_t kept_dims[] = {-1, state->units};
    for (int i = state->kept; status == EC_OK && i < op->parameter_count; i++) {
        status = ec_infer_parameter_of_rank(op, i, 2, kept_dims, report);
        op->parameters[i]->is_state = 1;
        kept_dims[0] = op->parameters[i]->dims[0]; /* LSTM: c of as many texts as h */
    }
    return status;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct ec_recurrent *state = op->state;
    if (state->cell == EC_CELL_GRU && !state->reset_after) {
        state->cell = EC_CELL_GRU_RESET_BEFORE;
    }
    state->states = op->type->states;
    state->kept = state->use_bias ? 3 : 2;
    int parameters = state->kept + state->states * (state->stateful != 0);
    if (state->stateful && state->initial_state) {
        return ec_refuse(report, "%s: a stateful layer takes no initial state", op->type->name);
    }
    int inputs = 1 + state->states * (state->initial_state != 0);
    int outputs = 1 + state->states * (state->return_state != 0);
    if (op->input_count != inputs || op->output_count != outputs || op->parameter_count != parameters) {
        return ec_refuse(report, "%s: %d inputs, %d outputs and %d parameters; expected %d, %d and %d", op->type->name,
                         op->input_count, op->output_count, op->parameter_count, inputs, outputs, parameters);
    }
    ec_status status = infer_parameters(op, report);
    if (status != EC_OK) {
        return status;
    }
    if (!(state->recurrent_dropout >= 0.0 && state->recurrent_dropout < 1.0)) {
        return ec_refuse(report, "%s: recurrent_dropout = %g is outside [0, 1)", op->type->name,
                         state->recurrent_dropout);
    }
    for (int i = 1; i < op->input_count; i++) {
        if (op->inputs[i]->cols != state->units) {
            return ec_refuse(report, "%s: initial state %d has %lld columns; expected one row of %lld a text",
                             op->type->name, i, (long long)op->inputs[i]->cols, (long long)state->units);
        }
    }
    for (int i = 0; i < op->output_count; i++) {
        int64_t steps = i == 0 && state->return_sequences ? op->inputs[0]->steps : EC_NO_STEPS;
        ec_tensor_set_shape(op->outputs[i], steps, 1, &state->units);
    }
    return EC_OK;
}

/* The layout of the states: as the input's, or turned round where they come out in the order of reading. */
static ec_status plan_out_layout(struct ec_op *op, struct ec_step *step)
{
    const struct ec_recurrent *state = op->state;
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
static int64_t out_row_of(const struct ec_recurrent *state, const struct ec_layout *layout, int64_t b, int64_t row)
{
    return state->reverse && !state->keep_order ? layout->offsets[b] + layout->offsets[b + 1] - 1 - row : row;
}

static ec_status plan_rows(struct ec_op *op, struct ec_step *step)
{
    struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_status status = ec_steps_init(&state->steps, step->arena, in->layout, state->reverse);
    if (status != EC_OK) {
        return status;
    }
    const struct ec_steps *steps = &state->steps;
    state->rows = steps->rows;
    state->out_row = state->return_sequences ? ec_arena_take(step->arena, steps->rows, sizeof(int64_t)) : NULL;
    state->source_row = in->dtype == EC_TOKENS ? ec_arena_take(step->arena, steps->rows, sizeof(int32_t)) : NULL;
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

/* Exactly the products that run: as they are cut into parts, a smaller one may need more room. */
static ec_status plan_workspace(struct ec_op *op, struct ec_step *step)
{
    struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t rows = in->dtype == EC_TOKENS ? in->lookup->count : state->rows, most = 0;
    int64_t with_state = state->rows - ec_recurrent_first_row(&state->recurrence);
    int64_t cols = ec_recurrent_cols_of_state(state);
    const struct {
        int64_t rows, depth, cols;
    } sizes[] = {
        {rows, in->cols, state->gates},   {rows, state->gates, in->cols},           {in->cols, rows, state->gates},
        {state->units, with_state, cols}, {state->units, with_state, state->units}, /* and transposed kernels whose
                                                                                       gradient is added to: */
        {state->gates, rows, in->cols},   {cols, with_state, state->units},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ec_product product = {.a = ec_matrix(NULL, sizes[i].rows, sizes[i].depth, 0),
                                     .b = ec_matrix(NULL, sizes[i].depth, sizes[i].cols, 0),
                                     .precision = step->precision};
        int64_t floats = ec_product_parts_workspace(&product);
        if (floats < 0) {
            return EC_TOO_LARGE;
        }
        most = ec_most(most, floats);
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
    struct ec_recurrent *state = op->state;
    struct ec_recurrence *r = &state->recurrence;
    int64_t B = ec_tensor_texts(op->inputs[0]);
    r->d_state = take(step, B, r->units);
    r->d_carry = take(step, B, r->units);
    r->packed_back = take(step, 1, ec_recurrence_weights(r->cell, r->units, r->precision));
    state->turned = state->transposed ? take(step, ec_most(op->inputs[0]->cols, r->units), state->gates) : NULL;
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
    struct ec_recurrent *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    int64_t B = ec_tensor_texts(op->inputs[0]), rows = step->backward ? state->rows : 2 * B;
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
        .transposed = state->transposed != 0,
        .kernel = op->parameters[0]->value,
        .channels = op->inputs[0]->cols,
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
    int is_short = ec_recurrence_is_short(state->rows) && !state->transposed;
    if (!state->source && !is_short && ec_recurrence_takes_x(r)) {
        r->x = state->rows_of_x;
        r->packed_x = take(step, state->rows, ec_recurrence_depth_of_x(r));
        r->packed_kernel = take(step, 1, ec_recurrence_kernel(r));
    }
    r->gates = take(step, state->source || r->x ? rows : state->rows, state->gates);
    r->inner = state->gates == 3 * state->units ? take(step, rows, r->units) : NULL;
    r->carry = take(step, rows, r->units);
    r->state = take(step, rows, r->units);
    r->zeros = take(step, 1, r->units);
    if (is_short) {
        r->count_up = ec_arena_take(step->arena, r->units, sizeof *r->count_up);
    } else {
        r->packed_weights = take(step, 1, ec_recurrence_weights(r->cell, r->units, r->precision));
        int64_t texts = ec_recurrence_texts(B, r->units, r->precision);
        r->packed_state[0] = take(step, 1, texts);
        r->packed_state[1] = take(step, 1, texts);
        r->packed_inner = r->cell == EC_CELL_GRU_RESET_BEFORE ? take(step, 1, texts) : NULL;
    }
    if (state->recurrent_dropout > 0.0 && (step->training || state->always)) {
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
    struct ec_recurrent *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    if (state->stateful && op->parameters[state->kept]->dims[0] != texts) {
        return ec_refuse(&step->report,
                         "%s: a stateful layer keeps the states of %lld texts; this batch has %lld (all batches "
                         "must have batch_size=%lld)",
                         op->type->name, (long long)op->parameters[state->kept]->dims[0], (long long)texts,
                         (long long)op->parameters[state->kept]->dims[0]);
    }
    ec_status status = state->return_sequences ? plan_out_layout(op, step) : EC_OK;
    if (status == EC_OK) {
        status = ec_op_plan_gradients(op, step);
    }
    for (int i = 0; status == EC_OK && i < op->output_count; i++) {
        if (op->outputs[i]->steps == EC_NO_STEPS) {
            op->outputs[i]->rows = texts;
        }
        status = ec_tensor_take(op->outputs[i], step);
    }
    if (status != EC_OK || (status = plan_rows(op, step)) != EC_OK) {
        return status;
    }
    int learns = op->outputs[0]->needs_grad;
    if (in->dtype == EC_TOKENS) {
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
        state->first[i] = take(step, texts, state->units);
        state->last[i] = take(step, texts, state->units);
    }
    plan_recurrence(op, step);
    step->work += 2.0 * (double)state->rows * (double)state->units * (double)state->gates;
    if (learns) { /* for each product two: the gradients of its weights and of what it multiplies */
        double inputs = (double)(in->dtype == EC_TOKENS ? in->lookup->count : state->rows) * (double)in->cols;
        step->back_work += 4.0 * ((double)state->rows * (double)state->units + inputs) * (double)state->gates;
    }
    return step->arena->failed ? EC_NO_MEMORY : plan_workspace(op, step);
}

/* What is the same in the three types, of `count` states: initial ones are inputs, last ones outputs. */
#define EC_RECURRENT(count)                                                                                            \
    .state_bytes = sizeof(struct ec_recurrent), .attributes = attributes, .inputs = {1, 1 + (count)},                  \
    .outputs = {1, 1 + (count)}, .first = {EC_TOKENS + EC_FLOATS, EC_STEPS, {1, 1}},                                   \
    .others = {EC_FLOATS, EC_WITHOUT_STEPS, {1, 1}}, .parameter_ranks = {{2, 2}, {2, 2}, {1, 2}}, .states = (count),   \
    .mixing = EC_MIXES_STEPS, .is_random = 1, .infer = infer, .plan = plan, .forward = ec_recurrent_forward,           \
    .backward = ec_recurrent_backward

const struct ec_op_type ec_op_simple_rnn = {
    .name = "simple_rnn",
    .defaults = &simple_defaults,
    .parameters = {2, 4},
    EC_RECURRENT(1),
};
const struct ec_op_type ec_op_lstm = {
    .name = "lstm",
    .defaults = &lstm_defaults,
    .parameters = {2, 5},
    EC_RECURRENT(2),
};
const struct ec_op_type ec_op_gru = {
    .name = "gru",
    .defaults = &gru_defaults,
    .parameters = {2, 4},
    EC_RECURRENT(1),
};
