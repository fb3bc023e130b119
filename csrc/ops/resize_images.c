/* resize_images: images [H, W, C] to [height, width, C], as tf.image.resize and keras.ops.image.resize.
 *
 *     y[i, j, c] = sum over k, l of r[i, k] s[j, l] x[k, l, c]        d_x[k, l, c] = sum over i, j of r s d_y
 *
 * with the weights r and s of images/taps.h. */
#include "images/resize.h"
#include "ops/op.h"

struct state {
    int height, width;
    int interpolation;
    int antialias;

    /* of infer */
    struct ec_resize forward, backward;

    /* of the step */
    float *workspace; /* a part for each thread */
};

static const struct ec_attribute attributes[] = {
    {"height", EC_ATTRIBUTE_INT, offsetof(struct state, height), NULL},
    {"width", EC_ATTRIBUTE_INT, offsetof(struct state, width), NULL},
    {"interpolation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, interpolation), ec_interpolation_names},
    {"antialias", EC_ATTRIBUTE_INT, offsetof(struct state, antialias), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct state defaults = {.interpolation = EC_BILINEAR};

static int64_t workspace_of(const struct state *state)
{
    return ec_round_up(ec_most(ec_resize_workspace(&state->forward), ec_resize_workspace(&state->backward)), 16);
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (state->height < 1 || state->width < 1) {
        return ec_refuse(report, "resize_images: height = %d, width = %d; both must be >= 1", state->height,
                         state->width);
    }
    if (in->dims[0] > 1 << 20 || in->dims[1] > 1 << 20) {
        return ec_refuse(report, "resize_images: images of %lld x %lld pixels; allowed are 2^20 along each side",
                         (long long)in->dims[0], (long long)in->dims[1]);
    }
    int64_t size[3] = {state->height, state->width, in->channels};
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, size);
    ec_status status = ec_resize_init(&state->forward, (enum ec_interpolation)state->interpolation, state->antialias,
                                      in->dims, size, in->channels);
    return status == EC_OK ? ec_resize_init_transposed(&state->backward, &state->forward, in->dims) : status;
}

static void clear(struct ec_op *op)
{
    struct state *state = op->state;
    ec_resize_clear(&state->forward);
    ec_resize_clear(&state->backward);
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    int64_t taps = state->forward.rows.most + state->forward.cols.most;
    step->work += 2.0 * (double)(op->inputs[0]->rows * taps) * (double)op->outputs[0]->cols;
    state->workspace = ec_arena_take(step->arena, step->threads * workspace_of(state), sizeof(float));
    return ec_op_plan_like_input(op, step);
}

/* out (+)= the resized images of `in`. */
static void run(const struct ec_op *op, const struct ec_resize *resize, float *out, int adds, const float *in,
                struct ec_team *team)
{
    const struct state *state = op->state;
    float *workspace = state->workspace + team->index * workspace_of(state);
    int64_t height = resize->rows.size, block = ec_resize_block(resize), blocks = ec_ceil_div(height, block);
    int64_t size = height * resize->cols.size * resize->channels;
    int64_t in_size = resize == &state->forward ? op->inputs[0]->cols : op->outputs[0]->cols;
    for (int64_t tile; (tile = ec_team_next(team, op->inputs[0]->rows * blocks)) >= 0;) {
        int64_t image = tile / blocks;
        ec_resize_rows(out + image * size, adds, in + image * in_size, 0, resize,
                       ec_range_from(tile % blocks * block, block, height), workspace);
    }
    ec_team_barrier(team);
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, &((struct state *)op->state)->forward, op->outputs[0]->data, 0, op->inputs[0]->data, team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    run(op, &((struct state *)op->state)->backward, op->inputs[0]->grad, op->adds_input[0], op->outputs[0]->grad, team);
}

const struct ec_op_type ec_op_resize_images = {
    .name = "resize_images",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .clear = clear,
};
