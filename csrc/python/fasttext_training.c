/* fastText's training on a FastTextCorpus, in place on the arrays of a model, without the lock (GIL). */
#include "python/fasttext_corpus.h"

#include "python/bags_arrays.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/training.h"
#include "fasttext/tree.h"

#define WATCH_NS 50000000 /* between two looks at signals and the callable */

int ec_python_fasttext_look(void *argument, const struct ec_fasttext_progress *progress)
{
    struct ec_python_watch *watch = argument;
    int64_t now = ec_clock_ns();
    if (now - watch->last < WATCH_NS) {
        return 0;
    }
    watch->last = now;
    PyGILState_STATE state = PyGILState_Ensure();
    int ends = PyErr_CheckSignals() < 0;
    if (!ends && watch->callable != Py_None) {
        PyObject *answer = PyObject_CallFunction(watch->callable, "LLdd", (long long)progress->tokens,
                                                 (long long)progress->total, progress->rate, progress->loss);
        ends = answer ? PyObject_IsTrue(answer) : -1;
        Py_XDECREF(answer);
    }
    watch->raised = PyErr_Occurred() != NULL;
    PyGILState_Release(state);
    return ends != 0;
}

/* The arrays of the model; 0, or -1 with an exception. */
static int parse_model(struct ec_fasttext_training *training, PyObject *rows, PyObject *output, int64_t row_count,
                       int64_t labels)
{
    float *tables[2];
    int64_t stride = ec_python_model(tables, rows, row_count, output, ec_python_columns(rows) == 1 ? 1 : labels);
    if (stride < 0) {
        return -1;
    }
    int packed = stride % 16 == 0 || stride == 1 || stride == 2 || stride == 4 || stride == 8;
    int folds = labels == 2 && training->objective.name == EC_FASTTEXT_SOFTMAX;
    if (labels < 1 || stride < 1 || !packed || (stride == 1 && !folds)) {
        PyErr_Format(PyExc_ValueError, "rows of %zd floats cannot be trained for %lld labels", (Py_ssize_t)stride,
                     (long long)labels);
        return -1;
    }
    training->rows = tables[0];
    training->output = tables[1];
    training->stride = stride;
    return 0;
}

static int parse_importance(struct ec_fasttext_training *training, PyObject *keep, PyObject *importance)
{
    if (importance == Py_None) {
        return 0;
    }
    PyArrayObject *array = ec_python_borrow(keep, importance, NPY_FLOAT32, 1, "importance");
    if (array && PyArray_DIM(array, 0) != training->features->corpus->line_count) {
        PyErr_Format(PyExc_ValueError, "importance must have %lld numbers, one a line. Received: %zd",
                     (long long)training->features->corpus->line_count, (Py_ssize_t)PyArray_DIM(array, 0));
        return -1;
    }
    training->importance = array ? PyArray_DATA(array) : NULL;
    return array ? 0 : -1;
}

static int parse_loss(struct ec_fasttext_training *training, int loss, long long negatives)
{
    if (loss < EC_FASTTEXT_HIERARCHICAL || loss > EC_FASTTEXT_ONE_VS_ALL || negatives < 0 || negatives > INT32_MAX ||
        training->epochs < 0 || training->epochs > INT32_MAX || training->rate_tokens < 0) {
        PyErr_SetString(PyExc_ValueError, "loss, negatives, rate_tokens or epochs out of range");
        return -1;
    }
    training->objective.name = (enum ec_fasttext_loss)loss;
    training->objective.negatives = negatives;
    return 0;
}

/* Without the lock. */
static ec_status run(struct ec_fasttext_training *training, const int64_t *label_counts, int64_t labels, int threads)
{
    ec_status status = ec_fasttext_objective_init(&training->objective, training->objective.name, label_counts, labels,
                                                  training->objective.negatives);
    status = status ? status : ec_fasttext_train(training, threads);
    ec_fasttext_objective_clear(&training->objective);
    return status;
}

PyObject *ec_python_fasttext_result(const struct ec_fasttext_progress *progress, const struct ec_python_watch *watch,
                                    ec_status status)
{
    if (watch->raised) {
        return NULL;
    }
    if (status && status != EC_INTERRUPTED && status != EC_BAD_VALUE) {
        return ec_python_raise(status, "training");
    }
    return Py_BuildValue("Od", status ? Py_False : Py_True, progress->loss);
}

PyObject *ec_python_fasttext_train(PyObject *object, PyObject *args)
{
    const struct ec_python_fasttext_corpus *self = (const struct ec_python_fasttext_corpus *)object;
    struct ec_fasttext_features features;
    struct ec_python_watch watch = {Py_None, ec_clock_ns(), 0};
    struct ec_fasttext_training training = {
        .features = &features, .watch = ec_python_fasttext_look, .argument = &watch};
    long long chars[2], word_ngrams, buckets, negatives, rate_tokens, epochs;
    unsigned long long seed;
    int loss, threads = 0;
    PyObject *rows, *output, *importance;
    if (!PyArg_ParseTuple(args, "OO(LL)LLiLdLLKOiO:train", &rows, &output, &chars[0], &chars[1], &word_ngrams, &buckets,
                          &loss, &negatives, &training.rate, &rate_tokens, &epochs, &seed, &importance, &threads,
                          &watch.callable) ||
        ec_python_fasttext_features(&features, self, chars, word_ngrams, buckets) < 0) {
        return NULL;
    }
    training.rate_tokens = rate_tokens;
    training.epochs = epochs;
    training.seed = seed;
    if (parse_loss(&training, loss, negatives) < 0) {
        return NULL;
    }
    PyObject *keep = PyList_New(0);
    if (!keep ||
        parse_model(&training, rows, output, self->corpus.word_count + buckets, self->corpus.label_count) < 0 ||
        parse_importance(&training, keep, importance) < 0) {
        Py_XDECREF(keep);
        return NULL;
    }
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    threads = ec_python_fasttext_threads(threads);
    status = ec_fasttext_features_init(&features, threads);
    status = status ? status
                    : run(&training, self->corpus.counts + self->corpus.word_count, self->corpus.label_count, threads);
    ec_fasttext_features_clear(&features);
    Py_END_ALLOW_THREADS;
    Py_DECREF(keep);
    return ec_python_fasttext_result(&training.progress, &watch, status);
}

/* The lines that were read, checked; 0, or -1 with an exception. */
static int parse_lines(struct ec_fasttext_lines *lines, PyObject *keep, PyObject *const arrays[4], int64_t rows,
                       int64_t labels)
{
    static const char *const names[] = {"ids", "id_ends", "labels", "label_ends"};
    PyArrayObject *of[4];
    for (int i = 0; i < 4; i++) {
        of[i] = ec_python_borrow(keep, arrays[i], i % 2 ? NPY_INT64 : NPY_INT32, 1, names[i]);
        if (!of[i]) {
            return -1;
        }
    }
    int64_t count = PyArray_DIM(of[1], 0);
    int fits = PyArray_DIM(of[3], 0) == count;
    for (int part = 0; fits && part < 4; part += 2) {
        const int32_t *numbers = PyArray_DATA(of[part]);
        const int64_t *ends = PyArray_DATA(of[part + 1]);
        int64_t before = 0, most = part ? labels : rows, given = PyArray_DIM(of[part], 0);
        for (int64_t i = 0; fits && i < count; before = ends[i++]) {
            fits = ends[i] >= before && ends[i] <= given && ends[i] - before <= INT32_MAX;
        }
        fits = fits && before == given;
        for (int64_t i = 0; fits && i < given; i++) {
            fits = numbers[i] >= 0 && numbers[i] < most;
        }
    }
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "ids and labels must be rows and labels of the model, cut by ascending ends");
        return -1;
    }
    *lines = (struct ec_fasttext_lines){.count = count,
                                        .tokens = ec_alloc_array(count, sizeof *lines->tokens),
                                        .ids = PyArray_DATA(of[0]),
                                        .id_ends = PyArray_DATA(of[1]),
                                        .labels = PyArray_DATA(of[2]),
                                        .label_ends = PyArray_DATA(of[3])};
    if (!lines->tokens) {
        PyErr_NoMemory();
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        lines->tokens[i] = (int32_t)(lines->id_ends[i] - (i ? lines->id_ends[i - 1] : 0));
    }
    return 0;
}

/* The counts of labels, of which trees and draws are made; NULL with an exception. */
static const int64_t *parse_counts(PyObject *keep, PyObject *counts, int64_t *labels)
{
    PyArrayObject *array = ec_python_borrow(keep, counts, NPY_INT64, 1, "label_counts");
    int64_t sum = 0;
    for (int64_t i = 0; array && i < PyArray_DIM(array, 0); i++) {
        int64_t count = ((const int64_t *)PyArray_DATA(array))[i];
        if (count < 0 || count >= EC_FASTTEXT_NO_COUNT - sum) {
            PyErr_Format(PyExc_ValueError, "label_counts[%lld] = %lld is impossible", (long long)i, (long long)count);
            return NULL;
        }
        sum += count;
    }
    *labels = array ? PyArray_DIM(array, 0) : 0;
    return array ? PyArray_DATA(array) : NULL;
}

static PyObject *train_lines(PyObject *module, PyObject *args)
{
    (void)module;
    struct ec_python_watch watch = {Py_None, ec_clock_ns(), 0};
    struct ec_fasttext_lines lines = {0};
    struct ec_fasttext_training training = {.given = &lines, .watch = ec_python_fasttext_look, .argument = &watch};
    long long negatives, rate_tokens, epochs;
    unsigned long long seed;
    int loss, threads = 0;
    int64_t labels = 0;
    PyObject *rows, *output, *arrays[4], *counts, *keep = PyList_New(0);
    if (!keep || !PyArg_ParseTuple(args, "OOOOOOOiLdLLKiO:fasttext_train", &rows, &output, &arrays[0], &arrays[1],
                                   &arrays[2], &arrays[3], &counts, &loss, &negatives, &training.rate, &rate_tokens,
                                   &epochs, &seed, &threads, &watch.callable)) {
        Py_XDECREF(keep);
        return NULL;
    }
    training.rate_tokens = rate_tokens;
    training.epochs = epochs;
    training.seed = seed;
    int matrix = PyArray_Check(rows) && PyArray_NDIM((PyArrayObject *)rows) == 2;
    int64_t row_count = matrix ? PyArray_DIM((PyArrayObject *)rows, 0) : 0;
    const int64_t *label_counts = parse_counts(keep, counts, &labels);
    ec_status status = EC_OK;
    PyObject *result = NULL;
    if (label_counts && parse_loss(&training, loss, negatives) == 0 &&
        parse_model(&training, rows, output, row_count, labels) == 0 &&
        parse_lines(&lines, keep, arrays, row_count, labels) == 0) {
        Py_BEGIN_ALLOW_THREADS status = run(&training, label_counts, labels, ec_python_fasttext_threads(threads));
        Py_END_ALLOW_THREADS result = ec_python_fasttext_result(&training.progress, &watch, status);
    }
    ec_free(lines.tokens);
    Py_DECREF(keep);
    return result;
}

static PyObject *randomise(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *rows;
    long long width;
    unsigned long long seed;
    int threads;
    if (!PyArg_ParseTuple(args, "OLKi:fasttext_randomise", &rows, &width, &seed, &threads)) {
        return NULL;
    }
    int matrix = PyArray_Check(rows) && PyArray_NDIM((PyArrayObject *)rows) == 2;
    npy_intp sizes[2] = {matrix ? PyArray_DIM((PyArrayObject *)rows, 0) : 0,
                         matrix ? PyArray_DIM((PyArrayObject *)rows, 1) : 0};
    PyArrayObject *table = ec_python_result(rows, NPY_FLOAT32, 2, sizes, "rows");
    if (!table) {
        return NULL;
    }
    if (width < 1 || width > sizes[1]) {
        PyErr_Format(PyExc_ValueError, "width must be from 1 to %zd. Received: %lld", (Py_ssize_t)sizes[1], width);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    ec_fasttext_randomise(PyArray_DATA(table), sizes[0], width, sizes[1], seed, ec_python_fasttext_threads(threads));
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"fasttext_train", train_lines, METH_VARARGS,
     "fasttext_train(rows, output, ids, id_ends, labels, label_ends, label_counts, loss, negatives, rate, rate_tokens, "
     "epochs, seed, threads, watch, /)\n--\n\nSteps over lines that were read before; rows and output are changed. "
     "(whether it came to its end, mean loss)."},
    {"fasttext_randomise", randomise, METH_VARARGS,
     "fasttext_randomise(rows, width, seed, threads, /)\n--\n\nFills the first columns with numbers from -1/width to "
     "1/width, "
     "the "
     "others with 0."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_fasttext_training(PyObject *module) { return PyModule_AddFunctions(module, methods); }
