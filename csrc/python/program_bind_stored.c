/* Tables whose rows are kept in fewer bits, as a program borrows them: a tuple (dtype, rows, scales, mastered). The
 * rows of bfloat16 are an array of uint16, as NumPy has no such dtype. Frozen ones may be read-only, as a mapped file
 * is. */
#include "python/program.h"

#include <string.h>

/* One array of the tuple: its data pointer, or NULL with an exception. */
static void *check_part(PyObject *object, int type, int rank, const struct ec_parameter *parameter, int writeable,
                        const char *what)
{
    PyArrayObject *array = (PyArrayObject *)object;
    int fits = PyArray_Check(object) && PyArray_TYPE(array) == type && PyArray_IS_C_CONTIGUOUS(array) &&
               PyArray_ISALIGNED(array) && PyArray_ISNOTSWAPPED(array) && PyArray_NDIM(array) == rank;
    for (int i = 0; fits && i < rank; i++) {
        fits = PyArray_DIM(array, i) == parameter->dims[i];
    }
    if (!fits || (writeable && !PyArray_ISWRITEABLE(array))) {
        PyErr_Format(PyExc_TypeError,
                     "%s of %s: expected a C-contiguous%s array of the dtype and the shape of a stored table", what,
                     parameter->name, writeable ? ", writeable" : "");
        return NULL;
    }
    return PyArray_DATA(array);
}

int ec_set_stored(struct ec_parameter *made, PyObject *stored, int trainable)
{
    static const char *const names[] = {"float16", "bfloat16", "int8"}; /* in the order of enum ec_storage */
    static const int types[] = {NPY_HALF, NPY_UINT16, NPY_INT8};
    const char *name;
    PyObject *rows, *scales, *mastered;
    made->storage = EC_FLOAT32;
    made->stored = NULL;
    made->scales = NULL;
    made->mastered = NULL;
    if (stored == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(stored) || !PyArg_ParseTuple(stored, "sOOO:stored", &name, &rows, &scales, &mastered)) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_TypeError, "stored of %s: expected a tuple (dtype, rows, scales, mastered)", made->name);
        }
        return -1;
    }
    int kind = 0;
    while (kind < 3 && strcmp(names[kind], name)) {
        kind++;
    }
    if (kind == 3 || made->rank != 2 || (trainable && kind == EC_INT8 - 1)) {
        PyErr_Format(PyExc_ValueError,
                     "stored of %s: dtype '%s'; allowed are float16, bfloat16 and, frozen, int8, of a table",
                     made->name, name);
        return -1;
    }
    if (!(made->stored = check_part(rows, types[kind], 2, made, trainable, "rows")) ||
        (kind == EC_INT8 - 1 && !(made->scales = check_part(scales, NPY_FLOAT32, 1, made, 0, "scales"))) ||
        (mastered != Py_None && !(made->mastered = check_part(mastered, NPY_UINT8, 1, made, 1, "mastered")))) {
        return -1;
    }
    made->storage = kind + 1;
    return 0;
}

int ec_stored_in_place(const struct ec_parameter *parameter, PyObject *stored)
{
    return !parameter->stored ||
           PyArray_DATA((PyArrayObject *)PyTuple_GET_ITEM(stored, 1)) == (void *)parameter->stored;
}

int ec_check_stored(const struct ec_parameter *parameter)
{
    if (parameter->stored && !parameter->is_table) {
        PyErr_Format(PyExc_ValueError,
                     "%s is stored in fewer bits, so only a lookup of its rows can read it; an operation that reads "
                     "all rows needs it in float32",
                     parameter->name);
        return -1;
    }
    if (parameter->stored && parameter->rules.constraint == EC_NORM && parameter->rules.norm_axes != 2) {
        PyErr_Format(PyExc_ValueError,
                     "%s is stored in fewer bits, row by row, so a norm is that of a row; norm_axes = %d",
                     parameter->name, parameter->rules.norm_axes);
        return -1;
    }
    return 0;
}
