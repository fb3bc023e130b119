/* The type FastTextCorpus: a text that was read for fastText's training, and that training. Reading and steps run
 * without the lock (GIL); a corpus is immutable, so several threads may train on it. */
#include "python/bags_arrays.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/training.h"

#define WATCH_NS 50000000 /* between two looks at signals and the callable */

struct corpus {
    PyObject_HEAD struct ec_fasttext_corpus corpus;
};

/* How many threads work where the caller asks for so many, or for none in particular: 0. */
static int threads_of(int wanted) { return wanted > 0 ? (int)ec_least(wanted, EC_MAX_THREADS) : ec_thread_count(); }

static PyObject *copied(const void *data, int64_t count, int type, size_t size)
{
    npy_intp length = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &length, type);
    if (array && count) {
        memcpy(PyArray_DATA((PyArrayObject *)array), data, (size_t)count * size);
    }
    return array;
}

/* The words given beside a text, checked; 0, or -1 with an exception. */
static int parse_words(struct ec_fasttext_source *text, PyObject *keep, PyObject *words, PyObject *ends)
{
    if (words == Py_None) {
        return 0;
    }
    PyArrayObject *bytes = ec_python_borrow(keep, words, NPY_UINT8, 1, "words");
    PyArrayObject *at = bytes ? ec_python_borrow(keep, ends, NPY_INT64, 1, "word_ends") : NULL;
    if (!at) {
        return -1;
    }
    text->words = PyArray_DATA(bytes);
    text->word_ends = PyArray_DATA(at);
    text->words_given = PyArray_DIM(at, 0);
    for (int64_t i = 0, before = 0; i < text->words_given; before = text->word_ends[i++]) {
        if (text->word_ends[i] < before || text->word_ends[i] > PyArray_DIM(bytes, 0)) {
            PyErr_SetString(PyExc_ValueError, "word_ends must ascend within words");
            return -1;
        }
    }
    return 0;
}

static PyObject *corpus_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"text", "label", "min_count", "min_count_label", "words", "word_ends", "threads", NULL};
    Py_buffer bytes, label;
    long long least, least_label;
    PyObject *words = Py_None, *ends = Py_None;
    int threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*LL|OOi:FastTextCorpus", keywords, &bytes, &label, &least,
                                     &least_label, &words, &ends, &threads)) {
        return NULL;
    }
    struct ec_fasttext_source text = {.bytes = bytes.buf,
                                      .length = bytes.len,
                                      .label = label.buf,
                                      .label_length = label.len,
                                      .min_count = least,
                                      .min_count_label = least_label};
    PyObject *keep = PyList_New(0);
    struct corpus *self = (struct corpus *)type->tp_alloc(type, 0);
    int failed = !keep || !self || parse_words(&text, keep, words, ends) < 0;
    if (!failed) {
        ec_status status;
        Py_BEGIN_ALLOW_THREADS status = ec_fasttext_corpus_init(&self->corpus, &text, threads_of(threads));
        Py_END_ALLOW_THREADS;
        failed = status && !ec_python_raise(status, "reading the text");
    }
    PyBuffer_Release(&bytes);
    PyBuffer_Release(&label);
    Py_XDECREF(keep);
    if (failed) {
        Py_XDECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void corpus_dealloc(PyObject *object)
{
    ec_fasttext_corpus_clear(&((struct corpus *)object)->corpus);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *corpus_dictionary(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_corpus *corpus = &((const struct corpus *)object)->corpus;
    int64_t count = corpus->word_count + corpus->label_count;
    PyObject *parts[] = {
        copied(corpus->bytes, count ? corpus->ends[count - 1] : 0, NPY_UINT8, 1),
        copied(corpus->ends, count, NPY_INT64, sizeof(int64_t)),
        copied(corpus->counts, count, NPY_INT64, sizeof(int64_t)),
    };
    return Py_BuildValue("NNN", parts[0], parts[1], parts[2]);
}

static PyObject *corpus_sizes(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_corpus *corpus = &((const struct corpus *)object)->corpus;
    return Py_BuildValue("LLL", (long long)corpus->word_count, (long long)corpus->label_count,
                         (long long)corpus->token_total);
}

static PyObject *corpus_section(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_corpus *corpus = &((const struct corpus *)object)->corpus;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)ec_fasttext_corpus_section(NULL, corpus));
    if (bytes) {
        ec_fasttext_corpus_section((uint8_t *)PyBytes_AS_STRING(bytes), corpus);
    }
    return bytes;
}

/* What of a corpus is a feature, from Python's arguments; 0, or -1 with an exception. */
static int begin_features(struct ec_fasttext_features *features, const struct corpus *self, const long long chars[2],
                          long long word_ngrams, long long buckets)
{
    *features = (struct ec_fasttext_features){
        .corpus = &self->corpus, .chars = {chars[0], chars[1]}, .word_ngrams = word_ngrams, .buckets = buckets};
    if (chars[0] < 0 || chars[1] < 0 || chars[1] > 1000 || word_ngrams < 1 || word_ngrams > 1000 || buckets < 0 ||
        buckets > INT32_MAX || (buckets == 0 && (chars[1] > 0 || word_ngrams > 1))) {
        PyErr_Format(PyExc_ValueError, "n-grams of %lld to %lld characters and %lld words need buckets. Received: %lld",
                     chars[0], chars[1], word_ngrams, buckets);
        return -1;
    }
    return 0;
}

static PyObject *corpus_lines(PyObject *object, PyObject *args)
{
    const struct corpus *self = (const struct corpus *)object;
    struct ec_fasttext_features features;
    struct ec_fasttext_lines lines = {0};
    long long chars[2], word_ngrams, buckets;
    int pairs;
    if (!PyArg_ParseTuple(args, "(LL)LLp:lines", &chars[0], &chars[1], &word_ngrams, &buckets, &pairs) ||
        begin_features(&features, self, chars, word_ngrams, buckets) < 0) {
        return NULL;
    }
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status = ec_fasttext_features_init(&features, ec_thread_count());
    if (!status) {
        status = ec_fasttext_read_lines(&lines, &features, (struct ec_range){0, self->corpus.line_count}, pairs);
    }
    Py_END_ALLOW_THREADS;
    PyObject *result = NULL;
    if (!status) {
        int64_t ids = lines.count ? lines.id_ends[lines.count - 1] : 0;
        int64_t labels = lines.count ? lines.label_ends[lines.count - 1] : 0;
        PyObject *counts = pairs ? copied(lines.counts, ids, NPY_FLOAT32, sizeof(float)) : Py_NewRef(Py_None);
        result = Py_BuildValue("NNNNNN", copied(lines.tokens, lines.count, NPY_INT32, sizeof(int32_t)),
                               copied(lines.id_ends, lines.count, NPY_INT64, sizeof(int64_t)),
                               copied(lines.ids, ids, NPY_INT32, sizeof(int32_t)), counts,
                               copied(lines.label_ends, lines.count, NPY_INT64, sizeof(int64_t)),
                               copied(lines.labels, labels, NPY_INT32, sizeof(int32_t)));
    }
    ec_fasttext_lines_clear(&lines);
    ec_fasttext_features_clear(&features);
    return status ? ec_python_raise(status, "reading lines") : result;
}

struct watch {
    PyObject *callable;
    int64_t last;
    int raised;
};

static int look(void *argument, const struct ec_fasttext_progress *progress)
{
    struct watch *watch = argument;
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
static int parse_model(struct ec_fasttext_training *training, PyObject *rows, PyObject *output)
{
    npy_intp stride =
        PyArray_Check(rows) && PyArray_NDIM((PyArrayObject *)rows) == 2 ? PyArray_DIM((PyArrayObject *)rows, 1) : 0;
    int64_t labels = training->features->corpus->label_count;
    npy_intp of_rows[2] = {(npy_intp)training->features->rows, stride};
    npy_intp of_output[2] = {stride == 1 ? 1 : (npy_intp)labels, stride};
    PyArrayObject *table = ec_python_result(rows, NPY_FLOAT32, 2, of_rows, "rows");
    PyArrayObject *matrix = table ? ec_python_result(output, NPY_FLOAT32, 2, of_output, "output") : NULL;
    if (!matrix) {
        return -1;
    }
    int packed = stride % 16 == 0 || stride == 1 || stride == 2 || stride == 4 || stride == 8;
    int folds = labels == 2 && training->objective.name == EC_FASTTEXT_SOFTMAX;
    if (labels < 1 || stride < 1 || !packed || (stride == 1 && !folds)) {
        PyErr_Format(PyExc_ValueError, "rows of %zd floats cannot be trained for %lld labels", (Py_ssize_t)stride,
                     (long long)labels);
        return -1;
    }
    training->rows = PyArray_DATA(table);
    training->output = PyArray_DATA(matrix);
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

static PyObject *corpus_train(PyObject *object, PyObject *args)
{
    const struct corpus *self = (const struct corpus *)object;
    struct ec_fasttext_features features;
    struct watch watch = {Py_None, ec_clock_ns(), 0};
    struct ec_fasttext_training training = {.features = &features, .watch = look, .argument = &watch};
    long long chars[2], word_ngrams, buckets, negatives, rate_tokens, epochs;
    unsigned long long seed;
    int loss, threads = 0;
    PyObject *rows, *output, *importance;
    if (!PyArg_ParseTuple(args, "OO(LL)LLiLdLLKOiO:train", &rows, &output, &chars[0], &chars[1], &word_ngrams, &buckets,
                          &loss, &negatives, &training.rate, &rate_tokens, &epochs, &seed, &importance, &threads,
                          &watch.callable) ||
        begin_features(&features, self, chars, word_ngrams, buckets) < 0) {
        return NULL;
    }
    if (loss < EC_FASTTEXT_HIERARCHICAL || loss > EC_FASTTEXT_ONE_VS_ALL || negatives < 0 || epochs < 0 ||
        rate_tokens < 0) {
        PyErr_SetString(PyExc_ValueError, "loss, negatives, rate_tokens or epochs out of range");
        return NULL;
    }
    training.objective.name = (enum ec_fasttext_loss)loss;
    training.rate_tokens = rate_tokens;
    training.epochs = epochs;
    training.seed = seed;
    features.rows = self->corpus.word_count + buckets;
    PyObject *keep = PyList_New(0);
    if (!keep || parse_model(&training, rows, output) < 0 || parse_importance(&training, keep, importance) < 0) {
        Py_XDECREF(keep);
        return NULL;
    }
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    threads = threads_of(threads);
    status = ec_fasttext_features_init(&features, threads);
    if (!status) {
        status = ec_fasttext_objective_init(&training.objective, training.objective.name,
                                            self->corpus.counts + self->corpus.word_count, self->corpus.label_count,
                                            negatives);
        status = status ? status : ec_fasttext_train(&training, threads);
        ec_fasttext_objective_clear(&training.objective);
    }
    ec_fasttext_features_clear(&features);
    Py_END_ALLOW_THREADS;
    Py_DECREF(keep);
    if (watch.raised) {
        return NULL;
    }
    if (status && status != EC_INTERRUPTED && status != EC_BAD_VALUE) {
        return ec_python_raise(status, "training");
    }
    return Py_BuildValue("Od", status ? Py_False : Py_True, training.progress.loss);
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
    ec_fasttext_randomise(PyArray_DATA(table), sizes[0], width, sizes[1], seed, threads_of(threads));
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

static PyMethodDef corpus_methods[] = {
    {"sizes", corpus_sizes, METH_NOARGS, "sizes($self)\n--\n\nWords, labels, and tokens in all."},
    {"dictionary", corpus_dictionary, METH_NOARGS,
     "dictionary($self)\n--\n\n(bytes uint8, ends int64, counts int64) of words, then labels."},
    {"section", corpus_section, METH_NOARGS,
     "section($self)\n--\n\nThe dictionary as it stands in fastText's files, bytes."},
    {"lines", corpus_lines, METH_VARARGS,
     "lines($self, chars, word_ngrams, buckets, pairs, /)\n--\n\n(tokens, id_ends, ids, counts, label_ends, labels) of "
     "all lines."},
    {"train", corpus_train, METH_VARARGS,
     "train($self, rows, output, chars, word_ngrams, buckets, loss, negatives, rate, rate_tokens, epochs, seed, "
     "importance, threads, watch, /)\n--\n\nSteps over all lines; rows and output are changed. (whether it came to its "
     "end, "
     "mean loss)."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject corpus_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.FastTextCorpus",
    .tp_basicsize = sizeof(struct corpus),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "FastTextCorpus(text, label, min_count, min_count_label, words=None, word_ends=None, threads=0)\n--\n\nA "
              "text of "
              "labelled lines, read once.",
    .tp_new = corpus_new,
    .tp_dealloc = corpus_dealloc,
    .tp_methods = corpus_methods,
};

static PyMethodDef methods[] = {
    {"fasttext_randomise", randomise, METH_VARARGS,
     "fasttext_randomise(rows, width, seed, threads, /)\n--\n\nFills the first columns with numbers from -1/width to "
     "1/width, "
     "the "
     "others with 0."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_fasttext_training(PyObject *module)
{
    return PyModule_AddType(module, &corpus_type) < 0 ? -1 : PyModule_AddFunctions(module, methods);
}
