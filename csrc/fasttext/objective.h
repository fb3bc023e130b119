/* fastText's four losses of a line: softmax over the labels, each label decided alone (one vs all), a binary tree of
 * labels (hierarchical softmax; Morin and Bengio 2005), or a label against a few that are drawn (negative sampling;
 * Mikolov et al. 2013). With h = the mean of the line's rows and a row w of the output, the step at rate r is
 * r (target - share) for each: w += step h, and the line's rows get the sum of step w. */
#ifndef EC_FASTTEXT_OBJECTIVE_H
#define EC_FASTTEXT_OBJECTIVE_H

#include "base/status.h"
#include "fasttext/model.h"

#include <stdint.h>

#define EC_FASTTEXT_SIGMOIDS 512 /* steps of its table of the sigmoid, over [-8, 8] */

struct ec_fasttext_objective {
    enum ec_fasttext_loss name;
    int64_t labels;
    int64_t negatives;  /* drawn for each line */
    int64_t *path_ends; /* of each label: HS */
    int32_t *paths;     /* rows of the output from the leaf up, and one; < 0: the left child */
    double *shares;     /* NS: of labels up to each, drawn by the roots of their counts */
    float sigmoids[EC_FASTTEXT_SIGMOIDS + 1];
};

/* `counts` of the labels. Clear with ec_fasttext_objective_clear, also after a failure. */
ec_status ec_fasttext_objective_init(struct ec_fasttext_objective *objective, enum ec_fasttext_loss name,
                                     const int64_t *counts, int64_t labels, int64_t negatives);
void ec_fasttext_objective_clear(struct ec_fasttext_objective *objective);

struct ec_fasttext_target {
    const int32_t *labels; /* of the line, at least one */
    int64_t count;
    uint64_t key; /* of what is drawn */
    float rate;
};
/* The rows of the output that a line takes a step of, and whether it should be of each. Rows may come twice. */
struct ec_fasttext_choice {
    int64_t count;
    int32_t *rows;
    uint8_t *positive;
};
/* Rows that a choice has at most. */
int64_t ec_fasttext_most_rows(const struct ec_fasttext_objective *objective);
void ec_fasttext_choose(struct ec_fasttext_choice *choice, const struct ec_fasttext_objective *objective,
                        const struct ec_fasttext_target *target);
/* Turns the logits of the chosen rows into r (target - share); the loss. */
double ec_fasttext_amounts(float *logits, const struct ec_fasttext_objective *objective,
                           const struct ec_fasttext_choice *choice, float rate);
/* The label that a line with several is taken for, where they exclude each other. */
int32_t ec_fasttext_label(const struct ec_fasttext_target *target);

#endif
