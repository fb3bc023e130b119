/* merge: tensors of one shape, value by value: add, subtract, multiply, average, maximum, minimum (Keras's merging
 * layers).
 *
 *     add: d_in_i = d_out          subtract (two inputs): d_in_0 = d_out, d_in_1 = -d_out          average: d_in_i =
 * d_out / n multiply: d_in_i = d_out * product of the others          maximum, minimum: d_out goes to the first input
 * that has the value */
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

    struct ec_layout layout; /* of the step, where the masks differ */
};

static const char *const kinds[] = {"add", "subtract", "multiply", "average", "maximum", "minimum", NULL};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    const struct state *state = op->state;
    if (op->input_count < 1 || op->output_count != 1 || op->parameter_count != 0) {
        return ec_infer_error(message, bytes, "merge: %d inputs, %d outputs; expected at least 1, and 1",
                              op->input_count, op->output_count);
    }
    if (state->kind == SUBTRACT && op->input_count != 2) {
        return ec_infer_error(message, bytes, "merge: subtract takes 2 inputs, got %d", op->input_count);
    }
    for (int i = 0; i < op->input_count; i++) {
        ec_status status = ec_infer_floats(op, i, message, bytes);
        if (status != EC_OK) {
            return status;
        }
        if (op->inputs[i]->kind != op->inputs[0]->kind || op->inputs[i]->cols != op->inputs[0]->cols) {
            return ec_infer_error(message, bytes,
                                  "merge: input %d has %lld channels, input 0 has %lld; both must be flat or both "
                                  "sequences of as many channels",
                                  i, (long long)op->inputs[i]->cols, (long long)op->inputs[0]->cols);
        }
    }
    op->outputs[0]->kind = op->inputs[0]->kind;
    op->outputs[0]->cols = op->inputs[0]->cols;
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    return ec_op_plan_like_inputs(op, step, &((struct state *)op->state)->layout);
}

static const int64_t block = 2048; /* values of a tile: all inputs of one stay in the first cache */

static int64_t tile_size(const struct ec_tensor *tensor, int64_t begin)
{
    int64_t left = tensor->rows * tensor->cols - begin;
    return left < block ? left : block;
}

static void merge_tile(const struct ec_op *op, int64_t begin, int64_t n)
{
    const struct ec_kernels *kernels = ec_kernels();
    enum kind kind = (enum kind)((const struct state *)op->state)->kind;
    float *y = op->outputs[0]->data + begin;
    memcpy(y, op->inputs[0]->data + begin, (size_t)n * sizeof *y);
    for (int i = 1; i < op->input_count; i++) {
        const float *x = op->inputs[i]->data + begin;
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
    if (kind == AVERAGE) {
        kernels->scale(y, y, 1.0f / (float)op->input_count, n);
    }
}

/* The first input that has the value of y; NaN finds the first NaN. */
static int source_of(const struct ec_op *op, int64_t place)
{
    float y = op->outputs[0]->data[place];
    int i = 0;
    while (i + 1 < op->input_count && op->inputs[i]->data[place] != y &&
           !(y != y && op->inputs[i]->data[place] != op->inputs[i]->data[place])) {
        i++;
    }
    return i;
}

/* d_in of input number `number` at one place. */
static float gradient_at(const struct ec_op *op, enum kind kind, int number, int64_t place)
{
    float d = op->outputs[0]->grad[place];
    switch (kind) {
    case ADD: return d;
    case SUBTRACT: return number ? -d : d;
    case AVERAGE: return d / (float)op->input_count;
    case MULTIPLY:
        for (int i = 0; i < op->input_count; i++) {
            d *= i == number ? 1.0f : op->inputs[i]->data[place];
        }
        return d;
    case MAXIMUM:
    case MINIMUM: break;
    }
    return source_of(op, place) == number ? d : 0.0f;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *out = op->outputs[0];
    for (int64_t tile; (tile = ec_team_next(team, (out->rows * out->cols + block - 1) / block)) >= 0;) {
        merge_tile(op, tile * block, tile_size(out, tile * block));
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *out = op->outputs[0];
    enum kind kind = (enum kind)((const struct state *)op->state)->kind;
    for (int64_t tile; (tile = ec_team_next(team, (out->rows * out->cols + block - 1) / block)) >= 0;) {
        int64_t begin = tile * block, end = begin + tile_size(out, begin);
        for (int i = 0; i < op->input_count; i++) {
            float *d_x = op->inputs[i]->grad;
            for (int64_t place = begin; op->inputs[i]->needs_grad && place < end; place++) {
                float d = gradient_at(op, kind, i, place);
                d_x[place] = op->adds_input[i] ? d_x[place] + d : d;
            }
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_merge = {
    .name = "merge",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
