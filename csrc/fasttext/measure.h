/* How well a model predicts the labels of lines. */
#ifndef EC_FASTTEXT_MEASURE_H
#define EC_FASTTEXT_MEASURE_H

#include "fasttext/model.h"

struct ec_fasttext_measure {
    int64_t lines;                     /* that have labels, and ids */
    int64_t *gold, *predicted, *right; /* [labels], zeros at first: how often each label is named, and predicted */
};

/* Adds the labelled lines of a text, of whose labels the k best, from the threshold on, are predicted. EC_BAD_VALUE as
 * ec_fasttext_predict. */
ec_status ec_fasttext_measure(struct ec_fasttext_measure *measure, const struct ec_fasttext_model *model,
                              const uint8_t *text, int64_t length, int64_t k, float threshold, int threads);

#endif
