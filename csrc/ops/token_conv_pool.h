/* token_conv_pool in its parts: what it computes from what (token_conv_pool_plan.c), and the passes (token_conv_pool.c,
 * where the formulas stand). */
#ifndef EC_OPS_TOKEN_CONV_POOL_H
#define EC_OPS_TOKEN_CONV_POOL_H

#include "ops/op.h"

/* Filters that a tile of the weight gradient transposes together. */
#define EC_TOKEN_CONV_GROUP 16

struct ec_token_conv_branch {
    const struct ec_parameter *kernel, *bias;
    int kernel_number, bias_number; /* among the operation's parameters; -1: none */
    int taps;
    int64_t filters;
    int64_t out_col;  /* first column of y */
    int64_t products; /* first column of P */
    int lead;         /* tape places from a text's first token back to its first window */
};

struct ec_token_conv_pool {
    int use_bias, padding, activation;

    int branch_count, max_taps;
    struct ec_token_conv_branch *branches;
    int64_t filters;  /* columns of y */
    int64_t products; /* columns of P */

    /* of the step */
    struct ec_product product;
    float *weights;                 /* [D, products] the kernels side by side */
    struct ec_few_rows_part *parts; /* [branch, tap] or, for few tokens, the kernels where they are; else NULL */
    int64_t part_count;
    float *product_values; /* [U + 1, products], the last row zeros */
    int32_t *tape;         /* row of each token, U in the margins */
    int64_t tape_length;
    int64_t *text_begin; /* [B] tape place of a text's first token */
    int32_t *text_count; /* [B] tokens kept */
    int32_t *best_at;    /* [B, filters] winning window, tape place of its first token; -1: no window */

    /* backward */
    float *g;                 /* [B, filters] */
    int32_t *winner_place;    /* [filters, B] where g is not zero: the window's tape place ... */
    float *winner_g;          /* [filters, B] ... and g */
    int32_t *winner_count;    /* [filters] */
    float *thread_rows;       /* [threads, EC_TOKEN_CONV_GROUP, stride] */
    int32_t *thread_index;    /* [threads, B] */
    float *weights_by_filter; /* [products, stride] row (branch, j, f) = W[j, :, f] */
    float *entry_g;           /* [B, products] winners by token: g ... */
    int32_t *entry_weight;    /* [B, products] ... and row of weights_by_filter */
    int64_t *place_end;       /* [tape] entries of a tape place end here and ... */
    int32_t *place_count;     /* [tape] ... are so many */
    struct ec_occurrences occurrences;
};

ec_status ec_token_conv_pool_infer(struct ec_op *op, struct ec_report *report);
ec_status ec_token_conv_pool_plan(struct ec_op *op, struct ec_step *step);
void ec_token_conv_pool_clear(struct ec_op *op);

#endif
