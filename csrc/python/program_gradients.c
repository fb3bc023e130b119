/* The gradients of a step as arrays of their own, and the update from such arrays: what stands between them is the
 * caller's. A table's are (rows, values): distinct rows, in the order in which the batch named them first, and the
 * gradient of each. Norms are summed in that order, so the update leaves it as it is. */
#include "python/program.h"

#include <string.h>

/* (rows, values); all rows of a table whose gradient has been spread. */
static PyObject *table_gradient(const struct ec_parameter *parameter)
{
    const struct ec_gradient *gradient = &parameter->gradient;
    int64_t count = gradient->rows ? gradient->count : parameter->dims[0];
    int64_t width = parameter->dims[1];
    npy_intp dims[2] = {count, width};
    PyObject *rows = PyArray_SimpleNew(1, dims, NPY_INT32);
    PyObject *values = PyArray_SimpleNew(2, dims, NPY_FLOAT32);
    if (!rows || !values) {
        Py_XDECREF(rows);
        Py_XDECREF(values);
        return NULL;
    }
    int32_t *number = PyArray_DATA((PyArrayObject *)rows);
    float *out = PyArray_DATA((PyArrayObject *)values);
    for (int64_t i = 0; i < count; i++) {
        number[i] = gradient->rows ? gradient->rows[i] : (int32_t)i;
        const float *row =
            gradient->rows ? ec_gradient_row(gradient, i, out + i * width) : gradient->values + i * width;
        if (row != out + i * width) {
            memcpy(out + i * width, row, (size_t)width * sizeof *out);
        }
    }
    return Py_BuildValue("NN", rows, values);
}

static PyObject *gradient_entered(const struct ec_program *program, long number)
{
    if (number < 0 || number >= program->parameter_count) {
        return PyErr_Format(PyExc_ValueError, "parameter %ld is outside [0, %d)", number, program->parameter_count);
    }
    const struct ec_parameter *parameter = &program->parameters[number];
    if (!program->has_gradients || !parameter->gradient.values || !parameter->writers) {
        return PyErr_Format(PyExc_RuntimeError,
                            "parameter %s has no gradient: it is frozen, unused, or no backward pass ran",
                            parameter->name);
    }
    if (parameter->is_table) {
        return table_gradient(parameter);
    }
    npy_intp dims[EC_MAX_RANK];
    for (int i = 0; i < parameter->rank; i++) {
        dims[i] = parameter->dims[i];
    }
    PyObject *array = PyArray_SimpleNew(parameter->rank, dims, NPY_FLOAT32);
    if (array) {
        memcpy(PyArray_DATA((PyArrayObject *)array), parameter->gradient.values,
               (size_t)parameter->size * sizeof(float));
    }
    return array;
}

static PyObject *input_gradient_entered(const struct ec_program *program, long number)
{
    if (number < 0 || number >= program->input_count) {
        return PyErr_Format(PyExc_ValueError, "input %ld is outside [0, %d)", number, program->input_count);
    }
    const struct ec_tensor *tensor = &program->tensors[number];
    if (!program->has_gradients || !tensor->grad) {
        return PyErr_Format(PyExc_RuntimeError,
                            "input %s has no gradient: the program was made without input_gradients, or no "
                            "backward pass ran",
                            tensor->name);
    }
    return ec_tensor_array(tensor, tensor->grad);
}

static PyObject *read_entered(PyObject *object, PyObject *argument,
                              PyObject *(*read)(const struct ec_program *program, long number))
{
    ec_program_object *self = (ec_program_object *)object;
    long number = PyLong_AsLong(argument);
    if ((number == -1 && PyErr_Occurred()) || ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    PyObject *result = read(self->program, number);
    ec_program_leave(self->program);
    return result;
}

PyObject *ec_program_gradient(PyObject *object, PyObject *number)
{
    return read_entered(object, number, gradient_entered);
}

PyObject *ec_program_input_gradient(PyObject *object, PyObject *number)
{
    return read_entered(object, number, input_gradient_entered);
}

/* What came instead of a gradient: "an array of shape (3, 2)", or its type; never its values. */
static PyObject *kind_of_given(PyObject *given)
{
    PyObject *shape = PyArray_Check(given) ? PyObject_GetAttrString(given, "shape") : NULL;
    if (!shape) {
        PyErr_Clear();
        return PyUnicode_FromFormat("a %s", Py_TYPE(given)->tp_name);
    }
    PyObject *text = PyUnicode_FromFormat("an array of shape %R", shape);
    Py_DECREF(shape);
    return text;
}

/* TypeError for something else than a gradient of this form; -1. */
static int raise_form(const struct ec_parameter *parameter, const char *form, PyObject *given)
{
    PyObject *kind = kind_of_given(given);
    if (kind) {
        PyErr_Format(PyExc_TypeError, "%s %s. Received: %U", parameter->name, form, kind);
        Py_DECREF(kind);
    }
    return -1;
}

/* The shape of a parameter as Python writes it: (3,), (40, 5). */
static void write_shape(char *text, size_t size, const struct ec_parameter *parameter)
{
    size_t used = 0;
    for (int i = 0; i < parameter->rank && used < size; i++) {
        used +=
            (size_t)PyOS_snprintf(text + used, size - used, "%s%lld", i ? ", " : "(", (long long)parameter->dims[i]);
    }
    if (used < size) {
        PyOS_snprintf(text + used, size - used, parameter->rank == 1 ? ",)" : ")");
    }
}

/* A dense gradient, of the shape of its parameter. */
static int copy_dense(ec_program_object *self, struct ec_parameter *parameter, PyObject *given)
{
    char shape[128], form[192];
    write_shape(shape, sizeof shape, parameter);
    if (PyTuple_Check(given)) {
        PyOS_snprintf(form, sizeof form, "is no table: its gradient must be an array of shape %s", shape);
        return raise_form(parameter, form, given);
    }
    PyArrayObject *array = ec_float_array(given, parameter->name);
    if (!array) {
        return -1;
    }
    int fits = PyArray_NDIM(array) == parameter->rank;
    for (int i = 0; fits && i < parameter->rank; i++) {
        fits = PyArray_DIM(array, i) == parameter->dims[i];
    }
    float *values = NULL;
    if (!fits) {
        PyOS_snprintf(form, sizeof form, "%s, the shape of the weight", shape);
        ec_raise_shape(parameter->name, array, form);
    } else if ((values = ec_program_take(self, parameter->size, sizeof *values))) {
        memcpy(values, PyArray_DATA(array), (size_t)parameter->size * sizeof *values);
        parameter->gradient = (struct ec_gradient){.values = values};
    }
    Py_DECREF(array);
    return values ? 0 : -1;
}

/* A team writes the rows of a table without looking whether another thread has the same. */
static int check_distinct(ec_program_object *self, const struct ec_parameter *parameter, const int32_t *rows,
                          int64_t count)
{
    size_t bytes = (size_t)parameter->dims[0] / 8 + 1;
    uint8_t *seen = ec_program_take(self, (int64_t)bytes, 1); /* a bit for each row */
    if (!seen) {
        return -1;
    }
    memset(seen, 0, bytes);
    for (int64_t i = 0; i < count; i++) {
        uint8_t bit = (uint8_t)(1u << (rows[i] & 7));
        if (seen[rows[i] >> 3] & bit) {
            PyErr_Format(PyExc_ValueError, "rows of %s must be distinct: rows[%lld] = %d stands there twice",
                         parameter->name, (long long)i, (int)rows[i]);
            return -1;
        }
        seen[rows[i] >> 3] |= bit;
    }
    return 0;
}

/* Distinct rows of a table, and as many values. */
static int copy_rows(ec_program_object *self, struct ec_parameter *parameter, PyArrayObject *rows,
                     PyArrayObject *values)
{
    const char *name = parameter->name;
    int64_t width = parameter->dims[1], count = PyArray_SIZE(rows);
    if (PyArray_NDIM(rows) != 1) {
        return ec_raise_shape(name, rows, "one axis of row numbers");
    }
    if (PyArray_NDIM(values) != 2 || PyArray_DIM(values, 0) != count || PyArray_DIM(values, 1) != width) {
        char expected[96];
        PyOS_snprintf(expected, sizeof expected, "(%lld, %lld): a gradient for each row", (long long)count,
                      (long long)width);
        return ec_raise_shape(name, values, expected);
    }
    int32_t *numbers = ec_program_take(self, count, sizeof *numbers);
    float *copy = ec_program_take(self, count * width, sizeof *copy);
    if (!numbers || !copy) {
        return -1;
    }
    int64_t bad = ec_copy_in_range(numbers, rows, count, parameter->dims[0]);
    if (bad >= 0) {
        char label[160];
        PyOS_snprintf(label, sizeof label, "rows of %.140s: rows", name);
        return ec_raise_out_of_range(label, rows, bad, 1, parameter->dims[0]);
    }
    if (check_distinct(self, parameter, numbers, count) < 0) {
        return -1;
    }
    memcpy(copy, PyArray_DATA(values), (size_t)(count * width) * sizeof *copy);
    parameter->gradient =
        (struct ec_gradient){.values = copy, .rows = numbers, .count = count, .width = width, .stride = width};
    return 0;
}

static int copy_table(ec_program_object *self, struct ec_parameter *parameter, PyObject *given)
{
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != 2) {
        char form[160];
        PyOS_snprintf(form, sizeof form,
                      "is a table: its gradient must be a tuple (rows, values) of integers (U,) and floats (U, %lld)",
                      (long long)parameter->dims[1]);
        return raise_form(parameter, form, given);
    }
    PyArrayObject *rows = ec_integer_array(PyTuple_GET_ITEM(given, 0), parameter->name);
    PyArrayObject *values = rows ? ec_float_array(PyTuple_GET_ITEM(given, 1), parameter->name) : NULL;
    int result = values ? copy_rows(self, parameter, rows, values) : -1;
    Py_XDECREF(rows);
    Py_XDECREF(values);
    return result;
}

/* Gradients for exactly the parameters that learn. */
static int copy_gradients(ec_program_object *self, PyObject *items)
{
    struct ec_program *program = self->program;
    for (int i = 0; i < program->parameter_count; i++) {
        struct ec_parameter *parameter = &program->parameters[i];
        PyObject *given = PyTuple_GET_ITEM(items, i);
        int learns = ec_parameter_learns(parameter);
        if (learns != (given != Py_None)) {
            PyErr_Format(PyExc_ValueError,
                         learns ? "gradients: that of %s is missing"
                                : "gradients: %s takes none; it is not trainable, or no loss depends on it",
                         parameter->name);
            return -1;
        }
        if (!learns) {
            continue;
        }
        if ((parameter->is_table ? copy_table : copy_dense)(self, parameter, given) < 0) {
            return -1;
        }
        parameter->writers = 1;
    }
    return 0;
}

PyObject *ec_program_update(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"gradients", "learning_rate", "step", "penalties", NULL};
    ec_program_object *self = (ec_program_object *)object;
    PyObject *gradients;
    double learning_rate;
    struct ec_step_number step = {0};
    int penalties = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OdO&|p:update", names, &gradients, &learning_rate,
                                     ec_step_number_parse, &step, &penalties)) {
        return NULL;
    }
    if (!self->has_optimizer) {
        PyErr_SetString(PyExc_RuntimeError, "update needs set_optimizer before it");
        return NULL;
    }
    PyObject *items = ec_list_items(gradients, self->program->parameter_count, "gradients");
    if (!items || ec_program_enter_or_raise(self) < 0) {
        Py_XDECREF(items);
        return NULL;
    }
    int failed = ec_check_bound(self, EC_RUN_UPDATE) < 0;
    if (!failed) {
        ec_optimizer_begin(&self->program->optimizer, learning_rate, step.value);
        self->program->late_penalties = penalties;
        ec_program_begin(self->program, 0, EC_RUN_UPDATE, 0, step.value);
        failed = copy_gradients(self, items) < 0 || ec_program_run_or_raise(self, EC_RUN_UPDATE, "update") < 0;
        if (!failed && step.counter) {
            ++*step.counter;
        }
    }
    ec_program_leave(self->program);
    Py_DECREF(items);
    return failed ? NULL : Py_NewRef(Py_None);
}
