/* Images as arrays, outside of any program: what a pipeline of data calls, one image or a batch at a time. */
#include "python/program.h"

#include "base/memory.h"
#include "images/resize.h"

#include <string.h>

enum {
    LEAST_WORK = 1 << 20 /* values that are worth a team */
};

struct resizing {
    struct ec_resize resize;
    const void *images;
    int is_bytes;
    int64_t count, image_bytes;
    float *out, *workspace;
    int64_t workspace_floats; /* of each thread */
};

static void resize_all(struct ec_team *team, void *argument)
{
    struct resizing *work = argument;
    const struct ec_resize *resize = &work->resize;
    int64_t height = resize->rows.size, block = ec_resize_block(resize), blocks = ec_ceil_div(height, block);
    for (int64_t tile; (tile = ec_team_next(team, work->count * blocks)) >= 0;) {
        int64_t image = tile / blocks;
        ec_resize_rows(work->out + image * height * resize->cols.size * resize->channels, 0,
                       (const char *)work->images + image * work->image_bytes, work->is_bytes, resize,
                       ec_range_from(tile % blocks * block, block, height),
                       work->workspace + team->index * work->workspace_floats);
    }
    ec_team_barrier(team);
}

/* EC_NO_MEMORY or EC_TOO_LARGE where it cannot be done. */
static ec_status resize_without_lock(struct resizing *work, enum ec_interpolation interpolation, int antialias,
                                     const int64_t source[2], const int64_t size[2], int64_t channels)
{
    ec_status status = ec_resize_init(&work->resize, interpolation, antialias, source, size, channels);
    double values = (double)work->count * (double)(size[0] * size[1]) * (double)channels;
    int threads = values < LEAST_WORK ? 1 : ec_thread_count();
    if (status == EC_OK) {
        work->workspace_floats = ec_round_up(ec_resize_workspace(&work->resize), 16);
        work->workspace = ec_alloc_array(threads * work->workspace_floats, sizeof *work->workspace);
        status = work->workspace ? EC_OK : EC_NO_MEMORY;
    }
    if (status == EC_OK) {
        ec_parallel(threads, resize_all, work);
    }
    ec_free(work->workspace);
    ec_resize_clear(&work->resize);
    return status;
}

/* Number of the interpolation of this name; -1 with an exception set. */
static int interpolation_of(const char *name)
{
    for (int i = 0; ec_interpolation_names[i]; i++) {
        if (strcmp(name, ec_interpolation_names[i]) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError,
                 "`interpolation` must be 'nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5' or 'area'. "
                 "Received: interpolation='%s'",
                 name);
    return -1;
}

static int check_sizes(PyArrayObject *images, const int64_t size[2])
{
    int axes = PyArray_NDIM(images);
    if ((axes != 3 && axes != 4) || PyArray_SIZE(images) == 0) {
        return ec_raise_shape("images", images, "(height, width, channels), or a batch of such, none of them 0");
    }
    int64_t most = 1 << 20;
    if (PyArray_DIM(images, axes - 3) > most || PyArray_DIM(images, axes - 2) > most) {
        return ec_raise_shape("images", images, "at most 2^20 pixels along each side");
    }
    if (size[0] < 1 || size[1] < 1 || size[0] > most || size[1] > most) {
        PyErr_Format(PyExc_ValueError, "`size` must hold a height and a width from 1 to 2^20. Received: (%lld, %lld)",
                     (long long)size[0], (long long)size[1]);
        return -1;
    }
    return 0;
}

static PyObject *resize_images(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *given;
    long long height, width;
    const char *name;
    int antialias;
    if (!PyArg_ParseTuple(args, "OLLsp:resize_images", &given, &height, &width, &name, &antialias)) {
        return NULL;
    }
    int interpolation = interpolation_of(name);
    if (interpolation < 0) {
        return NULL;
    }
    int is_bytes = PyArray_Check(given) && PyArray_TYPE((PyArrayObject *)given) == NPY_UINT8;
    PyArrayObject *images = is_bytes ? (PyArrayObject *)PyArray_FROMANY(given, NPY_UINT8, 0, 0, NPY_ARRAY_CARRAY_RO)
                                     : ec_float_array(given, "images");
    int64_t size[2] = {height, width};
    if (!images || check_sizes(images, size) < 0) {
        Py_XDECREF(images);
        return NULL;
    }
    int axes = PyArray_NDIM(images);
    const npy_intp *shape = PyArray_DIMS(images) + axes - 3;
    int64_t source[2] = {shape[0], shape[1]}, channels = shape[2];
    npy_intp dims[4] = {axes == 4 ? PyArray_DIM(images, 0) : 1, (npy_intp)height, (npy_intp)width, shape[2]};
    PyArrayObject *out = (PyArrayObject *)PyArray_SimpleNew(axes, dims + 4 - axes, NPY_FLOAT32);
    if (out) {
        struct resizing work = {.images = PyArray_DATA(images), .is_bytes = is_bytes, .count = dims[0]};
        work.image_bytes = source[0] * source[1] * channels * (is_bytes ? 1 : (int64_t)sizeof(float));
        work.out = PyArray_DATA(out);
        ec_status status;
        Py_BEGIN_ALLOW_THREADS;
        status = resize_without_lock(&work, (enum ec_interpolation)interpolation, antialias, source, size, channels);
        Py_END_ALLOW_THREADS;
        if (status != EC_OK) {
            Py_DECREF(out);
            out = (PyArrayObject *)ec_python_raise(status, "images cannot be resized");
        }
    }
    Py_DECREF(images);
    return (PyObject *)out;
}

static PyMethodDef methods[] = {
    {"resize_images", resize_images, METH_VARARGS,
     "resize_images(images, height, width, interpolation, antialias, /)\n--\n\n"
     "Images [H, W, C] or [B, H, W, C] of uint8 or float32 as float32 of another size."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_images(PyObject *module) { return PyModule_AddFunctions(module, methods); }
