/* What the files fasttext*.c of this folder share. */
#ifndef EC_PYTHON_FASTTEXT_H
#define EC_PYTHON_FASTTEXT_H

#include "python/module.h"

#include "fasttext/model.h"

/* embedcnn._core.FastTextModel: immutable, so it may be used by several threads at once. */
struct ec_python_fasttext {
    PyObject_HEAD struct ec_fasttext_model model;
    Py_buffer buffers[3]; /* of the head (or the whole file), the input and the output */
    int buffer_count;
    PyObject *label; /* bytes: what labels start with */
    int64_t ends[3]; /* of head, input and output, where all stand in one file; else 0 */
};

extern PyTypeObject ec_python_fasttext_type;

/* An array of int32. */
PyObject *ec_python_fasttext_ids(const int32_t *ids, int64_t count);
/* k, checked against the model, -1: all labels; 0 with an exception. */
int64_t ec_python_fasttext_k(const struct ec_fasttext_model *model, long long k);

/* A function of the module. */
PyObject *ec_python_fasttext_quantise(PyObject *module, PyObject *args);

/* Methods of the type. */
PyObject *ec_python_fasttext_characters(PyObject *object, PyObject *word);
PyObject *ec_python_fasttext_gram_row(PyObject *object, PyObject *gram);
PyObject *ec_python_fasttext_mean(PyObject *object, PyObject *rows);
PyObject *ec_python_fasttext_word_vector(PyObject *object, PyObject *word);
PyObject *ec_python_fasttext_word_vectors(PyObject *object, PyObject *unused);
PyObject *ec_python_fasttext_measure(PyObject *object, PyObject *args);
PyObject *ec_python_fasttext_lines(PyObject *object, PyObject *text);
PyObject *ec_python_fasttext_predict(PyObject *object, PyObject *args);
PyObject *ec_python_fasttext_predict_spans(PyObject *object, PyObject *args);

#endif
