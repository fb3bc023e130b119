/* A step as data: tensors, parameters and the operations between them, in the order of the forward pass. One call runs
 * a whole step (forward, losses, backward, clip, update) in one parallel region, without allocation once the largest
 * batch was seen. External operations are called between regions: they cut the step into segments. So do operations
 * whose plan reads values.
 *
 * The caller (csrc/python) builds a program once, then for each step: ec_program_begin, the inputs and targets written
 * into memory of program->arena, ec_program_run. */
#ifndef EC_PROGRAM_PROGRAM_H
#define EC_PROGRAM_PROGRAM_H

#include "base/turns.h"
#include "grad/penalty.h"
#include "ops/op.h"
#include "optim/optimizer.h"

#include <stdatomic.h>

enum ec_run {
    EC_RUN_FORWARD,  /* outputs only */
    EC_RUN_TEST,     /* outputs and losses */
    EC_RUN_LOSSES,   /* the same, with training: the first part of EC_RUN_TRAIN */
    EC_RUN_BACKWARD, /* gradients: after EC_RUN_LOSSES, penalties included; or after EC_RUN_FORWARD with training, from
                        grad of the outputs */
    EC_RUN_UPDATE,   /* update from the gradients of the parameters, whoever wrote them */
    EC_RUN_TRAIN     /* EC_RUN_LOSSES, EC_RUN_BACKWARD and EC_RUN_UPDATE, in one region where that is possible */
};

struct ec_program {
    struct ec_tensor *tensors;
    int tensor_count, input_count;
    struct ec_parameter *parameters;
    int parameter_count;
    struct ec_op *ops;
    int op_count, op_room;
    int *outputs; /* tensor numbers */
    int output_count;
    struct ec_op **losses;
    int loss_count;
    int segmented;              /* a step takes several parallel regions */
    int late_penalties;         /* those of weights come to the gradients that an update is given, not to those of the
                                 * backward pass, which are a part of them; the caller sets it before begin */
    int reads_in_place;         /* each float input is read as one that others may write to meanwhile */
    int timed;                  /* steps note what each operation costs */
    int64_t plan_ns, update_ns; /* of the last step, where it is timed */

    uint64_t seed;
    int input_gradients; /* the caller wants those of the float inputs */
    struct ec_optimizer optimizer;
    struct ec_arena arena;
    struct ec_step step;
    struct ec_update update;
    struct ec_penalties penalties;
    struct ec_parameter **parameter_list; /* pointers into parameters */
    int can_go_back;                      /* a forward run with training was the last */
    int has_gradients;                    /* a backward pass has run since */
    struct ec_turns turns;                /* of EC_RUN_TRAIN in one region */
    atomic_flag busy;
};

/* An empty program with room for so many parts; tensors 0 ... inputs - 1 are the inputs. */
ec_status ec_program_new(struct ec_program **program, int inputs, int tensors, int parameters, int ops, int outputs);
void ec_program_free(struct ec_program *program);

/* Appends an operation of this type with default attributes. */
ec_status ec_program_add(struct ec_program *program, const struct ec_op_type *type, const int *inputs, int input_count,
                         const int *outputs, int output_count, const int *parameters, int parameter_count,
                         struct ec_op **op);
/* After all operations: collects the losses and the parameters they depend on, and checks what no single operation can.
 */
ec_status ec_program_finish(struct ec_program *program, struct ec_report *report);

/* Only one run at a time: EC_BUSY where another thread is inside; otherwise ec_program_leave must follow. */
ec_status ec_program_enter(struct ec_program *program);
void ec_program_leave(struct ec_program *program);
/* Starts a step of `batch` texts: takes back all memory of the one before. Large outputs then get blocks of their own
 * (`block` of their tensors) if the caller sets step.hands_over before the run, and reads them once, behind it. */
void ec_program_begin(struct ec_program *program, int64_t batch, enum ec_run run, int training, uint64_t number);
/* Takes back the blocks of outputs that the caller has not taken. */
void ec_program_drop_blocks(struct ec_program *program);
/* Plans what has not been planned and runs. The arena holds the results until the next begin. */
ec_status ec_program_run(struct ec_program *program, enum ec_run run);

/* The precision of the matrix products of all steps that begin from now on; EC_HIGHEST at first. */
void ec_program_set_precision(enum ec_precision precision);
enum ec_precision ec_program_precision(void);

/* What the sizes of weights and activities have added to the loss of the last step (not in the values of the losses).
 */
double ec_program_penalty(const struct ec_program *program);
/* The same of the weights as they are, between EC_RUN_LOSSES and EC_RUN_BACKWARD. */
double ec_program_find_penalty(struct ec_program *program);

/* Threads that pay for what has been planned; and a region of as many, which times itself where a step trains. */
int ec_program_team(const struct ec_program *program);
void ec_program_region(struct ec_program *program, int trains, ec_team_fn fn, void *argument);
/* Tests only: a step of fewer floating-point operations runs on one thread. */
void ec_program_set_least_work(int64_t operations);

#endif
