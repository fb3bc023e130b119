/* How many threads a small step gets: one, or the whole team, whichever has been faster of late. Near the size where a
 * team begins to pay, that depends on the machine and on what else it does: waking a second thread costs 10 us or
 * 1,000. The bits are the same either way, so a program may try the other one now and then and keep the better. */
#ifndef EC_BASE_TURNS_H
#define EC_BASE_TURNS_H

#include <stdint.h>

struct ec_turns {
    int threads;      /* of the team that has been tried; another number starts anew */
    int team;         /* the choice: 0 one thread, 1 the team */
    double cost;      /* of the choice: ns an operation, a moving mean */
    double settled;   /* the same when it was chosen */
    int32_t steps;    /* since then, or since the other was last tried */
    int32_t pause;    /* steps before it is tried again */
    int32_t trial;    /* steps of a trial that are left; 0: none runs */
    double trial_sum; /* of all but its first, which wakes the team */
};

/* Threads for the next step. `team_first`: where nothing is known yet. */
int ec_turns_next(struct ec_turns *turns, int threads, int team_first);
/* What that step took. */
void ec_turns_note(struct ec_turns *turns, int64_t ns, double operations);

#endif
