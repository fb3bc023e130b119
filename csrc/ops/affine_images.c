/* affine_images: images seen through maps that a second input gives, a row of 8 numbers for each (images/warp.h), as
 * keras.ops.image.affine_transform; the maps have no gradient. random_affine: in training through maps drawn for each
 * image, Keras's RandomRotation, RandomTranslation and RandomZoom; else the images.
 *
 *     rotation by an angle of `row` turns, about the middle      a = (cos, -sin), b = (sin, cos)
 *     translation by `row` of the height and `col` of the width  a = (1, 0, -width col), b = (0, 1, -height row)
 *     zoom by 1 + row and 1 + col about the middle               a = (1 + col, 0), b = (0, 1 + row)
 *
 * The backward adds each pixel's gradient where it was read, image by image in their order. */
#include "images/warp.h"
#include "ops/image_draws.h"

#include <math.h>
#include <string.h>

enum kind {
    ROTATION,
    TRANSLATION,
    ZOOM
};

struct state {
    int fill_mode, interpolation;
    double fill_value;

    /* random_affine */
    int kind;
    double row_low, row_high, col_low, col_high;
    int keeps_ratio; /* zoom: both sides by what is drawn for the rows */
    int layer;
    int always; /* in inference too */

    struct ec_warp warp; /* of infer */
};

static const char *const interpolations[] = {"nearest", "bilinear", NULL};
static const char *const kinds[] = {"rotation", "translation", "zoom", NULL};
static const struct state defaults = {.interpolation = 1};
static const struct ec_attribute attributes[] = {
    {"fill_mode", EC_ATTRIBUTE_CHOICE, offsetof(struct state, fill_mode), ec_fill_mode_names},
    {"fill_value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, fill_value), NULL},
    {"interpolation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, interpolation), interpolations},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
static const struct ec_attribute random_attributes[] = {
    {"fill_mode", EC_ATTRIBUTE_CHOICE, offsetof(struct state, fill_mode), ec_fill_mode_names},
    {"fill_value", EC_ATTRIBUTE_FLOAT, offsetof(struct state, fill_value), NULL},
    {"interpolation", EC_ATTRIBUTE_CHOICE, offsetof(struct state, interpolation), interpolations},
    {"kind", EC_ATTRIBUTE_CHOICE, offsetof(struct state, kind), kinds},
    {"row_low", EC_ATTRIBUTE_FLOAT, offsetof(struct state, row_low), NULL},
    {"row_high", EC_ATTRIBUTE_FLOAT, offsetof(struct state, row_high), NULL},
    {"col_low", EC_ATTRIBUTE_FLOAT, offsetof(struct state, col_low), NULL},
    {"col_high", EC_ATTRIBUTE_FLOAT, offsetof(struct state, col_high), NULL},
    {"keeps_ratio", EC_ATTRIBUTE_INT, offsetof(struct state, keeps_ratio), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (op->type == &ec_op_affine_images && (op->inputs[1]->rank != 1 || op->inputs[1]->cols != 8)) {
        return ec_refuse(report, "affine_images: maps of %lld numbers; each has 8", (long long)op->inputs[1]->cols);
    }
    double sum = state->row_low + state->row_high + state->col_low + state->col_high;
    if (!isfinite(sum) || !(state->row_low <= state->row_high) || !(state->col_low <= state->col_high)) {
        return ec_refuse(report, "%s: rows from %g to %g, cols from %g to %g; both must be finite and rise",
                         op->type->name, state->row_low, state->row_high, state->col_low, state->col_high);
    }
    if (in->dims[0] > 1 << 20 || in->dims[1] > 1 << 20) {
        return ec_refuse(report, "%s: images of %lld x %lld pixels; allowed are 2^20 along each side", op->type->name,
                         (long long)in->dims[0], (long long)in->dims[1]);
    }
    state->warp = (struct ec_warp){in->dims[0],          in->dims[1],
                                   in->channels,         (enum ec_fill_mode)state->fill_mode,
                                   state->interpolation, (float)state->fill_value};
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    step->work += (20.0 + 8.0 * (double)op->inputs[0]->channels) * (double)ec_tensor_vectors(op->inputs[0]);
    return ec_op_plan_like_input(op, step);
}

static void draw_map(float map[8], const struct state *state, const struct ec_step *step, int64_t image)
{
    double middle_x = 0.5 * (double)(state->warp.width - 1), middle_y = 0.5 * (double)(state->warp.height - 1);
    double row = ec_image_draw(step, state->layer, image, 0, state->row_low, state->row_high);
    double col =
        state->keeps_ratio ? row : ec_image_draw(step, state->layer, image, 1, state->col_low, state->col_high);
    double a[3] = {1.0, 0.0, 0.0}, b[3] = {0.0, 1.0, 0.0};
    if (state->kind == TRANSLATION) {
        a[2] = -col * (double)state->warp.width;
        b[2] = -row * (double)state->warp.height;
    } else {
        double angle = 6.283185307179586 * row;
        int rotates = state->kind == ROTATION;
        a[0] = rotates ? cos(angle) : 1.0 + col;
        a[1] = rotates ? -sin(angle) : 0.0;
        b[0] = -a[1];
        b[1] = rotates ? a[0] : 1.0 + row;
        a[2] = middle_x - a[0] * middle_x - a[1] * middle_y;
        b[2] = middle_y - b[0] * middle_x - b[1] * middle_y;
    }
    for (int i = 0; i < 3; i++) {
        map[i] = (float)a[i];
        map[3 + i] = (float)b[i];
    }
    map[6] = map[7] = 0.0f;
}

/* The map of an image; 0 where it stays as it is. */
static int map_of(float map[8], const struct ec_op *op, const struct ec_step *step, int64_t image)
{
    const struct state *state = op->state;
    if (op->type == &ec_op_affine_images) {
        memcpy(map, op->inputs[1]->data + 8 * image, 8 * sizeof *map);
        return 1;
    }
    if (step->training || state->always) {
        draw_map(map, state, step, image);
        return 1;
    }
    return 0;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t height = in->dims[0], row_size = in->dims[1] * in->channels;
    int64_t block = ec_ceil_div(16384, row_size), blocks = ec_ceil_div(height, block);
    for (int64_t tile; (tile = ec_team_next(team, in->rows * blocks)) >= 0;) {
        int64_t image = tile / blocks;
        struct ec_range rows = ec_range_from(tile % blocks * block, block, height);
        const float *from = in->data + image * in->cols;
        float map[8], *to = op->outputs[0]->data + image * in->cols;
        if (map_of(map, op, step, image)) {
            ec_warp_rows(to, from, &state->warp, map, rows);
        } else {
            memcpy(to + rows.begin * row_size, from + rows.begin * row_size,
                   (size_t)((rows.end - rows.begin) * row_size) * sizeof *to);
        }
    }
    ec_team_barrier(team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (op->type == &ec_op_affine_images && op->inputs[1]->needs_grad && !op->adds_input[1]) {
        while (ec_team_next(team, 1) >= 0) {
            ec_kernels()->fill(op->inputs[1]->grad, 0.0f, 8 * in->rows);
        }
    }
    for (int64_t image; in->needs_grad && (image = ec_team_next(team, in->rows)) >= 0;) {
        const float *d_out = op->outputs[0]->grad + image * in->cols;
        float map[8], *d_in = in->grad + image * in->cols;
        if (!op->adds_input[0]) {
            ec_kernels()->fill(d_in, 0.0f, in->cols);
        }
        if (map_of(map, op, step, image)) {
            ec_warp_backward(d_in, d_out, &state->warp, map);
        } else {
            ec_kernels()->add(d_in, d_out, in->cols);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_affine_images = {
    .name = "affine_images",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_WITHOUT_STEPS, {3, 3}},
    .others = {EC_FLOATS, EC_WITHOUT_STEPS, {1, 1}},
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};

const struct ec_op_type ec_op_random_affine = {
    .name = "random_affine",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = random_attributes,
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
