/* The tokens of a batch in the order in which a recurrent layer reads them: step by step, at each step one token of
 * every text that is still going on. The longest text comes first, so that the texts of a step are the first ones of
 * the step before, and nothing is computed past a text's end. Masked tokens are left out: they change no state. */
#ifndef EC_BATCH_STEPS_H
#define EC_BATCH_STEPS_H

#include "base/memory.h"
#include "batch/layout.h"

#include <stdint.h>

struct ec_steps {
    int64_t batch;  /* B texts, ranked by falling length, equal ones in their order */
    int64_t count;  /* S steps: tokens of the longest text */
    int64_t rows;   /* tokens in all: begin[count] */
    int64_t *begin; /* [S + 1] the tokens of step s stand at begin[s] up to begin[s + 1], by rank */
    int64_t *text;  /* [B] text of each rank */
    int64_t *row;   /* [rows] row of the token in the layout */
};

/* From the first token of each text to its last, or with `reverse` from the last to the first; from the arena. */
ec_status ec_steps_init(struct ec_steps *steps, struct ec_arena *arena, const struct ec_layout *layout, int reverse);

#endif
