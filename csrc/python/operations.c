/* operations(): what the core says of its operations (struct ec_op_type), as a dict of dicts, so that no list in Python
 * repeats it. */
#include "python/module.h"

#include "ops/op.h"

/* d[name] = value, which is taken over; 0, or -1 with an exception. */
static int set(PyObject *dict, const char *name, PyObject *value)
{
    int result = value ? PyDict_SetItemString(dict, name, value) : -1;
    Py_XDECREF(value);
    return result;
}

/* (least, most), None for any number. */
static PyObject *bounds_of(struct ec_bounds bounds)
{
    return bounds.most >= EC_ANY_NUMBER ? Py_BuildValue("iO", bounds.least, Py_None)
                                        : Py_BuildValue("ii", bounds.least, bounds.most);
}

static PyObject *dtypes_of(const struct ec_input_rule *rule)
{
    static const char *const names[] = {"ids", "tokens", "floats", "frame"};
    PyObject *list = PyList_New(0), *tuple = NULL;
    for (int i = 0; list && i < 4; i++) {
        PyObject *name = rule->dtypes & (1 << i) ? PyUnicode_FromString(names[i]) : NULL;
        if ((rule->dtypes & (1 << i)) && (!name || PyList_Append(list, name) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    if (list) {
        tuple = PyList_AsTuple(list);
        Py_DECREF(list);
    }
    return tuple;
}

/* (dtypes, whether it must have steps or None where both will do, (least, most) inner axes) */
static PyObject *rule_of(const struct ec_input_rule *rule)
{
    PyObject *steps = rule->steps == EC_STEPS_OR_NONE ? Py_None : rule->steps == EC_STEPS ? Py_True : Py_False;
    PyObject *dtypes = dtypes_of(rule);
    return dtypes ? Py_BuildValue("NO(ii)", dtypes, steps, rule->rank.least, rule->rank.most) : NULL;
}

static PyObject *ranks_of(const struct ec_op_type *type)
{
    int most = (int)(sizeof type->parameter_ranks / sizeof *type->parameter_ranks), count = 0;
    while (count < most && type->parameter_ranks[count].most) {
        count++;
    }
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *bounds = bounds_of(type->parameter_ranks[i]);
        if (!bounds) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, bounds);
        }
    }
    return tuple;
}

static PyObject *attributes_of(const struct ec_op_type *type)
{
    Py_ssize_t count = 0;
    while (type->attributes && type->attributes[count].name) {
        count++;
    }
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        PyObject *name = PyUnicode_FromString(type->attributes[i].name);
        if (!name) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, name);
        }
    }
    return tuple;
}

static PyObject *facts_of(const struct ec_op_type *type)
{
    static const char *const mixing[] = {"nothing", "steps", "by kernel", "by axes"};
    const struct {
        const char *name;
        int value;
    } flags[] = {
        {"is_random", type->is_random},
        {"only_trains", type->only_trains},
        {"reads_table", type->reads_table},
        {"is_loss", type->is_loss},
        {"is_given", type->is_given},
        {"is_external", type->is_external},
        {"plans_from_values", type->plans_from_values},
        {"takes_labels", type->takes_labels != NULL},
        {"has_penalty", type->penalty != NULL},
    };
    PyObject *facts = PyDict_New();
    int failed =
        !facts || set(facts, "inputs", bounds_of(type->inputs)) < 0 ||
        set(facts, "outputs", bounds_of(type->outputs)) < 0 ||
        set(facts, "parameters", bounds_of(type->parameters)) < 0 ||
        set(facts, "parameter_ranks", ranks_of(type)) < 0 || set(facts, "first_input", rule_of(&type->first)) < 0 ||
        set(facts, "other_inputs", rule_of(type->others.dtypes ? &type->others : &type->first)) < 0 ||
        set(facts, "attributes", attributes_of(type)) < 0 || set(facts, "states", PyLong_FromLong(type->states)) < 0 ||
        set(facts, "mixing", PyUnicode_FromString(mixing[type->mixing])) < 0;
    for (size_t i = 0; !failed && i < sizeof flags / sizeof *flags; i++) {
        failed = set(facts, flags[i].name, PyBool_FromLong(flags[i].value)) < 0;
    }
    if (failed) {
        Py_CLEAR(facts);
    }
    return facts;
}

static PyObject *operations(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyObject *dict = PyDict_New();
    for (const struct ec_op_type *const *type = ec_op_types; dict && *type; type++) {
        if (set(dict, (*type)->name, facts_of(*type)) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyMethodDef methods[] = {
    {"operations", operations, METH_NOARGS, "operations()\n--\n\nWhat is true of each operation, by its name."},
    {NULL, NULL, 0, NULL},
};

int ec_python_add_operations(PyObject *module) { return PyModule_AddFunctions(module, methods); }
