/* Bags of N documents as (id, value) pairs, as the solvers read them: what a count is worth is decided (`tf`: the
 * count, or 1 + log(count)), what a feature is worth is not yet. The arrays are borrowed. A linear part may use some
 * features only; as each kind of feature is a contiguous range of ids, its pairs are a slice of each document. */
#ifndef EC_BAGS_DOCUMENTS_H
#define EC_BAGS_DOCUMENTS_H

#include "base/range.h"

#include <stdint.h>

struct ec_bag_pairs {
    const int64_t *offsets; /* [documents + 1] */
    const int32_t *ids;     /* ascending and distinct inside a document, each in [0, size) */
    const float *tf;
    int64_t documents, size;
};

/* The pairs of one document whose ids lie in a range; `ids` are counted from 0, as in ec_bag_pairs. */
struct ec_bag_slice {
    const int32_t *ids;
    const float *tf;
    int64_t count;
};

/* Where in [begin, end) the first id that is not below `id` stands. */
static inline int64_t ec_bag_search(const int32_t *ids, int64_t begin, int64_t end, int64_t id)
{
    while (begin < end) {
        int64_t middle = begin + (end - begin) / 2;
        if (ids[middle] < id) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static inline struct ec_bag_slice ec_bag_document(const struct ec_bag_pairs *pairs, int64_t document,
                                                  struct ec_range features)
{
    int64_t begin = pairs->offsets[document], end = pairs->offsets[document + 1];
    if (features.begin > 0) {
        begin = ec_bag_search(pairs->ids, begin, end, features.begin);
    }
    if (features.end < pairs->size) {
        end = ec_bag_search(pairs->ids, begin, end, features.end);
    }
    return (struct ec_bag_slice){pairs->ids + begin, pairs->tf + begin, end - begin};
}

#endif
