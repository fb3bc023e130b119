/* The border between Python and the core: every file of this folder adds its types and functions to the module
 * `embedcnn._core`. Only this folder includes Python.h and NumPy.
 *
 * Each function has the same paragraphs in the same order: parse, borrow, check, unlock, call, translate. All checks of
 * user input are here, before the lock (GIL) is given up; the core below trusts its arguments. */
#ifndef EC_PYTHON_MODULE_H
#define EC_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* NumPy's C API is one table of pointers, imported once in module.c and shared by all files of the folder. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL ec_numpy_api
#ifndef EC_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "base/status.h"

/* Sets the Python exception for a failed status and returns NULL; `what` names the work that failed. */
PyObject *ec_python_raise(ec_status status, const char *what);

/* Each adds one file's functions or types to the module; 0, or -1 with an exception set. */
int ec_python_add_runtime(PyObject *module);
int ec_python_add_operations(PyObject *module);
int ec_python_add_access(PyObject *module);
int ec_python_add_program(PyObject *module);
int ec_python_add_images(PyObject *module);
int ec_python_add_tensors(PyObject *module);
int ec_python_add_text(PyObject *module);
int ec_python_add_vectors(PyObject *module);
int ec_python_add_bags(PyObject *module);
int ec_python_add_bag_solvers(PyObject *module);
int ec_python_add_fasttext_model(PyObject *module);
int ec_python_add_fasttext_corpus(PyObject *module);
int ec_python_add_fasttext_training(PyObject *module);

#endif
