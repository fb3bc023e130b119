/* lookup: ids -> tokens. The distinct ids of the batch, over all inputs that share the table, and their rows, gathered
 * once into a dense block; embed and the fused operations read from it and write its gradient. For tables of any size
 * and some thousand tokens a batch: nothing here depends on the size of the table. Where each operation behind it reads
 * token by token (token_bag), they read the table itself, and distinct ids are only found for a gradient.
 *
 * mask_zero: id 0 is padding, or with mask_id that id. The text is the span between its first and last other id;
 * padding inside it are masked tokens (row -1).
 *
 *     values[u] = table[ids[u]]          d_table[ids[u]] = d_values[u]
 *
 * max_norm: in a step that trains the table, a row that is read and whose norm (of order norm_type) is larger is scaled
 * to it first, in the table itself (in fewer bits: towards zero, so that it stays); of rows that rest, only norm_id is.
 * scale_grad_by_freq: d_table[ids[u]] = d_values[u] / how often u stands in the batch. Rows that rest come last among
 * the distinct ones, so that a gradient is that of the first rows. A table that another operation reads too (is_tied)
 * has a dense gradient, to which the rows are added. */
#include "base/ahead.h"
#include "grad/norm.h"
#include "grad/storage.h"
#include "ops/op.h"

#include <string.h>

struct state {
    int mask_zero, scale_grad_by_freq;
    int64_t mask_id, norm_id;   /* -1: none (but what mask_zero says) */
    double max_norm, norm_type; /* 0: none */

    struct ec_lookup_rows rows;
    int in_place;  /* tokens are read from the table */
    int finds_ids; /* the distinct ids are asked for */
    float *room;   /* [threads] a row that is stored in fewer bits, while its norm is bounded */
    struct ec_distinct distinct;
    int32_t *occurs; /* [U] how often each stands in the batch, where the gradient is scaled by it */
};

static const struct state defaults = {.mask_id = -1, .norm_id = -1, .norm_type = 2.0};

static const struct ec_attribute attributes[] = {
    {"mask_zero", EC_ATTRIBUTE_INT, offsetof(struct state, mask_zero), NULL},
    {"mask_id", EC_ATTRIBUTE_COUNT, offsetof(struct state, mask_id), NULL},
    {"norm_id", EC_ATTRIBUTE_COUNT, offsetof(struct state, norm_id), NULL},
    {"max_norm", EC_ATTRIBUTE_FLOAT, offsetof(struct state, max_norm), NULL},
    {"norm_type", EC_ATTRIBUTE_FLOAT, offsetof(struct state, norm_type), NULL},
    {"scale_grad_by_freq", EC_ATTRIBUTE_INT, offsetof(struct state, scale_grad_by_freq), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    struct state *state = op->state;
    struct ec_parameter *table = op->parameters[0];
    if (op->input_count != op->output_count) {
        return ec_refuse(report, "lookup: %d inputs, %d outputs; expected as many outputs as inputs", op->input_count,
                         op->output_count);
    }
    if (table->is_table || table->is_tied) {
        return ec_refuse(report, "lookup: parameter %s is read by two lookups; give one all inputs", table->name);
    }
    if (!(state->max_norm >= 0.0 && state->norm_type > 0.0) || state->mask_id < -1 ||
        state->mask_id >= table->dims[0] || state->norm_id < -1 || state->norm_id >= table->dims[0]) {
        return ec_refuse(
            report,
            "lookup: max_norm = %g, norm_type = %g, mask_id = %lld, norm_id = %lld; a norm is at least 0 (none), "
            "its order above 0, and an id that of one of %lld rows",
            state->max_norm, state->norm_type, (long long)state->mask_id, (long long)state->norm_id,
            (long long)table->dims[0]);
    }
    state->mask_id = state->mask_zero ? 0 : state->mask_id;
    table->is_table = !table->is_whole;
    table->is_tied = table->is_whole;
    for (int i = 0; i < op->input_count; i++) {
        ec_tensor_limit_ids(op->inputs[i], table->dims[0]);
        op->outputs[i]->dtype = EC_TOKENS;
        ec_tensor_set_shape(op->outputs[i], op->inputs[i]->steps, 1, &table->dims[1]);
    }
    return EC_OK;
}

/* The layout of the spans between first and last id other than `padding`, and their ids (padding inside becomes -1). */
static ec_status cut_to_spans(const struct ec_tensor *in, int32_t padding, struct ec_arena *arena,
                              struct ec_layout *cut, int32_t *ids)
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
        while (end > first && (in->ids[end - 1] == padding || in->ids[end - 1] < 0)) {
            end--;
        }
        while (first < end && (in->ids[first] == padding || in->ids[first] < 0)) {
            first++;
        }
        starts[b] = full->starts[b] + (first < end ? first - full->offsets[b] : 0);
        offsets[b + 1] = offsets[b] + (end - first);
        for (int64_t i = first; i < end; i++) {
            int64_t row = offsets[b] + i - first;
            mask[row] = in->ids[i] != padding && in->ids[i] >= 0; /* -1: masked before */
            ids[row] = mask[row] ? in->ids[i] : -1;
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
    out->layout = in->layout;
    if (state->mask_id >= 0) {
        struct ec_layout *cut = ec_arena_take(step->arena, 1, sizeof *cut);
        int32_t *cut_ids = ec_arena_take(step->arena, in->rows, sizeof *cut_ids);
        if (!cut || !cut_ids || cut_to_spans(in, (int32_t)state->mask_id, step->arena, cut, cut_ids) != EC_OK) {
            return EC_NO_MEMORY;
        }
        out->layout = cut;
        ids = cut_ids;
    }
    out->rows = out->layout->rows;
    out->token_at = ids;
    out->token_rows = NULL;
    out->lookup = &state->rows;
    if (state->finds_ids) {
        int32_t *rows = ec_arena_take(step->arena, out->rows, sizeof *rows);
        if (!rows) {
            return EC_NO_MEMORY;
        }
        out->token_rows = rows;
        ec_distinct_add(&state->distinct, rows, ids, out->rows);
    }
    return EC_OK;
}

/* Which rows learn comes first, in the order of the batch; the tokens follow. */
static ec_status put_learning_first(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const uint8_t *learns = op->parameters[0]->row_learns;
    int64_t count = state->distinct.count, first = 0, rest = 0;
    state->rows.learning = count;
    if (!learns) {
        return EC_OK;
    }
    int32_t *place = ec_arena_take(step->arena, count, sizeof *place);
    int32_t *ids = ec_arena_take(step->arena, count, sizeof *ids);
    if (!place || !ids) {
        return EC_NO_MEMORY;
    }
    for (int64_t u = 0; u < count; u++) {
        place[u] = learns[state->distinct.ids[u]] != 0; /* read once: the array is the caller's */
        rest += place[u];
    }
    state->rows.learning = rest;
    for (int64_t u = 0; u < count; u++) {
        place[u] = (int32_t)(place[u] ? first++ : rest++);
        ids[place[u]] = state->distinct.ids[u];
    }
    state->distinct.ids = ids;
    for (int i = 0; i < op->output_count; i++) {
        struct ec_tensor *out = op->outputs[i];
        int32_t *rows = ec_arena_take(step->arena, out->rows, sizeof *rows);
        for (int64_t row = 0; rows && row < out->rows; row++) {
            rows[row] = out->token_rows[row] < 0 ? -1 : place[out->token_rows[row]];
        }
        out->token_rows = rows;
    }
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

static ec_status count_occurrences(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    state->occurs = ec_arena_take(step->arena, state->rows.count, sizeof *state->occurs);
    if (!state->occurs) {
        return EC_NO_MEMORY;
    }
    memset(state->occurs, 0, (size_t)state->rows.count * sizeof *state->occurs);
    for (int i = 0; i < op->output_count; i++) {
        const struct ec_tensor *out = op->outputs[i];
        for (int64_t row = 0; row < out->rows; row++) {
            if (out->token_rows[row] >= 0) {
                state->occurs[out->token_rows[row]]++;
            }
        }
    }
    return EC_OK;
}

static ec_status plan_gradient(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_parameter *table = op->parameters[0];
    struct ec_lookup_rows *rows = &state->rows;
    int learns = table->trainable && step->backward;
    rows->d_values = learns ? ec_arena_take(step->arena, rows->learning * rows->stride, sizeof(float)) : NULL;
    rows->maker = (struct ec_row_maker){.make = NULL};
    for (int i = 0; i < op->output_count; i++) {
        op->outputs[i]->needs_grad = learns;
    }
    if (table->is_tied) {
        ec_status status = learns ? ec_parameter_take_gradient(table, step) : EC_OK;
        if (status != EC_OK) {
            return status;
        }
    } else {
        table->gradient = (struct ec_gradient){.values = rows->d_values,
                                               .rows = state->distinct.ids,
                                               .count = rows->learning,
                                               .width = rows->width,
                                               .stride = rows->stride,
                                               .maker = state->scale_grad_by_freq ? NULL : &rows->maker};
    }
    return learns && state->scale_grad_by_freq ? count_occurrences(op, step) : EC_OK;
}

static int bounds(const struct ec_op *op, const struct ec_step *step)
{
    const struct state *state = op->state;
    return state->max_norm > 0.0 && step->training && op->parameters[0]->trainable;
}

static ec_status plan_ids(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    const struct ec_parameter *table = op->parameters[0];
    int64_t tokens = 0;
    state->in_place = 1;
    for (int i = 0; i < op->input_count; i++) {
        tokens += op->inputs[i]->rows;
        state->in_place &= !op->outputs[i]->needs_values;
    }
    state->finds_ids = !state->in_place || bounds(op, step) || (table->trainable && step->backward) ||
                       table->rules.l1 != 0.0 || table->rules.l2 != 0.0; /* penalties are those of the rows read */
    ec_status status = ec_distinct_init(&state->distinct, step->arena,
                                        state->finds_ids ? ec_least(tokens, table->dims[0]) : 0, table->dims[0]);
    for (int i = 0; status == EC_OK && i < op->input_count; i++) {
        status = plan_input(op, i, step);
    }
    return status == EC_OK && state->finds_ids ? put_learning_first(op, step) : status;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    struct state *state = op->state;
    struct ec_parameter *table = op->parameters[0];
    struct ec_lookup_rows *rows = &state->rows;
    rows->learning = 0;
    ec_status status = plan_ids(op, step);
    if (status != EC_OK) {
        return status;
    }
    rows->count = state->distinct.count;
    rows->limit = table->dims[0];
    rows->width = table->dims[1];
    rows->stride = (rows->width + 15) / 16 * 16;
    rows->values = NULL;
    state->room = NULL;
    if (table->stored && bounds(op, step)) {
        state->room = ec_arena_take(step->arena, step->threads * rows->width, sizeof(float));
    }
    rows->token_values = ec_table_rows_of(table);
    rows->tokens_far = rows->limit * rows->width >= EC_FAR_TABLE;
    if (!state->in_place) {
        rows->values = ec_arena_take(step->arena, (rows->count + 1) * rows->stride, sizeof(float));
        rows->token_values = (struct ec_table_rows){EC_FLOAT32, rows->values, NULL, rows->stride};
        rows->tokens_far = 0;
        for (int i = 0; i < op->output_count; i++) {
            op->outputs[i]->token_at = op->outputs[i]->token_rows;
        }
    }
    status = plan_gradient(op, step);
    return step->arena->failed ? EC_NO_MEMORY : status;
}

/* Of the distinct rows, as far as they learn or are norm_id; a row is one thread's. */
static void bound_norms(const struct ec_op *op, struct ec_range tile, int thread)
{
    const struct state *state = op->state;
    int64_t width = state->rows.width, learning = state->rows.learning;
    float *room = state->room ? state->room + thread * width : NULL;
    for (int64_t u = tile.begin; u < ec_least(tile.end, state->norm_id < 0 ? learning : state->rows.count); u++) {
        int64_t id = state->distinct.ids[u];
        float *row = ec_row_open(op->parameters[0], id, room);
        double norm = ec_norm_of_order(row, state->norm_type, width);
        if (norm > state->max_norm && (u < learning || id == state->norm_id)) {
            ec_kernels()->scale(row, row, (float)(state->max_norm / (norm + 1e-7)), width);
            ec_row_close(op->parameters[0], id, row, NULL);
        }
    }
}

/* Rows of the distinct ids; behind the last a row of zeros. */
static void gather(const struct ec_op *op, struct ec_range tile)
{
    const struct state *state = op->state;
    const struct ec_lookup_rows *rows = &state->rows;
    const struct ec_parameter *table = op->parameters[0];
    int64_t count = ec_least(rows->count, tile.end) - tile.begin;
    float *values = rows->values + tile.begin * rows->stride;
    const int32_t *ids = state->distinct.ids + tile.begin;
    if (table->stored) {
        ec_rows_read(values, rows->stride, table, ids, count);
    } else {
        ec_kernels()->gather_rows(values, rows->stride, table->value, rows->width, ids, count, rows->width);
    }
    if (tile.begin + count < tile.end) {
        memset(values + count * rows->stride, 0, (size_t)rows->stride * sizeof(float));
    }
}

static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    const struct state *state = op->state;
    const int64_t block = 32;
    int bounded = bounds(op, step);
    if (state->in_place && !bounded) {
        return; /* nothing is written, so there is nothing to wait for */
    }
    for (struct ec_range tile; ec_team_next_range(team, state->rows.count + 1, block, &tile);) {
        if (bounded) {
            bound_norms(op, tile, team->index);
        }
        if (!state->in_place) {
            gather(op, tile);
        }
    }
    ec_team_barrier(team);
}

/* The gradient of what else reads the table, where this operation is the last to write it. */
static void add_to_tied(const struct ec_op *op, struct ec_team *team)
{
    const struct state *state = op->state;
    const struct ec_parameter *table = op->parameters[0];
    const struct ec_lookup_rows *rows = &state->rows;
    float *d_table = table->gradient.values;
    if (!op->adds_parameter[0]) {
        for (struct ec_range tile; ec_team_next_range(team, table->size, EC_DENSE_TILE, &tile);) {
            memset(d_table + tile.begin, 0, (size_t)(tile.end - tile.begin) * sizeof *d_table);
        }
        ec_team_barrier(team);
    }
    for (int64_t row; table->row_learns && (row = ec_team_next(team, table->dims[0])) >= 0;) {
        memset(d_table + row * rows->width, 0, table->row_learns[row] ? 0 : (size_t)rows->width * sizeof *d_table);
    }
    for (int64_t u; (u = ec_team_next(team, rows->learning)) >= 0;) {
        ec_kernels()->add(d_table + state->distinct.ids[u] * rows->width, rows->d_values + u * rows->stride,
                          rows->width);
    }
    ec_team_barrier(team);
}

/* d_values is the table's gradient as it stands, but where it is scaled or added to another. */
static void backward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)step;
    const struct state *state = op->state;
    const struct ec_lookup_rows *rows = &state->rows;
    if (state->scale_grad_by_freq) {
        for (int64_t u; (u = ec_team_next(team, rows->learning)) >= 0;) {
            float *d = rows->d_values + u * rows->stride;
            ec_kernels()->scale(d, d, 1.0f / (float)state->occurs[u], rows->stride);
        }
        ec_team_barrier(team);
    }
    if (op->parameters[0]->is_tied) {
        add_to_tied(op, team);
    }
}

const struct ec_op_type ec_op_lookup = {
    .name = "lookup",
    .state_bytes = sizeof(struct state),
    .defaults = &defaults,
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
