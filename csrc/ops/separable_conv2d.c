/* separable_conv2d: images -> images, a depthwise convolution, an activation, a convolution of single pixels, another
 * activation, and where `pools` the maximum over squares of 2 x 2 pixels (Keras's MaxPooling2D). What stands between is
 * made a band of rows at a time, in the second cache, and again in the backward: a batch of 32 images of 96 x 96 has
 * 38 MB behind the first convolution and 75 MB behind the second, which neither direction writes or reads.
 *
 *     h = f(bias_1 + depthwise(in, W_1)), z = h W_2, out = g(bias_2 + the largest z of each square)
 *     d_z = d_out g'(out) at the winner, d_W_2 = sum of h d_z, d_h = d_z W_2^T, and from d_h f'(h) as depthwise_conv2d
 *
 * f and g never fall, so that the maximum may be taken before them. For kernels W_2 small enough for the caches. Where
 * the images are an activation's, and nothing else reads them, its slope is multiplied into d_in here. */
#include "ops/depthwise.h"
#include "ops/squares.h"

#include <string.h>

enum {
    PARTS = 64,   /* of the sums for parameters, at most */
    BAND = 131072 /* floats of a band behind the second convolution */
};

struct state {
    struct ec_windows_2d window;
    int input_activation; /* which made the images: d_in is that of what it was applied to */
    int first_activation, activation, first_bias, bias, pools;
    struct ec_depthwise depthwise;
    int64_t channels, filters; /* of h and z */
    int64_t out_height, out_width;

    /* of the step */
    int32_t *at;     /* [as out] number of the winner in its square */
    float *turned;   /* [F, C] the transpose of W_2 */
    int32_t *pixels; /* where in h the pixels of a band stand */
    float *buffers;  /* of threads */
    int64_t room, h_floats, z_floats;
    float *sums; /* [parts, those of all parameters in their order] */
    int64_t parts, sizes;
};

static const struct state defaults = {.window = EC_WINDOWS_2D_DEFAULTS};
static const struct ec_attribute attributes[] = {
    {"stride_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.strides), NULL},
    {"stride_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.strides), NULL},
    {"dilation_rows", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.rows.dilation), NULL},
    {"dilation_cols", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.cols.dilation), NULL},
    {"padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.rows.padding), ec_pool_padding_names},
    {"input_activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, input_activation), ec_rising_activation_names},
    {"first_activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, first_activation), ec_rising_activation_names},
    {"activation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, activation), ec_rising_activation_names},
    {"first_bias", EC_ATTRIBUTE_INT, offsetof(struct state, first_bias), NULL},
    {"bias", EC_ATTRIBUTE_INT, offsetof(struct state, bias), NULL},
    {"pools", EC_ATTRIBUTE_INT, offsetof(struct state, pools), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* Parameters: W_1, (bias_1), W_2, (bias_2). */
enum parameter {
    KERNEL_1,
    BIAS_1,
    KERNEL_2,
    BIAS_2
};

/* The number of a parameter; -1: there is none. */
static int number_of(const struct ec_op *op, enum parameter which)
{
    const struct state *state = op->state;
    int second = 1 + (state->first_bias != 0);
    const int numbers[] = {0, state->first_bias ? 1 : -1, second, state->bias ? second + 1 : -1};
    return numbers[which];
}

static const float *value_of(const struct ec_op *op, enum parameter which)
{
    int number = number_of(op, which);
    return number < 0 ? NULL : op->parameters[number]->value;
}

static ec_status check_parameters(const struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    int64_t channels = op->inputs[0]->channels;
    int count = 2 + (state->first_bias != 0) + (state->bias != 0);
    if (op->parameter_count != count) {
        return ec_refuse(report, "separable_conv2d: %d parameters; expected %d", op->parameter_count, count);
    }
    const struct {
        int rank;
        int64_t dims[4];
    } wanted[] = {{4, {-1, -1, channels, 1}},
                  {1, {channels}},
                  {4, {1, 1, channels, -1}},
                  {1, {op->parameters[number_of(op, KERNEL_2)]->dims[3]}}};
    ec_status status = EC_OK;
    for (enum parameter which = KERNEL_1; status == EC_OK && which <= BIAS_2; which++) {
        int number = number_of(op, which);
        status =
            number < 0 ? EC_OK : ec_infer_parameter_of_rank(op, number, wanted[which].rank, wanted[which].dims, report);
    }
    return status;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    ec_status status = check_parameters(op, report);
    if (status != EC_OK) {
        return status;
    }
    state->channels = op->inputs[0]->channels;
    state->filters = op->parameters[number_of(op, KERNEL_2)]->dims[3];
    state->depthwise = (struct ec_depthwise){.window = &state->window, .multiplier = 1};
    const int64_t *kernel = op->parameters[0]->dims;
    status = ec_windows_2d_infer(&state->window, op, kernel[0], kernel[1], state->filters, report);
    if (status != EC_OK) {
        return status;
    }
    state->out_height = state->window.out_height / (state->pools ? 2 : 1);
    state->out_width = state->window.out_width / (state->pools ? 2 : 1);
    if (state->out_height < 1 || state->out_width < 1) {
        return ec_refuse(report, "separable_conv2d: %lld x %lld pixels are too few for squares of 2 x 2",
                         (long long)state->window.out_height, (long long)state->window.out_width);
    }
    const int64_t out[] = {state->out_height, state->out_width, state->filters};
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, out);
    return EC_OK;
}

/* -- plan --------------------------------------------------------------------------------------------------------- */
static ec_status plan_bands(const struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    int64_t width = state->window.out_width, rows = ec_depthwise_needed(&state->depthwise);
    state->turned = ec_arena_take(step->arena, state->channels * state->filters, sizeof(float));
    state->pixels = ec_arena_take(step->arena, rows * width, sizeof *state->pixels);
    for (int64_t i = 0; state->pixels && i < rows * width; i++) {
        state->pixels[i] = (int32_t)(i * state->channels);
    }
    /* h, d_h, z and a row of the result; 16 floats: a cache line */
    state->h_floats = ec_round_up(rows * width * state->channels, 16);
    state->z_floats = ec_round_up(rows * width * state->filters, 16);
    state->room = 2 * state->h_floats + state->z_floats + ec_round_up(state->out_width * state->filters, 16);
    state->room += EC_GEMM_MAX_COLS; /* a tile reads whole vectors */
    state->buffers = ec_arena_take(step->arena, step->threads * state->room, sizeof(float));
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_op_plan_like_input(op, step);
    if (status != EC_OK || (status = ec_depthwise_plan(&state->depthwise, value_of(op, KERNEL_1), step)) != EC_OK) {
        return status;
    }
    int64_t row = state->window.out_width * ec_most(state->channels, state->filters);
    state->depthwise.band = ec_most(2, BAND / row / 2 * 2); /* squares are not cut */
    if ((status = plan_bands(op, step)) != EC_OK) {
        return status;
    }
    state->at = NULL;
    if (out->needs_grad && state->pools) {
        state->at = ec_arena_take(step->arena, out->rows * out->cols, sizeof *state->at);
    }
    state->sizes = 0;
    for (int i = 0; i < op->parameter_count; i++) {
        state->sizes += op->parameters[i]->size;
    }
    state->parts = ec_most(1, ec_least(PARTS, out->rows * ec_depthwise_bands(&state->depthwise)));
    if (out->needs_grad) {
        state->sums = ec_arena_take(step->arena, state->parts * state->sizes, sizeof(float));
    }
    int64_t pixels = op->inputs[0]->rows * state->window.out_height * state->window.out_width;
    step->work += 2.0 * (double)pixels * (double)(op->parameters[0]->size + state->channels * state->filters);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

/* -- forward ------------------------------------------------------------------------------------------------------ */
/* What a thread has of a band. */
struct scratch {
    float *h, *d_h, *z, *row;
};

static struct scratch scratch_of(const struct state *state, int thread)
{
    float *h = state->buffers + thread * state->room;
    float *z = h + 2 * state->h_floats;
    return (struct scratch){h, h + state->h_floats, z, z + state->z_floats};
}

/* h of some rows of windows of an image. */
static void find_h(const struct ec_op *op, int thread, float *h, int64_t b, struct ec_range rows)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_depthwise_forward(&state->depthwise, thread, h, in->data + b * in->cols, rows, value_of(op, BIAS_1));
    if (state->first_activation != EC_LINEAR) {
        ec_kernels()->activate(h, h, (enum ec_activation)state->first_activation,
                               (rows.end - rows.begin) * ec_depthwise_row(&state->depthwise));
    }
}

/* out [pixels, cols] = a [pixels, depth] b [depth, cols], all where they stand. */
static void multiply(float *out, const float *a, const float *b, int64_t pixels, int64_t depth, int64_t cols)
{
    const struct ec_kernels *kernels = ec_kernels();
    for (int64_t i = 0; i < pixels; i += kernels->few_rows) {
        for (int64_t c = 0; c < cols; c += kernels->few_cols) {
            kernels->product_tile(out + i * cols + c, cols, 0, a + i * depth, depth, b + c, cols,
                                  (int)ec_least(kernels->few_rows, pixels - i),
                                  (int)ec_least(kernels->few_cols, cols - c), depth);
        }
    }
}

static void forward_band(const struct ec_op *op, int thread, const struct ec_band *band)
{
    const struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    const struct scratch scratch = scratch_of(state, thread);
    int64_t scale = state->pools ? 2 : 1, width = state->window.out_width, filters = state->filters;
    struct ec_range made = {band->results.begin / scale, ec_least(state->out_height, band->results.end / scale)};
    float *y = out->data + band->image * out->cols + made.begin * state->out_width * filters;
    find_h(op, thread, scratch.h, band->image, band->results);
    multiply(state->pools ? scratch.z : y, scratch.h, value_of(op, KERNEL_2),
             (band->results.end - band->results.begin) * width, state->channels, filters);
    for (int64_t i = 0; state->pools && i < (made.end - made.begin) * state->out_width; i++) {
        int64_t row = i / state->out_width, col = i % state->out_width;
        int32_t *at = state->at ? state->at + (y - out->data) + i * filters : (int32_t *)(void *)scratch.row;
        ec_square_maximum(y + i * filters, at, scratch.z + (2 * row * width + 2 * col) * filters, width * filters,
                          filters);
    }
    int64_t pixels = ec_most(0, made.end - made.begin) * state->out_width;
    if (state->bias) {
        ec_kernels()->add_bias(y, filters, value_of(op, BIAS_2), pixels, filters);
    }
    if (state->activation != EC_LINEAR) {
        ec_kernels()->activate(y, y, (enum ec_activation)state->activation, pixels * filters);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    for (int64_t number;
         (number = ec_team_next(team, op->outputs[0]->rows * ec_depthwise_bands(&state->depthwise))) >= 0;) {
        const struct ec_band band = ec_depthwise_band(&state->depthwise, number);
        forward_band(op, team->index, &band);
    }
    ec_team_barrier(team);
}

/* -- backward ----------------------------------------------------------------------------------------------------- */
/* d_z of the needed rows. Adds that of the band itself to d_bias. */
static void find_d_z(const struct ec_op *op, const struct scratch *scratch, const struct ec_band *band, float *d_bias)
{
    const struct state *state = op->state;
    const struct ec_tensor *out = op->outputs[0];
    int64_t scale = state->pools ? 2 : 1, row = state->window.out_width * state->filters;
    int64_t out_row = state->out_width * state->filters;
    for (int64_t y = band->needed.begin; y < band->needed.end; y++) {
        int64_t at = band->image * out->cols + y / scale * out_row;
        float *d_z = scratch->z + (y - band->needed.begin) * row;
        float *d_y = state->pools ? scratch->row : d_z;
        if (state->pools) {
            memset(d_z, 0, (size_t)row * sizeof *d_z);
        }
        if (y / scale >= state->out_height) {
            continue;
        }
        ec_kernels()->activate_backward(d_y, out->grad + at, NULL, out->data + at,
                                        (enum ec_activation)state->activation, out_row);
        if (d_bias && y >= band->results.begin && y < band->results.end && y % scale == 0) {
            ec_kernels()->column_sum(d_bias, 1, d_y, state->filters, state->out_width, state->filters);
        }
        if (state->pools) {
            ec_square_gradient(d_z, d_y, state->at + at, (int32_t)(y % 2), state->out_width, state->filters);
        }
    }
}

/* The gradient of W_2: of the band's own pixels. */
static void mixing_gradient(const struct state *state, const struct scratch *scratch, const struct ec_band *band,
                            float *d_kernel)
{
    const struct ec_kernels *kernels = ec_kernels();
    int64_t width = state->window.out_width, skipped = (band->results.begin - band->needed.begin) * width;
    int64_t pixels = (band->results.end - band->results.begin) * width;
    const float *h = scratch->h + skipped * state->channels, *z = scratch->z + skipped * state->filters;
    for (int64_t f = 0; f < state->filters; f += kernels->few_cols) {
        for (int64_t c = 0; c < state->channels; c += kernels->few_rows) {
            kernels->offset_tile(d_kernel + c * state->filters + f, state->filters, 1, h + c, state->pixels, z + f,
                                 state->filters, (int)ec_least(kernels->few_rows, state->channels - c),
                                 (int)ec_least(kernels->few_cols, state->filters - f), pixels);
        }
    }
}

static float *sum_of(const struct ec_op *op, float *sums, enum parameter which)
{
    int number = number_of(op, which);
    for (int i = 0; i < number; i++) {
        sums += op->parameters[i]->size;
    }
    return number < 0 || !op->parameters[number]->trainable ? NULL : sums;
}

static void backward_band(const struct ec_op *op, int thread, const struct ec_band *band, float *sums)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct scratch scratch = scratch_of(state, thread);
    int64_t rows = band->needed.end - band->needed.begin, row = ec_depthwise_row(&state->depthwise);
    float *d_mix = sum_of(op, sums, KERNEL_2), *d_bias = sum_of(op, sums, BIAS_1), *d_h = scratch.d_h;
    find_d_z(op, &scratch, band, sum_of(op, sums, BIAS_2));
    find_h(op, thread, scratch.h, band->image, band->needed);
    if (d_mix) {
        mixing_gradient(state, &scratch, band, d_mix);
    }
    multiply(d_h, scratch.z, state->turned, rows * state->window.out_width, state->filters, state->channels);
    if (state->first_activation != EC_LINEAR) {
        ec_kernels()->activate_backward(d_h, d_h, NULL, scratch.h, (enum ec_activation)state->first_activation,
                                        rows * row);
    }
    if (d_bias) {
        ec_kernels()->column_sum(d_bias, 1, d_h + (band->results.begin - band->needed.begin) * row, state->channels,
                                 (band->results.end - band->results.begin) * state->window.out_width, state->channels);
    }
    float *d_image = in->needs_grad ? in->grad + band->image * in->cols : NULL;
    const float *image = in->data + band->image * in->cols;
    ec_depthwise_backward(&state->depthwise, thread, band, image, d_h, d_image, op->adds_input[0],
                          sum_of(op, sums, KERNEL_1));
    if (d_image && state->input_activation != EC_LINEAR) {
        int64_t pixel_row = state->window.width * in->channels, at = band->pixels.begin * pixel_row;
        ec_kernels()->activate_backward(d_image + at, d_image + at, NULL, image + at,
                                        (enum ec_activation)state->input_activation,
                                        (band->pixels.end - band->pixels.begin) * pixel_row);
    }
}

/* Parameter number i gets the sums over all parts. */
static void give(const struct ec_op *op, int i)
{
    const struct state *state = op->state;
    const struct ec_parameter *parameter = op->parameters[i];
    const float *sums = state->sums;
    for (int before = 0; before < i; before++) {
        sums += op->parameters[before]->size;
    }
    for (int64_t part = 0; parameter->trainable && part < state->parts; part++, sums += state->sizes) {
        if (part || op->adds_parameter[i]) {
            ec_kernels()->add(parameter->gradient.values, sums, parameter->size);
        } else {
            memcpy(parameter->gradient.values, sums, (size_t)parameter->size * sizeof *sums);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    ec_depthwise_begin_backward(&state->depthwise, team);
    while (ec_team_next(team, 1) >= 0) {
        ec_kernels()->transpose(state->turned, state->channels, value_of(op, KERNEL_2), state->filters, state->filters,
                                state->channels);
    }
    ec_team_barrier(team);
    for (int64_t part; (part = ec_team_next(team, state->parts)) >= 0;) {
        float *sums = state->sums + part * state->sizes;
        const struct ec_range bands =
            ec_range_part(op->outputs[0]->rows * ec_depthwise_bands(&state->depthwise), state->parts, part);
        memset(sums, 0, (size_t)state->sizes * sizeof *sums);
        for (int64_t number = bands.begin; number < bands.end; number++) {
            const struct ec_band band = ec_depthwise_band(&state->depthwise, number);
            backward_band(op, team->index, &band, sums);
        }
    }
    ec_team_barrier(team);
    for (int64_t i; (i = ec_team_next(team, op->parameter_count)) >= 0;) {
        give(op, (int)i);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_separable_conv2d = {
    .name = "separable_conv2d",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .parameters = {2, 4},
    .parameter_ranks = {{4, 4}, {1, 4}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
