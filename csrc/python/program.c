/* The type embedcnn._core.Program: a lowered model that runs in the core. The calls here are the only ones of a
 * training step. */
#include "python/program.h"

#include <string.h>

static int program_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((ec_program_object *)object)->functions);
    return 0;
}

static int program_clear(PyObject *object)
{
    ec_program_clear_functions((ec_program_object *)object);
    return 0;
}

static void program_dealloc(PyObject *object)
{
    ec_program_object *self = (ec_program_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    ec_program_clear_functions(self);
    for (int i = 0; self->program && self->bindings && i < self->program->parameter_count; i++) {
        struct ec_binding *binding = &self->bindings[i];
        ec_binding_clear(binding);
    }
    ec_free(self->bindings);
    ec_program_free(self->program);
    Py_XDECREF(self->names);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *program_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"inputs", "parameters", "operations", "outputs", "seed", "input_gradients", NULL};
    PyObject *inputs, *parameters, *operations, *outputs;
    unsigned long long seed = 0;
    int input_gradients = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O!O!O!|Kp:Program", names, &PyList_Type, &inputs, &PyList_Type,
                                     &parameters, &PyList_Type, &operations, &PyTuple_Type, &outputs, &seed,
                                     &input_gradients)) {
        return NULL;
    }
    ec_program_object *self = (ec_program_object *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    /* Copies: reading an item may run code that changes a list. */
    inputs = PyList_GetSlice(inputs, 0, PyList_GET_SIZE(inputs));
    parameters = PyList_GetSlice(parameters, 0, PyList_GET_SIZE(parameters));
    operations = PyList_GetSlice(operations, 0, PyList_GET_SIZE(operations));
    self->names = PyList_New(0);
    int built = inputs && parameters && operations && self->names &&
                ec_program_build(self, inputs, parameters, operations, outputs) == 0;
    Py_XDECREF(inputs);
    Py_XDECREF(parameters);
    Py_XDECREF(operations);
    if (!built) {
        Py_DECREF(self);
        return NULL;
    }
    self->program->seed = seed;
    self->program->input_gradients = input_gradients;
    return (PyObject *)self;
}

int ec_program_enter_or_raise(ec_program_object *self)
{
    if (ec_program_enter(self->program) != EC_OK) {
        PyErr_SetString(PyExc_RuntimeError, "this program is in use by another thread; one thread at a time");
        return -1;
    }
    return 0;
}

static PyObject *program_set_function(PyObject *object, PyObject *args)
{
    ec_program_object *self = (ec_program_object *)object;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    PyObject *result = ec_program_set_function(self, args);
    ec_program_leave(self->program);
    return result;
}

static PyObject *program_bind(PyObject *object, PyObject *args, PyObject *keywords)
{
    ec_program_object *self = (ec_program_object *)object;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    PyObject *result = ec_program_bind(self, args, keywords);
    ec_program_leave(self->program);
    return result;
}

/* Every external operation knows what to call. */
static int check_functions(const struct ec_program *program)
{
    for (int i = 0; i < program->op_count; i++) {
        const struct ec_op *op = &program->ops[i];
        if (op->type->is_external && !((const struct ec_external *)op->state)->call) {
            PyErr_Format(PyExc_RuntimeError, "operation %d is external and has no function; use set_function", i);
            return -1;
        }
    }
    return 0;
}

int ec_program_run_or_raise(ec_program_object *self, enum ec_run kind, const char *what)
{
    struct ec_program *program = self->program;
    ec_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = ec_program_run(program, kind);
    Py_END_ALLOW_THREADS;
    if (status == EC_BAD_VALUE) {
        ec_program_raise(&program->step.report);
    } else if (status != EC_OK && !PyErr_Occurred()) { /* a function written in Python has raised its own */
        ec_python_raise(status, what);
    }
    return status == EC_OK ? 0 : -1;
}

static int begin(ec_program_object *self, PyObject *inputs, enum ec_run kind, int training, unsigned long long number)
{
    if (ec_check_bound(self, kind) < 0 || check_functions(self->program) < 0) {
        return -1;
    }
    PyObject *items = ec_list_items(inputs, self->program->input_count, "inputs");
    int64_t batch = items ? ec_inputs_batch(self, items) : -1;
    int result = -1;
    if (batch > 0) {
        ec_program_begin(self->program, batch, kind, training, number);
        self->may_borrow = kind != EC_RUN_FORWARD || !training; /* no backward pass in a call of its own */
        result = ec_inputs_copy(self, items);
    }
    Py_XDECREF(items);
    return result;
}

static PyObject *program_forward(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"inputs", "training", "step", NULL};
    ec_program_object *self = (ec_program_object *)object;
    PyObject *inputs, *result = NULL;
    int training = 0;
    unsigned long long number = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|pK:forward", names, &inputs, &training, &number)) {
        return NULL;
    }
    if (self->program->loss_count) {
        PyErr_SetString(PyExc_ValueError, "this program has losses; run train_step or test_step");
        return NULL;
    }
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    if (begin(self, inputs, EC_RUN_FORWARD, training, number) == 0) {
        self->program->step.hands_over = !training; /* else a backward pass may read them */
        if (ec_program_run_or_raise(self, EC_RUN_FORWARD, "forward") == 0) {
            result = ec_output_list(self->program);
        }
    }
    ec_inputs_release(self);
    ec_program_leave(self->program);
    return result;
}

static PyObject *program_backward(PyObject *object, PyObject *d_outputs)
{
    ec_program_object *self = (ec_program_object *)object;
    int failed = 1;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    if (!self->program->can_go_back) {
        PyErr_SetString(PyExc_RuntimeError, "backward needs a forward(training=True) before it, once for each");
    } else if (ec_output_gradients_copy(self, d_outputs) == 0) {
        failed = ec_program_run_or_raise(self, EC_RUN_BACKWARD, "backward");
    }
    ec_program_leave(self->program);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* What train_step, gradient_step and test_step are called with. */
struct step_arguments {
    PyObject *inputs, *targets, *weights, *loss_function;
    PyObject *whole; /* a function, where the batch is a part of one: see program_shares.c */
    double learning_rate;
    struct ec_step_number step;
    int want_outputs;
};

/* A step in its parts: where a Python function computes losses, or where no update follows. */
static int run_parts(ec_program_object *self, enum ec_run last, const struct step_arguments *arguments)
{
    PyObject *function = arguments->loss_function;
    int given = ec_losses_are_given(self->program);
    if (given && function == Py_None) {
        PyErr_SetString(PyExc_ValueError, "this program has a given_loss; it needs loss_function");
        return -1;
    }
    int failed = ec_program_run_or_raise(self, last == EC_RUN_TEST ? EC_RUN_TEST : EC_RUN_LOSSES, "step") < 0 ||
                 (given && ec_losses_give(self, function) < 0) ||
                 (arguments->whole != Py_None && ec_shares_take(self, arguments->whole) < 0);
    if (!failed && last != EC_RUN_TEST) {
        failed = ec_program_run_or_raise(self, EC_RUN_BACKWARD, "step") < 0;
    }
    if (!failed && last == EC_RUN_TRAIN) {
        failed = ec_program_run_or_raise(self, EC_RUN_UPDATE, "step") < 0;
    }
    return failed ? -1 : 0;
}

int ec_step_number_parse(PyObject *value, void *number)
{
    struct ec_step_number *made = number;
    if (!PyArray_Check(value)) {
        *made = (struct ec_step_number){.value = PyLong_AsUnsignedLongLongMask(value)};
        return !PyErr_Occurred();
    }
    PyArrayObject *array = (PyArrayObject *)value;
    if (PyArray_TYPE(array) != NPY_INT64 || PyArray_SIZE(array) != 1 || !PyArray_ISCARRAY(array)) {
        PyErr_SetString(PyExc_TypeError, "step must be an int, or a writable int64 array of one element");
        return 0;
    }
    made->counter = PyArray_DATA(array);
    made->value = (unsigned long long)*made->counter;
    return 1;
}

/* Whether there is something to learn from: losses of targets, or what operations add to them. */
static int has_losses(const struct ec_program *program)
{
    int found = program->loss_count > 0;
    for (int i = 0; i < program->op_count; i++) {
        found |= program->ops[i].type->penalty != NULL;
    }
    return found;
}

/* `last`: EC_RUN_TRAIN, EC_RUN_BACKWARD (no update) or EC_RUN_TEST. */
static PyObject *step(ec_program_object *self, enum ec_run last, const struct step_arguments *given)
{
    PyObject *result = NULL;
    double total;
    if (!has_losses(self->program)) {
        PyErr_SetString(PyExc_ValueError, "this program has no loss; run forward");
        return NULL;
    }
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    /* only now: another thread's step may have been running */
    ec_optimizer_begin(&self->program->optimizer, given->learning_rate, given->step.value);
    self->program->late_penalties = last == EC_RUN_BACKWARD && given->whole != Py_None;
    enum ec_run first = last == EC_RUN_BACKWARD ? EC_RUN_LOSSES : last;
    if (begin(self, given->inputs, first, 0, given->step.value) == 0 && ec_targets_copy(self, given->targets) == 0 &&
        ec_weights_copy(self, given->weights, &total) == 0) {
        self->program->step.hands_over = given->want_outputs;
        int in_parts = last == EC_RUN_BACKWARD || given->whole != Py_None || ec_losses_are_given(self->program);
        int failed = in_parts ? run_parts(self, last, given) : ec_program_run_or_raise(self, last, "step");
        if (!failed && last == EC_RUN_TRAIN && given->step.counter) {
            ++*given->step.counter;
        }
        result = failed ? NULL : ec_step_result(self->program, total, given->want_outputs);
    }
    ec_inputs_release(self);
    ec_program_leave(self->program);
    return result;
}

static PyObject *program_train_step(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"inputs", "targets",      "sample_weight", "learning_rate",
                            "step",   "want_outputs", "loss_function", NULL};
    ec_program_object *self = (ec_program_object *)object;
    struct step_arguments given = {.loss_function = Py_None, .whole = Py_None};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOdO&|pO:train_step", names, &given.inputs, &given.targets,
                                     &given.weights, &given.learning_rate, ec_step_number_parse, &given.step,
                                     &given.want_outputs, &given.loss_function)) {
        return NULL;
    }
    if (!self->has_optimizer) {
        PyErr_SetString(PyExc_RuntimeError, "train_step needs set_optimizer before it");
        return NULL;
    }
    return step(self, EC_RUN_TRAIN, &given);
}

static PyObject *program_gradient_step(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"inputs",       "targets",       "sample_weight", "step",
                            "want_outputs", "loss_function", "whole",         NULL};
    struct step_arguments given = {.loss_function = Py_None, .whole = Py_None};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOK|pOO:gradient_step", names, &given.inputs, &given.targets,
                                     &given.weights, &given.step.value, &given.want_outputs, &given.loss_function,
                                     &given.whole)) {
        return NULL;
    }
    return step((ec_program_object *)object, EC_RUN_BACKWARD, &given);
}

static PyObject *program_test_step(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"inputs", "targets", "sample_weight", "want_outputs", "loss_function", "whole", NULL};
    struct step_arguments given = {.loss_function = Py_None, .whole = Py_None};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO|pOO:test_step", names, &given.inputs, &given.targets,
                                     &given.weights, &given.want_outputs, &given.loss_function, &given.whole)) {
        return NULL;
    }
    return step((ec_program_object *)object, EC_RUN_TEST, &given);
}

#define KEYWORD_METHOD(name) __extension__(PyCFunction)(void (*)(void))(name), METH_VARARGS | METH_KEYWORDS
static PyMethodDef methods[] = {
    {"bind", KEYWORD_METHOD(program_bind),
     "bind($self, number, value, trainable, slots, steps, tracked=False, rules=None, average=None, accumulator=None, "
     "touched=None, moves=None, row_learns=None, stored=None)\n--\n\nBorrows the arrays of a parameter from now on. "
     "Tracked: a moving statistic, which the forward pass of a training step writes."},
    {"set_function", program_set_function, METH_VARARGS,
     "set_function($self, operation, forward, backward, /)\n--\n\nWhat an external operation calls: forward(inputs, "
     "masks, training) -> output, backward(d_output) -> (d_inputs, d_parameters)."},
    {"set_optimizer", KEYWORD_METHOD(ec_program_set_optimizer),
     "set_optimizer($self, name, /, **settings)\n--\n\nHow train_step updates: 'sgd', 'adam', 'rmsprop', 'adagrad', "
     "'adadelta', 'adamax', 'nadam'."},
    {"forward", KEYWORD_METHOD(program_forward),
     "forward($self, inputs, training=False, step=0)\n--\n\nThe outputs, as a list of new arrays."},
    {"backward", program_backward, METH_O,
     "backward($self, d_outputs, /)\n--\n\nGradients of the last forward(training=True), for gradient and "
     "input_gradient."},
    {"train_step", KEYWORD_METHOD(program_train_step),
     "train_step($self, inputs, targets, sample_weight, learning_rate, step, want_outputs=False, "
     "loss_function=None)\n--\n\nOne whole step, as a StepResult."},
    {"gradient_step", KEYWORD_METHOD(program_gradient_step),
     "gradient_step($self, inputs, targets, sample_weight, step, want_outputs=False, loss_function=None, "
     "whole=None)\n--\n\ntrain_step without its update, for gradient and input_gradient; penalties are in the "
     "gradients. `whole`: this is a part of a batch; from the list of what its losses are divided by, a function that "
     "returns the same of the whole batch. Then gradients and losses are those of the part, and without the penalties "
     "of weights."},
    {"update", KEYWORD_METHOD(ec_program_update),
     "update($self, gradients, learning_rate, step, penalties=False)\n--\n\nThe update of train_step from a list with "
     "the gradient of each parameter: an array, (rows, values) for the table of a lookup, None where `learning` does "
     "not name it. With `penalties`, those of weights are added to these."},
    {"test_step", KEYWORD_METHOD(program_test_step),
     "test_step($self, inputs, targets, sample_weight, want_outputs=False, loss_function=None, whole=None)\n--\n\n"
     "The same without backward and update."},
    {"set_timed", ec_program_set_timed, METH_O, "set_timed($self, timed, /)\n--\n\nWhether steps note what they cost."},
    {"gradient", ec_program_gradient, METH_O,
     "gradient($self, number, /)\n--\n\nA parameter's gradient; (rows, values) for the table of a lookup."},
    {"gradient_into", ec_program_gradient_into, METH_VARARGS,
     "gradient_into($self, number, out, /)\n--\n\nWrites a parameter's gradient, not that of a lookup's table, into a "
     "float32 array."},
    {"input_gradient", ec_program_input_gradient, METH_O,
     "input_gradient($self, number, /)\n--\n\nThe gradient of a float input."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, __extension__(void *) program_new},
    {Py_tp_dealloc, __extension__(void *) program_dealloc},
    {Py_tp_traverse, __extension__(void *) program_traverse},
    {Py_tp_clear, __extension__(void *) program_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, ec_program_getters},
    {Py_tp_doc, "Program(inputs, parameters, operations, outputs, seed=0, input_gradients=False)\n--\n\n"
                "A lowered model: operations between numbered tensors, run by the C core."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "embedcnn._core.Program",
    .basicsize = sizeof(ec_program_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int ec_python_add_program(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    int result = type ? PyModule_AddObjectRef(module, "Program", type) : -1;
    Py_XDECREF(type);
    return result < 0 ? -1 : ec_python_add_step_result(module);
}
