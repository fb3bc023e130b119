/* The type embedcnn._core.Program, as the files program_*.c of this folder share it. */
#ifndef EC_PYTHON_PROGRAM_H
#define EC_PYTHON_PROGRAM_H

#include "python/module.h"

#include "program/program.h"

/* The arrays that a parameter borrows from; each a strong reference or NULL. */
struct ec_binding {
    PyObject *value, *steps, *slots[EC_MAX_SLOTS];
};

typedef struct {
    PyObject_HEAD struct ec_program *program;
    PyObject *names;             /* list of the strings that the program's names point into */
    struct ec_binding *bindings; /* [parameter_count] */
    int has_optimizer;
} ec_program_object;

/* program_spec.c: fills self from the constructor's arguments; 0, or -1 with an exception set. */
int ec_program_build(ec_program_object *self, PyObject *inputs, PyObject *parameters, PyObject *operations,
                     PyObject *outputs);
/* Sets the attributes of an operation, or of anything with a table of them, from a dict. */
int ec_attributes_set(void *state, const struct ec_attribute *attributes, PyObject *settings, const char *owner);

/* ValueError with a message of the core, which may have been cut inside a character. */
void ec_program_raise(const char *message);

/* program_inputs.c: checks and copies what a step is given into the program's arena; 0, or -1 with an exception set. */
/* The items of a list of `count` arrays as a new tuple, which no other thread can change; NULL with an exception. */
PyObject *ec_list_items(PyObject *list, int count, const char *name);
int64_t ec_inputs_batch(ec_program_object *self, PyObject *inputs); /* B of the first input, or -1; inputs: a tuple */
int ec_inputs_copy(ec_program_object *self, PyObject *inputs);
int ec_targets_copy(ec_program_object *self, PyObject *targets);
int ec_weights_copy(ec_program_object *self, PyObject *sample_weight, double *total);
int ec_output_gradients_copy(ec_program_object *self, PyObject *d_outputs);
/* A new float32 array of a tensor's values or gradient: [B, C], or [B, T, C] with zeros where there is no step. */
PyObject *ec_tensor_array(const struct ec_program *program, const struct ec_tensor *tensor, const float *values);

#endif
