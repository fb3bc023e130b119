/* fastText's supervised training on a corpus: gradient steps line after line. Of narrow rows one thread makes them,
 * while the others read the lines that follow; wide ones are shared by their columns (steps.h). So the bits are those
 * of plain gradient descent, whatever the number of threads. */
#ifndef EC_FASTTEXT_TRAINING_H
#define EC_FASTTEXT_TRAINING_H

#include "base/status.h"
#include "fasttext/features.h"
#include "fasttext/steps.h"

struct ec_fasttext_progress {
    int64_t tokens, total; /* read so far, and in all epochs */
    double rate, loss;     /* of the next step; the mean so far */
};

struct ec_fasttext_training {
    const struct ec_fasttext_features *features;
    const struct ec_fasttext_lines *given; /* lines that were read before, without counts, instead of `features` */
    struct ec_fasttext_objective objective;
    /* rows[.., stride] and output[labels, stride], columns that are not used 0; with a stride of 1 the
     * folded form of a softmax of two labels (bags/product_form.h): rows[rows] and output[1]. */
    float *rows, *output;
    int64_t stride; /* 1, 2, 4, 8, or a multiple of 16 */
    double rate;    /* falls to 0 over all tokens of all epochs, every `rate_tokens` */
    int64_t rate_tokens, epochs;
    uint64_t seed;
    const float *importance; /* [lines] how much the step of each counts; NULL: 1 */
    /* Called by the calling thread now and then; ends the training with EC_INTERRUPTED where it returns 1. */
    int (*watch)(void *argument, const struct ec_fasttext_progress *progress);
    void *argument;
    struct ec_fasttext_progress progress; /* result */
};

/* EC_BAD_VALUE where the loss has overflown. */
ec_status ec_fasttext_train(struct ec_fasttext_training *training, int threads);

/* rows[count, stride] = uniform in [-1/width, 1/width) in the first `width` columns, 0 behind them. */
void ec_fasttext_randomise(float *rows, int64_t count, int64_t width, int64_t stride, uint64_t seed, int threads);

#endif
