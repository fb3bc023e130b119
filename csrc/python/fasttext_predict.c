/* FastTextModel, part 2: texts to labels and probabilities. Texts are predicted some thousand at a time without the
 * lock (GIL), then their results become Python's. */
#include "python/fasttext.h"

#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/measure.h"
#include "fasttext/predict.h"
#include "python/documents.h"

#include <string.h>

#define PLACES (1 << 20) /* labels that answers have room for, before they become Python's */

/* Answers for some documents; clear with answers_clear, also after a failure. */
static int answers_init(struct ec_fasttext_answers *answers, int64_t documents)
{
    answers->labels = ec_alloc_array(documents * answers->k, sizeof *answers->labels);
    answers->shares = ec_alloc_array(documents * answers->k, sizeof *answers->shares);
    answers->counts = ec_alloc_array(documents, sizeof *answers->counts);
    if (!answers->labels || !answers->shares || !answers->counts) {
        PyErr_NoMemory();
        return 0;
    }
    return 1;
}

static void answers_clear(struct ec_fasttext_answers *answers)
{
    ec_free(answers->labels);
    ec_free(answers->shares);
    ec_free(answers->counts);
}

static int check_status(ec_status status)
{
    if (status == EC_BAD_VALUE) {
        PyErr_SetString(PyExc_ValueError, "the model's numbers are damaged: a prediction is not a number");
    } else if (status) {
        ec_python_raise(status, "predicting");
    }
    return status == EC_OK;
}

static int predict(const struct ec_fasttext_answers *answers, const struct ec_fasttext_model *model,
                   const struct ec_document *documents, int64_t count, enum ec_fasttext_text kind)
{
    ec_status status;
    int threads = ec_thread_count();
    Py_BEGIN_ALLOW_THREADS;
    status = ec_fasttext_predict(answers, model, documents, count, kind, threads);
    Py_END_ALLOW_THREADS;
    return check_status(status);
}

int64_t ec_python_fasttext_k(const struct ec_fasttext_model *model, long long k)
{
    if (!model->classes) {
        PyErr_SetString(PyExc_ValueError, model->settings.model == EC_FASTTEXT_SUPERVISED
                                              ? "the model has no labels"
                                              : "the model is not supervised: it has vectors, and nothing to predict");
        return 0;
    }
    if (k != -1 && k < 1) {
        PyErr_Format(PyExc_ValueError, "`k` must be at least 1, or -1 for all labels. Received: k=%lld", k);
        return 0;
    }
    return k == -1 || k > model->classes ? model->classes : k;
}

/* Each text is a str without a newline. */
static int check_texts(const struct ec_python_documents *documents, int64_t first)
{
    for (int64_t i = 0; i < documents->count; i++) {
        const struct ec_document *document = &documents->documents[i];
        if (document->ends) {
            PyErr_Format(PyExc_TypeError, "texts[%lld] is a list; expected a str", (long long)(first + i));
            return 0;
        }
        if (document->length && memchr(document->bytes, '\n', (size_t)document->length)) {
            PyErr_Format(PyExc_ValueError,
                         "predict processes one line at a time (remove '\\n'). Received: a newline in texts[%lld]",
                         (long long)(first + i));
            return 0;
        }
    }
    return 1;
}

/* Appends the answers of some documents to the lists `labels` and `shares`. */
static int append_answers(PyObject *labels, PyObject *shares, const struct ec_fasttext_answers *answers, int64_t count,
                          PyObject *names)
{
    for (int64_t i = 0; i < count; i++) {
        npy_intp found = (npy_intp)answers->counts[i];
        PyObject *list = PyList_New((Py_ssize_t)found), *array = PyArray_SimpleNew(1, &found, NPY_FLOAT32);
        for (npy_intp j = 0; list && j < found; j++) {
            PyList_SET_ITEM(list, j, Py_NewRef(PyList_GET_ITEM(names, answers->labels[i * answers->k + j])));
        }
        if (array) {
            ec_copy(PyArray_DATA((PyArrayObject *)array), answers->shares + i * answers->k,
                    (size_t)found * sizeof(float));
        }
        int fits = list && array && !PyList_Append(labels, list) && !PyList_Append(shares, array);
        Py_XDECREF(list);
        Py_XDECREF(array);
        if (!fits) {
            return 0;
        }
    }
    return 1;
}

PyObject *ec_python_fasttext_predict(PyObject *object, PyObject *args)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    PyObject *texts, *names;
    long long k;
    float threshold;
    struct ec_python_documents documents;
    if (!PyArg_ParseTuple(args, "OLfO!:predict", &texts, &k, &threshold, &PyList_Type, &names)) {
        return NULL;
    }
    struct ec_fasttext_answers answers = {.k = ec_python_fasttext_k(model, k), .threshold = threshold};
    if (!answers.k) {
        return NULL;
    }
    if (PyList_GET_SIZE(names) != model->classes) {
        return PyErr_Format(PyExc_ValueError, "%zd names for %lld labels", PyList_GET_SIZE(names),
                            (long long)model->classes);
    }
    int collected = ec_python_documents_collect(&documents, texts, 0, EC_LOWER_NONE);
    if (collected < 0) {
        return NULL;
    }
    if (!collected) {
        PyErr_SetString(PyExc_TypeError, "texts holds a list; expected str only");
        return NULL;
    }
    int64_t step = ec_most(PLACES / answers.k, 1);
    PyObject *labels = PyList_New(0), *shares = PyList_New(0);
    int fits =
        labels && shares && check_texts(&documents, 0) && answers_init(&answers, ec_least(step, documents.count));
    for (int64_t begin = 0; fits && begin < documents.count; begin += step) {
        int64_t count = ec_least(step, documents.count - begin);
        fits = predict(&answers, model, documents.documents + begin, count, EC_FASTTEXT_LINE) &&
               append_answers(labels, shares, &answers, count, names);
    }
    answers_clear(&answers);
    ec_python_documents_release(&documents);
    if (!fits) {
        Py_XDECREF(labels);
        Py_XDECREF(shares);
        return NULL;
    }
    return Py_BuildValue("NN", labels, shares);
}

/* Documents from bytes and where each of them ends. */
static struct ec_document *documents_of(const Py_buffer *bytes, PyObject *value, int64_t *count)
{
    PyArrayObject *array = (PyArrayObject *)value;
    if (!PyArray_Check(value) || PyArray_TYPE(array) != NPY_INT64 || PyArray_NDIM(array) != 2 ||
        PyArray_DIM(array, 1) != 2 || !PyArray_ISCARRAY_RO(array)) {
        PyErr_SetString(PyExc_ValueError, "spans must be a contiguous int64 array (documents, 2)");
        return NULL;
    }
    const int64_t *spans = PyArray_DATA(array);
    *count = PyArray_DIM(array, 0);
    struct ec_document *documents = ec_alloc_zeros(*count, sizeof *documents);
    if (!documents) {
        PyErr_NoMemory();
        return NULL;
    }
    for (int64_t i = 0; i < *count; i++) {
        int64_t begin = spans[2 * i], end = spans[2 * i + 1];
        if (begin < 0 || end < begin || end > bytes->len || end - begin >= INT32_MAX) {
            PyErr_Format(PyExc_ValueError, "spans[%lld] = (%lld, %lld) is outside of %lld bytes", (long long)i,
                         (long long)begin, (long long)end, (long long)bytes->len);
            ec_free(documents);
            return NULL;
        }
        documents[i].bytes = (const uint8_t *)bytes->buf + begin;
        documents[i].length = end - begin;
    }
    return documents;
}

PyObject *ec_python_fasttext_predict_spans(PyObject *object, PyObject *args)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    Py_buffer bytes;
    PyObject *spans;
    long long k;
    float threshold;
    if (!PyArg_ParseTuple(args, "y*OLf:predict_spans", &bytes, &spans, &k, &threshold)) {
        return NULL;
    }
    struct ec_fasttext_answers answers = {.k = ec_python_fasttext_k(model, k), .threshold = threshold};
    int64_t count = 0;
    struct ec_document *documents = answers.k ? documents_of(&bytes, spans, &count) : NULL;
    npy_intp shape[2] = {(npy_intp)count, (npy_intp)answers.k};
    PyObject *arrays[3] = {NULL, NULL, NULL}, *result = NULL;
    if (documents) {
        arrays[0] = PyArray_ZEROS(2, shape, NPY_INT32, 0);
        arrays[1] = PyArray_ZEROS(2, shape, NPY_FLOAT32, 0);
        arrays[2] = PyArray_ZEROS(1, shape, NPY_INT64, 0);
    }
    if (arrays[0] && arrays[1] && arrays[2]) {
        answers.labels = PyArray_DATA((PyArrayObject *)arrays[0]);
        answers.shares = PyArray_DATA((PyArrayObject *)arrays[1]);
        answers.counts = PyArray_DATA((PyArrayObject *)arrays[2]);
        if (predict(&answers, model, documents, count, EC_FASTTEXT_DOCUMENT)) {
            result = PyTuple_Pack(3, arrays[0], arrays[1], arrays[2]);
        }
    }
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(arrays[i]);
    }
    ec_free(documents);
    PyBuffer_Release(&bytes);
    return result;
}

PyObject *ec_python_fasttext_measure(PyObject *object, PyObject *args)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    Py_buffer text;
    long long k;
    float threshold;
    if (!PyArg_ParseTuple(args, "y*Lf:measure", &text, &k, &threshold)) {
        return NULL;
    }
    int64_t most = ec_python_fasttext_k(model, k);
    npy_intp shape[2] = {3, (npy_intp)model->classes};
    PyObject *counts = most ? PyArray_ZEROS(2, shape, NPY_INT64, 0) : NULL;
    struct ec_fasttext_measure measure = {0};
    if (counts) {
        measure.gold = PyArray_DATA((PyArrayObject *)counts);
        measure.predicted = measure.gold + model->classes;
        measure.right = measure.predicted + model->classes;
        ec_status status;
        int threads = ec_thread_count();
        Py_BEGIN_ALLOW_THREADS;
        status = ec_fasttext_measure(&measure, model, text.buf, text.len, most, threshold, threads);
        Py_END_ALLOW_THREADS;
        if (!check_status(status)) {
            Py_CLEAR(counts);
        }
    }
    PyBuffer_Release(&text);
    return counts ? Py_BuildValue("LN", (long long)measure.lines, counts) : NULL;
}
