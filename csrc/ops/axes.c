/* Chosen axes of a tensor: their checks, and the lanes of a step. */
#include "ops/axes.h"

ec_status ec_axes_infer(struct ec_axes *axes, const struct ec_op *op, struct ec_report *report)
{
    const struct ec_tensor *in = op->inputs[0];
    int steps = in->steps != EC_NO_STEPS, count = 1 + steps + in->rank;
    if (axes->chosen < 0 || (axes->chosen & 1) || axes->chosen >> count) {
        return ec_refuse(report, "%s: axes = %d; bits 1 to %d may be set, one for each axis behind the batch",
                         op->type->name, axes->chosen, count - 1);
    }
    if (axes->chosen == 1 << (count - 1)) {
        axes->chosen = 0;
    }
    axes->along_steps = steps && (axes->chosen & 2);
    return EC_OK;
}

const struct ec_attribute ec_axes_attributes[] = {
    {"axes", EC_ATTRIBUTE_INT, offsetof(struct ec_axes, chosen), NULL},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};

ec_status ec_axes_infer_alone(struct ec_op *op, struct ec_report *report)
{
    return ec_axes_infer(op->state, op, report);
}

/* The bit of the first axis of a row. */
static int first_of_row(const struct ec_tensor *tensor) { return tensor->steps == EC_NO_STEPS ? 1 : 2; }

static int is_chosen(const struct ec_axes *axes, const struct ec_tensor *tensor, int dim)
{
    return axes->chosen ? axes->chosen >> (first_of_row(tensor) + dim) & 1 : dim == tensor->rank - 1;
}

int ec_axes_sizes(const struct ec_axes *axes, const struct ec_tensor *tensor, int64_t sizes[1 + EC_MAX_RANK])
{
    int count = 0;
    if (axes->along_steps) {
        sizes[count++] = tensor->steps;
    }
    for (int dim = 0; dim < tensor->rank; dim++) {
        if (is_chosen(axes, tensor, dim)) {
            sizes[count++] = tensor->dims[dim];
        }
    }
    return count;
}

/* Where the values of a row stand that differ in the chosen dimensions, or in the others, in their order. */
static int64_t *offsets_of(const struct ec_axes *axes, const struct ec_tensor *tensor, int chosen, int64_t *count,
                           struct ec_arena *arena)
{
    *count = 1;
    for (int dim = 0; dim < tensor->rank; dim++) {
        *count *= is_chosen(axes, tensor, dim) == chosen ? tensor->dims[dim] : 1;
    }
    int64_t *offsets = ec_arena_take(arena, *count, sizeof *offsets);
    for (int64_t i = 0; offsets && i < *count; i++) {
        int64_t rest = i, stride = 1;
        offsets[i] = 0;
        for (int dim = tensor->rank - 1; dim >= 0; dim--) {
            if (is_chosen(axes, tensor, dim) == chosen) {
                offsets[i] += rest % tensor->dims[dim] * stride;
                rest /= tensor->dims[dim];
            }
            stride *= tensor->dims[dim];
        }
    }
    return offsets;
}

ec_status ec_axes_plan(struct ec_axes *axes, const struct ec_op *op, struct ec_step *step)
{
    const struct ec_tensor *in = op->inputs[0];
    const struct ec_layout *layout = in->layout;
    int known = axes->along_steps && op->parameter_count;
    if (known && (layout->masked ? layout->width > in->steps : layout->width != in->steps)) {
        return ec_refuse(&step->report, "%s: the sequences are %lld steps long; the model was built for %lld",
                         op->type->name, (long long)layout->width, (long long)in->steps);
    }
    axes->inside = offsets_of(axes, in, 1, &axes->inside_count, step->arena);
    axes->outside = offsets_of(axes, in, 0, &axes->outside_count, step->arena);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}
