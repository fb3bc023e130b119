/* The ids of a document, with repetitions → its distinct ids, ascending, each with its count. The last step of reading
 * a document (reader.c) and of ranking what was counted (census.c). */
#ifndef EC_BAGS_PAIRS_H
#define EC_BAGS_PAIRS_H

#include <stdint.h>

/* Sorts `ids`, all >= 0; `spare` has room for `count`. Where the result stands: one of the two. */
int32_t *ec_bag_sort(int32_t *ids, int32_t *spare, int64_t count);
/* Distinct ids of `sorted` and how often each stands there; how many. `ids` may be `sorted`. */
int64_t ec_bag_merge(int32_t *ids, float *counts, const int32_t *sorted, int64_t count);

#endif
