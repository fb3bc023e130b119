/* The type BagCensus: n-grams counted over blocks of texts, then ranked; the bags of texts that were counted. Work on
 * texts runs without the lock (GIL) in a team of threads; a census in use by one thread refuses another. */
#include "python/bags.h"
#include "python/bags_arrays.h"

#include "bags/ranking.h"
#include "base/memory.h"
#include "base/threads.h"

struct census {
    PyObject_HEAD struct ec_bag_census *census;
    struct ec_python_rules *rules; /* owned */
    struct ec_bag_ranking ranking;
    int ranked;
    int busy; /* a call works without the lock */
};

static int refuse(const struct census *self, int ranked)
{
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the census is in use by another thread");
    } else if (self->ranked != ranked) {
        PyErr_SetString(PyExc_RuntimeError, ranked ? "the census is not ranked yet" : "the census is ranked already");
    }
    return self->busy || self->ranked != ranked;
}

static PyObject *census_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"rules", "words", "chars", "drops_breaks", "keeps", NULL};
    struct ec_python_rules *rules;
    struct ec_bag_settings settings;
    int words[2], chars[2], drops_breaks, keeps;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!(ii)(ii)pp:BagCensus", keywords, &ec_python_rules_type, &rules,
                                     &words[0], &words[1], &chars[0], &chars[1], &drops_breaks, &keeps) ||
        ec_python_bag_settings(&settings, rules, words, chars, drops_breaks) < 0) {
        return NULL;
    }
    struct census *self = (struct census *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->rules = (struct ec_python_rules *)Py_NewRef((PyObject *)rules);
    self->census = ec_bag_census_new(&settings, keeps);
    if (!self->census) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void census_dealloc(PyObject *object)
{
    struct census *self = (struct census *)object;
    ec_bag_ranking_clear(&self->ranking);
    ec_bag_census_free(self->census);
    Py_XDECREF(self->rules);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *census_add(PyObject *object, PyObject *args)
{
    struct census *self = (struct census *)object;
    PyObject *texts;
    long long first = 0;
    struct ec_python_documents documents;
    if (!PyArg_ParseTuple(args, "O|L:add", &texts, &first)) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, self->rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_False);
    }
    if (refuse(self, 0)) {
        ec_python_documents_release(&documents);
        return NULL;
    }
    self->busy = 1;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_bag_census_add(self->census, documents.documents, documents.count, ec_thread_count());
    Py_END_ALLOW_THREADS self->busy = 0;
    ec_python_documents_release(&documents);
    return status ? ec_python_raise(status, "counting n-grams") : Py_NewRef(Py_True);
}

static PyObject *census_kept_bytes(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_bag_census *census = ((const struct census *)object)->census;
    int64_t codes = census->code_count * census->kind_count * (int64_t)sizeof *census->codes;
    int64_t ends = census->document_count * (int64_t)sizeof *census->document_ends;
    return PyLong_FromLongLong(census->keeps ? codes + ends : 0);
}

static PyObject *copied(const void *data, int64_t count, int type, size_t size)
{
    npy_intp length = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &length, type);
    if (array && count) {
        memcpy(PyArray_DATA((PyArrayObject *)array), data, (size_t)count * size);
    }
    return array;
}

static PyObject *census_take(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct census *self = (struct census *)object;
    if (self->busy) {
        refuse(self, self->ranked);
        return NULL;
    }
    if (!self->census->keeps) {
        PyErr_SetString(PyExc_RuntimeError, "the census keeps no codes");
        return NULL;
    }
    struct ec_bag_census *census = self->census;
    PyObject *codes = copied(census->codes, census->code_count * census->kind_count, NPY_INT32, sizeof *census->codes);
    PyObject *ends = copied(census->document_ends, census->document_count, NPY_INT64, sizeof *census->document_ends);
    if (!codes || !ends) {
        Py_XDECREF(codes);
        Py_XDECREF(ends);
        return NULL;
    }
    ec_bag_census_drop_codes(census);
    return Py_BuildValue("NN", codes, ends);
}

/* The state that BagFeatures takes, from the ranking's names. */
static PyObject *state_of(const struct ec_bag_ranking *ranking)
{
    const struct ec_bag_names *names = &ranking->names;
    int64_t singles = 0, grams = 0;
    PyObject *words = PyList_New(0);
    for (int kind = 0; words && kind < ranking->kind_count; kind++) {
        int tokens = ranking->kinds[kind].tokens;
        if (tokens > 1) {
            PyObject *array = copied(names->words[kind], names->counts[kind] * tokens, NPY_INT32, sizeof(int32_t));
            if (!array || PyList_Append(words, array) < 0) {
                Py_CLEAR(words);
            }
            Py_XDECREF(array);
        } else if (tokens) {
            singles = names->counts[kind];
        } else {
            grams = names->counts[kind];
        }
    }
    if (!words) {
        return NULL;
    }
    int64_t word_bytes = names->word_count ? names->word_ends[names->word_count - 1] : 0;
    int64_t gram_bytes = grams ? names->gram_ends[grams - 1] : 0;
    PyObject *parts[] = {
        copied(names->word_bytes, word_bytes, NPY_UINT8, 1),
        copied(names->word_ends, names->word_count, NPY_INT64, sizeof(int64_t)),
        copied(names->gram_bytes, gram_bytes, NPY_UINT8, 1),
        copied(names->gram_ends, grams, NPY_INT64, sizeof(int64_t)),
    };
    /* Py_BuildValue takes over the references of N, and releases them where one is NULL. */
    return Py_BuildValue("LNNNNN", (long long)singles, parts[0], parts[1], words, parts[2], parts[3]);
}

static PyObject *census_rank(PyObject *object, PyObject *args)
{
    struct census *self = (struct census *)object;
    long long min_count, max_features;
    if (!PyArg_ParseTuple(args, "LL:rank", &min_count, &max_features) || refuse(self, 0)) {
        return NULL;
    }
    self->busy = 1;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_bag_ranking_init(&self->ranking, self->census, min_count, max_features, ec_thread_count());
    Py_END_ALLOW_THREADS self->busy = 0;
    if (status) {
        ec_bag_ranking_clear(&self->ranking);
        return ec_python_raise(status, "ranking n-grams");
    }
    self->ranked = 1;
    return state_of(&self->ranking);
}

/* Whether these may be codes of the census and the ends of their documents. */
static int check_codes(const struct census *self, PyArrayObject *codes, PyArrayObject *ends)
{
    const struct ec_bag_census *census = self->census;
    const int64_t *end = PyArray_DATA(ends);
    const int32_t *code = PyArray_DATA(codes);
    int64_t before = 0, tokens = PyArray_DIM(codes, 0) / census->kind_count;
    int fits = PyArray_DIM(codes, 0) % census->kind_count == 0;
    for (npy_intp i = 0; fits && i < PyArray_DIM(ends, 0); before = end[i++]) {
        fits = end[i] >= before && end[i] <= tokens;
    }
    for (int64_t i = 0; fits && i < tokens * census->kind_count; i++) {
        int kind = (int)(i % census->kind_count);
        int64_t count = code[i] < 0 ? 0 : census->partitions[kind][code[i] % EC_BAG_PARTITIONS].table.count;
        fits = code[i] < 0 ? code[i] == -1 && kind : code[i] / EC_BAG_PARTITIONS < count;
    }
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "codes and ends are not what this census gave");
    }
    return fits;
}

static PyObject *census_bags(PyObject *object, PyObject *args)
{
    struct census *self = (struct census *)object;
    PyObject *given[2] = {NULL, NULL};
    if (!PyArg_ParseTuple(args, "|OO:bags", &given[0], &given[1]) || refuse(self, 1)) {
        return NULL;
    }
    if (!given[0] && !self->census->keeps) { /* it has the codes of its last round alone */
        PyErr_SetString(PyExc_RuntimeError, "the census keeps no codes");
        return NULL;
    }
    const int32_t *codes = self->census->codes;
    const int64_t *ends = self->census->document_ends;
    int64_t count = self->census->document_count;
    PyObject *keep = PyList_New(0);
    if (!keep) {
        return NULL;
    }
    if (given[0]) {
        PyArrayObject *first = ec_python_borrow(keep, given[0], NPY_INT32, 1, "codes");
        PyArrayObject *second =
            first ? ec_python_borrow(keep, given[1] ? given[1] : Py_None, NPY_INT64, 1, "ends") : NULL;
        if (!second || !check_codes(self, first, second) || refuse(self, 1)) { /* again: a copy frees the lock */
            Py_DECREF(keep);
            return NULL;
        }
        codes = PyArray_DATA(first);
        ends = PyArray_DATA(second);
        count = PyArray_DIM(second, 0);
    }
    self->busy = 1;
    struct ec_bags bags;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status = ec_bag_ranking_bags(&bags, &self->ranking, codes, ends, count, ec_thread_count());
    Py_END_ALLOW_THREADS self->busy = 0;
    Py_DECREF(keep);
    if (status) {
        ec_bags_clear(&bags);
        return ec_python_raise(status, "making bags");
    }
    return ec_python_take_bags(&bags);
}

static PyMethodDef census_methods[] = {
    {"add", census_add, METH_VARARGS,
     "add($self, texts, first=0, /)\n--\n\nCounts the n-grams of a list of texts. False, and nothing done, where a "
     "list of tokens holds something else than str."},
    {"kept_bytes", census_kept_bytes, METH_NOARGS, "kept_bytes($self)\n--\n\nBytes of what take would give."},
    {"take", census_take, METH_NOARGS,
     "take($self)\n--\n\n(codes int32, document ends int64) kept since the last call, which the census forgets."},
    {"rank", census_rank, METH_VARARGS,
     "rank($self, min_count, max_features, /)\n--\n\nEnds the counting; the state that BagFeatures takes."},
    {"bags", census_bags, METH_VARARGS,
     "bags($self, codes=None, ends=None, /)\n--\n\n(offsets, ids, counts) of the texts whose codes are kept, or of "
     "codes that were taken. After rank."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject census_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.BagCensus",
    .tp_basicsize = sizeof(struct census),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "BagCensus(rules, words, chars, drops_breaks, keeps)\n--\n\nCounts all n-grams of texts.",
    .tp_new = census_new,
    .tp_dealloc = census_dealloc,
    .tp_methods = census_methods,
};

int ec_python_add_bag_census(PyObject *module) { return PyModule_AddType(module, &census_type); }
