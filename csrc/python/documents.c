/* Python texts as documents of the core; see the header. ASCII strings are read in place; others are encoded as UTF-8
 * once ("surrogatepass": any str has an encoding, and gets itself back when decoded). */
#include "python/documents.h"

#include "base/memory.h"

#include <string.h>

#define FINAL_SIGMA 0x3a3
#define DOTTED_I 0x130

const uint32_t *ec_python_lower_table(int64_t *count)
{
    static uint32_t *table; /* of the process: Python's character data do not change */
    static int64_t table_count;
    if (!table) {
        int64_t end = 0;
        for (Py_UCS4 point = 0x80; point < 0x110000; point++) {
            if (Py_UNICODE_TOLOWER(point) != point) {
                end = (int64_t)point + 1;
            }
        }
        uint32_t *made = ec_alloc_array(end, sizeof *made);
        if (!made) {
            PyErr_NoMemory();
            return NULL;
        }
        for (int64_t point = 0; point < end; point++) {
            made[point] = (uint32_t)Py_UNICODE_TOLOWER((Py_UCS4)point);
        }
        table = made;
        table_count = end;
    }
    *count = table_count;
    return table;
}

/* Whether lower-casing `text` code point by code point would not be str.lower(). */
static int needs_python_lower(PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    return PyUnicode_FindChar(text, FINAL_SIGMA, 0, length, 1) >= 0 ||
           PyUnicode_FindChar(text, DOTTED_I, 0, length, 1) >= 0;
}

/* The UTF-8 of `text` and what keeps it alive (a new reference), or NULL with an exception set. */
static PyObject *encode(PyObject *text, enum ec_python_lower lower, const uint8_t **bytes, int64_t *length)
{
    PyObject *owner;
    if (PyUnicode_IS_ASCII(text)) {
        *bytes = PyUnicode_1BYTE_DATA(text);
        *length = PyUnicode_GET_LENGTH(text);
        Py_INCREF(text);
        owner = text;
    } else if (lower == EC_LOWER_UNICODE && needs_python_lower(text)) {
        PyObject *lowered = PyObject_CallMethod(text, "lower", NULL);
        if (lowered && !PyUnicode_Check(lowered)) {
            PyErr_Format(PyExc_TypeError, "lower() returned %.100s, not str", Py_TYPE(lowered)->tp_name);
            Py_CLEAR(lowered);
        }
        owner = lowered ? PyUnicode_AsEncodedString(lowered, "utf-8", "surrogatepass") : NULL;
        Py_XDECREF(lowered);
    } else {
        owner = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    }
    if (owner && PyBytes_Check(owner)) {
        *bytes = (const uint8_t *)PyBytes_AS_STRING(owner);
        *length = PyBytes_GET_SIZE(owner);
    }
    if (owner && *length >= INT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a text of %lld bytes is longer than 2147483646", (long long)*length);
        Py_CLEAR(owner);
    }
    return owner;
}

/* Joins the str of a list into one block; as ec_python_documents_collect. */
static int join_list(struct ec_document *document, PyObject *list, enum ec_python_lower lower)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    int64_t capacity = 8 * (int64_t)count + 64;
    int64_t used = 0;
    int64_t *ends = ec_alloc_array(count ? count : 1, sizeof *ends);
    uint8_t *block = ec_alloc_array(capacity, 1);
    int result = ends && block ? 1 : -1;
    if (result < 0) {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; result == 1 && i < count; i++) {
        const uint8_t *bytes = NULL;
        int64_t length = 0;
        PyObject *token = i < PyList_GET_SIZE(list) ? PyList_GET_ITEM(list, i) : NULL;
        if (!token || !PyUnicode_Check(token)) {
            result = 0;
            break;
        }
        PyObject *owner = encode(token, lower, &bytes, &length);
        if (owner && used + length > capacity) {
            uint8_t *grown = ec_grow_array(block, used, 2 * (used + length), 1);
            if (grown) {
                block = grown;
                capacity = 2 * (used + length);
            } else {
                PyErr_NoMemory();
                Py_CLEAR(owner);
            }
        }
        if (!owner) {
            result = -1;
            break;
        }
        memcpy(block + used, bytes, (size_t)length);
        used += length;
        ends[i] = used;
        Py_DECREF(owner);
    }
    if (result == 1 && used >= INT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "a list of tokens with %lld bytes is longer than 2147483646",
                     (long long)used);
        result = -1;
    }
    if (result != 1) {
        ec_free(ends);
        ec_free(block);
        return result;
    }
    *document = (struct ec_document){.bytes = block, .length = used, .ends = ends, .tokens = count};
    return 1;
}

static int collect_item(struct ec_python_documents *out, PyObject *item, int64_t first, enum ec_python_lower lower)
{
    int64_t index = out->count;
    struct ec_document *document = &out->documents[index];
    memset(document, 0, sizeof *document);
    out->owners[index] = NULL;
    if (PyUnicode_Check(item)) {
        out->owners[index] = encode(item, lower, &document->bytes, &document->length);
        if (!out->owners[index]) {
            return -1;
        }
    } else if (PyList_Check(item)) {
        int result = join_list(document, item, lower);
        if (result != 1) {
            return result;
        }
    } else {
        PyErr_Format(PyExc_TypeError, "texts[%lld] is a %.100s; expected a str or a list of str",
                     (long long)(first + index), Py_TYPE(item)->tp_name);
        return -1;
    }
    out->count++;
    return 1;
}

int ec_python_documents_collect(struct ec_python_documents *out, PyObject *texts, int64_t first,
                                enum ec_python_lower lower)
{
    memset(out, 0, sizeof *out);
    /* A tuple of its own: lower() of a str subclass may run code that changes the caller's list. */
    PyObject *items = PySequence_Tuple(texts);
    if (!items) {
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(items);
    int result = 1;
    out->documents = ec_alloc_array(count, sizeof *out->documents);
    out->owners = ec_alloc_array(count, sizeof(PyObject *));
    if (!out->documents || !out->owners) {
        PyErr_NoMemory();
        result = -1;
    }
    for (Py_ssize_t i = 0; result == 1 && i < count; i++) {
        result = collect_item(out, PyTuple_GET_ITEM(items, i), first, lower);
    }
    Py_DECREF(items);
    if (result != 1) {
        ec_python_documents_release(out);
    }
    return result;
}

void ec_python_documents_release(struct ec_python_documents *documents)
{
    for (int64_t i = 0; i < documents->count; i++) {
        if (documents->owners[i]) {
            Py_DECREF(documents->owners[i]);
        } else {
            ec_free((void *)documents->documents[i].bytes);
            ec_free((void *)documents->documents[i].ends);
        }
    }
    ec_free(documents->documents);
    ec_free(documents->owners);
    memset(documents, 0, sizeof *documents);
}
