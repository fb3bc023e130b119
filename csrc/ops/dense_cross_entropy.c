/* dense_cross_entropy: the loss of a dense layer over many classes (the words of a language model), without its logits.
 *
 *     z = x W + b     l = log sum exp(z) - z[label]     d_z = softmax(z) - onehot(label)
 *     d_W = x^T d_z          d_b = column sums of d_z          d_x = d_z W^T
 *
 * A tile of rows (64 MB of logits) is computed, turned into its gradient where it stands, and multiplied with x and W
 * at once, in the forward pass: n is known then, so nothing is computed twice. Only where another operation writes
 * the gradient of x, W or b first does that wait for the backward pass, for which the logits are made again.
 * Output: the loss of each row, 0 where it does not count. Workload: 1,000 rows and more, V from 2,000 to 1,000,000. */
#include "ops/loss.h"

#include <string.h>

enum {
    TILE = 1 << 24,     /* logits in memory, roughly */
    FEWEST_ROWS = 64,   /* in a tile: each reads all of W and d_W */
    PACKED = 1 << 22,   /* values that a product packs at a time */
    COLUMN_UNIT = 512,  /* columns of a product are a multiple of it */
    BIAS_COLUMNS = 256, /* for one thread at a time */
    LOGITS_A_TURN = 1 << 14
};

struct state {
    struct ec_loss_state frame; /* first */
    int most_rows;              /* in a tile; 0: as many as suit the number of classes */

    /* of the step */
    int went_back; /* the gradients are written */
    int64_t tile_rows, part_cols;
    int64_t *target; /* [rows] */
    double *weight;  /* [rows] */
    double *loss;    /* [rows] without weight */
    uint8_t *right;  /* [rows] */
    float *logits;   /* [tile_rows x V], then their gradient */
    float *workspace;
    enum ec_precision precision;
};

static const struct state defaults = {.frame = {.from_logits = 1, .weight = 1.0}};
static const struct ec_attribute attributes[] = {
    {"label_smoothing", EC_ATTRIBUTE_FLOAT, offsetof(struct state, frame.label_smoothing), NULL},
    {"ignores", EC_ATTRIBUTE_INT, offsetof(struct state, frame.loss.has_ignored), NULL},
    {"ignore_class", EC_ATTRIBUTE_INT, offsetof(struct state, frame.loss.ignored), NULL},
    {"most_rows", EC_ATTRIBUTE_INT, offsetof(struct state, most_rows), NULL},
    EC_LOSS_ATTRIBUTES,
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const int64_t dims[] = {op->inputs[0]->channels, -1};
    ec_status status = ec_loss_infer(op, report);
    if (status != EC_OK || (status = ec_infer_parameter(op, 0, dims, report)) != EC_OK) {
        return status;
    }
    if (state->most_rows < 0) {
        return ec_refuse(report, "dense_cross_entropy: most_rows = %d is below 0", state->most_rows);
    }
    ec_tensor_set_channels(op->outputs[0], 1);
    const int64_t classes = op->parameters[0]->dims[1];
    return op->parameter_count == 2 ? ec_infer_parameter(op, 1, &classes, report) : EC_OK;
}

int64_t ec_loss_classes(const struct ec_op *op)
{
    return op->parameter_count ? op->parameters[0]->dims[1] : op->inputs[0]->channels;
}

static int always(const struct ec_op *op)
{
    (void)op;
    return 1;
}

/* -- the products of a tile: some rows, and some columns ------------------------------------------------------ */
static struct ec_product product_of(const struct ec_op *op, float *out, int64_t out_stride, struct ec_matrix a,
                                    struct ec_matrix b)
{
    const struct state *state = op->state;
    return (struct ec_product){.out = out,
                               .out_stride = out_stride,
                               .a = a,
                               .b = b,
                               .workspace = state->workspace,
                               .precision = state->precision};
}

static struct ec_matrix rows_of_x(const struct ec_op *op, struct ec_range rows)
{
    const struct ec_tensor *in = op->inputs[0];
    return ec_matrix(in->data + rows.begin * in->channels, rows.end - rows.begin, in->channels, in->channels);
}

static struct ec_matrix cols_of_kernel(const struct ec_op *op, struct ec_range cols)
{
    const struct ec_parameter *kernel = op->parameters[0];
    return ec_matrix(kernel->value + cols.begin, kernel->dims[0], cols.end - cols.begin, kernel->dims[1]);
}

/* z of the tile, later d_z. */
static struct ec_matrix part_of_logits(const struct ec_op *op, struct ec_range rows, struct ec_range cols)
{
    const struct state *state = op->state;
    return ec_matrix(state->logits + cols.begin, rows.end - rows.begin, cols.end - cols.begin, ec_loss_classes(op));
}

/* z = x W */
static struct ec_product logits_product(const struct ec_op *op, struct ec_range rows, struct ec_range cols)
{
    const struct state *state = op->state;
    return product_of(op, state->logits + cols.begin, ec_loss_classes(op), rows_of_x(op, rows),
                      cols_of_kernel(op, cols));
}

/* d_W (+)= x^T d_z */
static struct ec_product kernel_product(const struct ec_op *op, struct ec_range rows, struct ec_range cols)
{
    float *d_kernel = op->parameters[0]->gradient.values;
    struct ec_product product = product_of(op, d_kernel ? d_kernel + cols.begin : NULL, ec_loss_classes(op),
                                           ec_transposed(rows_of_x(op, rows)), part_of_logits(op, rows, cols));
    product.accumulate = rows.begin > 0 || op->adds_parameter[0];
    return product;
}

/* d_x (+)= d_z W^T */
static struct ec_product input_product(const struct ec_op *op, struct ec_range rows, struct ec_range cols)
{
    const struct ec_tensor *in = op->inputs[0];
    struct ec_product product = product_of(op, in->grad ? in->grad + rows.begin * in->channels : NULL, in->channels,
                                           part_of_logits(op, rows, cols), ec_transposed(cols_of_kernel(op, cols)));
    product.accumulate = cols.begin > 0 || op->adds_input[0];
    return product;
}

/* -- planning ------------------------------------------------------------------------------------------------- */
/* Tiles of nearly the same number of rows. */
static int64_t rows_of_tile(const struct state *state, int64_t rows, int64_t classes)
{
    int64_t fit = state->most_rows ? state->most_rows : ec_most(TILE / classes, FEWEST_ROWS);
    int64_t tiles = ec_ceil_div(rows, fit);
    return tiles ? ec_ceil_div(rows, tiles) : 1;
}

static ec_status plan_products(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    int64_t classes = ec_loss_classes(op), width = op->inputs[0]->channels, rows = ec_tensor_vectors(op->inputs[0]);
    double all = 2.0 * (double)rows * (double)classes * (double)width;
    state->precision = step->precision;
    state->tile_rows = rows_of_tile(state, rows, classes);
    int64_t fit = PACKED / (width + state->tile_rows + 1) / COLUMN_UNIT * COLUMN_UNIT;
    state->part_cols = ec_least(ec_most(fit, COLUMN_UNIT), classes);
    state->logits = ec_arena_take(step->arena, state->tile_rows * classes, sizeof *state->logits);
    if (!state->logits) {
        return EC_NO_MEMORY;
    }
    struct ec_range tile = {0, state->tile_rows}, part = {0, state->part_cols};
    struct ec_product forward = logits_product(op, tile, part), d_kernel = kernel_product(op, tile, part);
    struct ec_product d_input = input_product(op, tile, part);
    int64_t room = ec_product_workspace(&forward);
    step->work += all;
    if (step->backward) {
        room = ec_most(room, ec_most(ec_product_workspace(&d_kernel), ec_product_workspace(&d_input)));
        step->work += 2.0 * all;
    }
    state->workspace = ec_arena_take(step->arena, room, sizeof *state->workspace);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    ec_status status = ec_loss_plan_sums(op, step);
    if (status != EC_OK || (status = ec_op_plan_like_input(op, step)) != EC_OK) {
        return status;
    }
    op->outputs[0]->needs_grad = 0; /* a gradient starts here */
    state->target = ec_arena_take(step->arena, ec_tensor_vectors(in), sizeof *state->target);
    state->weight = ec_arena_take(step->arena, ec_tensor_vectors(in), sizeof *state->weight);
    state->loss = ec_arena_take(step->arena, ec_tensor_vectors(in), sizeof *state->loss);
    state->right = ec_arena_take(step->arena, ec_tensor_vectors(in), sizeof *state->right);
    if ((status = plan_products(op, step)) != EC_OK) {
        return status;
    }
    ec_loss_plan_rows(op, state->target, state->weight);
    return EC_OK;
}

/* -- rows ----------------------------------------------------------------------------------------------------- */
/* Whether `label` is the first of the largest; known soon where it is not. */
static int is_largest(const float *z, int64_t classes, int64_t label)
{
    const int64_t block = 1024;
    float own = z[label];
    int beaten = own != own;
    for (int64_t first = 0; first < classes && !beaten; first += block) {
        int64_t end = ec_least(first + block, classes), until = ec_least(ec_most(label, first), end);
        for (int64_t c = first; c < until; c++) {
            beaten |= !(z[c] < own);
        }
        for (int64_t c = ec_most(until, label + 1); c < end; c++) {
            beaten |= !(z[c] <= own);
        }
    }
    return !beaten;
}

/* The sum in double, of eight sums. */
static double sum_of(const float *z, int64_t count)
{
    double sums[8] = {0.0}, sum = 0.0;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (int k = 0; k < 8; k++) {
            sums[k] += (double)z[i + k];
        }
    }
    for (; i < count; i++) {
        sum += (double)z[i];
    }
    for (int k = 0; k < 8; k++) {
        sum += sums[k];
    }
    return sum;
}

/* Turns logits into the gradient of their loss times `scale`; returns the loss. */
static double cross_entropy(const struct ec_loss_state *loss, float *z, int64_t classes, int64_t label, float scale,
                            int back)
{
    double smoothing = loss->label_smoothing, sum = smoothing > 0.0 ? sum_of(z, classes) : 0.0;
    float to = 1.0f / (float)classes, own = z[label], log_sum = ec_kernels()->softmax(z, z, classes);
    float of_label = scale * (z[label] - ec_smoothed(loss, 1.0f, to)), other = ec_smoothed(loss, 0.0f, to);
    if (back && smoothing > 0.0) {
        for (int64_t c = 0; c < classes; c++) {
            z[c] = scale * (z[c] - other);
        }
    } else if (back) {
        ec_kernels()->scale(z, z, scale, classes);
    }
    z[label] = of_label;
    double value = (1.0 - smoothing) * (double)(log_sum - own);
    return smoothing > 0.0 ? value + smoothing * ((double)log_sum - sum / (double)classes) : value;
}

/* Row `row` of the batch, whose products stand in z: its loss, and with `back` its gradient in the place of z. */
static void finish_row(struct ec_op *op, int64_t row, float *z, int back)
{
    struct state *state = op->state;
    const struct ec_loss_state *loss = &state->frame;
    int64_t classes = ec_loss_classes(op), target = state->target[row];
    int64_t label = target >= 0 ? ((const int32_t *)loss->loss.targets)[target] : -1, wanted = label;
    if (target >= 0 && label < 0) { /* ignored */
        wanted = loss->loss.ignored;
    }
    if (op->parameter_count == 2) {
        ec_kernels()->add(z, op->parameters[1]->value, classes);
    }
    state->right[row] = target >= 0 && wanted >= 0 && wanted < classes && is_largest(z, classes, wanted);
    state->loss[row] = 0.0;
    if (label >= 0) {
        double share = loss->divisor != 0.0 ? op->share * loss->weight * state->weight[row] / loss->divisor : 0.0;
        state->loss[row] = cross_entropy(loss, z, classes, label, (float)share, back);
    }
    if (back && (label < 0 || loss->divisor == 0.0)) {
        ec_kernels()->fill(z, 0.0f, classes);
    }
}

/* -- tiles ---------------------------------------------------------------------------------------------------- */
static void compute_rows(struct ec_op *op, struct ec_team *team, struct ec_range rows, int back)
{
    const struct state *state = op->state;
    int64_t classes = ec_loss_classes(op), turn = LOGITS_A_TURN / classes + 1;
    for (int64_t first = 0; first < classes; first += state->part_cols) {
        struct ec_product product = logits_product(op, rows, ec_range_from(first, state->part_cols, classes));
        ec_product_run(team, &product);
    }
    for (struct ec_range some; ec_team_next_range(team, rows.end - rows.begin, turn, &some);) {
        for (int64_t row = some.begin; row < some.end; row++) {
            finish_row(op, rows.begin + row, state->logits + row * classes, back);
        }
    }
    ec_team_barrier(team);
}

static void bias_gradient(const struct ec_op *op, struct ec_team *team, struct ec_range rows, struct ec_range cols)
{
    const struct state *state = op->state;
    int64_t classes = ec_loss_classes(op);
    for (struct ec_range some; ec_team_next_range(team, cols.end - cols.begin, BIAS_COLUMNS, &some);) {
        int64_t first = cols.begin + some.begin;
        ec_kernels()->column_sum(op->parameters[1]->gradient.values + first, rows.begin > 0 || op->adds_parameter[1],
                                 state->logits + first, classes, rows.end - rows.begin, some.end - some.begin);
    }
}

static void spread_gradient(const struct ec_op *op, struct ec_team *team, struct ec_range rows)
{
    const struct state *state = op->state;
    int64_t classes = ec_loss_classes(op);
    for (int64_t first = 0; first < classes; first += state->part_cols) {
        struct ec_range cols = ec_range_from(first, state->part_cols, classes);
        if (op->parameter_count == 2 && op->parameters[1]->trainable) {
            bias_gradient(op, team, rows, cols);
        }
        if (op->parameters[0]->trainable) {
            struct ec_product product = kernel_product(op, rows, cols);
            ec_product_run(team, &product);
        }
        if (op->inputs[0]->needs_grad) {
            struct ec_product product = input_product(op, rows, cols);
            ec_product_run(team, &product);
        }
    }
    ec_team_barrier(team);
}

static void run_tiles(struct ec_op *op, struct ec_team *team, int back)
{
    const struct state *state = op->state;
    int64_t rows = ec_tensor_vectors(op->inputs[0]);
    for (int64_t first = 0; first < rows || first == 0; first += state->tile_rows) {
        struct ec_range tile = ec_range_from(first, state->tile_rows, rows);
        compute_rows(op, team, tile, back);
        if (back) {
            spread_gradient(op, team, tile);
        }
    }
}

/* Whether the gradients can be written before the backward pass: nobody else does first. */
static int goes_back_at_once(const struct ec_op *op, const struct ec_step *step)
{
    int adds = op->adds_input[0];
    for (int i = 0; i < op->parameter_count; i++) {
        adds |= op->adds_parameter[i];
    }
    return step->backward && op->active && !adds;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int at_once = goes_back_at_once(op, step);
    run_tiles(op, team, at_once);
    if (team->index == 0) {
        state->went_back = at_once; /* what stands behind may not have been planned: the answer can change */
    }
    for (int64_t b; (b = ec_team_next(team, ec_tensor_texts(in))) >= 0;) {
        double loss = 0.0, plain = 0.0;
        int32_t right = 0;
        int64_t end = ec_tensor_row(in, b + 1) * state->frame.vectors;
        for (int64_t row = ec_tensor_row(in, b) * state->frame.vectors; row < end; row++) {
            double weighted = state->loss[row] * state->weight[row];
            loss += weighted;
            plain += state->loss[row];
            right += state->right[row];
            op->outputs[0]->data[row] = (float)weighted;
        }
        state->frame.text_loss[2 * b] = loss;
        state->frame.text_loss[2 * b + 1] = plain;
        state->frame.text_right[b] = right;
    }
    ec_loss_sum_texts(&state->frame, team);
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    if (!((const struct state *)op->state)->went_back) {
        run_tiles(op, team, 1);
    } else if (op->share != 1.0) {
        ec_op_scale_gradients(op, (float)op->share, team); /* not known when they were written */
    }
}

const struct ec_op_type ec_op_dense_cross_entropy = {
    .name = "dense_cross_entropy",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, EC_MAX_RANK}},
    .is_loss = 1,
    .parameters = {1, 2},
    .parameter_ranks = {{2, 2}, {1, 1}},
    .takes_labels = always,
    .divisor = ec_loss_divisor,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
