/* dropout: zeros values with probability `rate` and scales the others by 1 / (1 - rate), in training, or `always`.
 * Which ones is a function of (seed, step, layer, example, position in the text, channel), computed again in the
 * backward: no mask is stored.
 *
 * Along `shared_axes` all values share what is drawn at their first place: along the steps whole channels are dropped,
 * along the channels whole steps.
 *
 *     y = x keep / (1 - rate)          d_x = d_y keep / (1 - rate) */
#include "ops/op.h"

#include "base/random.h"

#include <string.h>

struct state {
    double rate;
    int layer;
    int shared_axes; /* bit k: axis k of the padded form [B, T, dims ...] or [B, dims ...]; 2: SpatialDropout1D */
    int always;      /* in inference too */

    /* of infer */
    int same_texts, same_steps;

    /* of the step */
    int32_t *draws; /* [cols] the column whose number counts; NULL: each its own */
};

static const struct ec_attribute attributes[] = {
    {"rate", EC_ATTRIBUTE_FLOAT, offsetof(struct state, rate), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"shared_axes", EC_ATTRIBUTE_INT, offsetof(struct state, shared_axes), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    int steps = op->inputs[0]->steps != EC_NO_STEPS, count = 1 + steps + op->inputs[0]->rank;
    if (!(state->rate >= 0.0 && state->rate < 1.0)) {
        return ec_refuse(report, "dropout: rate = %g is outside [0, 1)", state->rate);
    }
    if (state->shared_axes < 0 || state->shared_axes >> count) {
        return ec_refuse(report, "dropout: shared_axes = %d; bits 0 to %d may be set", state->shared_axes, count - 1);
    }
    state->same_texts = state->shared_axes & 1;
    state->same_steps = steps && (state->shared_axes & 2);
    return EC_OK;
}

/* Where dimensions of a row are shared: which column counts for each. */
static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int shared = state->shared_axes >> (in->steps == EC_NO_STEPS ? 1 : 2);
    state->draws = shared ? ec_arena_take(step->arena, in->cols, sizeof *state->draws) : NULL;
    for (int64_t c = 0; state->draws && c < in->cols; c++) {
        int64_t rest = c, stride = 1, column = 0;
        for (int dim = in->rank - 1; dim >= 0; dim--) {
            column += shared >> dim & 1 ? 0 : rest % in->dims[dim] * stride;
            rest /= in->dims[dim];
            stride *= in->dims[dim];
        }
        state->draws[c] = (int32_t)column;
    }
    return ec_op_plan_like_input(op, step);
}

/* out = in keep / (1 - rate) for all rows of text b; rows of `part` at a time where the result is added. */
static void drop_text(const struct ec_op *op, const struct ec_step *step, int64_t b, float *out, const float *in,
                      int add)
{
    const struct state *state = op->state;
    const struct ec_tensor *tensor = op->inputs[0];
    int64_t cols = tensor->cols;
    int64_t begin = ec_tensor_row(tensor, b);
    int64_t end = ec_tensor_row(tensor, b + 1);
    uint64_t key = ec_random_key(ec_random_key(step->key, (uint64_t)state->layer), state->same_texts ? 0 : (uint64_t)b);
    uint32_t threshold = (uint32_t)(state->rate * 4294967296.0);
    float scale = (float)(1.0 / (1.0 - state->rate));
    for (int64_t row = begin; row < end; row++) {
        uint64_t row_key = ec_random_key(key, state->same_steps ? 0 : (uint64_t)(row - begin));
        if (!add && !state->draws) {
            ec_kernels()->dropout(out + row * cols, in + row * cols, row_key, threshold, scale, cols);
            continue;
        }
        for (int64_t c = 0; c < cols; c++) {
            int keep = ec_random_u32(row_key, (uint32_t)(state->draws ? state->draws[c] : c)) >= threshold;
            float value = keep ? in[row * cols + c] * scale : 0.0f;
            out[row * cols + c] = add ? out[row * cols + c] + value : value;
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        if (step->training || ((const struct state *)op->state)->always) {
            drop_text(op, step, b, out->data, in->data, 0);
        } else {
            int64_t begin = ec_tensor_row(in, b), end = ec_tensor_row(in, b + 1);
            memcpy(out->data + begin * in->cols, in->data + begin * in->cols,
                   (size_t)((end - begin) * in->cols) * sizeof(float));
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        drop_text(op, step, b, in->grad, out->grad, op->adds_input[0]);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_dropout = {
    .name = "dropout",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .is_random = 1,
    .only_trains = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
