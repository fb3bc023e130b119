/* Planning and running a program: a step. It is built in program/build.c. */
#include "program/program.h"

#include "base/clock.h"
#include "base/random.h"

#include <string.h>

static _Atomic int precision_of_steps = EC_HIGHEST;

void ec_program_set_precision(enum ec_precision precision) { precision_of_steps = (int)precision; }

enum ec_precision ec_program_precision(void) { return (enum ec_precision)precision_of_steps; }

ec_status ec_program_enter(struct ec_program *program)
{
    return atomic_flag_test_and_set(&program->busy) ? EC_BUSY : EC_OK;
}

void ec_program_leave(struct ec_program *program) { atomic_flag_clear(&program->busy); }

static int learns(enum ec_run run) { return run == EC_RUN_TRAIN || run == EC_RUN_LOSSES; }

void ec_program_begin(struct ec_program *program, int64_t batch, enum ec_run run, int training, uint64_t number)
{
    ec_arena_reset(&program->arena);
    ec_program_drop_blocks(program);
    program->can_go_back = 0;
    program->has_gradients = 0;
    program->plan_ns = program->update_ns = 0;
    program->step = (struct ec_step){
        .arena = &program->arena,
        .batch = batch,
        .training = training || learns(run),
        .backward = training || learns(run),
        .threads = ec_thread_count(),
        .precision = ec_program_precision(),
        .key = ec_random_key(program->seed, number),
        .penalty_scale = 1.0,
    };
    for (int i = 0; i < program->tensor_count; i++) {
        program->tensors[i].layout = NULL;
        program->tensors[i].writers = 0;
        program->tensors[i].grad = NULL;
        program->tensors[i].needs_grad = 0;
    }
    for (int i = 0; i < program->op_count; i++) {
        program->ops[i].active = 0; /* not known before all operations are planned */
        program->ops[i].share = 1.0;
    }
    for (int i = 0; i < program->parameter_count; i++) {
        program->parameters[i].writers = 0;
        program->parameters[i].gradient = (struct ec_gradient){0};
    }
}

/* How many operations write the gradient of a tensor; all tokens of one lookup share one. */
static int *writers_of(struct ec_tensor *tensor)
{
    return tensor->dtype == EC_TOKENS ? &tensor->lookup->maker.writers : &tensor->writers;
}

static int learns_something(const struct ec_op *op)
{
    int learns = op->input_count && op->inputs[0]->needs_grad;
    for (int i = 0; i < op->parameter_count; i++) {
        learns |= op->parameters[i]->trainable;
    }
    return learns;
}

/* An operation that passes nothing back makes no rows of a gradient either: another one writes them. */
static void take_back_maker(const struct ec_op *op)
{
    for (int k = 0; k < op->input_count; k++) {
        const struct ec_tensor *in = op->inputs[k];
        if (in->dtype == EC_TOKENS && in->lookup->maker.operation == op) {
            in->lookup->maker.make = NULL;
        }
    }
}

/* From the last operation to the first: which have a gradient to pass back, and whether they write or add. */
static void plan_backward(struct ec_program *program)
{
    for (int i = program->op_count - 1; i >= 0; i--) {
        struct ec_op *op = &program->ops[i];
        op->active = (op->type->is_loss || op->type->starts_gradient) && learns_something(op);
        for (int k = 0; k < op->output_count; k++) {
            op->active |= op->outputs[k]->needs_grad && *writers_of(op->outputs[k]) > 0;
        }
        if (!op->active) {
            take_back_maker(op);
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
        if (tensor->dtype != EC_IDS && program->input_gradients && program->step.backward) {
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

/* Whether what comes before an operation must have run when it is planned. */
static int plans_late(const struct ec_op *op) { return op->type->plans_from_values && !op->inputs[0]->is_input; }

static ec_status plan_update(struct ec_program *program, enum ec_run run)
{
    if (run == EC_RUN_UPDATE && program->late_penalties) {
        ec_status status = ec_penalties_plan(&program->penalties, program->parameter_list, program->parameter_count,
                                             program->step.threads, &program->arena);
        if (status != EC_OK) {
            return status;
        }
    }
    program->update.whole_step = run == EC_RUN_TRAIN;
    program->update.key = program->step.key;
    program->update.threads = program->step.threads;
    return ec_optimizer_plan(&program->update, &program->optimizer, program->parameter_list, program->parameter_count,
                             &program->arena);
}

/* What needs the plans of all operations: backward pass, penalties and update. */
static ec_status plan_rest(struct ec_program *program, enum ec_run run)
{
    int has_penalties = run == EC_RUN_TEST || (learns(run) && !program->late_penalties);
    if (program->step.backward) {
        for (int i = 0; run == EC_RUN_FORWARD && i < program->output_count; i++) {
            program->tensors[program->outputs[i]].writers = 1; /* the caller, before EC_RUN_BACKWARD */
        }
        plan_backward(program);
    }
    if (learns(run) && ec_penalties_plan_alone(program->parameter_list, program->parameter_count, &program->arena)) {
        return EC_NO_MEMORY;
    }
    ec_status status =
        ec_penalties_plan(&program->penalties, program->parameter_list, has_penalties ? program->parameter_count : 0,
                          program->step.threads, &program->arena);
    return status == EC_OK && run == EC_RUN_TRAIN ? plan_update(program, run) : status;
}

/* Plans the operations from `first` on, up to the next one that has to wait for values; behind the last, the rest. */
static ec_status plan_operations(struct ec_program *program, enum ec_run run, int first)
{
    ec_status status = EC_OK;
    int64_t before = program->timed ? ec_clock_ns() : 0;
    int i = first;
    for (; status == EC_OK && i < program->op_count && (i == first || !plans_late(&program->ops[i])); i++) {
        struct ec_op *op = &program->ops[i];
        size_t bytes = program->arena.total + program->step.block_bytes;
        double work = program->step.work + program->step.back_work;
        status = ec_op_check_texts(op, &program->step);
        status = status == EC_OK ? op->type->plan(op, &program->step) : status;
        op->cost = (struct ec_op_cost){.bytes = program->arena.total + program->step.block_bytes - bytes,
                                       .work = program->step.work + program->step.back_work - work};
    }
    if (status == EC_OK && i == program->op_count) {
        status = plan_rest(program, run);
    }
    if (before) {
        program->plan_ns += ec_clock_ns() - before;
    }
    return status;
}

/* The operations [first, end) of a program, run by one team. */
struct segment {
    struct ec_program *program;
    int first, end;
};

/* Operations end with a barrier, so the first thread's time is that of the team. */
static int64_t time_of(const struct segment *segment, const struct ec_team *team)
{
    return segment->program->timed && team->index == 0 ? ec_clock_ns() : 0;
}

static void run_forward(struct ec_team *team, const struct segment *segment)
{
    int64_t before = time_of(segment, team);
    for (struct ec_op *op = segment->program->ops + segment->first; op < segment->program->ops + segment->end; op++) {
        op->type->forward(op, &segment->program->step, team);
        if (before) {
            int64_t after = ec_clock_ns();
            op->cost.forward_ns = after - before;
            before = after;
        }
    }
}

static void run_backward(struct ec_team *team, const struct segment *segment)
{
    int64_t before = time_of(segment, team);
    for (int i = segment->end - 1; i >= segment->first; i--) {
        struct ec_op *op = &segment->program->ops[i];
        if (op->active) {
            op->type->backward(op, &segment->program->step, team);
        }
        if (before) {
            int64_t after = ec_clock_ns();
            op->cost.backward_ns = after - before;
            before = after;
        }
    }
}

static void forward_only(struct ec_team *team, void *segment) { run_forward(team, segment); }

static void penalties_only(struct ec_team *team, void *segment)
{
    ec_penalties_run(&((struct segment *)segment)->program->penalties, 0, 0.0, team);
}

static void test(struct ec_team *team, void *segment)
{
    run_forward(team, segment);
    penalties_only(team, segment);
}

static void backward_only(struct ec_team *team, void *segment) { run_backward(team, segment); }

/* The gradients of the penalties, which come to those of the losses; their time counts as the update's. */
static void add_penalties(struct ec_team *team, void *segment)
{
    struct ec_program *program = ((struct segment *)segment)->program;
    int64_t before = time_of(segment, team);
    ec_penalties_run(&program->penalties, 1, program->step.penalty_scale, team);
    if (before) {
        program->update_ns += ec_clock_ns() - before;
    }
}

static void backward(struct ec_team *team, void *segment)
{
    run_backward(team, segment);
    add_penalties(team, segment);
}

static void update(struct ec_team *team, void *segment)
{
    struct ec_program *program = ((struct segment *)segment)->program;
    if (program->late_penalties) {
        add_penalties(team, segment);
    }
    int64_t before = time_of(segment, team);
    ec_optimizer_update(&program->update, team);
    if (before) {
        program->update_ns += ec_clock_ns() - before;
    }
}

static void train(struct ec_team *team, void *segment)
{
    run_forward(team, segment);
    backward(team, segment);
    update(team, segment);
}

static ec_status call_external(struct ec_program *program, int number, int back)
{
    struct ec_op *op = &program->ops[number];
    const struct ec_external *external = op->state;
    int64_t before = program->timed ? ec_clock_ns() : 0;
    ec_status status = external->call(external->context, op, &program->step, back);
    if (before) {
        *(back ? &op->cost.backward_ns : &op->cost.forward_ns) = ec_clock_ns() - before;
    }
    return status;
}

/* A region for what stands before an external operation, or before one whose plan reads values. */
static ec_status forward_in_segments(struct ec_program *program, enum ec_run run)
{
    struct segment segment = {.program = program};
    for (int i = 0; i <= program->op_count; i++) {
        struct ec_op *op = i < program->op_count ? &program->ops[i] : NULL;
        if (op && !op->type->is_external && !plans_late(op)) {
            continue;
        }
        segment.end = i;
        ec_parallel(ec_program_team(program), forward_only, &segment);
        segment.first = op && op->type->is_external ? i + 1 : i;
        ec_status status = !op                     ? EC_OK
                           : op->type->is_external ? call_external(program, i, 0)
                                                   : plan_operations(program, run, i);
        if (status != EC_OK) {
            return status;
        }
    }
    return EC_OK;
}

static ec_status backward_in_segments(struct ec_program *program)
{
    struct segment segment = {.program = program, .end = program->op_count};
    for (segment.first = program->op_count; segment.first >= 0; segment.first--) {
        if (segment.first > 0 && !program->ops[segment.first - 1].type->is_external) {
            continue;
        }
        ec_parallel(ec_program_team(program), backward_only, &segment);
        segment.end = segment.first - 1;
        ec_status status =
            segment.first > 0 && program->ops[segment.end].active ? call_external(program, segment.end, 1) : EC_OK;
        if (status != EC_OK) {
            return status;
        }
    }
    return EC_OK;
}

/* A step of several regions. */
static ec_status run_segments(struct ec_program *program, enum ec_run run)
{
    struct segment whole = {.program = program, .end = program->op_count};
    int has_backward = run == EC_RUN_BACKWARD || run == EC_RUN_TRAIN;
    ec_status status = run != EC_RUN_BACKWARD ? forward_in_segments(program, run) : EC_OK;
    if (status == EC_OK && run == EC_RUN_TEST) {
        ec_parallel(ec_program_team(program), penalties_only, &whole);
    }
    if (status == EC_OK && has_backward) {
        status = backward_in_segments(program);
    }
    if (status == EC_OK && has_backward && program->penalties.count) {
        ec_parallel(ec_program_team(program), add_penalties, &whole);
    }
    if (status == EC_OK && run == EC_RUN_TRAIN) {
        ec_parallel(ec_program_team(program), update, &whole);
    }
    return status;
}

static ec_status plan(struct ec_program *program, enum ec_run run)
{
    if (run == EC_RUN_BACKWARD) {
        return EC_OK; /* by the run before it */
    }
    if (run == EC_RUN_UPDATE) {
        program->step.work += ec_optimizer_work(program->parameter_list, program->parameter_count);
        return plan_update(program, run);
    }
    ec_status status = plan_inputs(program);
    return status == EC_OK ? plan_operations(program, run, 0) : status;
}

ec_status ec_program_run(struct ec_program *program, enum ec_run run)
{
    static const ec_team_fn work[] = {forward_only, test, forward_only, backward, update, train};
    ec_status status = plan(program, run);
    if (status == EC_OK && program->segmented && run != EC_RUN_UPDATE) {
        status = run_segments(program, run);
    } else if (status == EC_OK) {
        struct segment whole = {.program = program, .end = program->op_count};
        ec_program_region(program, run == EC_RUN_TRAIN, work[run], &whole);
    }
    program->can_go_back = status == EC_OK && run == EC_RUN_FORWARD && program->step.backward;
    program->has_gradients = status == EC_OK && (run == EC_RUN_BACKWARD || run == EC_RUN_UPDATE || run == EC_RUN_TRAIN);
    for (int i = 0; status != EC_OK && i < program->tensor_count; i++) {
        program->tensors[i].layout = NULL; /* one that was not planned to its end may be that of an earlier step */
    }
    return status;
}

double ec_program_find_penalty(struct ec_program *program)
{
    if (program->penalties.count && !program->late_penalties) {
        struct segment whole = {.program = program};
        ec_parallel(ec_program_team(program), penalties_only, &whole);
    }
    return ec_program_penalty(program);
}

double ec_program_penalty(const struct ec_program *program)
{
    double sum = program->penalties.value;
    for (int i = 0; i < program->op_count; i++) {
        const struct ec_op_type *type = program->ops[i].type;
        sum += type->penalty ? type->penalty(&program->ops[i]) : 0.0;
    }
    return sum;
}
