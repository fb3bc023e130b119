/* row_loss: losses of a whole row of predictions x and targets y.
 *
 *     kl_divergence      sum y log(y / x), both clipped to [1e-7, 1]
 *     cosine_similarity  -sum(x y) / (|x| |y|), norms of at least 1e-7
 *     categorical_hinge  max(0, max((1 - y) x) - sum(y x) + 1) */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

enum kind {
    KL_DIVERGENCE,
    COSINE_SIMILARITY,
    CATEGORICAL_HINGE
};

static const char *const kinds[] = {"kl_divergence", "cosine_similarity", "categorical_hinge", NULL};
static const struct ec_loss_state defaults = {.weight = 1.0};
static const struct ec_attribute attributes[] = {
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_loss_state, kind), kinds},
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* To [1e-7, 1]; NaN stays. */
static double clipped(double p) { return p < EC_LOSS_EPSILON ? EC_LOSS_EPSILON : p > 1.0 ? 1.0 : p; }

struct angle {
    double dot, x_norm, y_norm; /* norms of at least 1e-7 */
    int x_is_tiny;
};

static struct angle angle_of(const float *x, const float *y, int64_t cols)
{
    double dot = 0.0, xx = 0.0, yy = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        dot += (double)x[c] * y[c];
        xx += (double)x[c] * x[c];
        yy += (double)y[c] * y[c];
    }
    struct angle angle = {.dot = dot, .x_norm = sqrt(xx), .y_norm = sqrt(yy)};
    angle.x_is_tiny = angle.x_norm < EC_LOSS_EPSILON;
    angle.x_norm = angle.x_is_tiny ? EC_LOSS_EPSILON : angle.x_norm;
    angle.y_norm = angle.y_norm < EC_LOSS_EPSILON ? EC_LOSS_EPSILON : angle.y_norm;
    return angle;
}

/* The margin of a categorical hinge, and the channel of the strongest wrong class. */
static double margin_of(const float *x, const float *y, int64_t cols, int64_t *strongest)
{
    double right = 0.0, wrong = -INFINITY;
    *strongest = 0;
    for (int64_t c = 0; c < cols; c++) {
        double other = (1.0 - (double)y[c]) * x[c];
        right += (double)y[c] * x[c];
        if (!(other <= wrong)) { /* NaN wins */
            wrong = other;
            *strongest = c;
        }
    }
    return wrong - right + 1.0;
}

static double value(const struct ec_loss_state *state, float *p, const float *x, const void *targets, int64_t cols)
{
    const float *y = targets;
    memcpy(p, x, (size_t)cols * sizeof *p);
    if (state->kind == COSINE_SIMILARITY) {
        struct angle angle = angle_of(x, y, cols);
        return -angle.dot / (angle.x_norm * angle.y_norm);
    }
    if (state->kind == CATEGORICAL_HINGE) {
        int64_t strongest;
        double margin = margin_of(x, y, cols, &strongest);
        return margin < 0.0 ? 0.0 : margin;
    }
    double loss = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        loss += clipped(y[c]) * log(clipped(y[c]) / clipped(x[c]));
    }
    return loss;
}

/* d/dx of -dot / (|x| |y|): (dot x / |x|^2 - y) / (|x| |y|). */
static void cosine_gradient(float *d_x, const float *x, const float *y, int64_t cols, double scale)
{
    struct angle angle = angle_of(x, y, cols);
    double along = angle.x_is_tiny ? 0.0 : angle.dot / (angle.x_norm * angle.x_norm);
    scale /= angle.x_norm * angle.y_norm;
    for (int64_t c = 0; c < cols; c++) {
        d_x[c] = (float)(scale * (along * x[c] - y[c]));
    }
}

static void gradient(const struct ec_loss_state *state, float *d_x, const float *p, const float *x, const void *targets,
                     int64_t cols, float scale)
{
    (void)p;
    const float *y = targets;
    if (state->kind == COSINE_SIMILARITY) {
        cosine_gradient(d_x, x, y, cols, (double)scale);
        return;
    }
    if (state->kind == CATEGORICAL_HINGE) {
        int64_t strongest;
        float active = margin_of(x, y, cols, &strongest) < 0.0 ? 0.0f : scale;
        for (int64_t c = 0; c < cols; c++) {
            d_x[c] = active * ((c == strongest ? 1.0f - y[c] : 0.0f) - y[c]);
        }
        return;
    }
    for (int64_t c = 0; c < cols; c++) {
        int inside = !(x[c] < EC_LOSS_EPSILON || x[c] > 1.0f);
        d_x[c] = inside ? (float)(-(double)scale * clipped(y[c]) / x[c]) : 0.0f;
    }
}

static const struct ec_loss_rule rule = {.value = value, .gradient = gradient};

const struct ec_op_type ec_op_row_loss = {
    .name = "row_loss",
    EC_ROW_LOSS,
    .attributes = attributes,
    .infer = ec_loss_infer,
    .plan = ec_loss_plan,
};
