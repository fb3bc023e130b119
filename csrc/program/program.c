/* Building, planning and running a program. */
#include "program/program.h"

#include "base/random.h"

#include <stdio.h>
#include <string.h>

/* Below so many floating-point operations (some 40 us) a step runs on one thread: waking a second one costs 10 us where
 * the machine is idle, and up to a thousand where it is busy. The bits are the same. */
static _Atomic int64_t least_work_for_a_team = 4000000;

void ec_program_set_least_work(int64_t operations) { least_work_for_a_team = operations; }

static _Atomic int precision_of_steps = EC_HIGHEST;

void ec_program_set_precision(enum ec_precision precision) { precision_of_steps = (int)precision; }

enum ec_precision ec_program_precision(void) { return (enum ec_precision)precision_of_steps; }

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

void ec_program_free(struct ec_program *program)
{
    if (!program) {
        return;
    }
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
static ec_status check_parameters(const struct ec_op *op, char *message, size_t bytes)
{
    for (int i = 0; i < op->parameter_count; i++) {
        if (op->parameters[i]->is_table && op->type != &ec_op_lookup) {
            return ec_infer_error(message, bytes, "%s: parameter %s is the table of a lookup", op->type->name,
                                  op->parameters[i]->name);
        }
        for (int j = 0; j < i; j++) {
            if (op->parameters[i] == op->parameters[j]) {
                return ec_infer_error(message, bytes, "%s: parameter %s stands there twice", op->type->name,
                                      op->parameters[i]->name);
            }
        }
    }
    return EC_OK;
}

ec_status ec_program_finish(struct ec_program *program, char *message, size_t bytes)
{
    for (int i = 0; i < program->op_count; i++) {
        struct ec_op *op = &program->ops[i];
        ec_status status = check_parameters(op, message, bytes);
        if (status != EC_OK) {
            return status;
        }
        program->external_count += op->type->is_external;
        if (op->type->is_loss) {
            program->losses[program->loss_count++] = op;
        }
    }
    for (int i = 0; i < program->output_count; i++) {
        enum ec_tensor_kind kind = program->tensors[program->outputs[i]].kind;
        if (kind == EC_IDS || kind == EC_TOKENS) {
            return ec_infer_error(message, bytes, "output %d (tensor %d) holds no floats", i, program->outputs[i]);
        }
    }
    return EC_OK;
}

ec_status ec_program_enter(struct ec_program *program)
{
    return atomic_flag_test_and_set(&program->busy) ? EC_BUSY : EC_OK;
}

void ec_program_leave(struct ec_program *program) { atomic_flag_clear(&program->busy); }

static int learns(enum ec_run run) { return run == EC_RUN_TRAIN || run == EC_RUN_BEGIN; }

void ec_program_begin(struct ec_program *program, int64_t batch, enum ec_run run, int training, uint64_t number)
{
    ec_arena_reset(&program->arena);
    program->can_go_back = 0;
    program->has_gradients = 0;
    program->step = (struct ec_step){
        .arena = &program->arena,
        .batch = batch,
        .training = training || learns(run),
        .backward = training || learns(run),
        .threads = ec_thread_count(),
        .precision = ec_program_precision(),
        .key = ec_random_key(program->seed, number),
    };
    for (int i = 0; i < program->tensor_count; i++) {
        program->tensors[i].writers = 0;
        program->tensors[i].grad = NULL;
        program->tensors[i].needs_grad = 0;
    }
    for (int i = 0; i < program->parameter_count; i++) {
        program->parameters[i].writers = 0;
        program->parameters[i].gradient = (struct ec_gradient){0};
    }
}

/* How many operations write the gradient of a tensor; all tokens of one lookup share one. */
static int *writers_of(struct ec_tensor *tensor)
{
    return tensor->kind == EC_TOKENS ? &tensor->lookup->writers : &tensor->writers;
}

/* From the last operation to the first: which have a gradient to pass back, and whether they write or add. */
static void plan_backward(struct ec_program *program)
{
    for (int i = program->op_count - 1; i >= 0; i--) {
        struct ec_op *op = &program->ops[i];
        op->active = (op->type->is_loss || op->type->starts_gradient) && op->inputs[0]->needs_grad;
        for (int k = 0; k < op->output_count; k++) {
            op->active |= op->outputs[k]->needs_grad && *writers_of(op->outputs[k]) > 0;
        }
        if (!op->active) {
            continue;
        }
        for (int k = 0; k < op->input_count; k++) {
            if (op->inputs[k]->needs_grad) {
                op->adds_input[k] = (*writers_of(op->inputs[k]))++ > 0;
            }
        }
        for (int k = 0; k < op->parameter_count; k++) {
            op->adds_parameter[k] = op->parameters[k]->trainable && op->parameters[k]->writers++ > 0;
        }
    }
}

static ec_status plan_inputs(struct ec_program *program)
{
    for (int i = 0; i < program->input_count; i++) {
        struct ec_tensor *tensor = &program->tensors[i];
        if (tensor->kind != EC_IDS && program->input_gradients && program->step.backward) {
            tensor->needs_grad = 1;
            tensor->grad = ec_arena_take(&program->arena, tensor->rows * tensor->cols, sizeof(float));
            if (!tensor->grad) {
                return EC_NO_MEMORY;
            }
            memset(tensor->grad, 0, (size_t)(tensor->rows * tensor->cols) * sizeof(float));
        }
    }
    return EC_OK;
}

static ec_status plan(struct ec_program *program, enum ec_run run)
{
    struct ec_step *step = &program->step;
    ec_status status = plan_inputs(program);
    for (int i = 0; status == EC_OK && i < program->op_count; i++) {
        struct ec_op *op = &program->ops[i];
        status = op->type->plan(op, step);
    }
    int has_penalties = run == EC_RUN_TEST || learns(run);
    if (status == EC_OK) {
        status = ec_penalties_plan(&program->penalties, program->parameter_list,
                                   has_penalties ? program->parameter_count : 0, step->arena);
    }
    if (status != EC_OK || !step->backward) {
        return status;
    }
    for (int i = 0; run == EC_RUN_FORWARD && i < program->output_count; i++) {
        program->tensors[program->outputs[i]].writers = 1; /* the caller, before EC_RUN_BACKWARD */
    }
    plan_backward(program);
    if (!learns(run)) {
        return EC_OK;
    }
    return ec_optimizer_plan(&program->update, &program->optimizer, &program->penalties, program->parameter_list,
                             program->parameter_count, step->arena);
}

/* The operations [first, end) of a program, run by one team. */
struct segment {
    struct ec_program *program;
    int first, end;
};

static void run_forward(struct ec_team *team, const struct segment *segment)
{
    for (struct ec_op *op = segment->program->ops + segment->first; op < segment->program->ops + segment->end; op++) {
        op->type->forward(op, &segment->program->step, team);
    }
}

static void run_backward(struct ec_team *team, const struct segment *segment)
{
    for (int i = segment->end - 1; i >= segment->first; i--) {
        struct ec_op *op = &segment->program->ops[i];
        if (op->active) {
            op->type->backward(op, &segment->program->step, team);
        }
    }
}

static void forward_only(struct ec_team *team, void *segment) { run_forward(team, segment); }

static void penalties_only(struct ec_team *team, void *segment)
{
    ec_penalties_run(&((struct segment *)segment)->program->penalties, 0, team);
}

static void test(struct ec_team *team, void *segment)
{
    run_forward(team, segment);
    penalties_only(team, segment);
}

static void backward_only(struct ec_team *team, void *segment) { run_backward(team, segment); }

static void update_only(struct ec_team *team, void *segment)
{
    ec_optimizer_update(&((struct segment *)segment)->program->update, team);
}

static void finish(struct ec_team *team, void *segment)
{
    run_backward(team, segment);
    update_only(team, segment);
}

static void train(struct ec_team *team, void *segment)
{
    run_forward(team, segment);
    finish(team, segment);
}

static ec_status call_external(struct ec_program *program, int number, int back)
{
    const struct ec_external *external = program->ops[number].state;
    return external->call(external->context, &program->ops[number], &program->step, back);
}

/* A program with external operations: a parallel region for what stands between two of them. */
static ec_status run_segments(struct ec_program *program, enum ec_run run, int threads)
{
    struct segment segment = {.program = program};
    int forward = run != EC_RUN_BACKWARD && run != EC_RUN_FINISH;
    int update = run == EC_RUN_TRAIN || run == EC_RUN_FINISH;
    for (; forward && segment.end <= program->op_count; segment.end++) {
        if (segment.end < program->op_count && !program->ops[segment.end].type->is_external) {
            continue;
        }
        ec_parallel(threads, forward_only, &segment);
        ec_status status = segment.end < program->op_count ? call_external(program, segment.end, 0) : EC_OK;
        if (status != EC_OK) {
            return status;
        }
        segment.first = segment.end + 1;
    }
    if (run == EC_RUN_TEST) {
        ec_parallel(threads, penalties_only, &segment);
    }
    if (run != EC_RUN_BACKWARD && !update) {
        return EC_OK;
    }
    segment.end = program->op_count;
    for (segment.first = program->op_count; segment.first >= 0; segment.first--) {
        if (segment.first > 0 && !program->ops[segment.first - 1].type->is_external) {
            continue;
        }
        ec_parallel(threads, backward_only, &segment);
        segment.end = segment.first - 1;
        ec_status status =
            segment.first > 0 && program->ops[segment.end].active ? call_external(program, segment.end, 1) : EC_OK;
        if (status != EC_OK) {
            return status;
        }
    }
    if (update) {
        ec_parallel(threads, update_only, &segment);
    }
    return EC_OK;
}

ec_status ec_program_run(struct ec_program *program, enum ec_run run)
{
    static const ec_team_fn work[] = {forward_only, backward_only, test, train, forward_only, finish};
    struct ec_step *step = &program->step;
    ec_status status = run == EC_RUN_BACKWARD || run == EC_RUN_FINISH ? EC_OK : plan(program, run);
    if (status != EC_OK) {
        return status;
    }
    int threads = step->work < (double)least_work_for_a_team ? 1 : step->threads;
    if (program->external_count) {
        status = run_segments(program, run, threads);
    } else {
        struct segment whole = {.program = program, .end = program->op_count};
        ec_parallel(threads, work[run], &whole);
    }
    program->can_go_back = status == EC_OK && run == EC_RUN_FORWARD && step->backward;
    program->has_gradients = status == EC_OK && (run == EC_RUN_BACKWARD || run == EC_RUN_TRAIN || run == EC_RUN_FINISH);
    return status;
}

double ec_program_penalty(const struct ec_program *program)
{
    double sum = program->penalties.value;
    for (int i = 0; i < program->op_count; i++) {
        sum += ec_activity_penalty(&program->ops[i]);
    }
    return sum;
}
