/* The type FastTextModel: a fastText model over the bytes of its file, or over arrays; what it says and its vectors. */
#include "python/fasttext.h"

#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/folding.h"

#include <string.h>

#define AUTOMATIC (-1) /* of `fold`: where labels are at most half as many as floats in a row */

static int borrow(struct ec_python_fasttext *self, PyObject *object)
{
    int fits = PyObject_GetBuffer(object, &self->buffers[self->buffer_count], PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
    self->buffer_count += fits;
    return fits;
}

/* A matrix from an array of float32, or from the bytes of a file's section. */
static ec_status take_matrix(struct ec_python_fasttext *self, const Py_buffer *buffer, int output,
                             struct ec_report *report)
{
    struct ec_fasttext_matrix *matrix = output ? &self->model.output : &self->model.input;
    const char *name = output ? "output" : "input";
    int64_t used;
    if (buffer->ndim == 2 && buffer->format && !strcmp(buffer->format, "f")) {
        if (buffer->shape[0] > INT32_MAX) {
            return EC_TOO_LARGE;
        }
        ec_fasttext_matrix_of(matrix, buffer->buf, buffer->shape[0], buffer->shape[1]);
        return EC_OK;
    }
    if (buffer->ndim != 1 || buffer->itemsize != 1) {
        ec_refuse(report, "%s must be a C-contiguous float32 array of two axes, or the bytes of a matrix", name);
        return EC_BAD_FORMAT;
    }
    return (output ? ec_fasttext_model_output : ec_fasttext_model_input)(&self->model, buffer->buf, buffer->len, &used,
                                                                         report);
}

static ec_status read_all(struct ec_python_fasttext *self, int fold, struct ec_report *report)
{
    struct ec_fasttext_model *model = &self->model;
    const uint8_t *data = self->buffers[0].buf;
    int64_t bytes = self->buffers[0].len, used = 0;
    ec_status status = ec_fasttext_model_head(model, data, bytes, (const uint8_t *)PyBytes_AS_STRING(self->label),
                                              PyBytes_GET_SIZE(self->label), &used, report);
    if (!status && self->buffer_count == 3) {
        status = take_matrix(self, &self->buffers[1], 0, report);
        status = status ? status : take_matrix(self, &self->buffers[2], 1, report);
    } else if (!status) {
        int64_t at = used;
        self->ends[0] = at;
        status = ec_fasttext_model_input(model, data + at, bytes - at, &used, report);
        at += status ? 0 : used;
        self->ends[1] = at;
        status = status ? status : ec_fasttext_model_output(model, data + at, bytes - at, &used, report);
        self->ends[2] = at + (status ? 0 : used);
    }
    if (!status && fold == AUTOMATIC) {
        fold = 2 * model->output.rows <= model->output.columns;
    }
    return status ? status : ec_fasttext_model_end(model, fold, ec_thread_count(), report);
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"data", "input", "output", "label", "fold", NULL};
    PyObject *parts[3] = {NULL, Py_None, Py_None}, *label = NULL;
    int fold = AUTOMATIC;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO$Si:FastTextModel", keywords, &parts[0], &parts[1], &parts[2],
                                     &label, &fold)) {
        return NULL;
    }
    if ((parts[1] == Py_None) != (parts[2] == Py_None)) {
        PyErr_SetString(PyExc_TypeError, "input and output come together, or both stand in data");
        return NULL;
    }
    struct ec_python_fasttext *self = (struct ec_python_fasttext *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->label = label ? Py_NewRef(label) : PyBytes_FromString("__label__");
    int fits = self->label != NULL;
    for (int part = 0; part < 3; part++) {
        fits = fits && (parts[part] == Py_None || borrow(self, parts[part]));
    }
    if (!fits) {
        Py_DECREF(self);
        return NULL;
    }
    struct ec_report report = {""};
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = read_all(self, fold, &report);
    Py_END_ALLOW_THREADS;
    if (status) {
        Py_DECREF(self);
        if (report.text[0]) {
            PyErr_SetString(PyExc_ValueError, report.text);
            return NULL;
        }
        return ec_python_raise(status, "reading a fastText model");
    }
    return (PyObject *)self;
}

static void model_dealloc(PyObject *object)
{
    struct ec_python_fasttext *self = (struct ec_python_fasttext *)object;
    ec_fasttext_model_clear(&self->model);
    for (int i = 0; i < self->buffer_count; i++) {
        PyBuffer_Release(&self->buffers[i]);
    }
    Py_XDECREF(self->label);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *model_settings(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_settings *s = &((struct ec_python_fasttext *)object)->model.settings;
    return Py_BuildValue("{sisisisisisisisisisisisisd}", "dim", s->dim, "ws", s->ws, "epoch", s->epoch, "minCount",
                         s->min_count, "neg", s->neg, "wordNgrams", s->word_ngrams, "loss", s->loss, "model", s->model,
                         "bucket", s->bucket, "minn", s->minn, "maxn", s->maxn, "lrUpdateRate", s->lr_update_rate, "t",
                         s->t);
}

static PyObject *model_facts(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_python_fasttext *self = (struct ec_python_fasttext *)object;
    const struct ec_fasttext_model *m = &self->model;
    return Py_BuildValue("{sisisLsLsLsLsOsOsOs(LLL)}", "words", (int)m->dictionary.word_count, "labels",
                         (int)m->dictionary.label_count, "tokens", (long long)m->dictionary.token_count, "kept",
                         (long long)m->dictionary.kept_count, "rows", (long long)m->input.rows, "outputs",
                         (long long)m->output.rows, "input_quantised", m->input_quantised ? Py_True : Py_False,
                         "output_quantised", m->output_quantised ? Py_True : Py_False, "folded",
                         m->folded ? Py_True : Py_False, "ends", (long long)self->ends[0], (long long)self->ends[1],
                         (long long)self->ends[2]);
}

static PyObject *model_entries(PyObject *object, PyObject *args)
{
    const struct ec_fasttext_dictionary *dictionary = &((struct ec_python_fasttext *)object)->model.dictionary;
    int64_t most = (int64_t)dictionary->word_count + dictionary->label_count;
    long long begin, end;
    if (!PyArg_ParseTuple(args, "LL:entries", &begin, &end)) {
        return NULL;
    }
    if (begin < 0 || end < begin || end > most) {
        return PyErr_Format(PyExc_ValueError, "entries [%lld, %lld) are outside [0, %lld)", begin, end,
                            (long long)most);
    }
    PyObject *words = PyList_New((Py_ssize_t)(end - begin));
    npy_intp count = (npy_intp)(end - begin);
    PyObject *counts = PyArray_SimpleNew(1, &count, NPY_INT64);
    for (int64_t i = 0; words && counts && i < count; i++) {
        struct ec_fasttext_entry entry = ec_fasttext_entry_at(dictionary, begin + i);
        PyObject *word = PyBytes_FromStringAndSize((const char *)entry.bytes, (Py_ssize_t)entry.length);
        if (!word) {
            Py_CLEAR(words);
            break;
        }
        PyList_SET_ITEM(words, (Py_ssize_t)i, word);
        ((int64_t *)PyArray_DATA((PyArrayObject *)counts))[i] = entry.count;
    }
    if (!words || !counts) {
        Py_XDECREF(words);
        Py_XDECREF(counts);
        return NULL;
    }
    return Py_BuildValue("NN", words, counts);
}

static PyObject *model_find(PyObject *object, PyObject *word)
{
    const struct ec_fasttext_dictionary *dictionary = &((struct ec_python_fasttext *)object)->model.dictionary;
    if (!PyBytes_Check(word)) {
        return PyErr_Format(PyExc_TypeError, "word is a %.100s; expected bytes", Py_TYPE(word)->tp_name);
    }
    const uint8_t *bytes = (const uint8_t *)PyBytes_AS_STRING(word);
    return PyLong_FromLong(ec_fasttext_find(dictionary, bytes, PyBytes_GET_SIZE(word)));
}

PyObject *ec_python_fasttext_ids(const int32_t *ids, int64_t count)
{
    npy_intp shape = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &shape, NPY_INT32);
    if (array) {
        ec_copy(PyArray_DATA((PyArrayObject *)array), ids, (size_t)count * sizeof *ids);
    }
    return array;
}

static PyObject *model_line(PyObject *object, PyObject *args)
{
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    Py_buffer text;
    int kind;
    if (!PyArg_ParseTuple(args, "y*i:line", &text, &kind)) {
        return NULL;
    }
    struct ec_fasttext_line line = {0};
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    ec_status status = reader ? EC_OK : EC_NO_MEMORY;
    if (!status) {
        status = ec_fasttext_read(reader, text.buf, text.len, kind == 1 ? EC_FASTTEXT_LINE : EC_FASTTEXT_PART, &line);
    }
    PyObject *result = status ? ec_python_raise(status, "reading a line") : NULL;
    if (!status) {
        PyObject *ids = ec_python_fasttext_ids(line.ids, line.count),
                 *labels = ec_python_fasttext_ids(line.labels, line.label_count);
        result =
            ids && labels ? Py_BuildValue("OOLL", ids, labels, (long long)line.tokens, (long long)line.used) : NULL;
        Py_XDECREF(ids);
        Py_XDECREF(labels);
    }
    ec_fasttext_reader_free(reader);
    PyBuffer_Release(&text);
    return result;
}

static PyObject *model_folded(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct ec_fasttext_model *model = &((struct ec_python_fasttext *)object)->model;
    if (!model->folded) {
        PyErr_SetString(PyExc_ValueError, "the model is not folded");
        return NULL;
    }
    npy_intp columns = (npy_intp)ec_fasttext_folded_columns(model);
    npy_intp shape[2] = {(npy_intp)model->input.rows, columns}, output_shape[2] = {(npy_intp)model->classes, columns};
    PyObject *rows = PyArray_SimpleNew(2, shape, NPY_FLOAT32),
             *output = PyArray_SimpleNew(2, output_shape, NPY_FLOAT32);
    if (!rows || !output) {
        Py_XDECREF(rows);
        Py_XDECREF(output);
        return NULL;
    }
    ec_copy(PyArray_DATA((PyArrayObject *)rows), model->folded,
            (size_t)(model->input.rows * columns) * sizeof *model->folded);
    ec_fasttext_unfolding(PyArray_DATA((PyArrayObject *)output), model);
    return Py_BuildValue("NN", rows, output);
}

static PyMethodDef methods[] = {
    {"settings", model_settings, METH_NOARGS,
     "settings($self, /)\n--\n\nThe settings of the file, by fastText's names."},
    {"facts", model_facts, METH_NOARGS,
     "facts($self, /)\n--\n\nSizes, whether it is quantised and folded, where head, input and output end in the file."},
    {"folded", model_folded, METH_NOARGS,
     "folded($self, /)\n--\n\n(input, output), float32, of a model of shorter rows that predicts the same: the table "
     "of a folded one."},
    {"entries", model_entries, METH_VARARGS,
     "entries($self, begin, end, /)\n--\n\n([bytes], int64 counts) of entries of the dictionary: words, then labels."},
    {"find", model_find, METH_O, "find($self, word, /)\n--\n\nNumber of the entry, or -1."},
    {"line", model_line, METH_VARARGS,
     "line($self, text, kind, /)\n--\n\n(int32 rows, int32 labels, tokens, bytes used) of the first line of UTF-8; "
     "kind 1: it is one line, 0: a newline ends it."},
    {"characters", ec_python_fasttext_characters, METH_O,
     "characters($self, word, /)\n--\n\nint32 rows of the n-grams of characters of a word."},
    {"mean", ec_python_fasttext_mean, METH_O,
     "mean($self, rows, /)\n--\n\nThe mean of rows of the input matrix, float32; zeros of none."},
    {"gram_row", ec_python_fasttext_gram_row, METH_O,
     "gram_row($self, gram, /)\n--\n\nThe row of an n-gram of characters, or -1 where quantisation has cut it off."},
    {"word_vector", ec_python_fasttext_word_vector, METH_O,
     "word_vector($self, word, /)\n--\n\nThe vector of a word, float32; zeros where it has no rows."},
    {"word_vectors", ec_python_fasttext_word_vectors, METH_NOARGS,
     "word_vectors($self, /)\n--\n\nThe vectors of all words, each of length 1, float32 (words, dim)."},
    {"measure", ec_python_fasttext_measure, METH_VARARGS,
     "measure($self, text, k, threshold, /)\n--\n\n(lines, int64 counts (3, labels): named, predicted, both) of "
     "labelled lines."},
    {"lines", ec_python_fasttext_lines, METH_O,
     "lines($self, text, /)\n--\n\n(int32 rows, int64 their ends, int32 labels, int64 their ends) of all lines that "
     "have "
     "both."},
    {"predict", ec_python_fasttext_predict, METH_VARARGS,
     "predict($self, texts, k, threshold, names, /)\n--\n\n([names of the best labels], [float32 probabilities]) of "
     "each str without a newline; k -1: all labels."},
    {"predict_spans", ec_python_fasttext_predict_spans, METH_VARARGS,
     "predict_spans($self, data, spans, k, threshold, /)\n--\n\n(int32 labels (documents, k), float32 probabilities, "
     "int64 how many of each are used) of UTF-8 data[begin:end]; newlines are blanks; spans: int64 (documents, 2)."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ec_python_fasttext_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "embedcnn._core.FastTextModel",
    .tp_doc =
        "FastTextModel(data, input=None, output=None, *, label=b'__label__', fold=-1)\n--\n\nA model over the bytes "
        "of a file; or over its head, and two matrices: float32 arrays, or their sections of a file. fold: 1 "
        "a table of logits, 0 none, -1 where labels are few.",
    .tp_basicsize = sizeof(struct ec_python_fasttext),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = model_new,
    .tp_dealloc = model_dealloc,
    .tp_methods = methods,
};

static PyMethodDef functions[] = {
    {"fasttext_quantise", ec_python_fasttext_quantise, METH_VARARGS,
     "fasttext_quantise(rows, part, seed, /)\n--\n\n(uint8 codes (rows, parts), float32 centroids) of rows cut into "
     "parts "
     "of so many floats."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_fasttext_model(PyObject *module)
{
    return PyModule_AddType(module, &ec_python_fasttext_type) < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
