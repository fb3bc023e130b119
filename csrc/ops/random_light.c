/* random_light: in training, each image with more or less contrast or brightness, clipped to [least, most]; else the
 * images. Keras's RandomContrast and RandomBrightness.
 *
 *     contrast: y = clip(mean + f (x - mean)), mean of each channel of the image; d_x = f g + (1 - f) mean(g)
 *     brightness: y = clip(x + f); d_x = g                          g = d_y where y was not clipped, else 0 */
#include "ops/image_draws.h"

#include <math.h>
#include <string.h>

struct state {
    double low, high; /* f is drawn between them */
    double least, most;
    int contrast; /* else brightness */
    int layer;
    int always; /* in inference too */

    /* of the step: a part for each thread */
    double *means;
    float *row_sums;
};

static const struct ec_attribute attributes[] = {
    {"low", EC_ATTRIBUTE_FLOAT, offsetof(struct state, low), NULL},
    {"high", EC_ATTRIBUTE_FLOAT, offsetof(struct state, high), NULL},
    {"least", EC_ATTRIBUTE_FLOAT, offsetof(struct state, least), NULL},
    {"most", EC_ATTRIBUTE_FLOAT, offsetof(struct state, most), NULL},
    {"contrast", EC_ATTRIBUTE_INT, offsetof(struct state, contrast), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (!(state->low <= state->high) || !isfinite(state->low + state->high)) {
        return ec_refuse(report, "random_light: from %g to %g; both must be finite and rise", state->low, state->high);
    }
    if (!(state->least <= state->most)) {
        return ec_refuse(report, "random_light: values from %g to %g; they must rise", state->least, state->most);
    }
    return EC_OK;
}

static int64_t part_of(const struct ec_op *op) { return ec_round_up(op->inputs[0]->channels, 16); }

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    step->work += 4.0 * (double)op->inputs[0]->rows * (double)op->inputs[0]->cols;
    state->means = ec_arena_take(step->arena, step->threads * part_of(op), sizeof *state->means);
    state->row_sums = ec_arena_take(step->arena, step->threads * part_of(op), sizeof *state->row_sums);
    return ec_op_plan_like_input(op, step);
}

/* Of each channel of an image. */
static const double *means_of(const struct ec_op *op, const float *image, const struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    double *means = state->means + team->index * part_of(op);
    float *sums = state->row_sums + team->index * part_of(op);
    int64_t channels = in->channels;
    for (int64_t c = 0; c < channels; c++) {
        means[c] = 0.0;
    }
    for (int64_t y = 0; y < in->dims[0]; y++) {
        ec_kernels()->column_sum(sums, 0, image + y * in->dims[1] * channels, channels, in->dims[1], channels);
        for (int64_t c = 0; c < channels; c++) {
            means[c] += (double)sums[c];
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        means[c] /= (double)(in->dims[0] * in->dims[1]);
    }
    return means;
}

/* The factor and, for each channel, the shift of an image: y = clip(factor x + shift[c]). */
static float change_of(const struct ec_op *op, const struct ec_step *step, int64_t image, float *shift,
                       const struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    double drawn = ec_image_draw(step, state->layer, image, 0, state->low, state->high);
    const double *means = state->contrast ? means_of(op, in->data + image * in->cols, team) : NULL;
    for (int64_t c = 0; c < in->channels; c++) {
        shift[c] = (float)(means ? (1.0 - drawn) * means[c] : drawn);
    }
    return means ? (float)drawn : 1.0f;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    float *shift = state->row_sums + team->index * part_of(op), least = (float)state->least, most = (float)state->most;
    for (int64_t image; (image = ec_team_next(team, in->rows)) >= 0;) {
        const float *x = in->data + image * in->cols;
        float *y = op->outputs[0]->data + image * in->cols;
        if (!step->training && !state->always) {
            memcpy(y, x, (size_t)in->cols * sizeof *y);
            continue;
        }
        float factor = change_of(op, step, image, shift, team);
        for (int64_t i = 0; i < in->cols; i += in->channels) {
            for (int64_t c = 0; c < in->channels; c++) {
                float value = factor * x[i + c] + shift[c];
                value = value < least ? least : value; /* NaN stays */
                y[i + c] = value > most ? most : value;
            }
        }
    }
    ec_team_barrier(team);
}

/* One image: g into d_x, or added to it with its share of f; the means of g into `means`. */
static void pass_back(const struct ec_op *op, const struct ec_step *step, int64_t image, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const float *x = in->data + image * in->cols, *d_y = op->outputs[0]->grad + image * in->cols;
    float *d_x = in->grad + image * in->cols, *shift = state->row_sums + team->index * part_of(op);
    double *means = state->means + team->index * part_of(op);
    float factor = change_of(op, step, image, shift, team);
    for (int64_t c = 0; c < in->channels; c++) {
        means[c] = 0.0;
    }
    for (int64_t i = 0; i < in->cols; i++) {
        int64_t c = i % in->channels;
        float value = factor * x[i] + shift[c];
        float g = value < (float)state->least || value > (float)state->most ? 0.0f : d_y[i];
        means[c] += (double)g;
        d_x[i] = factor * g + (op->adds_input[0] ? d_x[i] : 0.0f);
    }
    for (int64_t i = 0; state->contrast && i < in->cols; i++) {
        d_x[i] += (1.0f - factor) * (float)(means[i % in->channels] / (double)(in->dims[0] * in->dims[1]));
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    for (int64_t image; (image = ec_team_next(team, in->rows)) >= 0;) {
        if (step->training || state->always) {
            pass_back(op, step, image, team);
            continue;
        }
        if (!op->adds_input[0]) {
            ec_kernels()->fill(in->grad + image * in->cols, 0.0f, in->cols);
        }
        ec_kernels()->add(in->grad + image * in->cols, op->outputs[0]->grad + image * in->cols, in->cols);
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_random_light = {
    .name = "random_light",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .is_random = 1,
    .only_trains = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
