/* Trials of four steps: the pause between them doubles as long as they confirm the choice. */
#include "base/turns.h"

enum {
    TRIAL = 4,
    FIRST_PAUSE = 16,
    LONGEST_PAUSE = 2048
};

static void settle(struct ec_turns *turns, double cost)
{
    turns->cost = turns->settled = cost;
    turns->steps = 0;
}

int ec_turns_next(struct ec_turns *turns, int threads, int team_first)
{
    if (turns->threads != threads) {
        *turns = (struct ec_turns){.threads = threads, .team = team_first, .pause = FIRST_PAUSE};
    }
    if (!turns->trial && turns->steps >= turns->pause) {
        turns->trial = TRIAL;
        turns->trial_sum = 0.0;
    }
    return turns->team != (turns->trial > 0) ? threads : 1;
}

/* A trial that goes badly ends at once. */
static void note_trial(struct ec_turns *turns, double cost)
{
    turns->trial_sum += turns->trial < TRIAL ? cost : 0.0;
    turns->trial = cost > 2.0 * turns->cost ? 0 : turns->trial - 1;
    if (turns->trial) {
        return;
    }
    double mean = turns->trial_sum / (TRIAL - 1);
    if (cost <= 2.0 * turns->cost && mean < 0.97 * turns->cost) {
        turns->team = !turns->team;
        turns->pause = FIRST_PAUSE;
        settle(turns, mean);
    } else {
        turns->pause = turns->pause < LONGEST_PAUSE ? 2 * turns->pause : LONGEST_PAUSE;
        settle(turns, turns->cost);
    }
}

void ec_turns_note(struct ec_turns *turns, int64_t ns, double operations)
{
    double cost = (double)ns / (operations > 0.0 ? operations : 1.0);
    if (turns->trial) {
        note_trial(turns, cost);
        return;
    }
    turns->steps++;
    turns->cost += (cost - turns->cost) * (turns->cost > 0.0 && turns->steps > 2 ? 0.125 : 1.0);
    if (turns->steps == FIRST_PAUSE / 2 || turns->settled <= 0.0) {
        turns->settled = turns->settled > 0.0 && turns->settled < turns->cost ? turns->settled : turns->cost;
    }
    if (turns->steps >= FIRST_PAUSE && turns->cost > 1.5 * turns->settled) {
        turns->pause = FIRST_PAUSE; /* the machine has changed */
    }
}
