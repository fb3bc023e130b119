/* merge: tensors of one shape, value by value: add, subtract, multiply, average, maximum, minimum (Keras's merging
 * layers).
 *
 *     add: d_in_i = d_out     subtract (two inputs): d_in_0 = d_out, d_in_1 = -d_out     average: d_in_i = d_out / n
 *     multiply: d_in_i = d_out * product of the others     maximum, minimum: d_out goes to the first input that has it
 *
 * A step is unmasked where it is in one input (as in Keras). Where another is masked it takes no part: it counts as
 * zeros for add, subtract and average, and leaves the others alone for multiply, maximum and minimum. */
#include "ops/op.h"

#include <string.h>

enum kind {
    ADD,
    SUBTRACT,
    MULTIPLY,
    AVERAGE,
    MAXIMUM,
    MINIMUM
};

struct state {
    int kind;

    /* of the step */
    int differ; /* the inputs have different steps: they meet in `layout` */
    struct ec_layout layout;
};

/* Neighbouring values of the output: a tile, or one row of a text where the inputs' steps differ (else row is -1). */
struct piece {
    int64_t place, count;
    int64_t text, row;
};

static const char *const kinds[] = {"add", "subtract", "multiply", "average", "maximum", "minimum", NULL};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const struct ec_tensor *first = op->inputs[0];
    if (state->kind == SUBTRACT && op->input_count != 2) {
        return ec_refuse(report, "merge: subtract takes 2 inputs, got %d", op->input_count);
    }
    for (int i = 1; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        int fits = in->rank == first->rank && (in->steps == EC_NO_STEPS) == (first->steps == EC_NO_STEPS);
        for (int axis = 0; fits && axis < in->rank; axis++) {
            fits = in->dims[axis] == first->dims[axis];
        }
        if (!fits) {
            return ec_refuse(report, "merge: input %d has %lld channels, input 0 has %lld; all must have the same axes",
                             i, (long long)in->cols, (long long)first->cols);
        }
    }
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    return ec_op_plan_like_inputs(op, step, &state->layout, &state->differ);
}

static const int64_t block = 2048; /* values of a tile: all inputs of one stay in the first cache */

/* Where an input has its values of a piece; -1 where it takes no part. */
static int64_t place_in(const struct ec_op *op, int number, const struct piece *piece)
{
    if (piece->row < 0) {
        return piece->place;
    }
    int64_t row = ec_layout_row(op->outputs[0]->layout, piece->text, piece->row, op->inputs[number]->layout);
    return row < 0 ? -1 : row * op->outputs[0]->cols;
}

static void join(enum kind kind, float *y, const float *x, int64_t n)
{
    const struct ec_kernels *kernels = ec_kernels();
    if (kind == ADD || kind == AVERAGE) {
        kernels->add(y, x, n);
    } else if (kind == SUBTRACT) {
        kernels->add_scaled(y, x, -1.0f, n);
    } else if (kind == MULTIPLY) {
        kernels->multiply(y, y, x, n);
    } else {
        for (int64_t c = 0; c < n; c++) {
            int better = kind == MAXIMUM ? x[c] > y[c] : x[c] < y[c];
            y[c] = better || (x[c] != x[c] && y[c] == y[c]) ? x[c] : y[c];
        }
    }
}

static void merge_piece(const struct ec_op *op, const struct piece *piece)
{
    enum kind kind = (enum kind)((const struct state *)op->state)->kind;
    float *y = op->outputs[0]->data + piece->place;
    int joined = 0;
    for (int i = 0; i < op->input_count; i++) {
        int64_t place = place_in(op, i, piece);
        if (place < 0) {
            continue;
        }
        const float *x = op->inputs[i]->data + place;
        if (joined++) {
            join(kind, y, x, piece->count);
        } else {
            memcpy(y, x, (size_t)piece->count * sizeof *y);
            if (kind == SUBTRACT && i > 0) {
                ec_kernels()->scale(y, y, -1.0f, piece->count);
            }
        }
    }
    if (!joined) { /* masked in all */
        memset(y, 0, (size_t)piece->count * sizeof *y);
    } else if (kind == AVERAGE) {
        ec_kernels()->scale(y, y, 1.0f / (float)op->input_count, piece->count);
    }
}

/* The first input that has value c of the piece; NaN finds the first NaN. */
static int source_of(const struct ec_op *op, const struct piece *piece, int64_t c)
{
    float y = op->outputs[0]->data[piece->place + c];
    for (int i = 0; i < op->input_count; i++) {
        int64_t place = place_in(op, i, piece);
        float x = place < 0 ? 0.0f : op->inputs[i]->data[place + c];
        if (place >= 0 && (x == y || (y != y && x != x))) {
            return i;
        }
    }
    return -1;
}

/* d_in of input `number` at value c of the piece. */
static float gradient_at(const struct ec_op *op, enum kind kind, int number, const struct piece *piece, int64_t c)
{
    float d = op->outputs[0]->grad[piece->place + c];
    switch (kind) {
    case ADD: return d;
    case SUBTRACT: return number ? -d : d;
    case AVERAGE: return d / (float)op->input_count;
    case MULTIPLY:
        for (int i = 0; i < op->input_count; i++) {
            int64_t place = i == number ? -1 : place_in(op, i, piece);
            d *= place < 0 ? 1.0f : op->inputs[i]->data[place + c];
        }
        return d;
    case MAXIMUM:
    case MINIMUM: break;
    }
    return source_of(op, piece, c) == number ? d : 0.0f;
}

static void gradients_of_piece(const struct ec_op *op, const struct piece *piece)
{
    enum kind kind = (enum kind)((const struct state *)op->state)->kind;
    for (int i = 0; i < op->input_count; i++) {
        int64_t place = op->inputs[i]->needs_grad ? place_in(op, i, piece) : -1;
        int adds = op->adds_input[i] || piece->row >= 0;
        for (int64_t c = 0; place >= 0 && c < piece->count; c++) {
            float *d_x = op->inputs[i]->grad + place + c, d = gradient_at(op, kind, i, piece, c);
            *d_x = adds ? *d_x + d : d;
        }
    }
}

typedef void piece_fn(const struct ec_op *op, const struct piece *piece);

/* Inputs with the same steps: tiles, whatever text they belong to. */
static void run_tiles(struct ec_op *op, struct ec_team *team, piece_fn *run)
{
    int64_t values = op->outputs[0]->rows * op->outputs[0]->cols;
    for (struct ec_range tile; ec_team_next_range(team, values, block, &tile);) {
        run(op, &(struct piece){.place = tile.begin, .count = tile.end - tile.begin, .row = -1});
    }
    ec_team_barrier(team);
}

static void run_rows(struct ec_op *op, int64_t text, piece_fn *run)
{
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t row = out->layout->offsets[text]; row < out->layout->offsets[text + 1]; row++) {
        run(op, &(struct piece){.place = row * out->cols, .count = out->cols, .text = text, .row = row});
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    if (!((const struct state *)op->state)->differ) {
        run_tiles(op, team, merge_piece);
        return;
    }
    for (int64_t text; (text = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        run_rows(op, text, merge_piece);
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    if (!((const struct state *)op->state)->differ) {
        run_tiles(op, team, gradients_of_piece);
        return;
    }
    for (int64_t text; (text = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        ec_op_clear_gradients(op, text);
        run_rows(op, text, gradients_of_piece);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_merge = {
    .name = "merge",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
