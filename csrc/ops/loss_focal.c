/* focal_cross_entropy (Lin and others 2017): cross entropy whose easy examples weigh less.
 *
 *     binary       l = mean(a (1 - p_t)^gamma bce(y, p)),  p_t = y p + (1 - y)(1 - p),  a = 1, or balanced
 *                  y alpha + (1 - y)(1 - alpha)
 *     categorical  l = -alpha sum(y (1 - q)^gamma log q),  q = p / sum(p) clipped to [1e-7, 1 - 1e-7]
 *
 * p: the input, or its sigmoid or softmax where the input holds logits. As Keras, the logarithms see clipped p. */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

enum kind {
    BINARY,
    CATEGORICAL
};

static const char *const kinds[] = {"binary", "categorical", NULL};
static const struct ec_loss_state defaults = {.weight = 1.0, .alpha = 0.25, .gamma = 2.0};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_loss_state, kind), kinds},
    {"from_logits", EC_ATTRIBUTE_INT, offsetof(struct ec_loss_state, from_logits), NULL},
    {"label_smoothing", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, label_smoothing), NULL},
    {"balanced", EC_ATTRIBUTE_INT, offsetof(struct ec_loss_state, balanced), NULL},
    {"alpha", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, alpha), NULL},
    {"gamma", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, gamma), NULL},
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* The loss of one probability and, in *slope, its derivative by p. */
static double binary_element(const struct ec_loss_state *state, double y, float p, double *slope)
{
    float clip = ec_clip_probability(p);
    double q = clip, inside = clip == p || p != p ? 1.0 : 0.0;
    double entropy = -(y * log(q) + (1.0 - y) * log(1.0 - q));
    double easy = y * p + (1.0 - y) * (1.0 - p);
    double balance = state->balanced ? y * state->alpha + (1.0 - y) * (1.0 - state->alpha) : 1.0;
    double factor = pow(1.0 - easy, state->gamma);
    double d_factor = state->gamma == 0.0 ? 0.0 : -state->gamma * pow(1.0 - easy, state->gamma - 1.0) * (2.0 * y - 1.0);
    *slope = balance * (d_factor * entropy + factor * inside * ((1.0 - y) / (1.0 - q) - y / q));
    return balance * factor * entropy;
}

static double categorical_element(const struct ec_loss_state *state, double y, float share, double *slope)
{
    float clip = ec_clip_probability(share);
    double q = clip, inside = clip == share || share != share ? 1.0 : 0.0;
    double factor = pow(1.0 - q, state->gamma);
    double d_factor = state->gamma == 0.0 ? 0.0 : -state->gamma * pow(1.0 - q, state->gamma - 1.0);
    *slope = -inside * state->alpha * y * (d_factor * log(q) + factor / q);
    return -state->alpha * y * factor * log(q);
}

/* Sums the loss of a row; with d_x also writes scale times the derivatives by p (binary) or by q (categorical). */
static double walk(const struct ec_loss_state *state, float *d_x, const float *p, const float *y, int64_t cols,
                   double scale)
{
    float sum = state->kind == CATEGORICAL ? ec_row_sum(p, cols) : 1.0f;
    float to = state->kind == BINARY ? 0.5f : 1.0f / (float)cols;
    double loss = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        double slope, target = ec_smoothed(state, y[c], to);
        loss += state->kind == BINARY ? binary_element(state, target, p[c], &slope)
                                      : categorical_element(state, target, p[c] / sum, &slope);
        if (d_x) {
            d_x[c] = (float)(scale * slope);
        }
    }
    return loss;
}

static double value(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols)
{
    if (!state->from_logits) {
        memcpy(p, x, (size_t)cols * sizeof *p);
    } else if (state->kind == BINARY) {
        ec_kernels()->activate(p, x, EC_SIGMOID, cols);
    } else {
        ec_kernels()->softmax(p, x, cols);
    }
    return walk(state, NULL, p, y, cols, 0.0) / (state->kind == BINARY ? (double)cols : 1.0);
}

static void gradient(const struct ec_loss_state *state, float *d_x, const float *p, const float *x, const void *y,
                     int64_t cols, float scale)
{
    (void)x;
    walk(state, d_x, p, y, cols, state->kind == BINARY ? (double)scale / (double)cols : (double)scale);
    if (state->kind == BINARY) {
        for (int64_t c = 0; state->from_logits && c < cols; c++) {
            d_x[c] *= p[c] * (1.0f - p[c]);
        }
        return;
    }
    /* through q = p / sum(p): (d - sum(d q)) / sum(p); with softmax before it p (d - sum(d p)) */
    float sum = ec_row_sum(p, cols), dot = 0.0f;
    for (int64_t c = 0; c < cols; c++) {
        dot += d_x[c] * p[c] / sum;
    }
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = (d_x[c] - dot) * (state->from_logits ? p[c] : 1.0f / sum);
    }
}

static const struct ec_loss_rule rule = {.value = value, .gradient = gradient};

const struct ec_op_type ec_op_focal_cross_entropy = {
    .name = "focal_cross_entropy",
    EC_ROW_LOSS,
    .attributes = attributes,
    .infer = ec_loss_infer,
    .plan = ec_loss_plan,
};
