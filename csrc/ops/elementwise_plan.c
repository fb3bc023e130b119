/* elementwise before it runs: the shape that its operands broadcast to, how each is read, and the layout of a step. */
#include "ops/elementwise.h"

/* The size of an operand's dimension that stands at `dim` of the result, counted from the last; 1 where it has none. */
static int64_t size_from_end(const struct ec_tensor *in, int from_end)
{
    return from_end < in->rank ? in->dims[in->rank - 1 - from_end] : 1;
}

static ec_status refuse_shapes(int number, struct ec_report *report)
{
    return ec_refuse(report, "elementwise: the shape of operand %d cannot be broadcast with those before it", number);
}

/* Sizes of the result: those of all operands, 1 giving way. */
static ec_status join_dims(struct ec_op *op, int has_steps, struct ec_report *report)
{
    int rank = 0, all_single = op->outputs[0]->single;
    int64_t dims[EC_MAX_RANK], steps = has_steps ? 1 : EC_NO_STEPS;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        rank = in->single == all_single && in->rank > rank ? in->rank : rank;
        if (!in->single && (steps == 1 || in->steps > 1)) { /* a known length is better than any */
            steps = in->steps;
        }
    }
    for (int dim = 0; dim < rank; dim++) {
        dims[dim] = 1;
        for (int i = 0; i < op->input_count; i++) {
            int64_t size = size_from_end(op->inputs[i], rank - 1 - dim);
            if (size != 1 && dims[dim] != 1 && size != dims[dim]) {
                return refuse_shapes(i, report);
            }
            dims[dim] = size != 1 ? size : dims[dim];
        }
    }
    ec_tensor_set_shape(op->outputs[0], steps, rank, dims);
    return EC_OK;
}

static ec_status infer_side(struct ec_op *op, int number, struct ec_report *report)
{
    struct ec_elementwise_side *side = &((struct ec_elementwise *)op->state)->sides[number];
    const struct ec_tensor *in = op->inputs[number], *out = op->outputs[0];
    int has_steps = out->steps != EC_NO_STEPS;
    int more = in->rank - out->rank;
    for (int dim = 0; in->single && more > 0 && in->dims[dim] == 1; dim++) {
        more--; /* axes of 1 before the others say nothing */
    }
    if (!in->single && ((in->steps != EC_NO_STEPS) != has_steps || in->rank != out->rank ||
                        (has_steps && in->steps > 1 && in->steps != out->steps))) {
        return refuse_shapes(number, report);
    }
    int64_t first = more > 0 ? in->dims[in->rank - out->rank - 1] : 1; /* the size of its axis for the steps */
    if (more > has_steps || (more > 0 && out->steps != EC_ANY_STEPS && first != out->steps)) {
        return refuse_shapes(number, report);
    }
    side->by_steps = more > 0;
    side->cols = in->cols / first;
    side->rows = in->single ? EC_ROW_OF_ALL : in->steps == 1 && out->steps != 1 ? EC_ROW_OF_TEXT : EC_ROW_OF_STEP;
    side->whole = side->cols == out->cols;
    side->one = side->cols == 1;
    return EC_OK;
}

ec_status ec_elementwise_infer(struct ec_op *op, struct ec_report *report)
{
    int has_steps = 0, single = 1;
    if (op->input_count != ec_elementwise_kind_of(op)->operands) {
        return ec_refuse(report, "elementwise: %s takes %d operands, got %d", ec_elementwise_kind_of(op)->name,
                         ec_elementwise_kind_of(op)->operands, op->input_count);
    }
    for (int i = 0; i < op->input_count; i++) {
        has_steps |= op->inputs[i]->steps != EC_NO_STEPS;
        single &= op->inputs[i]->single;
    }
    op->outputs[0]->single = single;
    ec_status status = join_dims(op, has_steps, report);
    for (int i = 0; i < op->input_count && status == EC_OK; i++) {
        status = infer_side(op, i, report);
    }
    return status;
}

/* Where in an operand's row the value of each column of the result stands. */
static int32_t *places(const struct ec_tensor *in, const struct ec_tensor *out, struct ec_arena *arena)
{
    int32_t *at = ec_arena_take(arena, out->cols, sizeof *at);
    for (int64_t c = 0; at && c < out->cols; c++) {
        int64_t rest = c, stride = 1, place = 0;
        for (int from_end = 0; from_end < out->rank; from_end++) {
            int64_t size = size_from_end(out, from_end), own = size_from_end(in, from_end);
            place += own == 1 ? 0 : rest % size * stride;
            rest /= size;
            stride *= own;
        }
        at[c] = (int32_t)place;
    }
    return at;
}

/* The steps of the result: those that are unmasked in all operands that have a row for each. */
static ec_status plan_layout(struct ec_op *op, struct ec_step *step)
{
    struct ec_elementwise *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    const struct ec_layout *joined = NULL;
    out->layout = NULL;
    for (int i = 0; i < op->input_count && out->steps != EC_NO_STEPS; i++) {
        const struct ec_layout *other = op->inputs[i]->layout;
        if (state->sides[i].rows != EC_ROW_OF_STEP || (joined && ec_layout_same(joined, other))) {
            continue;
        }
        ec_status status = joined ? ec_layout_both(&state->layout, joined, other, step->arena) : EC_OK;
        if (status != EC_OK) {
            return status != EC_BAD_VALUE ? status
                                          : ec_refuse(&step->report,
                                                      "elementwise: operand %d has %lld steps, those before it %lld; "
                                                      "without a mask they need as many",
                                                      i, (long long)other->width, (long long)joined->width);
        }
        joined = joined ? &state->layout : other;
    }
    out->layout = joined;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        state->sides[i].moved = joined && state->sides[i].rows == EC_ROW_OF_STEP && !ec_layout_same(joined, in->layout);
        int64_t steps = in->cols / state->sides[i].cols;
        if (state->sides[i].by_steps && (joined->masked ? steps < joined->width : steps != joined->width)) {
            return ec_refuse(&step->report, "elementwise: operand %d is for %lld steps; the sequences have %lld", i,
                             (long long)steps, (long long)joined->width);
        }
    }
    return EC_OK;
}

ec_status ec_elementwise_plan(struct ec_op *op, struct ec_step *step)
{
    struct ec_elementwise *state = op->state;
    struct ec_tensor *out = op->outputs[0];
    ec_status status = plan_layout(op, step);
    if (status != EC_OK || (status = ec_op_plan_gradients(op, step)) != EC_OK) {
        return status;
    }
    int64_t texts = 1;
    state->flat = !(out->layout && out->layout->mask);
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_elementwise_side *side = &state->sides[i];
        texts = op->inputs[i]->single ? texts : ec_tensor_texts(op->inputs[i]);
        int along = side->rows == EC_ROW_OF_STEP && side->whole && !side->moved;
        state->flat &= along || (side->rows == EC_ROW_OF_ALL && side->one && !side->by_steps);
    }
    out->rows = out->layout ? out->layout->rows : texts;
    state->texts_of_task =
        EC_ELEMENTWISE_TEXTS > texts / 32 ? EC_ELEMENTWISE_TEXTS : texts / 32; /* partial sums cost memory */
    state->tasks = state->flat ? ec_ceil_div(out->rows * out->cols, EC_ELEMENTWISE_TILE)
                               : ec_ceil_div(texts, state->texts_of_task);
    for (int i = 0; i < op->input_count; i++) {
        struct ec_elementwise_side *side = &state->sides[i];
        const struct ec_tensor *in = op->inputs[i];
        int needs_sums = side->rows == EC_ROW_OF_ALL && in->needs_grad && step->backward;
        side->at = side->whole || side->one ? NULL : places(in, out, step->arena);
        side->partial = needs_sums ? ec_arena_take(step->arena, state->tasks * in->cols, sizeof(float)) : NULL;
    }
    step->work += 4.0 * (double)out->rows * (double)out->cols;
    status = ec_tensor_take(out, step);
    return step->arena->failed ? EC_NO_MEMORY : status;
}
