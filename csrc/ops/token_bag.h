/* token_bag in its parts: which tokens count, their weights and places (token_bag_plan.c), and the sums and maxima with
 * their gradients (token_bag.c). */
#ifndef EC_OPS_TOKEN_BAG_H
#define EC_OPS_TOKEN_BAG_H

#include "ops/op.h"

/* In the order of their names. */
enum ec_bag_mode {
    EC_BAG_MEAN,
    EC_BAG_SUM,
    EC_BAG_SQRTN,
    EC_BAG_MAX
};

struct ec_token_bag {
    int mode;

    const int32_t *at;   /* [tokens] rows of those that count, text after text, where they are read ... */
    const int32_t *rows; /* ... and among the distinct ones; NULL without a gradient */
    int32_t *begin;      /* [B + 1] */
    float *share;        /* [B] s */
    int32_t *weight_at;  /* [tokens] where the second input holds the weight, -1: it is 0; NULL without weights */
    float *weight;       /* [tokens] or NULL */
    int32_t *winner;     /* max: [B, D] distinct row, -1: none */
    float *room;         /* [threads, D] a row that is stored in fewer bits; NULL where none is read by itself */

    /* backward */
    struct ec_occurrences occurrences;
    int32_t *text_of; /* [tokens] text of the i-th occurrence ... */
    float *share_of;  /* [tokens] ... and its share */
    float *sums;      /* max: as d_values, for where other operations write d_values too */
};

ec_status ec_token_bag_plan(struct ec_op *op, struct ec_step *step);
/* The gradient of distinct row u, behind the backward pass. */
void ec_token_bag_make_row(const void *operation, float *row, int64_t u);

#endif
