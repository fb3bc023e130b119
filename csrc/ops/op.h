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

enum ec_tensor_kind {
    EC_IDS,      /* integers [B, T] or ragged */
    EC_TOKENS,   /* what a lookup makes of them: rows of its distinct ids */
    EC_SEQUENCE, /* floats, one row a token */
    EC_FLAT      /* floats, one row a text */
};

/* Rows of a table that a batch needs, once each (made by lookup, read by embed and the fused operations). */
struct ec_lookup_rows {
    int64_t count;  /* U distinct ids; values has one row more, of zeros */
    int64_t width;  /* D */
    int64_t stride; /* D rounded up to whole cache lines, zeros behind D */
    float *values;
    float *d_values; /* [U] rows, NULL where the table is frozen */
    int writers;     /* operations that have been planned to write d_values */
};

struct ec_tensor {
    enum ec_tensor_kind kind;
    int64_t cols;          /* channels; 0 for ids */
    int is_input;          /* given by the caller */
    int input_length;      /* inputs only: fixed T, or -1 */
    const char *name;      /* inputs only */
    int64_t id_limit;      /* ids only: the smallest table that reads them */
    int wants_grad_always; /* input whose gradient the caller asked for */

    /* of the step that runs */
    const struct ec_layout *layout; /* all but EC_FLAT */
    int64_t rows;                   /* B, or layout->rows */
    float *data;                    /* [rows x cols] */
    float *grad;                    /* the same, NULL where nothing upstream learns */
    const int32_t *ids;             /* EC_IDS: [rows] */
    const int32_t *token_rows;      /* EC_TOKENS: [rows] row of `lookup`, -1 for a masked token */
    struct ec_lookup_rows *lookup;
    int repeats; /* EC_SEQUENCE: padded form repeats the step before a masked one, instead of zeros */
    int needs_grad;
    int writers; /* operations that have been planned to write grad */
};

struct ec_step {
    struct ec_arena *arena;
    int64_t batch;
    int training;                /* dropout is active */
    int backward;                /* a backward pass will follow */
    int threads;                 /* largest team */
    uint64_t key;                /* (seed, step) */
    enum ec_precision precision; /* of all matrix products */
    double work;                 /* floating-point operations, roughly: too few are not worth a team */
    char message[256];           /* what was wrong, where plan returns EC_BAD_VALUE */
};

struct ec_op;
struct ec_loss_rule;
enum ec_attribute_kind {
    EC_ATTRIBUTE_INT,
    EC_ATTRIBUTE_FLOAT,
    EC_ATTRIBUTE_CHOICE
};
/* A setting of an operation, at `offset` of its state: int, double, or int index of `choices`. */
struct ec_attribute {
    const char *name;
    enum ec_attribute_kind kind;
    size_t offset;
    const char *const *choices; /* NULL at the end */
};

struct ec_op_type {
    const char *name;
    size_t state_bytes;
    const void *defaults;                  /* first state, or NULL: zeros */
    const struct ec_attribute *attributes; /* ends with a NULL name; or NULL */
    int is_loss;
    const struct ec_loss_rule *loss_rule; /* ops/loss.h: a loss that is a sum over rows; or NULL */
    int is_external;                      /* called between parallel regions; has no forward and backward of its own */
    int plans_from_values;                /* plan reads data of the first input: what computes it runs before */
    int starts_gradient;                  /* it has a gradient to pass back even where nothing after it has one */
    /* Once: checks inputs and parameters, sets kind and cols of the outputs. EC_BAD_VALUE with `message` set. */
    ec_status (*infer)(struct ec_op *op, char *message, size_t message_bytes);
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
    uint8_t *adds_input;     /* of the step: an operation after this one writes this input's grad first */
    uint8_t *adds_parameter; /* the same for parameter gradients */
    void *state;
    struct ec_op_cost { /* of the last step, where the program is timed */
        int64_t forward_ns, backward_ns;
        size_t bytes; /* memory that it took: outputs and workspace */
    } cost;
};

/* What a loss operation gets and gives; the first member of the state of each loss. */
struct ec_loss {
    const void *targets;  /* int32 [B, (T)] or float [B, (T), cols], in padded form, values checked by the caller */
    int64_t target_width; /* T of the targets, 0 where they have no time axis */
    const float *sample_weight;   /* [B], or [B, T] in padded form; or NULL */
    int64_t weight_width;         /* T of the weights, 0 where they have no time axis */
    int has_ignored, ignored;     /* labels only: a label that does not count, given as -1 in targets */
    double value;                 /* the step's mean loss, weighted */
    int64_t correct;              /* rows predicted right, of labels also ignored ones */
    struct ec_loss_sums {         /* over the rows that count, before the reduction and the loss weight */
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

extern const struct ec_op_type ec_op_ngrams, ec_op_lookup, ec_op_embed, ec_op_token_mean, ec_op_token_conv_pool,
    ec_op_token_conv, ec_op_conv_pool, ec_op_conv1d, ec_op_activation, ec_op_softmax, ec_op_global_max_pool,
    ec_op_global_average_pool, ec_op_max_pool, ec_op_average_pool, ec_op_dense, ec_op_dropout, ec_op_concatenate,
    ec_op_merge, ec_op_flatten, ec_op_layer_normalization, ec_op_simple_rnn, ec_op_lstm, ec_op_gru, ec_op_log_softmax,
    ec_op_rectifier, ec_op_unflatten, ec_op_repeat, ec_op_permute, ec_op_noise, ec_op_unit_normalization, ec_op_masking,
    ec_op_batch_normalization, ec_op_depthwise_conv1d, ec_op_weight_normalization, ec_op_dot, ec_op_external,
    ec_op_cross_entropy, ec_op_focal_cross_entropy, ec_op_element_loss, ec_op_row_loss, ec_op_squared_error,
    ec_op_dense_cross_entropy, ec_op_given_loss, ec_op_activity_penalty;
/* Whether a loss wants int32 labels [rows] rather than floats [rows x cols]. */
int ec_loss_takes_labels(const struct ec_op *op);
/* How many classes, or values a row, a loss compares with. */
int64_t ec_loss_classes(const struct ec_op *op);
/* What an activity_penalty adds to the loss; 0 for other operations. */
double ec_activity_penalty(const struct ec_op *op);
/* given_loss, between forward and backward: losses [B, (T)] and derivatives [B, (T), cols], both in padded form. */
void ec_loss_give(struct ec_op *op, int64_t batch, const double *losses, const float *derivatives);
/* The operations by name: NULL where there is none of this name. */
const struct ec_op_type *ec_op_type_named(const char *name);
extern const struct ec_op_type *const ec_op_types[]; /* NULL at the end */

/* Takes data (and grad where needed) of an output whose kind, rows, layout and needs_grad are set. */
ec_status ec_tensor_take(struct ec_tensor *tensor, struct ec_step *step);
/* Takes a dense gradient for a parameter (once a step, however many operations use it). */
ec_status ec_parameter_take_gradient(struct ec_parameter *parameter, struct ec_step *step);
/* The output has the rows and layout of the input and needs a gradient if it, or a parameter, does. */
ec_status ec_op_plan_like_input(struct ec_op *op, struct ec_step *step);
/* The same for several inputs: a step is unmasked where it is in one of them, and none is masked where one of them has
 * no mask. Where their steps differ, `differ` is set and the output's layout stands in `layout`. */
ec_status ec_op_plan_like_inputs(struct ec_op *op, struct ec_step *step, struct ec_layout *layout, int *differ);
/* Zeros for the rows of a text in the gradients of all input sequences to which this operation does not add. */
void ec_op_clear_gradients(const struct ec_op *op, int64_t text);
/* Sets needs_grad of an output from the inputs and parameters, and takes the dense gradients of the trainable ones. */
ec_status ec_op_plan_gradients(struct ec_op *op, struct ec_step *step);
/* The product out = a b in the step's precision, with its workspace; its work is added to the step's. */
struct ec_product ec_product_plan(struct ec_step *step, float *out, int64_t out_stride, struct ec_matrix a,
                                  struct ec_matrix b);
/* infer's failure: formats the message and returns EC_BAD_VALUE. */
ec_status ec_infer_error(char *message, size_t bytes, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* Checks that parameters[number] has this rank and these dims (-1: any); else EC_BAD_VALUE with a message. */
ec_status ec_infer_parameter(const struct ec_op *op, int number, int rank, const int64_t *dims, char *message,
                             size_t bytes);
/* Checks the counts of inputs, outputs and parameters (least and most). */
ec_status ec_infer_counts(const struct ec_op *op, int inputs, int outputs, int least_parameters, int most_parameters,
                          char *message, size_t bytes);
/* Checks the settings of a convolution: both at least 1, one of them 1. */
ec_status ec_infer_strides(const struct ec_op *op, int strides, int dilation, char *message, size_t bytes);
/* The layout of a convolution's windows over the input; EC_BAD_VALUE with the step's message where texts are too short.
 */
ec_status ec_op_plan_windows(const struct ec_op *op, const struct ec_windows *window, struct ec_layout *layout,
                             struct ec_step *step);
/* Checks that input `number` holds floats (a sequence or flat). */
ec_status ec_infer_floats(const struct ec_op *op, int number, char *message, size_t bytes);

#endif
