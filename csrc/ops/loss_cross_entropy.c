/* cross_entropy: sparse, categorical and binary, from logits or probabilities.
 *
 *     categorical l = -sum y log p           softmax logits: dl/dx = sum(y) p - y
 *     binary      l = -mean(y log p + (1 - y) log(1 - p))       sigmoid logits: dl/dx = (p - y) / C
 *
 * Probabilities are treated as Keras does: rows of the categorical kinds divided by their sum, then clipped to
 * [1e-7, 1 - 1e-7], with no gradient where clipped. */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

enum kind {
    SPARSE_CATEGORICAL,
    CATEGORICAL,
    BINARY
};

static const char *const kinds[] = {"sparse_categorical", "categorical", "binary", NULL};
static const struct ec_loss_state defaults = {.from_logits = 1, .weight = 1.0};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_loss_state, kind), kinds},
    {"from_logits", EC_ATTRIBUTE_INT, offsetof(struct ec_loss_state, from_logits), NULL},
    {"label_smoothing", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, label_smoothing), NULL},
    {"ignores", EC_ATTRIBUTE_INT, offsetof(struct ec_loss_state, loss.has_ignored), NULL},
    {"ignore_class", EC_ATTRIBUTE_INT, offsetof(struct ec_loss_state, loss.ignored), NULL},
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_loss_state *state = op->state;
    if (state->loss.has_ignored && state->kind != SPARSE_CATEGORICAL) {
        return ec_refuse(report, "cross_entropy: only the kind 'sparse_categorical' can ignore a class");
    }
    return ec_loss_infer(op, report);
}

/* The target of channel c after label smoothing. */
static float target_value(const struct ec_loss_state *state, const void *y, int64_t c, int64_t cols)
{
    float to = state->kind == BINARY ? 0.5f : 1.0f / (float)cols;
    if (state->kind == SPARSE_CATEGORICAL) {
        return ec_smoothed(state, *(const int32_t *)y == c ? 1.0f : 0.0f, to);
    }
    return ec_smoothed(state, ((const float *)y)[c], to);
}

/* -1 where all are NaN, which is never the largest. */
static int64_t index_of_largest(const float *values, int64_t cols)
{
    int64_t best = 0;
    while (best < cols && values[best] != values[best]) {
        best++;
    }
    for (int64_t c = best + 1; c < cols; c++) {
        best = values[c] > values[best] ? c : best;
    }
    return best < cols ? best : -1;
}

static double categorical_loss(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols)
{
    double loss = 0.0;
    float log_sum = 0.0f, sum = 1.0f;
    if (state->from_logits) {
        log_sum = ec_kernels()->softmax(p, x, cols);
    } else {
        memcpy(p, x, (size_t)cols * sizeof *p);
        sum = ec_row_sum(x, cols);
    }
    int64_t begin = 0, end = cols;
    if (state->kind == SPARSE_CATEGORICAL && state->label_smoothing == 0.0) { /* all other targets are 0 */
        begin = *(const int32_t *)y;
        end = begin + 1;
    }
    for (int64_t c = begin; c < end; c++) {
        float target = target_value(state, y, c, cols);
        float log_p = state->from_logits ? x[c] - log_sum : logf(ec_clip_probability(x[c] / sum));
        loss -= target != 0.0f ? (double)target * log_p : 0.0;
    }
    return loss;
}

static double binary_loss(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols)
{
    double loss = 0.0;
    if (state->from_logits) {
        ec_kernels()->activate(p, x, EC_SIGMOID, cols);
    } else {
        memcpy(p, x, (size_t)cols * sizeof *p);
    }
    for (int64_t c = 0; c < cols; c++) {
        float target = target_value(state, y, c, cols);
        if (state->from_logits) {
            float positive = x[c] < 0.0f ? 0.0f : x[c]; /* NaN stays */
            loss += (double)positive - (double)(x[c] * target) + log1pf(expf(-fabsf(x[c])));
        } else {
            float q = ec_clip_probability(x[c]);
            loss -= (double)(target * logf(q)) + (double)((1.0f - target) * logf(1.0f - q));
        }
    }
    return loss / (double)cols;
}

static double value(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols)
{
    return state->kind == BINARY ? binary_loss(state, p, x, y, cols) : categorical_loss(state, p, x, y, cols);
}

static int64_t right(const struct ec_loss_state *state, const float *p, const void *y, int64_t cols)
{
    if (state->kind == SPARSE_CATEGORICAL) {
        return index_of_largest(p, cols) == *(const int32_t *)y;
    }
    const float *values = y;
    if (state->kind == CATEGORICAL) {
        int64_t predicted = index_of_largest(p, cols);
        return predicted >= 0 && predicted == index_of_largest(values, cols);
    }
    int64_t count = 0;
    for (int64_t c = 0; c < cols; c++) {
        count += (p[c] > 0.5f ? 1.0f : 0.0f) == values[c]; /* as Keras: targets are no thresholds' matter */
    }
    return count;
}

/* Softmax and sigmoid alike; targets that do not sum to 1 weigh the softmax by their sum. */
static void logit_gradient(const struct ec_loss_state *state, float *d_x, const float *p, const void *y, int64_t cols,
                           float scale)
{
    float sum = 1.0f;
    if (state->kind == CATEGORICAL) {
        sum = 0.0f;
        for (int64_t c = 0; c < cols; c++) {
            sum += target_value(state, y, c, cols);
        }
    }
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = scale * (sum * p[c] - target_value(state, y, c, cols));
    }
}

static void probability_gradient(const struct ec_loss_state *state, float *d_x, const float *x, const void *y,
                                 int64_t cols, float scale)
{
    if (state->kind == BINARY) {
        for (int64_t c = 0; c < cols; c++) {
            float target = target_value(state, y, c, cols), q = ec_clip_probability(x[c]);
            d_x[c] = x[c] == q ? scale * ((1.0f - target) / (1.0f - q) - target / q) : x[c] == x[c] ? 0.0f : x[c];
        }
        return;
    }
    float sum = ec_row_sum(x, cols), dot = 0.0f;
    for (int64_t c = 0; c < cols; c++) {
        float q = x[c] / sum, inside = q == ec_clip_probability(q) ? 1.0f : 0.0f;
        d_x[c] = -inside * target_value(state, y, c, cols) / ec_clip_probability(q);
        dot += d_x[c] * q;
    }
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = scale * (d_x[c] - dot) / sum;
    }
}

static void gradient(const struct ec_loss_state *state, float *d_x, const float *p, const float *x, const void *y,
                     int64_t cols, float scale)
{
    scale = state->kind == BINARY ? scale / (float)cols : scale;
    if (state->from_logits) {
        logit_gradient(state, d_x, p, y, cols, scale);
    } else {
        probability_gradient(state, d_x, x, y, cols, scale);
    }
}

static const struct ec_loss_rule rule = {.value = value, .gradient = gradient, .right = right};

static int takes_labels(const struct ec_op *op)
{
    return ((const struct ec_loss_state *)op->state)->kind == SPARSE_CATEGORICAL;
}

const struct ec_op_type ec_op_cross_entropy = {
    .name = "cross_entropy",
    EC_ROW_LOSS,
    .attributes = attributes,
    .takes_labels = takes_labels,
    .infer = infer,
    .plan = ec_loss_plan,
};
