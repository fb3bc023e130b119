/* The distinct ids of a batch (design, saving 1): a batch of text has far fewer distinct ids than tokens.
 * For some hundred to some ten thousand tokens, tables of any size: a small one has a slot for each id, beside a larger
 * one is a hash set that grows with the tokens only. */
#ifndef EC_BATCH_DISTINCT_H
#define EC_BATCH_DISTINCT_H

#include "base/memory.h"

#include <stdint.h>

struct ec_distinct {
    int64_t count;            /* U */
    int32_t *ids;             /* [U] in order of first appearance */
    int32_t *place_of;        /* by id: index into ids, or -1; NULL where there is a hash set */
    struct ec_id_slot *slots; /* the hash set */
    uint32_t hash_mask;
};

/* Room for up to `tokens` ids below `limit`, from the arena. */
ec_status ec_distinct_init(struct ec_distinct *distinct, struct ec_arena *arena, int64_t tokens, int64_t limit);
/* row[i] = place of ids[i] among the distinct ids, adding those not seen yet. An id of -1 gives -1. */
void ec_distinct_add(struct ec_distinct *distinct, int32_t *row, const int32_t *ids, int64_t count);

/* Where each distinct row occurs: positions at[begin[u]] ... at[begin[u + 1] - 1] rise. */
struct ec_occurrences {
    int32_t *begin; /* [U + 1] */
    int32_t *at;    /* [tokens] */
};
/* By counting sort over row[0 .. tokens); entries outside [0, distinct) are left out. */
ec_status ec_occurrences_init(struct ec_occurrences *occurrences, struct ec_arena *arena, const int32_t *row,
                              int64_t tokens, int64_t distinct);

/* The first half of it: `next`[u], then raised, is where an occurrence of row u is filled in; when all are, `begin` is
 * as above. NULL on failure. */
int32_t *ec_occurrences_count(struct ec_occurrences *occurrences, struct ec_arena *arena, const int32_t *row,
                              int64_t tokens, int64_t distinct);

#endif
