/* What the losses of a step are given: targets, weights, and what Python functions compute, checked and copied into the
 * program's arena. */
#include "python/program.h"

#include <string.h>

/* out[i] = in[i], each inside [0, limit), or the ignored label, which becomes -1; the index of the first that is
 * neither, or -1. */
static int64_t copy_labels_or_ignored(int32_t *out, PyArrayObject *in, int64_t count, int64_t limit, int64_t ignored)
{
    int wide = PyArray_TYPE(in) != NPY_INT32;
    for (int64_t i = 0; i < count; i++) {
        int64_t label = wide ? ((const int64_t *)PyArray_DATA(in))[i] : ((const int32_t *)PyArray_DATA(in))[i];
        if (label != ignored && (uint64_t)label >= (uint64_t)limit) {
            return i;
        }
        out[i] = label == ignored ? -1 : (int32_t)label;
    }
    return -1;
}

/* Labels [B], [B, 1], [B, T] or [B, T, 1]. */
static int copy_labels(ec_program_object *self, const struct ec_op *op, struct ec_loss *loss, PyObject *value)
{
    int64_t batch = self->program->step.batch, classes = ec_loss_classes(op);
    int sequence = op->inputs[0]->steps != EC_NO_STEPS;
    PyArrayObject *array = ec_integer_array(value, "y");
    int result = -1;
    if (!array) {
        return -1;
    }
    int rank = PyArray_NDIM(array), wanted = sequence ? 2 : 1;
    int fits = rank == wanted || (rank == wanted + 1 && PyArray_DIM(array, wanted) == 1);
    if (!fits || PyArray_DIM(array, 0) != batch) {
        ec_raise_shape("y", array,
                       sequence ? "(batch, steps) integer labels" : "(batch,) or (batch, 1) integer labels");
        goto done;
    }
    int64_t width = sequence ? PyArray_DIM(array, 1) : 1;
    int32_t *labels = ec_program_take(self, batch * width, sizeof *labels);
    if (!labels) {
        goto done;
    }
    int64_t bad = loss->has_ignored ? copy_labels_or_ignored(labels, array, batch * width, classes, loss->ignored)
                                    : ec_copy_in_range(labels, array, batch * width, classes);
    if (bad >= 0) {
        ec_raise_out_of_range("y", array, bad, sequence ? width : 0, classes);
        goto done;
    }
    loss->targets = labels;
    loss->target_width = sequence ? width : 0;
    result = 0;
done:
    Py_DECREF(array);
    return result;
}

/* Values [B, C] or [B, T, C]; without the last axis where C is 1. */
static int copy_target_values(ec_program_object *self, const struct ec_op *op, struct ec_loss *loss, PyObject *value)
{
    int64_t batch = self->program->step.batch, cols = op->inputs[0]->cols;
    int sequence = op->inputs[0]->steps != EC_NO_STEPS;
    PyArrayObject *array = ec_float_array(value, "y");
    int result = -1;
    if (!array) {
        return -1;
    }
    int rank = PyArray_NDIM(array), wanted = sequence ? 3 : 2;
    int fits = (rank == wanted && PyArray_DIM(array, wanted - 1) == cols) || (rank == wanted - 1 && cols == 1);
    if (!fits || PyArray_DIM(array, 0) != batch) {
        char expected[96];
        PyOS_snprintf(expected, sizeof expected, sequence ? "(%lld, steps, %lld)" : "(%lld, %lld)", (long long)batch,
                      (long long)cols);
        ec_raise_shape("y", array, expected);
        goto done;
    }
    float *values = ec_program_take(self, PyArray_SIZE(array), sizeof *values);
    if (!values) {
        goto done;
    }
    memcpy(values, PyArray_DATA(array), (size_t)PyArray_SIZE(array) * sizeof *values);
    loss->targets = values;
    loss->target_width = sequence ? PyArray_DIM(array, 1) : 0;
    result = 0;
done:
    Py_DECREF(array);
    return result;
}

int ec_targets_copy(ec_program_object *self, PyObject *targets)
{
    struct ec_program *program = self->program;
    PyObject *items = ec_list_items(targets, program->loss_count, "targets");
    int result = items ? 0 : -1;
    for (int i = 0; result == 0 && i < program->loss_count; i++) {
        struct ec_op *op = program->losses[i];
        PyObject *value = PyTuple_GET_ITEM(items, i);
        if (op->type->is_given) { /* its function has its own */
            ((struct ec_loss *)op->state)->targets = NULL;
            continue;
        }
        result = op->type->takes_labels && op->type->takes_labels(op) ? copy_labels(self, op, op->state, value)
                                                                      : copy_target_values(self, op, op->state, value);
    }
    Py_XDECREF(items);
    return result;
}

/* Weights [B] or [B, T] of one loss, NULL for None; adds their sum to *total. */
static int copy_weights(ec_program_object *self, struct ec_loss *loss, PyObject *value, double *total)
{
    int64_t batch = self->program->step.batch;
    loss->sample_weight = NULL;
    loss->weight_width = 0;
    if (value == Py_None) {
        *total += (double)batch;
        return 0;
    }
    PyArrayObject *array = ec_float_array(value, "sample_weight");
    if (!array) {
        return -1;
    }
    float *weights = NULL;
    int rank = PyArray_NDIM(array);
    if (rank < 1 || rank > 2 || PyArray_DIM(array, 0) != batch || (rank == 2 && PyArray_DIM(array, 1) < 1)) {
        ec_raise_shape("sample_weight", array, "(batch,), or (batch, steps) for an output with a time axis");
    } else if ((weights = ec_program_take(self, PyArray_SIZE(array), sizeof *weights))) {
        memcpy(weights, PyArray_DATA(array), (size_t)PyArray_SIZE(array) * sizeof *weights);
        loss->weight_width = rank == 2 ? PyArray_DIM(array, 1) : 0;
        for (int64_t i = 0; i < PyArray_SIZE(array); i++) {
            *total += (double)weights[i];
        }
    }
    Py_DECREF(array);
    loss->sample_weight = weights;
    return weights ? 0 : -1;
}

int ec_weights_copy(ec_program_object *self, PyObject *sample_weight, double *total)
{
    struct ec_program *program = self->program;
    int each = PyTuple_Check(sample_weight); /* a list is one array of numbers */
    *total = 0.0;
    if (each && PyTuple_GET_SIZE(sample_weight) != program->loss_count) {
        PyErr_Format(PyExc_ValueError, "sample_weight: expected a tuple of %d arrays, got %zd", program->loss_count,
                     PyTuple_GET_SIZE(sample_weight));
        return -1;
    }
    for (int i = 0; i < program->loss_count; i++) {
        PyObject *value = each ? PyTuple_GET_ITEM(sample_weight, i) : sample_weight;
        if (copy_weights(self, program->losses[i]->state, value, total) < 0) {
            return -1;
        }
    }
    *total /= program->loss_count;
    return 0;
}

int ec_losses_are_given(const struct ec_program *program)
{
    for (int i = 0; i < program->loss_count; i++) {
        if (program->losses[i]->type->is_given) {
            return 1;
        }
    }
    return 0;
}

/* Copies what a function returned, (losses [B, (T)] float64, derivatives [B, (T), C] float32), for a loss. */
static int give(ec_program_object *self, struct ec_op *op, PyObject *result)
{
    const struct ec_tensor *in = op->inputs[0];
    int64_t rows = ec_tensor_texts(in) * (in->layout ? in->layout->width : 1);
    PyArrayObject *losses = NULL, *derivatives = NULL;
    int done = -1;
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != 2) {
        PyErr_Format(PyExc_TypeError, "a loss function gave %.100R; expected (losses, gradients)", result);
        return -1;
    }
    losses = (PyArrayObject *)PyArray_FROMANY(PyTuple_GET_ITEM(result, 0), NPY_FLOAT64, 0, 0, NPY_ARRAY_CARRAY_RO);
    derivatives = losses ? ec_float_array(PyTuple_GET_ITEM(result, 1), "the gradients of a loss function") : NULL;
    if (!derivatives) {
        goto finish;
    }
    if (PyArray_SIZE(losses) != rows || PyArray_SIZE(derivatives) != rows * in->cols) {
        PyErr_Format(PyExc_ValueError, "a loss function gave %zd losses and %zd gradients; expected %lld and %lld",
                     (Py_ssize_t)PyArray_SIZE(losses), (Py_ssize_t)PyArray_SIZE(derivatives), (long long)rows,
                     (long long)(rows * in->cols));
        goto finish;
    }
    float *copy = ec_program_take(self, rows * in->cols, sizeof *copy);
    if (copy) {
        memcpy(copy, PyArray_DATA(derivatives), (size_t)(rows * in->cols) * sizeof *copy);
        ec_loss_give(op, PyArray_DATA(losses), copy);
        done = 0;
    }
finish:
    Py_XDECREF(losses);
    Py_XDECREF(derivatives);
    return done;
}

int ec_losses_give(ec_program_object *self, PyObject *function)
{
    struct ec_program *program = self->program;
    for (int i = 0; i < program->loss_count; i++) {
        struct ec_op *op = program->losses[i];
        if (!op->type->is_given) {
            continue;
        }
        PyObject *predictions = ec_tensor_array(op->outputs[0], op->outputs[0]->data);
        PyObject *result = predictions ? PyObject_CallFunction(function, "iO", i, predictions) : NULL;
        int failed = !result || give(self, op, result) < 0;
        Py_XDECREF(predictions);
        Py_XDECREF(result);
        if (failed) {
            return -1;
        }
    }
    return 0;
}
