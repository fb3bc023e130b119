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

/* Axes of the predictions of a loss, but for the last where `labels` stand for vectors: those of a step first. */
static int prediction_axes(const struct ec_tensor *in, int labels, int64_t batch, int64_t axes[2 + EC_MAX_RANK])
{
    int count = 0;
    axes[count++] = batch;
    if (in->steps != EC_NO_STEPS) {
        axes[count++] = -1;
    }
    for (int i = 0; i < in->rank - labels; i++) {
        axes[count++] = in->dims[i];
    }
    return count;
}

/* Whether an array has these axes (-1: any size but none), perhaps with a further one of size 1. */
static int has_axes(PyArrayObject *array, int count, const int64_t *axes, int spare)
{
    int rank = PyArray_NDIM(array);
    int fits = rank == count || (spare && rank == count + 1 && PyArray_DIM(array, count) == 1);
    for (int i = 0; fits && i < count; i++) {
        fits = axes[i] < 0 ? PyArray_DIM(array, i) >= 1 : PyArray_DIM(array, i) == axes[i];
    }
    return fits;
}

static int raise_axes(PyArrayObject *array, int count, const int64_t *axes, const char *more)
{
    char expected[160];
    int used = 0;
    for (int i = 0; i < count; i++) {
        used += axes[i] < 0 ? PyOS_snprintf(expected + used, sizeof expected - (size_t)used, ", steps")
                            : PyOS_snprintf(expected + used, sizeof expected - (size_t)used, i ? ", %lld" : "(%lld",
                                            (long long)axes[i]);
    }
    PyOS_snprintf(expected + used, sizeof expected - (size_t)used, "%s)%s", count == 1 ? "," : "", more);
    return ec_raise_shape("y", array, expected);
}

/* A label for each vector along the last axis of the predictions: [B], [B, T], [B, T, ...], or with a last axis of 1.
 */
static int copy_labels(ec_program_object *self, const struct ec_op *op, struct ec_loss *loss, PyObject *value)
{
    const struct ec_tensor *in = op->inputs[0];
    int64_t classes = ec_loss_classes(op), axes[2 + EC_MAX_RANK];
    PyArrayObject *array = ec_integer_array(value, "y");
    int result = -1;
    if (!array) {
        return -1;
    }
    int count = prediction_axes(in, 1, self->program->step.batch, axes);
    if (!has_axes(array, count, axes, 1)) {
        raise_axes(array, count, axes, " integer labels");
        goto done;
    }
    int64_t size = PyArray_SIZE(array);
    int32_t *labels = ec_program_take(self, size, sizeof *labels);
    if (!labels) {
        goto done;
    }
    int64_t bad = loss->has_ignored ? copy_labels_or_ignored(labels, array, size, classes, loss->ignored)
                                    : ec_copy_in_range(labels, array, size, classes);
    if (bad >= 0) {
        ec_raise_out_of_range("y", array, bad, count, classes);
        goto done;
    }
    loss->targets = labels;
    loss->target_width = in->steps != EC_NO_STEPS ? PyArray_DIM(array, 1) : 0;
    result = 0;
done:
    Py_DECREF(array);
    return result;
}

/* Values of the shape of the predictions; without the last axis where it is 1. */
static int copy_target_values(ec_program_object *self, const struct ec_op *op, struct ec_loss *loss, PyObject *value)
{
    const struct ec_tensor *in = op->inputs[0];
    int64_t axes[2 + EC_MAX_RANK];
    PyArrayObject *array = ec_float_array(value, "y");
    int result = -1;
    if (!array) {
        return -1;
    }
    int count = prediction_axes(in, 0, self->program->step.batch, axes);
    int bare = in->channels == 1 && PyArray_NDIM(array) == count - 1;
    if (!has_axes(array, count - bare, axes, 0)) {
        raise_axes(array, count, axes, "");
        goto done;
    }
    float *values = ec_program_take(self, PyArray_SIZE(array), sizeof *values);
    if (!values) {
        goto done;
    }
    memcpy(values, PyArray_DATA(array), (size_t)PyArray_SIZE(array) * sizeof *values);
    loss->targets = values;
    loss->target_width = in->steps != EC_NO_STEPS ? PyArray_DIM(array, 1) : 0;
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

/* Weights [B], [B, T] or one for each loss, [B, T, ...]; NULL for None; adds their sum to *total. */
static int copy_weights(ec_program_object *self, const struct ec_op *op, PyObject *value, double *total)
{
    int64_t batch = self->program->step.batch, axes[2 + EC_MAX_RANK];
    struct ec_loss *loss = op->state;
    loss->sample_weight = NULL;
    loss->weight_width = 0;
    loss->weight_each = 0;
    if (value == Py_None) {
        *total += (double)batch;
        return 0;
    }
    PyArrayObject *array = ec_float_array(value, "sample_weight");
    if (!array) {
        return -1;
    }
    float *weights = NULL;
    int rank = PyArray_NDIM(array), count = prediction_axes(op->inputs[0], 1, batch, axes);
    int each = count > 2 && has_axes(array, count, axes, 0);
    if (!each && (rank < 1 || rank > 2 || PyArray_DIM(array, 0) != batch || (rank == 2 && PyArray_DIM(array, 1) < 1))) {
        ec_raise_shape("sample_weight", array,
                       "(batch,), or (batch, steps) for an output with a time axis, or the output's shape but for its "
                       "last axis");
    } else if ((weights = ec_program_take(self, PyArray_SIZE(array), sizeof *weights))) {
        memcpy(weights, PyArray_DATA(array), (size_t)PyArray_SIZE(array) * sizeof *weights);
        loss->weight_width = rank >= 2 ? PyArray_DIM(array, 1) : 0;
        loss->weight_each = each;
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
        if (copy_weights(self, program->losses[i], value, total) < 0) {
            return -1;
        }
    }
    *total /= program->loss_count ? program->loss_count : 1;
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

/* Copies what a function returned, (losses [B, (T), ...] float64, derivatives [B, (T), ..., C] float32), for a loss. */
static int give(ec_program_object *self, struct ec_op *op, PyObject *result)
{
    const struct ec_tensor *in = op->inputs[0];
    int64_t rows = ec_tensor_texts(in) * (in->layout ? in->layout->width : 1) * (in->cols / in->channels);
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
    if (PyArray_SIZE(losses) != rows || PyArray_SIZE(derivatives) != rows * in->channels) {
        PyErr_Format(PyExc_ValueError, "a loss function gave %zd losses and %zd gradients; expected %lld and %lld",
                     (Py_ssize_t)PyArray_SIZE(losses), (Py_ssize_t)PyArray_SIZE(derivatives), (long long)rows,
                     (long long)(rows * in->channels));
        goto finish;
    }
    float *copy = ec_program_take(self, rows * in->channels, sizeof *copy);
    if (copy) {
        memcpy(copy, PyArray_DATA(derivatives), (size_t)(rows * in->channels) * sizeof *copy);
        ec_loss_give(op, PyArray_DATA(losses), copy);
        done = 0;
    }
finish:
    Py_XDECREF(losses);
    Py_XDECREF(derivatives);
    return done;
}

/* A tuple with the predictions of each given loss, in the order of the losses; with `masks` that of each, or None. */
static PyObject *given_predictions(const struct ec_program *program, int masks)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < program->loss_count; i++) {
        const struct ec_op *op = program->losses[i];
        if (!op->type->is_given) {
            continue;
        }
        PyObject *predictions =
            masks ? ec_mask_array(op->inputs[0]) : ec_tensor_array(op->outputs[0], op->outputs[0]->data);
        if (!predictions || PyList_Append(list, predictions) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(predictions);
    }
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* The pairs of a function's result, and what it says of the gradients of penalties. */
static int parse_given(PyObject *result, Py_ssize_t count, PyObject **pairs, double *scale)
{
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != 2 || !PyList_Check(PyTuple_GET_ITEM(result, 0)) ||
        PyList_GET_SIZE(PyTuple_GET_ITEM(result, 0)) != count) {
        PyErr_Format(PyExc_TypeError,
                     "loss_function gave %.100R; expected (a list of %zd pairs (losses, gradients), the scale of "
                     "penalties)",
                     result, count);
        return -1;
    }
    *scale = PyFloat_AsDouble(PyTuple_GET_ITEM(result, 1));
    if (*scale == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    *pairs = PyList_AsTuple(PyTuple_GET_ITEM(result, 0));
    return *pairs ? 0 : -1;
}

int ec_losses_give(ec_program_object *self, PyObject *function)
{
    struct ec_program *program = self->program;
    double penalty = ec_program_find_penalty(program);
    PyObject *predictions = given_predictions(program, 0), *masks = given_predictions(program, 1), *pairs = NULL;
    PyObject *result =
        predictions && masks ? PyObject_CallFunction(function, "OOd", predictions, masks, penalty) : NULL;
    int failed = !result || parse_given(result, PyTuple_GET_SIZE(predictions), &pairs, &program->step.penalty_scale);
    for (int i = 0, next = 0; !failed && i < program->loss_count; i++) {
        if (program->losses[i]->type->is_given) {
            failed = give(self, program->losses[i], PyTuple_GET_ITEM(pairs, next++)) < 0;
        }
    }
    Py_XDECREF(predictions);
    Py_XDECREF(masks);
    Py_XDECREF(result);
    Py_XDECREF(pairs);
    return failed ? -1 : 0;
}
