/* to_ids: floats -> ids, for ids that another layer computes (a hash, a lookup of one's own): [B, T] or [B, T, 1],
 * whole numbers that are rows of all tables that read them. They are found while the step is planned, when the
 * operations before this one have run, as they decide which rows of a table are read. Ids have no gradient. Masked
 * steps stay so. */
#include "ops/op.h"

static ec_status infer(struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    if (in->steps != EC_NO_STEPS && in->cols != 1) {
        return ec_refuse(report, "to_ids: %lld values a step; allowed are [B, T] or [B, T, 1]", (long long)in->cols);
    }
    out->dtype = EC_IDS;
    out->id_limit = INT32_MAX; /* lookup lowers it to the rows of its table */
    ec_tensor_set_shape(out, in->steps == EC_NO_STEPS ? in->cols : in->steps, 0, NULL);
    return EC_OK;
}

/* The id of a value, -1 where it is none below the limit. */
static int32_t id_of(float value, int64_t limit)
{
    int whole = value >= 0.0f && value < (float)limit && value == (float)(int32_t)value;
    return whole && (int32_t)value < limit ? (int32_t)value : -1;
}

static ec_status plan_layout(const struct ec_op *op, struct ec_step *step)
{
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    out->layout = in->layout;
    out->rows = in->layout ? in->rows : in->rows * in->cols;
    if (in->layout) {
        return EC_OK;
    }
    struct ec_layout *layout = ec_arena_take(step->arena, 1, sizeof *layout);
    out->layout = layout;
    return layout ? ec_layout_full(layout, in->rows, in->cols, step->arena) : EC_NO_MEMORY;
}

static ec_status plan(struct ec_op *op, struct ec_step *step)
{
    const struct ec_tensor *in = op->inputs[0];
    struct ec_tensor *out = op->outputs[0];
    ec_status status = plan_layout(op, step);
    int32_t *ids = status == EC_OK ? ec_arena_take(step->arena, out->rows, sizeof *ids) : NULL;
    if (!ids) {
        return status == EC_OK ? EC_NO_MEMORY : status;
    }
    for (int64_t b = 0; b < out->layout->batch; b++) {
        for (int64_t row = out->layout->offsets[b]; row < out->layout->offsets[b + 1]; row++) {
            ids[row] = ec_layout_counts(out->layout, row) ? id_of(in->data[row], out->id_limit) : -1;
            if (ids[row] < 0 && ec_layout_counts(out->layout, row)) {
                return ec_refuse(&step->report,
                                 "ids that a layer computes: that of text %lld at place %lld is %g; allowed are whole "
                                 "numbers in [0, %lld)",
                                 (long long)b, (long long)(out->layout->starts[b] + row - out->layout->offsets[b]),
                                 (double)in->data[row], (long long)out->id_limit);
            }
        }
    }
    out->ids = ids;
    return EC_OK;
}

/* Nothing is left to do for the team. */
static void forward(struct ec_op *op, const struct ec_step *step, struct ec_team *team)
{
    (void)op;
    (void)step;
    (void)team;
}

const struct ec_op_type ec_op_to_ids = {
    .name = "to_ids",
    .inputs = {1, 1},
    .outputs = {1, 1},
    .first = {EC_FLOATS, EC_STEPS_OR_NONE, {1, 1}},
    .plans_from_values = 1,
    .infer = infer,
    .plan = plan,
    .forward = forward,
    .backward = forward,
};
