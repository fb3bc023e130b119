/* The type WordTable: words with counts, filled from texts, and texts to ids by it. Work on texts runs without the lock
 * (GIL) in a team of threads; a table in use by one thread refuses a writer beside it. */
#include "python/text.h"

#include "base/memory.h"
#include "base/threads.h"

struct table {
    PyObject_HEAD struct ec_word_counts counts;
    int readers; /* calls that read the table without the lock */
    int writing; /* a call writes it without the lock */
};

static int busy(const struct table *self, int writes)
{
    if (self->writing || (writes && self->readers)) {
        PyErr_SetString(PyExc_RuntimeError, "the word table is in use by another thread");
        return 1;
    }
    return 0;
}

/* A list of `count` str from the bytes between starts[i] and starts[i + 1]; `order` NULL: as they stand. */
static PyObject *decode_words(const struct ec_words *words, const int32_t *order, int64_t count)
{
    PyObject *list = PyList_New(count);
    for (int64_t i = 0; list && i < count; i++) {
        int64_t word = order ? order[i] : i;
        int64_t start = words->starts[word];
        PyObject *text =
            PyUnicode_DecodeUTF8((const char *)words->bytes + start, words->starts[word + 1] - start, "surrogatepass");
        if (text) {
            PyList_SET_ITEM(list, i, text);
        } else {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* Adds one word with the lock held. */
static int add_word(struct table *self, const char *bytes, Py_ssize_t length, int32_t *number)
{
    uint8_t stack[64];
    uint8_t *padded =
        length + EC_WORD_SLACK <= (Py_ssize_t)sizeof stack ? stack : ec_alloc_array(length + EC_WORD_SLACK, 1);
    ec_status status = padded ? length < INT32_MAX ? EC_OK : EC_TOO_LARGE : EC_NO_MEMORY;
    if (!status) {
        memcpy(padded, bytes, (size_t)length);
        memset(padded + length, 0, EC_WORD_SLACK);
        status = ec_word_counts_add(&self->counts, padded, length, number);
    }
    if (padded != stack) {
        ec_free(padded);
    }
    if (status) {
        ec_python_raise(status, "adding a word");
        return -1;
    }
    return 0;
}

static int add_words(struct table *self, PyObject *words)
{
    PyObject *items = PySequence_Tuple(words);
    int failed = !items;
    for (Py_ssize_t i = 0; !failed && i < PyTuple_GET_SIZE(items); i++) {
        PyObject *word = PyTuple_GET_ITEM(items, i);
        int32_t number;
        if (!PyUnicode_Check(word)) {
            PyErr_Format(PyExc_TypeError, "words[%zd] is a %.100s; expected str", i, Py_TYPE(word)->tp_name);
            failed = 1;
            break;
        }
        PyObject *bytes = PyUnicode_AsEncodedString(word, "utf-8", "surrogatepass");
        failed = !bytes || add_word(self, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes), &number) < 0;
        Py_XDECREF(bytes);
        if (!failed && number != i) {
            PyErr_Format(PyExc_ValueError, "words[%zd] = %R is already words[%d]", i, word, (int)number);
            failed = 1;
        }
    }
    Py_XDECREF(items);
    return failed ? -1 : 0;
}

/* Takes the occurrences of every word from an int64 array; None leaves zeros. */
static int take_numbers(struct table *self, PyObject *numbers, const char *name, int documents)
{
    if (numbers == Py_None) {
        return 0;
    }
    PyArrayObject *array = (PyArrayObject *)PyArray_FROMANY(numbers, NPY_INT64, 1, 1, NPY_ARRAY_IN_ARRAY);
    if (!array) {
        return -1;
    }
    int64_t count = self->counts.words.count;
    if (PyArray_DIM(array, 0) != count) {
        PyErr_Format(PyExc_ValueError, "%s has %zd entries for %lld words", name, (Py_ssize_t)PyArray_DIM(array, 0),
                     (long long)count);
        Py_DECREF(array);
        return -1;
    }
    const int64_t *values = PyArray_DATA(array);
    for (int64_t i = 0; i < count; i++) {
        *(documents ? &self->counts.counts[i].documents : &self->counts.counts[i].count) = values[i];
    }
    Py_DECREF(array);
    return 0;
}

static PyObject *table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"words", "counts", "documents", NULL};
    PyObject *words = NULL;
    PyObject *counts = Py_None;
    PyObject *documents = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOO:WordTable", names, &words, &counts, &documents)) {
        return NULL;
    }
    struct table *self = (struct table *)type->tp_alloc(type, 0);
    if (self && ((words && add_words(self, words) < 0) || take_numbers(self, counts, "counts", 0) < 0 ||
                 take_numbers(self, documents, "documents", 1) < 0)) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void table_dealloc(PyObject *object)
{
    ec_word_counts_clear(&((struct table *)object)->counts);
    Py_TYPE(object)->tp_free(object);
}

static Py_ssize_t table_length(PyObject *object) { return (Py_ssize_t)((struct table *)object)->counts.words.count; }

static PyObject *table_count(PyObject *object, PyObject *args)
{
    struct table *self = (struct table *)object;
    PyObject *texts;
    struct ec_python_rules *rules;
    struct ec_python_documents documents;
    long long first = 0;
    if (!PyArg_ParseTuple(args, "OO!|L:count", &texts, &ec_python_rules_type, &rules, &first)) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_False);
    }
    if (busy(self, 1)) {
        ec_python_documents_release(&documents);
        return NULL;
    }
    self->writing = 1;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_count_words(&self->counts, &rules->rules, documents.documents, documents.count, ec_thread_count());
    Py_END_ALLOW_THREADS self->writing = 0;
    ec_python_documents_release(&documents);
    return status ? ec_python_raise(status, "counting words") : Py_NewRef(Py_True);
}

/* The two arrays of an encoding, which is cleared: (ids int32, offsets int64). */
static PyObject *take_encoding(struct ec_encoding *encoding)
{
    npy_intp id_count = (npy_intp)encoding->offsets[encoding->document_count];
    npy_intp offset_count = (npy_intp)encoding->document_count + 1;
    PyObject *ids = PyArray_SimpleNew(1, &id_count, NPY_INT32);
    PyObject *offsets = PyArray_SimpleNew(1, &offset_count, NPY_INT64);
    if (ids && offsets) {
        int32_t *out = PyArray_DATA((PyArrayObject *)ids);
        memcpy(PyArray_DATA((PyArrayObject *)offsets), encoding->offsets, (size_t)offset_count * sizeof(int64_t));
        Py_BEGIN_ALLOW_THREADS ec_encoding_copy(encoding, out, ec_thread_count());
        Py_END_ALLOW_THREADS
    }
    ec_encoding_clear(encoding);
    if (!ids || !offsets) {
        Py_XDECREF(ids);
        Py_XDECREF(offsets);
        return NULL;
    }
    return Py_BuildValue("NN", ids, offsets);
}

static PyObject *table_encode(PyObject *object, PyObject *args)
{
    struct table *self = (struct table *)object;
    PyObject *texts;
    struct ec_python_rules *rules;
    PyArrayObject *ids;
    int unknown;
    struct ec_python_documents documents;
    long long first = 0;
    if (!PyArg_ParseTuple(args, "OO!O!i|L:encode", &texts, &ec_python_rules_type, &rules, &PyArray_Type, &ids, &unknown,
                          &first)) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_None);
    }
    /* Only now: collecting may run code of the texts, or of other threads, that adds words. */
    int fits = PyArray_TYPE(ids) == NPY_INT32 && PyArray_NDIM(ids) == 1 && PyArray_ISCARRAY_RO(ids) &&
               PyArray_DIM(ids, 0) == self->counts.words.count;
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "ids must be a contiguous int32 array with one entry for each word");
    }
    if (!fits || busy(self, 0)) {
        ec_python_documents_release(&documents);
        return NULL;
    }
    self->readers++;
    struct ec_encoding encoding;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status = ec_encode(&encoding, &self->counts.words, PyArray_DATA(ids), unknown, &rules->rules,
                                              documents.documents, documents.count, ec_thread_count());
    Py_END_ALLOW_THREADS self->readers--;
    ec_python_documents_release(&documents);
    return status ? ec_python_raise(status, "encoding texts") : take_encoding(&encoding);
}

static PyObject *numbers(struct table *self, int documents)
{
    if (busy(self, 0)) {
        return NULL;
    }
    npy_intp count = (npy_intp)self->counts.words.count;
    PyObject *array = PyArray_SimpleNew(1, &count, NPY_INT64);
    int64_t *values = array ? PyArray_DATA((PyArrayObject *)array) : NULL;
    for (npy_intp i = 0; array && i < count; i++) {
        values[i] = documents ? self->counts.counts[i].documents : self->counts.counts[i].count;
    }
    return array;
}

static PyObject *table_counts(PyObject *self, PyObject *unused)
{
    (void)unused;
    return numbers((struct table *)self, 0);
}

static PyObject *table_documents(PyObject *self, PyObject *unused)
{
    (void)unused;
    return numbers((struct table *)self, 1);
}

static PyObject *table_words(PyObject *object, PyObject *args)
{
    struct table *self = (struct table *)object;
    PyArrayObject *order = NULL;
    if (!PyArg_ParseTuple(args, "|O!:words", &PyArray_Type, &order) || busy(self, 0)) {
        return NULL;
    }
    int64_t count = self->counts.words.count;
    if (!order) {
        return decode_words(&self->counts.words, NULL, count);
    }
    if (PyArray_TYPE(order) != NPY_INT32 || PyArray_NDIM(order) != 1 || !PyArray_ISCARRAY_RO(order)) {
        return PyErr_Format(PyExc_ValueError, "order must be a contiguous int32 array");
    }
    const int32_t *words = PyArray_DATA(order);
    for (npy_intp i = 0; i < PyArray_DIM(order, 0); i++) {
        if (words[i] < 0 || words[i] >= count) {
            return PyErr_Format(PyExc_IndexError, "order[%zd] = %d is outside [0, %lld)", (Py_ssize_t)i, (int)words[i],
                                (long long)count);
        }
    }
    return decode_words(&self->counts.words, words, PyArray_DIM(order, 0));
}

static PyObject *table_order(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct table *self = (struct table *)object;
    if (busy(self, 0)) {
        return NULL;
    }
    npy_intp count = (npy_intp)self->counts.words.count;
    PyObject *order = PyArray_SimpleNew(1, &count, NPY_INT32);
    uint64_t *keys = order ? ec_alloc_array(count, sizeof *keys) : NULL;
    ec_status status = keys ? EC_OK : EC_NO_MEMORY;
    if (keys) {
        for (npy_intp i = 0; i < count; i++) {
            /* the most frequent first; a count may be any number that was read from a file */
            keys[i] = (uint64_t)INT64_MAX - (uint64_t)self->counts.counts[i].count;
        }
        status = ec_stable_order(keys, count, PyArray_DATA((PyArrayObject *)order));
    }
    ec_free(keys);
    if (status) {
        Py_CLEAR(order);
        return PyErr_Occurred() ? NULL : ec_python_raise(status, "ranking words");
    }
    return order;
}

static PyMethodDef table_methods[] = {
    {"count", table_count, METH_VARARGS,
     "count($self, texts, rules, first=0, /)\n--\n\nAdds the words of a list of texts. False, and nothing done, where "
     "a list of tokens holds something else than str."},
    {"encode", table_encode, METH_VARARGS,
     "encode($self, texts, rules, ids, unknown, first=0, /)\n--\n\n(ids, offsets) of the texts: ids[word] for every "
     "token, `unknown` for words that are not in the table; -2**31 leaves a token out. None as count's False."},
    {"counts", table_counts, METH_NOARGS, "counts($self)\n--\n\nOccurrences of every word, int64."},
    {"documents", table_documents, METH_NOARGS, "documents($self)\n--\n\nTexts that hold the word, int64."},
    {"words", table_words, METH_VARARGS, "words([order]): the words as str, or those numbered in `order`."},
    {"order", table_order, METH_NOARGS,
     "order($self)\n--\n\nWord numbers, most frequent first, ties by number; int32."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods table_sequence = {.sq_length = table_length};

static PyTypeObject table_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.WordTable",
    .tp_basicsize = sizeof(struct table),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "WordTable(words=(), counts=None, documents=None)\n--\n\nWords in a fixed order, with counts.",
    .tp_new = table_new,
    .tp_dealloc = table_dealloc,
    .tp_methods = table_methods,
    .tp_as_sequence = &table_sequence,
};

int ec_python_add_text(PyObject *module)
{
    if (ec_python_add_rules(module) < 0 || PyModule_AddType(module, &table_type) < 0) {
        return -1;
    }
    if (ec_python_add_sequence(module) < 0 || ec_python_add_ngram(module) < 0) {
        return -1;
    }
    return ec_python_add_records(module) < 0 ? -1 : ec_python_add_phrases(module);
}
