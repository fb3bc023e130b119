/* The tree of hierarchical softmax: frequent labels near its root (Huffman's code), built exactly as fastText does. */
#ifndef EC_FASTTEXT_TREE_H
#define EC_FASTTEXT_TREE_H

#include "fasttext/model.h"

/* *tree gets 2 classes - 1 nodes, labels first, the root last; free with ec_free. `counts` of the labels, each below
 * EC_FASTTEXT_NO_COUNT in all. */
ec_status ec_fasttext_tree_of(struct ec_fasttext_node **tree, const int64_t *counts, int64_t labels);
#define EC_FASTTEXT_NO_COUNT ((int64_t)1000000000000000) /* of a node that is not made yet, as in fastText */
/* That of a dictionary. EC_BAD_FORMAT where the labels' counts are impossible. */
ec_status ec_fasttext_tree(struct ec_fasttext_node **tree, const struct ec_fasttext_dictionary *dictionary,
                           struct ec_report *report);

#endif
