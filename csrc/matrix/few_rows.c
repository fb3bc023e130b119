/* The loops around the product_tile kernel. A tile of the team is one panel of columns of one part, over all rows: the
 * panel of b comes from memory for the first rows and from the second cache for the others. */
#include "matrix/few_rows.h"

#include "kernels/kernels.h"

static void compute_tile(float *out, int64_t out_stride, const float *a, int64_t a_stride, int64_t rows, int64_t depth,
                         const struct ec_few_rows_part *part, int64_t col)
{
    const struct ec_kernels *kernels = ec_kernels();
    int64_t cols = ec_least(kernels->few_cols, part->cols - col);
    int64_t panels = ec_ceil_div(rows, kernels->few_rows);
    for (int64_t panel = 0; panel < panels; panel++) { /* of nearly equal height */
        int64_t begin = rows * panel / panels, end = rows * (panel + 1) / panels;
        kernels->product_tile(out + begin * out_stride + part->out_col + col, out_stride, 0, a + begin * a_stride,
                              a_stride, part->b + col, part->b_stride, (int)(end - begin), (int)cols, depth);
    }
}

void ec_few_rows_product(struct ec_team *team, float *out, int64_t out_stride, const float *a, int64_t a_stride,
                         int64_t rows, int64_t depth, const struct ec_few_rows_part *parts, int64_t part_count)
{
    int64_t width = ec_kernels()->few_cols, tiles = 0;
    for (int64_t i = 0; i < part_count; i++) {
        tiles += ec_ceil_div(parts[i].cols, width);
    }
    for (int64_t tile; (tile = ec_team_next(team, tiles)) >= 0;) {
        const struct ec_few_rows_part *part = parts;
        for (int64_t count; tile >= (count = ec_ceil_div(part->cols, width)); part++) {
            tile -= count;
        }
        compute_tile(out, out_stride, a, a_stride, rows, depth, part, tile * width);
    }
    ec_team_barrier(team);
}
