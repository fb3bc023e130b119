/* A batch of which several processes have a part each. Between the losses and the backward pass of a step the caller is
 * told by what this part divides its losses, and gives back the same of the whole batch: each operation's gradient is
 * then its share of that of the whole batch, and the sum over the processes is the gradient of one process with all of
 * it. Gradients go into memory of the caller, from where they are sent. */
#include "python/program.h"

#include <math.h>
#include <string.h>

/* The divisor of each operation that has one, in their order. */
static PyObject *divisors(const struct ec_program *program)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < program->op_count; i++) {
        const struct ec_op *op = &program->ops[i];
        PyObject *value = op->type->divisor ? PyFloat_FromDouble(op->type->divisor(op)) : NULL;
        if (op->type->divisor && (!value || PyList_Append(list, value) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(value);
    }
    return list;
}

/* The share of an operation, by its own divisor and that of the whole batch. */
static int take_share(struct ec_op *op, PyObject *item)
{
    double own = op->type->divisor(op), whole = PyFloat_AsDouble(item);
    if (whole == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    if (isnan(own)) {
        return 0; /* a sum: its part is the share */
    }
    if (!isfinite(whole)) {
        PyErr_Format(PyExc_ValueError, "%s must be divided by a finite number in the whole batch. Received: %R",
                     op->type->name, item);
        return -1;
    }
    op->share = whole != 0.0 ? own / whole : 0.0;
    if (op->type->is_loss) {
        ((struct ec_loss *)op->state)->value *= op->share;
    }
    return 0;
}

static int take_shares(struct ec_program *program, PyObject *wholes, Py_ssize_t count)
{
    if (!PyList_Check(wholes) || PyList_GET_SIZE(wholes) != count) {
        PyErr_Format(PyExc_TypeError, "whole must return a list of %zd numbers. Received: %.100R", count, wholes);
        return -1;
    }
    PyObject *items = PyList_AsTuple(wholes); /* a number's __float__ may change the list */
    Py_ssize_t taken = 0;
    int failed = !items;
    for (int i = 0; !failed && i < program->op_count; i++) {
        struct ec_op *op = &program->ops[i];
        failed = op->type->divisor && (taken >= count || take_share(op, PyTuple_GET_ITEM(items, taken++)) < 0);
    }
    Py_XDECREF(items);
    return failed ? -1 : 0;
}

int ec_shares_take(ec_program_object *self, PyObject *function)
{
    PyObject *own = divisors(self->program);
    Py_ssize_t count = own ? PyList_GET_SIZE(own) : 0;
    PyObject *wholes = own ? PyObject_CallOneArg(function, own) : NULL;
    int result = wholes ? take_shares(self->program, wholes, count) : -1;
    Py_XDECREF(own);
    Py_XDECREF(wholes);
    return result;
}

static int write_gradient(const struct ec_program *program, long number, PyArrayObject *out)
{
    const struct ec_parameter *parameter =
        number >= 0 && number < program->parameter_count ? &program->parameters[number] : NULL;
    if (!parameter || parameter->is_table || !program->has_gradients || !parameter->gradient.values ||
        !parameter->writers) {
        PyErr_Format(PyExc_RuntimeError, "parameter %ld has no dense gradient of this step", number);
        return -1;
    }
    if (PyArray_TYPE(out) != NPY_FLOAT32 || !PyArray_ISCARRAY(out) || PyArray_SIZE(out) != parameter->size) {
        PyErr_Format(PyExc_TypeError, "out must be a writable float32 array of %lld values in C order, for %s",
                     (long long)parameter->size, parameter->name);
        return -1;
    }
    memcpy(PyArray_DATA(out), parameter->gradient.values, (size_t)parameter->size * sizeof(float));
    return 0;
}

PyObject *ec_program_gradient_into(PyObject *object, PyObject *args)
{
    ec_program_object *self = (ec_program_object *)object;
    long number;
    PyArrayObject *out;
    if (!PyArg_ParseTuple(args, "lO!:gradient_into", &number, &PyArray_Type, &out) ||
        ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    int failed = write_gradient(self->program, number, out) < 0;
    ec_program_leave(self->program);
    return failed ? NULL : Py_NewRef(Py_None);
}
