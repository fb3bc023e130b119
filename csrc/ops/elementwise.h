/* elementwise in its parts: the kinds, with their slopes (elementwise_kinds.c), shapes and plan (elementwise_plan.c),
 * the loops over rows (elementwise.c). */
#ifndef EC_OPS_ELEMENTWISE_H
#define EC_OPS_ELEMENTWISE_H

#include "ops/op.h"

#define EC_MOST_OPERANDS 3

struct ec_elementwise_kind {
    const char *name;
    int operands;
    /* y[i] = f(x[0][i], ...), n values */
    void (*forward)(float *y, const float *const *x, int64_t n);
    /* d_x[k][i] = d_y[i] times the slope of f in x[k]; where d_x[k] is NULL nobody wants it. NULL: all are 0. */
    void (*backward)(float *const *d_x, const float *d_y, const float *const *x, const float *y, int64_t n);
};

/* NULL at the end; the names of the attribute `kind` are in the same order. */
extern const struct ec_elementwise_kind ec_elementwise_kinds[];
extern const char *const ec_elementwise_names[];

enum {
    EC_ROW_OF_STEP, /* each step has its own */
    EC_ROW_OF_TEXT, /* a text's steps share one */
    EC_ROW_OF_ALL
};

/* How an operand is read. */
struct ec_elementwise_side {
    int rows;       /* one of the above */
    int by_steps;   /* a single row that has an axis for the steps: row t of it for step t */
    int64_t cols;   /* values of a row; by_steps: of one step */
    int whole, one; /* its row is like the result's; it has one value for all */

    /* of the step */
    int32_t *at;    /* [cols of the result] otherwise: where in the row the value of each column stands */
    int moved;      /* its steps are not stored like the result's */
    float *partial; /* EC_ROW_OF_ALL: [tasks x cols of the tensor] sums of gradients; NULL where it has none */
};

struct ec_elementwise {
    int kind;
    struct ec_elementwise_side sides[EC_MOST_OPERANDS];

    /* of the step */
    struct ec_layout layout;
    int flat; /* rows can be taken as one long vector */
    int64_t tasks, texts_of_task;
};

enum {
    EC_ELEMENTWISE_TILE = 4096, /* values of a task, where the rows are one vector */
    EC_ELEMENTWISE_TEXTS = 4    /* texts of a task, at least */
};

static inline const struct ec_elementwise_kind *ec_elementwise_kind_of(const struct ec_op *op)
{
    return &ec_elementwise_kinds[((const struct ec_elementwise *)op->state)->kind];
}
ec_status ec_elementwise_infer(struct ec_op *op, struct ec_report *report);
ec_status ec_elementwise_plan(struct ec_op *op, struct ec_step *step);

#endif
