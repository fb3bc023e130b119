/* Tensors as plain arrays: their sizes, and the plan of what is made of them. */
#include "ops/full.h"

#include <string.h>

struct ec_full ec_full_shape(const struct ec_tensor *tensor)
{
    struct ec_full full = {0};
    if (!tensor->single) {
        full.sizes[full.axes++] = -1;
    }
    if (tensor->steps != EC_NO_STEPS) {
        full.sizes[full.axes++] = tensor->steps;
    }
    for (int dim = 0; dim < tensor->rank; dim++) {
        full.sizes[full.axes++] = tensor->dims[dim];
    }
    return full;
}

struct ec_full ec_full_of(const struct ec_tensor *tensor)
{
    struct ec_full full = ec_full_shape(tensor);
    if (!tensor->single) {
        full.sizes[0] = ec_tensor_texts(tensor);
    }
    if (tensor->layout) {
        full.sizes[1] = tensor->layout->width;
    }
    return full;
}

struct ec_full ec_full_rows(const struct ec_tensor *tensor)
{
    struct ec_full full = {.axes = 1 + tensor->rank, .sizes = {tensor->rows}};
    memcpy(full.sizes + 1, tensor->dims, (size_t)tensor->rank * sizeof *tensor->dims);
    return full;
}

int64_t ec_full_count(const struct ec_full *full, int begin, int end)
{
    int64_t count = 1;
    for (int axis = begin; axis < end; axis++) {
        count *= full->sizes[axis];
    }
    return count;
}

ec_status ec_full_check(const struct ec_op *op, int number, struct ec_step *step)
{
    const struct ec_layout *layout = op->inputs[number]->layout;
    if (layout && (layout->mask || layout->rows != layout->batch * layout->width)) {
        return ec_refuse(&step->report, "%s: input %d has masked steps; reshape must pad it first", op->type->name,
                         number);
    }
    return EC_OK;
}

void ec_full_set(struct ec_tensor *out, const struct ec_tensor *in, const struct ec_full *full)
{
    int has_steps = in->steps != EC_NO_STEPS, first = !in->single + has_steps;
    out->single = in->single;
    ec_tensor_set_shape(out, has_steps ? full->sizes[1] : EC_NO_STEPS, full->axes - first, full->sizes + first);
}

ec_status ec_full_plan(struct ec_op *op, int64_t texts, int64_t width, struct ec_layout *layout, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    out->layout = NULL;
    out->rows = out->single ? 1 : texts;
    if (out->steps != EC_NO_STEPS) {
        ec_status status = ec_layout_full(layout, texts, width, step->arena);
        if (status != EC_OK) {
            return status;
        }
        out->layout = layout;
        out->rows = layout->rows;
    }
    ec_status status = ec_op_plan_gradients(op, step);
    step->work += 2.0 * (double)out->rows * (double)out->cols;
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}
