/* The frame of all losses (loss.h): plans a step's rows and weights, walks over them, sums in a fixed order. */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

enum reduction {
    SUM_OVER_BATCH_SIZE,
    SUM,
    MEAN_WITH_SAMPLE_WEIGHT
};
const char *const ec_loss_reductions[] = {"sum_over_batch_size", "sum", "mean_with_sample_weight", NULL};

ec_status ec_loss_infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_loss_state *state = op->state;
    if (!(state->label_smoothing >= 0.0 && state->label_smoothing <= 1.0)) {
        return ec_refuse(report, "%s: label_smoothing = %g is outside [0, 1]", op->type->name, state->label_smoothing);
    }
    return EC_OK;
}

/* The number of a vector among the targets, which are in padded form; -1 for one of a masked row. */
static int64_t target_of(const struct ec_loss_state *state, const struct ec_tensor *in, int64_t b, int64_t vector)
{
    const struct ec_layout *layout = in->layout;
    if (!layout) {
        return vector;
    }
    int64_t row = state->vectors == 1 ? vector : vector / state->vectors;
    if (layout->mask && !layout->mask[row]) {
        return -1;
    }
    int64_t place = b * state->padded_width + layout->starts[b] + row - layout->offsets[b];
    return place * state->vectors + vector - row * state->vectors;
}

static int is_ignored(const struct ec_loss_state *state, int64_t target)
{
    return state->loss.has_ignored && ((const int32_t *)state->loss.targets)[target] < 0;
}

static double weight_of(const struct ec_loss_state *state, int64_t b, int64_t target)
{
    const float *weights = state->loss.sample_weight;
    if (!weights) {
        return 1.0;
    }
    return (double)weights[state->loss.weight_each ? target : state->loss.weight_width ? target / state->vectors : b];
}

static int64_t first_vector(const struct ec_loss_state *state, const struct ec_tensor *in, int64_t b)
{
    return ec_tensor_row(in, b) * state->vectors;
}

/* How many vectors count, and the sum of their weights. */
static void count_rows(struct ec_loss_state *state, const struct ec_tensor *in)
{
    struct ec_loss_sums *sums = &state->loss.sums;
    *sums = (struct ec_loss_sums){.rows = (double)ec_tensor_vectors(in), .weights = (double)ec_tensor_vectors(in)};
    if (!state->loss.sample_weight && !state->loss.has_ignored && !(in->layout && in->layout->mask)) {
        return;
    }
    sums->rows = sums->weights = 0.0;
    for (int64_t b = 0; b < state->texts; b++) {
        for (int64_t vector = first_vector(state, in, b); vector < first_vector(state, in, b + 1); vector++) {
            int64_t target = target_of(state, in, b, vector);
            if (target >= 0 && !is_ignored(state, target)) {
                sums->rows += 1.0;
                sums->weights += weight_of(state, b, target);
            }
        }
    }
}

/* n of the reduction. */
static double divisor_of(const struct ec_loss_state *state)
{
    return state->reduction == SUM                       ? 1.0
           : state->reduction == MEAN_WITH_SAMPLE_WEIGHT ? state->loss.sums.weights
                                                         : state->loss.sums.rows;
}

double ec_loss_divisor(const struct ec_op *op)
{
    const struct ec_loss_state *state = op->state;
    return state->reduction == SUM ? (double)NAN : state->divisor;
}

ec_status ec_loss_plan_sums(struct ec_op *op, struct ec_step *step)
{
    struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    int64_t width = in->layout ? in->layout->width : 0;
    int64_t given = state->loss.targets ? state->loss.target_width : width;
    int fits = in->layout && in->layout->masked ? given >= width : given == width;
    if (!fits) {
        return ec_refuse(&step->report, "y: the targets have %lld steps (0: no time axis), the predictions have %lld",
                         (long long)given, (long long)width);
    }
    if (state->loss.weight_width && state->loss.weight_width != given) {
        return ec_refuse(&step->report, "sample_weight has %lld steps, the targets have %lld (0: no time axis)",
                         (long long)state->loss.weight_width, (long long)given);
    }
    state->padded_width = given;
    state->texts = ec_tensor_texts(in);
    state->vectors = in->cols / in->channels;
    count_rows(state, in);
    state->divisor = divisor_of(state);
    state->text_loss = ec_arena_take(step->arena, 2 * state->texts, sizeof *state->text_loss);
    state->text_right = ec_arena_take(step->arena, state->texts, sizeof *state->text_right);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

void ec_loss_plan_rows(const struct ec_op *op, int64_t *target, double *weight)
{
    const struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    for (int64_t b = 0; b < state->texts; b++) {
        for (int64_t vector = first_vector(state, in, b); vector < first_vector(state, in, b + 1); vector++) {
            target[vector] = target_of(state, in, b, vector);
            weight[vector] = target[vector] >= 0 ? weight_of(state, b, target[vector]) : 0.0;
        }
    }
}

ec_status ec_loss_plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    ec_status status = ec_loss_plan_sums(op, step);
    if (status != EC_OK) {
        return status;
    }
    out->layout = in->layout;
    out->rows = in->rows;
    out->needs_grad = 0; /* predictions: a gradient starts here, it does not pass through */
    status = ec_tensor_take(out, step);
    state->scratch = ec_arena_take(step->arena, step->threads * in->channels, sizeof *state->scratch);
    return step->arena->failed ? EC_NO_MEMORY : status;
}

static const void *targets_of(const struct ec_op *op, int64_t target)
{
    const struct ec_loss_state *state = op->state;
    if (!state->loss.targets) { /* a loss that is given later */
        return NULL;
    }
    if (op->type->takes_labels && op->type->takes_labels(op)) {
        return (const int32_t *)state->loss.targets + target;
    }
    return (const float *)state->loss.targets + target * op->inputs[0]->channels;
}

static void set_value(struct ec_loss_state *state, double sum, double plain)
{
    state->loss.sums.weighted = sum;
    state->loss.sums.plain = plain;
    state->loss.value = state->divisor != 0.0 ? state->weight * sum / state->divisor : 0.0;
}

/* Adds the texts' losses in their order, whoever computed them. */
void ec_loss_sum_texts(struct ec_loss_state *state, struct ec_team *team)
{
    ec_team_barrier(team);
    if (team->index == 0) {
        double sum = 0.0, plain = 0.0;
        int64_t right = 0;
        for (int64_t b = 0; b < state->texts; b++) {
            sum += state->text_loss[2 * b];
            plain += state->text_loss[2 * b + 1];
            right += state->text_right[b];
        }
        set_value(state, sum, plain);
        state->loss.correct = right;
    }
    ec_team_barrier(team);
}

void ec_loss_forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_loss_rule *rule = op->type->loss_rule;
    struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const int32_t any_label = 0;
    int64_t cols = in->channels;
    for (int64_t b; (b = ec_team_next(team, state->texts)) >= 0;) {
        double loss = 0.0, plain = 0.0;
        int64_t right = 0;
        for (int64_t vector = first_vector(state, in, b); vector < first_vector(state, in, b + 1); vector++) {
            float *p = out->data + vector * cols;
            const float *x = in->data + vector * cols;
            int64_t target = target_of(state, in, b, vector);
            if (target < 0) {
                memset(p, 0, (size_t)cols * sizeof *p);
            } else if (is_ignored(state, target)) {
                rule->value(state, p, x, &any_label, cols); /* for its predictions */
                right += rule->right ? rule->right(state, p, &state->loss.ignored, cols) : 0;
            } else {
                const void *y = targets_of(op, target);
                double value = rule->value(state, p, x, y, cols);
                loss += value * weight_of(state, b, target);
                plain += value;
                right += rule->right ? rule->right(state, p, y, cols) : 0;
            }
        }
        state->text_loss[2 * b] = loss;
        state->text_loss[2 * b + 1] = plain;
        state->text_right[b] = (int32_t)right;
    }
    ec_loss_sum_texts(state, team);
}

static void backward_text(struct ec_op *op, int thread, int64_t b)
{
    const struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    int64_t cols = in->channels;
    for (int64_t vector = first_vector(state, in, b); vector < first_vector(state, in, b + 1); vector++) {
        float *d_x = op->adds_input[0] ? state->scratch + thread * cols : in->grad + vector * cols;
        int64_t target = target_of(state, in, b, vector);
        if (target < 0 || is_ignored(state, target) || state->divisor == 0.0) {
            memset(d_x, 0, (size_t)cols * sizeof *d_x);
        } else {
            double share = op->share * state->weight * weight_of(state, b, target) / state->divisor;
            op->type->loss_rule->gradient(state, d_x, out->data + vector * cols, in->data + vector * cols,
                                          targets_of(op, target), cols, (float)share);
        }
        if (op->adds_input[0]) {
            ec_kernels()->add(in->grad + vector * cols, d_x, cols);
        }
    }
}

void ec_loss_backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct ec_loss_state *state = op->state;
    for (int64_t b; (b = ec_team_next(team, state->texts)) >= 0;) {
        backward_text(op, team->index, b);
    }
    ec_team_barrier(team);
}

void ec_loss_give(struct ec_op *op, const double *losses, const float *derivatives)
{
    struct ec_loss_state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    double sum = 0.0, plain = 0.0;
    for (int64_t b = 0; b < state->texts; b++) {
        for (int64_t vector = first_vector(state, in, b); vector < first_vector(state, in, b + 1); vector++) {
            int64_t target = target_of(state, in, b, vector);
            if (target >= 0) {
                sum += losses[target] * weight_of(state, b, target);
                plain += losses[target];
            }
        }
    }
    set_value(state, sum, plain);
    state->loss.targets = derivatives;
}
