/* Building a program: the shapes of tensors, and the checks of an operation's inputs and parameters, most of them from
 * the facts of its type. Done once; steps run without. */
#include "ops/op.h"

#include <stdio.h>
#include <string.h>

void ec_tensor_set_shape(struct ec_tensor *tensor, int64_t steps, int rank, const int64_t *dims)
{
    tensor->steps = steps;
    tensor->rank = rank;
    tensor->cols = 1;
    tensor->channels = rank ? dims[rank - 1] : 1;
    for (int i = 0; i < rank; i++) {
        tensor->dims[i] = dims[i];
        if (__builtin_mul_overflow(tensor->cols, dims[i], &tensor->cols)) {
            tensor->cols = INT64_MAX;
            return;
        }
    }
}

void ec_tensor_limit_ids(struct ec_tensor *tensor, int64_t limit)
{
    for (; tensor; tensor = tensor->ids_of) {
        tensor->id_limit = ec_least(tensor->id_limit, limit);
    }
}

void ec_tensor_set_channels(struct ec_tensor *tensor, int64_t channels)
{
    int64_t dims[EC_MAX_RANK];
    memcpy(dims, tensor->dims, sizeof dims);
    dims[tensor->rank - 1] = channels;
    ec_tensor_set_shape(tensor, tensor->steps, tensor->rank, dims);
}

int64_t ec_windows_steps(const struct ec_windows *windows, int64_t steps)
{
    return steps < 0 ? steps : ec_windows_count(windows, steps, 1);
}

static int in_bounds(int number, struct ec_bounds bounds) { return number >= bounds.least && number <= bounds.most; }

static void format_bounds(char text[32], struct ec_bounds bounds)
{
    if (bounds.least == bounds.most) {
        snprintf(text, 32, "%d", bounds.least);
    } else if (bounds.most >= EC_ANY_NUMBER) {
        snprintf(text, 32, "at least %d", bounds.least);
    } else {
        snprintf(text, 32, "%d to %d", bounds.least, bounds.most);
    }
}

static ec_status check_counts(const struct ec_op *op, struct ec_report *report)
{
    const struct ec_op_type *type = op->type;
    if (in_bounds(op->input_count, type->inputs) && in_bounds(op->output_count, type->outputs) &&
        in_bounds(op->parameter_count, type->parameters)) {
        return EC_OK;
    }
    char inputs[32], outputs[32], parameters[32];
    format_bounds(inputs, type->inputs);
    format_bounds(outputs, type->outputs);
    format_bounds(parameters, type->parameters);
    return ec_refuse(report, "%s: %d inputs, %d outputs and %d parameters; expected %s, %s and %s", type->name,
                     op->input_count, op->output_count, op->parameter_count, inputs, outputs, parameters);
}

/* "float32 [B, T, 5]" */
static void format_tensor(char text[96], const struct ec_tensor *tensor)
{
    const char *name = tensor->dtype == EC_IDS      ? "ids"
                       : tensor->dtype == EC_TOKENS ? "tokens"
                       : tensor->dtype == EC_FRAME  ? "frame"
                                                    : "floats";
    const char *first = tensor->single ? "" : tensor->steps == EC_NO_STEPS ? "B" : "B, T";
    int used = snprintf(text, 96, "%s [%s", name, first);
    for (int i = 0; i < tensor->rank && used < 80; i++) {
        used += snprintf(text + used, 96 - (size_t)used, *first || i ? ", %lld" : "%lld", (long long)tensor->dims[i]);
    }
    snprintf(text + used, 96 - (size_t)used, "]");
}

/* "floats or tokens [B, T, C]" */
static void format_rule(char text[96], const struct ec_input_rule *rule)
{
    static const struct {
        enum ec_dtype dtype;
        const char *name;
    } names[] = {{EC_FLOATS, "floats"},
                 {EC_TOKENS, "tokens (made by a lookup)"},
                 {EC_IDS, "ids"},
                 {EC_FRAME, "the frame of a fold"}};
    static const char *const steps[] = {"", ", with a time axis", ", without a time axis"};
    int used = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (rule->dtypes & names[i].dtype) {
            used += snprintf(text + used, 96 - (size_t)used, "%s%s", used ? " or " : "", names[i].name);
        }
    }
    used += snprintf(text + used, 96 - (size_t)used, "%s", steps[rule->steps]);
    if (rule->rank.most < EC_MAX_RANK) {
        char ranks[32];
        format_bounds(ranks, rule->rank);
        snprintf(text + used, 96 - (size_t)used, ", %s inner axes", ranks);
    }
}

static ec_status check_input(const struct ec_op *op, int number, struct ec_report *report)
{
    const struct ec_op_type *type = op->type;
    const struct ec_input_rule *rule = number && type->others.dtypes ? &type->others : &type->first;
    const struct ec_tensor *in = op->inputs[number];
    int has_steps = in->steps != EC_NO_STEPS;
    int differs = in->single != op->inputs[0]->single;
    int fits = (rule->dtypes & (int)in->dtype) && in_bounds(in->rank, rule->rank) &&
               (rule->steps == EC_STEPS_OR_NONE || has_steps == (rule->steps == EC_STEPS)) &&
               (!differs || type->joins_single);
    if (fits) {
        return EC_OK;
    }
    char received[96], wanted[96];
    format_tensor(received, in);
    format_rule(wanted, rule);
    return ec_refuse(report, "%s: input %d is %s; expected %s", type->name, number, received, wanted);
}

static ec_status check_parameter_rank(const struct ec_op *op, int number, struct ec_report *report)
{
    const struct ec_parameter *parameter = op->parameters[number];
    const struct ec_bounds *ranks = op->type->parameter_ranks;
    int most = (int)(sizeof op->type->parameter_ranks / sizeof *ranks) - 1, at = 0;
    while (at < number && at < most && ranks[at + 1].most) {
        at++;
    }
    if (in_bounds(parameter->rank, ranks[at])) {
        return EC_OK;
    }
    char wanted[32];
    format_bounds(wanted, ranks[at]);
    return ec_refuse(report, "%s: parameter %s has %d axes; expected %s", op->type->name, parameter->name,
                     parameter->rank, wanted);
}

ec_status ec_op_infer(struct ec_op *op, struct ec_report *report)
{
    ec_status status = check_counts(op, report);
    for (int i = 0; status == EC_OK && i < op->input_count; i++) {
        status = check_input(op, i, report);
    }
    for (int i = 0; status == EC_OK && i < op->output_count; i++) {
        op->outputs[i]->dtype = EC_FLOATS;
        if (op->input_count) {
            ec_tensor_set_shape(op->outputs[i], op->inputs[0]->steps, op->inputs[0]->rank, op->inputs[0]->dims);
            op->outputs[i]->single = op->inputs[0]->single;
        }
    }
    for (int i = 0; status == EC_OK && i < op->parameter_count; i++) {
        status = check_parameter_rank(op, i, report);
    }
    if (status == EC_OK && op->type->infer) {
        status = op->type->infer(op, report);
    }
    for (int i = 0; status == EC_OK && i < op->output_count; i++) {
        op->outputs[i]->single &= op->outputs[i]->steps == EC_NO_STEPS; /* steps are those of a text */
        if (op->outputs[i]->cols > INT32_MAX) {
            status = ec_refuse(report, "%s: %lld channels; at most 2**31 - 1", op->type->name,
                               (long long)op->outputs[i]->cols);
        }
    }
    return status;
}

static int format_shape(char *text, size_t bytes, int rank, const int64_t *dims)
{
    int used = snprintf(text, bytes, "(");
    for (int i = 0; i < rank && used >= 0 && (size_t)used < bytes; i++) {
        const char *comma = i + 1 < rank ? ", " : rank == 1 ? "," : "";
        used += dims[i] < 0 ? snprintf(text + used, bytes - (size_t)used, "any%s", comma)
                            : snprintf(text + used, bytes - (size_t)used, "%lld%s", (long long)dims[i], comma);
    }
    if (used >= 0 && (size_t)used < bytes) {
        used += snprintf(text + used, bytes - (size_t)used, ")");
    }
    return used;
}

ec_status ec_infer_parameter(const struct ec_op *op, int number, const int64_t *dims, struct ec_report *report)
{
    return ec_infer_parameter_of_rank(op, number, op->parameters[number]->rank, dims, report);
}

ec_status ec_infer_parameter_of_rank(const struct ec_op *op, int number, int rank, const int64_t *dims,
                                     struct ec_report *report)
{
    const struct ec_parameter *parameter = op->parameters[number];
    int same = parameter->rank == rank;
    for (int i = 0; same && i < rank; i++) {
        same = dims[i] < 0 ? parameter->dims[i] > 0 : parameter->dims[i] == dims[i];
    }
    if (same) {
        return EC_OK;
    }
    char received[96], wanted[96];
    format_shape(received, sizeof received, parameter->rank, parameter->dims);
    format_shape(wanted, sizeof wanted, rank, dims);
    return ec_refuse(report, "%s: parameter %s has the shape %s; expected %s", op->type->name, parameter->name,
                     received, wanted);
}

ec_status ec_infer_windows(const struct ec_op *op, const struct ec_windows *window, struct ec_report *report)
{
    int64_t least = ec_least(window->strides, window->dilation), most = ec_most(window->strides, window->dilation);
    if (least != 1 || most > INT32_MAX) {
        return ec_refuse(report,
                         "%s: strides = %lld, dilation_rate = %lld; both must be in [1, 2**31 - 1] and one of them 1",
                         op->type->name, (long long)window->strides, (long long)window->dilation);
    }
    return EC_OK;
}
