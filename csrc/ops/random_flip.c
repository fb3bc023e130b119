/* random_flip: in training, each image with its columns, its rows, or both the other way round, by chance; else the
 * images. Keras's RandomFlip: with both, one number decides about both. The same is its own backward. */
#include "ops/image_draws.h"

#include <string.h>

struct state {
    int cols, rows; /* which axes turn round */
    int layer;
    int always; /* in inference too */
};

static const struct ec_attribute attributes[] = {
    {"cols", EC_ATTRIBUTE_INT, offsetof(struct state, cols), NULL},
    {"rows", EC_ATTRIBUTE_INT, offsetof(struct state, rows), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    step->work += 2.0 * (double)op->inputs[0]->rows * (double)op->inputs[0]->cols;
    return ec_op_plan_like_input(op, step);
}

/* One row of pixels, the other way round. */
static void turn_row(float *out, const float *in, int64_t width, int64_t channels, int adds)
{
    for (int64_t x = 0; x < width; x++) {
        const float *pixel = in + (width - 1 - x) * channels;
        for (int64_t c = 0; c < channels; c++) {
            out[x * channels + c] = pixel[c] + (adds ? out[x * channels + c] : 0.0f);
        }
    }
}

/* out (+)= in, each image turned or not. */
static void turn(const struct ec_op *op, const struct ec_step *step, float *out, const float *in, int adds,
                 struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *images = op->inputs[0];
    int64_t height = images->dims[0], width = images->dims[1], row_size = width * images->channels;
    int active = step->training || state->always;
    for (int64_t image; (image = ec_team_next(team, images->rows)) >= 0;) {
        int turns = active && ec_image_draw(step, state->layer, image, 0, 0.0, 1.0) < 0.5;
        for (int64_t y = 0; y < height; y++) {
            float *to = out + image * images->cols + y * row_size;
            const float *from = in + image * images->cols + (turns && state->rows ? height - 1 - y : y) * row_size;
            if (turns && state->cols) {
                turn_row(to, from, width, images->channels, adds);
            } else if (adds) {
                ec_kernels()->add(to, from, row_size);
            } else {
                memcpy(to, from, (size_t)row_size * sizeof *to);
            }
        }
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    turn(op, step, op->outputs[0]->data, op->inputs[0]->data, 0, team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    turn(op, step, op->inputs[0]->grad, op->outputs[0]->grad, op->adds_input[0], team);
}

const struct ec_op_type ec_op_random_flip = {
    .name = "random_flip",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .is_random = 1,
    .only_trains = 1,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
