/* What a thread needs to predict lines: they are summed into places of a block, multiplied together, then answered. */
#ifndef EC_FASTTEXT_ANSWER_H
#define EC_FASTTEXT_ANSWER_H

#include "fasttext/model.h"

#define EC_FASTTEXT_BLOCK 24    /* lines */
#define EC_FASTTEXT_SIGMOID 512 /* steps of fastText's sigmoid */

struct ec_fasttext_worker {
    const struct ec_fasttext_model *model;
    int64_t k;       /* labels of an answer, at most the classes */
    float threshold; /* labels below are left out */
    struct ec_fasttext_reader *reader;
    struct ec_fasttext_matrix table; /* whose rows are summed: folded, or the input */
    float *hidden;                   /* [EC_FASTTEXT_BLOCK, width of the table] */
    float *packed;                   /* the same as panels of rows */
    float *logits;                   /* [EC_FASTTEXT_BLOCK, classes] */
    int32_t *stack;                  /* of nodes of the tree */
    float *node_scores;
    float sigmoid[EC_FASTTEXT_SIGMOID + 1];
};

/* Clear with ec_fasttext_worker_clear, also after a failure. */
ec_status ec_fasttext_worker_init(struct ec_fasttext_worker *worker, const struct ec_fasttext_model *model, int64_t k,
                                  float threshold);
void ec_fasttext_worker_clear(struct ec_fasttext_worker *worker);

/* A line with at least one id becomes that of a place. */
void ec_fasttext_put(struct ec_fasttext_worker *worker, int64_t place, const struct ec_fasttext_line *line);
/* When places [0, count) are filled. */
void ec_fasttext_multiply(struct ec_fasttext_worker *worker, int64_t count);
/* The best labels of a place, at most k: best first, equal ones in the order of the labels; as fastText gives their
 * shares, but at most 1. EC_BAD_VALUE where they are not numbers. Once for each place. */
ec_status ec_fasttext_answer(struct ec_fasttext_worker *worker, int64_t place, int32_t *labels, float *shares,
                             int64_t *count);

#endif
