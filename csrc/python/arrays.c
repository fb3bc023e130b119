/* Arrays as the core takes them: of the wanted dtype and contiguous, their values in range, and what is said where they
 * are not. */
#include "python/program.h"

/* A new reference to a C-contiguous array of integers, int32 or int64. */
PyArrayObject *ec_integer_array(PyObject *value, const char *name)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(value);
    if (!array) {
        return NULL;
    }
    int type = PyArray_TYPE(array);
    if (!PyTypeNum_ISINTEGER(type)) {
        PyErr_Format(PyExc_TypeError, "%s has dtype %R; expected integers (int8 ... int64)", name,
                     (PyObject *)PyArray_DESCR(array));
        Py_DECREF(array);
        return NULL;
    }
    int wanted = type == NPY_INT32 ? NPY_INT32 : NPY_INT64;
    PyArrayObject *result =
        (PyArrayObject *)PyArray_FROMANY((PyObject *)array, wanted, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    Py_DECREF(array);
    return result;
}

/* A new reference to a C-contiguous float32 array. */
PyArrayObject *ec_float_array(PyObject *value, const char *name)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(value);
    if (!array) {
        return NULL;
    }
    int type = PyArray_TYPE(array);
    if (!PyTypeNum_ISINTEGER(type) && !PyTypeNum_ISFLOAT(type) && !PyTypeNum_ISBOOL(type)) {
        PyErr_Format(PyExc_TypeError, "%s has dtype %R; expected float32", name, (PyObject *)PyArray_DESCR(array));
        Py_DECREF(array);
        return NULL;
    }
    PyArrayObject *result = (PyArrayObject *)PyArray_FROMANY((PyObject *)array, NPY_FLOAT32, 0, 0,
                                                             NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    Py_DECREF(array);
    return result;
}

int ec_raise_shape(const char *name, PyArrayObject *array, const char *expected)
{
    PyObject *shape = PyObject_GetAttrString((PyObject *)array, "shape");
    if (shape) {
        PyErr_Format(PyExc_ValueError, "%s has the shape %R; expected %s", name, shape, expected);
        Py_DECREF(shape);
    }
    return -1;
}

PyObject *ec_list_items(PyObject *list, int count, const char *name)
{
    if (!PyList_Check(list) || PyList_GET_SIZE(list) != count) {
        return PyErr_Format(PyExc_ValueError, "%s: expected a list of %d arrays, got %.100R", name, count, list);
    }
    return PyList_AsTuple(list);
}

/* out[i] = in[i], each inside [0, limit); the index of the first that is not, or -1. */
int64_t ec_copy_in_range(int32_t *out, PyArrayObject *in, int64_t count, int64_t limit)
{
    if (PyArray_TYPE(in) == NPY_INT32) {
        const int32_t *values = PyArray_DATA(in);
        for (int64_t i = 0; i < count; i++) {
            int32_t value = values[i]; /* read once: another thread may be writing to the array */
            if ((uint64_t)(int64_t)value >= (uint64_t)limit) {
                return i;
            }
            out[i] = value;
        }
    } else {
        const int64_t *values = PyArray_DATA(in);
        for (int64_t i = 0; i < count; i++) {
            int64_t value = values[i];
            if ((uint64_t)value >= (uint64_t)limit) {
                return i;
            }
            out[i] = (int32_t)value;
        }
    }
    return -1;
}

long long ec_integer_at(PyArrayObject *array, int64_t i)
{
    return PyArray_TYPE(array) == NPY_INT32 ? ((const int32_t *)PyArray_DATA(array))[i]
                                            : ((const int64_t *)PyArray_DATA(array))[i];
}

/* "x[17, 3] = 10000 is outside [0, 10000)", with the indices along the first `axes` axes. */
int ec_raise_out_of_range(const char *name, PyArrayObject *array, int64_t i, int axes, int64_t limit)
{
    char place[96];
    int used = 0;
    int64_t left = i, size = PyArray_SIZE(array);
    for (int axis = 0; axis < axes; axis++) {
        size /= PyArray_DIM(array, axis);
        used += PyOS_snprintf(place + used, sizeof place - (size_t)used, axis ? ", %lld" : "%lld",
                              (long long)(left / size));
        left %= size;
    }
    PyErr_Format(PyExc_ValueError, "%s[%s] = %lld is outside [0, %lld)", name, place, ec_integer_at(array, i),
                 (long long)limit);
    return -1;
}
