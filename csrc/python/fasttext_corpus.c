/* The type FastTextCorpus: a text that was read for fastText's training. Reading runs without the lock (GIL). */
#include "python/fasttext_corpus.h"

#include "python/bags_arrays.h"

#include "base/memory.h"
#include "base/threads.h"

int ec_python_fasttext_threads(int wanted)
{
    return wanted > 0 ? (int)ec_least(wanted, EC_MAX_THREADS) : ec_thread_count();
}

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
    struct ec_python_fasttext_corpus *self = (struct ec_python_fasttext_corpus *)type->tp_alloc(type, 0);
    int failed = !keep || !self || parse_words(&text, keep, words, ends) < 0;
    if (!failed) {
        ec_status status;
        Py_BEGIN_ALLOW_THREADS status =
            ec_fasttext_corpus_init(&self->corpus, &text, ec_python_fasttext_threads(threads));
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
    ec_fasttext_corpus_clear(&((struct ec_python_fasttext_corpus *)object)->corpus);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *corpus_dictionary(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_corpus *corpus = &((const struct ec_python_fasttext_corpus *)object)->corpus;
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
    const struct ec_fasttext_corpus *corpus = &((const struct ec_python_fasttext_corpus *)object)->corpus;
    return Py_BuildValue("LLL", (long long)corpus->word_count, (long long)corpus->label_count,
                         (long long)corpus->token_total);
}

static PyObject *corpus_section(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_corpus *corpus = &((const struct ec_python_fasttext_corpus *)object)->corpus;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)ec_fasttext_corpus_section(NULL, corpus));
    if (bytes) {
        ec_fasttext_corpus_section((uint8_t *)PyBytes_AS_STRING(bytes), corpus);
    }
    return bytes;
}

int ec_python_fasttext_features(struct ec_fasttext_features *features, const struct ec_python_fasttext_corpus *self,
                                const long long chars[2], long long word_ngrams, long long buckets)
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
    struct ec_python_fasttext_corpus *self = (struct ec_python_fasttext_corpus *)object;
    struct ec_fasttext_features features;
    struct ec_fasttext_lines lines = {0};
    long long chars[2], word_ngrams, buckets;
    int pairs;
    if (!PyArg_ParseTuple(args, "(LL)LLp:lines", &chars[0], &chars[1], &word_ngrams, &buckets, &pairs) ||
        ec_python_fasttext_features(&features, self, chars, word_ngrams, buckets) < 0) {
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

static PyMethodDef corpus_methods[] = {
    {"sizes", corpus_sizes, METH_NOARGS, "sizes($self)\n--\n\nWords, labels, and tokens in all."},
    {"dictionary", corpus_dictionary, METH_NOARGS,
     "dictionary($self)\n--\n\n(bytes uint8, ends int64, counts int64) of words, then labels."},
    {"section", corpus_section, METH_NOARGS,
     "section($self)\n--\n\nThe dictionary as it stands in fastText's files, bytes."},
    {"lines", corpus_lines, METH_VARARGS,
     "lines($self, chars, word_ngrams, buckets, pairs, /)\n--\n\n(tokens, id_ends, ids, counts, label_ends, labels) of "
     "all lines."},
    {"train", ec_python_fasttext_train, METH_VARARGS,
     "train($self, rows, output, chars, word_ngrams, buckets, loss, negatives, rate, rate_tokens, epochs, seed, "
     "importance, threads, watch, /)\n--\n\nSteps over all lines; rows and output are changed. "
     "(whether it came to its "
     "end, "
     "mean loss)."},
    {"train_words", ec_python_fasttext_train_words, METH_VARARGS,
     "train_words($self, rows, output, width, chars, buckets, bags, tree, window, negatives, exponent, sample, rate, "
     "least_rate, epochs, seed, threads, watch, /)\n--\n\nWord vectors; rows and output are changed. (whether it came "
     "to "
     "its end, mean loss)."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject corpus_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.FastTextCorpus",
    .tp_basicsize = sizeof(struct ec_python_fasttext_corpus),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "FastTextCorpus(text, label, min_count, min_count_label, words=None, word_ends=None, threads=0)\n--\n\nA "
              "text of "
              "labelled lines, read once.",
    .tp_new = corpus_new,
    .tp_dealloc = corpus_dealloc,
    .tp_methods = corpus_methods,
};

int ec_python_add_fasttext_corpus(PyObject *module) { return PyModule_AddType(module, &corpus_type); }
