/* bag_scores: texts to the margins of linear models over their n-grams, all in one call without the lock (GIL). */
#include "python/bags.h"

#include "bags/scores.h"
#include "base/memory.h"
#include "base/threads.h"

/* Parts from a sequence of (units, norms, norm, sublinear); NULL with an exception. Free with ec_free. */
static struct ec_bag_part *parse_parts(PyObject *sequence, struct ec_bag_scoring *scoring)
{
    PyObject *items = PySequence_Tuple(sequence);
    int64_t count = items ? PyTuple_GET_SIZE(items) : 0;
    struct ec_bag_part *parts = count ? ec_alloc_array(count, sizeof *parts) : NULL;
    if (items && !count) {
        PyErr_SetString(PyExc_ValueError, "parts must hold at least one part");
    } else if (items && !parts) {
        PyErr_NoMemory();
    }
    for (int64_t i = 0; parts && i < count; i++) {
        long long units, norms;
        int norm, sublinear;
        PyObject *item = PyTuple_GET_ITEM(items, i);
        int fits = PyTuple_Check(item) && PyArg_ParseTuple(item, "LLip:part", &units, &norms, &norm, &sublinear);
        if (fits && (units < 1 || units > INT32_MAX || (norms && norms != 1 && norms != units) || norm < 0 ||
                     norm > EC_BAG_NORM_MEAN || !norm != !norms)) {
            PyErr_Format(PyExc_ValueError, "parts[%lld]: units %lld, norms %lld, norm %d do not fit each other",
                         (long long)i, units, norms, norm);
            fits = 0;
        }
        if (!fits) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_TypeError, "parts must hold tuples (units, norms, norm, sublinear)");
            }
            ec_free(parts);
            parts = NULL;
            break;
        }
        parts[i] = (struct ec_bag_part){.units = units, .norms = norms, .norm = norm, .sublinear = sublinear};
        scoring->units += units;
        scoring->columns += units + norms;
    }
    Py_XDECREF(items);
    scoring->parts = parts;
    scoring->part_count = count;
    return parts;
}

/* The float32 data of `value` if it has this shape (columns 0: one axis), or NULL with an exception. */
static const float *floats_of(PyObject *value, const char *name, int64_t rows, int64_t columns)
{
    PyArrayObject *array = (PyArrayObject *)value;
    int axes = columns ? 2 : 1;
    if (!PyArray_Check(value) || PyArray_TYPE(array) != NPY_FLOAT32 || PyArray_NDIM(array) != axes ||
        !PyArray_ISCARRAY_RO(array) || PyArray_DIM(array, 0) != rows || (columns && PyArray_DIM(array, 1) != columns)) {
        PyErr_Format(PyExc_ValueError, "%s must be a contiguous float32 array of %lld rows and %lld columns", name,
                     (long long)rows, (long long)(columns ? columns : 1));
        return NULL;
    }
    return PyArray_DATA(array);
}

static PyObject *score(struct ec_bag_scoring *scoring, const struct ec_python_rules *rules, PyObject *texts,
                       long long first)
{
    struct ec_python_documents documents;
    int collected = ec_python_documents_collect(&documents, texts, first, rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_None);
    }
    npy_intp shape[2] = {(npy_intp)documents.count, (npy_intp)scoring->units};
    PyObject *margins = PyArray_SimpleNew(2, shape, NPY_FLOAT32);
    if (margins) {
        float *data = PyArray_DATA((PyArrayObject *)margins);
        ec_status status;
        Py_BEGIN_ALLOW_THREADS status =
            ec_bag_scores(data, scoring, documents.documents, documents.count, ec_thread_count());
        Py_END_ALLOW_THREADS if (status)
        {
            Py_DECREF(margins);
            margins = ec_python_raise(status, "scoring texts");
        }
    }
    ec_python_documents_release(&documents);
    return margins;
}

static PyObject *bag_scores(PyObject *module, PyObject *args)
{
    (void)module;
    struct ec_python_bag_features *features;
    PyObject *texts, *table, *bias, *sequence;
    long long first = 0;
    if (!PyArg_ParseTuple(args, "O!OOOO|L:bag_scores", &ec_python_bag_features_type, &features, &texts, &table, &bias,
                          &sequence, &first)) {
        return NULL;
    }
    struct ec_bag_scoring scoring = {.features = &features->features};
    struct ec_bag_part *parts = parse_parts(sequence, &scoring);
    PyObject *margins = NULL;
    if (parts) {
        scoring.table = floats_of(table, "table", features->features.size, scoring.columns);
        scoring.bias = scoring.table ? floats_of(bias, "bias", scoring.units, 0) : NULL;
    }
    if (parts && scoring.bias) {
        margins = score(&scoring, features->rules, texts, first);
    }
    ec_free(parts);
    return margins;
}

static PyMethodDef methods[] = {
    {"bag_scores", bag_scores, METH_VARARGS,
     "bag_scores($module, features, texts, table, bias, parts, first=0, /)\n--\n\nMargins, float32 (texts, units of "
     "all parts), of texts by BagFeatures, table (features, columns) and bias (units,); a part is (units, norms, "
     "norm: 0 none, 1 l2, 2 mean, sublinear). None, and nothing done, where a list of tokens holds something else "
     "than str."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_bag_scores(PyObject *module) { return PyModule_AddFunctions(module, methods); }
