/* ngrams: ids -> ids, the tokens of a text and behind them its n-grams of 2 to n tokens as hash buckets, so that a
 * lookup of a table of input_dim + buckets rows learns a vector for runs of words too (fastText's idea: Joulin et al.
 * 2017). All is done while the step is planned: some nanoseconds for each of some thousand tokens.
 *
 *     id(a, b, ...) = input_dim + hash(a, b, ...) * buckets / 2^32        or 0 where one of a, b, ... is 0 (padding)
 *
 * Texts stay ragged; in padded form all have T + (T - 1) + ... ids. */
#include "base/random.h"
#include "ops/op.h"

#include <string.h>

struct state {
    int n;
    int64_t input_dim, buckets;
};

static const struct state defaults = {.n = 2};

static const struct ec_attribute attributes[] = {
    {"n", EC_ATTRIBUTE_INT, offsetof(struct state, n), NULL},
    {"input_dim", EC_ATTRIBUTE_COUNT, offsetof(struct state, input_dim), NULL},
    {"buckets", EC_ATTRIBUTE_COUNT, offsetof(struct state, buckets), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

/* How many ids a text of `length` tokens gives. */
static int64_t ids_of(int64_t length, int n)
{
    int64_t sum = 0;
    for (int64_t width = 1; width <= n && width <= length; width++) {
        sum += length - width + 1;
    }
    return sum;
}

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct state *state = op->state;
    if (state->n < 1 || state->n > 64 || state->input_dim < 1 || state->buckets < 1 || state->input_dim > INT32_MAX ||
        state->buckets > INT32_MAX - state->input_dim) {
        return ec_refuse(report,
                         "ngrams: n = %d, input_dim = %lld, buckets = %lld; allowed are n in [1, 64] and numbers from "
                         "1 that sum to less than 2**31",
                         state->n, (long long)state->input_dim, (long long)state->buckets);
    }
    ec_tensor_limit_ids(op->inputs[0], state->input_dim);
    int64_t steps = op->inputs[0]->steps;
    op->outputs[0]->dtype = EC_IDS;
    op->outputs[0]->steps = steps < 0 ? steps : ids_of(steps, state->n);
    op->outputs[0]->id_limit = INT32_MAX; /* lookup lowers it to the rows of its table */
    return EC_OK;
}

static void write_text(int32_t *out, const int32_t *ids, int64_t length, const struct state *state)
{
    uint64_t buckets = (uint64_t)state->buckets;
    memcpy(out, ids, (size_t)length * sizeof *out);
    for (int64_t start = 0; start < length; start++) {
        uint64_t key = ec_random_key(0, (uint64_t)ids[start]);
        int64_t at = start; /* in out: behind the texts' shorter n-grams */
        int padding = ids[start] == 0;
        for (int64_t width = 2; width <= state->n && start + width <= length; width++) {
            int32_t next = ids[start + width - 1];
            key = ec_random_key(key, (uint64_t)next);
            padding |= next == 0;
            at += length - width + 2;
            out[at] = padding ? 0 : (int32_t)((uint64_t)state->input_dim + ((key >> 32) * buckets >> 32));
        }
    }
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    const struct state *state = op->state;
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_layout *given = in->layout;
    struct ec_tensor *out = op->outputs[0];
    if (state->input_dim + state->buckets > out->id_limit) {
        return ec_refuse(&step->report, "ngrams: input_dim + buckets = %lld; the table has %lld rows only",
                         (long long)(state->input_dim + state->buckets), (long long)out->id_limit);
    }
    struct ec_layout *layout = ec_arena_take(step->arena, 1, sizeof *layout);
    int64_t *offsets = ec_arena_take(step->arena, given->batch + 1, sizeof *offsets);
    if (!layout || !offsets) {
        return EC_NO_MEMORY;
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < given->batch; b++) {
        offsets[b + 1] = offsets[b] + ids_of(given->offsets[b + 1] - given->offsets[b], state->n);
    }
    if (offsets[given->batch] > INT32_MAX) {
        return ec_refuse(&step->report, "ngrams: %lld ids; allowed are 2**31 - 1, use a smaller batch",
                         (long long)offsets[given->batch]);
    }
    *layout = *given;
    layout->offsets = offsets;
    layout->rows = offsets[given->batch];
    layout->width = ids_of(given->width, state->n);
    int32_t *ids = ec_arena_take(step->arena, layout->rows, sizeof *ids);
    if (!ids) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < given->batch; b++) {
        write_text(ids + offsets[b], in->ids + given->offsets[b], given->offsets[b + 1] - given->offsets[b], state);
    }
    out->layout = layout;
    out->rows = layout->rows;
    out->ids = ids;
    return EC_OK;
}

/* Nothing is left to do for the team: the ids are there, and have no gradient. */
static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op;
    (void)step;
    (void)team;
}

const struct ec_op_type ec_op_ngrams = {
    .name = "ngrams",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
    .attributes = attributes,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_IDS, EC_STEPS, {0, 0}},
    .mixing = EC_MIXES_STEPS,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = forward,
};
