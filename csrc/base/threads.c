/* Teams on top of OpenMP. The barrier and the sharing out of tiles are our own; csrc/README.md, "Waiting", gives the
 * measurements behind the spin limit. */
#define _GNU_SOURCE
#include "base/threads.h"

#include "base/clock.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <sched.h>
#endif

#define LOOPS_AT_ONCE 4 /* loops that threads may be in at the same time before a slow one just skips */

/* (loop number << 32 | next tile of this thread's share), alone on its cache line. */
struct share {
    _Alignas(64) _Atomic uint64_t state;
};

struct ec_team_shared {
    _Alignas(64) _Atomic uint32_t arrived;
    _Alignas(64) _Atomic uint32_t generation; /* counts finished barriers; the futex word */
    _Atomic uint32_t sleepers;
    struct share shares[LOOPS_AT_ONCE][EC_MAX_THREADS];
};

static _Atomic int64_t spin_ns = 10000;
static _Atomic int requested_threads;
static _Atomic int granted_threads = EC_MAX_THREADS; /* by the container, see ec_set_thread_limit */
#ifdef _OPENMP
static _Atomic int had_team;    /* a parallel region has run in this process */
static _Atomic int forked_late; /* this process was forked after one: the runtime's threads are gone */
static _Atomic int refused;     /* the system had no thread to give */
static _Atomic ec_refusal_fn on_refusal;
#endif

void ec_set_spin_ns(int64_t nanoseconds) { atomic_store(&spin_ns, nanoseconds); }

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

static void sleep_while(_Atomic uint32_t *word, uint32_t value)
{
#ifdef __linux__
    syscall(SYS_futex, (uint32_t *)word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
    (void)word;
    (void)value;
    sched_yield();
#endif
}

static void wake_all(_Atomic uint32_t *word)
{
#ifdef __linux__
    syscall(SYS_futex, (uint32_t *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
    (void)word;
#endif
}

void ec_team_barrier(struct ec_team *team)
{
    struct ec_team_shared *shared = team->shared;
    if (team->size == 1) {
        return;
    }
    uint32_t generation = atomic_load_explicit(&shared->generation, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&shared->arrived, 1, memory_order_acq_rel) + 1 == (uint32_t)team->size) {
        atomic_store_explicit(&shared->arrived, 0, memory_order_relaxed);
        /* Sequentially consistent, as is the sleeper's count: either we see the sleeper, or it sees the new value. */
        atomic_store(&shared->generation, generation + 1);
        if (atomic_load(&shared->sleepers)) {
            wake_all(&shared->generation);
        }
        return;
    }
    int64_t limit = ec_clock_ns() + atomic_load_explicit(&spin_ns, memory_order_relaxed);
    do {
        for (int turn = 0; turn < 16; turn++) {
            if (atomic_load_explicit(&shared->generation, memory_order_acquire) != generation) {
                return;
            }
            cpu_relax();
        }
    } while (ec_clock_ns() < limit);
    atomic_fetch_add(&shared->sleepers, 1);
    while (atomic_load(&shared->generation) == generation) {
        sleep_while(&shared->generation, generation);
    }
    atomic_fetch_sub(&shared->sleepers, 1);
}

/* Takes the next tile of `share`, which has `size` tiles in loop number `loop`; -1 when none is left. */
static int64_t take(struct share *share, uint32_t loop, int64_t size)
{
    uint64_t state = atomic_load_explicit(&share->state, memory_order_relaxed);
    for (;;) {
        uint32_t current = (uint32_t)(state >> 32);
        uint64_t next = current == loop ? state & 0xffffffffu : 0;
        /* A later loop already uses this slot: this one is finished. The difference is signed as numbers wrap. */
        if ((int32_t)(current - loop) > 0 || (int64_t)next >= size) {
            return -1;
        }
        if (atomic_compare_exchange_weak_explicit(&share->state, &state, (uint64_t)loop << 32 | (next + 1),
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return (int64_t)next;
        }
    }
}

int64_t ec_team_next(struct ec_team *team, int64_t count)
{
    struct share *shares = team->shared->shares[team->loop % LOOPS_AT_ONCE];
    for (int offset = 0; offset < team->size; offset++) {
        int owner = (team->index + offset) % team->size;
        int64_t begin = count * owner / team->size;
        int64_t tile = take(&shares[owner], team->loop, count * (owner + 1) / team->size - begin);
        if (tile >= 0) {
            return begin + tile;
        }
    }
    team->loop++;
    return -1;
}

static void run_alone(ec_team_fn fn, void *argument, struct ec_team_shared *shared)
{
    struct ec_team team = {.index = 0, .size = 1, .loop = 1, .shared = shared};
    fn(&team, argument);
}

#ifdef _OPENMP
static void *pass(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether a team of `threads` can be made. The runtime ends the process where it cannot make a thread, so as many are
 * made here, all at once, and ended again. It makes some only when a team is larger than the calling thread's last. */
static int team_can_be(int threads)
{
    static _Thread_local int last = 1;
    if (threads > last) {
        pthread_t made[EC_MAX_THREADS];
        pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
        int count = 0;
        pthread_mutex_lock(&gate);
        while (count < threads - 1 && pthread_create(&made[count], NULL, pass, &gate) == 0) {
            count++;
        }
        pthread_mutex_unlock(&gate);
        for (int i = 0; i < count; i++) {
            pthread_join(made[i], NULL);
        }
        if (count < threads - 1) {
            ec_refusal_fn tell = atomic_load(&on_refusal);
            if (!atomic_exchange(&refused, 1) && tell) {
                tell();
            }
            return 0;
        }
    }
    last = threads;
    return 1;
}
#endif

void ec_parallel(int threads, ec_team_fn fn, void *argument)
{
    struct ec_team_shared shared;
    threads = threads < 1 ? 1 : threads > EC_MAX_THREADS ? EC_MAX_THREADS : threads;
    atomic_init(&shared.arrived, 0);
    atomic_init(&shared.generation, 0);
    atomic_init(&shared.sleepers, 0);
    for (int slot = 0; slot < LOOPS_AT_ONCE; slot++) {
        for (int owner = 0; owner < threads; owner++) {
            atomic_init(&shared.shares[slot][owner].state, 0);
        }
    }
#ifdef _OPENMP
    if (threads > 1 && !atomic_load_explicit(&forked_late, memory_order_relaxed) &&
        !atomic_load_explicit(&refused, memory_order_relaxed) && team_can_be(threads)) {
        atomic_store_explicit(&had_team, 1, memory_order_relaxed);
#pragma omp parallel num_threads(threads)
        {
            struct ec_team team = {
                .index = omp_get_thread_num(), .size = omp_get_num_threads(), .loop = 1, .shared = &shared};
            fn(&team, argument);
            /* Meet here, where waiting ends in sleep, rather than in the runtime's barrier, where it spins. */
            ec_team_barrier(&team);
        }
        return;
    }
#endif
    run_alone(fn, argument, &shared);
}

#ifdef _OPENMP
static void in_child(void)
{
    if (atomic_load(&had_team)) {
        atomic_store(&forked_late, 1);
    }
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, in_child); }
#endif

int ec_thread_count(void)
{
#ifdef _OPENMP
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    if (atomic_load_explicit(&forked_late, memory_order_relaxed) ||
        atomic_load_explicit(&refused, memory_order_relaxed)) {
        return 1;
    }
    int threads = atomic_load_explicit(&requested_threads, memory_order_relaxed);
    if (threads == 0) {
        int granted = atomic_load_explicit(&granted_threads, memory_order_relaxed);
        threads = omp_get_max_threads();
        threads = threads > granted ? granted : threads;
    }
    return threads > EC_MAX_THREADS ? EC_MAX_THREADS : threads;
#else
    return 1;
#endif
}

void ec_set_thread_count(int threads)
{
    atomic_store(&requested_threads, threads < 0 ? 0 : threads);
#ifdef _OPENMP
    atomic_store(&refused, 0);
#endif
}

void ec_set_thread_limit(int threads) { atomic_store(&granted_threads, threads); }

void ec_on_refusal(ec_refusal_fn fn)
{
#ifdef _OPENMP
    atomic_store(&on_refusal, fn);
#else
    (void)fn;
#endif
}

int ec_openmp_version(void)
{
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}
