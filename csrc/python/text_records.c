/* record_texts: a block of whole lines → the text of each, of lines as they are or of JSON. Lines are read without the
 * lock (GIL), then the texts become str. */
#include "python/text.h"

#include "base/memory.h"
#include "text/json_lines.h"

/* What was found in a line; no bytes: Python has to look at it. */
struct record {
    struct ec_json_text text;
    int ascii;
};

/* Bytes of a line from `at`, its end included. */
static int64_t line_length(const uint8_t *at, int64_t room)
{
    const uint8_t *end = memchr(at, '\n', (size_t)room);
    return end ? end - at + 1 : room;
}

static int64_t count_lines(const uint8_t *block, int64_t length)
{
    int64_t count = 0;
    for (int64_t at = 0; at < length; count++) {
        at += line_length(block + at, length - at);
    }
    return count;
}

/* Finds the texts of all lines; names NULL: the lines themselves. ends[i]: behind line i and its line end. */
static void read_lines(struct record *records, npy_int64 *ends, const struct ec_json_bytes *block,
                       const struct ec_json_names *names)
{
    for (int64_t at = 0, i = 0; at < block->length; i++) {
        const uint8_t *line = block->bytes + at;
        int64_t length = line_length(line, block->length - at);
        at += length;
        ends[i] = at;
        length -= length && line[length - 1] == '\n';
        length -= length && line[length - 1] == '\r';
        struct record record = {.text = {.raw = {line, length}}};
        int good = ec_json_is_utf8(line, length, &record.ascii);
        good = good && (!names || ec_json_find(&record.text, line, length, names));
        records[i] = good ? record : (struct record){0};
    }
}

/* A str; `spare` has room for the record's bytes. */
static PyObject *as_str(const struct record *record, uint8_t *spare)
{
    struct ec_json_bytes bytes = record->text.raw;
    if (record->text.escapes) {
        bytes.length = ec_json_unescape(spare, &record->text.raw);
        bytes.bytes = spare;
    } else if (record->ascii) {
        PyObject *text = PyUnicode_New(bytes.length, 127);
        if (text) {
            ec_copy(PyUnicode_DATA(text), bytes.bytes, (size_t)bytes.length);
        }
        return text;
    }
    return PyUnicode_DecodeUTF8((const char *)bytes.bytes, bytes.length, "surrogatepass");
}

static PyObject *as_list(const struct record *records, int64_t count)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < count; i++) {
        longest =
            records[i].text.escapes && records[i].text.raw.length > longest ? records[i].text.raw.length : longest;
    }
    uint8_t *spare = ec_alloc_array(longest, 1);
    PyObject *list = spare ? PyList_New((Py_ssize_t)count) : PyErr_NoMemory();
    for (int64_t i = 0; list && i < count; i++) {
        PyObject *text = records[i].text.raw.bytes ? as_str(&records[i], spare) : Py_NewRef(Py_None);
        if (text) {
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
        } else {
            Py_CLEAR(list);
        }
    }
    ec_free(spare);
    return list;
}

/* Keys from a tuple of bytes, whose bytes it keeps; -1 with an exception. */
static int parse_names(struct ec_json_names *names, PyObject *given)
{
    Py_ssize_t count = PyTuple_Check(given) ? PyTuple_GET_SIZE(given) : 0;
    if (count < 1 || count > EC_JSON_NAMES) {
        PyErr_Format(PyExc_ValueError, "names must be None or a tuple of 1 to %d bytes", EC_JSON_NAMES);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(given, i);
        if (!PyBytes_Check(name)) {
            PyErr_Format(PyExc_TypeError, "names[%zd] must be bytes. Received: %.100s", i, Py_TYPE(name)->tp_name);
            return -1;
        }
        names->names[i] =
            (struct ec_json_bytes){(const uint8_t *)PyBytes_AS_STRING(name), (int64_t)PyBytes_GET_SIZE(name)};
    }
    names->count = (int)count;
    return 0;
}

static PyObject *record_texts(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *block, *given;
    struct ec_json_names names;
    if (!PyArg_ParseTuple(args, "SO:record_texts", &block, &given) ||
        (given != Py_None && parse_names(&names, given) < 0)) {
        return NULL;
    }
    struct ec_json_bytes bytes = {(const uint8_t *)PyBytes_AS_STRING(block), (int64_t)PyBytes_GET_SIZE(block)};
    npy_intp count = (npy_intp)count_lines(bytes.bytes, bytes.length);
    struct record *records = ec_alloc_array(count, sizeof *records);
    PyObject *ends = records ? PyArray_SimpleNew(1, &count, NPY_INT64) : PyErr_NoMemory();
    PyObject *texts = NULL;
    if (ends) {
        npy_int64 *found = PyArray_DATA((PyArrayObject *)ends);
        Py_BEGIN_ALLOW_THREADS read_lines(records, found, &bytes, given == Py_None ? NULL : &names);
        Py_END_ALLOW_THREADS texts = as_list(records, (int64_t)count);
    }
    ec_free(records);
    if (!texts) {
        Py_XDECREF(ends);
        return NULL;
    }
    return Py_BuildValue("NN", texts, ends);
}

static PyMethodDef methods[] = {
    {"record_texts", record_texts, METH_VARARGS,
     "record_texts($module, block, names, /)\n--\n\n(texts, ends) of the lines of a block of bytes: a str each, or "
     "None "
     "where json.loads or the decoder has to say what is wrong; and where each line ends, int64, its LF included. "
     "`names`: keys of JSON lines under which the text may stand, the first that is there; None: lines of text."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_records(PyObject *module) { return PyModule_AddFunctions(module, methods); }
