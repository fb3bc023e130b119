/* lookup: ids -> tokens. The distinct ids of the batch, over all inputs that share the table, and their rows, gathered
 * once into a dense block; embed and the fused operations read from it and write its gradient. For tables of any size
 * and some thousand tokens a batch: nothing here depends on the size of the table.
 *
 * mask_zero: id 0 is padding. The text is the span between its first and last other id; zeros inside it are masked
 * tokens (row -1).
 *
 *     values[u] = table[ids[u]]          d_table[ids[u]] = d_values[u] */
#include "ops/op.h"

#include <string.h>

struct state {
    int mask_zero;
    struct ec_lookup_rows rows;
    struct ec_distinct distinct;
};

static const struct ec_attribute attributes[] = {
    {"mask_zero", EC_ATTRIBUTE_INT, offsetof(struct state, mask_zero), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct ec_parameter *table = op->parameters[0];
    if (op->input_count != op->output_count) {
        return ec_refuse(report, "lookup: %d inputs, %d outputs; expected as many outputs as inputs", op->input_count,
                         op->output_count);
    }
    if (table->is_table) {
        return ec_refuse(report, "lookup: parameter %s is read by two lookups; give one all inputs", table->name);
    }
    table->is_table = 1;
    for (int i = 0; i < op->input_count; i++) {
        ec_tensor_limit_ids(op->inputs[i], table->dims[0]);
        op->outputs[i]->dtype = EC_TOKENS;
        ec_tensor_set_shape(op->outputs[i], op->inputs[i]->steps, 1, &table->dims[1]);
    }
    return EC_OK;
}

/* The layout of the spans between first and last id other than 0, and their ids (0 inside becomes -1). */
static ec_status cut_to_spans(const struct ec_tensor *in, struct ec_arena *arena, struct ec_layout *cut, int32_t *ids)
{
    const struct ec_layout *full = in->layout;
    int64_t *offsets = ec_arena_take(arena, full->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(arena, full->batch, sizeof *starts);
    uint8_t *mask = ec_arena_take(arena, full->rows, sizeof *mask);
    if (!offsets || !starts || !mask) {
        return EC_NO_MEMORY;
    }
    int gaps = 0;
    offsets[0] = 0;
    for (int64_t b = 0; b < full->batch; b++) {
        int64_t first = full->offsets[b], end = full->offsets[b + 1];
        while (end > first && in->ids[end - 1] == 0) {
            end--;
        }
        while (first < end && in->ids[first] == 0) {
            first++;
        }
        starts[b] = full->starts[b] + (first < end ? first - full->offsets[b] : 0);
        offsets[b + 1] = offsets[b] + (end - first);
        for (int64_t i = first; i < end; i++) {
            int64_t row = offsets[b] + i - first;
            mask[row] = in->ids[i] != 0;
            ids[row] = in->ids[i] ? in->ids[i] : -1;
            gaps |= !mask[row];
        }
    }
    *cut = *full;
    cut->rows = offsets[full->batch];
    cut->offsets = offsets;
    cut->starts = starts;
    cut->mask = gaps ? mask : NULL;
    cut->masked = 1;
    return EC_OK;
}

static ec_status plan_input(struct ec_op *op, int number, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_tensor *in = op->inputs[number], *out = op->outputs[number];
    const int32_t *ids = in->ids;
    int32_t *rows = ec_arena_take(step->arena, in->rows, sizeof *rows);
    out->layout = in->layout;
    if (!rows) {
        return EC_NO_MEMORY;
    }
    if (state->mask_zero) {
        struct ec_layout *cut = ec_arena_take(step->arena, 1, sizeof *cut);
        int32_t *cut_ids = ec_arena_take(step->arena, in->rows, sizeof *cut_ids);
        if (!cut || !cut_ids || cut_to_spans(in, step->arena, cut, cut_ids) != EC_OK) {
            return EC_NO_MEMORY;
        }
        out->layout = cut;
        ids = cut_ids;
    }
    out->rows = out->layout->rows;
    out->token_rows = rows;
    out->lookup = &state->rows;
    ec_distinct_add(&state->distinct, rows, ids, out->rows);
    return EC_OK;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_parameter *table = op->parameters[0];
    int64_t tokens = 0;
    for (int i = 0; i < op->input_count; i++) {
        tokens += op->inputs[i]->rows;
    }
    int64_t most = ec_least(tokens, table->dims[0]);
    ec_status status = ec_distinct_init(&state->distinct, step->arena, most);
    for (int i = 0; status == EC_OK && i < op->input_count; i++) {
        status = plan_input(op, i, step);
    }
    if (status != EC_OK) {
        return status;
    }
    struct ec_lookup_rows *rows = &state->rows;
    int learns = table->trainable && step->backward;
    rows->count = state->distinct.count;
    rows->width = table->dims[1];
    rows->stride = (rows->width + 15) / 16 * 16;
    rows->values = ec_arena_take(step->arena, (rows->count + 1) * rows->stride, sizeof(float));
    rows->d_values = learns ? ec_arena_take(step->arena, rows->count * rows->stride, sizeof(float)) : NULL;
    rows->writers = 0;
    for (int i = 0; i < op->output_count; i++) {
        op->outputs[i]->needs_grad = learns;
    }
    table->gradient = (struct ec_gradient){.values = rows->d_values,
                                           .rows = state->distinct.ids,
                                           .count = rows->count,
                                           .width = rows->width,
                                           .stride = rows->stride};
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    struct state *state = op->state;
    const struct ec_lookup_rows *rows = &state->rows;
    const int64_t block = 32;
    for (struct ec_range tile; ec_team_next_range(team, rows->count + 1, block, &tile);) {
        int64_t end = ec_least(rows->count, tile.end);
        ec_kernels()->gather_rows(rows->values + tile.begin * rows->stride, rows->stride, op->parameters[0]->value,
                                  rows->width, state->distinct.ids + tile.begin, end - tile.begin, rows->width);
        if (end < tile.end) { /* the row of zeros behind the last */
            memset(rows->values + end * rows->stride, 0, (size_t)rows->stride * sizeof(float));
        }
    }
    ec_team_barrier(team);
}

/* d_values is the table's gradient as it stands. */
static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op;
    (void)step;
    (void)team;
}

const struct ec_op_type ec_op_lookup = {
    .name = "lookup",
    .state_bytes = sizeof(struct state),
    .attributes = attributes,
    .inputs = {1, EC_ANY_NUMBER},
    .outputs = {1, EC_ANY_NUMBER},
    .parameters = {1, 1},
    .first = {EC_IDS, EC_STEPS, {0, 0}},
    .parameter_ranks = {{2, 2}},
    .reads_table = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
