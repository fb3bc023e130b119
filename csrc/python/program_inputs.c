/* What a step is given: every array is checked once and copied into the program's arena, so that nobody can change it
 * while the core runs without the lock. Ids and labels become int32. */
#include "python/program.h"

#include <string.h>

void *ec_program_take(ec_program_object *self, int64_t count, size_t size)
{
    void *block = ec_arena_take(&self->program->arena, count, size);
    if (!block) {
        PyErr_NoMemory();
    }
    return block;
}

int64_t ec_inputs_batch(ec_program_object *self, PyObject *inputs)
{
    const struct ec_program *program = self->program;
    if (program->input_count == 0) {
        PyErr_SetString(PyExc_ValueError, "a program without inputs cannot run");
        return -1;
    }
    PyObject *first = PyTuple_GET_ITEM(inputs, 0);
    int is_pair = PyTuple_Check(first) && PyTuple_GET_SIZE(first) == 2;
    int is_ragged = is_pair && program->tensors[0].dtype == EC_IDS;
    PyObject *sized = is_pair ? PyTuple_GET_ITEM(first, is_ragged ? 1 : 0) : first;
    Py_ssize_t size = PyObject_Size(sized);
    if (size < 0) {
        PyErr_Format(PyExc_TypeError, "%s: expected an array, or a tuple of two, got %.100R", program->tensors[0].name,
                     first);
        return -1;
    }
    int64_t batch = is_ragged ? size - 1 : size;
    if (batch < 1) {
        PyErr_Format(PyExc_ValueError, "%s holds no examples; expected at least 1", program->tensors[0].name);
        return -1;
    }
    if (batch > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s holds %lld examples; at most 2**31 - 1", program->tensors[0].name,
                     (long long)batch);
        return -1;
    }
    return batch;
}

static int check_width(const struct ec_tensor *tensor, int64_t width)
{
    if (tensor->steps >= 0 && width != tensor->steps) {
        PyErr_Format(PyExc_ValueError, "%s is %lld steps long; the model was built for %lld", tensor->name,
                     (long long)width, (long long)tensor->steps);
        return -1;
    }
    return 0;
}

/* A layout whose offsets and starts are still to be filled. */
static struct ec_layout *take_layout(ec_program_object *self, int64_t batch, int64_t width, int64_t **offsets,
                                     int64_t **starts)
{
    struct ec_layout *layout = ec_program_take(self, 1, sizeof *layout);
    *offsets = ec_program_take(self, batch + 1, sizeof **offsets);
    *starts = ec_program_take(self, batch, sizeof **starts);
    if (!layout || !*offsets || !*starts) {
        return NULL;
    }
    memset(*starts, 0, (size_t)batch * sizeof **starts);
    *layout = (struct ec_layout){.batch = batch, .width = width, .offsets = *offsets, .starts = *starts};
    return layout;
}

/* The same for the ids of texts that stand one behind the other: by text and place in it. */
static int raise_out_of_text(const struct ec_tensor *tensor, PyArrayObject *array, int64_t i, const int64_t *offsets)
{
    int64_t text = 0;
    while (offsets[text + 1] <= i) {
        text++;
    }
    PyErr_Format(PyExc_ValueError, "%s[%lld, %lld] = %lld is outside [0, %lld)", tensor->name, (long long)text,
                 (long long)(i - offsets[text]), ec_integer_at(array, i), (long long)tensor->id_limit);
    return -1;
}

/* `offsets`: of texts one behind the other; NULL for an array of the input's axes. */
static int copy_ids(ec_program_object *self, struct ec_tensor *tensor, PyArrayObject *array, int64_t rows,
                    const int64_t *offsets)
{
    int64_t count = PyArray_SIZE(array);
    int32_t *ids = ec_program_take(self, count, sizeof *ids);
    if (!ids) {
        return -1;
    }
    int64_t bad = ec_copy_in_range(ids, array, count, tensor->id_limit);
    if (bad >= 0) {
        return offsets ? raise_out_of_text(tensor, array, bad, offsets)
                       : ec_raise_out_of_range(tensor->name, array, bad, PyArray_NDIM(array), tensor->id_limit);
    }
    tensor->ids = ids;
    tensor->rows = rows;
    return 0;
}

/* "(batch, steps, 5)": what an input must have, with a batch that is known. */
static void expected_shape(char text[160], const struct ec_tensor *tensor, int64_t batch)
{
    int used = PyOS_snprintf(text, 160, "(%lld%s", (long long)batch, tensor->steps == EC_NO_STEPS ? "" : ", steps");
    for (int i = 0; i < tensor->rank; i++) {
        used += PyOS_snprintf(text + used, 160 - (size_t)used, tensor->dims[i] < 0 ? ", any" : ", %lld",
                              (long long)tensor->dims[i]);
    }
    PyOS_snprintf(text + used, 160 - (size_t)used, tensor->steps == EC_NO_STEPS ? ")" : ") with at least 1 step");
}

/* Whether an array has the axes of an input: the batch, then steps, then those of a row. */
static int has_axes(const struct ec_tensor *tensor, PyArrayObject *array, int64_t batch)
{
    int first = tensor->steps == EC_NO_STEPS ? 1 : 2;
    int fits = PyArray_NDIM(array) == first + tensor->rank && PyArray_DIM(array, 0) == batch &&
               (first == 1 || PyArray_DIM(array, 1) >= 1);
    for (int i = 0; fits && i < tensor->rank; i++) {
        int64_t size = PyArray_DIM(array, first + i);
        fits = tensor->dims[i] < 0 ? size >= 1 : size == tensor->dims[i];
    }
    return fits;
}

static int copy_padded_ids(ec_program_object *self, struct ec_tensor *tensor, PyObject *value, int64_t batch)
{
    PyArrayObject *array = ec_integer_array(value, tensor->name);
    int result = -1;
    int64_t *offsets, *starts;
    if (!array) {
        return -1;
    }
    if (!has_axes(tensor, array, batch)) {
        char expected[160];
        expected_shape(expected, tensor, batch);
        ec_raise_shape(tensor->name, array, expected);
        goto done;
    }
    int64_t width = PyArray_DIM(array, 1);
    if (PyArray_SIZE(array) > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s holds more than 2**31 - 1 ids; use a smaller batch", tensor->name);
        goto done;
    }
    struct ec_layout *layout = take_layout(self, batch, width, &offsets, &starts);
    if (!layout || check_width(tensor, width) < 0) {
        goto done;
    }
    for (int64_t b = 0; b <= batch; b++) {
        offsets[b] = b * width;
    }
    layout->rows = batch * width;
    tensor->layout = layout;
    tensor->cols = 1; /* sizes that are open hold for this batch */
    for (int i = 0; i < tensor->rank; i++) {
        tensor->cols *= PyArray_DIM(array, 2 + i);
    }
    result = copy_ids(self, tensor, array, layout->rows, NULL);
done:
    Py_DECREF(array);
    return result;
}

/* offsets[0] = 0, never falling, ending at `count`; the width is the longest text, at least 1. */
static int copy_offsets(const char *name, int64_t *offsets, PyArrayObject *given, int64_t batch, int64_t count,
                        int64_t *width)
{
    *width = 1;
    for (int64_t b = 0; b <= batch; b++) {
        offsets[b] = ec_integer_at(given, b);
        if (offsets[b] < (b ? offsets[b - 1] : 0) || offsets[b] > count || (b == 0 && offsets[b] != 0)) {
            PyErr_Format(PyExc_ValueError, "%s: offsets[%lld] = %lld; offsets start at 0, never fall and end at %lld",
                         name, (long long)b, (long long)offsets[b], (long long)count);
            return -1;
        }
        int64_t length = b ? offsets[b] - offsets[b - 1] : 0;
        *width = length > *width ? length : *width;
    }
    if (offsets[batch] != count) {
        PyErr_Format(PyExc_ValueError, "%s: the last offset is %lld; expected the number of ids, %lld", name,
                     (long long)offsets[batch], (long long)count);
        return -1;
    }
    return 0;
}

static int copy_ragged_ids(ec_program_object *self, struct ec_tensor *tensor, PyObject *pair, int64_t batch)
{
    PyArrayObject *array = ec_integer_array(PyTuple_GET_ITEM(pair, 0), tensor->name);
    PyArrayObject *given = array ? ec_integer_array(PyTuple_GET_ITEM(pair, 1), "offsets") : NULL;
    int result = -1;
    int64_t *offsets, *starts;
    if (!given) {
        goto done;
    }
    if (tensor->rank) {
        PyErr_Format(PyExc_ValueError, "%s: a ragged batch has texts of ids; here a step has %d axes more. Pad it",
                     tensor->name, tensor->rank);
        goto done;
    }
    if (PyArray_NDIM(array) != 1 || PyArray_SIZE(array) > INT32_MAX) {
        ec_raise_shape(tensor->name, array, "one axis of at most 2**31 - 1 ids");
        goto done;
    }
    if (PyArray_NDIM(given) != 1 || PyArray_SIZE(given) != batch + 1) {
        ec_raise_shape("offsets", given, "one axis of batch + 1 offsets, with the batch of the first input");
        goto done;
    }
    int64_t count = PyArray_SIZE(array);
    struct ec_layout *layout = take_layout(self, batch, 0, &offsets, &starts);
    if (!layout || copy_offsets(tensor->name, offsets, given, batch, count, &layout->width) < 0) {
        goto done;
    }
    if (tensor->steps >= 0 && layout->width > tensor->steps) {
        check_width(tensor, layout->width);
        goto done;
    }
    layout->rows = count;
    layout->masked = 1;
    tensor->layout = layout;
    result = copy_ids(self, tensor, array, count, offsets);
done:
    Py_XDECREF(array);
    Py_XDECREF(given);
    return result;
}

static int copy_floats(ec_program_object *self, struct ec_tensor *tensor, PyObject *value, int64_t batch)
{
    PyArrayObject *array = ec_float_array(value, tensor->name);
    if (!array) {
        return -1;
    }
    if (!has_axes(tensor, array, batch)) {
        char expected[160];
        expected_shape(expected, tensor, batch);
        ec_raise_shape(tensor->name, array, expected);
        Py_DECREF(array);
        return -1;
    }
    tensor->rows = batch;
    tensor->data = ec_input_values(self, array);
    Py_DECREF(array);
    return tensor->data ? 0 : -1;
}

/* Sequences [B, T, ...] of which every step counts. */
static int take_full_sequence(ec_program_object *self, struct ec_tensor *tensor, PyArrayObject *array, int64_t batch,
                              int64_t width)
{
    int64_t *offsets, *starts;
    struct ec_layout *layout = take_layout(self, batch, width, &offsets, &starts);
    if (!layout) {
        return -1;
    }
    for (int64_t b = 0; b <= batch; b++) {
        offsets[b] = b * width;
    }
    layout->rows = batch * width;
    tensor->layout = layout;
    tensor->rows = layout->rows;
    tensor->data = ec_input_values(self, array);
    return tensor->data ? 0 : -1;
}

/* The spans of a padded mask [B, T], and the rows inside them. */
static int copy_masked_sequence(ec_program_object *self, struct ec_tensor *tensor, const float *values,
                                const npy_bool *mask, int64_t batch, int64_t width)
{
    int64_t *offsets, *starts, cols = tensor->cols;
    struct ec_layout *layout = take_layout(self, batch, width, &offsets, &starts);
    float *data = ec_program_take(self, batch * width * cols, sizeof *data);
    uint8_t *kept = ec_program_take(self, batch * width, 1);
    int gaps = 0;
    if (!layout || !data || !kept) {
        return -1;
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < batch; b++) {
        int64_t first = 0, end = width;
        while (end > 0 && !mask[b * width + end - 1]) {
            end--;
        }
        while (first < end && !mask[b * width + first]) {
            first++;
        }
        starts[b] = first;
        offsets[b + 1] = offsets[b] + end - first;
        memcpy(data + offsets[b] * cols, values + (b * width + first) * cols,
               (size_t)((end - first) * cols) * sizeof *data);
        for (int64_t t = first; t < end; t++) {
            kept[offsets[b] + t - first] = mask[b * width + t];
            gaps |= !kept[offsets[b] + t - first];
        }
    }
    layout->rows = offsets[batch];
    layout->mask = gaps ? kept : NULL;
    layout->masked = 1;
    tensor->layout = layout;
    tensor->rows = layout->rows;
    tensor->data = data;
    return 0;
}

static int copy_sequence(ec_program_object *self, struct ec_tensor *tensor, PyObject *value, int64_t batch)
{
    int has_mask = PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 2;
    PyArrayObject *array = ec_float_array(has_mask ? PyTuple_GET_ITEM(value, 0) : value, tensor->name);
    PyArrayObject *mask = NULL;
    int result = -1;
    if (!array) {
        return -1;
    }
    if (has_mask) { /* before the checks: its conversion may run code that changes the other array */
        mask = (PyArrayObject *)PyArray_FROMANY(PyTuple_GET_ITEM(value, 1), NPY_BOOL, 0, 0, NPY_ARRAY_CARRAY_RO);
        if (!mask) {
            goto done;
        }
    }
    if (!has_axes(tensor, array, batch) || PyArray_SIZE(array) / tensor->cols > INT32_MAX) {
        char expected[160];
        expected_shape(expected, tensor, batch);
        ec_raise_shape(tensor->name, array, expected);
        goto done;
    }
    int64_t width = PyArray_DIM(array, 1);
    if (mask && (PyArray_NDIM(mask) != 2 || PyArray_DIM(mask, 0) != batch || PyArray_DIM(mask, 1) != width)) {
        ec_raise_shape("mask", mask, "(batch, steps) of the input");
        goto done;
    }
    if (check_width(tensor, width) == 0) {
        result = mask ? copy_masked_sequence(self, tensor, PyArray_DATA(array), PyArray_DATA(mask), batch, width)
                      : take_full_sequence(self, tensor, array, batch, width);
    }
done:
    Py_DECREF(array);
    Py_XDECREF(mask);
    return result;
}

int ec_inputs_copy(ec_program_object *self, PyObject *inputs)
{
    struct ec_program *program = self->program;
    for (int i = 0; i < program->input_count; i++) {
        struct ec_tensor *tensor = &program->tensors[i];
        PyObject *value = PyTuple_GET_ITEM(inputs, i);
        int result;
        if (tensor->dtype == EC_FLOATS) {
            result = tensor->steps == EC_NO_STEPS ? copy_floats(self, tensor, value, program->step.batch)
                                                  : copy_sequence(self, tensor, value, program->step.batch);
        } else if (PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 2) {
            result = copy_ragged_ids(self, tensor, value, program->step.batch);
        } else {
            result = copy_padded_ids(self, tensor, value, program->step.batch);
        }
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

static int copy_output_gradient(const struct ec_tensor *tensor, PyObject *value)
{
    PyArrayObject *array = ec_float_array(value, "d_outputs");
    if (!array) {
        return -1;
    }
    int result = ec_check_tensor_shape(array, tensor, "d_outputs");
    if (result == 0 && tensor->grad) {
        ec_add_padded(tensor->grad, PyArray_DATA(array), tensor);
    }
    Py_DECREF(array);
    return result;
}

int ec_output_gradients_copy(ec_program_object *self, PyObject *d_outputs)
{
    const struct ec_program *program = self->program;
    PyObject *items = ec_list_items(d_outputs, program->output_count, "d_outputs");
    int result = items ? 0 : -1;
    for (int i = 0; result == 0 && i < program->output_count; i++) {
        const struct ec_tensor *tensor = &program->tensors[program->outputs[i]];
        if (tensor->grad) {
            memset(tensor->grad, 0, (size_t)(tensor->rows * tensor->cols) * sizeof *tensor->grad);
        }
    }
    for (int i = 0; result == 0 && i < program->output_count; i++) {
        result = copy_output_gradient(&program->tensors[program->outputs[i]], PyTuple_GET_ITEM(items, i));
    }
    Py_XDECREF(items);
    return result;
}
