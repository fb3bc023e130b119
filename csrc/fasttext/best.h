/* The k best of many labels by their scores, equal ones in the order of the labels. */
#ifndef EC_FASTTEXT_BEST_H
#define EC_FASTTEXT_BEST_H

#include <stdint.h>

/* A heap whose first is the worst that is kept. */
struct ec_fasttext_best {
    int64_t count, most;
    float *scores; /* [most] */
    int32_t *labels;
};

static inline int ec_fasttext_is_worse(const struct ec_fasttext_best *best, int64_t a, int64_t b)
{
    return best->scores[a] < best->scores[b] ||
           (best->scores[a] == best->scores[b] && best->labels[a] > best->labels[b]);
}

/* Whether a label of this score would not be kept. Labels come in any order, so an equal score may still be. */
static inline int ec_fasttext_is_beaten(const struct ec_fasttext_best *best, float score)
{
    return best->count == best->most && score < best->scores[0];
}

void ec_fasttext_best_add(struct ec_fasttext_best *best, float score, int32_t label);
/* Best first; nothing may be added any more. */
void ec_fasttext_best_sort(struct ec_fasttext_best *best);

#endif
