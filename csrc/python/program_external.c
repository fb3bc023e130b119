/* Layers written in Python: what the core calls between two parallel regions of a step. Takes the lock, hands over
 * arrays in padded form, checks and copies what comes back.
 *
 * The functions are forward(inputs, masks, training) -> output and backward(d_output) -> (d_inputs, d_parameters),
 * lists in which None stands for no gradient. */
#include "python/program.h"

#include <string.h>

/* The padded form of a result into the rows of a tensor, or added to them; 0, or -1 with an exception set. */
static int take_rows(PyObject *value, const struct ec_tensor *tensor, float *rows, int add, const char *what)
{
    PyArrayObject *array = ec_float_array(value, what);
    if (!array) {
        return -1;
    }
    int result = ec_check_tensor_shape(array, tensor, what);
    if (result == 0) {
        if (!add) {
            memset(rows, 0, (size_t)(tensor->rows * tensor->cols) * sizeof *rows);
        }
        ec_add_padded(rows, PyArray_DATA(array), tensor);
    }
    Py_DECREF(array);
    return result;
}

static int call_forward(PyObject *function, struct ec_op *op, const struct ec_step *step)
{
    PyObject *inputs = PyList_New(op->input_count), *masks = PyList_New(op->input_count);
    int result = inputs && masks ? 0 : -1;
    for (int i = 0; result == 0 && i < op->input_count; i++) {
        PyObject *values = ec_tensor_array(op->inputs[i], op->inputs[i]->data);
        PyObject *mask = values ? ec_mask_array(op->inputs[i]) : NULL;
        if (!mask) {
            Py_XDECREF(values);
            result = -1;
        } else {
            PyList_SET_ITEM(inputs, i, values);
            PyList_SET_ITEM(masks, i, mask);
        }
    }
    PyObject *value =
        result == 0 ? PyObject_CallFunction(function, "OOO", inputs, masks, step->training ? Py_True : Py_False) : NULL;
    result = value ? take_rows(value, op->outputs[0], op->outputs[0]->data, 0, "the output") : -1;
    Py_XDECREF(value);
    Py_XDECREF(inputs);
    Py_XDECREF(masks);
    return result;
}

/* The gradient of a parameter, None for zeros. */
static int take_gradient(PyObject *value, struct ec_parameter *parameter, int add)
{
    float *gradient = parameter->gradient.values;
    if (!add) {
        memset(gradient, 0, (size_t)parameter->size * sizeof *gradient);
    }
    if (value == Py_None) {
        return 0;
    }
    PyArrayObject *array = ec_float_array(value, parameter->name);
    int fits = array && PyArray_NDIM(array) == parameter->rank;
    for (int i = 0; fits && i < parameter->rank; i++) {
        fits = PyArray_DIM(array, i) == parameter->dims[i];
    }
    if (fits) {
        ec_kernels()->add(gradient, PyArray_DATA(array), parameter->size);
    } else if (array) {
        PyErr_Format(PyExc_ValueError, "the gradient of %s does not have the weight's shape", parameter->name);
    }
    Py_XDECREF(array);
    return fits ? 0 : -1;
}

/* inputs, parameters: tuples, as the conversion of one item may run code that changes a list. */
static int take_gradients(struct ec_op *op, PyObject *inputs, PyObject *parameters)
{
    int result = 0;
    for (int i = 0; result == 0 && i < op->input_count; i++) {
        const struct ec_tensor *in = op->inputs[i];
        PyObject *value = PyTuple_GET_ITEM(inputs, i);
        if (in->needs_grad && value != Py_None) {
            result = take_rows(value, in, in->grad, op->adds_input[i], "the gradient of an input");
        } else if (in->needs_grad && !op->adds_input[i]) {
            memset(in->grad, 0, (size_t)(in->rows * in->cols) * sizeof *in->grad);
        }
    }
    for (int i = 0; result == 0 && i < op->parameter_count; i++) {
        if (op->parameters[i]->trainable) {
            result = take_gradient(PyTuple_GET_ITEM(parameters, i), op->parameters[i], op->adds_parameter[i]);
        }
    }
    return result;
}

static int call_backward(PyObject *function, struct ec_op *op)
{
    PyObject *d_output = ec_tensor_array(op->outputs[0], op->outputs[0]->grad);
    PyObject *pair = d_output ? PyObject_CallFunctionObjArgs(function, d_output, NULL) : NULL;
    PyObject *lists[2], *inputs = NULL, *parameters = NULL;
    int result = -1;
    if (pair && !PyTuple_Check(pair)) {
        PyErr_Format(PyExc_TypeError, "backward must give (d_inputs, d_parameters), got %.100R", pair);
    } else if (pair && PyArg_ParseTuple(pair, "O!O!:backward", &PyList_Type, &lists[0], &PyList_Type, &lists[1]) &&
               (inputs = PyList_AsTuple(lists[0])) && (parameters = PyList_AsTuple(lists[1]))) {
        if (PyTuple_GET_SIZE(inputs) != op->input_count || PyTuple_GET_SIZE(parameters) != op->parameter_count) {
            PyErr_Format(PyExc_ValueError, "backward gave %zd and %zd gradients; expected %d and %d",
                         PyTuple_GET_SIZE(inputs), PyTuple_GET_SIZE(parameters), op->input_count, op->parameter_count);
        } else {
            result = take_gradients(op, inputs, parameters);
        }
    }
    Py_XDECREF(inputs);
    Py_XDECREF(parameters);
    Py_XDECREF(pair);
    Py_XDECREF(d_output);
    return result;
}

/* What the core calls; `context` is the tuple (forward, backward). */
static ec_status call(void *context, struct ec_op *op, const struct ec_step *step, int back)
{
    PyGILState_STATE lock = PyGILState_Ensure();
    PyObject *functions = context;
    int result = back ? call_backward(PyTuple_GET_ITEM(functions, 1), op)
                      : call_forward(PyTuple_GET_ITEM(functions, 0), op, step);
    PyGILState_Release(lock);
    return result == 0 ? EC_OK : EC_INTERRUPTED;
}

PyObject *ec_program_set_function(ec_program_object *self, PyObject *args)
{
    int number;
    PyObject *forward, *backward;
    if (!PyArg_ParseTuple(args, "iOO:set_function", &number, &forward, &backward)) {
        return NULL;
    }
    if (number < 0 || number >= self->program->op_count || !self->program->ops[number].type->is_external) {
        return PyErr_Format(PyExc_ValueError, "operation %d is not external", number);
    }
    if (!PyCallable_Check(forward) || !PyCallable_Check(backward)) {
        return PyErr_Format(PyExc_TypeError, "forward and backward must be callable, got %R and %R", forward, backward);
    }
    PyObject *functions = PyTuple_Pack(2, forward, backward), *key = PyLong_FromLong(number);
    if (!self->functions) {
        self->functions = PyDict_New();
    }
    int kept = functions && key && self->functions &&
               PyDict_SetItem(self->functions, key, functions) == 0; /* keeps them alive */
    Py_XDECREF(functions);
    Py_XDECREF(key);
    if (!kept) {
        return NULL;
    }
    struct ec_external *external = self->program->ops[number].state;
    *external = (struct ec_external){.call = call, .context = functions};
    Py_RETURN_NONE;
}

void ec_program_clear_functions(ec_program_object *self)
{
    for (int i = 0; self->program && i < self->program->op_count; i++) {
        const struct ec_op *op = &self->program->ops[i];
        if (op->type->is_external && op->state) {
            ((struct ec_external *)op->state)->call = NULL;
        }
    }
    Py_CLEAR(self->functions);
}
