/* The losses: cross_entropy (sparse, categorical, binary; from logits or probabilities) and squared_error. Forward
 * writes the predictions and each row's loss, backward the gradient of the step's mean:
 *
 *     L = weight * sum over unmasked rows r of w[b(r)] l[r] / n        n = unmasked rows (Keras's
 * "sum_over_batch_size") softmax logits: d_x = weight w / n (p - y)     sigmoid logits: the same / C, as l is the mean
 * over the last axis
 *
 * Probabilities are treated as Keras does: rows of the categorical kinds divided by their sum, then clipped to
 * [1e-7, 1 - 1e-7], with no gradient where clipped. */
#include "ops/op.h"

#include <math.h>
#include <string.h>

static const float tiny = 1e-7f;

enum kind {
    SPARSE_CATEGORICAL,
    CATEGORICAL,
    BINARY
};

struct state {
    struct ec_loss loss; /* first: the program reads it */
    int kind, from_logits;
    double weight, label_smoothing;

    /* of the step */
    int64_t counted;     /* unmasked rows */
    double *text_loss;   /* [B] */
    int32_t *text_right; /* [B] */
    float *scratch;      /* [threads x C] a row's gradient that is to be added to another */
};

static const char *const kinds[] = {"sparse_categorical", "categorical", "binary", NULL};
static const struct state defaults = {.from_logits = 1, .weight = 1.0};
static const struct ec_attribute cross_entropy_attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {"from_logits", EC_ATTRIBUTE_INT, offsetof(struct state, from_logits), NULL},
    {"weight", EC_ATTRIBUTE_FLOAT, offsetof(struct state, weight), NULL},
    {"label_smoothing", EC_ATTRIBUTE_FLOAT, offsetof(struct state, label_smoothing), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute squared_error_attributes[] = {
    {"weight", EC_ATTRIBUTE_FLOAT, offsetof(struct state, weight), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, char *message, size_t bytes)
{
    const struct state *state = op->state;
    ec_status status = ec_infer_counts(op, 1, 1, 0, 0, message, bytes);
    if (status != EC_OK || (status = ec_infer_floats(op, 0, message, bytes)) != EC_OK) {
        return status;
    }
    if (!(state->label_smoothing >= 0.0 && state->label_smoothing <= 1.0)) {
        return ec_infer_error(message, bytes, "cross_entropy: label_smoothing = %g is outside [0, 1]",
                              state->label_smoothing);
    }
    op->outputs[0]->kind = op->inputs[0]->kind;
    op->outputs[0]->cols = op->inputs[0]->cols;
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    int64_t width = in->layout ? in->layout->width : 0;
    if (state->loss.targets && state->loss.target_width != width) {
        return ec_infer_error(step->message, sizeof step->message,
                              "the targets have %lld steps (0: no time axis), the predictions have %lld",
                              (long long)state->loss.target_width, (long long)width);
    }
    out->layout = in->layout;
    out->rows = in->rows;
    out->needs_grad = 0; /* predictions: a gradient starts here, it does not pass through */
    ec_status status = ec_tensor_take(out, step);
    state->counted = in->rows;
    for (int64_t row = 0; in->layout && in->layout->mask && row < in->rows; row++) {
        state->counted -= !in->layout->mask[row];
    }
    state->text_loss = ec_arena_take(step->arena, step->batch, sizeof *state->text_loss);
    state->text_right = ec_arena_take(step->arena, step->batch, sizeof *state->text_right);
    state->scratch = ec_arena_take(step->arena, step->threads * in->cols, sizeof *state->scratch);
    return step->arena->failed ? EC_NO_MEMORY : status;
}

/* A row's number among the targets, which are in padded form; -1 for a masked row. */
static int64_t target_row(const struct ec_tensor *in, int64_t b, int64_t row)
{
    const struct ec_layout *layout = in->layout;
    if (!layout) {
        return b;
    }
    if (layout->mask && !layout->mask[row]) {
        return -1;
    }
    return b * layout->width + layout->starts[b] + row - layout->offsets[b];
}

static int64_t first_row(const struct ec_tensor *in, int64_t b) { return in->layout ? in->layout->offsets[b] : b; }

/* The target of channel c after label smoothing. */
static float target_value(const struct state *state, int64_t target, int64_t c, int64_t cols)
{
    float smoothing = (float)state->label_smoothing;
    if (state->kind == SPARSE_CATEGORICAL) {
        return ((const int32_t *)state->loss.targets)[target] == c ? 1.0f : 0.0f;
    }
    float y = ((const float *)state->loss.targets)[target * cols + c];
    float to = state->kind == BINARY ? 0.5f : 1.0f / (float)cols;
    return smoothing > 0.0f ? y * (1.0f - smoothing) + smoothing * to : y;
}

static float clip_probability(float p) { return p < tiny ? tiny : p > 1.0f - tiny ? 1.0f - tiny : p; }

static float row_sum(const float *x, int64_t cols)
{
    float sum = 0.0f;
    for (int64_t c = 0; c < cols; c++) {
        sum += x[c];
    }
    return sum;
}

static int64_t index_of_largest(const struct state *state, const float *values, int64_t target, int64_t cols)
{
    if (!values && state->kind == SPARSE_CATEGORICAL) {
        return ((const int32_t *)state->loss.targets)[target];
    }
    values = values ? values : (const float *)state->loss.targets + target * cols;
    int64_t best = 0;
    for (int64_t c = 1; c < cols; c++) {
        best = values[c] > values[best] ? c : best;
    }
    return best;
}

static double categorical_loss(const struct state *state, float *p, const float *x, int64_t target, int64_t cols)
{
    double loss = 0.0;
    float log_sum = 0.0f, sum = 1.0f;
    if (state->from_logits) {
        log_sum = ec_kernels()->softmax(p, x, cols);
    } else {
        memcpy(p, x, (size_t)cols * sizeof *p);
        sum = row_sum(x, cols);
    }
    int64_t begin = 0, end = cols;
    if (state->kind == SPARSE_CATEGORICAL) { /* all other targets are 0 */
        begin = ((const int32_t *)state->loss.targets)[target];
        end = begin + 1;
    }
    for (int64_t c = begin; c < end; c++) {
        float y = target_value(state, target, c, cols);
        float log_p = state->from_logits ? x[c] - log_sum : logf(clip_probability(x[c] / sum));
        loss -= y != 0.0f ? (double)y * log_p : 0.0;
    }
    return loss;
}

static double binary_loss(const struct state *state, float *p, const float *x, int64_t target, int64_t cols)
{
    double loss = 0.0;
    if (state->from_logits) {
        ec_kernels()->activate(p, x, EC_SIGMOID, cols);
    } else {
        memcpy(p, x, (size_t)cols * sizeof *p);
    }
    for (int64_t c = 0; c < cols; c++) {
        float y = target_value(state, target, c, cols);
        if (state->from_logits) {
            float positive = x[c] < 0.0f ? 0.0f : x[c]; /* NaN stays */
            loss += (double)positive - (double)(x[c] * y) + log1pf(expf(-fabsf(x[c])));
        } else {
            float q = clip_probability(x[c]);
            loss -= (double)(y * logf(q)) + (double)((1.0f - y) * logf(1.0f - q));
        }
    }
    return loss / (double)cols;
}

static int64_t binary_right(const struct state *state, const float *p, int64_t target, int64_t cols)
{
    int64_t right = 0;
    for (int64_t c = 0; c < cols; c++) {
        right += (p[c] > 0.5f) == (((const float *)state->loss.targets)[target * cols + c] > 0.5f);
    }
    return right;
}

/* Adds the texts' losses in their order, whoever computed them. */
static void sum_texts(struct state *state, const struct ec_step *step, struct ec_team *team)
{
    ec_team_barrier(team);
    if (team->index == 0) {
        double sum = 0.0;
        int64_t right = 0;
        for (int64_t b = 0; b < step->batch; b++) {
            sum += state->text_loss[b] * (step->sample_weight ? (double)step->sample_weight[b] : 1.0);
            right += state->text_right[b];
        }
        state->loss.value = state->counted ? state->weight * sum / (double)state->counted : 0.0;
        state->loss.correct = right;
    }
    ec_team_barrier(team);
}

static void cross_entropy_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t cols = in->cols;
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        double loss = 0.0;
        int64_t right = 0;
        for (int64_t row = first_row(in, b); row < first_row(in, b + 1); row++) {
            float *p = out->data + row * cols;
            const float *x = in->data + row * cols;
            int64_t target = target_row(in, b, row);
            if (target < 0) {
                memset(p, 0, (size_t)cols * sizeof *p);
            } else if (state->kind == BINARY) {
                loss += binary_loss(state, p, x, target, cols);
                right += binary_right(state, p, target, cols);
            } else {
                loss += categorical_loss(state, p, x, target, cols);
                right += index_of_largest(state, p, target, cols) == index_of_largest(state, NULL, target, cols);
            }
        }
        state->text_loss[b] = loss;
        state->text_right[b] = (int32_t)right;
    }
    sum_texts(state, step, team);
}

/* d_x of one row, for a row's share `scale` of the loss, given predictions p and inputs x. */
static void row_gradient(const struct state *state, float *d_x, const float *p, const float *x, int64_t target,
                         int64_t cols, float scale)
{
    if (state->from_logits) { /* softmax and sigmoid alike; targets that do not sum to 1 weigh the softmax by their sum
                               */
        float sum = 1.0f;
        if (state->kind == CATEGORICAL) {
            sum = 0.0f;
            for (int64_t c = 0; c < cols; c++) {
                sum += target_value(state, target, c, cols);
            }
        }
        for (int64_t c = 0; c < cols; c++) {
            d_x[c] = scale * (sum * p[c] - target_value(state, target, c, cols));
        }
        return;
    }
    if (state->kind == BINARY) {
        for (int64_t c = 0; c < cols; c++) {
            float y = target_value(state, target, c, cols), q = clip_probability(x[c]);
            d_x[c] = x[c] == q ? scale * ((1.0f - y) / (1.0f - q) - y / q) : x[c] == x[c] ? 0.0f : x[c];
        }
        return;
    }
    float sum = row_sum(x, cols), dot = 0.0f;
    for (int64_t c = 0; c < cols; c++) {
        float q = x[c] / sum, inside = q == clip_probability(q) ? 1.0f : 0.0f;
        d_x[c] = -inside * target_value(state, target, c, cols) / clip_probability(q);
        dot += d_x[c] * q;
    }
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = scale * (d_x[c] - dot) / sum;
    }
}

static void squared_error_gradient(const struct state *state, float *d_x, const float *x, int64_t target, int64_t cols,
                                   float scale)
{
    const float *y = (const float *)state->loss.targets + target * cols;
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = 2.0f * scale * (x[c] - y[c]);
    }
}

static void backward_rows(struct ec_op *op, const struct ec_step *step, int thread, int64_t b, int squared)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t cols = in->cols;
    double share = state->weight * (step->sample_weight ? (double)step->sample_weight[b] : 1.0);
    share /= (double)state->counted * (squared || state->kind == BINARY ? (double)cols : 1.0);
    for (int64_t row = first_row(in, b); row < first_row(in, b + 1); row++) {
        float *d_x = op->adds_input[0] ? state->scratch + thread * cols : in->grad + row * cols;
        int64_t target = target_row(in, b, row);
        if (target < 0) {
            memset(d_x, 0, (size_t)cols * sizeof *d_x);
        } else if (squared) {
            squared_error_gradient(state, d_x, in->data + row * cols, target, cols, (float)share);
        } else {
            row_gradient(state, d_x, out->data + row * cols, in->data + row * cols, target, cols, (float)share);
        }
        if (op->adds_input[0]) {
            ec_kernels()->add(in->grad + row * cols, d_x, cols);
        }
    }
}

static void cross_entropy_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        backward_rows(op, step, team->index, b, 0);
    }
    ec_team_barrier(team);
}

static void squared_error_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t cols = in->cols;
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        double loss = 0.0;
        for (int64_t row = first_row(in, b); row < first_row(in, b + 1); row++) {
            int64_t target = target_row(in, b, row);
            memcpy(out->data + row * cols, in->data + row * cols, (size_t)cols * sizeof(float));
            for (int64_t c = 0; target >= 0 && c < cols; c++) {
                double error =
                    (double)in->data[row * cols + c] - ((const float *)state->loss.targets)[target * cols + c];
                loss += error * error / (double)cols;
            }
        }
        state->text_loss[b] = loss;
        state->text_right[b] = 0;
    }
    sum_texts(state, step, team);
}

static void squared_error_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    for (int64_t b; (b = ec_team_next(team, step->batch)) >= 0;) {
        backward_rows(op, step, team->index, b, 1);
    }
    ec_team_barrier(team);
}

int ec_loss_takes_labels(const struct ec_op *op)
{
    return op->type == &ec_op_cross_entropy && ((const struct state *)op->state)->kind == SPARSE_CATEGORICAL;
}

const struct ec_op_type ec_op_cross_entropy = {
    .name = "cross_entropy",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = cross_entropy_attributes,
    .is_loss = 1,
    .infer = infer,
    .plan = plan,
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
};

const struct ec_op_type ec_op_squared_error = {
    .name = "squared_error",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = squared_error_attributes,
    .is_loss = 1,
    .infer = infer,
    .plan = plan,
    .forward = squared_error_forward,
    .backward = squared_error_backward,
};
