/* Builds a program from its description in Python: tuples and dicts, checked here and by each operation's infer. */
#include "python/program.h"

#include <string.h>

/* The UTF-8 text of a str, which self keeps alive. */
static const char *keep_name(ec_program_object *self, PyObject *name)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "expected a name (str), got %R", name);
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8(name);
    return text && PyList_Append(self->names, name) == 0 ? text : NULL;
}

void ec_program_raise(const struct ec_report *report)
{
    PyObject *text = PyUnicode_DecodeUTF8(report->text, (Py_ssize_t)strlen(report->text), "replace");
    if (text) {
        PyErr_SetObject(PyExc_ValueError, text);
        Py_DECREF(text);
    }
}

static int check_tuple(PyObject *spec, const char *what)
{
    if (!PyTuple_Check(spec)) {
        PyErr_Format(PyExc_TypeError, "%s: expected a tuple, got %R", what, spec);
        return -1;
    }
    return 0;
}

/* The sizes of a shape, each at least 1, or -1 where `any` allows it; how many, or -1 with an exception. Places in a
 * row are int32, so it has no more values, as in what operations make. */
static int parse_dims(PyObject *spec, PyObject *shape, int any, int64_t dims[EC_MAX_RANK])
{
    Py_ssize_t rank = PyTuple_GET_SIZE(shape);
    if (rank > EC_MAX_RANK) {
        PyErr_Format(PyExc_ValueError, "input %R: %zd inner axes; at most %d", spec, rank, EC_MAX_RANK);
        return -1;
    }
    for (int64_t i = 0, values = 1; i < rank; values *= ec_most(1, dims[i]), i++) {
        long long size = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        if (size == -1 && PyErr_Occurred()) {
            return -1;
        }
        if ((size < 1 && !(any && size == -1)) || size > INT32_MAX / values) {
            PyErr_Format(PyExc_ValueError, "input %R: sizes are at least 1, a row has at most 2**31 - 1 values", spec);
            return -1;
        }
        dims[i] = size;
    }
    return (int)rank;
}

/* (name, dtype, steps, dims): steps None for one row a text, -1 for any number, or T. */
static int parse_input(ec_program_object *self, PyObject *spec, struct ec_tensor *tensor)
{
    PyObject *name, *steps, *shape;
    const char *dtype;
    if (check_tuple(spec, "input") < 0 ||
        !PyArg_ParseTuple(spec, "OsOO!:input", &name, &dtype, &steps, &PyTuple_Type, &shape) ||
        !(tensor->name = keep_name(self, name))) {
        return -1;
    }
    long long count = steps == Py_None ? EC_NO_STEPS : PyLong_AsLongLong(steps);
    if (count == -1 && PyErr_Occurred()) {
        return -1;
    }
    int is_ids = strcmp(dtype, "int32") == 0;
    if ((!is_ids && strcmp(dtype, "float32")) || (steps != Py_None && count < 1 && count != EC_ANY_STEPS)) {
        PyErr_Format(PyExc_ValueError,
                     "input %R; expected (name, 'int32' or 'float32', steps: None, -1 or T, sizes of a row)", spec);
        return -1;
    }
    if (count > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "input %R: sizes are at least 1 and at most 2**31 - 1", spec);
        return -1;
    }
    int64_t dims[EC_MAX_RANK];
    int rank = parse_dims(spec, shape, is_ids, dims);
    if (rank < 0) {
        return -1;
    }
    if (is_ids ? steps == Py_None : rank == 0) {
        PyErr_Format(PyExc_ValueError, "input %R: ids have steps, and numbers at least one inner axis", spec);
        return -1;
    }
    tensor->dtype = is_ids ? EC_IDS : EC_FLOATS;
    tensor->is_input = 1;
    tensor->id_limit = INT32_MAX;
    ec_tensor_set_shape(tensor, count, rank, dims);
    return 0;
}

static int parse_parameter(ec_program_object *self, PyObject *spec, struct ec_parameter *parameter)
{
    PyObject *name, *shape;
    if (check_tuple(spec, "parameter") < 0 || !PyArg_ParseTuple(spec, "OO!:parameter", &name, &PyTuple_Type, &shape) ||
        !(parameter->name = keep_name(self, name))) {
        return -1;
    }
    parameter->rank = (int)PyTuple_GET_SIZE(shape);
    parameter->size = 1;
    if (parameter->rank > EC_MAX_RANK) {
        PyErr_Format(PyExc_ValueError, "parameter %s: shape %R has more than %d axes", parameter->name, shape,
                     EC_MAX_RANK);
        return -1;
    }
    for (int i = 0; i < parameter->rank; i++) {
        long long size = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        if (size == -1 && PyErr_Occurred()) {
            return -1;
        }
        parameter->dims[i] = size;
        if (size < 1 || size > INT32_MAX || __builtin_mul_overflow(parameter->size, size, &parameter->size) ||
            parameter->size > INT64_MAX / 64) {
            PyErr_Format(PyExc_ValueError,
                         "parameter %s: shape %R; every axis must be positive and below 2**31, and the whole fit in "
                         "memory",
                         parameter->name, shape);
            return -1;
        }
    }
    return 0;
}

/* A tuple of small numbers below `limit` into a new array; NULL with an exception. */
static int *parse_numbers(PyObject *tuple, int limit, const char *what, int *count)
{
    if (!PyTuple_Check(tuple)) {
        PyErr_Format(PyExc_TypeError, "%s: expected a tuple of numbers, got %R", what, tuple);
        return NULL;
    }
    *count = (int)PyTuple_GET_SIZE(tuple);
    int *numbers = ec_alloc_array(*count, sizeof *numbers);
    if (!numbers) {
        PyErr_NoMemory();
        return NULL;
    }
    for (int i = 0; i < *count; i++) {
        long number = PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
        if (number < 0 || number >= limit) {
            if (!PyErr_Occurred()) {
                PyErr_Format(PyExc_ValueError, "%s: number %ld is outside [0, %d)", what, number, limit);
            }
            ec_free(numbers);
            return NULL;
        }
        numbers[i] = (int)number;
    }
    return numbers;
}

static int set_choice(int *target, const struct ec_attribute *attribute, PyObject *value, const char *owner)
{
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;
    for (int i = 0; text && attribute->choices[i]; i++) {
        if (strcmp(text, attribute->choices[i]) == 0) {
            *target = i;
            return 0;
        }
    }
    PyObject *allowed = PyList_New(0);
    for (int i = 0; allowed && attribute->choices[i]; i++) {
        PyObject *choice = PyUnicode_FromString(attribute->choices[i]);
        if (choice) {
            PyList_Append(allowed, choice);
            Py_DECREF(choice);
        }
    }
    if (allowed && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "%s: %s = %R; allowed are %R", owner, attribute->name, value, allowed);
    }
    Py_XDECREF(allowed);
    return -1;
}

static int set_attribute(void *state, const struct ec_attribute *attribute, PyObject *key, PyObject *value,
                         const char *owner)
{
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    while (name && attribute && attribute->name && strcmp(attribute->name, name)) {
        attribute++;
    }
    if (!name || !attribute || !attribute->name) {
        PyErr_Format(PyExc_ValueError, "%s has no attribute %R", owner, key);
        return -1;
    }
    void *target = (char *)state + attribute->offset;
    if (attribute->kind == EC_ATTRIBUTE_CHOICE) {
        return set_choice(target, attribute, value, owner);
    }
    if (attribute->kind == EC_ATTRIBUTE_COUNT && !PyIndex_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: %s = %R; expected a whole number", owner, name, value);
        return -1;
    }
    if (attribute->kind == EC_ATTRIBUTE_COUNT) {
        long long number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred()) {
            return -1;
        }
        *(int64_t *)target = number;
        return 0;
    }
    if (attribute->kind == EC_ATTRIBUTE_INT) {
        long number = PyLong_AsLong(value);
        if (number == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (number > 1 << 20 || number < -(1 << 20)) {
            PyErr_Format(PyExc_ValueError, "%s: %s = %ld is outside [-2**20, 2**20]", owner, name, number);
            return -1;
        }
        *(int *)target = (int)number;
        return 0;
    }
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    *(double *)target = number;
    return 0;
}

int ec_attributes_set(void *state, const struct ec_attribute *attributes, PyObject *settings, const char *owner)
{
    PyObject *copy = settings ? PyDict_Copy(settings) : NULL, *key, *value; /* values may run code that changes it */
    Py_ssize_t position = 0;
    int result = settings && !copy ? -1 : 0;
    while (copy && result == 0 && PyDict_Next(copy, &position, &key, &value)) {
        result = set_attribute(state, attributes, key, value, owner);
    }
    Py_XDECREF(copy);
    return result;
}

/* Every input was made by something before; every output is new. */
static int check_order(const struct ec_program *program, const char *name, const int *inputs, int input_count,
                       const int *outputs, int output_count, uint8_t *made)
{
    for (int i = 0; i < input_count; i++) {
        if (!made[inputs[i]]) {
            PyErr_Format(PyExc_ValueError, "%s: tensor %d is used before any operation makes it", name, inputs[i]);
            return -1;
        }
    }
    for (int i = 0; i < output_count; i++) {
        if (made[outputs[i]]++ || outputs[i] < program->input_count) {
            PyErr_Format(PyExc_ValueError, "%s: tensor %d is made twice", name, outputs[i]);
            return -1;
        }
    }
    return 0;
}

static int add_operation(struct ec_program *program, const char *name, PyObject *const tuples[3], PyObject *attributes,
                         uint8_t *made)
{
    const struct ec_op_type *type = ec_op_type_named(name);
    int *numbers[3] = {NULL, NULL, NULL}, counts[3];
    const int limits[3] = {program->tensor_count, program->tensor_count, program->parameter_count};
    struct ec_op *op;
    struct ec_report report = {""};
    int result = -1;
    if (!type) {
        PyErr_Format(PyExc_ValueError, "there is no operation '%s'", name);
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        if (!(numbers[i] = parse_numbers(tuples[i], limits[i], name, &counts[i]))) {
            goto done;
        }
    }
    if (check_order(program, name, numbers[0], counts[0], numbers[1], counts[1], made) < 0) {
        goto done;
    }
    ec_status status =
        ec_program_add(program, type, numbers[0], counts[0], numbers[1], counts[1], numbers[2], counts[2], &op);
    if (status != EC_OK) {
        ec_python_raise(status, name);
        goto done;
    }
    if (ec_attributes_set(op->state, type->attributes, attributes, name) < 0) {
        goto done;
    }
    status = ec_op_infer(op, &report);
    if (status == EC_BAD_VALUE) {
        ec_program_raise(&report);
    } else if (status != EC_OK) {
        ec_python_raise(status, name);
    } else {
        result = 0;
    }
done:
    for (int i = 0; i < 3; i++) {
        ec_free(numbers[i]);
    }
    return result;
}

static int add_operations(struct ec_program *program, PyObject *operations)
{
    uint8_t *made = ec_alloc_zeros(program->tensor_count, 1);
    if (!made) {
        PyErr_NoMemory();
        return -1;
    }
    memset(made, 1, (size_t)program->input_count);
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(operations); i++) {
        const char *name;
        PyObject *tuples[3], *attributes = NULL;
        PyObject *spec = PyList_GET_ITEM(operations, i);
        result =
            check_tuple(spec, "operation") == 0 && PyArg_ParseTuple(spec, "sOOO|O!:operation", &name, &tuples[0],
                                                                    &tuples[1], &tuples[2], &PyDict_Type, &attributes)
                ? add_operation(program, name, tuples, attributes, made)
                : -1;
    }
    for (int i = 0; result == 0 && i < program->output_count; i++) {
        if (!made[program->outputs[i]]) {
            PyErr_Format(PyExc_ValueError, "output %d: no operation makes tensor %d", i, program->outputs[i]);
            result = -1;
        }
    }
    ec_free(made);
    return result;
}

/* One more than the largest tensor number that an operation makes. */
static long count_tensors(PyObject *operations, Py_ssize_t inputs)
{
    long count = (long)inputs;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(operations); i++) {
        PyObject *operation = PyList_GET_ITEM(operations, i);
        PyObject *outputs =
            PyTuple_Check(operation) && PyTuple_GET_SIZE(operation) >= 4 ? PyTuple_GET_ITEM(operation, 2) : NULL;
        for (Py_ssize_t k = 0; outputs && PyTuple_Check(outputs) && k < PyTuple_GET_SIZE(outputs); k++) {
            long number = PyLong_AsLong(PyTuple_GET_ITEM(outputs, k));
            if (number == -1 && PyErr_Occurred()) {
                return -1;
            }
            if (number > 1 << 20) {
                PyErr_Format(PyExc_ValueError, "tensor number %ld is outside [0, 2**20]", number);
                return -1;
            }
            count = number + 1 > count ? number + 1 : count;
        }
    }
    return count;
}

int ec_program_build(ec_program_object *self, PyObject *inputs, PyObject *parameters, PyObject *operations,
                     PyObject *outputs)
{
    long tensors = count_tensors(operations, PyList_GET_SIZE(inputs));
    if (tensors < 0) {
        return -1;
    }
    int output_count;
    int *output_numbers = parse_numbers(outputs, (int)tensors, "outputs", &output_count);
    if (!output_numbers) {
        return -1;
    }
    ec_status status = ec_program_new(&self->program, (int)PyList_GET_SIZE(inputs), (int)tensors,
                                      (int)PyList_GET_SIZE(parameters), (int)PyList_GET_SIZE(operations), output_count);
    if (status == EC_OK) {
        memcpy(self->program->outputs, output_numbers, (size_t)output_count * sizeof *output_numbers);
    }
    ec_free(output_numbers);
    self->bindings = status == EC_OK ? ec_alloc_zeros(PyList_GET_SIZE(parameters), sizeof *self->bindings) : NULL;
    if (!self->bindings) {
        PyErr_NoMemory();
        return -1;
    }
    struct ec_program *program = self->program;
    for (int i = 0; i < program->input_count; i++) {
        if (parse_input(self, PyList_GET_ITEM(inputs, i), &program->tensors[i]) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < program->parameter_count; i++) {
        if (parse_parameter(self, PyList_GET_ITEM(parameters, i), &program->parameters[i]) < 0) {
            return -1;
        }
    }
    if (add_operations(program, operations) < 0) {
        return -1;
    }
    struct ec_report report = {""};
    status = ec_program_finish(program, &report);
    if (status != EC_OK) {
        ec_program_raise(&report);
        return -1;
    }
    return 0;
}
