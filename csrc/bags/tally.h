/* How often each id of a range occurs in a document: a counter for every id, and two levels of marks that say which
 * are in use. For n-grams of characters, of which a document has thousands; sorting them takes longer. */
#ifndef EC_BAGS_TALLY_H
#define EC_BAGS_TALLY_H

#include "base/status.h"

#include <stdint.h>

#define EC_BAG_TALLY_MOST ((int64_t)1 << 22) /* ids, of four bytes a thread each */

struct ec_bag_tally {
    int64_t first, size;
    float *counts;
    uint64_t *marks;  /* one bit an id */
    uint64_t *groups; /* one bit a word of marks */
    int64_t added;    /* since the last take: no more ids are in use */
};

/* For ids from `first` to first + size - 1. All zeros is a tally that can be cleared. */
ec_status ec_bag_tally_init(struct ec_bag_tally *tally, int64_t first, int64_t size);
void ec_bag_tally_clear(struct ec_bag_tally *tally);
/* Writes the ids in use, ascending, with their counts, and forgets them; how many. */
int64_t ec_bag_tally_take(struct ec_bag_tally *tally, int32_t *ids, float *counts);

static inline void ec_bag_tally_add(struct ec_bag_tally *tally, int32_t id)
{
    int64_t at = id - tally->first;
    tally->counts[at]++;
    tally->marks[at >> 6] |= (uint64_t)1 << (at & 63);
    tally->groups[at >> 12] |= (uint64_t)1 << (at >> 6 & 63);
    tally->added++;
}

#endif
