/* FastTextModel, part 3: rows of n-grams, vectors of words. */
#include "python/fasttext.h"

#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/vectors.h"
#include "text/ngram.h"

PyObject *ec_python_fasttext_characters(PyObject *object, PyObject *word)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    if (!PyBytes_Check(word)) {
        return PyErr_Format(PyExc_TypeError, "word is a %.100s; expected bytes", Py_TYPE(word)->tp_name);
    }
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    const int32_t *rows = NULL;
    int64_t count = -1;
    if (reader) {
        count = ec_fasttext_characters(reader, (const uint8_t *)PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word), &rows);
    }
    PyObject *result = count < 0 ? PyErr_NoMemory() : ec_python_fasttext_ids(rows, count);
    ec_fasttext_reader_free(reader);
    return result;
}

/* The rows of an array of int32, all inside the matrix; NULL with an exception. */
static const int32_t *rows_of(PyObject *value, int64_t rows)
{
    PyArrayObject *array = (PyArrayObject *)value;
    if (!PyArray_Check(value) || PyArray_TYPE(array) != NPY_INT32 || PyArray_NDIM(array) != 1 ||
        !PyArray_ISCARRAY_RO(array)) {
        PyErr_SetString(PyExc_ValueError, "rows must be a contiguous int32 array");
        return NULL;
    }
    const int32_t *data = PyArray_DATA(array);
    for (npy_intp i = 0; i < PyArray_DIM(array, 0); i++) {
        if (data[i] < 0 || data[i] >= rows) {
            PyErr_Format(PyExc_ValueError, "rows[%lld] = %d is outside [0, %lld)", (long long)i, (int)data[i],
                         (long long)rows);
            return NULL;
        }
    }
    return data;
}

PyObject *ec_python_fasttext_mean(PyObject *object, PyObject *value)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    const int32_t *rows = rows_of(value, model->input.rows);
    npy_intp width = (npy_intp)model->input.columns;
    PyObject *mean = rows ? PyArray_SimpleNew(1, &width, NPY_FLOAT32) : NULL;
    if (mean) {
        float *data = PyArray_DATA((PyArrayObject *)mean);
        int64_t count = PyArray_DIM((PyArrayObject *)value, 0);
        ec_fasttext_sum(data, &model->input, rows, count);
        ec_kernels()->scale(data, data, count ? (float)(1.0 / (double)count) : 0, width);
    }
    return mean;
}

PyObject *ec_python_fasttext_gram_row(PyObject *object, PyObject *gram)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    if (!PyBytes_Check(gram)) {
        return PyErr_Format(PyExc_TypeError, "gram is a %.100s; expected bytes", Py_TYPE(gram)->tp_name);
    }
    if (model->settings.bucket < 1) {
        PyErr_SetString(PyExc_ValueError, "the model has no n-grams: its bucket is 0");
        return NULL;
    }
    uint32_t hash = ec_ngram_hash((const uint8_t *)PyBytes_AS_STRING(gram), PyBytes_GET_SIZE(gram));
    int32_t row = ec_fasttext_bucket_row(&model->dictionary, (int32_t)(hash % (uint32_t)model->settings.bucket));
    return PyLong_FromLong(row < 0 ? -1 : model->dictionary.word_count + row);
}

PyObject *ec_python_fasttext_word_vector(PyObject *object, PyObject *word)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    if (!PyBytes_Check(word)) {
        return PyErr_Format(PyExc_TypeError, "word is a %.100s; expected bytes", Py_TYPE(word)->tp_name);
    }
    npy_intp width = (npy_intp)model->input.columns;
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    PyObject *vector = reader ? PyArray_SimpleNew(1, &width, NPY_FLOAT32) : PyErr_NoMemory();
    if (vector && ec_fasttext_word_vector(PyArray_DATA((PyArrayObject *)vector), model, reader,
                                          (const uint8_t *)PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word))) {
        Py_CLEAR(vector);
        PyErr_NoMemory();
    }
    ec_fasttext_reader_free(reader);
    return vector;
}

PyObject *ec_python_fasttext_word_vectors(PyObject *object, PyObject *unused)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    npy_intp shape[2] = {(npy_intp)model->dictionary.word_count, (npy_intp)model->input.columns};
    PyObject *vectors = PyArray_SimpleNew(2, shape, NPY_FLOAT32);
    (void)unused;
    if (!vectors) {
        return NULL;
    }
    ec_status status;
    int threads = ec_thread_count();
    float *data = PyArray_DATA((PyArrayObject *)vectors);
    Py_BEGIN_ALLOW_THREADS;
    status = ec_fasttext_word_vectors(data, model, threads);
    Py_END_ALLOW_THREADS;
    if (status) {
        Py_DECREF(vectors);
        return ec_python_raise(status, "making vectors of words");
    }
    return vectors;
}
