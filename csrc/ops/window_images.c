/* window_images: a window of each image, height x width, whose corner is at (top, left), which may lie outside, as may
 * the rest: there are zeros, or `value`. Keras's ZeroPadding2D, Cropping2D, CenterCrop. random_window: a window inside
 * of the image, wherever chance puts it for each: RandomCrop in training.
 *
 *     y[i, j, c] = x[top + i, left + j, c]          d_x[top + i, left + j, c] = d_y[i, j, c], 0 elsewhere */
#include "ops/image_draws.h"

#include <string.h>

struct state {
    int top, left, height, width;
    double value;

    /* random_window */
    int layer;
};

static const struct ec_attribute attributes[] = {
    {"top", EC_ATTRIBUTE_INT, offsetof(struct state, top), NULL},
    {"left", EC_ATTRIBUTE_INT, offsetof(struct state, left), NULL},
    {"height", EC_ATTRIBUTE_INT, offsetof(struct state, height), NULL},
    {"width", EC_ATTRIBUTE_INT, offsetof(struct state, width), NULL},
    {"value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, value), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute random_attributes[] = {
    {"height", EC_ATTRIBUTE_INT, offsetof(struct state, height), NULL},
    {"width", EC_ATTRIBUTE_INT, offsetof(struct state, width), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const int64_t *own = op->inputs[0]->dims;
    if (state->height < 1 || state->width < 1) {
        return ec_refuse(report, "%s: height = %d, width = %d; both must be >= 1", op->type->name, state->height,
                         state->width);
    }
    if (op->type == &ec_op_random_window && (state->height > own[0] || state->width > own[1])) {
        return ec_refuse(report, "random_window: %d x %d pixels of images of %lld x %lld", state->height, state->width,
                         (long long)own[0], (long long)own[1]);
    }
    int64_t size[3] = {state->height, state->width, op->inputs[0]->channels};
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, size);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    step->work += 2.0 * (double)op->inputs[0]->rows * (double)op->outputs[0]->cols;
    return ec_op_plan_like_input(op, step);
}

/* Where the window of an image stands, and which of its rows and columns lie inside. */
struct window {
    int64_t top, left;
    struct ec_range rows, cols; /* of the window */
};

static struct window window_of(const struct ec_op *op, const struct ec_step *step, int64_t image)
{
    const struct state *state = op->state;
    int64_t height = op->inputs[0]->dims[0], width = op->inputs[0]->dims[1];
    struct window window = {.top = state->top, .left = state->left};
    if (op->type == &ec_op_random_window) {
        double below = (double)(height - state->height + 1), beside = (double)(width - state->width + 1);
        window.top = (int64_t)ec_image_draw(step, state->layer, image, 0, 0.0, below);
        window.left = (int64_t)ec_image_draw(step, state->layer, image, 1, 0.0, beside);
    }
    window.rows.begin = ec_least(ec_most(0, -window.top), state->height);
    window.rows.end = ec_most(window.rows.begin, ec_least(state->height, height - window.top));
    window.cols.begin = ec_least(ec_most(0, -window.left), state->width);
    window.cols.end = ec_most(window.cols.begin, ec_least(state->width, width - window.left));
    return window;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t channels = in->channels, width = state->width * channels;
    for (int64_t tile; (tile = ec_team_next(team, in->rows)) >= 0;) {
        struct window window = window_of(op, step, tile);
        int64_t before = window.cols.begin * channels, inner = (window.cols.end - window.cols.begin) * channels;
        for (int64_t y = 0; y < state->height; y++) {
            float *row = out->data + tile * out->cols + y * width;
            if (y < window.rows.begin || y >= window.rows.end || inner == 0) {
                ec_kernels()->fill(row, (float)state->value, width);
                continue;
            }
            int64_t from = ((window.top + y) * in->dims[1] + window.left + window.cols.begin) * channels;
            ec_kernels()->fill(row, (float)state->value, before);
            memcpy(row + before, in->data + tile * in->cols + from, (size_t)inner * sizeof *row);
            ec_kernels()->fill(row + before + inner, (float)state->value, width - before - inner);
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t channels = in->channels;
    for (int64_t tile; (tile = ec_team_next(team, in->rows)) >= 0;) {
        struct window window = window_of(op, step, tile);
        int64_t inner = (window.cols.end - window.cols.begin) * channels;
        float *d_in = in->grad + tile * in->cols;
        if (!op->adds_input[0]) {
            ec_kernels()->fill(d_in, 0.0f, in->cols);
        }
        for (int64_t y = window.rows.begin; inner > 0 && y < window.rows.end; y++) {
            int64_t to = ((window.top + y) * in->dims[1] + window.left + window.cols.begin) * channels;
            const float *d_row = out->grad + tile * out->cols + (y * state->width + window.cols.begin) * channels;
            ec_kernels()->add(d_in + to, d_row, inner);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_window_images = {
    .name = "window_images",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};

const struct ec_op_type ec_op_random_window = {
    .name = "random_window",
    .state_bytes = sizeof(struct state),
    .attributes = random_attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .is_random = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
