/* Hashed n-grams for Python: of one word's characters, of the words of many texts. */
#include "python/text.h"

#include "text/ngram.h"

#include <string.h>

static int check_buckets(long long buckets)
{
    if (buckets < 1 || buckets > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "bucket = %lld is outside [1, %d]", buckets, INT32_MAX);
        return -1;
    }
    return 0;
}

static PyObject *subwords(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *word;
    long long shortest;
    long long longest;
    long long buckets;
    if (!PyArg_ParseTuple(args, "ULLL:subwords", &word, &shortest, &longest, &buckets) || check_buckets(buckets) < 0) {
        return NULL;
    }
    if (shortest < 1 || longest < shortest) {
        return PyErr_Format(PyExc_ValueError, "minn = %lld, maxn = %lld; expected 1 <= minn <= maxn", shortest,
                            longest);
    }
    PyObject *framed = PyUnicode_FromFormat("<%U>", word);
    PyObject *bytes = framed ? PyUnicode_AsEncodedString(framed, "utf-8", "surrogatepass") : NULL;
    PyObject *ids = NULL;
    if (bytes) {
        const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(bytes);
        int64_t length = PyBytes_GET_SIZE(bytes);
        npy_intp count = (npy_intp)ec_ngram_subwords(text, length, shortest, longest, (uint32_t)buckets, NULL);
        ids = PyArray_SimpleNew(1, &count, NPY_INT32);
        if (ids) {
            ec_ngram_subwords(text, length, shortest, longest, (uint32_t)buckets, PyArray_DATA((PyArrayObject *)ids));
        }
    }
    Py_XDECREF(framed);
    Py_XDECREF(bytes);
    return ids;
}

static PyObject *word_hash(PyObject *module, PyObject *word)
{
    (void)module;
    if (!PyUnicode_Check(word)) {
        return PyErr_Format(PyExc_TypeError, "word is a %.100s; expected str", Py_TYPE(word)->tp_name);
    }
    PyObject *bytes = PyUnicode_AsEncodedString(word, "utf-8", "surrogatepass");
    if (!bytes) {
        return NULL;
    }
    uint32_t hash = ec_ngram_hash((const uint8_t *)PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return PyLong_FromUnsignedLong(hash);
}

static PyObject *ngrams(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *texts;
    struct ec_python_rules *rules;
    long long longest;
    long long buckets;
    long long first = 0;
    struct ec_python_documents documents;
    if (!PyArg_ParseTuple(args, "OO!LL|L:ngrams", &texts, &ec_python_rules_type, &rules, &longest, &buckets, &first) ||
        check_buckets(buckets) < 0) {
        return NULL;
    }
    int collected = ec_python_documents_collect(&documents, texts, first, rules->lower);
    if (collected <= 0) {
        return collected < 0 ? NULL : Py_NewRef(Py_None);
    }
    struct ec_ngrams out;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS status =
        ec_ngrams_of_texts(&out, &rules->rules, documents.documents, documents.count, longest, (uint32_t)buckets);
    Py_END_ALLOW_THREADS npy_intp ends = (npy_intp)documents.count + 1;
    ec_python_documents_release(&documents);
    PyObject *ids = NULL;
    PyObject *offsets = NULL;
    if (!status) {
        npy_intp count = (npy_intp)out.offsets[ends - 1];
        ids = PyArray_SimpleNew(1, &count, NPY_INT32);
        offsets = PyArray_SimpleNew(1, &ends, NPY_INT64);
        if (ids && offsets) {
            memcpy(PyArray_DATA((PyArrayObject *)ids), out.ids, (size_t)count * sizeof *out.ids);
            memcpy(PyArray_DATA((PyArrayObject *)offsets), out.offsets, (size_t)ends * sizeof *out.offsets);
        }
    }
    ec_ngrams_clear(&out);
    if (!ids || !offsets) {
        Py_XDECREF(ids);
        Py_XDECREF(offsets);
        return status ? ec_python_raise(status, "hashing n-grams") : NULL;
    }
    return Py_BuildValue("NN", ids, offsets);
}

static PyMethodDef methods[] = {
    {"subwords", subwords, METH_VARARGS,
     "subwords(word, minn, maxn, bucket, /)\n--\n\nBuckets of the character n-grams of <word>, int32."},
    {"word_hash", word_hash, METH_O, "word_hash(word, /)\n--\n\nfastText's 32-bit hash of a word."},
    {"ngrams", ngrams, METH_VARARGS,
     "ngrams(texts, rules, n, bucket, first=0, /)\n--\n\n(ids, offsets): buckets of the n-grams of 2 to n words. None "
     "where a list holds something else than str."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_ngram(PyObject *module) { return PyModule_AddFunctions(module, methods); }
