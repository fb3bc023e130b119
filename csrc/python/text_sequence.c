/* Ids after the texts: padding, choosing rows of a ragged pair, Python lists. All functions are private to embedcnn's
 * Python modules, which check shapes and words; what C could trip over is checked again here. */
#include "python/text.h"

#include "base/memory.h"
#include "base/threads.h"
#include "text/sequence.h"

#if PY_VERSION_HEX < 0x030b0000
#include <longintrepr.h>
#endif

/* Borrowed views of a ragged pair; -1 with an exception where it is not one. */
static int view_ragged(PyObject *ids, PyObject *offsets, const int32_t **id_data, const int64_t **offset_data,
                       int64_t *rows)
{
    if (!PyArray_Check(ids) || !PyArray_Check(offsets) || PyArray_TYPE((PyArrayObject *)ids) != NPY_INT32 ||
        PyArray_TYPE((PyArrayObject *)offsets) != NPY_INT64 || !PyArray_ISCARRAY_RO((PyArrayObject *)ids) ||
        !PyArray_ISCARRAY_RO((PyArrayObject *)offsets) || PyArray_NDIM((PyArrayObject *)ids) != 1 ||
        PyArray_NDIM((PyArrayObject *)offsets) != 1 || PyArray_DIM((PyArrayObject *)offsets, 0) < 1) {
        PyErr_SetString(PyExc_ValueError,
                        "ids must be a contiguous int32 vector, offsets an int64 one of B + 1 entries");
        return -1;
    }
    *id_data = PyArray_DATA((PyArrayObject *)ids);
    *offset_data = PyArray_DATA((PyArrayObject *)offsets);
    *rows = (int64_t)PyArray_DIM((PyArrayObject *)offsets, 0) - 1;
    const int64_t *at = *offset_data;
    int good = at[0] == 0 && at[*rows] == (int64_t)PyArray_DIM((PyArrayObject *)ids, 0);
    for (int64_t i = 0; i < *rows; i++) {
        good &= at[i] <= at[i + 1];
    }
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "offsets must start at 0, never fall, and end at the number of ids");
        return -1;
    }
    return 0;
}

static PyObject *pad_ragged(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *ids;
    PyObject *offsets;
    long long width;
    struct ec_padding padding;
    int value;
    const int32_t *id_data;
    const int64_t *offset_data;
    int64_t rows;
    if (!PyArg_ParseTuple(args, "OOLppi:pad_ragged", &ids, &offsets, &width, &padding.pad_after, &padding.truncate_last,
                          &value) ||
        view_ragged(ids, offsets, &id_data, &offset_data, &rows) < 0) {
        return NULL;
    }
    if (width < 0) {
        return PyErr_Format(PyExc_ValueError, "maxlen = %lld is negative", width);
    }
    padding.width = width;
    padding.value = value;
    npy_intp shape[2] = {(npy_intp)rows, (npy_intp)width};
    PyObject *out = PyArray_SimpleNew(2, shape, NPY_INT32);
    if (out) {
        int32_t *data = PyArray_DATA((PyArrayObject *)out);
        Py_BEGIN_ALLOW_THREADS ec_sequence_pad(data, id_data, offset_data, rows, &padding, ec_thread_count());
        Py_END_ALLOW_THREADS
    }
    return out;
}

static PyObject *gather_ragged(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *ids;
    PyObject *offsets;
    PyArrayObject *chosen;
    const int32_t *id_data;
    const int64_t *offset_data;
    int64_t rows;
    if (!PyArg_ParseTuple(args, "OOO!:gather_ragged", &ids, &offsets, &PyArray_Type, &chosen) ||
        view_ragged(ids, offsets, &id_data, &offset_data, &rows) < 0) {
        return NULL;
    }
    if (PyArray_TYPE(chosen) != NPY_INT64 || PyArray_NDIM(chosen) != 1 || !PyArray_ISCARRAY_RO(chosen)) {
        return PyErr_Format(PyExc_ValueError, "rows must be a contiguous int64 vector");
    }
    npy_intp count = PyArray_DIM(chosen, 0);
    npy_intp ends = count + 1;
    PyObject *out_offsets = PyArray_SimpleNew(1, &ends, NPY_INT64);
    if (!out_offsets) {
        return NULL;
    }
    const int64_t *choice = PyArray_DATA(chosen);
    int64_t *at = PyArray_DATA((PyArrayObject *)out_offsets);
    at[0] = 0;
    for (npy_intp i = 0; i < count; i++) {
        if (choice[i] < 0 || choice[i] >= rows) {
            Py_DECREF(out_offsets);
            return PyErr_Format(PyExc_IndexError, "rows[%zd] = %lld is outside [0, %lld)", (Py_ssize_t)i,
                                (long long)choice[i], (long long)rows);
        }
        at[i + 1] = at[i] + offset_data[choice[i] + 1] - offset_data[choice[i]];
    }
    npy_intp total = (npy_intp)at[count];
    PyObject *out_ids = PyArray_SimpleNew(1, &total, NPY_INT32);
    if (!out_ids) {
        Py_DECREF(out_offsets);
        return NULL;
    }
    int32_t *out = PyArray_DATA((PyArrayObject *)out_ids);
    Py_BEGIN_ALLOW_THREADS ec_sequence_gather(out, at, id_data, offset_data, choice, count, ec_thread_count());
    Py_END_ALLOW_THREADS return Py_BuildValue("NN", out_ids, out_offsets);
}

/* One list of ints that are shared between all places where an id stands, as they are in Keras: cache[id - low]. No
 * cache where the ids lie too far apart for their number. */
static PyObject *share_ints(const int32_t *ids, int64_t count, PyObject **cache, int32_t low)
{
    PyObject *list = PyList_New(count);
    for (int64_t i = 0; list && i < count; i++) {
        PyObject *fresh = NULL;
        PyObject **place = cache ? &cache[(int64_t)ids[i] - low] : &fresh;
        if (!*place) {
            *place = PyLong_FromLong(ids[i]);
            if (!*place) {
                Py_CLEAR(list);
                break;
            }
        }
        PyList_SET_ITEM(list, i, cache ? Py_NewRef(*place) : fresh);
    }
    return list;
}

static PyObject *ragged_lists(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *ids;
    PyObject *offsets;
    const int32_t *id_data;
    const int64_t *offset_data;
    int64_t rows;
    if (!PyArg_ParseTuple(args, "OO:ragged_lists", &ids, &offsets) ||
        view_ragged(ids, offsets, &id_data, &offset_data, &rows) < 0) {
        return NULL;
    }
    int32_t low = INT32_MAX;
    int32_t high = INT32_MIN;
    for (int64_t i = 0; i < offset_data[rows]; i++) {
        low = id_data[i] < low ? id_data[i] : low;
        high = id_data[i] > high ? id_data[i] : high;
    }
    int64_t range = (int64_t)high - low + 1;
    int dense = range > 0 && range <= 4 * offset_data[rows] + 1024;
    PyObject **cache = dense ? ec_alloc_zeros(range, sizeof *cache) : NULL;
    PyObject *lists = cache || !dense ? PyList_New(rows) : PyErr_NoMemory();
    for (int64_t i = 0; lists && i < rows; i++) {
        PyObject *list = share_ints(id_data + offset_data[i], offset_data[i + 1] - offset_data[i], cache, low);
        if (list) {
            PyList_SET_ITEM(lists, i, list);
        } else {
            Py_CLEAR(lists);
        }
    }
    for (int64_t i = 0; cache && i < range; i++) {
        Py_XDECREF(cache[i]);
    }
    ec_free(cache);
    return lists;
}

/* The value of an int of one digit, as nearly all ids are, without a call; 0 where it has more. */
static inline int small_value(PyObject *number, long long *value)
{
#if PY_VERSION_HEX >= 0x030c0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)number)) {
        return 0;
    }
    *value = PyUnstable_Long_CompactValue((PyLongObject *)number);
#else
    Py_ssize_t digits = Py_SIZE(number);
    if (digits < -1 || digits > 1) {
        return 0;
    }
    *value = digits ? digits * (long long)((PyLongObject *)number)->ob_digit[0] : 0;
#endif
    return 1;
}

#define AHEAD 16 /* ints, which lie anywhere, are asked for before they are needed */

/* Writes ints of one digit as int32; 0 where something else stands among them. */
static int write_small(int32_t *out, PyObject **items, int64_t count)
{
    int64_t near_end = count - AHEAD;
    for (int64_t i = 0; i < count; i++) {
        long long value;
        if (i < near_end) {
            __builtin_prefetch(items[i + AHEAD]);
        }
        if (!PyLong_CheckExact(items[i]) || !small_value(items[i], &value)) {
            return 0;
        }
        out[i] = (int32_t)value;
    }
    return 1;
}

#define ROWS_PER_TILE 64
struct small_rows {
    int32_t *out;
    PyObject **rows;
    int64_t count;
    const struct ec_padding *padding;
    uint8_t *done; /* rows that were written completely */
};

/* The threads only read what Python's objects hold. The caller has the lock (GIL) all the while, so nothing changes. */
static void write_small_rows(struct ec_team *team, void *argument)
{
    const struct small_rows *work = argument;
    for (struct ec_range rows; ec_team_next_range(team, work->count, ROWS_PER_TILE, &rows);) {
        for (int64_t i = rows.begin; i < rows.end; i++) {
            PyObject *row = work->rows[i];
            int64_t source;
            int64_t target;
            if (!PyList_CheckExact(row) && !PyTuple_CheckExact(row)) {
                continue;
            }
            int64_t taken = ec_sequence_place(work->padding, Py_SIZE(row), &source, &target);
            work->done[i] = (uint8_t)write_small(work->out + i * work->padding->width + target,
                                                 PySequence_Fast_ITEMS(row) + source, taken);
        }
    }
}

/* Writes ints of a list or tuple as numbers of `type`: 1, 0 where something else stands among them, -1 where one does
 * not fit (*bad is its place). */
static int write_ints(char *out, int type, PyObject **items, int64_t count, int64_t *bad)
{
    for (int64_t i = 0; i < count; i++) {
        int overflow;
        if (!PyLong_CheckExact(items[i])) {
            return 0;
        }
        long long value = PyLong_AsLongLongAndOverflow(items[i], &overflow);
        if (overflow && type != NPY_INT32 && type != NPY_INT64) {
            return 0; /* NumPy knows how to make a float of it */
        }
        if (overflow || (type == NPY_INT32 && (value < INT32_MIN || value > INT32_MAX))) {
            *bad = i;
            return -1;
        }
        switch (type) {
        case NPY_INT32: ((int32_t *)(void *)out)[i] = (int32_t)value; break;
        case NPY_INT64: ((int64_t *)(void *)out)[i] = value; break;
        case NPY_FLOAT32: ((float *)(void *)out)[i] = (float)value; break;
        default: ((double *)(void *)out)[i] = (double)value; break;
        }
    }
    return 1;
}

/* Writes items [source, source + taken) of any sequence through NumPy; the message is Keras's. */
static int write_any(char *out, PyArrayObject *like, PyObject *row, int64_t source, int64_t taken, int64_t index)
{
    PyObject *part = PySequence_GetSlice(row, source, source + taken);
    PyArray_Descr *descr = PyArray_DESCR(like);
    Py_INCREF(descr);
    PyArrayObject *array = NULL;
    if (part) {
        array = (PyArrayObject *)PyArray_FromAny(part, descr, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST, NULL);
    } else {
        Py_DECREF(descr);
    }
    Py_XDECREF(part);
    if (!array) {
        return -1;
    }
    if (PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != taken) {
        PyErr_Format(PyExc_ValueError,
                     "Shape of sample of sequence at position %lld is different from expected shape ()",
                     (long long)index);
        Py_DECREF(array);
        return -1;
    }
    memcpy(out, PyArray_DATA(array), (size_t)taken * (size_t)PyArray_ITEMSIZE(like));
    Py_DECREF(array);
    return 0;
}

static int pad_row(PyArrayObject *out, PyObject *row, int64_t index, const struct ec_padding *padding)
{
    int type = PyArray_TYPE(out);
    int quick = (PyList_CheckExact(row) || PyTuple_CheckExact(row)) &&
                (type == NPY_INT32 || type == NPY_INT64 || type == NPY_FLOAT32 || type == NPY_FLOAT64);
    Py_ssize_t length = PySequence_Size(row);
    if (length < 0) {
        return -1;
    }
    int64_t source;
    int64_t target;
    int64_t bad = 0;
    int64_t taken = ec_sequence_place(padding, length, &source, &target);
    char *to = (char *)PyArray_DATA(out) + (index * padding->width + target) * PyArray_ITEMSIZE(out);
    int written = 0;
    if (quick) {
        written = write_ints(to, type, PySequence_Fast_ITEMS(row) + source, taken, &bad);
    }
    if (written < 0) {
        PyErr_Format(PyExc_OverflowError, "sequences[%lld][%lld] = %S does not fit in %s", (long long)index,
                     (long long)(source + bad), PySequence_Fast_GET_ITEM(row, source + bad),
                     type == NPY_INT32 ? "int32" : "int64");
        return -1;
    }
    return written || !taken ? 0 : write_any(to, out, row, source, taken, index);
}

static PyObject *longest_row(PyObject *module, PyObject *rows)
{
    (void)module;
    if (!PyTuple_CheckExact(rows)) {
        return PyErr_Format(PyExc_TypeError, "rows must be a tuple");
    }
    Py_ssize_t longest = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rows); i++) {
        PyObject *row = PyTuple_GET_ITEM(rows, i);
        if (!PyList_CheckExact(row) && !PyTuple_CheckExact(row)) {
            Py_RETURN_NONE;
        }
        longest = Py_SIZE(row) > longest ? Py_SIZE(row) : longest;
    }
    return PyLong_FromSsize_t(longest);
}

static PyObject *pad_rows(PyObject *module, PyObject *args)
{
    (void)module;
    PyArrayObject *out;
    PyObject *rows;
    struct ec_padding padding = {0};
    if (!PyArg_ParseTuple(args, "O!O!pp:pad_rows", &PyArray_Type, &out, &PyTuple_Type, &rows, &padding.pad_after,
                          &padding.truncate_last)) {
        return NULL;
    }
    if (PyArray_NDIM(out) != 2 || !PyArray_ISCARRAY(out) || !PyArray_ISNUMBER(out) ||
        PyArray_DIM(out, 0) != PyTuple_GET_SIZE(rows)) {
        return PyErr_Format(PyExc_ValueError,
                            "out must be a contiguous matrix of numbers with a row for each sequence");
    }
    Py_ssize_t count = PyTuple_GET_SIZE(rows);
    padding.width = PyArray_DIM(out, 1);
    uint8_t *done = ec_alloc_zeros(count, 1);
    if (!done) {
        return PyErr_NoMemory();
    }
    if (PyArray_TYPE(out) == NPY_INT32 && count) {
        struct small_rows work = {PyArray_DATA(out), PySequence_Fast_ITEMS(rows), count, &padding, done};
        ec_parallel(count > ROWS_PER_TILE ? ec_thread_count() : 1, write_small_rows, &work);
    }
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        failed = !done[i] && pad_row(out, PyTuple_GET_ITEM(rows, i), i, &padding) < 0;
    }
    ec_free(done);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"pad_ragged", pad_ragged, METH_VARARGS,
     "pad_ragged(ids, offsets, width, pad_after, truncate_last, value, /)\n--\n\nA padded int32 matrix."},
    {"gather_ragged", gather_ragged, METH_VARARGS,
     "gather_ragged(ids, offsets, rows, /)\n--\n\n(ids, offsets) of the chosen rows."},
    {"ragged_lists", ragged_lists, METH_VARARGS, "ragged_lists(ids, offsets, /)\n--\n\nThe rows as lists of int."},
    {"longest_row", longest_row, METH_O,
     "longest_row(rows, /)\n--\n\nItems of the longest of a tuple of lists and tuples; None where something else is "
     "among them."},
    {"pad_rows", pad_rows, METH_VARARGS,
     "pad_rows(out, rows, pad_after, truncate_last, /)\n--\n\nWrites a tuple of sequences into the rows of `out`, "
     "which holds the padding already."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_sequence(PyObject *module) { return PyModule_AddFunctions(module, methods); }
