/* Word vectors from a text, by skip-gram or a continuous bag of words with negative sampling (word_steps.h) or down a
 * tree (word_tree.h). All threads compute chunks of neighbouring words and then add what they found to the rows, in the
 * order of the text: the same bits for any number of threads. */
#ifndef EC_FASTTEXT_WORD_TRAINING_H
#define EC_FASTTEXT_WORD_TRAINING_H

#include "base/status.h"
#include "fasttext/features.h"
#include "fasttext/training.h"

#define EC_WORD_MOST_WINDOW 1000

struct ec_word_training {
    const struct ec_fasttext_features *features;
    int bags;              /* a continuous bag of words; else skip-gram */
    float *rows, *output;  /* rows[features->rows, stride] and output[words, stride], columns behind `width` 0 */
    int64_t width, stride; /* stride: a multiple of 16 */
    int64_t window;        /* words on each side, at most: how many is drawn for each word; up to EC_WORD_MOST_WINDOW */
    int tree;              /* predictions go down a tree of the words; else against `negatives` drawn ones */
    int64_t negatives;     /* drawn against each neighbour */
    double exponent;       /* drawn by count^exponent */
    double sample;         /* words with a larger share of the text are thinned out; 0: none */
    double rate, least_rate; /* falls evenly from the one to the other */
    int64_t epochs;
    uint64_t seed;
    int (*watch)(void *argument, const struct ec_fasttext_progress *progress); /* as of ec_fasttext_training */
    void *argument;
    struct ec_fasttext_progress progress; /* result */
};

/* EC_BAD_VALUE where the loss has overflown. */
ec_status ec_word_train(struct ec_word_training *training, int threads);

#endif
