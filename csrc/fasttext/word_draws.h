/* Words drawn at random, by how often they occur in a text, which vectors are trained against (word_steps.h). */
#ifndef EC_FASTTEXT_WORD_DRAWS_H
#define EC_FASTTEXT_WORD_DRAWS_H

#include "base/status.h"

#include <stdint.h>

/* Draws words by share with one random number (Walker 1977, as Vose 1991 makes it). */
struct ec_word_draws {
    int64_t count;
    float *keeps;    /* of each word the share of its place that is its own ... */
    int32_t *others; /* ... the rest is that of this one */
};
/* By counts^exponent. Clear with ec_word_draws_clear, also after a failure. */
ec_status ec_word_draws_init(struct ec_word_draws *draws, const int64_t *counts, int64_t count, double exponent);
void ec_word_draws_clear(struct ec_word_draws *draws);
/* One of them, by the random number `number` of a key. */
int32_t ec_word_draw(const struct ec_word_draws *draws, uint64_t key, uint32_t number);

#endif
