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

/* Methods of the type. */
PyObject *ec_python_fasttext_predict(PyObject *object, PyObject *args);
PyObject *ec_python_fasttext_predict_spans(PyObject *object, PyObject *args);

#endif
