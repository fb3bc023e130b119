/* The training of word vectors on a FastTextCorpus, in place on the arrays of a model, without the lock (GIL). */
#include "python/fasttext_corpus.h"

#include "python/bags_arrays.h"

#include "base/clock.h"
#include "fasttext/word_training.h"

#include <math.h>

/* The arrays of the model; 0, or -1 with an exception. */
static int parse_tables(struct ec_word_training *training, PyObject *rows, PyObject *output, int64_t row_count,
                        int64_t words)
{
    float *tables[2];
    int64_t stride = ec_python_model(tables, rows, row_count, output, words);
    if (stride < 0) {
        return -1;
    }
    if (stride < 16 || stride % 16 || training->width < 1 || training->width > stride) {
        PyErr_Format(PyExc_ValueError, "rows of %zd floats, %lld of them used, cannot be trained", (Py_ssize_t)stride,
                     (long long)training->width);
        return -1;
    }
    training->rows = tables[0];
    training->output = tables[1];
    training->stride = stride;
    return 0;
}

static int check_numbers(const struct ec_word_training *training)
{
    if (training->window < 1 || training->window > EC_WORD_MOST_WINDOW || training->negatives < 0 ||
        training->negatives > INT32_MAX || training->epochs < 0 || training->epochs > INT32_MAX ||
        !isfinite(training->exponent) || !(training->sample >= 0) || !isfinite(training->rate) ||
        !isfinite(training->least_rate)) {
        PyErr_Format(PyExc_ValueError, "window (1 to %d), negatives, epochs, exponent, sample or rate out of range",
                     EC_WORD_MOST_WINDOW);
        return -1;
    }
    return 0;
}

PyObject *ec_python_fasttext_train_words(PyObject *object, PyObject *args)
{
    const struct ec_python_fasttext_corpus *self = (const struct ec_python_fasttext_corpus *)object;
    struct ec_fasttext_features features;
    struct ec_python_watch watch = {Py_None, ec_clock_ns(), 0};
    struct ec_word_training training = {.features = &features, .watch = ec_python_fasttext_look, .argument = &watch};
    long long width, chars[2], buckets, window, negatives, epochs;
    unsigned long long seed;
    int threads = 0;
    PyObject *rows, *output;
    if (!PyArg_ParseTuple(args, "OOL(LL)LppLLddddLKiO:train_words", &rows, &output, &width, &chars[0], &chars[1],
                          &buckets, &training.bags, &training.tree, &window, &negatives, &training.exponent,
                          &training.sample, &training.rate, &training.least_rate, &epochs, &seed, &threads,
                          &watch.callable) ||
        ec_python_fasttext_features(&features, self, chars, 1, buckets) < 0) {
        return NULL;
    }
    training.width = width;
    training.window = window;
    training.negatives = negatives;
    training.epochs = epochs;
    training.seed = seed;
    if (check_numbers(&training) < 0 ||
        parse_tables(&training, rows, output, self->corpus.word_count + buckets, self->corpus.word_count) < 0) {
        return NULL;
    }
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    threads = ec_python_fasttext_threads(threads);
    status = ec_fasttext_features_init(&features, threads);
    status = status ? status : ec_word_train(&training, threads);
    ec_fasttext_features_clear(&features);
    Py_END_ALLOW_THREADS;
    return ec_python_fasttext_result(&training.progress, &watch, status);
}
