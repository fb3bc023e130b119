/* The type TextRules: how text is cut into tokens, checked and compiled once. */
#include "python/text.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int ascending(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Marks the code points of `characters` with `mark`; those beyond ASCII go to `stops`. */
static int mark(struct ec_python_rules *self, PyObject *characters, uint16_t mark)
{
    Py_ssize_t count = PyUnicode_GET_LENGTH(characters);
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_UCS4 point = PyUnicode_READ_CHAR(characters, i);
        if (point < 0x80) {
            self->rules.bytes[point] = (uint16_t)((self->rules.bytes[point] & 0xffu) | mark);
        } else if (mark == EC_BYTE_STOP) {
            self->stops[self->rules.stop_count++] = point;
        } else {
            PyErr_Format(PyExc_ValueError, "drops must hold ASCII characters only. Received: %R", characters);
            return -1;
        }
    }
    return 0;
}

/* Ranges of code points from a str of their first and last ones, ascending; NULL with an exception. */
static struct ec_point_range *parse_ranges(PyObject *pairs, const char *name, int64_t *count)
{
    *count = PyUnicode_GET_LENGTH(pairs) / 2;
    struct ec_point_range *ranges = ec_alloc_array(*count, sizeof *ranges);
    if (!ranges) {
        PyErr_NoMemory();
        return NULL;
    }
    int64_t before = -1;
    int sorted = PyUnicode_GET_LENGTH(pairs) % 2 == 0;
    for (int64_t i = 0; i < *count; i++) {
        ranges[i].first = PyUnicode_READ_CHAR(pairs, 2 * i);
        ranges[i].last = PyUnicode_READ_CHAR(pairs, 2 * i + 1);
        sorted &= ranges[i].first > before && ranges[i].last >= ranges[i].first;
        before = ranges[i].last;
    }
    if (!sorted) {
        PyErr_Format(PyExc_ValueError, "%s = %R: not pairs of first and last characters, ascending", name, pairs);
        ec_free(ranges);
        return NULL;
    }
    return ranges;
}

/* The characters that are tokens by themselves, and those that stay with them. */
static int fill_ranges(struct ec_python_rules *self, PyObject *alone, PyObject *extend)
{
    struct ec_text_rules *rules = &self->rules;
    if (!(self->alone = parse_ranges(alone, "alone", &rules->alone_count)) ||
        !(self->extend = parse_ranges(extend, "extend", &rules->extend_count))) {
        return -1;
    }
    rules->alone = self->alone;
    rules->extend = self->extend;
    for (int64_t i = 0; i < rules->alone_count; i++) {
        for (uint32_t point = rules->alone[i].first; point <= rules->alone[i].last && point < 0x80; point++) {
            rules->bytes[point] = (uint16_t)((rules->bytes[point] & 0xffu) | EC_BYTE_WIDE);
        }
    }
    for (int byte = 0x80; rules->alone_count && byte < 256; byte++) {
        rules->bytes[byte] = (uint16_t)(byte | EC_BYTE_WIDE);
    }
    return 0;
}

static int fill(struct ec_python_rules *self, PyObject *stops, PyObject *drops)
{
    self->rules.lower_ascii = self->lower != EC_LOWER_NONE;
    for (int byte = 0; byte < 256; byte++) {
        int upper = self->lower != EC_LOWER_NONE && byte >= 'A' && byte <= 'Z';
        self->rules.bytes[byte] = (uint16_t)(upper ? byte + 'a' - 'A' : byte);
    }
    self->stops = ec_alloc_array(PyUnicode_GET_LENGTH(stops), sizeof *self->stops);
    if (!self->stops) {
        PyErr_NoMemory();
        return -1;
    }
    if (mark(self, stops, EC_BYTE_STOP) < 0 || mark(self, drops, EC_BYTE_DROP) < 0) {
        return -1;
    }
    /* What a filter says holds for the lower case: a capital letter has the fate of its small one. */
    for (int byte = 'A'; self->lower != EC_LOWER_NONE && byte <= 'Z'; byte++) {
        self->rules.bytes[byte] = self->rules.bytes[byte + 'a' - 'A'];
    }
    qsort(self->stops, (size_t)self->rules.stop_count, sizeof *self->stops, ascending);
    self->rules.stops = self->stops;
    if (self->lower == EC_LOWER_UNICODE) {
        self->rules.lower = ec_python_lower_table(&self->rules.lower_count);
        if (!self->rules.lower) {
            return -1;
        }
    }
    int wide = self->rules.lower || self->rules.stop_count;
    for (int byte = 0x80; wide && byte < 256; byte++) {
        self->rules.bytes[byte] = (uint16_t)(byte | EC_BYTE_WIDE);
    }
    return 0;
}

static int parse_split(const char *split, enum ec_text_split *out)
{
    static const char *const names[] = {"words", "characters", "none"};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(split, names[i])) {
            *out = (enum ec_text_split)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "split = '%s' is none of 'words', 'characters', 'none'", split);
    return -1;
}

static int parse_lower(const char *lower, enum ec_python_lower *out)
{
    static const char *const names[] = {"none", "ascii", "unicode"};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(lower, names[i])) {
            *out = (enum ec_python_lower)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "lower = '%s' is none of 'none', 'ascii', 'unicode'", lower);
    return -1;
}

static PyObject *rules_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"split", "lower", "stops", "drops", "alone", "extend", NULL};
    const char *split;
    const char *lower;
    PyObject *stops;
    PyObject *drops, *alone = NULL, *extend = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "ssUU|UU:TextRules", names, &split, &lower, &stops, &drops, &alone,
                                     &extend)) {
        return NULL;
    }
    PyObject *none = PyUnicode_FromString("");
    struct ec_python_rules *self = none ? (struct ec_python_rules *)type->tp_alloc(type, 0) : NULL;
    if (self && (parse_split(split, &self->rules.split) < 0 || parse_lower(lower, &self->lower) < 0 ||
                 fill(self, stops, drops) < 0 || fill_ranges(self, alone ? alone : none, extend ? extend : none) < 0)) {
        Py_CLEAR(self);
    }
    Py_XDECREF(none);
    return (PyObject *)self;
}

static void rules_dealloc(PyObject *object)
{
    struct ec_python_rules *self = (struct ec_python_rules *)object;
    ec_free(self->stops);
    ec_free(self->alone);
    ec_free(self->extend);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *take_tokens(struct ec_token_cursor *cursor)
{
    PyObject *tokens = PyList_New(0);
    while (tokens && ec_token_next(cursor)) {
        PyObject *token = PyUnicode_DecodeUTF8((const char *)cursor->token, cursor->length, "surrogatepass");
        if (!token || PyList_Append(tokens, token) < 0) {
            Py_CLEAR(tokens);
        }
        Py_XDECREF(token);
    }
    return tokens;
}

static PyObject *rules_tokens(PyObject *object, PyObject *args)
{
    const struct ec_python_rules *self = (const struct ec_python_rules *)object;
    PyObject *texts;
    long long first = 0;
    struct ec_python_documents documents;
    if (!PyArg_ParseTuple(args, "O|L:tokens", &texts, &first)) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, self->lower);
    if (collected < 0) {
        return NULL;
    }
    if (!collected) {
        PyErr_SetString(PyExc_TypeError, "texts holds a list with something else than str");
        return NULL;
    }
    PyObject *result = PyList_New(documents.count);
    for (int64_t i = 0; result && i < documents.count; i++) {
        const struct ec_document *document = &documents.documents[i];
        uint8_t *token = ec_alloc_array(ec_token_room(document->length), 1);
        struct ec_token_cursor cursor;
        PyObject *tokens = NULL;
        if (token) {
            ec_token_start(&cursor, &self->rules, document, token);
            tokens = take_tokens(&cursor);
        } else {
            PyErr_NoMemory();
        }
        ec_free(token);
        if (tokens) {
            PyList_SET_ITEM(result, i, tokens);
        } else {
            Py_CLEAR(result);
        }
    }
    ec_python_documents_release(&documents);
    return result;
}

static PyMethodDef rules_methods[] = {
    {"tokens", rules_tokens, METH_VARARGS,
     "tokens($self, texts, first=0, /)\n--\n\nThe tokens of every text, as lists of str."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ec_python_rules_type = {
    PyVarObject_HEAD_INIT(NULL, 0) /* */
        .tp_name = "embedcnn._core.TextRules",
    .tp_basicsize = sizeof(struct ec_python_rules),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "TextRules(split, lower, stops, drops, alone='', extend='')\n--\n\nHow text is cut into tokens; "
              "immutable. `alone` (characters that are tokens by themselves) and `extend` (those that stay with one "
              "before them) are pairs of first and last characters.",
    .tp_new = rules_new,
    .tp_dealloc = rules_dealloc,
    .tp_methods = rules_methods,
};

int ec_python_add_rules(PyObject *module) { return PyModule_AddType(module, &ec_python_rules_type); }
