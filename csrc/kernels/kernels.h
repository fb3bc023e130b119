/* The kernels: small, single-threaded, stateless loops, the same table of them for every instruction set.
 *
 * Each kernel is written once in body/, in the vector vocabulary of simd/; isa/<name>.c compiles all bodies with one
 * vocabulary and fills the table. A kernel checks nothing and allocates nothing. Rows are given as a pointer and a
 * stride in floats; no alignment is assumed. Outputs come first, then inputs, parameters, sizes. Unless stated
 * otherwise, an output may be the very same array as an input, but not overlap it in part. */
#ifndef EC_KERNELS_KERNELS_H
#define EC_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Keras's activation functions, with Keras's defaults (leaky_relu 0.2, elu 1, exact gelu,
 * shrinking by 0.5, squareplus 4). */
enum ec_activation {
    EC_LINEAR,
    EC_RELU,
    EC_TANH,
    EC_SIGMOID,
    EC_SOFTPLUS,
    EC_SOFTSIGN,
    EC_ELU,
    EC_SELU,
    EC_EXPONENTIAL,
    EC_LEAKY_RELU,
    EC_RELU6,
    EC_HARD_SIGMOID,
    EC_SILU,
    EC_GELU,
    EC_GELU_TANH,
    EC_LOG_SIGMOID,
    EC_MISH,
    EC_HARD_SILU,
    EC_HARD_TANH,
    EC_TANH_SHRINK,
    EC_SOFT_SHRINK,
    EC_HARD_SHRINK,
    EC_SQUAREPLUS,
    EC_SPARSE_PLUS,
    EC_SPARSE_SIGMOID,
    EC_ACTIVATIONS
};

/* What an update does to a gradient before it is used: g = clamp(scale * g, -limit, limit). */
struct ec_gradient_scaling {
    float scale; /* 1: none */
    float limit; /* infinity: none */
};

/* One Adam step (Kingma and Ba 2015, the "epsilon hat" form, as Keras):
 * m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); p -= p * decay; p -= rate * m / (sqrt(v) + epsilon). */
struct ec_adam_step {
    float rate; /* lr * sqrt(1 - beta2^t) / (1 - beta1^t) */
    float one_minus_beta1, one_minus_beta2, epsilon;
    float decay; /* lr * weight_decay (AdamW) */
    struct ec_gradient_scaling scaling;
};

/* One SGD step, as Keras: without momentum p -= rate * g; else m = momentum * m - rate * g, and
 * p += m, or with Nesterov p += momentum * m - rate * g. First p -= p * decay. */
struct ec_sgd_step {
    float rate, momentum, decay;
    int nesterov;
    struct ec_gradient_scaling scaling;
};

/* One RMSprop step (Hinton, lecture 6e), as Keras: v = rho v + (1 - rho) g^2; with `mean` (centered) also mean = rho
 * mean + (1 - rho) g, and the change is rate * g / sqrt(v - mean^2 + epsilon); with m (momentum) m = momentum m +
 * change, p -= m. */
struct ec_rmsprop_step {
    float rate, rho, momentum, epsilon, decay;
    struct ec_gradient_scaling scaling;
};

/* One Adagrad step (Duchi and others 2011), as Keras: v += g^2; p -= rate * g / sqrt(v + epsilon). */
struct ec_adagrad_step {
    float rate, epsilon, decay;
    struct ec_gradient_scaling scaling;
};

/* One Adadelta step (Zeiler 2012), as Keras: v = rho v + (1 - rho) g^2; d = g sqrt(u + epsilon) / sqrt(v + epsilon);
 * u = rho u + (1 - rho) d^2; p -= rate * d. */
struct ec_adadelta_step {
    float rate, rho, epsilon, decay;
    struct ec_gradient_scaling scaling;
};

/* One Adamax step (Kingma and Ba 2015): m += (g - m)(1 - beta1); u = max(beta2 u, |g|); p -= rate * m / (u + epsilon).
 */
struct ec_adamax_step {
    float rate; /* lr / (1 - beta1^t) */
    float one_minus_beta1, beta2, epsilon, decay;
    struct ec_gradient_scaling scaling;
};

/* One Nadam step (Dozat 2016), as Keras: m and v as Adam; p -= (rate_m * m + rate_g * g) / (sqrt(v * correction) +
 * epsilon). */
struct ec_nadam_step {
    float rate_m, rate_g, correction;
    float one_minus_beta1, one_minus_beta2, epsilon, decay;
    struct ec_gradient_scaling scaling;
};

/* float32_matmul_precision, named and meant as in PyTorch. */
enum ec_precision {
    EC_HIGHEST, /* fp32 */
    EC_HIGH,   /* at least bf16x3: each value as a sum of two bf16, three of their four products: 3 * 2^-16 of a term */
    EC_MEDIUM, /* at least bf16: each value rounded by up to 2^-8 of its size, sums in fp32 */
    EC_PRECISIONS
};

#define EC_GEMM_MAX_ROWS 32 /* no tile is larger */
#define EC_GEMM_MAX_COLS 64

/* How a small block of a matrix product is computed in one number format: two packings and a tile.
 *
 * A panel holds up to `rows` rows of a, or `cols` columns of b, over some depth. It is as large as if its rows were a
 * multiple of row_unit (always `cols` columns) and its depth a multiple of depth_unit, with value_bytes for each value;
 * behind the true edges are zeros. What order the values have is known to these three functions only. */
struct ec_gemm {
    const char *name; /* "fp32", "bf16x3", "bf16" */
    int rows, cols;
    int row_unit, depth_unit, value_bytes;
    int depth_block; /* the depth at which panels suit the caches */
    /* out[r][c] (+)= sum over k < depth of a[r][k] * b[k][c], in an order fixed by the depth alone; fp32: k rising, one
     * fused multiply-add per k (where the instruction set has it). rows <= gemm.rows, cols <= gemm.cols: only so many
     * are written. depth may be 0. */
    void (*tile)(float *out, int64_t out_stride, int accumulate, const void *a_panel, const void *b_panel, int rows,
                 int cols, int64_t depth);
    /* Packs rows 1 <= rows <= gemm.rows of a for tile: element (r, k) stands at a[r * row_stride + k * col_stride]. */
    void (*pack_a)(void *panel, const float *a, int64_t row_stride, int64_t col_stride, int rows, int64_t depth);
    /* Packs 1 <= cols <= gemm.cols columns of b: element (k, c) stands at b[k * row_stride + c * col_stride]. */
    void (*pack_b)(void *panel, const float *b, int64_t row_stride, int64_t col_stride, int cols, int64_t depth);
    /* Before the first tile and after the last one of a thread; NULL where there is nothing to do. */
    void (*begin)(void);
    void (*end)(void);
};

/* A tap of a window over channels that lie side by side: how many floats behind the first pixel's channels what it
 * reads stands, and how many behind the first one its weights. */
struct ec_tap {
    int64_t in, weight;
};

/* Rows of a table, of whatever width, in float32 or in fewer bits. */
struct ec_table_rows {
    int storage; /* enum ec_storage */
    const void *data;
    const float *scales; /* int8: one a row */
    int64_t stride;      /* numbers from row to row */
};

struct ec_kernels {
    const char *name; /* "scalar", "neon", "avx2", "avx512", "avx512_bf16", "amx" */
    int lanes;        /* floats in a vector */

    struct ec_gemm gemm[EC_PRECISIONS]; /* by enum ec_precision; fp32 where the instruction set has nothing faster */

    /* token_conv_pool: best[f] = max over t in [0, windows) of
     * sum over j in [0, taps) of products[index[t + j] * stride + j * filters + f], summed with j rising, and
     * best_at[f] the first t that reaches it. NaN wins over numbers, the first NaN stays. windows >= 1. */
    void (*window_max)(float *best, int32_t *best_at, const float *products, int64_t stride, const int32_t *index,
                       int64_t filters, int64_t windows, int taps);
    /* out[c] (+)= sum over i in [0, count) of weight[i] * rows[index[i] * stride + c], c in [0, width), i rising. The
     * sum over all i is kept in registers. weight NULL: all ones. With `accumulate` the old out[c] is added last. */
    void (*weighted_sum)(float *out, int accumulate, const float *rows, int64_t stride, const int32_t *index,
                         const float *weight, int64_t count, int64_t width);
    /* The same sum, bit for bit, of rows of a table that may lie in no cache and in fewer bits. `known`: how many
     * numbers of rows stand at `index`, those of sums to come behind those of this one; rows are asked for before their
     * turn. 0: none is. */
    void (*table_sum)(float *out, const struct ec_table_rows *rows, const int32_t *index, const float *weight,
                      int64_t count, int64_t known, int64_t width);
    /* out[i] = sum over c in [0, width) of rows[index[i] * stride + c] * x[c], in an order fixed by the width. */
    void (*row_products)(float *out, const float *rows, int64_t stride, const int32_t *index, int64_t count,
                         const float *x, int64_t width);
    /* rows[index[i] * stride + c] += weight[i] * step[c], c in [0, width), i rising. Meanwhile the `later_count` rows
     * with the numbers `later` are asked for, evenly, as memory gives them: into the second cache. */
    void (*add_to_rows)(float *rows, int64_t stride, const int32_t *index, const float *weight, int64_t count,
                        const float *step, int64_t width, const int32_t *later, int64_t later_count);
    /* out[i * out_stride + c] = table[index[i] * table_stride + c] for c < width, 0 for width <= c < out_stride; an
     * index of -1 gives a row of zeros. */
    void (*gather_rows)(float *out, int64_t out_stride, const float *table, int64_t table_stride, const int32_t *index,
                        int64_t count, int64_t width);
    /* out[r][c] (+)= sum over k of a[r * a_stride + k] * b[k * b_stride + c], k rising: a product whose operands are
     * not packed. 1 <= rows <= few_rows, 1 <= cols <= few_cols. */
    int few_rows, few_cols;
    void (*product_tile)(float *out, int64_t out_stride, int accumulate, const float *a, int64_t a_stride,
                         const float *b, int64_t b_stride, int rows, int cols, int64_t depth);
    /* out[r][c] (+)= sum over k of a[offset[k] + r] * b[k * b_stride + c], k rising, one fused multiply-add per k: the
     * tile of a convolution, b as pack_b of fp32 packs it (b_stride gemm.cols), or rows where they stand. rows and cols
     * as for the tile of fp32; of each row of b whole vectors are read. depth may be 0. */
    void (*offset_tile)(float *out, int64_t out_stride, int accumulate, const float *a, const int32_t *offset,
                        const float *b, int64_t b_stride, int rows, int cols, int64_t depth);
    /* out[r * out_stride + c] = in[c * in_stride + r] for r < rows, c < cols. No overlap. */
    void (*transpose)(float *out, int64_t out_stride, const float *in, int64_t in_stride, int64_t rows, int64_t cols);

    /* elementwise, n values */
    void (*fill)(float *out, float value, int64_t n);
    void (*add)(float *out, const float *in, int64_t n);                                       /* out += in */
    void (*add_scaled)(float *out, const float *in, float scale, int64_t n);                   /* out += scale * in */
    void (*scale)(float *out, const float *in, float scale, int64_t n);                        /* out = scale * in */
    void (*multiply)(float *out, const float *a, const float *b, int64_t n);                   /* out = a * b */
    void (*maximum_into)(float *out, int32_t *at, const float *in, int32_t number, int64_t n); /* where in > out, or in
                                     is NaN and out is not: out = in, at = number */
    void (*add_where)(float *out, const float *in, const int32_t *at, int32_t number,
                      int64_t n); /* out += in where at = number */
    void (*add_bias)(float *out, int64_t stride, const float *bias, int64_t rows, int64_t cols); /* each row += bias */
    /* out[c] (+)= sum over r of in[r * stride + c], r rising */
    void (*column_sum)(float *out, int accumulate, const float *in, int64_t stride, int64_t rows, int64_t cols);
    /* The sum of squares in double, in an order fixed by n alone. */
    double (*sum_squares)(const float *in, int64_t n);
    /* y = f(x); relative error at most 3e-7 of the exact value (absolute 1e-7 near 0); NaN stays NaN, infinities give
     * limits */
    void (*activate)(float *y, const float *x, enum ec_activation activation, int64_t n);
    /* d_x = d_y * f'(x), from x and y = f(x). x may be NULL for LINEAR, RELU, TANH, SIGMOID, ELU, SELU, EXPONENTIAL,
     * LEAKY_RELU, RELU6, HARD_SIGMOID, SOFTPLUS, SOFTSIGN and LOG_SIGMOID, which find f' from y alone. f'(0) of relu is
     * 0. */
    void (*activate_backward)(float *d_x, const float *d_y, const float *x, const float *y,
                              enum ec_activation activation, int64_t n);
    /* y = exp(x - max) / sum; returns log(sum of exp(x)). n >= 1; any NaN gives NaN. */
    float (*softmax)(float *y, const float *x, int64_t n);
    /* out[c] = hash(key, c) >= threshold ? in[c] * scale : 0, for c in [0, n): each value is kept with probability
     * 1 - threshold / 2^32. The hash is base/random's ec_random_u32(key, c), lane for lane on every instruction set. */
    void (*dropout)(float *out, const float *in, uint64_t key, uint32_t threshold, float scale, int64_t n);

    /* Numbers in fewer bits, as base/stored.h says. Read: out[c] = row `number`, to float32; of int8 times its scale.
     */
    void (*read_stored)(float *out, const struct ec_table_rows *rows, int64_t number, int64_t width);
    /* float16 where is_half, else bfloat16: the nearest, or up with the probability of what is cut off, by the hash of
     * (key, column) of base/random.h. */
    void (*round_nearest)(uint16_t *restrict out, const float *restrict in, int is_half, int64_t n);
    void (*round_by_chance)(uint16_t *restrict out, const float *restrict in, int is_half, uint64_t key, int64_t n);

    /* Recurrent cells, n units of one row; gate number i of a row stands at gates + i * stride. Activations that need x
     * for their slope (silu, gelu) are not for cells.
     * LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers and others 2000), gates i f g o as Keras: in:
     * their sums, out: their values; c = f c_before + i g, h = o activation(c). */
    void (*lstm_cell)(float *h, float *c, float *gates, int64_t stride, const float *c_before, int64_t n,
                      enum ec_activation activation, enum ec_activation gate_activation);
    /* gates, in: their values, out: the gradients of their sums; d_c, in: from the step after, out: for the one before.
     */
    void (*lstm_cell_backward)(float *gates, int64_t stride, float *d_c, const float *d_h, const float *c,
                               const float *c_before, int64_t n, enum ec_activation activation,
                               enum ec_activation gate_activation);
    /* GRU (Cho and others 2014, the form with the reset gate after the product), gates z r g as Keras: inner = h_before
     * W_g + its bias; g = activation(x W_g + r inner), h = z h_before + (1 - z) g. */
    void (*gru_cell)(float *h, float *gates, int64_t stride, const float *inner, const float *h_before, int64_t n,
                     enum ec_activation activation, enum ec_activation gate_activation);
    /* gates and inner become the gradients of their sums; d_direct, in and out: what reaches h_before through z h. */
    void (*gru_cell_backward)(float *gates, int64_t stride, float *inner, float *d_direct, const float *d_h,
                              const float *h_before, int64_t n, enum ec_activation activation,
                              enum ec_activation gate_activation);

    /* The form with the reset gate before the product, from the update gate's value z and the candidate's sum on: g =
     * activation(x W_g + (r h_before) W_g), h as above; gates: update and candidate, the reset gate is not touched. */
    void (*gru_update)(float *h, const float *update, float *candidate, const float *h_before, int64_t n,
                       enum ec_activation activation);
    /* update and candidate become the gradients of their sums; d_direct as above. */
    void (*gru_update_backward)(float *update, float *candidate, float *d_direct, const float *d_h,
                                const float *h_before, int64_t n, enum ec_activation activation,
                                enum ec_activation gate_activation);

    /* sum[c] = sum over r of other[r][c], product[c] = sum of other[r][c] (in[r][c] - center[c]), r rising, over rows
     * of cols floats; other NULL: in - center itself. */
    void (*centered_sums)(float *sum, float *product, const float *in, const float *center, const float *other,
                          int64_t rows, int64_t cols);
    /* out[r][c] (+)= scale[c] (in[r][c] - center[c]) + offset[c] + other_scale[c] other[r][c]; other NULL: without. */
    void (*centered_scale)(float *out, int accumulate, const float *in, const float *center, const float *scale,
                           const float *offset, const float *other, const float *other_scale, int64_t rows,
                           int64_t cols);

    /* Depthwise convolution of some pixels of a row: out[i * out_step + c] = start[c] + sum over taps t of
     * in[t.in + i * in_step + c] * weights[t.weight + c], in their order, for i < pixels and c < channels; NULL for
     * start: zeros. With `accumulate` the sum is added to what is there. */
    void (*depthwise)(float *out, int64_t out_step, int accumulate, const float *start, const float *in,
                      int64_t in_step, const float *weights, const struct ec_tap *taps, int64_t count, int64_t pixels,
                      int64_t channels);
    /* d_weights[t.weight + c] += sum over i of in[t.in + i * in_step + c] * d_out[i * out_step + c], i rising. */
    void (*depthwise_gradient)(float *d_weights, const struct ec_tap *taps, int64_t count, const float *in,
                               int64_t in_step, const float *d_out, int64_t out_step, int64_t pixels, int64_t channels);

    /* The same for windows of 3 x 3 neighbouring pixels, all inside of the image: out[r * out_row + i * channels + c]
     * = start[c] + sum over k, l < 3 of in[(r + k) * in_row + (i + l) * channels + c] * weights[(3 k + l) * channels +
     * c], for r < rows and i < pixels; the bits are those of `depthwise`. */
    void (*depthwise_3x3)(float *out, int64_t out_row, int accumulate, const float *start, const float *in,
                          int64_t in_row, const float *weights, int64_t rows, int64_t pixels, int64_t channels);
    /* d_weights[(3 k + l) * channels + c] += sum over r, i of in[(r + k) * in_row + (i + l) * channels + c] *
     * d_out[r * out_row + i * channels + c], in an order fixed by the sizes. */
    void (*depthwise_3x3_gradient)(float *d_weights, const float *in, int64_t in_row, const float *d_out,
                                   int64_t out_row, int64_t rows, int64_t pixels, int64_t channels);

    /* optim: value, slots and gradient of n entries. m is NULL for SGD without momentum. */
    void (*adam)(float *value, float *m, float *v, const float *gradient, const struct ec_adam_step *step, int64_t n);
    /* The same with most = max(most, v) in the place of v below the root (Reddi, Kale and Kumar 2018). */
    void (*amsgrad)(float *value, float *m, float *v, float *most, const float *gradient,
                    const struct ec_adam_step *step, int64_t n);
    void (*sgd)(float *value, float *m, const float *gradient, const struct ec_sgd_step *step, int64_t n);
    void (*rmsprop)(float *value, float *v, float *m, float *mean, const float *gradient,
                    const struct ec_rmsprop_step *step,
                    int64_t n); /* m, mean: NULL without momentum, where not centered */
    void (*adagrad)(float *value, float *v, const float *gradient, const struct ec_adagrad_step *step, int64_t n);
    void (*adadelta)(float *value, float *v, float *u, const float *gradient, const struct ec_adadelta_step *step,
                     int64_t n);
    void (*adamax)(float *value, float *m, float *u, const float *gradient, const struct ec_adamax_step *step,
                   int64_t n);
    void (*nadam)(float *value, float *m, float *v, const float *gradient, const struct ec_nadam_step *step, int64_t n);
};

/* All rungs, lowest first, NULL at the end: the names that the environment variable EMBEDCNN_ISA may have. */
extern const char *const ec_kernels_names[];
/* The table in use: the best rung this machine has, capped by EMBEDCNN_ISA, read once at first use. */
const struct ec_kernels *ec_kernels(void);
/* Uses the rung of this name from now on ("auto" = the best); EC_BAD_VALUE where the machine or the build lacks it. Not
 * while a program runs. */
int ec_kernels_select(const char *name);
/* Names of the rungs of this machine, best last, NULL at the end. */
const char *const *ec_kernels_available(void);
/* Table of a rung by name or NULL; for tests and benchmarks. */
const struct ec_kernels *ec_kernels_named(const char *name);

#endif
