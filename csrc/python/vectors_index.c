/* Files of vectors, part 2: functions on the arrays of a word index, wherever they lie (memory or a mapped cache),
 * and the checksum of cache files. */
#include "python/vectors.h"

#include "base/memory.h"
#include "base/threads.h"
#include "vectors/checksum.h"
#include "vectors/fasttext.h"
#include "vectors/word.h"

static int is_vector(PyObject *object, int type)
{
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_Check(object) && PyArray_NDIM(array) == 1 && PyArray_TYPE(array) == type &&
           PyArray_ISCARRAY_RO(array);
}

int ec_python_word_index(PyObject *arrays, struct ec_word_index *index)
{
    if (!PyTuple_Check(arrays) || PyTuple_GET_SIZE(arrays) != 3 ||
        !is_vector(PyTuple_GET_ITEM(arrays, 0), NPY_UINT64) || !is_vector(PyTuple_GET_ITEM(arrays, 1), NPY_INT64) ||
        !is_vector(PyTuple_GET_ITEM(arrays, 2), NPY_UINT8)) {
        PyErr_SetString(PyExc_TypeError, "a word index is three arrays: slots uint64, offsets int64, blob uint8");
        return 0;
    }
    PyArrayObject *slots = (PyArrayObject *)PyTuple_GET_ITEM(arrays, 0);
    PyArrayObject *offsets = (PyArrayObject *)PyTuple_GET_ITEM(arrays, 1);
    PyArrayObject *blob = (PyArrayObject *)PyTuple_GET_ITEM(arrays, 2);
    index->slots = PyArray_DATA(slots);
    index->slot_count = PyArray_SIZE(slots);
    index->offsets = PyArray_DATA(offsets);
    index->count = PyArray_SIZE(offsets) - 1;
    index->blob = PyArray_DATA(blob);
    index->blob_bytes = PyArray_SIZE(blob);
    if (index->count < 0 || index->count > EC_MAX_WORDS || (index->slot_count & (index->slot_count - 1))) {
        PyErr_Format(PyExc_ValueError, "a word index of %lld words cannot have %lld slots", (long long)index->count,
                     (long long)index->slot_count);
        return 0;
    }
    return 1;
}

static void free_block(PyObject *capsule) { ec_free(PyCapsule_GetPointer(capsule, NULL)); }

/* An array over a block of ours, which it frees. Takes the block even if it fails. */
static PyObject *own(void *block, int64_t count, int type)
{
    npy_intp size = (npy_intp)count;
    if (!block) {
        return PyArray_SimpleNew(1, &size, type);
    }
    PyObject *capsule = PyCapsule_New(block, NULL, free_block);
    if (!capsule) {
        ec_free(block);
        return NULL;
    }
    PyObject *array = PyArray_SimpleNewFromData(1, &size, type, block);
    if (!array) {
        Py_DECREF(capsule);
        return NULL;
    }
    if (PyArray_SetBaseObject((PyArrayObject *)array, capsule) < 0) {
        Py_DECREF(array);
        return NULL;
    }
    PyArray_CLEARFLAGS((PyArrayObject *)array, NPY_ARRAY_WRITEABLE);
    return array;
}

PyObject *ec_python_word_arrays(struct ec_word_table *table)
{
    ec_status status = ec_word_table_reserve(table, table->count ? table->count : 1);
    if (status != EC_OK) {
        return ec_python_raise(status, "words");
    }
    int64_t bytes = table->offsets[table->count];
    PyObject *slots = own(table->slots, table->slot_count, NPY_UINT64);
    PyObject *offsets = own(table->offsets, table->count + 1, NPY_INT64);
    PyObject *blob = own(table->blob, table->blob ? bytes : 0, NPY_UINT8);
    ec_word_table_init(table);
    if (!slots || !offsets || !blob) {
        Py_XDECREF(slots);
        Py_XDECREF(offsets);
        Py_XDECREF(blob);
        return NULL;
    }
    return Py_BuildValue("(NNN)", slots, offsets, blob);
}

/* UTF-8 of a str or bytes. 0: it has none (a lone surrogate), so no file can hold it; -1: another error. */
static int word_bytes(PyObject *word, const char **text, Py_ssize_t *bytes)
{
    if (PyBytes_Check(word)) {
        *text = PyBytes_AS_STRING(word);
        *bytes = PyBytes_GET_SIZE(word);
        return 1;
    }
    if (!PyUnicode_Check(word)) {
        PyErr_Format(PyExc_TypeError, "a word must be str, not %.100s", Py_TYPE(word)->tp_name);
        return -1;
    }
    *text = PyUnicode_AsUTF8AndSize(word, bytes);
    if (!*text && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        return 0;
    }
    return *text ? 1 : -1;
}

static PyObject *word_index_build(PyObject *self, PyObject *argument)
{
    (void)self;
    struct ec_word_table table;
    PyObject *list = PySequence_Fast(argument, "words must be a sequence");
    if (!list) {
        return NULL;
    }
    npy_intp count = PySequence_Fast_GET_SIZE(list);
    PyObject *numbers = PyArray_SimpleNew(1, &count, NPY_INT64), *arrays = NULL;
    ec_word_table_init(&table);
    ec_status status = numbers ? ec_word_table_reserve(&table, count) : EC_OK;
    for (npy_intp i = 0; numbers && status == EC_OK && i < count; i++) {
        const char *text;
        Py_ssize_t bytes;
        int64_t number;
        int added, known = word_bytes(PySequence_Fast_GET_ITEM(list, i), &text, &bytes);
        if (known <= 0) {
            if (!known) {
                PyErr_Format(PyExc_ValueError, "words[%zd] = %R cannot be written as UTF-8", (Py_ssize_t)i,
                             PySequence_Fast_GET_ITEM(list, i));
            }
            goto done;
        }
        status = ec_word_table_add(&table, text, bytes, ec_word_hash(text, bytes), &number, &added);
        ((int64_t *)PyArray_DATA((PyArrayObject *)numbers))[i] = number;
    }
    if (status != EC_OK) {
        ec_python_raise(status, "words");
    } else if (numbers) {
        arrays = ec_python_word_arrays(&table);
    }
done:
    ec_word_table_clear(&table);
    Py_DECREF(list);
    if (!arrays) {
        Py_XDECREF(numbers);
        return NULL;
    }
    return Py_BuildValue("(NN)", arrays, numbers);
}

static PyObject *word_index_get(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *arrays, *word;
    struct ec_word_index index;
    const char *text;
    Py_ssize_t bytes;
    if (!PyArg_ParseTuple(args, "OO:word_index_get", &arrays, &word) || !ec_python_word_index(arrays, &index)) {
        return NULL;
    }
    int known = word_bytes(word, &text, &bytes);
    if (known < 0) {
        return NULL;
    }
    return PyLong_FromLongLong(known ? ec_word_index_find(&index, text, bytes, ec_word_hash(text, bytes)) : -1);
}

static PyObject *word_index_find(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *arrays, *words;
    struct ec_word_index index;
    if (!PyArg_ParseTuple(args, "OO:word_index_find", &arrays, &words) || !ec_python_word_index(arrays, &index)) {
        return NULL;
    }
    PyObject *list = PySequence_Fast(words, "words must be a sequence");
    if (!list) {
        return NULL;
    }
    npy_intp count = PySequence_Fast_GET_SIZE(list);
    PyObject *numbers = PyArray_SimpleNew(1, &count, NPY_INT64);
    for (npy_intp i = 0; numbers && i < count; i++) {
        const char *text;
        Py_ssize_t bytes;
        int known = word_bytes(PySequence_Fast_GET_ITEM(list, i), &text, &bytes);
        if (known < 0) {
            Py_CLEAR(numbers);
            break;
        }
        ((int64_t *)PyArray_DATA((PyArrayObject *)numbers))[i] =
            known ? ec_word_index_find(&index, text, bytes, ec_word_hash(text, bytes)) : -1;
    }
    Py_DECREF(list);
    return numbers;
}

static PyObject *word_index_words(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *arrays;
    long long begin, end;
    struct ec_word_index index;
    if (!PyArg_ParseTuple(args, "OLL:word_index_words", &arrays, &begin, &end) ||
        !ec_python_word_index(arrays, &index)) {
        return NULL;
    }
    if (begin < 0 || end < begin || end > index.count) {
        return PyErr_Format(PyExc_IndexError, "words %lld to %lld are outside [0, %lld]", begin, end,
                            (long long)index.count);
    }
    PyObject *list = PyList_New((Py_ssize_t)(end - begin));
    for (long long number = begin; list && number < end; number++) {
        const char *text = "";
        int64_t bytes = ec_word_index_word(&index, number, &text);
        PyObject *word = bytes < 0 ? NULL : PyUnicode_DecodeUTF8(text, (Py_ssize_t)bytes, "strict");
        if (bytes < 0) {
            PyErr_Format(PyExc_ValueError, "the word index is damaged at word %lld", number);
        }
        if (!word) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)(number - begin), word);
    }
    return list;
}

static PyObject *checksum(PyObject *self, PyObject *data)
{
    (void)self;
    Py_buffer bytes;
    uint64_t hash;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    hash = ec_checksum(bytes.buf, bytes.len);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&bytes);
    return PyLong_FromUnsignedLongLong(hash);
}

static PyMethodDef methods[] = {
    {"word_index_build", word_index_build, METH_O,
     "word_index_build(words, /)\n--\n\n((slots, offsets, blob), number of each word); equal words share a number."},
    {"word_index_get", word_index_get, METH_VARARGS,
     "word_index_get(arrays, word, /)\n--\n\nThe word's number, or -1."},
    {"word_index_find", word_index_find, METH_VARARGS,
     "word_index_find(arrays, words, /)\n--\n\nint64 array of the words' numbers, -1 for unknown ones."},
    {"word_index_words", word_index_words, METH_VARARGS,
     "word_index_words(arrays, begin, end, /)\n--\n\nList of the words begin to end - 1."},
    {"checksum", checksum, METH_O, "checksum(data, /)\n--\n\nXXH64 of the bytes, seed 0."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_word_index(PyObject *module)
{
    return PyModule_AddFunctions(module, methods) < 0 ? -1 : ec_python_add_fasttext(module);
}
