/* Checks teams of threads from inside: every tile handed out exactly once, barriers that order plain memory, sleeping
 * and spinning. Runs on OpenMP's threads and on threads of its own, which ThreadSanitizer understands; includes the
 * source for that. Prints what fails and exits with 1; `--race` makes a race that the sanitizer must report. */
#include "base/threads.c"
#include "own_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOPS 60
#define MOST_TILES 300
#define ROUNDS 150

static _Atomic int failures;

static void check(int holds, const char *what, int64_t a, int64_t b)
{
    if (!holds && atomic_fetch_add(&failures, 1) < 20) {
        printf("FAILED %s: %lld, %lld\n", what, (long long)a, (long long)b);
    }
}

typedef void (*parallel_fn)(int threads, ec_team_fn fn, void *argument);

static int64_t tiles_of(int loop)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 63, 64, 65, MOST_TILES};
    return sizes[loop % (int)(sizeof sizes / sizeof *sizes)];
}

struct coverage {
    _Atomic int taken[LOOPS][MOST_TILES];
    int slow; /* this thread pauses, so that the others run ahead by more loops than there is room for */
};

static void take_all_tiles(struct ec_team *team, void *argument)
{
    struct coverage *coverage = argument;
    for (int loop = 0; loop < LOOPS; loop++) {
        if (team->index == coverage->slow && loop % 20 == 3) {
            nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
        }
        int64_t count = tiles_of(loop);
        for (int64_t tile; (tile = ec_team_next(team, count)) >= 0;) {
            check(tile < count, "tile outside its loop", tile, count);
            if (tile < count) {
                atomic_fetch_add_explicit(&coverage->taken[loop][tile], 1, memory_order_relaxed);
            }
        }
    }
}

static void check_tiles(parallel_fn parallel, int threads, int slow)
{
    static struct coverage coverage;
    memset(&coverage, 0, sizeof coverage);
    coverage.slow = slow;
    parallel(threads, take_all_tiles, &coverage);
    for (int loop = 0; loop < LOOPS; loop++) {
        for (int64_t tile = 0; tile < MOST_TILES; tile++) {
            check(coverage.taken[loop][tile] == (tile < tiles_of(loop)), "tile taken once", loop, tile);
        }
    }
}

struct rounds {
    int64_t last[EC_MAX_THREADS]; /* plain memory: the barrier alone orders it */
    int finished;                 /* threads that did all rounds, counted one after the other */
};

static void alternate(struct ec_team *team, void *argument)
{
    struct rounds *rounds = argument;
    for (int64_t round = 1; round <= ROUNDS; round++) {
        rounds->last[team->index] = round;
        ec_team_barrier(team);
        for (int other = 0; other < team->size; other++) {
            check(rounds->last[other] == round, "write seen behind a barrier", rounds->last[other], round);
        }
        ec_team_barrier(team);
    }
    for (int turn = 0; turn < team->size; turn++) {
        if (turn == team->index) {
            rounds->finished++;
        }
        ec_team_barrier(team);
    }
}

/* The team may be smaller than asked for (OpenMP's limit), but never larger. */
static void check_barriers(parallel_fn parallel, int threads)
{
    struct rounds rounds;
    memset(&rounds, 0, sizeof rounds);
    parallel(threads, alternate, &rounds);
    check(rounds.finished >= 1 && rounds.finished <= threads, "threads in the team", rounds.finished, threads);
    for (int i = 0; i < rounds.finished; i++) {
        check(rounds.last[i] == ROUNDS, "rounds done", rounds.last[i], i);
    }
}

static void check_all(parallel_fn parallel)
{
    static const int sizes[] = {1, 2, 3, 4, 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int slow = -1; slow < sizes[i] && slow < 2; slow++) {
            check_tiles(parallel, sizes[i], slow);
        }
        ec_set_spin_ns(0);
        check_barriers(parallel, sizes[i]);
        ec_set_spin_ns(10000);
        check_barriers(parallel, sizes[i]);
    }
}

static void check_limits(void)
{
    ec_set_thread_count(3);
    check(ec_thread_count() == (ec_openmp_version() ? 3 : 1), "three threads asked for", ec_thread_count(), 3);
    ec_set_thread_count(EC_MAX_THREADS + 100);
    check(ec_thread_count() <= EC_MAX_THREADS, "more threads than there may be", ec_thread_count(), EC_MAX_THREADS);
    ec_set_thread_count(-5);
    check(ec_thread_count() >= 1, "OpenMP's own limit", ec_thread_count(), 0);
    check_tiles(ec_parallel, 0, -1);
    check_tiles(ec_parallel, EC_MAX_THREADS + 1, -1);
}

static void race(struct ec_team *team, void *argument)
{
    (void)team;
    for (int i = 0; i < 1000; i++) {
        ++*(volatile int *)argument;
    }
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--race") == 0) {
        int counter = 0;
        run_own_threads(2, race, &counter);
        return 0;
    }
    check_all(run_own_threads);
    if (count == 1) { /* `--own-threads`: a sanitizer does not see how OpenMP's threads wait for each other */
        check_all(ec_parallel);
        check_limits();
    }
    printf("%s\n", failures ? "failed" : "ok");
    return failures != 0;
}
