/* Between the stored rows of a tensor and its padded form [B, T, ...], which is what Python sees: arrays of values, of
 * gradients and of masks. */
#include "python/program.h"

#include "base/blocks.h"

#include <string.h>

/* Where row `row` of text b stands in padded form, in values; -1 for a masked row. */
static int64_t padded_place(const struct ec_tensor *tensor, int64_t b, int64_t row)
{
    const struct ec_layout *layout = tensor->layout;
    if (layout->mask && !layout->mask[row]) {
        return -1;
    }
    return (b * layout->width + layout->starts[b] + row - layout->offsets[b]) * tensor->cols;
}

/* Masked steps of text b take the values of the step before them. */
static void repeat_steps(float *padded, const struct ec_tensor *tensor, int64_t b)
{
    const struct ec_layout *layout = tensor->layout;
    float *text = padded + b * layout->width * tensor->cols;
    int64_t first = layout->starts[b], end = first + layout->offsets[b + 1] - layout->offsets[b];
    for (int64_t t = first + 1; t < layout->width && end > first; t++) {
        if (t >= end || (layout->mask && !layout->mask[layout->offsets[b] + t - first])) {
            memcpy(text + t * tensor->cols, text + (t - 1) * tensor->cols, (size_t)tensor->cols * sizeof(float));
        }
    }
}

/* Whether the stored rows are the padded form. */
static int stands_padded(const struct ec_tensor *tensor)
{
    const struct ec_layout *layout = tensor->layout;
    return !layout || (layout->rows == layout->batch * layout->width && !layout->mask);
}

/* The stored rows of a tensor into its padded form, which is zeros. */
static void pad_rows(float *padded, const float *rows, const struct ec_tensor *tensor)
{
    const struct ec_layout *layout = tensor->layout;
    size_t bytes = (size_t)tensor->cols * sizeof(float);
    for (int64_t b = 0; b < layout->batch; b++) {
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            int64_t place = padded_place(tensor, b, row);
            if (place >= 0) {
                memcpy(padded + place, rows + row * tensor->cols, bytes);
            }
        }
        if (tensor->repeats) {
            repeat_steps(padded, tensor, b);
        }
    }
}

/* Adds what a padded form holds of the stored rows: a tensor may be an output more than once. */
void ec_add_padded(float *rows, const float *padded, const struct ec_tensor *tensor)
{
    const struct ec_layout *layout = tensor->layout;
    if (stands_padded(tensor)) {
        ec_kernels()->add(rows, padded, tensor->rows * tensor->cols);
        return;
    }
    for (int64_t b = 0; b < layout->batch; b++) {
        for (int64_t row = layout->offsets[b]; row < layout->offsets[b + 1]; row++) {
            int64_t place = padded_place(tensor, b, row);
            if (place >= 0) {
                ec_kernels()->add(rows + row * tensor->cols, padded + place, tensor->cols);
            }
        }
    }
}

/* Axes of a tensor's padded form; how many. */
static int padded_axes(npy_intp axes[2 + EC_MAX_RANK], const struct ec_tensor *tensor)
{
    int count = 0;
    axes[count++] = ec_tensor_texts(tensor);
    if (tensor->layout) {
        axes[count++] = tensor->layout->width;
    }
    for (int i = 0; i < tensor->rank; i++) {
        axes[count++] = tensor->dims[i];
    }
    return count;
}

PyObject *ec_tensor_array(const struct ec_tensor *tensor, const float *values)
{
    npy_intp axes[2 + EC_MAX_RANK];
    int count = padded_axes(axes, tensor);
    if (!stands_padded(tensor)) {
        PyObject *array = PyArray_ZEROS(count, axes, NPY_FLOAT32, 0);
        if (array) {
            pad_rows(PyArray_DATA((PyArrayObject *)array), values, tensor);
        }
        return array;
    }
    PyObject *array = PyArray_SimpleNew(count, axes, NPY_FLOAT32);
    if (array) {
        ec_copy(PyArray_DATA((PyArrayObject *)array), values, (size_t)(tensor->rows * tensor->cols) * sizeof *values);
    }
    return array;
}

static const char block_name[] = "embedcnn block";

static void give_block(PyObject *capsule) { ec_block_give(PyCapsule_GetPointer(capsule, block_name)); }

/* The block that holds the values of an output, its own or that of a tensor of the same values; or NULL. */
static struct ec_tensor *owner_of(const struct ec_program *program, const struct ec_tensor *tensor)
{
    for (int i = 0; program->step.block_bytes && i < program->tensor_count; i++) {
        if (program->tensors[i].block && program->tensors[i].block == tensor->data) {
            return &program->tensors[i];
        }
    }
    return NULL;
}

PyObject *ec_output_array(struct ec_program *program, const struct ec_tensor *tensor)
{
    struct ec_tensor *owner = stands_padded(tensor) ? owner_of(program, tensor) : NULL;
    if (!owner) {
        return ec_tensor_array(tensor, tensor->data);
    }
    PyObject *capsule = PyCapsule_New(owner->block, block_name, give_block);
    if (!capsule) {
        return NULL;
    }
    owner->block = NULL;
    npy_intp axes[2 + EC_MAX_RANK];
    int count = padded_axes(axes, tensor);
    PyObject *array = PyArray_SimpleNewFromData(count, axes, NPY_FLOAT32, tensor->data);
    if (!array || PyArray_SetBaseObject((PyArrayObject *)array, capsule) < 0) { /* the capsule is its, then */
        if (!array) {
            Py_DECREF(capsule);
        }
        Py_CLEAR(array);
    }
    return array;
}

PyObject *ec_mask_array(const struct ec_tensor *tensor)
{
    const struct ec_layout *layout = tensor->layout;
    if (!layout || !layout->masked) {
        Py_RETURN_NONE;
    }
    npy_intp dims[2] = {layout->batch, layout->width};
    PyObject *array = PyArray_ZEROS(2, dims, NPY_BOOL, 0);
    for (int64_t b = 0; array && b < layout->batch; b++) {
        npy_bool *row = (npy_bool *)PyArray_DATA((PyArrayObject *)array) + b * layout->width + layout->starts[b];
        for (int64_t i = layout->offsets[b]; i < layout->offsets[b + 1]; i++) {
            row[i - layout->offsets[b]] = (npy_bool)ec_layout_counts(layout, i);
        }
    }
    return array;
}

int ec_check_tensor_shape(PyArrayObject *array, const struct ec_tensor *tensor, const char *what)
{
    npy_intp axes[2 + EC_MAX_RANK];
    int count = padded_axes(axes, tensor), fits = PyArray_NDIM(array) == count;
    for (int i = 0; fits && i < count; i++) {
        fits = PyArray_DIM(array, i) == axes[i];
    }
    if (fits) {
        return 0;
    }
    char expected[160];
    int used = 0;
    for (int i = 0; i < count; i++) {
        used +=
            PyOS_snprintf(expected + used, sizeof expected - (size_t)used, i ? ", %lld" : "(%lld", (long long)axes[i]);
    }
    PyOS_snprintf(expected + used, sizeof expected - (size_t)used, ")");
    return ec_raise_shape(what, array, expected);
}
