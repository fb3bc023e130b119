/* Operations on plain arrays, for the modules of embedcnn.torch, whose tensors are their arrays: gathers of rows, sums
 * of rows by id, and a convolution over time. Nothing is converted: what does not have the dtype and the order in
 * memory is refused. */
#include "python/module.h"

#include "base/ahead.h"
#include "base/threads.h"
#include "batch/row_sums.h"
#include "matrix/convolution.h"
#include "program/program.h"
#include "python/program.h"

enum {
    LEAST_WORK = 1 << 20, /* values to move for which a team pays */
    MOST_ASKED = 512      /* floats of a row that are asked for: the processor goes on by itself */
};

/* Borrowed: the array, where it is one of contiguous float32 of this rank; else NULL with an exception. */
static PyArrayObject *floats(PyObject *object, int rank, const char *name)
{
    PyArrayObject *array = (PyArrayObject *)object;
    if (!PyArray_Check(object) || PyArray_TYPE(array) != NPY_FLOAT32 || PyArray_NDIM(array) != rank ||
        !PyArray_ISCARRAY_RO(array)) {
        PyErr_Format(PyExc_TypeError, "%s must be a C-contiguous float32 array of %d axes", name, rank);
        return NULL;
    }
    return array;
}

/* An array of integers, checked and copied to int32, and what is made from it. */
struct ids {
    struct ec_arena arena;
    int32_t *values;
    int64_t count;
};

/* 0, or -1 with an exception; ids_clear either way. */
static int ids_init(struct ids *ids, PyObject *object, int64_t limit)
{
    ec_arena_init(&ids->arena);
    PyArrayObject *array = ec_integer_array(object, "ids");
    int result = -1;
    if (!array) {
        return -1;
    }
    ids->count = PyArray_SIZE(array);
    ids->values = ec_arena_take(&ids->arena, ids->count, sizeof *ids->values);
    if (limit > INT32_MAX || ids->count > INT32_MAX / 4) {
        ec_python_raise(EC_TOO_LARGE, "ids");
    } else if (!ids->values) {
        ec_python_raise(EC_NO_MEMORY, "ids");
    } else {
        int64_t bad = ec_copy_in_range(ids->values, array, ids->count, limit);
        result = bad < 0 ? 0 : ec_raise_out_of_range("ids", array, bad, PyArray_NDIM(array), limit);
    }
    Py_DECREF(array);
    return result;
}

static void ids_clear(struct ids *ids) { ec_arena_clear(&ids->arena); }

static int team_for(double work) { return work < LEAST_WORK ? 1 : ec_thread_count(); }

struct gather {
    const struct ids *ids;
    float *out;
    const float *table;
    int64_t width;
    int is_large; /* rows are in no cache */
};

static void run_gather(struct ec_team *team, void *argument)
{
    const struct gather *g = argument;
    for (struct ec_range rows; ec_team_next_range(team, g->ids->count, 16, &rows);) {
        for (int64_t i = rows.begin; g->is_large && i < rows.end; i++) {
            ec_ask_for(g->table + g->ids->values[i] * g->width, ec_least(g->width, MOST_ASKED));
        }
        ec_kernels()->gather_rows(g->out + rows.begin * g->width, g->width, g->table, g->width,
                                  g->ids->values + rows.begin, rows.end - rows.begin, g->width);
    }
}

static PyObject *gather_rows(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *table, *numbers, *out = NULL;
    if (!PyArg_ParseTuple(args, "OO:gather_rows", &table, &numbers)) {
        return NULL;
    }
    PyArrayObject *rows = floats(table, 2, "table");
    struct ids ids;
    if (!rows) {
        return NULL;
    }
    npy_intp dims[2] = {0, PyArray_DIM(rows, 1)};
    if (ids_init(&ids, numbers, PyArray_DIM(rows, 0)) == 0) {
        dims[0] = (npy_intp)ids.count;
        out = PyArray_SimpleNew(2, dims, NPY_FLOAT32);
    }
    if (out) {
        struct gather gather = {&ids, PyArray_DATA((PyArrayObject *)out), PyArray_DATA(rows), dims[1],
                                PyArray_SIZE(rows) >= EC_LARGE_TABLE};
        Py_BEGIN_ALLOW_THREADS;
        ec_parallel(team_for((double)dims[0] * (double)dims[1]), run_gather, &gather);
        Py_END_ALLOW_THREADS;
    }
    ids_clear(&ids);
    return out;
}

struct row_sums {
    struct ec_row_sums sums;
    float *out;
    const float *rows;
    int64_t width;
    int by_frequency;
};

static void run_row_sums(struct ec_team *team, void *argument)
{
    const struct row_sums *s = argument;
    ec_row_sums_run(team, &s->sums, s->out, s->rows, s->width, s->by_frequency);
}

/* (ids as int64, their sums), of what was planned. */
static PyObject *make_row_sums(struct row_sums *work)
{
    npy_intp dims[2] = {(npy_intp)work->sums.count, (npy_intp)work->width};
    PyObject *id = PyArray_SimpleNew(1, dims, NPY_INT64), *sums = PyArray_SimpleNew(2, dims, NPY_FLOAT32);
    if (!id || !sums) {
        Py_XDECREF(id);
        Py_XDECREF(sums);
        return NULL;
    }
    int64_t *to = PyArray_DATA((PyArrayObject *)id);
    for (int64_t u = 0; u < work->sums.count; u++) {
        to[u] = work->sums.id[u];
    }
    work->out = PyArray_DATA((PyArrayObject *)sums);
    Py_BEGIN_ALLOW_THREADS;
    ec_parallel(team_for((double)work->sums.count * (double)work->width), run_row_sums, work);
    Py_END_ALLOW_THREADS;
    return Py_BuildValue("NN", id, sums);
}

static PyObject *sum_rows(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *numbers, *rows, *result = NULL;
    long long limit, skip;
    struct row_sums work = {0};
    if (!PyArg_ParseTuple(args, "OOLLp:sum_rows", &numbers, &rows, &limit, &skip, &work.by_frequency)) {
        return NULL;
    }
    PyArrayObject *values = floats(rows, 2, "rows");
    struct ids ids;
    if (!values) {
        return NULL;
    }
    if (ids_init(&ids, numbers, limit) < 0) {
        goto done;
    }
    if (PyArray_DIM(values, 0) != ids.count) {
        ec_raise_shape("rows", values, "a row for each id");
        goto done;
    }
    for (int64_t i = 0; skip >= 0 && i < ids.count; i++) {
        ids.values[i] = ids.values[i] == skip ? -1 : ids.values[i];
    }
    work.rows = PyArray_DATA(values);
    work.width = PyArray_DIM(values, 1);
    ec_status status = ec_row_sums_init(&work.sums, &ids.arena, ids.values, ids.count, limit);
    result = status == EC_OK ? make_row_sums(&work) : ec_python_raise(status, "sum_rows");
done:
    ids_clear(&ids);
    return result;
}

static void run_forward(struct ec_team *team, void *argument) { ec_convolution_forward(team, argument); }
static void run_backward(struct ec_team *team, void *argument) { ec_convolution_backward(team, argument); }

/* The sizes, x and the filters; 0, or -1 with an exception. */
static int convolution_init(struct ec_convolution *c, PyObject *x, PyObject *weight)
{
    PyArrayObject *in = floats(x, 3, "x"), *filters = in ? floats(weight, 3, "weight") : NULL;
    if (!filters) {
        return -1;
    }
    *c = (struct ec_convolution){.batch = PyArray_DIM(in, 0),
                                 .steps = PyArray_DIM(in, 1),
                                 .channels = PyArray_DIM(in, 2),
                                 .filters = PyArray_DIM(filters, 0),
                                 .taps = PyArray_DIM(filters, 1),
                                 .x = PyArray_DATA(in),
                                 .weight = PyArray_DATA(filters),
                                 .precision = ec_program_precision()};
    if (PyArray_DIM(filters, 2) != c->channels || c->taps < 1 || c->taps > c->steps || PyArray_SIZE(in) == 0 ||
        PyArray_SIZE(filters) == 0) {
        return ec_raise_shape("weight", filters, "(F, K, C) with K <= T for an x of (B, T, C), none of them 0");
    }
    return 0;
}

/* How many multiply-adds, for the size of the team. */
static double work_of(const struct ec_convolution *c)
{
    return (double)c->batch * (double)c->steps * (double)c->taps * (double)c->channels * (double)c->filters;
}

static PyObject *convolve(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *x, *weight, *bias, *out = NULL;
    struct ec_convolution c;
    PyArrayObject *constants = NULL;
    if (!PyArg_ParseTuple(args, "OOO:convolve", &x, &weight, &bias) || convolution_init(&c, x, weight) < 0 ||
        (bias != Py_None && !(constants = floats(bias, 1, "bias")))) {
        return NULL;
    }
    if (constants && PyArray_DIM(constants, 0) != c.filters) {
        ec_raise_shape("bias", constants, "a value for each filter");
        return NULL;
    }
    struct ec_arena arena;
    ec_arena_init(&arena);
    c.bias = constants ? PyArray_DATA(constants) : NULL;
    ec_status status = ec_convolution_plan_forward(&c, &arena);
    npy_intp dims[3] = {(npy_intp)c.batch, (npy_intp)c.filters, (npy_intp)(c.steps - c.taps + 1)};
    out = status == EC_OK ? PyArray_SimpleNew(3, dims, NPY_FLOAT32) : ec_python_raise(status, "convolve");
    if (out) {
        c.out = PyArray_DATA((PyArrayObject *)out);
        Py_BEGIN_ALLOW_THREADS;
        ec_parallel(team_for(work_of(&c)), run_forward, &c);
        Py_END_ALLOW_THREADS;
    }
    ec_arena_clear(&arena);
    return out;
}

/* A new array for a gradient that is wanted, or None; its memory in *values. NULL with an exception. */
static PyObject *new_gradient(int wanted, int rank, const npy_intp *dims, float **values)
{
    PyObject *array = wanted ? PyArray_SimpleNew(rank, dims, NPY_FLOAT32) : Py_NewRef(Py_None);
    *values = wanted && array ? PyArray_DATA((PyArrayObject *)array) : NULL;
    return array;
}

static PyObject *convolve_backward(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *d_out, *x, *weight, *result = NULL;
    int wants_x, wants_weight, wants_bias;
    struct ec_convolution c;
    PyArrayObject *given = NULL;
    if (!PyArg_ParseTuple(args, "OOOppp:convolve_backward", &d_out, &x, &weight, &wants_x, &wants_weight,
                          &wants_bias) ||
        convolution_init(&c, x, weight) < 0 || !(given = floats(d_out, 3, "d_out"))) {
        return NULL;
    }
    if (PyArray_DIM(given, 0) != c.batch || PyArray_DIM(given, 1) != c.filters ||
        PyArray_DIM(given, 2) != c.steps - c.taps + 1) {
        ec_raise_shape("d_out", given, "that of the output");
        return NULL;
    }
    struct ec_arena arena;
    ec_arena_init(&arena);
    npy_intp filters = (npy_intp)c.filters;
    PyObject *d_x = new_gradient(wants_x, 3, PyArray_DIMS((PyArrayObject *)x), &c.d_x);
    PyObject *d_weight = new_gradient(wants_weight, 3, PyArray_DIMS((PyArrayObject *)weight), &c.d_weight);
    PyObject *d_bias = new_gradient(wants_bias, 1, &filters, &c.d_bias);
    if (d_x && d_weight && d_bias) {
        c.d_out = PyArray_DATA(given);
        ec_status status = ec_convolution_plan_backward(&c, &arena);
        if (status == EC_OK) {
            Py_BEGIN_ALLOW_THREADS;
            ec_parallel(team_for(work_of(&c)), run_backward, &c);
            Py_END_ALLOW_THREADS;
            result = PyTuple_Pack(3, d_x, d_weight, d_bias);
        } else {
            ec_python_raise(status, "convolve_backward");
        }
    }
    ec_arena_clear(&arena);
    Py_XDECREF(d_x);
    Py_XDECREF(d_weight);
    Py_XDECREF(d_bias);
    return result;
}

static PyMethodDef functions[] = {
    {"gather_rows", gather_rows, METH_VARARGS,
     "gather_rows(table, ids, /)\n--\n\nRows [N, D] of a table [V, D] for N ids of any shape."},
    {"sum_rows", sum_rows, METH_VARARGS,
     "sum_rows(ids, rows, limit, skip, by_frequency, /)\n--\n\n(distinct ids, rising; the sum of the rows [N, D] of "
     "each, or their mean). Ids are below `limit`; those that are `skip` are left out."},
    {"convolve", convolve, METH_VARARGS,
     "convolve(x, weight, bias, /)\n--\n\nx [B, T, C], weight [F, K, C], bias [F] or None to [B, F, T - K + 1]."},
    {"convolve_backward", convolve_backward, METH_VARARGS,
     "convolve_backward(d_out, x, weight, wants_x, wants_weight, wants_bias, /)\n--\n\nThe gradients of x, weight and "
     "bias, None where one is not wanted."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_tensors(PyObject *module) { return PyModule_AddFunctions(module, functions); }
