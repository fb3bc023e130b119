/* max_pool2d, average_pool2d: image [B, H, W, C] -> image [B, H', W', C], over windows of pixels (Keras's MaxPooling2D
 * and AveragePooling2D; the global ones are one window). Places that padding="same" adds take no part. Memory decides:
 * an input of 75 MB is read once, row by row of the output; in the backward a row of the input takes, while it is in
 * the cache, from all rows of windows that saw it.
 *
 *     max: out[w, c] = in[p*, c] (the first of equal ones, NaN wins), d_in[p*, c] += d_out[w, c]
 *     average: out[w, c] = sum over p of in[p, c] / n(w), d_in[p, c] += d_out[w, c] / n(w) */
#include "ops/windows_2d.h"

#include <string.h>

struct state {
    struct ec_windows_2d window;

    /* of the step */
    int32_t *at; /* max, where a backward follows: [B, H', W', C] pixel of the winner in its image; else a row of C for
                    each thread */
};

static const struct state defaults = {
    .window = {.rows = {.size = 2, .strides = 2, .dilation = 1}, .cols = {.size = 2, .strides = 2, .dilation = 1}}};
static const struct ec_attribute attributes[] = {
    {"pool_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.size), NULL},
    {"pool_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.size), NULL},
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.strides), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.rows.padding), ec_pool_padding_names},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct ec_windows_2d *window = &((struct state *)op->state)->window;
    if (ec_least(window->rows.size, window->cols.size) < 1 ||
        ec_most(window->rows.size, window->cols.size) > INT32_MAX) {
        return ec_refuse(report, "%s: pool_size = (%lld, %lld); both must be in [1, 2**31 - 1]", op->type->name,
                         (long long)window->rows.size, (long long)window->cols.size);
    }
    ec_status status =
        ec_windows_2d_infer(window, op, window->rows.size, window->cols.size, op->inputs[0]->channels, report);
    return status == EC_OK && window->height > INT32_MAX / window->width ? EC_TOO_LARGE : status;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    out->layout = NULL;
    out->rows = op->inputs[0]->rows;
    ec_status status = ec_op_plan_gradients(op, step);
    step->work += 2.0 * (double)out->rows * (double)ec_most(op->inputs[0]->cols, out->cols);
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

static ec_status plan_max(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    ec_status status = plan(op, step);
    if (status == EC_OK) {
        int64_t size = out->needs_grad ? out->rows * out->cols : step->threads * out->channels;
        state->at = ec_arena_take(step->arena, size, sizeof *state->at);
    }
    return step->arena->failed ? EC_NO_MEMORY : status;
}

/* -- forward: a row of windows ------------------------------------------------------------------------------------ */
/* The pixels of a window: rows [rows.begin, rows.end) and columns [cols.begin, cols.end) of its image. */
struct area {
    struct ec_range rows, cols;
};

static struct ec_range bounds_of(const struct ec_windows *windows, int64_t length, int64_t window)
{
    struct ec_range range;
    ec_windows_bounds(windows, length, window, &range.begin, &range.end);
    return range;
}

static void max_of(const float *image, int64_t width, int64_t channels, struct area area, float *y, int32_t *at)
{
    const struct ec_kernels *kernels = ec_kernels();
    int32_t first = (int32_t)(area.rows.begin * width + area.cols.begin);
    memcpy(y, image + first * channels, (size_t)channels * sizeof *y);
    for (int64_t c = 0; c < channels; c++) {
        at[c] = first;
    }
    for (int64_t row = area.rows.begin; row < area.rows.end; row++) {
        for (int64_t col = area.cols.begin; col < area.cols.end; col++) {
            int32_t pixel = (int32_t)(row * width + col);
            if (pixel != first) {
                kernels->maximum_into(y, at, image + pixel * channels, pixel, channels);
            }
        }
    }
}

/* A sum for each row of pixels, then their sum: a mean over 10,000 pixels keeps its digits. */
static void average_of(const float *image, int64_t width, int64_t channels, struct area area, float *y)
{
    enum {
        PART = 128
    };
    const struct ec_kernels *kernels = ec_kernels();
    int64_t rows = area.rows.end - area.rows.begin, cols = area.cols.end - area.cols.begin;
    for (int64_t c = 0; c < channels; c += PART) {
        float sum[PART];
        int64_t n = ec_least(PART, channels - c);
        for (int64_t row = area.rows.begin; row < area.rows.end; row++) {
            const float *x = image + (row * width + area.cols.begin) * channels + c;
            kernels->column_sum(row == area.rows.begin ? y + c : sum, 0, x, channels, cols, n);
            if (row > area.rows.begin) {
                kernels->add(y + c, sum, n);
            }
        }
        kernels->scale(y + c, y + c, 1.0f / (float)(rows * cols), n);
    }
}

static void forward_row(const struct ec_op *op, const struct ec_team *team, int64_t number, int is_max)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t width = in->dims[1], channels = in->channels, b = number / out->dims[0];
    const float *image = in->data + b * in->cols;
    struct area area = {.rows = bounds_of(&state->window.rows, in->dims[0], number % out->dims[0])};
    for (int64_t col = 0; col < out->dims[1]; col++) {
        int64_t place = (number * out->dims[1] + col) * channels;
        area.cols = bounds_of(&state->window.cols, width, col);
        if (is_max) {
            max_of(image, width, channels, area, out->data + place,
                   state->at + (out->needs_grad ? place : team->index * channels));
        } else {
            average_of(image, width, channels, area, out->data + place);
        }
    }
}

static void forward_rows(const struct ec_op *op, struct ec_team *team, int is_max)
{
    int64_t rows = op->outputs[0]->rows * op->outputs[0]->dims[0];
    for (int64_t row; (row = ec_team_next(team, rows)) >= 0;) {
        forward_row(op, team, row, is_max);
    }
    ec_team_barrier(team);
}

static void max_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    forward_rows(op, team, 1);
}

static void average_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    forward_rows(op, team, 0);
}

/* -- backward: a row of pixels ------------------------------------------------------------------------------------ */
/* The windows, among `count` of them, that reach over a place of the input. */
static struct ec_range windows_over(const struct ec_windows *windows, int64_t length, int64_t count, int64_t place)
{
    int64_t from = place + ec_windows_lead(windows, length);
    int64_t begin = from < windows->size ? 0 : (from - windows->size) / windows->strides + 1;
    return (struct ec_range){begin, ec_least(from / windows->strides + 1, count)};
}

/* The gradient of pixels [cols.begin, cols.end) of a row of an image from one window: d_x are those of the row. */
static void window_back(const struct ec_op *op, float *d_x, int64_t row, struct area area, int64_t place, int is_max)
{
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_kernels *kernels = ec_kernels();
    int64_t channels = in->channels;
    const float *d_y = op->outputs[0]->grad + place;
    float share = 1.0f / (float)((area.rows.end - area.rows.begin) * (area.cols.end - area.cols.begin));
    for (int64_t col = area.cols.begin; col < area.cols.end; col++) {
        if (is_max) {
            const int32_t *at = ((const struct state *)op->state)->at + place;
            kernels->add_where(d_x + col * channels, d_y, at, (int32_t)(row * in->dims[1] + col), channels);
        } else {
            kernels->add_scaled(d_x + col * channels, d_y, share, channels);
        }
    }
}

static void backward_row(const struct ec_op *op, int64_t number, int is_max)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t height = in->dims[0], width = in->dims[1], b = number / height, row = number % height;
    float *d_x = in->grad + number * width * in->channels;
    struct ec_range over = windows_over(&state->window.rows, height, out->dims[0], row);
    if (!op->adds_input[0]) {
        memset(d_x, 0, (size_t)(width * in->channels) * sizeof *d_x);
    }
    for (int64_t window = over.begin; window < over.end; window++) {
        struct area area = {.rows = bounds_of(&state->window.rows, height, window)};
        for (int64_t col = 0; col < out->dims[1]; col++) {
            area.cols = bounds_of(&state->window.cols, width, col);
            int64_t place = ((b * out->dims[0] + window) * out->dims[1] + col) * in->channels;
            window_back(op, d_x, row, area, place, is_max);
        }
    }
}

static void backward_rows(const struct ec_op *op, struct ec_team *team, int is_max)
{
    int64_t rows = op->inputs[0]->rows * op->inputs[0]->dims[0];
    for (int64_t row; (row = ec_team_next(team, rows)) >= 0;) {
        backward_row(op, row, is_max);
    }
    ec_team_barrier(team);
}

static void max_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    backward_rows(op, team, 1);
}

static void average_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    backward_rows(op, team, 0);
}

const struct ec_op_type ec_op_max_pool2d = {
    .name = "max_pool2d",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .infer = infer,
    .plan = plan_max,
    .forward = max_forward,
    .backward = max_backward,
};

const struct ec_op_type ec_op_average_pool2d = {
    .name = "average_pool2d",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .infer = infer,
    .plan = plan,
    .forward = average_forward,
    .backward = average_backward,
};
