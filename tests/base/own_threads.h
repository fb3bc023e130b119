/* Teams of POSIX threads, whose waiting ThreadSanitizer understands: that of OpenMP's run-time is not instrumented. To
 * be included behind base/threads.c, whose barriers and shares of tiles they use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member {
    struct ec_team team;
    ec_team_fn fn;
    void *argument;
};

static void *member_main(void *argument)
{
    struct member *member = argument;
    member->fn(&member->team, member->argument);
    ec_team_barrier(&member->team);
    return NULL;
}

/* ec_parallel with threads of our own. */
static void run_own_threads(int threads, ec_team_fn fn, void *argument)
{
    struct ec_team_shared shared;
    struct member members[EC_MAX_THREADS];
    pthread_t handles[EC_MAX_THREADS];
    memset(&shared, 0, sizeof shared);
    for (int i = 0; i < threads; i++) {
        members[i] = (struct member){{.index = i, .size = threads, .loop = 1, .shared = &shared}, fn, argument};
        if (pthread_create(&handles[i], NULL, member_main, &members[i])) {
            puts("no more threads");
            exit(1);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
    }
}
