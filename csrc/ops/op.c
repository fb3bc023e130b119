/* What the operations share: the table of types, and planning of outputs and gradients. infer.c has their checks. */
#include "ops/op.h"

#include "base/blocks.h"

#include <string.h>

#define EC_OPERATION(name) &ec_op_##name,
const struct ec_op_type *const ec_op_types[] = {
#include "ops/operations.h"
    NULL,
};
#undef EC_OPERATION

const struct ec_op_type *ec_op_type_named(const char *name)
{
    for (const struct ec_op_type *const *type = ec_op_types; *type; type++) {
        if (strcmp((*type)->name, name) == 0) {
            return *type;
        }
    }
    return NULL;
}

ec_status ec_tensor_take(struct ec_tensor *tensor, struct ec_step *step)
{
    int64_t size;
    if (__builtin_mul_overflow(tensor->rows, tensor->cols, &size)) {
        return EC_TOO_LARGE;
    }
    if (tensor->leaves && step->hands_over && !tensor->block && size >= EC_LARGE_RESULT / (int64_t)sizeof(float)) {
        tensor->data = tensor->block = ec_block_take(size, sizeof(float));
        if (!tensor->block) {
            return EC_NO_MEMORY;
        }
        step->block_bytes += (size_t)size * sizeof(float);
    } else {
        tensor->data = ec_arena_take(step->arena, size, sizeof(float));
    }
    tensor->grad = tensor->needs_grad ? ec_arena_take(step->arena, size, sizeof(float)) : NULL;
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

ec_status ec_parameter_take_gradient(struct ec_parameter *parameter, struct ec_step *step)
{
    if (!parameter->gradient.values) {
        parameter->gradient.values = ec_arena_take(step->arena, parameter->size, sizeof(float));
    }
    return parameter->gradient.values ? EC_OK : EC_NO_MEMORY;
}

ec_status ec_op_plan_gradients(struct ec_op *op, struct ec_step *step)
{
    int needs_grad = 0;
    for (int i = 0; i < op->input_count; i++) {
        needs_grad |= op->inputs[i]->needs_grad;
    }
    for (int i = 0; i < op->parameter_count; i++) {
        if (op->parameters[i]->trainable && step->backward) {
            needs_grad = 1;
            if (ec_parameter_take_gradient(op->parameters[i], step) != EC_OK) {
                return EC_NO_MEMORY;
            }
        }
    }
    for (int i = 0; i < op->output_count; i++) {
        op->outputs[i]->needs_grad = needs_grad && step->backward;
    }
    return EC_OK;
}

ec_status ec_op_check_texts(const struct ec_op *op, struct ec_step *step)
{
    /* targets and weights of a loss are those of the inputs */
    int64_t wanted = op->type->is_loss ? step->batch : -1;
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        int any = in->dtype == EC_IDS || in->dtype == EC_FRAME; /* a lookup takes any ids */
        int64_t texts = ec_tensor_texts(in);
        if (any || (in->single && op->type->joins_single)) {
            continue;
        }
        wanted = wanted < 0 ? texts : wanted;
        if (texts != wanted) {
            return ec_refuse(&step->report, "%s: input %d holds %lld texts; expected %lld", op->type->name, i,
                             (long long)texts, (long long)wanted);
        }
    }
    return EC_OK;
}

ec_status ec_op_plan_like_input(struct ec_op *op, struct ec_step *step)
{
    struct ec_tensor *out = op->outputs[0];
    out->layout = op->inputs[0]->layout;
    out->rows = op->inputs[0]->rows;
    ec_status status = ec_op_plan_gradients(op, step);
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

ec_status ec_op_plan_like_inputs(struct ec_op *op, struct ec_step *step, struct ec_layout *layout, int *differ)
{
    struct ec_tensor *out = op->outputs[0];
    const struct ec_layout *joined = op->inputs[0]->layout;
    *differ = 0;
    for (int i = 1; op->inputs[0]->layout && i < op->input_count; i++) {
        const struct ec_layout *other = op->inputs[i]->layout;
        if (ec_layout_same(joined, other)) {
            continue;
        }
        ec_status status = ec_layout_either(layout, joined, other, step->arena);
        if (status != EC_OK) {
            return status != EC_BAD_VALUE
                       ? status
                       : ec_refuse(&step->report,
                                   "%s: sequence %d has %lld steps, those before it %lld; without a mask they "
                                   "need as many, and a masked one no more than these (pad both to one length)",
                                   op->type->name, i, (long long)other->width, (long long)joined->width);
        }
        joined = layout;
        *differ = 1;
    }
    out->layout = joined;
    out->rows = op->inputs[0]->layout ? joined->rows : op->inputs[0]->rows;
    ec_status status = ec_op_plan_gradients(op, step);
    return status == EC_OK ? ec_tensor_take(out, step) : status;
}

void ec_op_bias_gradient(const struct ec_op *op, struct ec_team *team)
{
    const struct ec_tensor *out = op->outputs[0];
    if (op->parameter_count == 2 && op->parameters[1]->trainable) {
        while (ec_team_next(team, 1) >= 0) {
            ec_kernels()->column_sum(op->parameters[1]->gradient.values, op->adds_parameter[1], out->grad,
                                     out->channels, ec_tensor_vectors(out), out->channels);
        }
    }
}

void ec_op_activation_gradient(const struct ec_op *op, enum ec_activation activation, struct ec_team *team)
{
    const int64_t size = 4096;
    const struct ec_tensor *out = op->outputs[0];
    int64_t values = activation == EC_LINEAR ? 0 : out->rows * out->cols;
    for (struct ec_range block; ec_team_next_range(team, values, size, &block);) {
        float *grad = out->grad + block.begin;
        ec_kernels()->activate_backward(grad, grad, NULL, out->data + block.begin, activation, block.end - block.begin);
    }
    ec_team_barrier(team);
}

static void scale(float *values, float by, int64_t count, struct ec_team *team)
{
    for (struct ec_range some; ec_team_next_range(team, count, EC_DENSE_TILE, &some);) {
        ec_kernels()->scale(values + some.begin, values + some.begin, by, some.end - some.begin);
    }
}

void ec_op_scale_gradients(const struct ec_op *op, float by, struct ec_team *team)
{
    for (int i = 0; i < op->parameter_count; i++) {
        if (op->parameters[i]->trainable) {
            scale(op->parameters[i]->gradient.values, by, op->parameters[i]->size, team);
        }
    }
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        if (in->needs_grad) {
            scale(in->grad, by, in->rows * in->cols, team);
        }
    }
    ec_team_barrier(team);
}

void ec_op_clear_gradients(const struct ec_op *op, int64_t text)
{
    for (int i = 0; i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        if (in->needs_grad && !op->adds_input[i]) {
            const int64_t *offsets = in->layout->offsets + text;
            memset(in->grad + offsets[0] * in->cols, 0,
                   (size_t)((offsets[1] - offsets[0]) * in->cols) * sizeof *in->grad);
        }
    }
}

struct ec_product ec_product_plan(struct ec_step *step, float *out, int64_t out_stride, struct ec_matrix a,
                                  struct ec_matrix b)
{
    struct ec_product product = {.out = out, .out_stride = out_stride, .a = a, .b = b, .precision = step->precision};
    product.workspace = ec_arena_take(step->arena, ec_product_workspace(&product), sizeof(float));
    step->work += 2.0 * (double)a.rows * (double)b.cols * (double)a.cols;
    return product;
}

ec_status ec_op_plan_windows(const struct ec_op *op, const struct ec_windows *window, struct ec_layout *layout,
                             struct ec_step *step)
{
    const struct ec_layout *in = op->inputs[0]->layout;
    ec_status status = ec_windows_layout(layout, window, in, 0, step->arena);
    if (status == EC_BAD_VALUE) {
        return ec_refuse(&step->report,
                         "the texts are %lld tokens long; a kernel that reaches over %lld with padding='valid' "
                         "needs at least as many",
                         (long long)in->width, (long long)ec_windows_reach(window));
    }
    return status;
}
