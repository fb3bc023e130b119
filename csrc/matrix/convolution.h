/* A convolution over time on plain arrays, as PyTorch has it: stride 1, no dilation, one group; for the module of
 * embedcnn.torch, whose neighbours are PyTorch's own.
 *
 *     out[b][f][t] = bias[f] + sum over k < K, c < C of x[b][t + k][c] w[f][k][c]      t < T - K + 1
 *     d_w[f][k][c] = sum over b, t of d_out[b][f][t] x[b][t + k][c]        d_bias[f] = sum over b, t of d_out[b][f][t]
 *     d_x[b][s][c] = sum over f, k of d_out[b][f][s - k] w[f][k][c]
 *
 * The K vectors that a window reads stand one behind the other: windows are rows of a matrix whose rows overlap, the
 * whole batch is one product, and nothing is written out. Windows across two texts are computed too and not read
 * (K - 1 of T). Where at most half the rows of x differ, as those of an embedded batch do, each distinct row is
 * multiplied once, by all taps, and windows are sums of K of these products. Where few of d_out are not zero, as below
 * a maximum over time (one of T), both gradients are sums of windows for these alone. */
#ifndef EC_MATRIX_CONVOLUTION_H
#define EC_MATRIX_CONVOLUTION_H

#include "matrix/product.h"
#include "matrix/same_rows.h"

struct ec_convolution {
    int64_t batch, steps, channels; /* x: [B, T, C], with T >= K */
    int64_t filters, taps;          /* w: [F, K, C]; out: [B, F, T - K + 1] */
    const float *x, *weight, *bias; /* bias: [F] or NULL */
    enum ec_precision precision;

    float *out;      /* forward */
    float *products; /* [B T, F] */
    struct ec_product product;
    int repeats; /* rows of x are the same: */
    struct ec_same_rows rows;
    float *distinct, *by_tap, *of_rows; /* [U, C] of x, w as [K, F, C], and their products [U, K, F] */

    const float *d_out;             /* backward, like out */
    float *d_x, *d_weight, *d_bias; /* each NULL where it is not wanted */
    int is_sparse;                  /* few of d_out are not zero: */
    int32_t *list_begin;            /* [F + 1] where each filter's values begin in: */
    int32_t *list_at;               /* rows of x at which their windows begin */
    float *list_value;
    float *d_padded, *d_products; /* [B T, F], zeros where no window begins, behind K - 1 rows of zeros */
    float *flipped;               /* [K, F, C]: w with the last tap first */
    struct ec_product of_x, of_weight;
};

/* What forward or backward needs is taken from the arena. EC_TOO_LARGE, EC_NO_MEMORY. */
ec_status ec_convolution_plan_forward(struct ec_convolution *convolution, struct ec_arena *arena);
ec_status ec_convolution_plan_backward(struct ec_convolution *convolution, struct ec_arena *arena);
/* Called by every thread of the team, each ends with a barrier. The bits depend on sizes, values and kernels only. */
void ec_convolution_forward(struct ec_team *team, const struct ec_convolution *convolution);
void ec_convolution_backward(struct ec_team *team, const struct ec_convolution *convolution);

#endif
