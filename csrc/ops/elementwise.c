/* elementwise: one value from the values of one to three tensors at the same place, which are broadcast as in NumPy
 * (the kinds, and their slopes: elementwise_kinds.c). Meant for formulas of the user's own.
 *
 *     out[b, t, ...] = f(x_0[b, t, ...], x_1[b, t, ...], ...)          d_x_k = d_out * the slope of f in x_k, summed
 *                                                                      over the places that read one value
 * Tensors of texts have their axes in the same places; a size of 1 is repeated. One of a single row (a weight) is
 * aligned from the last axis on, and may have one for the steps. A step is masked where it is in one operand that has
 * a mask; masked steps inside a span are zeros, without a gradient. */
#include "ops/elementwise.h"

#include <string.h>

static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_elementwise, kind), ec_elementwise_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

enum {
    PIECE = 512 /* columns that are computed at a time: all operands of one stay in the first cache */
};

/* -- rows ------------------------------------------------------------------------------------------------------ */
/* Columns [begin, begin + count) of one row of the result; or of all rows as one vector, where row is -1. */
struct piece {
    int64_t text, row, begin, count;
};

/* Where the row of an operand begins that a row of the result reads; -1 for none, which are zeros. */
static int64_t row_at(const struct ec_op *op, int number, int64_t text, int64_t row)
{
    const struct ec_elementwise_side *side = &((const struct ec_elementwise *)op->state)->sides[number];
    const struct ec_layout *layout = op->outputs[0]->layout, *own = op->inputs[number]->layout;
    if (row < 0) {
        return 0;
    }
    if (side->rows == EC_ROW_OF_ALL) {
        return side->by_steps ? (layout->starts[text] + row - layout->offsets[text]) * side->cols : 0;
    }
    if (side->rows == EC_ROW_OF_TEXT) {
        return own->offsets[text] < own->offsets[text + 1] ? own->offsets[text] * side->cols : -1;
    }
    int64_t found = side->moved ? ec_layout_row(layout, text, row, own) : row;
    return found < 0 ? -1 : found * side->cols;
}

/* The values of an operand for a piece, those that are not contiguous in `buffer`. */
static const float *values_of(const struct ec_op *op, int number, const struct piece *piece, float *buffer)
{
    const struct ec_elementwise_side *side = &((const struct ec_elementwise *)op->state)->sides[number];
    int64_t begins = row_at(op, number, piece->text, piece->row);
    if (begins < 0) {
        ec_kernels()->fill(buffer, 0.0f, piece->count);
        return buffer;
    }
    const float *row = op->inputs[number]->data + begins;
    int along = piece->row < 0 ? side->rows != EC_ROW_OF_ALL : side->whole;
    if (along) {
        return row + piece->begin;
    }
    if (side->one) {
        ec_kernels()->fill(buffer, row[0], piece->count);
        return buffer;
    }
    for (int64_t c = 0; c < piece->count; c++) {
        buffer[c] = row[side->at[piece->begin + c]];
    }
    return buffer;
}

/* Adds the gradient of a piece to where the operand's values stand: its own, or the task's sums. */
static void add_gradient(const struct ec_op *op, int number, int64_t task, const struct piece *piece, const float *d)
{
    const struct ec_elementwise_side *side = &((const struct ec_elementwise *)op->state)->sides[number];
    const struct ec_tensor *in = op->inputs[number];
    int64_t begins = row_at(op, number, piece->text, piece->row);
    if (begins < 0) {
        return;
    }
    float *row = (in->single ? side->partial + task * in->cols : in->grad) + begins;
    int along = piece->row < 0 ? side->rows != EC_ROW_OF_ALL : side->whole;
    if (along) {
        ec_kernels()->add(row + piece->begin, d, piece->count);
    } else if (side->one) {
        double sum = 0.0;
        for (int64_t c = 0; c < piece->count; c++) {
            sum += d[c];
        }
        row[0] += (float)sum;
    } else {
        for (int64_t c = 0; c < piece->count; c++) {
            row[side->at[piece->begin + c]] += d[c];
        }
    }
}

static void forward_piece(const struct ec_op *op, const struct piece *piece)
{
    float buffers[EC_MOST_OPERANDS][PIECE];
    const float *x[EC_MOST_OPERANDS];
    for (int i = 0; i < op->input_count; i++) {
        x[i] = values_of(op, i, piece, buffers[i]);
    }
    const struct ec_tensor *out = op->outputs[0];
    ec_elementwise_kind_of(op)->forward(out->data + (piece->row < 0 ? 0 : piece->row * out->cols) + piece->begin, x,
                                        piece->count);
}

static void backward_piece(const struct ec_op *op, int64_t task, const struct piece *piece)
{
    float buffers[EC_MOST_OPERANDS][PIECE], d[EC_MOST_OPERANDS][PIECE], *d_x[EC_MOST_OPERANDS];
    const float *x[EC_MOST_OPERANDS];
    for (int i = 0; i < op->input_count; i++) {
        x[i] = values_of(op, i, piece, buffers[i]);
        d_x[i] = op->inputs[i]->needs_grad ? d[i] : NULL;
    }
    const struct ec_tensor *out = op->outputs[0];
    int64_t place = (piece->row < 0 ? 0 : piece->row * out->cols) + piece->begin;
    ec_elementwise_kind_of(op)->backward(d_x, out->grad + place, x, out->data + place, piece->count);
    for (int i = 0; i < op->input_count; i++) {
        if (d_x[i]) {
            add_gradient(op, i, task, piece, d[i]);
        }
    }
}

/* The pieces of a task, of which masked rows are left out; back: their gradients, else their values. */
static void run_task(const struct ec_op *op, int64_t task, int back)
{
    const struct ec_elementwise *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    int64_t cols = out->cols, texts = out->layout ? out->layout->batch : out->rows;
    if (state->flat) {
        struct ec_range tile = ec_range_from(task * EC_ELEMENTWISE_TILE, EC_ELEMENTWISE_TILE, out->rows * cols);
        for (int64_t c = tile.begin; c < tile.end; c += PIECE) {
            struct piece piece = {.row = -1, .begin = c, .count = ec_least(PIECE, tile.end - c)};
            back ? backward_piece(op, task, &piece) : forward_piece(op, &piece);
        }
        return;
    }
    struct ec_range range = ec_range_from(task * state->texts_of_task, state->texts_of_task, texts);
    for (int64_t text = range.begin; text < range.end; text++) {
        int64_t end = out->layout ? out->layout->offsets[text + 1] : text + 1;
        for (int64_t row = out->layout ? out->layout->offsets[text] : text; row < end; row++) {
            if (out->layout && !ec_layout_counts(out->layout, row)) {
                if (!back) {
                    ec_kernels()->fill(out->data + row * cols, 0.0f, cols);
                }
                continue;
            }
            for (int64_t c = 0; c < cols; c += PIECE) {
                struct piece piece = {.text = text, .row = row, .begin = c, .count = ec_least(PIECE, cols - c)};
                back ? backward_piece(op, task, &piece) : forward_piece(op, &piece);
            }
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    for (int64_t task; (task = ec_team_next(team, ((const struct ec_elementwise *)op->state)->tasks)) >= 0;) {
        run_task(op, task, 0);
    }
    ec_team_barrier(team);
}

/* -- gradients ------------------------------------------------------------------------------------------------- */
/* Zeros where nothing has been added yet: the rows that a task adds to, and its sums. */
static void clear_task(const struct ec_op *op, int64_t task)
{
    const struct ec_elementwise *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        if (!in->needs_grad) {
            continue;
        }
        if (in->single) {
            memset(state->sides[i].partial + task * in->cols, 0, (size_t)in->cols * sizeof(float));
            continue;
        }
        if (op->adds_input[i]) {
            continue;
        }
        struct ec_range part = ec_range_from(task * EC_ELEMENTWISE_TILE, EC_ELEMENTWISE_TILE, out->rows * out->cols);
        if (!state->flat) {
            part = ec_range_from(task * state->texts_of_task, state->texts_of_task, ec_tensor_texts(in));
            part.begin = ec_tensor_row(in, part.begin) * in->cols;
            part.end = ec_tensor_row(in, part.end) * in->cols;
        }
        memset(in->grad + part.begin, 0, (size_t)(part.end - part.begin) * sizeof(float));
    }
}

/* The gradient of a single row: the sums of all tasks, in their order. */
static void add_partials(const struct ec_op *op, int number, struct ec_team *team)
{
    const struct ec_elementwise *state = op->state;
    const struct ec_tensor *in = op->inputs[number];
    for (struct ec_range part; ec_team_next_range(team, in->cols, EC_ELEMENTWISE_TILE, &part);) {
        float *d = in->grad + part.begin;
        int64_t n = part.end - part.begin;
        if (!op->adds_input[number]) {
            memset(d, 0, (size_t)n * sizeof *d);
        }
        for (int64_t task = 0; task < state->tasks; task++) {
            ec_kernels()->add(d, state->sides[number].partial + task * in->cols + part.begin, n);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_elementwise *state = op->state;
    for (int64_t task; (task = ec_team_next(team, state->tasks)) >= 0;) {
        clear_task(op, task);
        if (ec_elementwise_kind_of(op)->backward) {
            run_task(op, task, 1);
        }
    }
    ec_team_barrier(team);
    for (int i = 0; i < op->input_count; i++) {
        if (op->inputs[i]->single && op->inputs[i]->needs_grad) {
            add_partials(op, i, team);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_elementwise = {
    .name = "elementwise",
    .state_bytes = sizeof(struct ec_elementwise),
    .attributes = attributes,
    .inputs = {1, EC_MOST_OPERANDS},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {0, EC_MAX_RANK}},
    .joins_single = 1,
    .mixing = EC_MIXES_STEPS, /* a weight may have an axis for the steps */
    .infer = ec_elementwise_infer,
    .plan = ec_elementwise_plan,
    .forward = forward,
    .backward = backward,
};
