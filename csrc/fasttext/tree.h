/* The tree of hierarchical softmax: frequent labels near its root (Huffman's code), built exactly as fastText does. */
#ifndef EC_FASTTEXT_TREE_H
#define EC_FASTTEXT_TREE_H

#include "fasttext/model.h"

/* *tree gets 2 classes - 1 nodes, labels first, the root last; free with ec_free. EC_BAD_FORMAT where the labels'
 * counts are impossible. */
ec_status ec_fasttext_tree(struct ec_fasttext_node **tree, const struct ec_fasttext_dictionary *dictionary,
                           struct ec_report *report);

#endif
