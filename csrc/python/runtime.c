/* Settings of the process and build facts: threads, precision of matrix products, instruction set, build_info. */
#include "python/module.h"

#include "base/blocks.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "program/program.h"

#include <stdlib.h>
#include <string.h>

/* A number of threads, at least so many; -1 with an exception. */
static int parse_threads(PyObject *argument, int least, const char *name)
{
    long threads = PyLong_AsLong(argument);
    if (threads == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (threads < least || threads > EC_MAX_THREADS) {
        PyErr_Format(PyExc_ValueError, "%s = %ld is outside [%d, %d]", name, threads, least, EC_MAX_THREADS);
        return -1;
    }
    return (int)threads;
}

static PyObject *set_num_threads(PyObject *self, PyObject *argument)
{
    (void)self;
    int threads = parse_threads(argument, 0, "num_threads");
    if (threads < 0) {
        return NULL;
    }
    ec_set_thread_count(threads);
    Py_RETURN_NONE;
}

static PyObject *set_thread_limit(PyObject *self, PyObject *argument)
{
    (void)self;
    int threads = parse_threads(argument, 1, "limit");
    if (threads < 0) {
        return NULL;
    }
    ec_set_thread_limit(threads);
    Py_RETURN_NONE;
}

static PyObject *get_num_threads(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(ec_thread_count());
}

static PyObject *free_kept_memory(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    size_t bytes = ec_blocks_kept();
    ec_blocks_drop();
    return PyLong_FromSize_t(bytes);
}

static PyObject *build_info(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
    const char *compiler = "gcc " __VERSION__;
#else
    const char *compiler = "unknown";
#endif
    return Py_BuildValue("{s:s,s:i}", "compiler", compiler, "openmp", ec_openmp_version());
}

static const char *const precisions[EC_PRECISIONS] = {"highest", "high", "medium"};

static PyObject *set_precision(PyObject *self, PyObject *argument)
{
    (void)self;
    for (int i = 0; PyUnicode_Check(argument) && i < EC_PRECISIONS; i++) {
        if (PyUnicode_CompareWithASCIIString(argument, precisions[i]) == 0) {
            ec_program_set_precision((enum ec_precision)i);
            Py_RETURN_NONE;
        }
    }
    return PyErr_Format(PyUnicode_Check(argument) ? PyExc_ValueError : PyExc_TypeError,
                        "precision = %R; expected 'highest', 'high' or 'medium'", argument);
}

static PyObject *get_precision(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyUnicode_FromString(precisions[ec_program_precision()]);
}

/* What each precision runs as on the instruction set in use: fp32, bf16x3 or bf16. */
static PyObject *number_formats(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    const struct ec_gemm *gemm = ec_kernels()->gemm;
    return Py_BuildValue("{s:s,s:s,s:s}", precisions[EC_HIGHEST], gemm[EC_HIGHEST].name, precisions[EC_HIGH],
                         gemm[EC_HIGH].name, precisions[EC_MEDIUM], gemm[EC_MEDIUM].name);
}

static PyObject *kernels(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyObject *available = PyList_New(0);
    for (const char *const *name = ec_kernels_available(); available && *name; name++) {
        PyObject *text = PyUnicode_FromString(*name);
        if (!text || PyList_Append(available, text) < 0) {
            Py_CLEAR(available);
        }
        Py_XDECREF(text);
    }
    return available ? Py_BuildValue("{s:s,s:N}", "name", ec_kernels()->name, "available", available) : NULL;
}

static PyObject *select_kernels(PyObject *self, PyObject *argument)
{
    (void)self;
    const char *name = PyUnicode_Check(argument) ? PyUnicode_AsUTF8(argument) : NULL;
    if (!name || ec_kernels_select(name) != EC_OK) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError,
                         "kernels %R; this machine and build have 'auto' and those of kernels()['available']",
                         argument);
        }
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *set_spin_ns(PyObject *self, PyObject *argument)
{
    (void)self;
    long long nanoseconds = PyLong_AsLongLong(argument);
    if (nanoseconds == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ec_set_spin_ns(nanoseconds);
    Py_RETURN_NONE;
}

static PyObject *set_least_work(PyObject *self, PyObject *argument)
{
    (void)self;
    long long operations = PyLong_AsLongLong(argument);
    if (operations == -1 && PyErr_Occurred()) {
        return NULL;
    }
    ec_program_set_least_work(operations);
    Py_RETURN_NONE;
}

static PyObject *memory_fail_at(PyObject *self, PyObject *args)
{
    (void)self;
    long long number;
    int forever;
    if (!PyArg_ParseTuple(args, "Lp:_memory_fail_at", &number, &forever)) {
        return NULL;
    }
    return PyLong_FromLongLong(ec_memory_fail_at(number, forever));
}

static PyMethodDef methods[] = {
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(num_threads, /)\n--\n\n0 returns to OpenMP's own limit."},
    {"set_thread_limit", set_thread_limit, METH_O,
     "set_thread_limit(limit, /)\n--\n\nThe most threads of a step where set_num_threads was not called."},
    {"get_num_threads", get_num_threads, METH_NOARGS, "get_num_threads()\n--\n\nThreads that the next step uses."},
    {"free_kept_memory", free_kept_memory, METH_NOARGS,
     "free_kept_memory()\n--\n\nFrees what is kept for results, at most 128 MB; how many bytes it was."},
    {"build_info", build_info, METH_NOARGS, "build_info()\n--\n\nCompiler and OpenMP version of the build."},
    {"set_float32_matmul_precision", set_precision, METH_O,
     "set_float32_matmul_precision(precision, /)\n--\n\nOf all steps that begin from now on."},
    {"get_float32_matmul_precision", get_precision, METH_NOARGS,
     "get_float32_matmul_precision()\n--\n\n'highest', 'high' or 'medium'."},
    {"number_formats", number_formats, METH_NOARGS,
     "number_formats()\n--\n\nWhat each precision runs as with the kernels in use."},
    {"kernels", kernels, METH_NOARGS, "kernels()\n--\n\nThe instruction set in use, and those of this machine."},
    {"select_kernels", select_kernels, METH_O,
     "select_kernels(name, /)\n--\n\nUses this instruction set from now on; 'auto' is the best. For tests."},
    {"_set_spin_ns", set_spin_ns, METH_O, "How long a thread spins at a barrier before it sleeps; for measurements."},
    {"_set_least_work", set_least_work, METH_O, "Steps of fewer operations run on one thread (4 * 10**6); for tests."},
    {"_memory_fail_at", memory_fail_at, METH_VARARGS, "Lets the n-th allocation of the core fail; for tests."},
    {NULL, NULL, 0, NULL},
};

/* 0 with an exception set where EMBEDCNN_ISA names no rung: an import is where a misspelt name is seen. */
static int check_isa(void)
{
    const char *const *known = ec_kernels_names, *given = getenv("EMBEDCNN_ISA");
    while (given && *given && *known && strcmp(given, *known)) {
        known++;
    }
    if (*known) { /* none given, or a known one */
        return 1;
    }
    char rungs[128] = "";
    for (known = ec_kernels_names; *known; known++) {
        size_t used = strlen(rungs);
        PyOS_snprintf(rungs + used, sizeof rungs - used, used ? ", %s" : "%s", *known);
    }
    PyObject *received = PyUnicode_DecodeFSDefault(given);
    if (received) {
        PyErr_Format(PyExc_ValueError,
                     "EMBEDCNN_ISA must name an instruction set, one of %s, or be unset for the best of this machine. "
                     "Received: %R",
                     rungs, received);
        Py_DECREF(received);
    }
    return 0;
}

static int warn_of_refusal(void *unused)
{
    (void)unused;
    return PyErr_WarnEx(PyExc_RuntimeWarning,
                        "the system cannot make another thread (a limit on processes or memory: ulimit -u, -v, or a "
                        "container's); embedcnn computes on one thread from here on, until set_num_threads is called",
                        1);
}

/* Without the interpreter's lock: the interpreter warns when it is at it again. */
static void tell_of_refusal(void) { (void)Py_AddPendingCall(warn_of_refusal, NULL); }

int ec_python_add_runtime(PyObject *module)
{
    ec_on_refusal(tell_of_refusal);
    return check_isa() ? PyModule_AddFunctions(module, methods) : -1;
}
