/* Arrays of bags as the core reads them, shared by the files bags_*.c of this folder. */
#ifndef EC_PYTHON_BAGS_ARRAYS_H
#define EC_PYTHON_BAGS_ARRAYS_H

#include "python/module.h"

#include "bags/documents.h"
#include "bags/poll.h"
#include "bags/targets.h"

/* A C-contiguous array of that dtype and so many axes, which nobody else writes to: one that is not read-only, or a
 * view of such a one, is copied. It lives as long as the list `keep`. NULL with an exception set. */
PyArrayObject *ec_python_borrow(PyObject *keep, PyObject *value, int type, int axes, const char *name);
/* A C-contiguous array to write to, of that dtype and these sizes; borrowed. NULL with an exception set. */
PyArrayObject *ec_python_result(PyObject *value, int type, int axes, const npy_intp *sizes, const char *name);
/* The columns of a matrix; 0 for what is none. */
int64_t ec_python_columns(PyObject *matrix);
/* The floats of a model to write to, `rows` and `output`, with as many columns as `rows` has: how many, or -1 with an
 * exception set. */
int64_t ec_python_model(float *tables[2], PyObject *rows, int64_t row_count, PyObject *output, int64_t output_count);
/* What each of so many documents is to learn: a float32 matrix, or (int32 classes, how many there are). -1 with an
 * exception set. */
int ec_python_targets(struct ec_bag_targets *targets, PyObject *keep, PyObject *value, int64_t documents);
/* The documents in what `bag_documents` returned, which has to live as long as they are read; NULL with an exception
 * set. Their tf are the counts, or 1 + log(count). */
const struct ec_bag_pairs *ec_python_documents(PyObject *capsule, int sublinear);
/* Sees whether a signal's handler raised (Ctrl-C); called without the interpreter's lock. */
extern const struct ec_bag_poll ec_python_bag_poll;

/* Each adds the functions of one more file. */
int ec_python_add_bag_weights(PyObject *module);
int ec_python_add_dual_descent(PyObject *module);
int ec_python_add_product_form(PyObject *module);

#endif
