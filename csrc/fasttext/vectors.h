/* Vectors of words by a model of fastText: the mean of a word's row and those of its n-grams of characters. */
#ifndef EC_FASTTEXT_VECTORS_H
#define EC_FASTTEXT_VECTORS_H

#include "fasttext/model.h"

/* out[dim] = the vector of a word, known or not; zeros where it has no rows. */
ec_status ec_fasttext_word_vector(float *out, const struct ec_fasttext_model *model, struct ec_fasttext_reader *reader,
                                  const uint8_t *word, int64_t length);
/* out[words, dim] = the vectors of all words, each divided by its length. */
ec_status ec_fasttext_word_vectors(float *out, const struct ec_fasttext_model *model, int threads);

#endif
