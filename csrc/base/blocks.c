/* Blocks for results, and those that are kept for the next ones. Nobody waits for the list of them: a thread that finds
 * it in use, or a child that was forked while it was, asks the system instead. */
#include "base/blocks.h"

#include <stdatomic.h>
#include <string.h>

/* Fills the cache line before the block. */
struct head {
    size_t bytes; /* behind it */
};
_Static_assert(sizeof(struct head) <= EC_ALIGNMENT, "the head fits in one line");

enum {
    SMALL = 1 << 20 /* bytes: the allocator has smaller ones at hand */
};

static atomic_flag busy = ATOMIC_FLAG_INIT;
static struct head *kept[EC_KEPT_BLOCKS]; /* the one that came last behind the others */
static int count;
static size_t kept_bytes;

static int enter(void) { return !atomic_flag_test_and_set_explicit(&busy, memory_order_acquire); }

static void leave(void) { atomic_flag_clear_explicit(&busy, memory_order_release); }

static struct head *remove_at(int number)
{
    struct head *head = kept[number];
    memmove(kept + number, kept + number + 1, (size_t)(--count - number) * sizeof(struct head *));
    kept_bytes -= head->bytes;
    return head;
}

/* The smallest that is large enough and not much larger; NULL: none. */
static struct head *find_kept(size_t bytes)
{
    int best = -1;
    for (int i = count - 1; i >= 0; i--) {
        int fits = kept[i]->bytes >= bytes && kept[i]->bytes - bytes <= bytes / 4;
        best = fits && (best < 0 || kept[i]->bytes < kept[best]->bytes) ? i : best;
    }
    return best < 0 ? NULL : remove_at(best);
}

void *ec_block_take(int64_t items, size_t size)
{
    struct head *head = NULL;
    if (items < 0 || (size && (uint64_t)items > ((uint64_t)PTRDIFF_MAX - EC_ALIGNMENT) / size)) {
        return NULL;
    }
    size_t bytes = (size_t)items * size;
    if (bytes >= SMALL && enter()) {
        head = find_kept(bytes);
        leave();
    }
    if (!head) {
        head = ec_alloc_scattered((int64_t)(bytes + EC_ALIGNMENT), 1);
        if (!head) {
            return NULL;
        }
        head->bytes = bytes;
    }
    return (char *)head + EC_ALIGNMENT;
}

void ec_block_give(void *block)
{
    struct head *gone[EC_KEPT_BLOCKS + 1];
    int leaving = 0;
    if (!block) {
        return;
    }
    struct head *head = (struct head *)((char *)block - EC_ALIGNMENT);
    if (head->bytes >= SMALL && head->bytes <= EC_KEPT_BYTES && enter()) {
        while (count == EC_KEPT_BLOCKS || kept_bytes > EC_KEPT_BYTES - head->bytes) {
            gone[leaving++] = remove_at(0);
        }
        kept[count++] = head;
        kept_bytes += head->bytes;
        leave();
    } else {
        gone[leaving++] = head;
    }
    for (int i = 0; i < leaving; i++) { /* outside: giving pages back takes the system long */
        ec_free(gone[i]);
    }
}

size_t ec_blocks_kept(void)
{
    size_t bytes = 0;
    if (enter()) {
        bytes = kept_bytes;
        leave();
    }
    return bytes;
}

void ec_blocks_drop(void)
{
    struct head *gone[EC_KEPT_BLOCKS];
    int leaving = 0;
    if (enter()) {
        while (count) {
            gone[leaving++] = remove_at(0);
        }
        leave();
    }
    for (int i = 0; i < leaving; i++) {
        ec_free(gone[i]);
    }
}
