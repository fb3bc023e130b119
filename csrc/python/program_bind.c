/* What a program borrows: the arrays of its parameters, their rules, and the settings of the optimizer. */
#include "python/program.h"

#include <string.h>

/* A parameter's array as it must be: its data pointer, or NULL with an exception. */
static void *check_array(PyObject *object, int type, const struct ec_parameter *parameter, int same_shape,
                         int writeable, const char *what)
{
    if (!PyArray_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s of %s: expected an array, got %R", what, parameter->name, object);
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_TYPE(array) != type || !PyArray_IS_C_CONTIGUOUS(array) || !PyArray_ISALIGNED(array) ||
        !PyArray_ISNOTSWAPPED(array)) {
        PyErr_Format(PyExc_TypeError, "%s of %s: expected a C-contiguous array of dtype %s, got dtype %R", what,
                     parameter->name, type == NPY_FLOAT32 ? "float32" : "int64", (PyObject *)PyArray_DESCR(array));
        return NULL;
    }
    int fits = !same_shape ? PyArray_SIZE(array) == 1 : PyArray_NDIM(array) == parameter->rank;
    for (int i = 0; same_shape && fits && i < parameter->rank; i++) {
        fits = PyArray_DIM(array, i) == parameter->dims[i];
    }
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "%s of %s: an array of %zd values does not have the shape declared", what,
                     parameter->name, (Py_ssize_t)PyArray_SIZE(array));
        return NULL;
    }
    if (writeable && !PyArray_ISWRITEABLE(array)) {
        PyErr_Format(PyExc_ValueError, "%s of %s is read-only; what steps write needs a writeable array", what,
                     parameter->name);
        return NULL;
    }
    return PyArray_DATA(array);
}

static void hold(PyObject **place, PyObject *object)
{
    PyObject *old = *place;
    *place = Py_XNewRef(object);
    Py_XDECREF(old);
}

static int add_guard(PyObject *guards, PyObject *array)
{
    for (Py_ssize_t i = 0; PyTuple_Check(array) && i < PyTuple_GET_SIZE(array); i++) { /* `stored` */
        PyObject *part = PyTuple_GET_ITEM(array, i);
        if (PyArray_Check(part) && add_guard(guards, part) < 0) {
            return -1;
        }
    }
    PyObject *guard = PyArray_Check(array) ? PyWeakref_NewRef(array, NULL) : Py_NewRef(Py_None);
    int result = guard ? PyList_Append(guards, guard) : -1;
    Py_XDECREF(guard);
    return result;
}

static PyObject *make_guards(PyObject *const *arrays, int count, PyObject *slots)
{
    PyObject *guards = PyList_New(0);
    int result = guards ? 0 : -1;
    for (int i = 0; result == 0 && i < count; i++) {
        result = add_guard(guards, arrays[i]);
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(slots); i++) {
        result = add_guard(guards, PyList_GET_ITEM(slots, i));
    }
    if (result < 0) {
        Py_CLEAR(guards);
    }
    return guards;
}

/* Up to EC_MAX_SLOTS arrays, none of them the value or another slot; 0, or -1 with an exception. */
static int check_slots(const struct ec_parameter *parameter, PyObject *slots, const float *value, float **data)
{
    int count = (int)PyList_GET_SIZE(slots);
    if (count > EC_MAX_SLOTS) {
        PyErr_Format(PyExc_ValueError, "%s: %d slots; at most %d", parameter->name, count, EC_MAX_SLOTS);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (!(data[i] = check_array(PyList_GET_ITEM(slots, i), NPY_FLOAT32, parameter, 1, 1, "slot"))) {
            return -1;
        }
        for (int k = 0; k <= i; k++) {
            if (data[i] == (k ? data[k - 1] : value)) {
                PyErr_Format(PyExc_ValueError, "%s: slot %d is the same array as another", parameter->name, i);
                return -1;
            }
        }
    }
    return 0;
}

/* A further array of the parameter's shape, or None. */
static int check_more(const struct ec_parameter *parameter, PyObject *array, const char *what, float **data)
{
    *data = array == Py_None ? NULL : check_array(array, NPY_FLOAT32, parameter, 1, 1, what);
    return array != Py_None && !*data ? -1 : 0;
}

/* An array about the rows of a table, or None; *data: its memory, or NULL. */
static int check_of_rows(const struct ec_parameter *parameter, PyObject *given, int type, int64_t size,
                         const char *what, void **data)
{
    *data = NULL;
    if (given == Py_None) {
        return 0;
    }
    PyArrayObject *array = (PyArrayObject *)given;
    if (!PyArray_Check(given) || PyArray_TYPE(array) != type || !PyArray_IS_C_CONTIGUOUS(array) ||
        !PyArray_ISWRITEABLE(array) || PyArray_SIZE(array) != size) {
        PyErr_Format(PyExc_TypeError, "%s of %s: expected a writeable %s array of %lld values", what, parameter->name,
                     type == NPY_UINT8 ? "uint8" : "int64", (long long)size);
        return -1;
    }
    *data = PyArray_DATA(array);
    return 0;
}

/* What a table has for each of its rows; the rules are known. */
static int set_of_rows(struct ec_parameter *made, PyObject *touched, PyObject *moves, PyObject *row_learns)
{
    void *touched_data, *moves_data, *learns_data;
    int64_t rows = made->dims[0];
    if (check_of_rows(made, touched, NPY_UINT8, rows, "touched", &touched_data) < 0 ||
        check_of_rows(made, moves, NPY_INT64, 1 + rows, "moves", &moves_data) < 0 ||
        check_of_rows(made, row_learns, NPY_UINT8, rows, "row_learns", &learns_data) < 0) {
        return -1;
    }
    if (learns_data && made->rules.constraint == EC_NORM && made->rules.norm_axes != 2) {
        PyErr_Format(PyExc_ValueError, "%s: rows rest, so a norm is that of a row; norm_axes = %d", made->name,
                     made->rules.norm_axes);
        return -1;
    }
    made->touched = touched_data;
    made->moves = moves_data;
    made->row_learns = learns_data;
    return 0;
}

/* The value, which a table that is stored in fewer bits has where its rows have masters. */
static int set_value(struct ec_parameter *made, PyObject *value, int writes)
{
    if (made->stored && !made->mastered) {
        made->value = NULL;
        return 0;
    }
    made->value = check_array(value, NPY_FLOAT32, made, 1, writes || made->is_state, "value");
    return made->value ? 0 : -1;
}

static int parse_rules(struct ec_parameter_rules *rules, PyObject *given, const char *name)
{
    static const char *const constraints[] = {"none", "non_negative", "norm", NULL};
#define RULE(member, kind)                                                                                             \
    {                                                                                                                  \
        #member, kind, offsetof(struct ec_parameter_rules, member), NULL                                               \
    }
    static const struct ec_attribute attributes[] = {
        RULE(l1, EC_ATTRIBUTE_FLOAT),
        RULE(l2, EC_ATTRIBUTE_FLOAT),
        RULE(all_rows, EC_ATTRIBUTE_INT),
        RULE(keeps_weight, EC_ATTRIBUTE_INT),
        RULE(rate_scale, EC_ATTRIBUTE_FLOAT),
        {"constraint", EC_ATTRIBUTE_CHOICE, offsetof(struct ec_parameter_rules, constraint), constraints},
        RULE(norm_axes, EC_ATTRIBUTE_INT),
        RULE(least_norm, EC_ATTRIBUTE_FLOAT),
        RULE(most_norm, EC_ATTRIBUTE_FLOAT),
        RULE(norm_rate, EC_ATTRIBUTE_FLOAT),
        {NULL, EC_ATTRIBUTE_INT, 0, NULL},
    };
#undef RULE
    *rules = (struct ec_parameter_rules){.rate_scale = 1.0, .norm_rate = 1.0};
    if (given == Py_None) {
        return 0;
    }
    if (!PyDict_Check(given)) {
        PyErr_Format(PyExc_TypeError, "rules of %s: expected a dict, got %.100R", name, given);
        return -1;
    }
    return ec_attributes_set(rules, attributes, given, name);
}

PyObject *ec_program_bind(ec_program_object *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"number",  "value",       "trainable", "slots", "steps",      "tracked", "rules",
                            "average", "accumulator", "touched",   "moves", "row_learns", "stored",  NULL};
    int number, trainable, tracked = 0;
    PyObject *value, *slots, *steps, *rules = Py_None, *average = Py_None, *accumulator = Py_None, *touched = Py_None;
    PyObject *moves = Py_None, *row_learns = Py_None, *stored = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "iOpO!O|pOOOOOOO:bind", names, &number, &value, &trainable,
                                     &PyList_Type, &slots, &steps, &tracked, &rules, &average, &accumulator, &touched,
                                     &moves, &row_learns, &stored)) {
        return NULL;
    }
    struct ec_program *program = self->program;
    if (number < 0 || number >= program->parameter_count) {
        return PyErr_Format(PyExc_ValueError, "parameter %d is outside [0, %d)", number, program->parameter_count);
    }
    struct ec_parameter *parameter = &program->parameters[number], made = *parameter;
    float *slot_data[EC_MAX_SLOTS] = {NULL};
    if (trainable && parameter->is_state) {
        return PyErr_Format(PyExc_ValueError, "parameter %s is the state of a layer; it cannot be trainable",
                            parameter->name);
    }
    if (parse_rules(&made.rules, rules, parameter->name) < 0 || /* first: it may run code that changes a list */
        ec_set_stored(&made, stored, trainable) < 0 || set_value(&made, value, trainable || tracked) < 0 ||
        check_slots(parameter, slots, made.value, slot_data) < 0 ||
        !(made.steps = check_array(steps, NPY_INT64, parameter, 0, 1, "steps")) ||
        check_more(parameter, average, "average", &made.average) < 0 ||
        check_more(parameter, accumulator, "accumulator", &made.accumulator) < 0 ||
        set_of_rows(&made, touched, moves, row_learns) < 0) {
        return NULL;
    }
    PyObject *const arrays[] = {value, steps, average, accumulator, touched, moves, row_learns, stored};
    PyObject *guards = make_guards(arrays, 8, slots);
    if (!guards) {
        return NULL;
    }
    struct ec_binding *binding = &self->bindings[number];
    hold(&binding->guards, guards);
    Py_DECREF(guards);
    hold(&binding->value, value);
    hold(&binding->steps, steps);
    hold(&binding->average, average);
    hold(&binding->accumulator, accumulator);
    hold(&binding->touched, touched);
    hold(&binding->moves, moves);
    hold(&binding->row_learns, row_learns);
    hold(&binding->stored, stored);
    made.slot_count = (int)PyList_GET_SIZE(slots);
    made.trainable = trainable;
    made.tracked = tracked;
    for (int i = 0; i < EC_MAX_SLOTS; i++) {
        hold(&binding->slots[i], i < made.slot_count ? PyList_GET_ITEM(slots, i) : NULL);
        made.slots[i] = slot_data[i];
    }
    *parameter = made;
    program->can_go_back = 0; /* what a forward run planned for may no longer hold */
    Py_RETURN_NONE;
}

void ec_binding_clear(struct ec_binding *binding)
{
    Py_CLEAR(binding->guards);
    Py_CLEAR(binding->value);
    Py_CLEAR(binding->steps);
    Py_CLEAR(binding->average);
    Py_CLEAR(binding->accumulator);
    Py_CLEAR(binding->touched);
    Py_CLEAR(binding->moves);
    Py_CLEAR(binding->row_learns);
    Py_CLEAR(binding->stored);
    for (int slot = 0; slot < EC_MAX_SLOTS; slot++) {
        Py_CLEAR(binding->slots[slot]);
    }
}

struct optimizer_settings {
    struct ec_optimizer optimizer;
    int embedding_update; /* index of updates */
};

static const char *const updates[] = {"lazy", "dense", NULL};
#define FLOAT(member) {#member, EC_ATTRIBUTE_FLOAT, offsetof(struct optimizer_settings, optimizer.member), NULL}
static const struct ec_attribute optimizer_attributes[] = {
    FLOAT(momentum),
    {"nesterov", EC_ATTRIBUTE_INT, offsetof(struct optimizer_settings, optimizer.nesterov), NULL},
    {"centered", EC_ATTRIBUTE_INT, offsetof(struct optimizer_settings, optimizer.centered), NULL},
    {"amsgrad", EC_ATTRIBUTE_INT, offsetof(struct optimizer_settings, optimizer.amsgrad), NULL},
    FLOAT(rho),
    FLOAT(beta_1),
    FLOAT(beta_2),
    FLOAT(epsilon),
    FLOAT(weight_decay),
    FLOAT(clipnorm),
    FLOAT(global_clipnorm),
    FLOAT(clipvalue),
    {"accumulation_steps", EC_ATTRIBUTE_INT, offsetof(struct optimizer_settings, optimizer.accumulation_steps), NULL},
    {"use_ema", EC_ATTRIBUTE_INT, offsetof(struct optimizer_settings, optimizer.use_ema), NULL},
    FLOAT(ema_momentum),
    {"ema_overwrite_frequency", EC_ATTRIBUTE_INT,
     offsetof(struct optimizer_settings, optimizer.ema_overwrite_frequency), NULL},
    {"embedding_update", EC_ATTRIBUTE_CHOICE, offsetof(struct optimizer_settings, embedding_update), updates},
    {NULL, EC_ATTRIBUTE_INT, 0, NULL},
};
#undef FLOAT

PyObject *ec_program_set_optimizer(PyObject *object, PyObject *args, PyObject *keywords)
{
    static const char *const kinds[] = {"sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", NULL};
    ec_program_object *self = (ec_program_object *)object;
    struct optimizer_settings settings = {.optimizer = {.rho = 0.9, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7}};
    const char *name;
    if (!PyArg_ParseTuple(args, "s:set_optimizer", &name)) {
        return NULL;
    }
    int kind = 0;
    while (kinds[kind] && strcmp(kinds[kind], name)) {
        kind++;
    }
    if (!kinds[kind]) {
        return PyErr_Format(PyExc_ValueError,
                            "optimizer '%s'; allowed are sgd, adam, rmsprop, adagrad, adadelta, adamax, nadam", name);
    }
    if (ec_attributes_set(&settings, optimizer_attributes, keywords, name) < 0) {
        return NULL;
    }
    struct ec_optimizer *optimizer = &settings.optimizer;
    if ((optimizer->clipnorm > 0) + (optimizer->global_clipnorm > 0) + (optimizer->clipvalue > 0) > 1) {
        PyErr_SetString(PyExc_ValueError, "only one of clipnorm, global_clipnorm and clipvalue may be set");
        return NULL;
    }
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    optimizer->kind = (enum ec_optimizer_kind)kind; /* kinds is in the order of the enum */
    optimizer->dense_tables = settings.embedding_update;
    self->program->optimizer = *optimizer;
    self->has_optimizer = 1;
    ec_program_leave(self->program);
    Py_RETURN_NONE;
}

/* Whether a bound array still has its memory, should a version of NumPy move it in spite of its guard. */
static int in_place(PyObject *array, const void *data, int64_t size)
{
    return PyArray_DATA((PyArrayObject *)array) == data && PyArray_SIZE((PyArrayObject *)array) == size;
}

static int arrays_in_place(const struct ec_parameter *parameter, const struct ec_binding *binding)
{
    int same = (!parameter->value || in_place(binding->value, parameter->value, parameter->size)) &&
               in_place(binding->steps, parameter->steps, 1) && ec_stored_in_place(parameter, binding->stored);
    for (int slot = 0; same && slot < parameter->slot_count; slot++) {
        same = in_place(binding->slots[slot], parameter->slots[slot], parameter->size);
    }
    same = same && (!parameter->average || in_place(binding->average, parameter->average, parameter->size));
    same = same && (!parameter->accumulator || in_place(binding->accumulator, parameter->accumulator, parameter->size));
    same = same && (!parameter->moves || in_place(binding->moves, parameter->moves, 1 + parameter->dims[0]));
    same = same && (!parameter->row_learns || in_place(binding->row_learns, parameter->row_learns, parameter->dims[0]));
    return same && (!parameter->touched || in_place(binding->touched, parameter->touched, parameter->dims[0]));
}

int ec_check_bound(const ec_program_object *self, enum ec_run run)
{
    const struct ec_program *program = self->program;
    const struct ec_optimizer *optimizer = &program->optimizer;
    int learns = run == EC_RUN_TRAIN || run == EC_RUN_UPDATE, slots = learns ? ec_optimizer_slots(optimizer) : 0;
    for (int i = 0; i < program->parameter_count; i++) {
        const struct ec_parameter *parameter = &program->parameters[i];
        if (!parameter->value && !parameter->stored) {
            PyErr_Format(PyExc_RuntimeError, "parameter %s is not bound", parameter->name);
            return -1;
        }
        if (!arrays_in_place(parameter, &self->bindings[i])) {
            PyErr_Format(PyExc_RuntimeError, "an array bound to parameter %s has moved; bind it again",
                         parameter->name);
            return -1;
        }
        if (ec_check_stored(parameter) < 0) {
            return -1;
        }
        if (parameter->trainable && parameter->slot_count < slots) {
            PyErr_Format(PyExc_RuntimeError, "parameter %s is bound with %d slots; the optimizer needs %d",
                         parameter->name, parameter->slot_count, slots);
            return -1;
        }
        if (learns && parameter->trainable && parameter->is_table &&
            (parameter->rules.l1 != 0.0 || parameter->rules.l2 != 0.0) &&
            !parameter->rules.all_rows != !optimizer->dense_tables) {
            PyErr_Format(PyExc_RuntimeError, "parameter %s is bound with all_rows = %d; embedding_update is '%s'",
                         parameter->name, parameter->rules.all_rows, updates[optimizer->dense_tables]);
            return -1;
        }
        int sums = optimizer->accumulation_steps > 1;
        if (learns && parameter->trainable &&
            ((optimizer->use_ema && !parameter->average) || (sums && !parameter->accumulator) ||
             (sums && parameter->is_table && !parameter->touched))) {
            PyErr_Format(PyExc_RuntimeError,
                         "parameter %s is bound without the average or accumulator of the optimizer", parameter->name);
            return -1;
        }
    }
    return 0;
}
