/* FastTextModel, part 4: quantising a matrix, and the lines of a text as ids, on which a cut-off model learns on. */
#include "python/fasttext.h"

#include "base/memory.h"
#include "base/range.h"
#include "base/threads.h"
#include "fasttext/quantiser.h"

PyObject *ec_python_fasttext_quantise(PyObject *module, PyObject *args)
{
    PyArrayObject *rows;
    long long part;
    unsigned long long seed;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!LK:fasttext_quantise", &PyArray_Type, &rows, &part, &seed)) {
        return NULL;
    }
    if (PyArray_TYPE(rows) != NPY_FLOAT32 || PyArray_NDIM(rows) != 2 || !PyArray_ISCARRAY_RO(rows) ||
        PyArray_DIM(rows, 0) < 1 || PyArray_DIM(rows, 0) > INT32_MAX || PyArray_DIM(rows, 1) < 1 || part < 1 ||
        part > PyArray_DIM(rows, 1)) {
        PyErr_Format(PyExc_ValueError,
                     "rows must be a contiguous float32 matrix, cut into parts of 1 to so many floats "
                     "as it has columns. Received: part=%lld",
                     part);
        return NULL;
    }
    int64_t columns = PyArray_DIM(rows, 1);
    npy_intp shape[2] = {PyArray_DIM(rows, 0), (npy_intp)ec_ceil_div(columns, part)};
    npy_intp floats = (npy_intp)columns * EC_FASTTEXT_CENTROIDS;
    PyObject *codes = PyArray_SimpleNew(2, shape, NPY_UINT8), *centroids = PyArray_SimpleNew(1, &floats, NPY_FLOAT32);
    ec_status status = EC_OK;
    if (codes && centroids) {
        uint8_t *code_data = PyArray_DATA((PyArrayObject *)codes);
        float *centroid_data = PyArray_DATA((PyArrayObject *)centroids);
        const float *data = PyArray_DATA(rows);
        int threads = ec_thread_count();
        Py_BEGIN_ALLOW_THREADS;
        status = ec_fasttext_quantise(code_data, centroid_data, data, shape[0], columns, part, seed, threads);
        Py_END_ALLOW_THREADS;
    }
    PyObject *result = NULL;
    if (status) {
        ec_python_raise(status, "quantising");
    } else if (codes && centroids) {
        result = PyTuple_Pack(2, codes, centroids);
    }
    Py_XDECREF(codes);
    Py_XDECREF(centroids);
    return result;
}

/* Ids and labels of all lines, which grow while they are read. */
struct lines {
    int32_t *ids, *labels;
    int64_t *id_ends, *label_ends;
    int64_t id_count, id_room, label_count, label_room, count, room;
};

static int put(int32_t **to, int64_t *used, int64_t *room, const int32_t *from, int64_t count)
{
    if (*used + count > *room) {
        int64_t wanted = 2 * (*used + count) + 1024;
        int32_t *grown = ec_grow_array(*to, *used, wanted, sizeof *grown);
        if (!grown) {
            return 0;
        }
        *to = grown;
        *room = wanted;
    }
    ec_copy(*to + *used, from, (size_t)count * sizeof *from);
    *used += count;
    return 1;
}

static int put_line(struct lines *lines, const struct ec_fasttext_line *line)
{
    if (lines->count == lines->room) {
        int64_t room = 2 * lines->room + 1024;
        int64_t *id_ends = ec_grow_array(lines->id_ends, lines->count, room, sizeof *id_ends);
        lines->id_ends = id_ends ? id_ends : lines->id_ends;
        int64_t *label_ends = ec_grow_array(lines->label_ends, lines->count, room, sizeof *label_ends);
        lines->label_ends = label_ends ? label_ends : lines->label_ends;
        if (!id_ends || !label_ends) {
            return 0;
        }
        lines->room = room;
    }
    if (!put(&lines->ids, &lines->id_count, &lines->id_room, line->ids, line->count) ||
        !put(&lines->labels, &lines->label_count, &lines->label_room, line->labels, line->label_count)) {
        return 0;
    }
    lines->id_ends[lines->count] = lines->id_count;
    lines->label_ends[lines->count++] = lines->label_count;
    return 1;
}

static ec_status read_lines(struct lines *lines, const struct ec_fasttext_model *model, const uint8_t *text,
                            int64_t length)
{
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    ec_status status = reader ? EC_OK : EC_NO_MEMORY;
    for (int64_t at = 0; !status && at < length;) {
        struct ec_fasttext_line line;
        status = ec_fasttext_read(reader, text + at, length - at, EC_FASTTEXT_PART, &line);
        at += line.used;
        if (!status && line.count && line.label_count && !put_line(lines, &line)) {
            status = EC_NO_MEMORY;
        }
    }
    ec_fasttext_reader_free(reader);
    return status;
}

static PyObject *take_int64(const int64_t *values, int64_t count)
{
    npy_intp shape = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &shape, NPY_INT64);
    if (array) {
        ec_copy(PyArray_DATA((PyArrayObject *)array), values, (size_t)count * sizeof *values);
    }
    return array;
}

PyObject *ec_python_fasttext_lines(PyObject *object, PyObject *value)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    Py_buffer text;
    if (PyObject_GetBuffer(value, &text, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    struct lines lines = {0};
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = read_lines(&lines, model, text.buf, text.len);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&text);
    PyObject *result = NULL;
    if (status) {
        ec_python_raise(status, "reading lines");
    } else {
        PyObject *ids = ec_python_fasttext_ids(lines.ids, lines.id_count);
        PyObject *id_ends = take_int64(lines.id_ends, lines.count);
        PyObject *labels = ec_python_fasttext_ids(lines.labels, lines.label_count);
        PyObject *label_ends = take_int64(lines.label_ends, lines.count);
        if (ids && id_ends && labels && label_ends) {
            result = PyTuple_Pack(4, ids, id_ends, labels, label_ends);
        }
        Py_XDECREF(ids);
        Py_XDECREF(id_ends);
        Py_XDECREF(labels);
        Py_XDECREF(label_ends);
    }
    ec_free(lines.ids);
    ec_free(lines.id_ends);
    ec_free(lines.labels);
    ec_free(lines.label_ends);
    return result;
}
