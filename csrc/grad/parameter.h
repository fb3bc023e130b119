/* A parameter of a program and the gradient that the backward pass writes for it. The arrays of value and slots belong
 * to the caller (NumPy); the gradient lives in the step's arena. */
#ifndef EC_GRAD_PARAMETER_H
#define EC_GRAD_PARAMETER_H

#include "base/stored.h"

#include <stdint.h>

#define EC_MAX_RANK 4
#define EC_MAX_SLOTS 3

/* What a thread takes at a time of a parameter, its gradient and its slots. A partial sum is that of a tile, so the
 * bits of norms and penalties depend on these sizes. */
enum {
    EC_DENSE_TILE = 1 << 14, /* floats */
    EC_ROW_TILE = 16,        /* rows of a table that are written */
    EC_SUMMED_ROW_TILE = 64  /* rows of a table that are summed up */
};

/* How rows of a gradient are made one by one, by whoever needs them, instead of being written by the backward pass. */
struct ec_row_maker {
    void (*make)(const void *operation, float *row, int64_t i); /* row i of the distinct ones; NULL: by nobody */
    const void *operation;
    int writers; /* operations that would write the rows: with one alone, it can make them */
    int used;    /* of the step: the rows are not written */
};

/* Dense: rows is NULL and values has the layout of the parameter. Row-sparse: `count` distinct rows of the table,
 * already summed over all their occurrences, at values + i * stride, or by `maker` where it is used. */
struct ec_gradient {
    float *values;
    const int32_t *rows;
    int64_t count, width, stride; /* row-sparse only */
    struct ec_row_maker *maker;   /* row-sparse only; or NULL */
};

/* Row i of a row-sparse gradient; `room` for one that is made. */
static inline const float *ec_gradient_row(const struct ec_gradient *gradient, int64_t i, float *room)
{
    if (!gradient->maker || !gradient->maker->used) {
        return gradient->values + i * gradient->stride;
    }
    gradient->maker->make(gradient->maker->operation, room, i);
    return room;
}

enum ec_constraint {
    EC_NO_CONSTRAINT,
    EC_NON_NEGATIVE, /* w = max(w, 0) */
    EC_NORM          /* w *= (rate clip(n, least, most) + (1 - rate) n) / (1e-7 + n), n the norm over some axes */
};

/* What a step does to a parameter beside the optimizer's rule. */
struct ec_parameter_rules {
    double l1, l2;     /* penalty l1 sum |w| + l2 sum w^2 in the loss */
    int all_rows;      /* tables: penalty and update of every row (dense), not of those that the step read */
    int keeps_weight;  /* no weight decay */
    double rate_scale; /* of the optimizer's learning rate */
    int constraint;    /* enum ec_constraint, after the update */
    int norm_axes;     /* bit a: axis a is summed over */
    double least_norm, most_norm, norm_rate;
};

struct ec_parameter {
    const char *name;
    int rank;
    int64_t dims[EC_MAX_RANK];
    int64_t size;
    float *value; /* NULL until bound, and where `stored` holds the rows without masters */
    int trainable;
    int tracked;   /* moving statistics: the forward pass of a training step writes the value */
    int is_table;  /* read by a lookup: its gradient is row-sparse */
    int is_whole;  /* read by an operation that reads tables too, all rows of it */
    int is_tied;   /* both: its gradient is dense */
    int is_state;  /* every forward pass writes the value, and no gradient */
    int in_losses; /* a loss of the program depends on it: where it is trainable, a step gives it a gradient */
    float *slots[EC_MAX_SLOTS];
    int slot_count;
    int64_t *steps; /* updates so far */
    struct ec_parameter_rules rules;
    float *average;      /* moving average of the value; or NULL */
    float *accumulator;  /* gradients of steps without an update, summed; or NULL */
    uint8_t *touched;    /* tables: [V] whether accumulator holds something of a row */
    int storage;         /* enum ec_storage, tables only */
    void *stored;        /* [V, D] as storage says; NULL for float32 */
    const float *scales; /* int8: [V] */
    uint8_t *mastered;   /* [V] whether `value` has the row in float32, of which `stored` is the nearest; NULL: rows are
                          * rounded stochastically */
    const uint8_t *row_learns; /* tables: [V] 0 where a row rests: it has no gradient and keeps its bits; NULL: none */
    int64_t *moves; /* tables: [1 + V] how often the average has moved, and to which of these moves each row has
                     * come: rows that a step does not touch owe the rest; or NULL */

    /* of the step that runs */
    struct ec_gradient gradient;
    int writers; /* operations that have been planned to write the gradient */
};

static inline int ec_parameter_penalised(const struct ec_parameter *parameter)
{
    return parameter->rules.l1 != 0.0 || parameter->rules.l2 != 0.0;
}

/* Whether a training step gives it a gradient: of losses, or of its penalty alone. */
static inline int ec_parameter_learns(const struct ec_parameter *parameter)
{
    return parameter->trainable && (parameter->in_losses || ec_parameter_penalised(parameter));
}

/* Whether a row of a table learns, where the table does. */
static inline int ec_row_learns(const struct ec_parameter *parameter, int64_t row)
{
    return !parameter->row_learns || parameter->row_learns[row];
}

#endif
