/* What the files text*.c of this folder share, and the parts that text.c adds to the module in their name. */
#ifndef EC_PYTHON_TEXT_H
#define EC_PYTHON_TEXT_H

#include "python/documents.h"

#include "text/counting.h"
#include "text/encoding.h"

/* embedcnn._core.TextRules: immutable, so it may be used by several threads at once. */
struct ec_python_rules {
    PyObject_HEAD struct ec_text_rules rules;
    enum ec_python_lower lower;
    uint32_t *stops;
    struct ec_point_range *alone, *extend;
};

extern PyTypeObject ec_python_rules_type;

int ec_python_add_rules(PyObject *module);
int ec_python_add_sequence(PyObject *module);
int ec_python_add_ngram(PyObject *module);
int ec_python_add_records(PyObject *module);
int ec_python_add_phrases(PyObject *module);

#endif
