/* An epoch of fastText's classifier on bags (csrc/bags/product_form.h), in place on the arrays of the model. */
#include "python/bags_arrays.h"

#include "bags/product_form.h"
#include "base/threads.h"

struct model {
    float *rows, *output;
    int64_t width, stride; /* stride 1 with one class: the folded form of one float a row */
};

/* The data of a vector of `rows` numbers, or a matrix [rows, columns] where columns > 0; NULL with an exception. */
static const void *data_of(PyObject *keep, PyObject *value, int type, int64_t rows, int64_t columns, const char *name)
{
    PyArrayObject *array = ec_python_borrow(keep, value, type, columns > 0 ? 2 : 1, name);
    if (array && (PyArray_DIM(array, 0) != rows || (columns > 0 && PyArray_DIM(array, 1) != columns))) {
        PyErr_Format(PyExc_ValueError, "%s has the wrong shape", name);
        return NULL;
    }
    return array ? PyArray_DATA(array) : NULL;
}

static int parse_model(struct model *model, PyObject *rows, PyObject *output, long long width, int64_t size,
                       int64_t classes)
{
    float *tables[2];
    int64_t stride = ec_python_model(tables, rows, size, output, classes);
    if (stride < 0) {
        return -1;
    }
    if (width < 1 || width > stride || stride > EC_PRODUCT_WIDEST || (stride == 1 && classes != 1)) {
        PyErr_Format(PyExc_ValueError, "rows of %zd floats cannot have %lld columns for %lld classes",
                     (Py_ssize_t)stride, width, (long long)classes);
        return -1;
    }
    *model = (struct model){tables[0], tables[1], width, stride};
    return 0;
}

static int check_order(const struct ec_product_epoch *epoch)
{
    for (int64_t i = 0; i < epoch->count; i++) {
        if (epoch->order[i] < 0 || epoch->order[i] >= epoch->pairs->documents) {
            PyErr_Format(PyExc_IndexError, "order[%lld] = %d is outside [0, %lld)", (long long)i, (int)epoch->order[i],
                         (long long)epoch->pairs->documents);
            return -1;
        }
    }
    return 0;
}

static int parse_epoch(struct ec_product_epoch *epoch, struct model *model, PyObject *keep, PyObject *args)
{
    PyObject *documents, *order, *targets, *importance, *of_class, *of_rest, *rows, *output;
    long long width, batch;
    if (!PyArg_ParseTuple(args, "OOOOOOpdddLOOL:product_epoch", &documents, &order, &targets, &importance, &of_class,
                          &of_rest, &epoch->softmax, &epoch->first_rate, &epoch->last_rate, &epoch->features, &batch,
                          &rows, &output, &width) ||
        !(epoch->pairs = ec_python_documents(documents, 0))) {
        return -1;
    }
    int64_t count = epoch->pairs->documents;
    PyArrayObject *places = ec_python_borrow(keep, order, NPY_INT32, 1, "order");
    if (!places || ec_python_targets(&epoch->targets, keep, targets, count) < 0) {
        return -1;
    }
    epoch->order = PyArray_DATA(places);
    epoch->count = PyArray_DIM(places, 0);
    epoch->classes = epoch->targets.columns;
    epoch->of_class = data_of(keep, of_class, NPY_FLOAT64, epoch->classes, 0, "of_class");
    epoch->of_rest = data_of(keep, of_rest, NPY_FLOAT64, epoch->classes, 0, "of_rest");
    epoch->importance = importance == Py_None ? NULL : data_of(keep, importance, NPY_FLOAT32, count, 0, "importance");
    if (PyErr_Occurred() || check_order(epoch) < 0) {
        return -1;
    }
    epoch->batch = batch;
    if (epoch->classes < 1 || !(epoch->features > 0) || batch < 1 || batch > EC_PRODUCT_BATCH) {
        PyErr_Format(PyExc_ValueError, "an epoch needs a class, a feature, and batches of 1 to %d", EC_PRODUCT_BATCH);
        return -1;
    }
    return parse_model(model, rows, output, width, epoch->pairs->size, epoch->classes);
}

static PyObject *product_epoch(PyObject *module, PyObject *args)
{
    (void)module;
    struct ec_product_epoch epoch = {0};
    struct model model;
    PyObject *keep = PyList_New(0), *loss = NULL;
    if (keep && parse_epoch(&epoch, &model, keep, args) == 0) {
        ec_status status;
        Py_BEGIN_ALLOW_THREADS;
        status = model.stride == 1 ? ec_folded_epoch(model.rows, model.output, &epoch, &ec_python_bag_poll)
                                   : ec_rows_epoch(model.rows, model.output, model.width, model.stride, &epoch,
                                                   ec_thread_count(), &ec_python_bag_poll);
        Py_END_ALLOW_THREADS;
        if (status == EC_OK) {
            loss = PyFloat_FromDouble(epoch.loss);
        } else if (status != EC_INTERRUPTED) { /* whose exception is set */
            ec_python_raise(status, "product_epoch");
        }
    }
    Py_XDECREF(keep);
    return loss;
}

static PyMethodDef methods[] = {
    {"product_epoch", product_epoch, METH_VARARGS,
     "product_epoch(documents, order, targets, importance, of_class, of_rest, softmax, first_rate, last_rate, "
     "features, batch, "
     "rows, output, width, /)\n--\n\nSteps over the documents in that order; rows and output are changed. The sum of "
     "the losses."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_product_form(PyObject *module) { return PyModule_AddFunctions(module, methods); }
