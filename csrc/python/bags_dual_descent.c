/* Linear models of bags, solved by dual coordinate descent: every problem of a portfolio (parts, classes, folds) in one
 * call, so that all threads have work. */
#include "python/bags_arrays.h"
#include "python/program.h"

#include "bags/dual_descent.h"
#include "base/memory.h"
#include "base/threads.h"

/* What all parts of a call share. */
struct documents {
    PyObject *capsule;
    const struct ec_bag_pairs *pairs;
    int64_t classes; /* columns of targets */
    struct ec_bag_targets targets;
    const float *importance;
    const int32_t *folds;
    int64_t fold_count;
};

/* One part, parsed. */
struct part {
    struct ec_dual_problem like; /* what its problems have in common, pointers to column 0 */
    const double *positive, *negative;
};

#define PROBLEMS_PER_CLASS(documents) (1 + (documents)->fold_count)

/* The data of an array `rows` long; NULL with an exception set. */
static const void *column(PyObject *keep, PyObject *value, int type, int64_t rows, const char *name)
{
    PyArrayObject *array = ec_python_borrow(keep, value, type, 1, name);
    if (array && PyArray_DIM(array, 0) != rows) {
        PyErr_Format(PyExc_ValueError, "%s has %zd entries, expected %lld", name, (Py_ssize_t)PyArray_DIM(array, 0),
                     (long long)rows);
        return NULL;
    }
    return array ? PyArray_DATA(array) : NULL;
}

static int parse_documents(struct documents *documents, PyObject *keep, PyObject *args, PyObject **parts)
{
    PyObject *targets, *importance, *folds;
    long long fold_count;
    if (!PyArg_ParseTuple(args, "OOOOLO!:dual_descent", &documents->capsule, &targets, &importance, &folds, &fold_count,
                          &PyList_Type, parts) ||
        !(documents->pairs = ec_python_documents(documents->capsule, 0))) {
        return -1;
    }
    int64_t count = documents->pairs->documents;
    if (ec_python_targets(&documents->targets, keep, targets, count) < 0) {
        return -1;
    }
    documents->classes = documents->targets.columns;
    documents->importance = importance == Py_None ? NULL : column(keep, importance, NPY_FLOAT32, count, "importance");
    if (!PyErr_Occurred() && folds != Py_None) {
        documents->folds = column(keep, folds, NPY_INT32, count, "folds");
        documents->fold_count = fold_count;
        if (fold_count < 0 || fold_count > count) {
            PyErr_Format(PyExc_ValueError, "fold_count = %lld is outside [0, %lld]", fold_count, (long long)count);
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* The data of a result [rows, classes]; NULL, without an exception, for None. */
static float *matrix(PyObject *value, int64_t rows, int64_t classes, const char *name)
{
    npy_intp sizes[2] = {(npy_intp)rows, (npy_intp)classes};
    PyArrayObject *array = value == Py_None ? NULL : ec_python_result(value, NPY_FLOAT32, 2, sizes, name);
    return array ? PyArray_DATA(array) : NULL;
}

static int parse_part(struct part *part, PyObject *keep, PyObject *tuple, const struct documents *documents)
{
    PyObject *base, *positive, *negative, *centre, *centre_bias, *weights, *scale, *bias, *margins;
    long long first, last, max_epochs;
    unsigned long long key;
    struct ec_dual_problem *like = &part->like;
    int sublinear, logistic;
    if (!PyTuple_Check(tuple) ||
        !PyArg_ParseTuple(tuple, "pOLLpdOOddpdLKOOOOOO:part", &sublinear, &base, &first, &last, &logistic, &like->cost,
                          &positive, &negative, &like->intercept, &like->damping, &like->norm, &like->tolerance,
                          &max_epochs, &key, &centre, &centre_bias, &weights, &scale, &bias, &margins)) {
        return -1;
    }
    int64_t count = documents->pairs->documents, size = documents->pairs->size, classes = documents->classes;
    like->pairs = ec_python_documents(documents->capsule, sublinear);
    PyArrayObject *scales = like->pairs ? ec_python_borrow(keep, base, NPY_FLOAT32, 2, "base") : NULL;
    part->positive = scales ? column(keep, positive, NPY_FLOAT64, classes, "positive") : NULL;
    part->negative = part->positive ? column(keep, negative, NPY_FLOAT64, classes, "negative") : NULL;
    if (!part->negative) {
        return -1;
    }
    like->base = PyArray_DATA(scales);
    like->base_stride = PyArray_DIM(scales, 1);
    if (PyArray_DIM(scales, 0) != size || (like->base_stride != 1 && like->base_stride != classes)) {
        ec_raise_shape("base", scales, "a row for each feature and one column, or one for each class");
        return -1;
    }
    if (centre != Py_None) {
        PyArrayObject *array = ec_python_borrow(keep, centre, NPY_FLOAT32, 2, "centre");
        like->centre_weights = array ? PyArray_DATA(array) : NULL;
        like->centre_bias = array ? column(keep, centre_bias, NPY_FLOAT32, classes, "centre_bias") : NULL;
        if (!like->centre_bias || PyArray_DIM(array, 0) != size || PyArray_DIM(array, 1) != classes) {
            return PyErr_Occurred()
                       ? -1
                       : ec_raise_shape("centre", array, "a row for each feature and one column for each class");
        }
    }
    npy_intp columns = (npy_intp)classes;
    like->weights = matrix(weights, size, classes, "weights");
    like->scale = matrix(scale, size, classes, "scale");
    like->margins = matrix(margins, count, classes, "margins");
    PyArrayObject *constants = ec_python_result(bias, NPY_FLOAT32, 1, &columns, "bias");
    if (PyErr_Occurred()) {
        return -1;
    }
    if (first < 0 || last < first || last > size || max_epochs < 1 || !(like->cost > 0) || !(like->tolerance > 0)) {
        PyErr_SetString(PyExc_ValueError, "part: features, cost, tolerance or epochs are outside their ranges");
        return -1;
    }
    like->bias = PyArray_DATA(constants);
    like->features = (struct ec_range){first, last};
    like->loss = logistic ? EC_DUAL_LOGISTIC : EC_DUAL_SQUARED_HINGE;
    like->max_epochs = max_epochs;
    like->key = key;
    like->targets = documents->targets;
    like->importance = documents->importance;
    like->folds = documents->folds;
    return 0;
}

/* The problems of a part: for each class, on all documents (where weights are wanted) and without each fold (where
 * margins are). Returns how many. */
static int64_t make_problems(struct ec_dual_problem *problems, const struct part *part,
                             const struct documents *documents)
{
    int64_t made = 0;
    for (int64_t of = 0; of < documents->classes; of++) {
        int64_t folds = part->like.margins ? documents->fold_count : 0;
        for (int64_t fold = part->like.weights ? -1 : 0; fold < folds; fold++) {
            struct ec_dual_problem *problem = &problems[made++];
            *problem = part->like;
            problem->held_out = (int32_t)fold;
            problem->column = of;
            problem->base += problem->base_stride > 1 ? of : 0;
            problem->positive = part->positive[of];
            problem->negative = part->negative[of];
            if (problem->centre_weights) {
                problem->centre_weights += of;
                problem->centre_bias += of;
            }
            if (fold < 0) {
                problem->weights += of;
                problem->scale = problem->scale ? problem->scale + of : NULL;
                problem->bias += of;
                problem->margins = NULL;
                problem->folds = NULL;
            } else {
                problem->weights = problem->scale = problem->bias = NULL;
                problem->margins += of;
            }
        }
    }
    return made;
}

/* [(epochs, violation) of each problem] in the order in which they were made. */
static PyObject *list_outcomes(const struct ec_dual_problem *problems, int64_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (int64_t i = 0; list && i < count; i++) {
        PyObject *pair = Py_BuildValue("(Ld)", (long long)problems[i].epochs, problems[i].violation);
        if (!pair) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
    }
    return list;
}

static PyObject *dual_descent(PyObject *module, PyObject *args)
{
    (void)module;
    struct documents documents = {0};
    PyObject *given = NULL, *list = NULL, *keep = PyList_New(0), *outcomes = NULL;
    struct part *parts = NULL;
    struct ec_dual_problem *problems = NULL;
    if (!keep || parse_documents(&documents, keep, args, &given) < 0 || !(list = PyList_AsTuple(given))) {
        goto done;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(list);
    parts = ec_alloc_zeros(count, sizeof *parts);
    problems = ec_alloc_zeros(count * documents.classes * PROBLEMS_PER_CLASS(&documents), sizeof *problems);
    if (!parts || !problems) {
        PyErr_NoMemory();
        goto done;
    }
    int64_t made = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (parse_part(&parts[i], keep, PyTuple_GET_ITEM(list, i), &documents) < 0) {
            goto done;
        }
        made += make_problems(problems + made, &parts[i], &documents);
    }
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = ec_dual_descent(problems, made, ec_thread_count(), &ec_python_bag_poll);
    Py_END_ALLOW_THREADS;
    if (status == EC_OK) {
        outcomes = list_outcomes(problems, made);
    } else if (status != EC_INTERRUPTED) { /* whose exception is set */
        ec_python_raise(status, "dual_descent");
    }
done:
    ec_free(parts);
    ec_free(problems);
    Py_XDECREF(list);
    Py_XDECREF(keep);
    return outcomes;
}

static PyMethodDef methods[] = {
    {"dual_descent", dual_descent, METH_VARARGS,
     "dual_descent(documents, targets, importance, folds, fold_count, parts, /)\n--\n\n"
     "[(epochs, violation)] of the problems; weights, scale, bias and margins of the parts are written."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_dual_descent(PyObject *module) { return PyModule_AddFunctions(module, methods); }
