/* Checks how small steps choose between one thread and a team: a machine is played where both cost what it says. Prints
 * what fails and exits with 1. */
#include "base/turns.h"

#include <stdio.h>

static int failures;

static void check(int holds, const char *what, double value)
{
    if (!holds) {
        printf("FAILED %s: %g\n", what, value);
        failures++;
    }
}

/* Steps of these costs in ns; the share that a team of four took. After a pause a team's first step is slow. */
static double play(struct ec_turns *turns, int steps, double alone, double team, double waking)
{
    int by_team = 0, last = 0;
    for (int step = 0; step < steps; step++) {
        int threads = ec_turns_next(turns, 4, 1);
        check(threads == 1 || threads == 4, "one thread or all", threads);
        double operations = 1e6 * (1 + step % 3), ns = (threads == 4 ? team : alone) * (1 + step % 3);
        ns += threads == 4 && last == 1 ? waking : 0.0;
        ec_turns_note(turns, (int64_t)ns, operations);
        by_team += threads == 4;
        last = threads;
    }
    return (double)by_team / steps;
}

int main(void)
{
    struct ec_turns turns = {0};
    double share = play(&turns, 3000, 240e3, 160e3, 60e3);
    check(share > 0.97, "idle: the team is faster", share);
    share = play(&turns, 300, 240e3, 1500e3, 60e3);
    check(share < 0.2, "another process comes: one thread within some steps", share);
    share = play(&turns, 5000, 240e3, 1500e3, 60e3);
    check(share < 0.002, "and stays, tried ever more rarely", share);
    play(&turns, 4000, 240e3, 160e3, 60e3);
    share = play(&turns, 3000, 240e3, 160e3, 60e3);
    check(share > 0.95, "it leaves: the team again", share);
    share = play(&turns, 100000, 200e3, 200e3, 0.0);
    check(share > 0.98 || share < 0.02, "nothing between them: no to and fro", share);
    int threads = ec_turns_next(&turns, 2, 0);
    check(threads == 1, "another number of threads starts anew", threads);
    puts(failures ? "failed" : "ok");
    return failures != 0;
}
