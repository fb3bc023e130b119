/* Blocks of memory for results that leave the core: the caller keeps them as long as it likes and gives them back from
 * any thread. A few large ones that come back are kept for the next, as the system takes long to make new pages: 64 MB
 * of them cost several milliseconds, more than most operations need to fill them. */
#ifndef EC_BASE_BLOCKS_H
#define EC_BASE_BLOCKS_H

#include "base/memory.h"

enum {
    EC_LARGE_RESULT = 1 << 16, /* bytes from which a result gets a block of its own instead of being copied */
    EC_KEPT_BLOCKS = 8
};
#define EC_KEPT_BYTES ((size_t)1 << 27) /* of all blocks that are kept, at most */

/* `count` items of `size` bytes, aligned to a cache line, not zeroed; NULL on failure, as for ec_alloc_array. */
void *ec_block_take(int64_t count, size_t size);
/* Takes a block back; nothing for NULL. */
void ec_block_give(void *block);
/* Bytes that are kept now. */
size_t ec_blocks_kept(void);
/* Frees what is kept. */
void ec_blocks_drop(void);

#endif
