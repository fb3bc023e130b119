/* How many threads a step gets. The bits are the same for any number. */
#include "base/clock.h"
#include "program/program.h"

/* Below so many floating-point operations (some 40 us) a step runs on one thread: waking a second one costs 10 us where
 * the machine is idle, and up to a thousand where it is busy. */
static _Atomic int64_t least_work = 4000000;

/* Training steps from there up to so many times that go to whichever has been faster of late. */
static const double MANY_TIMES = 50.0;

void ec_program_set_least_work(int64_t operations) { least_work = operations; }

int ec_program_team(const struct ec_program *program)
{
    return program->step.work < (double)least_work ? 1 : program->step.threads;
}

/* A training step's operations: backward is about twice forward. */
static double training_work(const struct ec_program *program)
{
    return 3.0 * program->step.work + ec_optimizer_work(program->parameter_list, program->parameter_count);
}

void ec_program_region(struct ec_program *program, int trains, ec_team_fn fn, void *argument)
{
    double least = (double)least_work, work = trains ? training_work(program) : 0.0;
    if (program->step.threads == 1 || work < least || work >= MANY_TIMES * least) {
        ec_parallel(ec_program_team(program), fn, argument);
        return;
    }
    int64_t before = ec_clock_ns();
    ec_parallel(ec_turns_next(&program->turns, program->step.threads, ec_program_team(program) > 1), fn, argument);
    ec_turns_note(&program->turns, ec_clock_ns() - before, work);
}
