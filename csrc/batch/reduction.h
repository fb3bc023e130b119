/* Maximum, sum and mean over consecutive rows of a sequence, masked rows left out: what pooling over windows and over
 * whole texts have in common. Serial: a window or a text is a thread's work. */
#ifndef EC_BATCH_REDUCTION_H
#define EC_BATCH_REDUCTION_H

#include "batch/layout.h"

/* y[c] = the largest of rows [first, end), at[c] = its row: the first of equal ones, NaN wins. Without any unmasked row
 * y is 0 and at -1. */
void ec_rows_maximum(float *y, int32_t *at, const float *rows, int64_t cols, const struct ec_layout *layout,
                     int64_t first, int64_t end);
/* d_rows[at[c]][c] += d_y[c]. */
void ec_rows_maximum_back(float *d_rows, const float *d_y, const int32_t *at, int64_t cols);
/* y[c] = the sum of the unmasked rows of [first, end). */
void ec_rows_sum(float *y, const float *rows, int64_t cols, const struct ec_layout *layout, int64_t first, int64_t end);
/* d_rows[r][c] += d_y[c] for the unmasked rows. */
void ec_rows_sum_back(float *d_rows, const float *d_y, int64_t cols, const struct ec_layout *layout, int64_t first,
                      int64_t end);
/* y[c] = the mean of rows [first, end); 0 without any unmasked row. */
void ec_rows_mean(float *y, const float *rows, int64_t cols, const struct ec_layout *layout, int64_t first,
                  int64_t end);
/* d_rows[r][c] += d_y[c] / count for the unmasked rows. */
void ec_rows_mean_back(float *d_rows, const float *d_y, int64_t cols, const struct ec_layout *layout, int64_t first,
                       int64_t end);

#endif
