/* What the files vectors*.c of this folder share: borrowing the arrays of a word index, and handing out new ones. */
#ifndef EC_PYTHON_VECTORS_H
#define EC_PYTHON_VECTORS_H

#include "python/module.h"
#include "vectors/index.h"

/* `arrays` = (slots uint64, offsets int64, blob uint8). Borrows them; 0 with an exception set if they do not fit. */
int ec_python_word_index(PyObject *arrays, struct ec_word_index *index);
/* The table's blocks as three arrays, which then own them; the table is empty afterwards. */
PyObject *ec_python_word_arrays(struct ec_word_table *table);

int ec_python_add_word_index(PyObject *module);
int ec_python_add_fasttext(PyObject *module);

#endif
