/* The type Phrases: words and pairs of a text counted, and joined where they score enough. All keep the lock (GIL), as
 * they are handed some thousand words at a time, and a score may be a function in Python. */
#include "python/text.h"

#include "base/memory.h"
#include "text/phrases.h"

#include <math.h>

struct ec_python_phrases {
    PyObject_HEAD struct ec_phrases phrases;
    struct ec_words connectors;
    PyObject *delimiter; /* bytes */
    long long most_words;
    int busy; /* a function of Python's is scoring */
};

/* What a function in Python says of a pair. */
struct given {
    PyObject *callable;
    double least_count;
    int failed;
};

static double ask(void *argument, int64_t of_first, int64_t of_last, int64_t of_both, int64_t words, int64_t tokens)
{
    struct given *given = argument;
    if (given->failed) {
        return NAN;
    }
    PyObject *score =
        PyObject_CallFunction(given->callable, "LLLLdL", (long long)of_first, (long long)of_last, (long long)of_both,
                              (long long)words, given->least_count, (long long)tokens);
    double value = score ? PyFloat_AsDouble(score) : NAN;
    Py_XDECREF(score);
    given->failed = PyErr_Occurred() != NULL;
    return given->failed ? NAN : value;
}

/* Adds each word of `text`, a newline behind each, to `connectors`, or to `phrases` with its count or score. */
static ec_status add_words(struct ec_words *connectors, struct ec_phrases *phrases, const Py_buffer *text,
                           const void *values)
{
    uint8_t *bytes = ec_alloc_zeros((int64_t)text->len + EC_WORD_SLACK, 1); /* which a word may read behind its end */
    ec_status status = bytes ? EC_OK : EC_NO_MEMORY;
    int64_t number = 0;
    if (bytes) {
        ec_copy(bytes, text->buf, (size_t)text->len);
    }
    for (int64_t at = 0, end; !status && at < text->len; at = end + 1, number++) {
        const uint8_t *newline = memchr(bytes + at, '\n', (size_t)(text->len - at));
        end = newline ? newline - bytes : text->len;
        if (phrases) {
            double score = phrases->scores ? ((const double *)values)[number] : 0;
            int64_t count = phrases->scores ? 0 : ((const int64_t *)values)[number];
            status = ec_phrases_add(phrases, bytes + at, end - at, count, score);
        } else {
            int32_t found;
            struct ec_word_key key = ec_word_key(bytes + at, end - at);
            status = ec_words_add(connectors, bytes + at, end - at, &key, &found);
        }
    }
    ec_free(bytes);
    return status;
}

static PyObject *phrases_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"delimiter", "connectors", "most_words", "scored", NULL};
    PyObject *delimiter;
    Py_buffer connectors;
    long long most_words;
    int scored;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Sy*Lp:Phrases", keywords, &delimiter, &connectors, &most_words,
                                     &scored)) {
        return NULL;
    }
    struct ec_python_phrases *self = (struct ec_python_phrases *)type->tp_alloc(type, 0);
    if (self && !PyBytes_GET_SIZE(delimiter)) {
        PyErr_SetString(PyExc_ValueError, "delimiter must not be empty");
        Py_CLEAR(self);
    }
    if (self) {
        ec_phrases_init(&self->phrases, scored);
        ec_words_init(&self->connectors);
        self->delimiter = Py_NewRef(delimiter);
        self->most_words = most_words;
        ec_status status = scored && !self->phrases.scores ? EC_NO_MEMORY : EC_OK;
        status = status ? status : add_words(&self->connectors, NULL, &connectors, NULL);
        if (status) {
            ec_python_raise(status, "phrases");
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&connectors);
    return (PyObject *)self;
}

static void phrases_dealloc(PyObject *object)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    ec_phrases_clear(&self->phrases);
    ec_words_clear(&self->connectors);
    Py_XDECREF(self->delimiter);
    Py_TYPE(object)->tp_free(object);
}

static struct ec_phrase_rules rules_of(const struct ec_python_phrases *self)
{
    return (struct ec_phrase_rules){.delimiter = (const uint8_t *)PyBytes_AS_STRING(self->delimiter),
                                    .delimiter_length = PyBytes_GET_SIZE(self->delimiter),
                                    .connectors = &self->connectors,
                                    .most_words = self->most_words};
}

/* 0, or -1 with an exception where the table may not change, or holds something else. */
static int check_counted(const struct ec_python_phrases *self)
{
    if (self->busy || self->phrases.scores) {
        PyErr_SetString(PyExc_RuntimeError, self->busy ? "phrases cannot be counted while a function scores them"
                                                       : "phrases that are scored are no longer counted");
        return -1;
    }
    return 0;
}

static PyObject *phrases_count(PyObject *object, PyObject *text)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    Py_buffer bytes;
    if (check_counted(self) < 0 || PyObject_GetBuffer(text, &bytes, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    struct ec_phrase_rules rules = rules_of(self);
    int64_t sentences;
    ec_status status = ec_phrases_count(&self->phrases, &rules, bytes.buf, bytes.len, &sentences);
    PyBuffer_Release(&bytes);
    return status ? ec_python_raise(status, "counting phrases") : PyLong_FromLongLong(sentences);
}

static PyTypeObject phrases_type;

static PyObject *phrases_merge(PyObject *object, PyObject *other)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    struct ec_python_phrases *from = (struct ec_python_phrases *)other;
    if (!PyObject_TypeCheck(other, &phrases_type) || other == object) {
        PyErr_SetString(PyExc_TypeError, "other must be Phrases, and not the same");
        return NULL;
    }
    if (check_counted(self) < 0 || check_counted(from) < 0) {
        return NULL;
    }
    struct ec_phrase_rules rules = rules_of(self);
    ec_status status = ec_phrases_merge(&self->phrases, &rules, &from->phrases);
    return status ? ec_python_raise(status, "merging phrases") : Py_NewRef(Py_None);
}

static PyObject *phrases_restore(PyObject *object, PyObject *args)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    Py_buffer text;
    PyArrayObject *values;
    long long tokens, prunes;
    if (!PyArg_ParseTuple(args, "y*O!LL:restore", &text, &PyArray_Type, &values, &tokens, &prunes)) {
        return NULL;
    }
    int64_t words = 0;
    int wrong = self->busy || tokens < 0 || tokens > EC_PHRASES_MOST - self->phrases.tokens || prunes < 1 ||
                prunes > EC_PHRASES_MOST;
    for (int64_t i = 0; i < text.len; i++) {
        int ends = ((const char *)text.buf)[i] == '\n';
        words += ends;
        wrong |= ends && (i == 0 || ((const char *)text.buf)[i - 1] == '\n'); /* an empty word */
    }
    wrong |= text.len && ((const char *)text.buf)[text.len - 1] != '\n';
    wrong |= PyArray_NDIM(values) != 1 || PyArray_SIZE(values) != words || !PyArray_ISCARRAY_RO(values) ||
             PyArray_TYPE(values) != (self->phrases.scores ? NPY_FLOAT64 : NPY_INT64);
    for (int64_t i = 0; !wrong && !self->phrases.scores && i < words; i++) {
        wrong = ((const int64_t *)PyArray_DATA(values))[i] < 0;
    }
    ec_status status = wrong ? EC_OK : add_words(NULL, &self->phrases, &text, PyArray_DATA(values));
    PyBuffer_Release(&text);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "words and values of phrases do not fit together");
        return NULL;
    }
    self->phrases.tokens += tokens;
    self->phrases.prunes = prunes;
    return status ? ec_python_raise(status, "phrases") : Py_NewRef(Py_None);
}

static PyObject *phrases_entries(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_phrases *phrases = &((const struct ec_python_phrases *)object)->phrases;
    npy_intp count = (npy_intp)phrases->words.count;
    int64_t bytes = count ? phrases->words.starts[count] + count : 0;
    PyObject *text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    PyObject *values = PyArray_SimpleNew(1, &count, phrases->scores ? NPY_FLOAT64 : NPY_INT64);
    if (!text || !values) {
        Py_XDECREF(text);
        Py_XDECREF(values);
        return NULL;
    }
    char *out = PyBytes_AS_STRING(text);
    for (int64_t i = 0; i < count; i++) {
        int64_t length = phrases->words.starts[i + 1] - phrases->words.starts[i];
        memcpy(out, phrases->words.bytes + phrases->words.starts[i], (size_t)length);
        out[length] = '\n';
        out += length + 1;
    }
    ec_copy(PyArray_DATA((PyArrayObject *)values),
            phrases->scores ? (const void *)phrases->scores : (const void *)phrases->counts, (size_t)count * 8);
    return Py_BuildValue("NN", text, values);
}

/* How pairs are scored: a name's number, or a function. 0, or -1 with an exception. */
static int parse_scoring(struct ec_phrase_rules *rules, struct given *given, PyObject *scoring)
{
    rules->argument = given;
    rules->score = ask;
    given->least_count = rules->least_count;
    if (PyCallable_Check(scoring)) {
        rules->scoring = EC_PHRASE_GIVEN;
        given->callable = scoring;
        return 0;
    }
    long number = PyLong_AsLong(scoring);
    if (number != EC_PHRASE_COUNTS && number != EC_PHRASE_NPMI) {
        PyErr_SetString(PyExc_ValueError, "scoring must be 0, 1 or a function");
        return -1;
    }
    rules->scoring = (enum ec_phrase_scoring)number;
    return 0;
}

static PyObject *array_of(const void *data, int64_t count, int type)
{
    npy_intp length = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &length, type);
    if (array) {
        ec_copy(PyArray_DATA((PyArrayObject *)array), data, (size_t)count * 8);
    }
    return array;
}

static PyObject *phrases_join(PyObject *object, PyObject *args)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    struct ec_phrase_rules rules = rules_of(self);
    struct ec_phrases_joined joined = {0};
    struct given given = {0};
    Py_buffer text;
    PyObject *scoring;
    if (!PyArg_ParseTuple(args, "y*ddO:join", &text, &rules.least_count, &rules.threshold, &scoring)) {
        return NULL;
    }
    PyObject *result = NULL;
    if (parse_scoring(&rules, &given, scoring) == 0) {
        self->busy++;
        ec_status status = ec_phrases_join(&joined, &self->phrases, &rules, text.buf, text.len);
        self->busy--;
        if (status) {
            ec_python_raise(status, "joining phrases");
        } else if (!given.failed) {
            result = Py_BuildValue(
                "NNNN", PyBytes_FromStringAndSize((const char *)joined.bytes, (Py_ssize_t)joined.length),
                array_of(joined.ends, joined.sentences, NPY_INT64), array_of(joined.sources, joined.words, NPY_INT64),
                array_of(joined.scores, joined.words, NPY_FLOAT64));
        }
    }
    PyBuffer_Release(&text);
    ec_phrases_joined_clear(&joined);
    return result;
}

static PyObject *phrases_export(PyObject *object, PyObject *args)
{
    struct ec_python_phrases *self = (struct ec_python_phrases *)object;
    struct ec_python_phrases *found;
    struct ec_phrase_rules rules = rules_of(self);
    struct given given = {0};
    PyObject *scoring;
    if (!PyArg_ParseTuple(args, "O!ddO:export", &phrases_type, &found, &rules.least_count, &rules.threshold,
                          &scoring) ||
        parse_scoring(&rules, &given, scoring) < 0 || check_counted(self) < 0) {
        return NULL;
    }
    if (!found->phrases.scores || found->busy) {
        PyErr_SetString(PyExc_ValueError, "phrases are exported into Phrases of scores");
        return NULL;
    }
    self->busy++;
    found->busy++;
    ec_status status = ec_phrases_export(&found->phrases, &self->phrases, &rules);
    found->busy--;
    self->busy--;
    return status ? ec_python_raise(status, "exporting phrases") : given.failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *phrases_sizes(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_phrases *phrases = &((const struct ec_python_phrases *)object)->phrases;
    return Py_BuildValue("LLL", (long long)phrases->words.count, (long long)phrases->tokens,
                         (long long)phrases->prunes);
}

static PyMethodDef phrases_methods[] = {
    {"count", phrases_count, METH_O,
     "count($self, text, /)\n--\n\nCounts words and pairs of sentences: a newline behind each word, another behind "
     "each "
     "sentence. How many sentences there are."},
    {"merge", phrases_merge, METH_O, "merge($self, other, /)\n--\n\nAdds what another one has counted."},
    {"join", phrases_join, METH_VARARGS,
     "join($self, text, min_count, threshold, scoring, /)\n--\n\n(phrases, a newline behind each, bytes; words up to "
     "the end of each sentence, int64; the number of each word in the text, int64, -1: the next phrase; scores, NaN "
     "where they are no phrases)."},
    {"export", phrases_export, METH_VARARGS,
     "export($self, found, min_count, threshold, scoring, /)\n--\n\nAdds all phrases with their scores to `found`."},
    {"entries", phrases_entries, METH_NOARGS,
     "entries($self)\n--\n\n(words, a newline behind each, bytes; their counts, int64, or scores, float64)."},
    {"restore", phrases_restore, METH_VARARGS,
     "restore($self, words, values, tokens, prunes, /)\n--\n\nAdds what entries and sizes gave."},
    {"sizes", phrases_sizes, METH_NOARGS, "sizes($self)\n--\n\n(words and phrases, tokens of the texts, prunes)."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject phrases_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.Phrases",
    .tp_basicsize = sizeof(struct ec_python_phrases),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Phrases(delimiter, connectors, most_words, scored)\n--\n\nWords and pairs of a text, counted or scored.",
    .tp_new = phrases_new,
    .tp_dealloc = phrases_dealloc,
    .tp_methods = phrases_methods,
};

int ec_python_add_phrases(PyObject *module) { return PyModule_AddType(module, &phrases_type); }
