/* Files of vectors, part 3: the dictionary and the n-grams of fastText models. */
#include "python/vectors.h"

#include "base/threads.h"
#include "vectors/fasttext.h"

static PyObject *fasttext_entries(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer data;
    long long most;
    if (!PyArg_ParseTuple(args, "y*L:fasttext_entries", &data, &most)) {
        return NULL;
    }
    PyObject *entries = PyList_New(0);
    int64_t used = 0;
    while (entries && PyList_GET_SIZE(entries) < most) {
        int64_t word_bytes = 0;
        int8_t type = 0;
        const char *entry = (const char *)data.buf + used;
        int64_t bytes = ec_fasttext_entry(entry, data.len - used, &word_bytes, &type);
        if (!bytes) {
            break;
        }
        PyObject *item = Py_BuildValue("(y#i)", entry, (Py_ssize_t)word_bytes, (int)type);
        if (!item || PyList_Append(entries, item) < 0) {
            Py_CLEAR(entries);
        }
        Py_XDECREF(item);
        used += bytes;
    }
    PyBuffer_Release(&data);
    return entries ? Py_BuildValue("(LN)", (long long)used, entries) : NULL;
}

/* (shortest, longest, buckets, first_row), checked. */
static int read_subwords(PyObject *tuple, struct ec_subwords *subwords)
{
    long long shortest, longest, buckets, first_row;
    if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "LLLL", &shortest, &longest, &buckets, &first_row)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "subwords must be a tuple");
        }
        return 0;
    }
    if (shortest < 0 || longest < 0 || longest > INT32_MAX || buckets < 0 || buckets > INT32_MAX || first_row < 0) {
        PyErr_Format(PyExc_ValueError, "n-grams of %lld to %lld characters in %lld buckets are impossible", shortest,
                     longest, buckets);
        return 0;
    }
    *subwords = (struct ec_subwords){shortest, longest, buckets, first_row};
    return 1;
}

static PyObject *fasttext_subwords(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer word;
    PyObject *tuple, *result = NULL;
    struct ec_subwords subwords;
    if (!PyArg_ParseTuple(args, "s*O:fasttext_subwords", &word, &tuple)) {
        return NULL;
    }
    if (read_subwords(tuple, &subwords)) {
        struct ec_subword_room room = {0};
        npy_intp count = (npy_intp)ec_fasttext_subwords(&room, &subwords, word.buf, word.len);
        result =
            count < 0 ? ec_python_raise(EC_NO_MEMORY, "fasttext_subwords") : PyArray_SimpleNew(1, &count, NPY_INT64);
        for (npy_intp i = 0; result && i < count; i++) {
            ((int64_t *)PyArray_DATA((PyArrayObject *)result))[i] = subwords.first_row + room.buckets[i];
        }
        ec_subword_room_clear(&room);
    }
    PyBuffer_Release(&word);
    return result;
}

static PyObject *fasttext_compose(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *object, *arrays, *tuple;
    struct ec_word_index index;
    struct ec_subwords subwords;
    if (!PyArg_ParseTuple(args, "OOO:fasttext_compose", &object, &arrays, &tuple) ||
        !ec_python_word_index(arrays, &index) || !read_subwords(tuple, &subwords)) {
        return NULL;
    }
    PyArrayObject *matrix = (PyArrayObject *)object;
    if (!PyArray_Check(object) || PyArray_TYPE(matrix) != NPY_FLOAT32 || PyArray_NDIM(matrix) != 2 ||
        !PyArray_ISCARRAY(matrix) || subwords.first_row < index.count ||
        PyArray_DIM(matrix, 0) - subwords.buckets < subwords.first_row) {
        PyErr_SetString(PyExc_ValueError, "matrix must be a writable C-contiguous float32 array with a row for each "
                                          "word and bucket");
        return NULL;
    }
    ec_status status;
    int threads = ec_thread_count();
    Py_BEGIN_ALLOW_THREADS;
    status = ec_fasttext_compose(&subwords, &index, PyArray_DATA(matrix), PyArray_DIM(matrix, 1), threads);
    Py_END_ALLOW_THREADS;
    if (status != EC_OK) {
        return ec_python_raise(status, "fasttext_compose");
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"fasttext_entries", fasttext_entries, METH_VARARGS,
     "fasttext_entries(data, most, /)\n--\n\n(bytes used, [(word, type), ...]) of the complete dictionary entries."},
    {"fasttext_subwords", fasttext_subwords, METH_VARARGS,
     "fasttext_subwords(word, settings, /)\n--\n\nint64 rows of the word's n-grams; settings: (shortest, longest, "
     "buckets, first_row)."},
    {"fasttext_compose", fasttext_compose, METH_VARARGS,
     "fasttext_compose(matrix, arrays, subwords, /)\n--\n\nTurns the words' rows into their vectors, in place."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_fasttext(PyObject *module) { return PyModule_AddFunctions(module, methods); }
