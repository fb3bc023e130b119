/* Rows of a table that is stored in fewer bits than it is computed with: read to float32, and written back to nearest
 * or by stochastic rounding (up with the probability of the fraction that is cut off, so that small updates are not
 * lost on average: Gupta and others 2015). A row is a thread's work. */
#ifndef EC_GRAD_STORAGE_H
#define EC_GRAD_STORAGE_H

#include "grad/parameter.h"

/* values[row] for each row: to the width of the table, and zeros up to `stride`. */
void ec_rows_read(float *values, int64_t stride, const struct ec_parameter *table, const int32_t *rows, int64_t count);
/* The row as it is stored, from `values`: stochastically under `key`, or to nearest where that is NULL. Not for int8.
 */
void ec_row_write(struct ec_parameter *table, int64_t row, const float *values, const uint64_t *key);

#endif
