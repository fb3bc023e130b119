/* Aligned blocks and the arena. Sizes are checked here once, so that callers may pass products of user sizes. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define HUGE_PAGE ((size_t)1 << 21)

/* Under the address sanitizer an arena's parts lie apart, nobody may touch what is between them or was given back, and
 * a part starts as NaN (or -1), so that reading what nobody wrote shows in the results. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(WATCHED)
#define WATCHED 1
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#define GAP ((size_t)EC_ALIGNMENT)
static void forbid(void *begin, size_t bytes) { ASAN_POISON_MEMORY_REGION(begin, bytes); }
static void allow(void *begin, size_t bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(begin, bytes);
    memset(begin, 0xff, bytes);
}
#else
#define GAP ((size_t)0)
static inline void forbid(void *begin, size_t bytes) { (void)begin, (void)bytes; }
static inline void allow(void *begin, size_t bytes) { (void)begin, (void)bytes; }
#endif

static _Atomic int64_t allocations;
static _Atomic int64_t fail_at;
static _Atomic int fail_forever;

int64_t ec_memory_fail_at(int64_t n, int forever)
{
    int64_t made = atomic_exchange(&allocations, 0);
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_at, n);
    return made;
}

static int injected_failure(void)
{
    int64_t number = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    int64_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    return at > 0 && (number == at || (number > at && atomic_load(&fail_forever)));
}

void *ec_alloc(size_t bytes)
{
    if (bytes > (size_t)PTRDIFF_MAX - EC_ALIGNMENT || injected_failure()) {
        return NULL;
    }
    size_t rounded = (bytes + EC_ALIGNMENT - 1) / EC_ALIGNMENT * EC_ALIGNMENT;
    return aligned_alloc(EC_ALIGNMENT, rounded ? rounded : EC_ALIGNMENT);
}

static int array_bytes(int64_t count, size_t size, size_t *bytes)
{
    if (count < 0 || (size && (uint64_t)count > (uint64_t)PTRDIFF_MAX / size)) {
        return 0;
    }
    *bytes = (size_t)count * size;
    return 1;
}

void *ec_alloc_array(int64_t count, size_t size)
{
    size_t bytes;
    return array_bytes(count, size, &bytes) ? ec_alloc(bytes) : NULL;
}

void *ec_alloc_zeros(int64_t count, size_t size)
{
    size_t bytes;
    void *block = array_bytes(count, size, &bytes) ? ec_alloc(bytes) : NULL;
    if (block) {
        memset(block, 0, bytes);
    }
    return block;
}

void *ec_alloc_scattered(int64_t count, size_t size)
{
    size_t bytes;
    if (!array_bytes(count, size, &bytes) || bytes < 2 * HUGE_PAGE) {
        return ec_alloc_array(count, size);
    }
    if (bytes > (size_t)PTRDIFF_MAX - HUGE_PAGE || injected_failure()) {
        return NULL;
    }
    size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *block = aligned_alloc(HUGE_PAGE, rounded);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (block) {
        /* A wish: where it is refused, pages are small as ever. What fills no huge page has small ones: no memory is
         * taken that nobody uses. */
        madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    }
#endif
    return block;
}

void *ec_grow_array(void *block, int64_t old_count, int64_t new_count, size_t size)
{
    void *grown = ec_alloc_array(new_count, size);
    if (grown && block) {
        memcpy(grown, block, (size_t)(old_count < new_count ? old_count : new_count) * size);
        ec_free(block);
    }
    return grown;
}

void ec_free(void *block) { free(block); }

struct ec_arena_chunk {
    struct ec_arena_chunk *older;
    size_t bytes; /* room behind this header, which itself fills one cache line */
};
_Static_assert(sizeof(struct ec_arena_chunk) <= EC_ALIGNMENT, "the header fits in one line");

void ec_arena_init(struct ec_arena *arena) { memset(arena, 0, sizeof *arena); }

void ec_arena_clear(struct ec_arena *arena)
{
    while (arena->chunk) {
        struct ec_arena_chunk *older = arena->chunk->older;
        ec_free(arena->chunk);
        arena->chunk = older;
    }
    ec_arena_init(arena);
}

static int add_chunk(struct ec_arena *arena, size_t bytes)
{
    if (bytes > (size_t)PTRDIFF_MAX - 2 * EC_ALIGNMENT) {
        return 0;
    }
    struct ec_arena_chunk *chunk = ec_alloc(bytes + EC_ALIGNMENT);
    if (!chunk) {
        return 0;
    }
    chunk->older = arena->chunk;
    chunk->bytes = bytes;
    arena->chunk = chunk;
    arena->used = 0;
    forbid((char *)chunk + EC_ALIGNMENT, bytes);
    return 1;
}

void ec_arena_reset(struct ec_arena *arena)
{
    if (arena->chunk && arena->chunk->older) {
        size_t high_water = arena->high_water;
        ec_arena_clear(arena);
        arena->high_water = high_water;
        /* A quarter more than was needed: sizes that follow the data grow a few times, not at every step. If even
         * this fails, the next take tries again with less. */
        add_chunk(arena, high_water + high_water / 4);
    } else if (arena->chunk) {
        forbid((char *)arena->chunk + EC_ALIGNMENT, arena->chunk->bytes);
    }
    arena->used = 0;
    arena->total = 0;
    arena->failed = 0;
}

void *ec_arena_take(struct ec_arena *arena, int64_t count, size_t size)
{
    size_t asked, bytes;
    if (!array_bytes(count, size, &asked) || asked > (size_t)PTRDIFF_MAX / 2) {
        arena->failed = 1;
        return NULL;
    }
    bytes = (asked + EC_ALIGNMENT - 1) / EC_ALIGNMENT * EC_ALIGNMENT + GAP;
    if (!arena->chunk || arena->chunk->bytes - arena->used < bytes) {
        size_t least = arena->total > ((size_t)1 << 16) ? arena->total : (size_t)1 << 16;
        if (!add_chunk(arena, bytes > least ? bytes : least) && !add_chunk(arena, bytes)) {
            arena->failed = 1;
            return NULL;
        }
    }
    void *part = (char *)arena->chunk + EC_ALIGNMENT + arena->used;
    allow(part, asked);
    arena->used += bytes;
    arena->total += bytes;
    if (arena->total > arena->high_water) {
        arena->high_water = arena->total;
    }
    return part;
}

size_t ec_arena_bytes(const struct ec_arena *arena)
{
    size_t bytes = 0;
    for (const struct ec_arena_chunk *chunk = arena->chunk; chunk; chunk = chunk->older) {
        bytes += chunk->bytes + EC_ALIGNMENT;
    }
    return bytes;
}
