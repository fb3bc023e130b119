/* Large float inputs, which a run reads where they stand: copying them costs as much as many operations. As with the
 * weights, whoever writes to an array while the core reads it gets numbers from before or after; what reads a value
 * twice and must find the same, or calls Python in between, gets a copy (`reads_in_place` of the program). */
#include "python/program.h"

#include "base/blocks.h"

#include <string.h>

/* Holds an array, which NumPy does not move as long as it has a weak reference, until the run is over. */
static int hold(ec_program_object *self, PyObject *array)
{
    if (!self->borrowed && !(self->borrowed = PyList_New(0))) {
        return -1;
    }
    PyObject *guard = PyWeakref_NewRef(array, NULL);
    int result = guard && PyList_Append(self->borrowed, guard) == 0 ? PyList_Append(self->borrowed, array) : -1;
    Py_XDECREF(guard);
    return result;
}

float *ec_input_values(ec_program_object *self, PyArrayObject *array)
{
    size_t bytes = (size_t)PyArray_NBYTES(array);
    if (self->program->reads_in_place && self->may_borrow && bytes >= EC_LARGE_RESULT) {
        return hold(self, (PyObject *)array) == 0 ? PyArray_DATA(array) : NULL;
    }
    float *values = ec_program_take(self, (int64_t)(bytes / sizeof *values), sizeof *values);
    if (values) {
        ec_copy(values, PyArray_DATA(array), bytes);
    }
    return values;
}

void ec_inputs_release(ec_program_object *self) { Py_CLEAR(self->borrowed); }
