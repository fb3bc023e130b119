/* Counting the ids of a document; see the header. Assumes a range that fits the caches. */
#include "bags/tally.h"

#include "base/memory.h"

ec_status ec_bag_tally_init(struct ec_bag_tally *tally, int64_t first, int64_t size)
{
    *tally = (struct ec_bag_tally){
        .first = first,
        .size = size,
        .counts = ec_alloc_zeros(size, sizeof *tally->counts),
        .marks = ec_alloc_zeros((size >> 6) + 1, sizeof *tally->marks),
        .groups = ec_alloc_zeros((size >> 12) + 1, sizeof *tally->groups),
    };
    return tally->counts && tally->marks && tally->groups ? EC_OK : EC_NO_MEMORY;
}

void ec_bag_tally_clear(struct ec_bag_tally *tally)
{
    ec_free(tally->counts);
    ec_free(tally->marks);
    ec_free(tally->groups);
}

int64_t ec_bag_tally_take(struct ec_bag_tally *tally, int32_t *ids, float *counts)
{
    int64_t made = 0;
    for (int64_t group = 0; tally->added && group <= tally->size >> 12; group++) {
        for (uint64_t words = tally->groups[group]; words; words &= words - 1) {
            int64_t word = group << 6 | __builtin_ctzll(words);
            for (uint64_t bits = tally->marks[word]; bits; bits &= bits - 1) {
                int64_t at = word << 6 | __builtin_ctzll(bits);
                ids[made] = (int32_t)(tally->first + at);
                counts[made++] = tally->counts[at];
                tally->counts[at] = 0;
            }
            tally->marks[word] = 0;
        }
        tally->groups[group] = 0;
    }
    tally->added = 0;
    return made;
}
