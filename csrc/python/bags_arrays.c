/* Bags for the core: arrays borrowed and checked once, in a capsule that the functions of bags_*.c take. */
#include "python/bags_arrays.h"

#include "bags/weights.h"
#include "base/memory.h"
#include "base/threads.h"

#define CAPSULE "embedcnn.bag_documents"

struct documents {
    struct ec_bag_pairs counts, sublinear; /* of the second, tf is made when it is first asked for */
    float *logarithms;                     /* that tf */
    PyObject *keep;
};

/* Whether it, or what it is a view of, can be written to. */
static int is_writeable(PyArrayObject *array)
{
    PyObject *base = PyArray_BASE(array);
    return PyArray_ISWRITEABLE(array) || (base && PyArray_Check(base) && is_writeable((PyArrayObject *)base));
}

PyArrayObject *ec_python_borrow(PyObject *keep, PyObject *value, int type, int axes, const char *name)
{
    PyArrayObject *array = (PyArrayObject *)value;
    if (!PyArray_Check(value) || PyArray_TYPE(array) != type || PyArray_NDIM(array) != axes) {
        PyArray_Descr *descr = PyArray_DescrFromType(type);
        PyErr_Format(PyExc_TypeError, "%s must be an array of %d axes and dtype %S, not %.200R", name, axes,
                     (PyObject *)descr, value);
        Py_XDECREF(descr);
        return NULL;
    }
    int copied = is_writeable(array) ? NPY_ARRAY_ENSURECOPY : 0;
    array = (PyArrayObject *)PyArray_FROMANY(value, type, axes, axes, NPY_ARRAY_CARRAY_RO | copied);
    int failed = !array || PyList_Append(keep, (PyObject *)array) < 0;
    Py_XDECREF(array);
    return failed ? NULL : array;
}

PyArrayObject *ec_python_result(PyObject *value, int type, int axes, const npy_intp *sizes, const char *name)
{
    PyArrayObject *array = (PyArrayObject *)value;
    int fits =
        PyArray_Check(value) && PyArray_TYPE(array) == type && PyArray_NDIM(array) == axes && PyArray_ISCARRAY(array);
    for (int axis = 0; fits && axis < axes; axis++) {
        fits = PyArray_DIM(array, axis) == sizes[axis];
    }
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "%s must be a writeable contiguous array of the right shape", name);
    }
    return fits ? array : NULL;
}

int64_t ec_python_columns(PyObject *matrix)
{
    int is_one = PyArray_Check(matrix) && PyArray_NDIM((PyArrayObject *)matrix) == 2;
    return is_one ? PyArray_DIM((PyArrayObject *)matrix, 1) : 0;
}

int64_t ec_python_model(float *tables[2], PyObject *rows, int64_t row_count, PyObject *output, int64_t output_count)
{
    npy_intp columns = (npy_intp)ec_python_columns(rows);
    npy_intp of_rows[2] = {(npy_intp)row_count, columns}, of_output[2] = {(npy_intp)output_count, columns};
    PyArrayObject *table = ec_python_result(rows, NPY_FLOAT32, 2, of_rows, "rows");
    PyArrayObject *matrix = table ? ec_python_result(output, NPY_FLOAT32, 2, of_output, "output") : NULL;
    if (!matrix) {
        return -1;
    }
    tables[0] = PyArray_DATA(table);
    tables[1] = PyArray_DATA(matrix);
    return columns;
}

int ec_python_targets(struct ec_bag_targets *targets, PyObject *keep, PyObject *value, int64_t documents)
{
    PyObject *classes;
    long long columns;
    PyArrayObject *array;
    *targets = (struct ec_bag_targets){0};
    if (!PyTuple_Check(value)) {
        array = ec_python_borrow(keep, value, NPY_FLOAT32, 2, "targets");
        targets->shares = array ? PyArray_DATA(array) : NULL;
        targets->columns = array ? PyArray_DIM(array, 1) : 0;
    } else if (PyArg_ParseTuple(value, "OL:targets", &classes, &columns)) {
        array = ec_python_borrow(keep, classes, NPY_INT32, 1, "targets");
        targets->classes = array ? PyArray_DATA(array) : NULL;
        targets->columns = columns;
    } else {
        return -1;
    }
    if (!array) {
        return -1;
    }
    if (PyArray_DIM(array, 0) != documents || targets->columns < 0) {
        PyErr_Format(PyExc_ValueError,
                     "targets must have a row for each of the %lld documents, not %zd of %lld classes",
                     (long long)documents, (Py_ssize_t)PyArray_DIM(array, 0), (long long)targets->columns);
        return -1;
    }
    for (int64_t i = 0; targets->classes && i < documents; i++) {
        if (targets->classes[i] < 0 || targets->classes[i] >= columns) {
            PyErr_Format(PyExc_ValueError, "targets[%lld] = %d is outside [0, %lld)", (long long)i,
                         (int)targets->classes[i], columns);
            return -1;
        }
    }
    return 0;
}

/* Where ids are not ascending inside a document, or outside [0, size): sets the exception, -1. */
static int check_ids(const struct ec_bag_pairs *pairs)
{
    for (int64_t document = 0; document < pairs->documents; document++) {
        int64_t previous = -1;
        for (int64_t i = pairs->offsets[document]; i < pairs->offsets[document + 1]; i++) {
            if (pairs->ids[i] <= previous || pairs->ids[i] >= pairs->size) {
                PyErr_Format(PyExc_ValueError,
                             "ids[%lld] = %d of document %lld: the ids of a document must ascend inside [0, %lld)",
                             (long long)i, (int)pairs->ids[i], (long long)document, (long long)pairs->size);
                return -1;
            }
            previous = pairs->ids[i];
        }
    }
    return 0;
}

static void free_documents(PyObject *capsule)
{
    struct documents *documents = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_XDECREF(documents->keep);
    ec_free(documents->logarithms);
    ec_free(documents);
}

static int fill_documents(struct documents *documents, PyObject *args)
{
    PyObject *offsets, *ids, *counts;
    long long size;
    documents->keep = PyList_New(0);
    if (!documents->keep || !PyArg_ParseTuple(args, "OOOL:bag_documents", &offsets, &ids, &counts, &size)) {
        return -1;
    }
    PyArrayObject *ends = ec_python_borrow(documents->keep, offsets, NPY_INT64, 1, "offsets");
    PyArrayObject *numbers = ends ? ec_python_borrow(documents->keep, ids, NPY_INT32, 1, "ids") : NULL;
    PyArrayObject *values = numbers ? ec_python_borrow(documents->keep, counts, NPY_FLOAT32, 1, "counts") : NULL;
    if (!values) {
        return -1;
    }
    int64_t many = PyArray_DIM(ends, 0) - 1, count = PyArray_DIM(numbers, 0);
    const int64_t *at = PyArray_DATA(ends);
    int ordered = many >= 0 && many < INT32_MAX && at[0] == 0 && at[many] == count;
    for (int64_t i = 0; ordered && i < many; i++) {
        ordered = at[i] <= at[i + 1];
    }
    if (!ordered || PyArray_DIM(values, 0) != count || size < 0 || size > INT32_MAX) {
        PyErr_Format(PyExc_ValueError,
                     "offsets must ascend from 0 to the number of ids (%lld), each with its count; and there can be "
                     "at most 2**31 - 1 features",
                     (long long)count);
        return -1;
    }
    documents->counts = (struct ec_bag_pairs){at, PyArray_DATA(numbers), PyArray_DATA(values), many, size};
    return check_ids(&documents->counts);
}

static PyObject *bag_documents(PyObject *module, PyObject *args)
{
    (void)module;
    struct documents *documents = ec_alloc_zeros(1, sizeof *documents);
    PyObject *capsule = documents ? PyCapsule_New(documents, CAPSULE, free_documents) : PyErr_NoMemory();
    if (!capsule) {
        ec_free(documents);
    } else if (fill_documents(documents, args) < 0) {
        Py_CLEAR(capsule);
    }
    return capsule;
}

const struct ec_bag_pairs *ec_python_documents(PyObject *capsule, int sublinear)
{
    struct documents *documents = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!documents || !sublinear) {
        return documents ? &documents->counts : NULL;
    }
    int64_t count = documents->counts.offsets[documents->counts.documents];
    if (!documents->logarithms) {
        documents->logarithms = ec_alloc_array(count, sizeof(float));
        if (!documents->logarithms) {
            PyErr_NoMemory();
            return NULL;
        }
        ec_bag_term_frequencies(documents->logarithms, documents->counts.tf, count, 1, ec_thread_count());
        documents->sublinear = documents->counts;
        documents->sublinear.tf = documents->logarithms;
    }
    return &documents->sublinear;
}

static int interrupted(void *unused)
{
    (void)unused;
    PyGILState_STATE state = PyGILState_Ensure();
    int raised = PyErr_CheckSignals() < 0;
    PyGILState_Release(state);
    return raised;
}

const struct ec_bag_poll ec_python_bag_poll = {interrupted, NULL};

static PyMethodDef methods[] = {
    {"bag_documents", bag_documents, METH_VARARGS,
     "bag_documents(offsets, ids, counts, size, /)\n--\n\nThe documents, checked, for the other functions of bags."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_bag_solvers(PyObject *module)
{
    static int (*const parts[])(PyObject *) = {ec_python_add_bag_weights, ec_python_add_dual_descent,
                                               ec_python_add_product_form};
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        if (parts[part](module) < 0) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, methods);
}
