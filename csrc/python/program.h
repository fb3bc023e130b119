/* The type embedcnn._core.Program, as the files program_*.c of this folder share it. */
#ifndef EC_PYTHON_PROGRAM_H
#define EC_PYTHON_PROGRAM_H

#include "python/module.h"

#include "program/program.h"

/* The arrays that a parameter borrows from; each a strong reference or NULL. */
struct ec_binding {
    PyObject *value, *steps, *slots[EC_MAX_SLOTS], *average, *accumulator, *touched, *moves, *row_learns, *stored;
    PyObject *guards; /* weak references to all of them: NumPy moves no array that has one, whatever it is told */
};

typedef struct {
    PyObject_HEAD struct ec_program *program;
    PyObject *names;             /* list of the strings that the program's names point into */
    struct ec_binding *bindings; /* [parameter_count] */
    PyObject *functions;         /* dict: number of an external operation to its (forward, backward), or NULL */
    int has_optimizer;
    int may_borrow;     /* the run that begins is the last one to read its inputs */
    PyObject *borrowed; /* list of the arrays that it reads in place, or NULL */
} ec_program_object;

/* program_spec.c: fills self from the constructor's arguments; 0, or -1 with an exception set. */
int ec_program_build(ec_program_object *self, PyObject *inputs, PyObject *parameters, PyObject *operations,
                     PyObject *outputs);
/* Sets the attributes of an operation, or of anything with a table of them, from a dict. */
int ec_attributes_set(void *state, const struct ec_attribute *attributes, PyObject *settings, const char *owner);

/* ValueError with what the core reports, which may have been cut inside a character. */
void ec_program_raise(const struct ec_report *report);

/* program_bind.c: the methods bind and set_optimizer, entered. */
PyObject *ec_program_bind(ec_program_object *self, PyObject *args, PyObject *keywords);
PyObject *ec_program_set_optimizer(PyObject *object, PyObject *args, PyObject *keywords);
void ec_binding_clear(struct ec_binding *binding);
/* The rows of a table that are kept in fewer bits, from `stored` of bind (None: they are not); -1 with an exception. */
int ec_set_stored(struct ec_parameter *made, PyObject *stored, int trainable);
/* Whether their array still has its memory. */
int ec_stored_in_place(const struct ec_parameter *parameter, PyObject *stored);
/* -1 with an exception where a table that is stored so cannot do what a step asks for. */
int ec_check_stored(const struct ec_parameter *parameter);
/* Every parameter has its arrays, and every trainable one those of the optimizer where an update is to come. */
int ec_check_bound(const ec_program_object *self, enum ec_run run);
int ec_program_enter_or_raise(ec_program_object *self);

/* The number of a step: an int, or an int64 array of one element, which an update counts up in the same call, so that
 * no signal can come between. */
struct ec_step_number {
    unsigned long long value;
    int64_t *counter; /* NULL where it was an int */
};
/* A converter for "O&". */
int ec_step_number_parse(PyObject *value, void *number);

/* program_inputs.c: checks and copies what a step is given into the program's arena; 0, or -1 with an exception set. */
int64_t ec_inputs_batch(ec_program_object *self, PyObject *inputs); /* B of the first input, or -1; inputs: a tuple */
int ec_inputs_copy(ec_program_object *self, PyObject *inputs);
int ec_output_gradients_copy(ec_program_object *self, PyObject *d_outputs);
/* Memory of the arena; NULL with MemoryError. */
void *ec_program_take(ec_program_object *self, int64_t count, size_t size);

/* program_borrowed.c: the values of a C-contiguous float32 array, in place where it is large and the run may do so,
 * else a copy in the arena; NULL with an exception. What is borrowed stays alive until ec_inputs_release. */
float *ec_input_values(ec_program_object *self, PyArrayObject *array);
void ec_inputs_release(ec_program_object *self);

/* arrays.c: conversions and checks. */
/* The items of a list of `count` arrays as a new tuple, which no other thread can change; NULL with an exception. */
PyObject *ec_list_items(PyObject *list, int count, const char *name);
/* A new reference to a C-contiguous array of integers, int32 or int64. */
PyArrayObject *ec_integer_array(PyObject *value, const char *name);
/* A new reference to a C-contiguous float32 array. */
PyArrayObject *ec_float_array(PyObject *value, const char *name);
int ec_raise_shape(const char *name, PyArrayObject *array, const char *expected); /* ValueError; -1 */
/* out[i] = in[i], each inside [0, limit); the index of the first that is not, or -1. */
int64_t ec_copy_in_range(int32_t *out, PyArrayObject *in, int64_t count, int64_t limit);
/* "x[17, 3] = 10000 is outside [0, 10000)", with the indices along the first `axes` axes; -1. */
int ec_raise_out_of_range(const char *name, PyArrayObject *array, int64_t i, int axes, int64_t limit);
/* A value of an array of integers, by its place in memory. */
long long ec_integer_at(PyArrayObject *array, int64_t i);

/* padded.c: a new float32 array of a tensor's values or gradient, [B, ...], or [B, T, ...] with zeros where there is no
 * step. */
PyObject *ec_tensor_array(const struct ec_tensor *tensor, const float *values);
/* The same of an output behind a run, which gives its block away where it has one. */
PyObject *ec_output_array(struct ec_program *program, const struct ec_tensor *tensor);
/* [B, T] of bool, True where a step of a tensor counts; None where all do. */
PyObject *ec_mask_array(const struct ec_tensor *tensor);
/* ValueError unless an array has the shape that ec_tensor_array gives. */
int ec_check_tensor_shape(PyArrayObject *array, const struct ec_tensor *tensor, const char *what);
/* Adds what a padded form holds of the stored rows. */
void ec_add_padded(float *rows, const float *padded, const struct ec_tensor *tensor);

/* program_external.c: set_function(operation, forward, backward). */
PyObject *ec_program_set_function(ec_program_object *self, PyObject *args);
/* Forgets all of them, so that a function may hold what holds the program. */
void ec_program_clear_functions(ec_program_object *self);

/* program_gradients.c: the gradients of a step as arrays, and an update from such arrays. */
PyObject *ec_program_gradient(PyObject *object, PyObject *number);
PyObject *ec_program_input_gradient(PyObject *object, PyObject *number);
PyObject *ec_program_update(PyObject *object, PyObject *args, PyObject *keywords);
/* program_shares.c: calls function(divisors) -> those of the whole batch, and takes the shares; and gradient_into. */
int ec_shares_take(ec_program_object *self, PyObject *function);
PyObject *ec_program_gradient_into(PyObject *object, PyObject *args);
/* program.c: runs with the lock given up; 0, or -1 with an exception that names `what`. */
int ec_program_run_or_raise(ec_program_object *self, enum ec_run kind, const char *what);

/* program_results.c: what a step returns, the attributes, and the method set_timed. */
PyObject *ec_output_list(struct ec_program *program);
PyObject *ec_step_result(struct ec_program *program, double weights_total, int want_outputs);
int ec_python_add_step_result(PyObject *module);
extern PyGetSetDef ec_program_getters[];
PyObject *ec_program_set_timed(PyObject *object, PyObject *timed);

/* program_losses.c: the same for targets and weights. */
int ec_targets_copy(ec_program_object *self, PyObject *targets);
/* None, an array for all losses, or a tuple with one for each. */
int ec_weights_copy(ec_program_object *self, PyObject *sample_weight, double *total);
/* Whether a Python function computes one of the losses. */
int ec_losses_are_given(const struct ec_program *program);
/* Calls function(predictions, masks, penalty) -> ([(losses, gradients), ...], scale): of each given loss its
 * predictions and the mask of their steps or None; what penalties add to the losses, and what multiplies their
 * gradients. */
int ec_losses_give(ec_program_object *self, PyObject *function);

#endif
