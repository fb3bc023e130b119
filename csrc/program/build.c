/* Building a program: its parts are added once, in the order of the forward pass, and checked; then steps run
 * (program/program.c). */
#include "program/program.h"

#include "base/blocks.h"

#include <string.h>

ec_status ec_program_new(struct ec_program **result, int inputs, int tensors, int parameters, int ops, int outputs)
{
    struct ec_program *program = ec_alloc_zeros(1, sizeof *program);
    if (!program) {
        return EC_NO_MEMORY;
    }
    program->input_count = inputs;
    program->tensor_count = tensors;
    program->parameter_count = parameters;
    program->op_room = ops;
    program->output_count = outputs;
    program->tensors = ec_alloc_zeros(tensors, sizeof *program->tensors);
    program->parameters = ec_alloc_zeros(parameters, sizeof *program->parameters);
    program->parameter_list = ec_alloc_zeros(parameters, sizeof *program->parameter_list);
    program->ops = ec_alloc_zeros(ops, sizeof *program->ops);
    program->outputs = ec_alloc_zeros(outputs, sizeof *program->outputs);
    program->losses = ec_alloc_zeros(ops, sizeof *program->losses);
    ec_arena_init(&program->arena);
    atomic_flag_clear(&program->busy);
    if (!program->tensors || !program->parameters || !program->parameter_list || !program->ops || !program->outputs ||
        !program->losses) {
        ec_program_free(program);
        return EC_NO_MEMORY;
    }
    for (int i = 0; i < parameters; i++) {
        program->parameter_list[i] = &program->parameters[i];
    }
    *result = program;
    return EC_OK;
}

void ec_program_drop_blocks(struct ec_program *program)
{
    for (int i = 0; program->tensors && i < program->tensor_count; i++) {
        struct ec_tensor *tensor = &program->tensors[i];
        if (tensor->block) {
            ec_block_give(tensor->block);
            tensor->block = tensor->data = NULL;
        }
    }
}

void ec_program_free(struct ec_program *program)
{
    if (!program) {
        return;
    }
    ec_program_drop_blocks(program);
    for (int i = 0; i < program->op_count; i++) {
        struct ec_op *op = &program->ops[i];
        if (op->type && op->type->clear && op->state) {
            op->type->clear(op);
        }
        ec_free(op->inputs);
        ec_free(op->outputs);
        ec_free(op->parameters);
        ec_free(op->adds_input);
        ec_free(op->adds_parameter);
        ec_free(op->state);
    }
    ec_free(program->tensors);
    ec_free(program->parameters);
    ec_free(program->parameter_list);
    ec_free(program->ops);
    ec_free(program->outputs);
    ec_free(program->losses);
    ec_arena_clear(&program->arena);
    ec_free(program);
}

ec_status ec_program_add(struct ec_program *program, const struct ec_op_type *type, const int *inputs, int input_count,
                         const int *outputs, int output_count, const int *parameters, int parameter_count,
                         struct ec_op **result)
{
    struct ec_op *op = &program->ops[program->op_count];
    op->type = type;
    program->op_count++; /* from here on, free takes care of what is there */
    op->input_count = input_count;
    op->output_count = output_count;
    op->parameter_count = parameter_count;
    op->inputs = ec_alloc_zeros(input_count, sizeof *op->inputs);
    op->outputs = ec_alloc_zeros(output_count, sizeof *op->outputs);
    op->parameters = ec_alloc_zeros(parameter_count, sizeof *op->parameters);
    op->adds_input = ec_alloc_zeros(input_count, 1);
    op->adds_parameter = ec_alloc_zeros(parameter_count, 1);
    op->state = ec_alloc_zeros(1, type->state_bytes);
    if (!op->inputs || !op->outputs || !op->parameters || !op->adds_input || !op->adds_parameter || !op->state) {
        return EC_NO_MEMORY;
    }
    if (type->defaults) {
        memcpy(op->state, type->defaults, type->state_bytes);
    }
    for (int i = 0; i < input_count; i++) {
        op->inputs[i] = &program->tensors[inputs[i]];
    }
    for (int i = 0; i < output_count; i++) {
        op->outputs[i] = &program->tensors[outputs[i]];
    }
    for (int i = 0; i < parameter_count; i++) {
        op->parameters[i] = &program->parameters[parameters[i]];
    }
    *result = op;
    return EC_OK;
}

/* A parameter stands at most once in an operation, and a table in its lookup only. */
static ec_status check_parameters(const struct ec_op *op, struct ec_report *report)
{
    for (int i = 0; i < op->parameter_count; i++) {
        if (op->parameters[i]->is_table && !op->type->reads_table) {
            return ec_refuse(
                report,
                "%s: parameter %s is the table of a lookup, which nothing else reads; TiedDense gives scores "
                "of its rows, embeddings_regularizer a penalty",
                op->type->name, op->parameters[i]->name);
        }
        for (int j = 0; j < i; j++) {
            if (op->parameters[i] == op->parameters[j]) {
                return ec_refuse(report, "%s: parameter %s stands there twice", op->type->name,
                                 op->parameters[i]->name);
            }
        }
    }
    return EC_OK;
}

/* Which parameters a loss depends on: from the last operation to the first, those of operations whose outputs are read
 * by one that has a gradient; ids have none. Until the first step `writers` of a tensor counts these readers. */
static void find_learning(struct ec_program *program)
{
    for (int i = program->op_count - 1; i >= 0; i--) {
        const struct ec_op *op = &program->ops[i];
        int counts = op->type->is_loss || op->type->starts_gradient;
        for (int k = 0; k < op->output_count; k++) {
            counts |= op->outputs[k]->writers > 0 && op->outputs[k]->dtype != EC_IDS;
        }
        for (int k = 0; counts && k < op->input_count; k++) {
            op->inputs[k]->writers++;
        }
        for (int k = 0; counts && k < op->parameter_count; k++) {
            op->parameters[k]->in_losses = 1;
        }
    }
}

/* Which tensors hold what leaves as an output: those of the outputs, and what these are other shapes of; and whether
 * inputs may stay where they are: not where a plan follows from values, or Python is called during the run. */
static void find_leaving(struct ec_program *program)
{
    program->reads_in_place = 1;
    for (int i = 0; i < program->output_count; i++) {
        program->tensors[program->outputs[i]].leaves = 1;
    }
    for (int i = program->op_count - 1; i >= 0; i--) {
        const struct ec_op *op = &program->ops[i];
        program->reads_in_place &= !op->type->is_external && !op->type->is_given && !op->type->plans_from_values;
        if (op->type->shares_values && op->outputs[0]->leaves) {
            op->inputs[0]->leaves = 1;
        }
    }
}

ec_status ec_program_finish(struct ec_program *program, struct ec_report *report)
{
    for (int i = 0; i < program->op_count; i++) {
        struct ec_op *op = &program->ops[i];
        ec_status status = check_parameters(op, report);
        if (status != EC_OK) {
            return status;
        }
        for (int k = 0; k < op->input_count; k++) {
            op->inputs[k]->needs_values |= !op->type->reads_each_token;
        }
        program->segmented |= op->type->is_external || (op->type->plans_from_values && !op->inputs[0]->is_input);
        if (op->type->is_loss) {
            program->losses[program->loss_count++] = op;
        }
    }
    for (int i = 0; i < program->output_count; i++) {
        const struct ec_tensor *output = &program->tensors[program->outputs[i]];
        if (output->dtype != EC_FLOATS) { /* ids, tokens, the frame of a fold */
            return ec_refuse(report, "output %d (tensor %d) holds no floats", i, program->outputs[i]);
        }
    }
    find_learning(program);
    find_leaving(program);
    return EC_OK;
}
