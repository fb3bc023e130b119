/* A fastText model: what its file says, and what predicting needs beside it. The bytes of the file stay where they are
 * (mapped); all else here is small. Read-only once made, so any number of threads may use it at once. */
#ifndef EC_FASTTEXT_MODEL_H
#define EC_FASTTEXT_MODEL_H

#include "fasttext/line.h"
#include "fasttext/matrix.h"
#include "matrix/panels.h"

#define EC_FASTTEXT_MAGIC 0x2f4f16ba
#define EC_FASTTEXT_VERSION 12
#define EC_FASTTEXT_HEAD 64 /* bytes in front of the dictionary */

enum ec_fasttext_loss {
    EC_FASTTEXT_HIERARCHICAL = 1,
    EC_FASTTEXT_NEGATIVES,
    EC_FASTTEXT_SOFTMAX,
    EC_FASTTEXT_ONE_VS_ALL
};
enum ec_fasttext_kind {
    EC_FASTTEXT_CBOW = 1,
    EC_FASTTEXT_SKIPGRAM,
    EC_FASTTEXT_SUPERVISED
};

/* As they stand in the file. */
struct ec_fasttext_settings {
    int32_t version;
    int32_t dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, minn, maxn, lr_update_rate;
    double t;
};

/* A node of the tree of hierarchical softmax; leaves are labels. */
struct ec_fasttext_node {
    int32_t left, right; /* -1: a leaf */
};

struct ec_fasttext_model {
    struct ec_fasttext_settings settings;
    struct ec_fasttext_dictionary dictionary;
    struct ec_fasttext_rules rules;
    int input_quantised, output_quantised;
    struct ec_fasttext_matrix input, output;
    /* Of supervised models with labels: */
    int64_t classes;
    float *weights;                /* [classes, dim]: the output matrix as floats */
    struct ec_panels panels;       /* the weights, packed as columns; without values: folded, or hierarchical */
    float *folded;                 /* [input rows, ec_fasttext_folded_columns], or NULL; see folding.h */
    struct ec_fasttext_node *tree; /* [2 classes - 1], the root last; hierarchical softmax only */
};

/* Reads the head of a file: magic, settings, dictionary; *used = its bytes. `label`, which stays the caller's, is what
 * labels start with. Clear with ec_fasttext_model_clear, also after a failure. */
ec_status ec_fasttext_model_head(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes,
                                 const uint8_t *label, int64_t label_length, int64_t *used, struct ec_report *report);
/* Reads the section of the input or of the output matrix, with the byte that says whether it is quantised. */
ec_status ec_fasttext_model_input(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes, int64_t *used,
                                  struct ec_report *report);
ec_status ec_fasttext_model_output(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes, int64_t *used,
                                   struct ec_report *report);
/* What predicting needs, once head and matrices are there, which are checked against each other. `folds`: a table of
 * `classes` floats a row takes the place of rows of `dim`. */
ec_status ec_fasttext_model_end(struct ec_fasttext_model *model, int folds, int threads, struct ec_report *report);
void ec_fasttext_model_clear(struct ec_fasttext_model *model);

#endif
