/* Aligned blocks and a bump arena: the only file of the core that calls malloc. Blocks are aligned to a cache line
 * (64 bytes), so that a vector load of any instruction set may be an aligned one at the start of a block. */
#ifndef EC_BASE_MEMORY_H
#define EC_BASE_MEMORY_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EC_ALIGNMENT 64

/* A block of `bytes` bytes (at least one), or NULL. */
void *ec_alloc(size_t bytes);
/* `count` items of `size` bytes, or NULL, also when the product overflows or a count is negative. */
void *ec_alloc_array(int64_t count, size_t size);
/* The same, filled with zeros. */
void *ec_alloc_zeros(int64_t count, size_t size);
/* As ec_alloc_array, for a block that is written from its beginning and read all over: in huge pages where the system
 * has them, as it takes long to be given small ones, and to find them again. */
void *ec_alloc_scattered(int64_t count, size_t size);
/* A block of `new_count` items that starts with the first min(old_count, new_count) of `block`, which is freed.
 * On failure NULL, and `block` stays as it is. */
void *ec_grow_array(void *block, int64_t old_count, int64_t new_count, size_t size);
void ec_free(void *block);

/* Tests only: let the n-th allocation from now fail (1 = the next), and all after it too if `forever`. 0 switches it
 * off. Returns how many allocations were made since the last call. */
int64_t ec_memory_fail_at(int64_t n, int forever);

/* An arena hands out parts of one block; everything is given back at once. A step of a program takes what it needs
 * while it is planned; once the largest step has been seen, planning allocates nothing. */
struct ec_arena_chunk;
struct ec_arena {
    struct ec_arena_chunk *chunk; /* newest first */
    size_t used;                  /* bytes taken from the newest chunk */
    size_t total;                 /* bytes taken since the last reset, over all chunks */
    size_t high_water;            /* largest total seen */
    int failed;                   /* an allocation failed since the last reset */
};

void ec_arena_init(struct ec_arena *arena);
void ec_arena_clear(struct ec_arena *arena);
/* Gives everything back. Several chunks become one, large enough for what they held. */
void ec_arena_reset(struct ec_arena *arena);
/* `count` items of `size` bytes, aligned, not zeroed; NULL on failure, which `failed` remembers. */
void *ec_arena_take(struct ec_arena *arena, int64_t count, size_t size);
/* Bytes that the arena holds. */
size_t ec_arena_bytes(const struct ec_arena *arena);

/* memcpy that may have nothing to copy, and then NULL on either side, which memcpy must not. */
static inline void ec_copy(void *to, const void *from, size_t bytes)
{
    if (bytes) {
        memcpy(to, from, bytes);
    }
}

#endif
