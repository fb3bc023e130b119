/* Weights of the features of bags (csrc/bags/weights.c) as functions. */
#include "python/bags_arrays.h"

#include "bags/weights.h"
#include "base/threads.h"

static PyObject *bag_frequencies(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *documents, *amounts, *keep = PyList_New(0), *out = NULL;
    const struct ec_bag_pairs *pairs;
    PyArrayObject *of_documents = NULL;
    if (!keep || !PyArg_ParseTuple(args, "OO:bag_frequencies", &documents, &amounts) ||
        !(pairs = ec_python_documents(documents, 0))) {
        goto done;
    }
    npy_intp sizes[2] = {(npy_intp)pairs->size, 1};
    if (amounts != Py_None) {
        of_documents = ec_python_borrow(keep, amounts, NPY_FLOAT32, 2, "amounts");
        if (!of_documents || PyArray_DIM(of_documents, 0) != pairs->documents) {
            if (of_documents) {
                PyErr_Format(PyExc_ValueError, "amounts must have a row for each of the %lld documents",
                             (long long)pairs->documents);
            }
            goto done;
        }
        sizes[1] = PyArray_DIM(of_documents, 1);
    }
    out = PyArray_SimpleNew(2, sizes, NPY_FLOAT64);
    if (out) {
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_frequencies(PyArray_DATA((PyArrayObject *)out), pairs, of_documents ? PyArray_DATA(of_documents) : NULL,
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
    PyObject *documents, *scale, *keep = PyList_New(0), *out = NULL;
    int sublinear, norm;
    const struct ec_bag_pairs *pairs;
    PyArrayObject *scales;
    if (!keep || !PyArg_ParseTuple(args, "OpOp:bag_values", &documents, &sublinear, &scale, &norm) ||
        !(pairs = ec_python_documents(documents, sublinear)) ||
        !(scales = ec_python_borrow(keep, scale, NPY_FLOAT32, 1, "scale"))) {
        goto done;
    }
    if (PyArray_DIM(scales, 0) != pairs->size) {
        PyErr_Format(PyExc_ValueError, "scale must have %lld entries", (long long)pairs->size);
        goto done;
    }
    npy_intp count = (npy_intp)pairs->offsets[pairs->documents];
    out = PyArray_SimpleNew(1, &count, NPY_FLOAT32);
    if (out) {
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_values(PyArray_DATA((PyArrayObject *)out), pairs, PyArray_DATA(scales), norm, ec_thread_count());
        Py_END_ALLOW_THREADS;
    }
done:
    Py_XDECREF(keep);
    return out;
}

static PyObject *bag_margins(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *documents, *folded, *squares, *bias, *keep = PyList_New(0), *out = NULL;
    int sublinear;
    const struct ec_bag_pairs *pairs;
    PyArrayObject *weights, *constants, *lengths = NULL;
    if (!keep || !PyArg_ParseTuple(args, "OpOOO:bag_margins", &documents, &sublinear, &folded, &squares, &bias) ||
        !(pairs = ec_python_documents(documents, sublinear)) ||
        !(weights = ec_python_borrow(keep, folded, NPY_FLOAT32, 2, "folded")) ||
        !(constants = ec_python_borrow(keep, bias, NPY_FLOAT32, 1, "bias")) ||
        (squares != Py_None && !(lengths = ec_python_borrow(keep, squares, NPY_FLOAT32, 2, "squares")))) {
        goto done;
    }
    npy_intp sizes[2] = {(npy_intp)pairs->documents, PyArray_DIM(weights, 1)};
    if (PyArray_DIM(weights, 0) != pairs->size || PyArray_DIM(constants, 0) != sizes[1] ||
        (lengths && (PyArray_DIM(lengths, 0) != pairs->size ||
                     (PyArray_DIM(lengths, 1) != 1 && PyArray_DIM(lengths, 1) != sizes[1])))) {
        PyErr_SetString(PyExc_ValueError, "folded, squares and bias must have the same features and columns");
        goto done;
    }
    out = PyArray_SimpleNew(2, sizes, NPY_FLOAT32);
    if (out) {
        struct ec_bag_table table = {PyArray_DATA(weights), lengths ? PyArray_DATA(lengths) : NULL,
                                     PyArray_DATA(constants), sizes[1], lengths ? PyArray_DIM(lengths, 1) : 0};
        Py_BEGIN_ALLOW_THREADS;
        ec_bag_margins(PyArray_DATA((PyArrayObject *)out), pairs, &table, ec_thread_count());
        Py_END_ALLOW_THREADS;
    }
done:
    Py_XDECREF(keep);
    return out;
}

static PyMethodDef methods[] = {
    {"bag_frequencies", bag_frequencies, METH_VARARGS,
     "bag_frequencies(documents, amounts, /)\n--\n\nfloat64 [size, columns]: the sum of the rows of amounts of all "
     "documents that hold a feature; None: 1 each."},
    {"bag_values", bag_values, METH_VARARGS,
     "bag_values(documents, sublinear, scale, norm, /)\n--\n\ntf * scale, each document divided by its l2 norm."},
    {"bag_margins", bag_margins, METH_VARARGS,
     "bag_margins(documents, sublinear, folded, squares, bias, /)\n--\n\nbias + sum of tf * folded / sqrt(sum of "
     "tf**2 * squares), float32 [documents, columns]."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_bag_weights(PyObject *module) { return PyModule_AddFunctions(module, methods); }
