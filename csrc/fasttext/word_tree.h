/* A word predicted by a tree of all words, frequent ones near its root, instead of against drawn ones: at each inner
 * node on the way to its leaf, left or right (hierarchical softmax; Morin and Bengio 2005, Mikolov et al. 2013). Nearly
 * every prediction has the root in its way: so each step sees the one before. */
#ifndef EC_FASTTEXT_WORD_TREE_H
#define EC_FASTTEXT_WORD_TREE_H

#include "fasttext/objective.h"

struct ec_word_way {
    const struct ec_fasttext_objective *tree;
    float *output; /* [words, stride]: rows of inner nodes */
    int64_t stride;
    int32_t *rows;  /* as long as the longest way is ... */
    float *amounts; /* ... and this */
};

/* Nodes on the way to a word, at most. */
int64_t ec_word_tree_longest(const struct ec_fasttext_objective *tree);
/* Asks for those rows on the way to a word that are near it. */
void ec_word_tree_ask(const struct ec_word_way *way, int32_t word);
/* A step from `hidden`: the nodes' rows take theirs, d_hidden gets that of what made `hidden`. The loss; NaN or
 * infinite where weights are no finite numbers any more. */
double ec_word_tree_step(float *d_hidden, const struct ec_word_way *way, const float *hidden, int32_t word, float rate,
                         int counts_loss);

#endif
