/* What a program tells of its last step, as attributes: sums of losses, masks of outputs, what the operations cost. */
#include "python/program.h"

PyObject *ec_output_list(struct ec_program *program)
{
    PyObject *list = PyList_New(program->output_count);
    for (int i = 0; list && i < program->output_count; i++) {
        const struct ec_tensor *tensor = &program->tensors[program->outputs[i]];
        PyObject *array = ec_output_array(program, tensor);
        if (!array) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, array);
        }
    }
    ec_program_drop_blocks(program); /* of those that were copied */
    return list;
}

static PyObject *loss_values(const struct ec_program *program, int correct)
{
    PyObject *tuple = PyTuple_New(program->loss_count);
    for (int i = 0; tuple && i < program->loss_count; i++) {
        const struct ec_loss *loss = program->losses[i]->state;
        PyObject *value = correct ? PyLong_FromLongLong(loss->correct) : PyFloat_FromDouble(loss->value);
        if (!value) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, value);
        }
    }
    return tuple;
}

static PyTypeObject *step_result_type; /* of the process */

PyObject *ec_step_result(struct ec_program *program, double weights_total, int want_outputs)
{
    PyObject *result = PyStructSequence_New(step_result_type);
    PyObject *parts[] = {loss_values(program, 0), PyFloat_FromDouble(weights_total), loss_values(program, 1),
                         want_outputs ? ec_output_list(program) : Py_NewRef(Py_None)};
    int complete = result != NULL;
    for (int i = 0; i < 4; i++) {
        complete &= parts[i] != NULL;
        if (result) {
            PyStructSequence_SET_ITEM(result, i, parts[i]);
        } else {
            Py_XDECREF(parts[i]);
        }
    }
    if (!complete) {
        Py_CLEAR(result);
    }
    return result;
}

int ec_python_add_step_result(PyObject *module)
{
    static PyStructSequence_Field fields[] = {
        {"losses", "Each loss, times its weight."},
        {"weights_total", "Sum of the sample weights, a mean over the losses."},
        {"correct", "How many answers of each loss were right."},
        {"outputs", "The outputs as new arrays, or None where they were not wanted."},
        {NULL, NULL},
    };
    static PyStructSequence_Desc description = {
        .name = "embedcnn._core.StepResult",
        .doc = "What train_step, gradient_step and test_step return.",
        .fields = fields,
        .n_in_sequence = 4,
    };
    if (!step_result_type) {
        step_result_type = PyStructSequence_NewType(&description);
    }
    return step_result_type ? PyModule_AddObjectRef(module, "StepResult", (PyObject *)step_result_type) : -1;
}

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

/* (dtype, steps, dims) of a tensor, in the form of an input's. */
static PyObject *shape_of(const struct ec_tensor *tensor)
{
    PyObject *dims = PyTuple_New(tensor->rank);
    for (int i = 0; dims && i < tensor->rank; i++) {
        PyObject *size = PyLong_FromLongLong(tensor->dims[i]);
        if (!size) {
            Py_CLEAR(dims);
        } else {
            PyTuple_SET_ITEM(dims, i, size);
        }
    }
    PyObject *steps = tensor->steps == EC_NO_STEPS ? Py_NewRef(Py_None) : PyLong_FromLongLong(tensor->steps);
    const char *dtype = tensor->dtype == EC_IDS ? "int32" : "float32";
    if (!dims || !steps) {
        Py_XDECREF(dims);
        Py_XDECREF(steps);
        return NULL;
    }
    return Py_BuildValue("sNN", dtype, steps, dims);
}

static PyObject *program_shapes(PyObject *object, void *unused)
{
    (void)unused;
    const struct ec_program *program = ((ec_program_object *)object)->program;
    PyObject *list = PyList_New(program->tensor_count);
    for (int i = 0; list && i < program->tensor_count; i++) {
        PyObject *shape = shape_of(&program->tensors[i]);
        if (!shape) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, shape);
        }
    }
    return list;
}

static PyObject *program_penalty(PyObject *object, void *of_weights)
{
    ec_program_object *self = (ec_program_object *)object;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    double penalty = of_weights ? self->program->penalties.value : ec_program_penalty(self->program);
    ec_program_leave(self->program);
    return PyFloat_FromDouble(penalty);
}

static PyObject *program_loss_sums(PyObject *object, void *unused)
{
    (void)unused;
    ec_program_object *self = (ec_program_object *)object;
    const struct ec_program *program = self->program;
    if (ec_program_enter_or_raise(self) < 0) {
        return NULL;
    }
    PyObject *tuple = PyTuple_New(program->loss_count);
    for (int i = 0; tuple && i < program->loss_count; i++) {
        const struct ec_loss_sums *sums = &((const struct ec_loss *)program->losses[i]->state)->sums;
        PyObject *entry = Py_BuildValue("dddd", sums->weighted, sums->weights, sums->plain, sums->rows);
        if (!entry) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, i, entry);
        }
    }
    ec_program_leave(self->program);
    return tuple;
}

/* Of each output in the last step. */
static PyObject *program_output_masks(PyObject *object, void *unused)
{
    (void)unused;
    ec_program_object *self = (ec_program_object *)object;
    const struct ec_program *program = self->program;
    if (ec_program_enter_or_raise(self) < 0) { /* a step would take the layouts away */
        return NULL;
    }
    PyObject *list = PyList_New(program->output_count);
    for (int i = 0; list && i < program->output_count; i++) {
        PyObject *mask = ec_mask_array(&program->tensors[program->outputs[i]]);
        if (!mask) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, mask);
        }
    }
    ec_program_leave(self->program);
    return list;
}

/* What the arena holds; with `of_step`, what the last step took of it. */
static PyObject *program_bytes(PyObject *object, void *of_step)
{
    ec_program_object *self = (ec_program_object *)object;
    if (ec_program_enter_or_raise(self) < 0) { /* a run takes further chunks without the lock */
        return NULL;
    }
    const struct ec_arena *arena = &self->program->arena;
    size_t bytes = of_step ? arena->total + self->program->step.block_bytes : ec_arena_bytes(arena);
    ec_program_leave(self->program);
    return PyLong_FromSize_t(bytes);
}

/* ((forward ns, backward ns, bytes, floating-point operations) of each operation, plan ns, update ns) */
static PyObject *program_costs(PyObject *object, void *unused)
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
        PyObject *entry = Py_BuildValue("LLnd", (long long)cost->forward_ns, (long long)cost->backward_ns,
                                        (Py_ssize_t)cost->bytes, cost->work);
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

/* Numbers of the parameters that a step gives a gradient, as they are bound now. */
static PyObject *program_learning(PyObject *object, void *unused)
{
    (void)unused;
    ec_program_object *self = (ec_program_object *)object;
    const struct ec_program *program = self->program;
    PyObject *list = PyList_New(0);
    if (!list || ec_program_enter_or_raise(self) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    for (int i = 0; list && i < program->parameter_count; i++) {
        if (!ec_parameter_learns(&program->parameters[i])) {
            continue;
        }
        PyObject *number = PyLong_FromLong(i);
        if (!number || PyList_Append(list, number) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(number);
    }
    ec_program_leave(self->program);
    return list;
}

PyGetSetDef ec_program_getters[] = {
    {"learning", program_learning, NULL,
     "Numbers of the parameters that a training step gives a gradient: trainable as bound, and a loss depends on them.",
     NULL},
    {"shapes", program_shapes, NULL,
     "Of each tensor (dtype, steps, dims): steps None for one row a text, -1 for any number, or how many; dims of a "
     "row.",
     NULL},
    {"penalty", program_penalty, NULL, "What regularizers added to the loss of the last step.", NULL},
    {"weight_penalty", program_penalty, NULL, "What those of weights did alone.", "of weights"},
    {"loss_sums", program_loss_sums, NULL,
     "Of each loss in the last step, over the rows that count: the sum of weighted losses, of weights, of losses "
     "without weights, and how many rows.",
     NULL},
    {"output_masks", program_output_masks, NULL,
     "Of each output in the last step: bool [B, T], True where a step counts; None where all do.", NULL},
    {"costs", program_costs, NULL,
     "Of the last step, where it was timed: ((forward, backward, bytes) of each operation, plan, update), "
     "times in nanoseconds.",
     NULL},
    {"workspace_bytes", program_bytes, NULL, "Bytes that activations and workspace hold.", NULL},
    {"step_bytes", program_bytes, NULL, "Bytes of them that the last step took.", "of step"},
    {NULL, NULL, NULL, NULL, NULL},
};
