/* Files of vectors, part 1: the type VectorReader, which embedcnn/vectors/records.py drives window by window.
 * The file's bytes come from a descriptor (fill) or from a decompressor (write); rows go to an array of the caller. */
#include "python/vectors.h"

#include "base/threads.h"
#include "vectors/reader.h"

#include <stdatomic.h>

struct reader_object {
    PyObject_HEAD struct ec_reader reader;
    PyObject *wanted; /* the arrays that the options point into */
    _Atomic int busy; /* a call is running without the GIL */
    int ready;
    int ended; /* the words have left: nothing can be read any more */
};

/* One call at a time: the work below runs without the GIL. */
static int acquire(struct reader_object *self)
{
    if (!self->ready || atomic_exchange(&self->busy, 1)) {
        ec_python_raise(EC_BUSY, "VectorReader");
        return 0;
    }
    return 1;
}

static PyObject *release(struct reader_object *self, PyObject *result)
{
    atomic_store(&self->busy, 0);
    return result;
}

static int check_options(const struct ec_reader_options *options, int duplicates, int unicode)
{
    if (options->dimensions < 1 || options->dimensions > EC_MAX_DIMENSIONS) {
        PyErr_Format(PyExc_ValueError, "dimensions = %lld is outside [1, %lld]", (long long)options->dimensions,
                     (long long)EC_MAX_DIMENSIONS);
        return 0;
    }
    if (options->limit < -1 || options->first_line < 0 || duplicates < 0 || duplicates > EC_DUPLICATES_ERROR ||
        unicode < 0 || unicode > EC_UNICODE_REPLACE) {
        PyErr_SetString(PyExc_ValueError, "VectorReader: an option is outside its range");
        return 0;
    }
    return 1;
}

static int reader_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct reader_object *self = (struct reader_object *)object;
    static char *names[] = {"dimensions", "limit", "first_line", "wanted",  "binary",
                            "half",       "skip",  "duplicates", "unicode", NULL};
    long long dimensions, limit, first_line;
    PyObject *wanted;
    int binary, half, skip, duplicates, unicode;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LLLOpppii", names, &dimensions, &limit, &first_line, &wanted,
                                     &binary, &half, &skip, &duplicates, &unicode)) {
        return -1;
    }
    if (self->ready || self->wanted) {
        PyErr_SetString(PyExc_RuntimeError, "VectorReader is initialised already");
        return -1;
    }
    struct ec_reader_options options = {.dimensions = dimensions, .limit = limit, .first_line = first_line};
    if (!check_options(&options, duplicates, unicode)) {
        return -1;
    }
    options.binary = binary;
    options.half = half;
    options.skip = skip;
    options.duplicates = (enum ec_duplicates)duplicates;
    options.unicode = (enum ec_unicode_errors)unicode;
    if (wanted != Py_None) {
        if (!ec_python_word_index(wanted, &options.wanted)) {
            return -1;
        }
        options.filtered = 1;
        for (int64_t i = 0; i < options.wanted.blob_bytes; i++) {
            options.wanted_has_blanks |= options.wanted.blob[i] == ' ' || options.wanted.blob[i] == '\t';
        }
    }
    self->wanted = Py_NewRef(wanted);
    ec_status status = ec_reader_init(&self->reader, &options);
    if (status != EC_OK) {
        ec_python_raise(status, "VectorReader");
        return -1;
    }
    self->ready = 1;
    return 0;
}

static void reader_dealloc(PyObject *object)
{
    struct reader_object *self = (struct reader_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->ready) {
        ec_reader_clear(&self->reader);
    }
    Py_XDECREF(self->wanted);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *reader_room(PyObject *object, PyObject *unused)
{
    struct reader_object *self = (struct reader_object *)object;
    int64_t room = 0;
    (void)unused;
    if (!acquire(self)) {
        return NULL;
    }
    ec_status status = ec_reader_room(&self->reader, &room);
    return release(self, status == EC_OK ? PyLong_FromLongLong(room) : ec_python_raise(status, "reading vectors"));
}

static PyObject *reader_fill(PyObject *object, PyObject *args)
{
    struct reader_object *self = (struct reader_object *)object;
    int file;
    long long offset;
    int64_t room = 0, got = 0;
    if (!PyArg_ParseTuple(args, "iL:fill", &file, &offset) || !acquire(self)) {
        return NULL;
    }
    ec_status status = ec_reader_room(&self->reader, &room);
    if (status == EC_OK && room) {
        int threads = ec_thread_count();
        Py_BEGIN_ALLOW_THREADS;
        status = ec_reader_fill(&self->reader, file, offset, room, threads, &got);
        Py_END_ALLOW_THREADS;
    }
    if (status == EC_IO) {
        return release(self, PyErr_SetFromErrno(PyExc_OSError));
    }
    return release(self, status == EC_OK ? PyLong_FromLongLong(got) : ec_python_raise(status, "reading vectors"));
}

static PyObject *reader_write(PyObject *object, PyObject *data)
{
    struct reader_object *self = (struct reader_object *)object;
    Py_buffer bytes;
    int64_t room = 0;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (!acquire(self)) {
        PyBuffer_Release(&bytes);
        return NULL;
    }
    PyObject *result = NULL;
    ec_status status = ec_reader_room(&self->reader, &room);
    if (status != EC_OK) {
        ec_python_raise(status, "reading vectors");
    } else if (bytes.len > room) {
        PyErr_Format(PyExc_ValueError, "%zd bytes do not fit in %lld", bytes.len, (long long)room);
    } else {
        memcpy(self->reader.block + self->reader.block_used, bytes.buf, (size_t)bytes.len);
        self->reader.block_used += bytes.len;
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&bytes);
    return release(self, result);
}

static PyObject *reader_expect(PyObject *object, PyObject *argument)
{
    struct reader_object *self = (struct reader_object *)object;
    long long words = PyLong_AsLongLong(argument);
    if ((words == -1 && PyErr_Occurred()) || !acquire(self)) {
        return NULL;
    }
    ec_status status = ec_word_table_reserve(&self->reader.table, words);
    return release(self, status == EC_OK ? Py_NewRef(Py_None) : ec_python_raise(status, "reading vectors"));
}

static PyObject *reader_parse(PyObject *object, PyObject *argument)
{
    struct reader_object *self = (struct reader_object *)object;
    int final = PyObject_IsTrue(argument);
    if (final < 0 || !acquire(self)) {
        return NULL;
    }
    if (self->ended) {
        PyErr_SetString(PyExc_RuntimeError, "VectorReader: the words were taken; nothing more can be parsed");
        return release(self, NULL);
    }
    ec_status status;
    int threads = ec_thread_count();
    Py_BEGIN_ALLOW_THREADS;
    status = ec_reader_parse(&self->reader, final, threads);
    Py_END_ALLOW_THREADS;
    if (status != EC_OK) {
        return release(self, ec_python_raise(status, "reading vectors"));
    }
    return release(self, PyLong_FromLongLong(ec_reader_row_count(&self->reader)));
}

static PyObject *reader_store(PyObject *object, PyObject *argument)
{
    struct reader_object *self = (struct reader_object *)object;
    if (!acquire(self)) {
        return NULL;
    }
    PyArrayObject *matrix = (PyArrayObject *)argument;
    int type = self->reader.options.half ? NPY_HALF : NPY_FLOAT32;
    if (!PyArray_Check(argument) || PyArray_TYPE(matrix) != type || PyArray_NDIM(matrix) != 2 ||
        !PyArray_ISCARRAY(matrix) || PyArray_DIM(matrix, 1) != self->reader.options.dimensions ||
        PyArray_DIM(matrix, 0) < ec_reader_row_count(&self->reader)) {
        PyErr_Format(PyExc_ValueError,
                     "matrix must be a writable C-contiguous array of the reader's dtype, %lld or more x %lld",
                     (long long)ec_reader_row_count(&self->reader), (long long)self->reader.options.dimensions);
        return release(self, NULL);
    }
    int threads = ec_thread_count();
    Py_INCREF(matrix);
    Py_BEGIN_ALLOW_THREADS;
    ec_reader_store(&self->reader, PyArray_DATA(matrix), threads);
    Py_END_ALLOW_THREADS;
    Py_DECREF(matrix);
    return release(self, Py_NewRef(Py_None));
}

/* (fault, line, field, found, text), or None. */
static PyObject *report_tuple(const struct ec_fault_report *report)
{
    if (report->fault == EC_FAULT_NONE) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(iLLLy#)", (int)report->fault, (long long)report->line, (long long)report->field,
                         (long long)report->found, report->text, (Py_ssize_t)report->text_bytes);
}

static PyObject *reader_state(PyObject *object, PyObject *unused)
{
    struct reader_object *self = (struct reader_object *)object;
    (void)unused;
    if (!acquire(self)) {
        return NULL;
    }
    const struct ec_reader *r = &self->reader;
    return release(self, Py_BuildValue("{s:O,s:L,s:L,s:L,s:L,s:L,s:N,s:N}", "finished",
                                       r->finished ? Py_True : Py_False, "lines", (long long)r->lines, "good",
                                       (long long)r->good, "faulty", (long long)r->faulty, "duplicates",
                                       (long long)r->duplicate_count, "doubtful", (long long)r->doubtful, "fault",
                                       report_tuple(&r->fault), "first_duplicate", report_tuple(&r->first_duplicate)));
}

static PyObject *reader_take_words(PyObject *object, PyObject *unused)
{
    struct reader_object *self = (struct reader_object *)object;
    (void)unused;
    if (!acquire(self)) {
        return NULL;
    }
    PyObject *arrays = ec_python_word_arrays(&self->reader.table);
    self->reader.tile_count = 0; /* rows that belong to words that are gone */
    self->ended = 1;
    return release(self, arrays);
}

static PyMethodDef methods[] = {
    {"room", reader_room, METH_NOARGS, "Bytes that the next write may bring; 0: a record is too long."},
    {"fill", reader_fill, METH_VARARGS, "fill(descriptor, offset): reads the next bytes of a file; returns how many."},
    {"write", reader_write, METH_O, "write(data): takes the next bytes of the file."},
    {"expect", reader_expect, METH_O, "expect(words): makes room in the index for so many words in total."},
    {"parse", reader_parse, METH_O, "parse(final): parses what is complete; returns the rows needed by store."},
    {"store", reader_store, METH_O, "store(matrix): writes the parsed rows."},
    {"state", reader_state, METH_NOARGS, "What was read so far, and the first fault."},
    {"take_words", reader_take_words, METH_NOARGS, "The words' arrays (slots, offsets, blob), which leave the reader."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_init, __extension__(void *) reader_init},
    {Py_tp_dealloc, __extension__(void *) reader_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc, "Reads the text or binary records of a file of vectors, window by window."},
    {0, NULL},
};

static PyType_Spec spec = {"embedcnn._core.VectorReader", sizeof(struct reader_object), 0, Py_TPFLAGS_DEFAULT, slots};

int ec_python_add_vectors(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    int status = type ? PyModule_AddObjectRef(module, "VectorReader", type) : -1;
    Py_XDECREF(type);
    return status < 0 ? status : ec_python_add_word_index(module);
}
