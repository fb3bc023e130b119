/* attention_pool: a sequence x and a score for each of its steps -> flat, a weighted mean over the unmasked steps of
 * each text (Bahdanau, Cho and Bengio 2015; over one text: Yang and others 2016). A text without any gives zeros and no
 * gradient.
 *
 *     a = softmax of scores over the unmasked t, out[c] = sum over t of a[t] x[t, c]
 *     d_x[t, c] = a[t] d_out[c], d_scores[t] = a[t] (g[t] - sum over s of a[s] g[s]) where g[t] = d_out . x[t] */
#include "ops/op.h"

#include <string.h>

struct state {
    float *weights; /* [rows] a, 0 for masked steps */
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    if (op->inputs[1]->cols != 1) {
        return ec_refuse(report, "attention_pool: %lld scores a step; expected one", (long long)op->inputs[1]->cols);
    }
    op->outputs[0]->steps = EC_NO_STEPS;
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    if (!ec_layout_same(in->layout, op->inputs[1]->layout)) {
        return ec_refuse(&step->report,
                         "attention_pool: the scores have other steps, or another mask, than what they weigh");
    }
    step->work += 4.0 * (double)in->rows * (double)in->cols;
    op->outputs[0]->layout = NULL;
    op->outputs[0]->rows = ec_tensor_texts(in);
    state->weights = ec_arena_take(step->arena, in->rows, sizeof *state->weights);
    ec_status status = state->weights ? ec_op_plan_gradients(op, step) : EC_NO_MEMORY;
    return status == EC_OK ? ec_tensor_take(op->outputs[0], step) : status;
}

/* The softmax over the unmasked rows [begin, end). */
static void weigh(float *weights, const float *scores, const struct ec_layout *layout, int64_t begin, int64_t end)
{
    int64_t count = 0;
    for (int64_t row = begin; row < end; row++) {
        if (ec_layout_counts(layout, row)) {
            weights[begin + count++] = scores[row];
        }
    }
    if (count) {
        ec_kernels()->softmax(weights + begin, weights + begin, count);
    }
    for (int64_t row = end; layout->mask && row-- > begin;) { /* each to its place, from behind */
        weights[row] = ec_layout_counts(layout, row) ? weights[begin + --count] : 0.0f;
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, layout->batch)) >= 0;) {
        int64_t begin = layout->offsets[b], end = layout->offsets[b + 1];
        float *y = out->data + b * out->cols;
        weigh(state->weights, op->inputs[1]->data, layout, begin, end);
        memset(y, 0, (size_t)out->cols * sizeof *y);
        for (int64_t row = begin; row < end; row++) {
            if (ec_layout_counts(layout, row)) {
                ec_kernels()->add_scaled(y, in->data + row * in->cols, state->weights[row], in->cols);
            }
        }
    }
    ec_team_barrier(team);
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t c = 0; c < n; c++) {
        sum += (double)a[c] * (double)b[c];
    }
    return sum;
}

/* d_scores of the rows [begin, end). As sum over s of a[s] g[s] is d_out . out, one pass over x is enough. */
static void score_gradients(const struct ec_op *op, const float *d_y, const float *y, int64_t begin, int64_t end)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    float *d_scores = op->inputs[1]->grad;
    double mean = dot(d_y, y, in->cols);
    for (int64_t row = begin; row < end; row++) {
        double d = 0.0;
        if (ec_layout_counts(in->layout, row)) {
            d = (double)state->weights[row] * (dot(d_y, in->data + row * in->cols, in->cols) - mean);
        }
        d_scores[row] = op->adds_input[1] ? d_scores[row] + (float)d : (float)d;
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0], *out = op->outputs[0];
    const struct ec_layout *layout = in->layout;
    for (int64_t b; (b = ec_team_next(team, layout->batch)) >= 0;) {
        int64_t begin = layout->offsets[b], end = layout->offsets[b + 1];
        const float *d_y = out->grad + b * out->cols;
        if (in->needs_grad && !op->adds_input[0]) {
            memset(in->grad + begin * in->cols, 0, (size_t)((end - begin) * in->cols) * sizeof *in->grad);
        }
        for (int64_t row = begin; in->needs_grad && row < end; row++) {
            if (ec_layout_counts(layout, row)) {
                ec_kernels()->add_scaled(in->grad + row * in->cols, d_y, state->weights[row], in->cols);
            }
        }
        if (op->inputs[1]->needs_grad) {
            score_gradients(op, d_y, out->data + b * out->cols, begin, end);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_attention_pool = {
    .name = "attention_pool",
    .state_bytes = sizeof(struct state),
    .inputs = {2, 2},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, EC_MAX_RANK}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
