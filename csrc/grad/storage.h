/* Rows of a table that is stored in fewer bits than it is computed with: read to float32, and written back to nearest
 * or by stochastic rounding (up with the probability of the fraction that is cut off, so that small updates are not
 * lost on average: Gupta and others 2015). A row is a thread's work. */
#ifndef EC_GRAD_STORAGE_H
#define EC_GRAD_STORAGE_H

#include "grad/parameter.h"
#include "kernels/kernels.h"

/* The rows of a table as kernels read them. */
struct ec_table_rows ec_table_rows_of(const struct ec_parameter *table);
/* values[row] for each row: to the width of the table, and zeros up to `stride`. */
void ec_rows_read(float *values, int64_t stride, const struct ec_parameter *table, const int32_t *rows, int64_t count);
/* The numbers that a step computes with: those of the table itself, or `room`, into which a stored row is read. */
const float *ec_row_values(const struct ec_parameter *table, int64_t row, float *room);
/* The numbers of a row that are about to be changed: those of the table itself, the row's master, which is made where
 * it has none, or `room`, into which the row is read. */
float *ec_row_open(struct ec_parameter *table, int64_t row, float *room);
/* Behind ec_row_open and the change, `values` being what it gave: the stored row follows. It is the nearest of its
 * master where there are masters; else it is rounded stochastically under `key`, or towards zero where that is NULL: a
 * norm that was bounded stays so. Not for int8. */
void ec_row_close(struct ec_parameter *table, int64_t row, const float *values, const uint64_t *key);

#endif
