/* Checks blocks, the arena, injected failures and the fixed values of the random numbers. Prints what fails and exits
 * with 1. */
#include "base/memory.h"
#include "base/blocks.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void check(int holds, const char *what)
{
    if (!holds) {
        printf("FAILED %s\n", what);
        failures++;
    }
}

static int aligned(const void *block) { return block && (uintptr_t)block % EC_ALIGNMENT == 0; }

static void check_blocks(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = ec_alloc(sizes[i]);
        check(aligned(block), "a block is aligned");
        memset(block, 1, sizes[i]);
        ec_free(block);
    }
    unsigned char *zeros = ec_alloc_zeros(1000, 3);
    int sum = 0;
    for (int i = 0; i < 3000; i++) {
        sum += zeros[i];
    }
    check(sum == 0, "zeros are zero");
    unsigned char *grown = ec_grow_array(zeros, 1000, 5000, 3);
    check(aligned(grown), "a grown block is aligned");
    grown[14999] = 7;
    unsigned char *shrunk = ec_grow_array(grown, 5000, 10, 3);
    check(aligned(shrunk) && shrunk[29] == 0, "a shrunk block keeps its start");
    ec_free(shrunk);
    ec_free(NULL);
}

static void check_overflow(void)
{
    check(!ec_alloc(SIZE_MAX), "SIZE_MAX bytes");
    check(!ec_alloc((size_t)PTRDIFF_MAX), "PTRDIFF_MAX bytes and their alignment");
    check(!ec_alloc_array(-1, 1), "a negative count");
    check(!ec_alloc_array(INT64_MAX, 2), "a product behind 2**63");
    check(!ec_alloc_array((int64_t)1 << 62, 8), "a product that wraps to 0");
    check(!ec_alloc_zeros(INT64_MAX, sizeof(float)), "zeros behind 2**63");
    char *block = ec_alloc(8);
    check(!ec_grow_array(block, 8, INT64_MAX, 2), "growing behind 2**63");
    block[7] = 1; /* and the block stays */
    ec_free(block);
    struct ec_arena arena;
    ec_arena_init(&arena);
    check(!ec_arena_take(&arena, INT64_MAX, 4) && arena.failed, "an arena remembers an overflow");
    check(!ec_arena_take(&arena, -1, 4), "a negative part");
    ec_arena_reset(&arena);
    check(!arena.failed, "a reset forgets it");
    ec_arena_clear(&arena);
}

static void check_arena(void)
{
    struct ec_arena arena;
    ec_arena_init(&arena);
    check(ec_arena_bytes(&arena) == 0, "an empty arena holds nothing");
    for (int step = 0; step < 20; step++) {
        char *parts[40];
        ec_arena_reset(&arena);
        for (int i = 0; i < 40; i++) {
            parts[i] = ec_arena_take(&arena, 1000 * i + step, 3);
            check(aligned(parts[i]), "a part is aligned");
            memset(parts[i], i, (size_t)(1000 * i + step) * 3);
        }
        for (int i = 1; i < 40; i++) { /* no part overlaps another */
            check(parts[i][0] == i && parts[i][(1000 * i + step) * 3 - 1] == i, "parts are apart");
        }
        check(arena.high_water >= arena.total && !arena.failed, "the high-water mark covers the step");
        if (step == 2) {
            ec_memory_fail_at(0, 0);
        }
    }
    check(ec_memory_fail_at(0, 0) == 0, "no allocation once the largest step has been seen");
    ec_arena_clear(&arena);
    check(ec_arena_bytes(&arena) == 0, "a cleared arena holds nothing");
}

static void check_injected_failures(void)
{
    ec_memory_fail_at(2, 0);
    void *first = ec_alloc(1), *second = ec_alloc(1), *third = ec_alloc(1);
    check(first && !second && third, "the second allocation fails, once");
    ec_free(first);
    ec_free(third);
    check(ec_memory_fail_at(2, 1) == 3, "three allocations were made");
    first = ec_alloc(1);
    check(first && !ec_alloc(1) && !ec_alloc(1), "the second allocation and all after it fail");
    ec_free(first);
    ec_memory_fail_at(1, 1);
    struct ec_arena arena;
    ec_arena_init(&arena);
    check(!ec_arena_take(&arena, 1, 1) && arena.failed, "an arena without memory says so");
    ec_memory_fail_at(0, 0);
    ec_arena_reset(&arena);
    check(aligned(ec_arena_take(&arena, 1, 1)), "and works again");
    ec_arena_clear(&arena);
}

static void check_results(void)
{
    const int64_t large = 1 << 20;
    check(!ec_block_take(-1, 1) && !ec_block_take(INT64_MAX, 2), "sizes that are none, or behind 2**63");
    ec_block_give(NULL);
    char *small = ec_block_take(100, 1), *first = ec_block_take(large, 1), *second = ec_block_take(large, 4);
    check(aligned(small) && aligned(first) && aligned(second), "blocks of results are aligned");
    memset(second, 1, 4 * (size_t)large);
    ec_block_give(small);
    check(ec_blocks_kept() == 0, "small ones are not kept");
    ec_block_give(first);
    ec_block_give(second);
    check(ec_blocks_kept() == 5 * (size_t)large, "large ones are");
    check(ec_block_take(4 * large - 100, 1) == second, "one that is little larger serves again");
    char *other = ec_block_take(large / 2, 2), *more = ec_block_take(large, 1);
    check(other == first && more != first, "each once");
    ec_block_give(second);
    char *less = ec_block_take(large, 1);
    check(less != second, "one that is much larger does not serve");
    ec_block_give(other);
    ec_block_give(more);
    ec_block_give(less);
    ec_blocks_drop();
    check(ec_blocks_kept() == 0, "none is left");
    char *many[3 * EC_KEPT_BLOCKS];
    for (int i = 0; i < 3 * EC_KEPT_BLOCKS; i++) {
        many[i] = ec_block_take(large + i, 1);
    }
    for (int i = 0; i < 3 * EC_KEPT_BLOCKS; i++) {
        ec_block_give(many[i]);
    }
    check(ec_blocks_kept() == EC_KEPT_BLOCKS * (size_t)large + 23 * 8 - 28, "the last of many are kept");
    ec_block_give(ec_block_take((int64_t)EC_KEPT_BYTES, 1));
    check(ec_blocks_kept() == EC_KEPT_BYTES, "a larger one instead of them");
    ec_block_give(ec_block_take((int64_t)EC_KEPT_BYTES + 1, 1));
    check(ec_blocks_kept() == EC_KEPT_BYTES, "and never more");
    ec_blocks_drop();
    ec_memory_fail_at(1, 1);
    check(!ec_block_take(large, 1), "no memory, no block");
    ec_memory_fail_at(0, 0);
}

static void check_random(void)
{
    check(ec_random_key(0, 0) == 0xe220a8397b1dcdafu, "SplitMix64's first number for seed 0");
    check(ec_random_key(0, 1) == 0x6e789e6aa1b965f4u, "its second");
    static const uint64_t keys[] = {0, 1, 0x123456789abcdef0u};
    static const uint32_t columns[] = {0, 1, 2, 0xffffffffu};
    static const uint32_t expected[3][4] = {
        {0x0, 0xae6f80f1, 0x43d4a24, 0xeab1e90d},
        {0x58f54975, 0x8e374fe0, 0x8d594fa8, 0xbc67388e},
        {0xf2449039, 0x71251e0b, 0xc104c486, 0x540652d1},
    };
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 4; k++) {
            check(ec_random_u32(keys[i], columns[k]) == expected[i][k], "a fixed random number");
        }
    }
    int64_t ones = 0; /* of 2**20 bits; the standard deviation is 512 */
    for (uint32_t column = 0; column < 1 << 15; column++) {
        ones += __builtin_popcount(ec_random_u32(ec_random_key(1, 2), column));
    }
    check(ones > (1 << 19) - 2560 && ones < (1 << 19) + 2560, "as many ones as zeros");
}

int main(void)
{
    check_blocks();
    check_overflow();
    check_arena();
    check_injected_failures();
    check_results();
    check_random();
    printf("%s\n", failures ? "failed" : "ok");
    return failures != 0;
}
