/* The type BagFeatures: which n-gram has which id, and texts to bags by it. Work on texts runs without the lock (GIL)
 * in a team of threads. */
#include "python/bags.h"
#include "python/bags_arrays.h"

#include "bags/reader.h"
#include "base/memory.h"
#include "base/threads.h"

int ec_python_bag_settings(struct ec_bag_settings *settings, const struct ec_python_rules *rules, const int words[2],
                           const int chars[2], int drops_breaks)
{
    int some = words[1] || chars[1];
    int fit = words[0] >= 0 && words[0] <= words[1] && words[1] <= EC_BAG_LONGEST && !words[0] == !words[1] &&
              chars[0] >= 0 && chars[0] <= chars[1] && chars[1] <= 64 && !chars[0] == !chars[1];
    if (!some || !fit) {
        PyErr_Format(PyExc_ValueError,
                     "words (%d, %d) and chars (%d, %d): expected 1 <= a <= b <= %d and 64, or (0, 0) for one",
                     words[0], words[1], chars[0], chars[1], EC_BAG_LONGEST);
        return -1;
    }
    *settings = (struct ec_bag_settings){.rules = &rules->rules,
                                         .words = {words[0], words[1]},
                                         .chars = {chars[0], chars[1]},
                                         .drops_breaks = drops_breaks};
    return 0;
}

PyObject *ec_python_take_bags(struct ec_bags *bags)
{
    npy_intp offset_count = (npy_intp)bags->count + 1, count = (npy_intp)bags->offsets[bags->count];
    PyObject *offsets = PyArray_SimpleNew(1, &offset_count, NPY_INT64);
    PyObject *ids = PyArray_SimpleNew(1, &count, NPY_INT32);
    PyObject *counts = PyArray_SimpleNew(1, &count, NPY_FLOAT32);
    if (offsets && ids && counts) {
        int32_t *id_data = PyArray_DATA((PyArrayObject *)ids);
        float *count_data = PyArray_DATA((PyArrayObject *)counts);
        memcpy(PyArray_DATA((PyArrayObject *)offsets), bags->offsets, (size_t)offset_count * sizeof(int64_t));
        Py_BEGIN_ALLOW_THREADS ec_bags_copy(bags, id_data, count_data, ec_thread_count());
        Py_END_ALLOW_THREADS
    }
    ec_bags_clear(bags);
    if (!offsets || !ids || !counts) {
        Py_XDECREF(offsets);
        Py_XDECREF(ids);
        Py_XDECREF(counts);
        return NULL;
    }
    return Py_BuildValue("NNN", offsets, ids, counts);
}

/* Ends of words, ascending, the last one at most `bytes`. */
static int check_ends(const int64_t *ends, int64_t count, int64_t bytes, const char *name)
{
    for (int64_t i = 0, before = 0; i < count; before = ends[i++]) {
        if (ends[i] < before || ends[i] > bytes || ends[i] - before >= INT32_MAX) {
            PyErr_Format(PyExc_ValueError, "%s[%lld] = %lld: expected ascending ends of at most %lld bytes", name,
                         (long long)i, (long long)ends[i], (long long)bytes);
            return -1;
        }
    }
    return 0;
}

/* The tokens of the features of one kind. */
static int parse_words(struct ec_bag_names *names, PyObject *keep, int kind, int tokens, PyObject *value)
{
    PyArrayObject *words = ec_python_borrow(keep, value, NPY_INT32, 1, "state: words of n-grams");
    if (!words) {
        return -1;
    }
    int64_t count = PyArray_DIM(words, 0);
    const int32_t *data = PyArray_DATA(words);
    if (count % tokens) {
        PyErr_Format(PyExc_ValueError, "state: %lld words are no n-grams of %d", (long long)count, tokens);
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        if (data[i] < 0 || data[i] >= names->word_count) {
            PyErr_Format(PyExc_ValueError, "state: word %d of an n-gram is outside [0, %lld)", (int)data[i],
                         (long long)names->word_count);
            return -1;
        }
    }
    names->words[kind] = data;
    names->counts[kind] = count / tokens;
    return 0;
}

/* Names from (features of kind 1, word_bytes, word_ends, [words of each longer kind], gram_bytes, gram_ends), whose
 * arrays live as long as the list `keep`. */
static int parse_names(struct ec_bag_names *names, PyObject *keep, const struct ec_bag_settings *settings,
                       PyObject *state)
{
    long long singles;
    PyObject *bytes[2], *ends[2], *words;
    PyArrayObject *arrays[4];
    if (!PyArg_ParseTuple(state, "LOOO!OO:state", &singles, &bytes[0], &ends[0], &PyList_Type, &words, &bytes[1],
                          &ends[1])) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        arrays[2 * i] = ec_python_borrow(keep, bytes[i], NPY_UINT8, 1, "state: bytes");
        arrays[2 * i + 1] = arrays[2 * i] ? ec_python_borrow(keep, ends[i], NPY_INT64, 1, "state: ends") : NULL;
        if (!arrays[2 * i + 1]) {
            return -1;
        }
    }
    *names = (struct ec_bag_names){
        .word_count = PyArray_DIM(arrays[1], 0),
        .word_bytes = PyArray_DATA(arrays[0]),
        .word_ends = PyArray_DATA(arrays[1]),
        .gram_bytes = PyArray_DATA(arrays[2]),
        .gram_ends = PyArray_DATA(arrays[3]),
    };
    struct ec_bag_kind kinds[EC_BAG_KINDS];
    int count = ec_bag_kinds(kinds, settings), longer = 0;
    for (int kind = 0; kind < count; kind++) {
        if (kinds[kind].tokens > 1) {
            PyObject *value = longer < PyList_GET_SIZE(words) ? PyList_GET_ITEM(words, longer) : Py_None;
            longer++;
            if (parse_words(names, keep, kind, kinds[kind].tokens, value) < 0) {
                return -1;
            }
        } else {
            names->counts[kind] = kinds[kind].tokens ? singles : PyArray_DIM(arrays[3], 0);
        }
    }
    if (singles < 0 || singles > names->word_count) {
        PyErr_Format(PyExc_ValueError, "state: %lld words that are features of %lld words", singles,
                     (long long)names->word_count);
        return -1;
    }
    if (check_ends(names->word_ends, names->word_count, PyArray_DIM(arrays[0], 0), "state: word ends") < 0) {
        return -1;
    }
    return check_ends(names->gram_ends, PyArray_DIM(arrays[3], 0), PyArray_DIM(arrays[2], 0), "state: gram ends");
}

static PyObject *features_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"rules", "words", "chars", "drops_breaks", "buckets", "state", NULL};
    struct ec_python_rules *rules;
    struct ec_bag_settings settings;
    struct ec_bag_names names;
    PyObject *state = Py_None;
    int words[2], chars[2], drops_breaks;
    long long buckets = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!(ii)(ii)p|LO:BagFeatures", keywords, &ec_python_rules_type,
                                     &rules, &words[0], &words[1], &chars[0], &chars[1], &drops_breaks, &buckets,
                                     &state) ||
        ec_python_bag_settings(&settings, rules, words, chars, drops_breaks) < 0) {
        return NULL;
    }
    if ((state == Py_None) != (buckets > 0) || buckets < 0 || buckets >= INT32_MAX) {
        return PyErr_Format(PyExc_ValueError, "expected either buckets > 0 or a state. Received: buckets=%lld",
                            buckets);
    }
    if (state != Py_None && !PyTuple_Check(state)) {
        return PyErr_Format(PyExc_TypeError, "state must be a tuple or None");
    }
    PyObject *keep = PyList_New(0);
    int fits = keep && (state == Py_None || parse_names(&names, keep, &settings, state) == 0);
    struct ec_python_bag_features *self = fits ? (struct ec_python_bag_features *)type->tp_alloc(type, 0) : NULL;
    if (!self) {
        Py_XDECREF(keep);
        return NULL;
    }
    self->rules = (struct ec_python_rules *)Py_NewRef((PyObject *)rules);
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_bag_features_init(&self->features, &settings, buckets, state == Py_None ? NULL : &names);
    Py_END_ALLOW_THREADS Py_DECREF(keep);
    if (status) {
        Py_DECREF(self);
        return status == EC_BAD_VALUE ? PyErr_Format(PyExc_ValueError, "state: two features are the same n-gram")
                                      : ec_python_raise(status, "making features");
    }
    return (PyObject *)self;
}

static void features_dealloc(PyObject *object)
{
    struct ec_python_bag_features *self = (struct ec_python_bag_features *)object;
    ec_bag_features_clear(&self->features);
    Py_XDECREF(self->rules);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *features_read(PyObject *object, PyObject *args)
{
    const struct ec_python_bag_features *self = (const struct ec_python_bag_features *)object;
    PyObject *texts;
    long long first = 0;
    struct ec_python_documents documents;
    if (!PyArg_ParseTuple(args, "O|L:read", &texts, &first)) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, self->rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_None);
    }
    struct ec_bags bags;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_bags_read(&bags, &self->features, documents.documents, documents.count, ec_thread_count());
    Py_END_ALLOW_THREADS ec_python_documents_release(&documents);
    if (status) {
        ec_bags_clear(&bags);
        return ec_python_raise(status, "reading bags");
    }
    return ec_python_take_bags(&bags);
}

static PyObject *features_kinds(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_bag_features *features = &((const struct ec_python_bag_features *)object)->features;
    PyObject *list = PyList_New(features->kind_count);
    for (int kind = 0; list && kind < features->kind_count; kind++) {
        const struct ec_bag_kind *from = &features->kinds[kind];
        PyObject *item = Py_BuildValue("iLL", from->tokens, (long long)from->first, (long long)from->end);
        if (item) {
            PyList_SET_ITEM(list, kind, item);
        } else {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyMethodDef features_methods[] = {
    {"read", features_read, METH_VARARGS,
     "read($self, texts, first=0, /)\n--\n\n(offsets, ids, counts) of the texts. None, and nothing done, where a list "
     "of tokens holds something else than str."},
    {"kinds", features_kinds, METH_NOARGS,
     "kinds($self)\n--\n\n(tokens of an n-gram or 0 for characters, first id, one behind the last) of each kind."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ec_python_bag_features_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.BagFeatures",
    .tp_basicsize = sizeof(struct ec_python_bag_features),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "BagFeatures(rules, words, chars, drops_breaks, buckets=0, state=None)\n--\n\nThe ids of n-grams; "
              "immutable. Hashed into `buckets` a kind, or those of a state (features of single tokens, bytes and ends "
              "of the tokens, the tokens of each longer kind, bytes and ends of the n-grams of characters).",
    .tp_new = features_new,
    .tp_dealloc = features_dealloc,
    .tp_methods = features_methods,
};

int ec_python_add_bags(PyObject *module)
{
    if (PyModule_AddType(module, &ec_python_bag_features_type) < 0 || ec_python_add_bag_census(module) < 0) {
        return -1;
    }
    return ec_python_add_bag_scores(module);
}
