/* Teams of threads: the only file of the core that knows OpenMP.
 *
 * ec_parallel starts one parallel region; every thread of the team calls the same function. Inside, all threads make
 * the same sequence of calls to ec_team_next loops and ec_team_barrier (single program, multiple data):
 *
 *     for (int64_t tile; (tile = ec_team_next(team, tiles)) >= 0;)
 *         ... compute tile number `tile` ...
 *     for (struct ec_range rows; ec_team_next_range(team, count, 16, &rows);)
 *         ... compute rows.begin up to rows.end, at most 16 of them ...
 *     ec_team_barrier(team);
 *
 * What a tile is must not depend on the team's size; then neither do the bits of the result. */
#ifndef EC_BASE_THREADS_H
#define EC_BASE_THREADS_H

#include "base/range.h"

#include <stdint.h>

#define EC_MAX_THREADS 64

struct ec_team_shared;
struct ec_team {
    int index; /* this thread, from 0 */
    int size;  /* threads in the team */
    uint32_t loop;
    struct ec_team_shared *shared;
};

typedef void (*ec_team_fn)(struct ec_team *team, void *argument);

/* Runs fn(team, argument) on a team of at most `threads` threads and waits for all of them. */
void ec_parallel(int threads, ec_team_fn fn, void *argument);

/* The next tile for this thread, or -1 when none of `count` is left. Each thread starts with its own contiguous share
 * and then takes from the others' what is left, so that a thread that was put aside by the system holds up one tile,
 * not its whole share. A loop is over only when this has returned -1 to every thread. No barrier is implied. */
int64_t ec_team_next(struct ec_team *team, int64_t count);

/* The same for `count` items in blocks of `size`, the last one perhaps shorter: sets the next block, or returns 0. */
static inline int ec_team_next_range(struct ec_team *team, int64_t count, int64_t size, struct ec_range *block)
{
    int64_t number = ec_team_next(team, ec_ceil_div(count, size));
    *block = ec_range_from(number * size, size, count);
    return number >= 0;
}

/* Waits for the whole team: a bounded spin, then sleep. What was written before is visible to all after it. */
void ec_team_barrier(struct ec_team *team);

/* Threads that a step uses: what ec_set_thread_count asked for, else OpenMP's own limit (OMP_NUM_THREADS, affinity,
 * threadpoolctl) read at this moment. 1 in a child forked after a parallel region, without OpenMP, and once the system
 * could not make a thread, until ec_set_thread_count is called again. */
int ec_thread_count(void);
/* 0 returns to OpenMP's own limit. */
void ec_set_thread_count(int threads);
/* At most so many, at least 1, where nobody asked for another number: processors that a container grants, which OpenMP
 * does not see. */
void ec_set_thread_limit(int threads);
/* Called, by whichever thread computes, when the system cannot make the threads of a team and one does the work. */
typedef void (*ec_refusal_fn)(void);
void ec_on_refusal(ec_refusal_fn fn);
/* "libgomp"-independent: the OpenMP version date (201511 ...), or 0 where the build has no OpenMP. */
int ec_openmp_version(void);
/* Nanoseconds that a thread spins at a barrier before it sleeps; for measurements. */
void ec_set_spin_ns(int64_t nanoseconds);

#endif
