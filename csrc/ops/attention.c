/* attention: for each step of a query a mean of the steps of a value, weighted by the softmax of its dot products with
 * the steps of a key (Vaswani and others 2017). Texts of any length, as many in all three; heads are slices of the
 * channels. What is masked in the key has no share, of `causal` ones what stands behind the query's step neither; where
 * nothing has a share, and where the query is masked, the result is zeros.
 *
 *     S = scale q k^T, A = softmax of S over the steps that have a share, out = A v          of each text and head
 *     dA = d_out v^T, dS = scale A (dA - sum over the steps of A dA), d_q = dS k, d_k = dS^T q, d_v = A^T d_out
 * A is kept for the backward pass: heads x steps x steps of each text.
 *
 * In training, or `always`, a share is dropped with probability `rate` and the others are divided by 1 - rate, behind
 * the softmax: A keep / (1 - rate) takes the place of A in out and d_v, and dA keep / (1 - rate) that of dA. Which ones
 * is a function of (seed, step, layer, example, head, position of the query, position of the key), positions within
 * the texts' own spans, so that no padding changes them; computed again in the backward. */
#include "ops/op.h"

#include "base/random.h"

#include <string.h>

struct state {
    int heads, causal;
    double scale, rate;
    int layer, always;

    /* of the step */
    int drops;
    int64_t *at;           /* [texts + 1] where a text's shares begin */
    float *shares;         /* A */
    int64_t square, panel; /* room of a thread: scores of a text, and one of its matrices turned */
    int64_t room;          /* of a thread: square and panel, and shares after dropout */
    float *work;           /* [threads, room] */
};

static const struct state defaults = {.heads = 1, .scale = 1.0};
static const struct ec_attribute attributes[] = {
    {"heads", EC_ATTRIBUTE_INT, offsetof(struct state, heads), NULL},
    {"causal", EC_ATTRIBUTE_INT, offsetof(struct state, causal), NULL},
    {"scale", EC_ATTRIBUTE_FLOAT, offsetof(struct state, scale), NULL},
    {"rate", EC_ATTRIBUTE_FLOAT, offsetof(struct state, rate), NULL},
    {"layer", EC_ATTRIBUTE_INT, offsetof(struct state, layer), NULL},
    {"always", EC_ATTRIBUTE_INT, offsetof(struct state, always), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* A head of a text: slices of rows. */
struct part {
    int64_t rows, stride, width;
    float *data, *grad;
};

static struct part part_of(const struct ec_tensor *tensor, int64_t text, int64_t head, int64_t heads)
{
    const struct ec_layout *layout = tensor->layout;
    struct part part = {layout->offsets[text + 1] - layout->offsets[text], tensor->cols, tensor->cols / heads, NULL,
                        NULL};
    int64_t first = layout->offsets[text] * tensor->cols + head * part.width;
    part.data = tensor->data + first;
    part.grad = tensor->grad ? tensor->grad + first : NULL;
    return part;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    const struct ec_tensor *q = op->inputs[0], *k = op->inputs[1], *v = op->inputs[2];
    if (state->heads < 1 || k->channels != q->channels || q->channels % state->heads || v->channels % state->heads) {
        return ec_refuse(report,
                         "attention: %lld, %lld and %lld channels and %d heads; query and key must have as many, and "
                         "the heads divide them",
                         (long long)q->channels, (long long)k->channels, (long long)v->channels, state->heads);
    }
    if (!(state->rate >= 0.0 && state->rate < 1.0)) {
        return ec_refuse(report, "attention: rate = %g is outside [0, 1)", state->rate);
    }
    ec_tensor_set_channels(op->outputs[0], v->channels);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_tensor *q = op->inputs[0], *k = op->inputs[1], *v = op->inputs[2];
    int64_t texts = q->layout->batch, wide = ec_most(q->channels, v->channels) / state->heads;
    if (k->layout->batch != texts || !ec_layout_same(k->layout, v->layout)) {
        return ec_refuse(&step->report, "attention: key and value have other steps, or another mask, than each other");
    }
    state->at = ec_arena_take(step->arena, texts + 1, sizeof *state->at);
    state->square = state->panel = 0;
    for (int64_t b = 0, sum = 0; state->at && b <= texts; b++) {
        state->at[b] = sum;
        int64_t n = b < texts ? part_of(q, b, 0, 1).rows : 0, m = b < texts ? part_of(k, b, 0, 1).rows : 0;
        sum += state->heads * n * m;
        state->square = ec_most(state->square, n * m);
        state->panel = ec_most(state->panel, ec_most(n * m, m * wide));
    }
    state->shares = state->at ? ec_arena_take(step->arena, state->at[texts], sizeof *state->shares) : NULL;
    state->drops = state->rate > 0.0 && (step->training || state->always);
    state->room = state->square + state->panel + (state->drops ? state->square : 0);
    state->work = ec_arena_take(step->arena, state->room * step->threads, sizeof *state->work);
    step->work += state->at ? 4.0 * (double)state->at[texts] * (double)wide : 0.0;
    return step->arena->failed ? EC_NO_MEMORY : ec_op_plan_like_input(op, step);
}

/* out [rows x cols] (+)= a [rows x depth] b [depth x cols], by one thread. */
static void product(float *out, int64_t out_stride, int add, const float *a, int64_t a_stride, const float *b,
                    int64_t b_stride, int64_t rows, int64_t depth, int64_t cols)
{
    const struct ec_kernels *kernels = ec_kernels();
    for (int64_t r = 0; !depth && !add && r < rows; r++) {
        memset(out + r * out_stride, 0, (size_t)cols * sizeof *out);
    }
    for (int64_t r = 0; depth && r < rows; r += kernels->few_rows) {
        int height = (int)ec_least(kernels->few_rows, rows - r);
        for (int64_t c = 0; c < cols; c += kernels->few_cols) {
            int width = (int)ec_least(kernels->few_cols, cols - c);
            kernels->product_tile(out + r * out_stride + c, out_stride, add, a + r * a_stride, a_stride, b + c,
                                  b_stride, height, width, depth);
        }
    }
}

/* The shares of a query's step in the place of its scores: the softmax of those that count, zeros elsewhere. */
static void weigh(float *row, int64_t n, int64_t last, const struct ec_layout *keys, int64_t first)
{
    int64_t count = 0;
    for (int64_t k = 0; k < last; k++) {
        if (ec_layout_counts(keys, first + k)) {
            row[count++] = row[k];
        }
    }
    if (count) {
        ec_kernels()->softmax(row, row, count);
    }
    for (int64_t k = count < n ? n : 0; k-- > 0;) { /* each to its place, from behind */
        row[k] = k < last && ec_layout_counts(keys, first + k) ? row[--count] : 0.0f;
    }
}

static void weigh_text(const struct ec_op *op, int64_t text, float *shares, int64_t n, int64_t m)
{
    const struct ec_layout *queries = op->inputs[0]->layout, *keys = op->inputs[1]->layout;
    for (int64_t t = 0; t < n; t++) {
        int64_t row = queries->offsets[text] + t, last = m;
        if (((const struct state *)op->state)->causal) {
            int64_t seen = queries->starts[text] + t - keys->starts[text] + 1;
            last = seen < 0 ? 0 : ec_least(seen, m);
        }
        last = ec_layout_counts(queries, row) ? last : 0;
        weigh(shares + t * m, m, last, keys, keys->offsets[text]);
    }
}

/* out = in keep / (1 - rate) for the rows x n shares of a head of a text, or their gradients. */
static void drop(const struct state *state, const struct ec_step *step, int64_t text, int64_t head, float *out,
                 const float *in, int64_t rows, int64_t n)
{
    uint64_t key = ec_random_key(ec_random_key(step->key, (uint64_t)state->layer), (uint64_t)text);
    uint32_t threshold = (uint32_t)(state->rate * 4294967296.0);
    float scale = (float)(1.0 / (1.0 - state->rate));
    key = ec_random_key(key, (uint64_t)head);
    for (int64_t t = 0; t < rows; t++) {
        ec_kernels()->dropout(out + t * n, in + t * n, ec_random_key(key, (uint64_t)t), threshold, scale, n);
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    float *turned = state->work + state->room * team->index, *dropped = turned + state->square + state->panel;
    for (int64_t task; (task = ec_team_next(team, op->inputs[0]->layout->batch * state->heads)) >= 0;) {
        int64_t b = task / state->heads, h = task % state->heads;
        struct part q = part_of(op->inputs[0], b, h, state->heads), k = part_of(op->inputs[1], b, h, state->heads);
        struct part v = part_of(op->inputs[2], b, h, state->heads), out = part_of(op->outputs[0], b, h, state->heads);
        float *shares = state->shares + state->at[b] + h * q.rows * k.rows;
        ec_kernels()->transpose(turned, k.rows, k.data, k.stride, k.width, k.rows);
        product(shares, k.rows, 0, q.data, q.stride, turned, k.rows, q.rows, k.width, k.rows);
        ec_kernels()->scale(shares, shares, (float)state->scale, q.rows * k.rows);
        weigh_text(op, b, shares, q.rows, k.rows);
        if (state->drops) {
            drop(state, step, b, h, dropped, shares, q.rows, k.rows);
            shares = dropped;
        }
        product(out.data, out.stride, 0, shares, k.rows, v.data, v.stride, q.rows, k.rows, v.width);
    }
    ec_team_barrier(team);
}

/* dS in the place of dA. */
static void through_softmax(float *d, const float *shares, float scale, int64_t rows, int64_t n)
{
    for (int64_t t = 0; t < rows; t++, d += n, shares += n) {
        double mean = 0.0;
        for (int64_t k = 0; k < n; k++) {
            mean += (double)d[k] * (double)shares[k];
        }
        for (int64_t k = 0; k < n; k++) {
            d[k] = scale * shares[k] * (d[k] - (float)mean);
        }
    }
}

static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    float *d = state->work + state->room * team->index, *turned = d + state->square, *dropped = turned + state->panel;
    for (int64_t task; (task = ec_team_next(team, op->inputs[0]->layout->batch * state->heads)) >= 0;) {
        int64_t b = task / state->heads, h = task % state->heads;
        struct part q = part_of(op->inputs[0], b, h, state->heads), k = part_of(op->inputs[1], b, h, state->heads);
        struct part v = part_of(op->inputs[2], b, h, state->heads), out = part_of(op->outputs[0], b, h, state->heads);
        const float *shares = state->shares + state->at[b] + h * q.rows * k.rows;
        ec_kernels()->transpose(turned, k.rows, v.data, v.stride, v.width, k.rows);
        product(d, k.rows, 0, out.grad, out.stride, turned, k.rows, q.rows, v.width, k.rows);
        if (state->drops) {
            drop(state, step, b, h, d, d, q.rows, k.rows);
        }
        through_softmax(d, shares, (float)state->scale, q.rows, k.rows);
        if (op->inputs[0]->needs_grad) {
            product(q.grad, q.stride, op->adds_input[0], d, k.rows, k.data, k.stride, q.rows, k.rows, k.width);
        }
        if (op->inputs[1]->needs_grad) {
            ec_kernels()->transpose(turned, q.rows, d, k.rows, k.rows, q.rows);
            product(k.grad, k.stride, op->adds_input[1], turned, q.rows, q.data, q.stride, k.rows, q.rows, k.width);
        }
        if (op->inputs[2]->needs_grad) {
            if (state->drops) {
                drop(state, step, b, h, dropped, shares, q.rows, k.rows);
                shares = dropped;
            }
            ec_kernels()->transpose(turned, q.rows, shares, k.rows, k.rows, q.rows);
            product(v.grad, v.stride, op->adds_input[2], turned, q.rows, out.grad, out.stride, k.rows, q.rows, v.width);
        }
    }
    ec_team_barrier(team);
}

const struct ec_op_type ec_op_attention = {
    .name = "attention",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {3, 3},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS, {1, 1}},
    .mixing = EC_MIXES_STEPS,
    .is_random = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
