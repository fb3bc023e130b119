/* Defines the module `embedcnn._core` (multi-phase initialisation) out of what the other files of this folder add. */
#define EC_IMPORTS_NUMPY
#include "python/module.h"

PyObject *ec_python_raise(ec_status status, const char *what)
{
    PyObject *type = PyExc_RuntimeError;
    switch (status) {
    case EC_NO_MEMORY: type = PyExc_MemoryError; break;
    case EC_TOO_LARGE: type = PyExc_OverflowError; break;
    case EC_BAD_VALUE:
    case EC_BAD_FORMAT: type = PyExc_ValueError; break;
    case EC_IO: type = PyExc_OSError; break;
    case EC_INTERRUPTED: type = PyExc_KeyboardInterrupt; break;
    case EC_OK:
    case EC_BUSY: break;
    }
    PyErr_Format(type, "%s: %s", what, ec_status_text(status));
    return NULL;
}

static int execute(PyObject *module)
{
    if (PyArray_ImportNumPyAPI() < 0) {
        return -1;
    }
    static int (*const parts[])(PyObject *) = {
        ec_python_add_runtime,
        ec_python_add_operations,
        ec_python_add_access,
        ec_python_add_program,
        ec_python_add_tensors,
        ec_python_add_images,
        ec_python_add_text,
        ec_python_add_vectors,
        ec_python_add_bags,
        ec_python_add_bag_solvers,
        ec_python_add_fasttext_model,
        ec_python_add_fasttext_corpus,
        ec_python_add_fasttext_training,
    };
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        if (parts[part](module) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, __extension__(void *) execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "embedcnn._core",
    .m_doc = "The C core of embedcnn. Use the package `embedcnn`; this module has no stable interface.",
    .m_size = 0,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
