/* rectifier: the rectifiers with settings (Keras's ReLU, LeakyReLU and, with the parameter alpha, PReLU; He and others
 * 2015), value by value.
 *
 *     y = min(x, max_value) where x > threshold, else slope (x - threshold)
 *     d_x = d_y where threshold < x < max_value, 0 above, d_y slope below
 *     With alpha [C], or [S, C] with a row for each step or one for all, slope is alpha and d_alpha = sum of d_y x over
 *     the x <= 0. */
#include "ops/op.h"

#include <math.h>

struct state {
    double slope, threshold, max_value;
};

static const struct state defaults = {.max_value = INFINITY};
static const struct ec_attribute attributes[] = {
    {"slope", EC_ATTRIBUTE_FLOAT, offsetof(struct state, slope), NULL},
    {"threshold", EC_ATTRIBUTE_FLOAT, offsetof(struct state, threshold), NULL},
    {"max_value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, max_value), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (!isfinite(state->slope) || !isfinite(state->threshold) || !(state->max_value > state->threshold)) {
        return ec_refuse(report,
                         "rectifier: slope = %g, threshold = %g, max_value = %g; both finite and "
                         "max_value above threshold",
                         state->slope, state->threshold, state->max_value);
    }
    if (!op->parameter_count) {
        return EC_OK;
    }
    const struct ec_tensor *in = op->inputs[0];
    const int64_t dims[] = {-1, in->cols};
    int rank = in->steps == EC_NO_STEPS ? 1 : 2;
    if (in->rank > 1) {
        return ec_refuse(report, "rectifier: with alpha the input has one inner axis. Received: %d", in->rank);
    }
    return ec_infer_parameter_of_rank(op, 0, rank, dims + 2 - rank, report);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    if (op->parameter_count && layout && op->parameters[0]->dims[0] > 1 && layout->width > op->parameters[0]->dims[0]) {
        return ec_refuse(&step->report, "rectifier: the sequences are %lld steps long; alpha was made for %lld",
                         (long long)layout->width, (long long)op->parameters[0]->dims[0]);
    }
    step->work += 4.0 * (double)op->inputs[0]->rows * (double)op->inputs[0]->cols;
    return ec_op_plan_like_input(op, step);
}

/* Where the row of alpha for a stored row begins. */
static int64_t alpha_place(const struct ec_op *op, int64_t b, int64_t row)
{
    const struct ec_layout *layout = op->inputs[0]->layout;
    if (!layout || op->parameters[0]->dims[0] == 1) {
        return 0;
    }
    return (layout->starts[b] + row - layout->offsets[b]) * op->inputs[0]->cols;
}

static void rectify_row(const struct ec_op *op, int64_t b, int64_t row)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const float *x = in->data + row * in->cols;
    float *y = op->outputs[0]->data + row * in->cols;
    float threshold = (float)state->threshold, limit = (float)state->max_value, slope = (float)state->slope;
    const float *alpha = op->parameter_count ? op->parameters[0]->value + alpha_place(op, b, row) : NULL;
    for (int64_t c = 0; c < in->cols; c++) {
        float below = (alpha ? alpha[c] : slope) * (x[c] - threshold);
        y[c] = x[c] > threshold ? (x[c] < limit ? x[c] : limit) : below; /* NaN goes below, and stays */
    }
}

static void row_gradient(const struct ec_op *op, int64_t b, int64_t row)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const float *x = in->data + row * in->cols, *d_y = op->outputs[0]->grad + row * in->cols;
    float *d_x = in->grad + row * in->cols;
    float threshold = (float)state->threshold, limit = (float)state->max_value, slope = (float)state->slope;
    const float *alpha = op->parameter_count ? op->parameters[0]->value + alpha_place(op, b, row) : NULL;
    for (int64_t c = 0; c < in->cols; c++) {
        float share = x[c] > threshold ? (x[c] < limit ? 1.0f : 0.0f) : alpha ? alpha[c] : slope;
        d_x[c] = op->adds_input[0] ? d_x[c] + d_y[c] * share : d_y[c] * share;
    }
}

/* For a part of the channels, over all rows in their order. */
static void alpha_gradient(const struct ec_op *op, int64_t batch, int64_t begin, int64_t end)
{
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    struct ec_parameter *alpha = op->parameters[0];
    int64_t alpha_rows = alpha->size / in->cols;
    for (int64_t i = 0; !op->adds_parameter[0] && i < alpha_rows; i++) {
        for (int64_t c = begin; c < end; c++) {
            alpha->gradient.values[i * in->cols + c] = 0.0f;
        }
    }
    for (int64_t b = 0; b < batch; b++) {
        for (int64_t row = ec_tensor_row(in, b); row < ec_tensor_row(in, b + 1); row++) {
            float *d_alpha = alpha->gradient.values + alpha_place(op, b, row);
            for (int64_t c = begin; c < end; c++) {
                float x = in->data[row * in->cols + c];
                d_alpha[c] += x > 0.0f ? 0.0f : x * out->grad[row * in->cols + c];
            }
        }
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(op->inputs[0]))) >= 0;) {
        for (int64_t row = ec_tensor_row(op->inputs[0], b); row < ec_tensor_row(op->inputs[0], b + 1); row++) {
            rectify_row(op, b, row);
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_tensor *in = op->inputs[0];
    int64_t texts = ec_tensor_texts(in);
    const int64_t channels = 16; /* a cache line */
    int learns = op->parameter_count && op->parameters[0]->trainable;
    for (struct ec_range tile; learns && ec_team_next_range(team, in->cols, channels, &tile);) {
        alpha_gradient(op, texts, tile.begin, tile.end);
    }
    for (int64_t b; in->needs_grad && (b = ec_team_next(team, texts)) >= 0;) {
        for (int64_t row = ec_tensor_row(in, b); row < ec_tensor_row(in, b + 1); row++) {
            row_gradient(op, b, row);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_rectifier = {
    .name = "rectifier",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .parameters = {0, 1},
    .parameter_ranks = {{1, 2}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
