/* element_loss and squared_error: losses that are the mean over the last axis of a function of one prediction x and one
 * target y, with e = x - y. Keras's mean_absolute_error, huber, log_cosh, hinge, poisson and their relatives. */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

enum kind {
    SQUARED,
    ABSOLUTE,
    ABSOLUTE_PERCENTAGE,
    SQUARED_LOGARITHMIC,
    HUBER,
    LOG_COSH,
    HINGE,
    SQUARED_HINGE,
    POISSON
};

static const char *const kinds[] = {
    "squared", "absolute", "absolute_percentage", "squared_logarithmic", "huber", "log_cosh", "hinge", "squared_hinge",
    "poisson", NULL};
static const struct ec_loss_state defaults = {.weight = 1.0, .delta = 1.0};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_loss_state, kind), kinds},
    {"delta", EC_ATTRIBUTE_FLOAT, offsetof(struct ec_loss_state, delta), NULL},
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute squared_error_attributes[] = {
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static double at_least(double x, double least) { return x < least ? least : x; } /* NaN stays */

/* log(max(x, epsilon) + 1) */
static double log_of_one_more(double x) { return log(at_least(x, EC_LOSS_EPSILON) + 1.0); }

static double element(const struct ec_loss_state *state, double x, double y)
{
    double e = x - y, size = fabs(e);
    switch ((enum kind)state->kind) {
    case SQUARED: return e * e;
    case ABSOLUTE: return size;
    case ABSOLUTE_PERCENTAGE: return 100.0 * size / at_least(fabs(y), EC_LOSS_EPSILON);
    case SQUARED_LOGARITHMIC: e = log_of_one_more(x) - log_of_one_more(y); return e * e;
    case HUBER: return size <= state->delta ? 0.5 * e * e : state->delta * (size - 0.5 * state->delta);
    case LOG_COSH: return size + log1p(exp(-2.0 * size)) - log(2.0);
    case HINGE: return at_least(1.0 - y * x, 0.0);
    case SQUARED_HINGE: e = at_least(1.0 - y * x, 0.0); return e * e;
    case POISSON: return x - y * log(x + EC_LOSS_EPSILON);
    }
    return 0.0;
}

static double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }

static double slope(const struct ec_loss_state *state, double x, double y)
{
    double e = x - y;
    switch ((enum kind)state->kind) {
    case SQUARED: return 2.0 * e;
    case ABSOLUTE: return sign(e);
    case ABSOLUTE_PERCENTAGE: return 100.0 * sign(e) / at_least(fabs(y), EC_LOSS_EPSILON);
    case SQUARED_LOGARITHMIC:
        return x < EC_LOSS_EPSILON ? 0.0 : 2.0 * (log_of_one_more(x) - log_of_one_more(y)) / (x + 1.0);
    case HUBER: return fabs(e) <= state->delta ? e : state->delta * sign(e);
    case LOG_COSH: return tanh(e);
    case HINGE: return y * x > 1.0 ? 0.0 : -y;
    case SQUARED_HINGE: return -2.0 * y * at_least(1.0 - y * x, 0.0);
    case POISSON: return 1.0 - y / (x + EC_LOSS_EPSILON);
    }
    return 0.0;
}

/* 0 and 1 mean -1 and 1 to a hinge, where the batch has no other targets. */
static double target_of(const struct ec_loss_state *state, float y)
{
    return state->binary_labels ? 2.0 * (double)y - 1.0 : (double)y;
}

static double value(const struct ec_loss_state *state, float *p, const float *x, const void *y, int64_t cols)
{
    double loss = 0.0;
    memcpy(p, x, (size_t)cols * sizeof *p);
    for (int64_t c = 0; c < cols; c++) {
        loss += element(state, x[c], target_of(state, ((const float *)y)[c]));
    }
    return loss / (double)cols;
}

static void gradient(const struct ec_loss_state *state, float *d_x, const float *p, const float *x, const void *y,
                     int64_t cols, float scale)
{
    (void)p;
    scale /= (float)cols;
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = scale * (float)slope(state, x[c], target_of(state, ((const float *)y)[c]));
    }
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_loss_state *state = op->state;
    const float *targets = state->loss.targets;
    int64_t count = ec_tensor_texts(op->inputs[0]) * op->inputs[0]->cols *
                    (state->loss.target_width ? state->loss.target_width : 1);
    state->binary_labels = targets && (state->kind == HINGE || state->kind == SQUARED_HINGE);
    for (int64_t i = 0; i < count && state->binary_labels; i++) {
        state->binary_labels = targets[i] == 0.0f || targets[i] == 1.0f;
    }
    return ec_loss_plan(op, step);
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    double delta = ((const struct ec_loss_state *)op->state)->delta;
    if (!(delta > 0.0)) {
        return ec_refuse(report, "%s: delta = %g is not above 0", op->type->name, delta);
    }
    return ec_loss_infer(op, report);
}

static const struct ec_loss_rule rule = {.value = value, .gradient = gradient};

const struct ec_op_type ec_op_element_loss = {
    .name = "element_loss",
    EC_ROW_LOSS,
    .attributes = attributes,
    .infer = infer,
    .plan = plan,
};

const struct ec_op_type ec_op_squared_error = {
    .name = "squared_error",
    EC_ROW_LOSS,
    .attributes = squared_error_attributes,
    .infer = infer,
    .plan = plan,
};
