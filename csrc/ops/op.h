/* What an operation of a program is: its type (a table of functions), its tensors and its parameters.
 *
 * The program calls, per batch: plan of each operation (one thread: shapes, memory from the arena), then inside one
 * parallel region forward of each in order and backward of each in reverse. forward and backward are called by every
 * thread of the team; when one is called, all that was written before is visible, so each ends with a barrier. */
#ifndef EC_OPS_OP_H
#define EC_OPS_OP_H

#include "base/memory.h"
#include "base/threads.h"
#include "batch/distinct.h"
#include "batch/layout.h"
#include "batch/reduction.h"
#include "batch/windows.h"
#include "grad/parameter.h"
#include "kernels/kernels.h"
#include "matrix/few_rows.h"
#include "matrix/product.h"

#include <stddef.h>
#include <stdint.h>

/* What the values of a tensor are. */
enum ec_dtype {
    EC_IDS = 1,    /* int32: numbers of rows of a table */
    EC_TOKENS = 2, /* float32 that a lookup made of ids: rows of its distinct ids, by number */
    EC_FLOATS = 4, /* float32 */
    EC_FRAME = 8   /* no values: the steps that a fold took apart */
};
/* Of ec_tensor.steps, besides a number. */
enum {
    EC_ANY_STEPS = -1,
    EC_NO_STEPS = -2
};

/* Rows of a table that a batch needs, once each (made by lookup, read by embed and the fused operations). */
struct ec_lookup_rows {
    int64_t count;                     /* U distinct ids; values has one row more, of zeros */
    int64_t learning;                  /* of these the first so many have a gradient; the others are rows that rest */
    int64_t limit;                     /* V, rows of the table */
    int64_t width;                     /* D */
    int64_t stride;                    /* D rounded up to whole cache lines, zeros behind D */
    float *values;                     /* NULL where no operation reads them */
    struct ec_table_rows token_values; /* for those that read token by token: `values`, or the table itself ... */
    int tokens_far;                    /* ... whose rows are often in no cache */
    float *d_values;                   /* [learning] rows, NULL where the table is frozen */
    struct ec_row_maker maker;         /* of these rows; its `writers` have been planned to write d_values */
};

/* In padded form [B, steps, dims ...], or [B, dims ...] where steps is EC_NO_STEPS: a row for each step of each text,
 * or one for each text. Of a weight, and what is computed from weights alone, there is one row in all: [dims ...]. */
struct ec_tensor {
    enum ec_dtype dtype;
    int64_t steps; /* T where it is the same for all batches (a masked text may end before), or as above */
    int single;    /* one row in all, no steps */
    int rank;      /* dimensions of a row; 0: one number */
    int64_t dims[EC_MAX_RANK];
    int64_t cols;             /* their product: values of a row */
    int64_t channels;         /* the last of them: a row is cols / channels vectors */
    int is_input;             /* given by the caller */
    int leaves;               /* an output of the program, or of the same values as one */
    const char *name;         /* inputs only */
    int64_t id_limit;         /* ids only: the smallest table that reads them */
    struct ec_tensor *ids_of; /* ids only: the tensor that they were folded from; or NULL */
    int needs_values;         /* EC_TOKENS: an operation reads lookup->values */

    /* of the step that runs */
    const struct ec_layout *layout; /* NULL without steps */
    int64_t rows;                   /* layout->rows, or texts */
    float *data;                    /* [rows x cols] */
    float *block;                   /* data that the caller may take with it, outside the arena; or NULL */
    float *grad;                    /* the same, NULL where nothing upstream learns */
    const int32_t *ids;             /* EC_IDS: [rows] */
    const int32_t *token_rows;      /* EC_TOKENS: [rows] row of `lookup`, -1 for a masked token; NULL: none is asked */
    const int32_t *token_at;        /* EC_TOKENS: [rows] row of lookup->token_values, -1 for a masked token */
    struct ec_lookup_rows *lookup;
    int repeats; /* padded form repeats the step before a masked one, instead of zeros */
    int needs_grad;
    int writers; /* operations that have been planned to write grad */
};

struct ec_step {
    struct ec_arena *arena;
    int64_t batch;               /* texts of the inputs; an operation asks its tensors */
    int training;                /* dropout is active */
    int backward;                /* a backward pass will follow */
    int hands_over;              /* the caller takes the outputs, and nothing reads them after this run */
    size_t block_bytes;          /* of outputs that leave */
    int threads;                 /* largest team */
    uint64_t key;                /* (seed, step) */
    double penalty_scale;        /* what multiplies the gradients of penalties */
    enum ec_precision precision; /* of all matrix products */
    double work;                 /* floating-point operations, roughly: too few are not worth a team */
    double back_work;            /* of the backward pass, where `work` counts the forward pass alone: for profiles */
    struct ec_report report;     /* what was wrong, where plan returns EC_BAD_VALUE */
};

struct ec_op;
struct ec_loss_rule;
enum ec_attribute_kind {
    EC_ATTRIBUTE_INT,   /* int, within 2^20 either way */
    EC_ATTRIBUTE_COUNT, /* int64_t */
    EC_ATTRIBUTE_FLOAT, /* double */
    EC_ATTRIBUTE_CHOICE /* int: index of `choices` */
};
/* A setting of an operation, at `offset` of its state. */
struct ec_attribute {
    const char *name;
    enum ec_attribute_kind kind;
    size_t offset;
    const char *const *choices; /* NULL at the end */
};

/* How many, or of what rank. */
struct ec_bounds {
    int least, most;
};
enum {
    EC_ANY_NUMBER = 1 << 16
};

/* What a tensor must be that an operation reads. */
struct ec_input_rule {
    int dtypes; /* of enum ec_dtype, added up */
    enum ec_steps_rule {
        EC_STEPS_OR_NONE,
        EC_STEPS,
        EC_WITHOUT_STEPS
    } steps;
    struct ec_bounds rank; /* of a row */
};

/* Whether a result at one step of a text depends on other steps. */
enum ec_mixing {
    EC_MIXES_NOTHING,
    EC_MIXES_STEPS,
    EC_MIXES_BY_KERNEL, /* unless its first parameter, a kernel, has one tap */
    EC_MIXES_BY_AXES    /* where its attribute `axes` says that it works along the steps */
};

/* What is true of all operations of a type, and the functions that do it. `_core.operations()` hands the facts on. */
struct ec_op_type {
    const char *name;
    size_t state_bytes;
    const void *defaults;                  /* first state, or NULL: zeros */
    const struct ec_attribute *attributes; /* ends with a NULL name; or NULL */

    struct ec_bounds inputs, outputs, parameters; /* how many; infer checks what depends on attributes */
    struct ec_input_rule first, others;  /* of the first input, and of those behind it; no dtypes: as the first */
    struct ec_bounds parameter_ranks[5]; /* in their order; the last that is given counts for all behind it */
    int states;                          /* that a stateful one carries from run to run, behind its parameters */
    enum ec_mixing mixing;
    int is_random;
    int only_trains;       /* but for training its output is its input */
    int reads_table;       /* its parameter is a table, whose gradient is row-sparse */
    int reads_each_token;  /* tokens: it reads lookup->token_values, not the block of distinct rows */
    int is_loss;           /* its first input are predictions */
    int is_given;          /* a loss whose values are computed outside, between two runs */
    int is_external;       /* called between parallel regions; has no forward and backward of its own */
    int plans_from_values; /* plan reads data of the first input: what computes it runs before */
    int starts_gradient;   /* it has a gradient to pass back even where nothing after it has one */
    int joins_single;      /* inputs with a row for each text and with one row in all may meet in it */
    int shares_values;     /* the data of its output may be that of its first input */

    const struct ec_loss_rule *loss_rule; /* ops/loss.h: a loss that is a sum over rows; or NULL */
    /* Losses that can have int32 labels [rows] as targets rather than floats [rows x cols]: whether this one has. */
    int (*takes_labels)(const struct ec_op *op);
    /* What the last step added to the loss besides losses; or NULL. */
    double (*penalty)(const struct ec_op *op);
    /* What its part of the loss is divided by in this step, as rows or texts; NaN: by nothing. NULL: it adds to no
     * loss. */
    double (*divisor)(const struct ec_op *op);

    /* Once, behind the checks of the facts above: checks the rest and sets the outputs' shapes, which are the first
     * input's until then. EC_BAD_VALUE with a report. NULL: nothing to do. */
    ec_status (*infer)(struct ec_op *op, struct ec_report *report);
    ec_status (*plan)(struct ec_op *op, struct ec_step *step);
    void (*forward)(struct ec_op *op, const struct ec_step *step, struct ec_team *team);
    /* Writes grad of the inputs that need it and the gradients of trainable parameters, adding where `adds_...` says
     * so. */
    void (*backward)(struct ec_op *op, const struct ec_step *step, struct ec_team *team);
    void (*clear)(struct ec_op *op); /* frees what infer allocated in the state; or NULL */
};

struct ec_op {
    const struct ec_op_type *type;
    int input_count, output_count, parameter_count;
    struct ec_tensor **inputs, **outputs;
    struct ec_parameter **parameters;
    int active;              /* of the step: it has a gradient to pass back */
    double share;            /* of the step: its divisor over that of the whole batch, of which several processes have a
                              * part each; 1: this is the whole batch. Its backward multiplies by it */
    uint8_t *adds_input;     /* of the step: an operation after this one writes this input's grad first */
    uint8_t *adds_parameter; /* the same for parameter gradients */
    void *state;
    struct ec_op_cost { /* of the last step, where the program is timed */
        int64_t forward_ns, backward_ns;
        size_t bytes; /* memory that it took: outputs and workspace */
        double work;  /* floating-point operations of both passes, roughly */
    } cost;
};

/* What a loss operation gets and gives; the first member of the state of each loss. */
struct ec_loss {
    const void *targets;          /* in padded form, checked: int32 [B, (T), ...] or float [B, (T), ..., channels] */
    int64_t target_width;         /* T of the targets, 0 where they have no time axis */
    const float *sample_weight;   /* [B], or [B, T], or of each loss, in padded form; or NULL */
    int64_t weight_width;         /* T of the weights, 0 where they have no time axis */
    int weight_each;              /* they have all axes of the predictions but the last */
    int has_ignored, ignored;     /* labels only: a label that does not count, given as -1 in targets */
    double value;                 /* the step's mean loss, weighted */
    int64_t correct;              /* vectors predicted right, of labels also ignored ones */
    struct ec_loss_sums {         /* over the vectors that count, before the reduction and the loss weight */
        double weighted, weights; /* sum of w l, and of w */
        double plain, rows;       /* sum of l, and how many they are */
    } sums;
};

/* What the program calls for an operation that is computed outside of the core: forward, or back its backward, which
 * writes or adds gradients as any operation. Any other status than EC_OK ends the step before its update. The first
 * member of the state of `external`. */
struct ec_external {
    ec_status (*call)(void *context, struct ec_op *op, const struct ec_step *step, int back);
    void *context;
};

#define EC_OPERATION(name) extern const struct ec_op_type ec_op_##name;
#include "ops/operations.h"
#undef EC_OPERATION
/* How many classes, or values a row, a loss compares with. */
int64_t ec_loss_classes(const struct ec_op *op);
/* given_loss, between forward and backward: losses [B, (T)] and derivatives [B, (T), cols], both in padded form. */
void ec_loss_give(struct ec_op *op, const double *losses, const float *derivatives);
/* The operations by name: NULL where there is none of this name. */
const struct ec_op_type *ec_op_type_named(const char *name);
extern const struct ec_op_type *const ec_op_types[]; /* NULL at the end */

/* -- shapes: the product of sizes that is too large is INT64_MAX, which the builder refuses -- */
void ec_tensor_set_shape(struct ec_tensor *tensor, int64_t steps, int rank, const int64_t *dims);
/* Ids are below this number, in the tensors that they were folded from too. */
void ec_tensor_limit_ids(struct ec_tensor *tensor, int64_t limit);
/* Another last dimension. */
void ec_tensor_set_channels(struct ec_tensor *tensor, int64_t channels);
/* Steps of a tensor that has a row for each window over another. */
int64_t ec_windows_steps(const struct ec_windows *windows, int64_t steps);
/* -- of the step that runs -- */
static inline int64_t ec_tensor_texts(const struct ec_tensor *tensor)
{
    return tensor->layout ? tensor->layout->batch : tensor->rows;
}
/* Along the last dimension, in all rows. */
static inline int64_t ec_tensor_vectors(const struct ec_tensor *tensor)
{
    return tensor->rows * (tensor->cols / tensor->channels);
}
/* The first row of a text; of one behind the last, how many rows there are. */
static inline int64_t ec_tensor_row(const struct ec_tensor *tensor, int64_t text)
{
    return tensor->layout ? tensor->layout->offsets[text] : text;
}
/* Activations that never fall and that fused operations take, in the order of enum ec_activation, NULL at the end. */
extern const char *const ec_rising_activation_names[];

/* Takes data (and grad where needed) of an output whose shape, rows, layout and needs_grad are set: from the arena, or
 * a block of its own where it is large and leaves the core behind the step. */
ec_status ec_tensor_take(struct ec_tensor *tensor, struct ec_step *step);
/* Takes a dense gradient for a parameter (once a step, however many operations use it). */
ec_status ec_parameter_take_gradient(struct ec_parameter *parameter, struct ec_step *step);
/* EC_BAD_VALUE with a report where inputs are of different batches, as texts and what was folded out of them are. */
ec_status ec_op_check_texts(const struct ec_op *op, struct ec_step *step);
/* The output has the rows and layout of the input and needs a gradient if it, or a parameter, does. */
ec_status ec_op_plan_like_input(struct ec_op *op, struct ec_step *step);
/* The same for several inputs: a step is unmasked where it is in one of them, and none is masked where one of them has
 * no mask. Where their steps differ, `differ` is set and the output's layout stands in `layout`. */
ec_status ec_op_plan_like_inputs(struct ec_op *op, struct ec_step *step, struct ec_layout *layout, int *differ);
/* d_bias (+)= column sums of the output's gradient, where parameter 1 is a bias that learns. No barrier. */
void ec_op_bias_gradient(const struct ec_op *op, struct ec_team *team);
/* The gradient before an activation that the operation has behind it, in the place of that of the output, which nobody
 * reads any more. One whose slope follows from its value. Ends with a barrier. */
void ec_op_activation_gradient(const struct ec_op *op, enum ec_activation activation, struct ec_team *team);
/* All gradients that an operation has written, dense ones alone, times a number. Ends with a barrier. */
void ec_op_scale_gradients(const struct ec_op *op, float by, struct ec_team *team);
/* Zeros for the rows of a text in the gradients of all input sequences to which this operation does not add. */
void ec_op_clear_gradients(const struct ec_op *op, int64_t text);
/* Sets needs_grad of an output from the inputs and parameters, and takes the dense gradients of the trainable ones. */
ec_status ec_op_plan_gradients(struct ec_op *op, struct ec_step *step);
/* The product out = a b in the step's precision, with its workspace; its work is added to the step's. */
struct ec_product ec_product_plan(struct ec_step *step, float *out, int64_t out_stride, struct ec_matrix a,
                                  struct ec_matrix b);
/* Checks what the type says of inputs, outputs and parameters, then infer, then the sizes of the outputs. */
ec_status ec_op_infer(struct ec_op *op, struct ec_report *report);
/* Checks that parameters[number] has these dims (-1: any), as many as the type says it has. */
ec_status ec_infer_parameter(const struct ec_op *op, int number, const int64_t *dims, struct ec_report *report);
/* The same where the type leaves the rank open. */
ec_status ec_infer_parameter_of_rank(const struct ec_op *op, int number, int rank, const int64_t *dims,
                                     struct ec_report *report);
/* Checks the settings of a convolution: both at least 1, one of them 1. */
ec_status ec_infer_windows(const struct ec_op *op, const struct ec_windows *window, struct ec_report *report);
/* Attributes and defaults of a convolution whose state has its windows, but for their size, as `window`. */
#define EC_WINDOWS_DEFAULTS {.strides = 1, .dilation = 1}
#define EC_WINDOWS_ATTRIBUTES                                                                                          \
    {"strides", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.strides), NULL},                                     \
        {"dilation_rate", EC_ATTRIBUTE_COUNT, offsetof(struct state, window.dilation), NULL},                          \
    {                                                                                                                  \
        "padding", EC_ATTRIBUTE_CHOICE, offsetof(struct state, window.padding), ec_padding_names                       \
    }
/* The layout of a convolution's windows over the input; EC_BAD_VALUE with a report where texts are too short. */
ec_status ec_op_plan_windows(const struct ec_op *op, const struct ec_windows *window, struct ec_layout *layout,
                             struct ec_step *step);
#endif
