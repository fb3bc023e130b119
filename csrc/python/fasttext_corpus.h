/* The type FastTextCorpus, shared by what makes one (fasttext_corpus.c) and what trains on it (fasttext_training.c). */
#ifndef EC_PYTHON_FASTTEXT_CORPUS_H
#define EC_PYTHON_FASTTEXT_CORPUS_H

#include "python/module.h"

#include "fasttext/features.h"
#include "fasttext/training.h"

/* embedcnn._core.FastTextCorpus: read-only, so several threads may train on it at once. */
struct ec_python_fasttext_corpus {
    PyObject_HEAD struct ec_fasttext_corpus corpus;
};

/* How many threads work where the caller asks for so many, or for none in particular: 0. */
int ec_python_fasttext_threads(int wanted);

/* What of a corpus is a feature, from Python's arguments; 0, or -1 with an exception. */
int ec_python_fasttext_features(struct ec_fasttext_features *features, const struct ec_python_fasttext_corpus *self,
                                const long long chars[2], long long word_ngrams, long long buckets);
/* Its methods `train` and `train_words`. */
PyObject *ec_python_fasttext_train(PyObject *object, PyObject *args);
PyObject *ec_python_fasttext_train_words(PyObject *object, PyObject *args);

/* What a training calls now and then: looks for signals, and calls what the caller gave, or None. */
struct ec_python_watch {
    PyObject *callable;
    int64_t last;
    int raised;
};
int ec_python_fasttext_look(void *watch, const struct ec_fasttext_progress *progress);
/* (whether the training came to its end, mean loss), or NULL with an exception. */
PyObject *ec_python_fasttext_result(const struct ec_fasttext_progress *progress, const struct ec_python_watch *watch,
                                    ec_status status);

#endif
