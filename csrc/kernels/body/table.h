/* All bodies, and the table of what they compile to with the vocabulary that isa/<name>.c included before. */
#ifndef EC_KERNELS_BODY_TABLE_H
#define EC_KERNELS_BODY_TABLE_H

#include "kernels/body/activation.h"
#include "kernels/body/cell.h"
#include "kernels/body/depthwise.h"
#include "kernels/body/dropout.h"
#include "kernels/body/elementwise.h"
#include "kernels/body/few_rows.h"
#include "kernels/body/gemm.h"
#include "kernels/body/normalization.h"
#include "kernels/body/offset_tile.h"
#include "kernels/body/pack.h"
#include "kernels/body/softmax.h"
#include "kernels/body/stored.h"
#include "kernels/body/tokens.h"
#include "kernels/body/update.h"
#include "kernels/kernels.h"

#define GEMM_FP32_DEPTH 512 /* a panel of b, 64 to 128 bytes times this, streams through the first cache */

static const struct ec_gemm gemm_fp32 = {
    .name = "fp32",
    .rows = GEMM_ROWS,
    .cols = GEMM_COLS,
    .row_unit = 1,
    .depth_unit = 1,
    .value_bytes = sizeof(float),
    .depth_block = GEMM_FP32_DEPTH,
    .tile = gemm_tile,
    .pack_a = pack_a,
    .pack_b = pack_b,
};

static void fill_table(struct ec_kernels *kernels)
{
    *kernels = (struct ec_kernels){
        .name = ISA_NAME,
        .lanes = LANES,
        .gemm = {gemm_fp32, gemm_fp32, gemm_fp32},
        .window_max = window_max,
        .weighted_sum = weighted_sum,
        .table_sum = table_sum,
        .row_products = row_products,
        .add_to_rows = add_to_rows,
        .gather_rows = gather_rows,
        .few_rows = GEMM_ROWS,
        .few_cols = GEMM_COLS,
        .product_tile = product_tile,
        .offset_tile = offset_tile,
        .transpose = transpose,
        .fill = fill,
        .add = add,
        .add_scaled = add_scaled,
        .scale = scale,
        .multiply = multiply,
        .maximum_into = maximum_into,
        .add_where = add_where,
        .add_bias = add_bias,
        .column_sum = column_sum,
        .sum_squares = sum_squares,
        .activate = activate,
        .activate_backward = activate_backward,
        .softmax = softmax,
        .dropout = dropout,
        .read_stored = read_stored,
        .round_nearest = round_nearest,
        .round_by_chance = round_by_chance,
        .lstm_cell = lstm_cell,
        .lstm_cell_backward = lstm_cell_backward,
        .gru_cell = gru_cell,
        .gru_cell_backward = gru_cell_backward,
        .gru_update = gru_update,
        .gru_update_backward = gru_update_backward,
        .centered_sums = centered_sums,
        .centered_scale = centered_scale,
        .depthwise = depthwise,
        .depthwise_gradient = depthwise_gradient,
        .depthwise_3x3 = depthwise_3x3,
        .depthwise_3x3_gradient = depthwise_3x3_gradient,
        .adam = adam,
        .amsgrad = amsgrad,
        .sgd = sgd,
        .rmsprop = rmsprop,
        .adagrad = adagrad,
        .adadelta = adadelta,
        .adamax = adamax,
        .nadam = nadam,
    };
}

#endif
