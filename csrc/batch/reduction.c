/* Maximum, sum and mean over rows, row by row, so that memory is read once and in order. */
#include "batch/reduction.h"

#include "base/range.h"
#include "kernels/kernels.h"

#include <string.h>

void ec_rows_maximum(float *y, int32_t *at, const float *rows, int64_t cols, const struct ec_layout *layout,
                     int64_t first, int64_t end)
{
    int64_t row = first;
    while (row < end && !ec_layout_counts(layout, row)) {
        row++;
    }
    if (row == end) {
        memset(y, 0, (size_t)cols * sizeof *y);
        memset(at, 0xff, (size_t)cols * sizeof *at);
        return;
    }
    memcpy(y, rows + row * cols, (size_t)cols * sizeof *y);
    for (int64_t c = 0; c < cols; c++) {
        at[c] = (int32_t)row;
    }
    for (row++; row < end; row++) {
        if (ec_layout_counts(layout, row)) {
            ec_kernels()->maximum_into(y, at, rows + row * cols, (int32_t)row, cols);
        }
    }
}

void ec_rows_maximum_back(float *d_rows, const float *d_y, const int32_t *at, int64_t cols)
{
    for (int64_t c = 0; c < cols; c++) {
        if (at[c] >= 0) {
            d_rows[at[c] * cols + c] += d_y[c];
        }
    }
}

/* 1 / (unmasked rows), or 0. */
static float share_of(const struct ec_layout *layout, int64_t first, int64_t end)
{
    int64_t count = 0;
    for (int64_t row = first; row < end; row++) {
        count += ec_layout_counts(layout, row);
    }
    return count ? 1.0f / (float)count : 0.0f;
}

void ec_rows_sum(float *y, const float *rows, int64_t cols, const struct ec_layout *layout, int64_t first, int64_t end)
{
    memset(y, 0, (size_t)cols * sizeof *y);
    for (int64_t row = first; row < end; row++) {
        if (ec_layout_counts(layout, row)) {
            ec_kernels()->add(y, rows + row * cols, cols);
        }
    }
}

void ec_rows_mean(float *y, const float *rows, int64_t cols, const struct ec_layout *layout, int64_t first, int64_t end)
{
    ec_rows_sum(y, rows, cols, layout, first, end);
    ec_kernels()->scale(y, y, share_of(layout, first, end), cols);
}

static void add_to_rows(float *d_rows, const float *d_y, float share, int64_t cols, const struct ec_layout *layout,
                        struct ec_range range)
{
    for (int64_t row = range.begin; row < range.end; row++) {
        if (ec_layout_counts(layout, row)) {
            ec_kernels()->add_scaled(d_rows + row * cols, d_y, share, cols);
        }
    }
}

void ec_rows_sum_back(float *d_rows, const float *d_y, int64_t cols, const struct ec_layout *layout, int64_t first,
                      int64_t end)
{
    add_to_rows(d_rows, d_y, 1.0f, cols, layout, (struct ec_range){first, end});
}

void ec_rows_mean_back(float *d_rows, const float *d_y, int64_t cols, const struct ec_layout *layout, int64_t first,
                       int64_t end)
{
    add_to_rows(d_rows, d_y, share_of(layout, first, end), cols, layout, (struct ec_range){first, end});
}
