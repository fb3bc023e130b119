/* Sums of rows by id: what a gather passes back to its table. Distinct ids in rising order, and for each the sum of the
 * rows that stand at its occurrences, in their order, so that no bit depends on the team. For plain arrays of some
 * hundred to some million rows, tables of any size. */
#ifndef EC_BATCH_ROW_SUMS_H
#define EC_BATCH_ROW_SUMS_H

#include "base/threads.h"
#include "batch/distinct.h"

struct ec_row_sums {
    int64_t count;     /* U */
    const int32_t *id; /* [U] rising */
    struct ec_occurrences occurrences;
};

/* Over ids[0 .. tokens), each below `limit`; those of -1 are left out. What it needs is taken from the arena. */
ec_status ec_row_sums_init(struct ec_row_sums *sums, struct ec_arena *arena, const int32_t *ids, int64_t tokens,
                           int64_t limit);
/* out[u] = sum of rows[i] with ids[i] = id[u], each of `width` contiguous floats; with `by_frequency` divided by how
 * many these are. Called by every thread of the team; ends with a barrier. */
void ec_row_sums_run(struct ec_team *team, const struct ec_row_sums *sums, float *out, const float *rows, int64_t width,
                     int by_frequency);

#endif
