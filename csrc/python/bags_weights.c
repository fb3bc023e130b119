/* Bags for the core: arrays checked and borrowed; weights of features (csrc/bags/weights.c) as functions. */
#include "python/bags_arrays.h"

#include "bags/weights.h"
#include "base/threads.h"

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
    int copied = PyArray_ISWRITEABLE(array) ? NPY_ARRAY_ENSURECOPY : 0;
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

int ec_python_pairs(PyObject *keep, struct ec_bag_pairs *pairs, PyObject *offsets, PyObject *ids, PyObject *tf,
                    long long size)
{
    PyArrayObject *ends = ec_python_borrow(keep, offsets, NPY_INT64, 1, "offsets");
    PyArrayObject *numbers = ends ? ec_python_borrow(keep, ids, NPY_INT32, 1, "ids") : NULL;
    PyArrayObject *values = numbers && tf ? ec_python_borrow(keep, tf, NPY_FLOAT32, 1, "counts") : NULL;
    if (!numbers || (tf && !values)) {
        return -1;
    }
    int64_t documents = PyArray_DIM(ends, 0) - 1, count = PyArray_DIM(numbers, 0);
    const int64_t *at = PyArray_DATA(ends);
    int ordered = documents >= 0 && documents < INT32_MAX && at[0] == 0 && at[documents] == count;
    for (int64_t i = 0; ordered && i < documents; i++) {
        ordered = at[i] <= at[i + 1];
    }
    if (!ordered || (tf && PyArray_DIM(values, 0) != count) || size < 0 || size > INT32_MAX) {
        PyErr_Format(PyExc_ValueError,
                     "offsets must ascend from 0 to the number of ids (%lld), each with its count; and there can be "
                     "at most 2**31 - 1 features",
                     (long long)count);
        return -1;
    }
    *pairs = (struct ec_bag_pairs){at, PyArray_DATA(numbers), tf ? PyArray_DATA(values) : NULL, documents, size};
    return check_ids(pairs);
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

static PyObject *bag_term_frequencies(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *counts, *keep = PyList_New(0), *out = NULL;
    int sublinear;
    PyArrayObject *in = NULL;
    if (keep && PyArg_ParseTuple(args, "Op:bag_term_frequencies", &counts, &sublinear)) {
        in = ec_python_borrow(keep, counts, NPY_FLOAT32, 1, "counts");
    }
    out = in ? PyArray_SimpleNew(1, PyArray_DIMS(in), NPY_FLOAT32) : NULL;
    if (out) {
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_term_frequencies(PyArray_DATA((PyArrayObject *)out), PyArray_DATA(in), PyArray_SIZE(in), sublinear,
                                ec_thread_count());
        Py_END_ALLOW_THREADS;
        PyArray_CLEARFLAGS((PyArrayObject *)out, NPY_ARRAY_WRITEABLE);
    }
    Py_XDECREF(keep);
    return out;
}

static PyObject *bag_frequencies(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *offsets, *ids, *amounts, *keep = PyList_New(0), *out = NULL;
    long long size;
    struct ec_bag_pairs pairs;
    PyArrayObject *of_documents = NULL;
    if (!keep || !PyArg_ParseTuple(args, "OOLO:bag_frequencies", &offsets, &ids, &size, &amounts) ||
        ec_python_pairs(keep, &pairs, offsets, ids, NULL, size) < 0) {
        goto done;
    }
    npy_intp sizes[2] = {(npy_intp)pairs.size, 1};
    if (amounts != Py_None) {
        of_documents = ec_python_borrow(keep, amounts, NPY_FLOAT32, 2, "amounts");
        if (!of_documents || PyArray_DIM(of_documents, 0) != pairs.documents) {
            if (of_documents) {
                PyErr_Format(PyExc_ValueError, "amounts must have a row for each of the %lld documents",
                             (long long)pairs.documents);
            }
            goto done;
        }
        sizes[1] = PyArray_DIM(of_documents, 1);
    }
    out = PyArray_SimpleNew(2, sizes, NPY_FLOAT64);
    if (out) {
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_frequencies(PyArray_DATA((PyArrayObject *)out), &pairs, of_documents ? PyArray_DATA(of_documents) : NULL,
                           sizes[1], ec_thread_count());
        Py_END_ALLOW_THREADS;
    }
done:
    Py_XDECREF(keep);
    return out;
}

static PyObject *bag_values(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *offsets, *ids, *tf, *scale, *keep = PyList_New(0), *out = NULL;
    int norm;
    struct ec_bag_pairs pairs;
    PyArrayObject *scales = NULL;
    if (!keep || !PyArg_ParseTuple(args, "OOOOp:bag_values", &offsets, &ids, &tf, &scale, &norm) ||
        !(scales = ec_python_borrow(keep, scale, NPY_FLOAT32, 1, "scale")) ||
        ec_python_pairs(keep, &pairs, offsets, ids, tf, PyArray_DIM(scales, 0)) < 0) {
        goto done;
    }
    npy_intp count = (npy_intp)pairs.offsets[pairs.documents];
    out = PyArray_SimpleNew(1, &count, NPY_FLOAT32);
    if (out) {
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_values(PyArray_DATA((PyArrayObject *)out), &pairs, PyArray_DATA(scales), norm, ec_thread_count());
        Py_END_ALLOW_THREADS;
    }
done:
    Py_XDECREF(keep);
    return out;
}

static PyObject *bag_margins(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *offsets, *ids, *tf, *folded, *squares, *bias, *keep = PyList_New(0), *out = NULL;
    struct ec_bag_pairs pairs;
    PyArrayObject *weights = NULL, *lengths = NULL, *constants = NULL;
    if (!keep || !PyArg_ParseTuple(args, "OOOOOO:bag_margins", &offsets, &ids, &tf, &folded, &squares, &bias) ||
        !(weights = ec_python_borrow(keep, folded, NPY_FLOAT32, 2, "folded")) ||
        !(constants = ec_python_borrow(keep, bias, NPY_FLOAT32, 1, "bias")) ||
        (squares != Py_None && !(lengths = ec_python_borrow(keep, squares, NPY_FLOAT32, 2, "squares"))) ||
        ec_python_pairs(keep, &pairs, offsets, ids, tf, PyArray_DIM(weights, 0)) < 0) {
        goto done;
    }
    npy_intp sizes[2] = {(npy_intp)pairs.documents, PyArray_DIM(weights, 1)};
    if (PyArray_DIM(constants, 0) != sizes[1] ||
        (lengths && (PyArray_DIM(lengths, 0) != pairs.size ||
                     (PyArray_DIM(lengths, 1) != 1 && PyArray_DIM(lengths, 1) != sizes[1])))) {
        PyErr_SetString(PyExc_ValueError, "folded, squares and bias must have the same columns");
        goto done;
    }
    out = PyArray_SimpleNew(2, sizes, NPY_FLOAT32);
    if (out) {
        struct ec_bag_table table = {PyArray_DATA(weights), lengths ? PyArray_DATA(lengths) : NULL,
                                     PyArray_DATA(constants), sizes[1], lengths ? PyArray_DIM(lengths, 1) : 0};
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_margins(PyArray_DATA((PyArrayObject *)out), &pairs, &table, ec_thread_count());
        Py_END_ALLOW_THREADS;
    }
done:
    Py_XDECREF(keep);
    return out;
}

static PyMethodDef methods[] = {
    {"bag_term_frequencies", bag_term_frequencies, METH_VARARGS,
     "bag_term_frequencies(counts, sublinear, /)\n--\n\nThe counts, or 1 + log(counts)."},
    {"bag_frequencies", bag_frequencies, METH_VARARGS,
     "bag_frequencies(offsets, ids, size, amounts, /)\n--\n\nfloat64 [size, columns]: the sum of the rows of amounts "
     "of all documents that hold a feature; None: 1 each."},
    {"bag_values", bag_values, METH_VARARGS,
     "bag_values(offsets, ids, tf, scale, norm, /)\n--\n\ntf * scale, each document divided by its l2 norm."},
    {"bag_margins", bag_margins, METH_VARARGS,
     "bag_margins(offsets, ids, tf, folded, squares, bias, /)\n--\n\nbias + sum of tf * folded / sqrt(sum of tf**2 * "
     "squares), float32 [documents, columns]."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_bag_solvers(PyObject *module)
{
    return PyModule_AddFunctions(module, methods) < 0 ? -1 : ec_python_add_dual_descent(module);
}
