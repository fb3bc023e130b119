/* What the operations of a step cost: for profiles of a training. A program that is not timed notes no times. */
#include "python/program.h"

PyObject *ec_program_set_timed(PyObject *object, PyObject *timed)
{
    ec_program_object *self = (ec_program_object *)object;
    int is_timed = PyObject_IsTrue(timed);
    if (is_timed < 0 || ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    self->program->timed = is_timed;
    ec_program_leave(self->program);
    Py_RETURN_NONE;
}

/* ((forward ns, backward ns, bytes) of each operation, plan ns, update ns) */
PyObject *ec_program_costs(PyObject *object, void *unused)
{
    (void)unused;
    ec_program_object *self = (ec_program_object *)object;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    struct ec_program *program = self->program;
    PyObject *costs = PyTuple_New(program->op_count), *result = NULL;
    for (int i = 0; costs && i < program->op_count; i++) {
        const struct ec_op_cost *cost = &program->ops[i].cost;
        PyObject *entry =
            Py_BuildValue("LLn", (long long)cost->forward_ns, (long long)cost->backward_ns, (Py_ssize_t)cost->bytes);
        if (!entry) {
            Py_CLEAR(costs);
        } else {
            PyTuple_SET_ITEM(costs, i, entry);
        }
    }
    if (costs) {
        result = Py_BuildValue("NLL", costs, (long long)program->plan_ns, (long long)program->update_ns);
    }
    ec_program_leave(program);
    return result;
}
