/* The rows of a document's features in a table: their sum by counts, and a step added to each by its count. */
#ifndef EC_BAGS_ROW_SUMS_H
#define EC_BAGS_ROW_SUMS_H

#include "bags/documents.h"

struct ec_row_table {
    float *rows; /* [size, stride]; what is behind `width` is zero and stays so */
    int64_t width, stride;
};

/* a.b, in an order fixed by n alone. */
float ec_row_dot(const float *a, const float *b, int64_t n);

/* sum[width] = the sum of count * row. */
void ec_row_sum(float *sum, const struct ec_row_table *table, const struct ec_bag_slice *document);

/* Rows are dealt to EC_ROW_SHARDS shards by their ids, frequent ones (small ids) evenly; threads own shards. */
#define EC_ROW_SHARDS 64
/* row += count * step[stride] for the rows in some shards; `step` is zero behind the width. Meanwhile wide rows of the
 * document that is `next` are asked for; NULL: none is. */
void ec_row_add(const struct ec_row_table *table, const struct ec_bag_slice *document, const float *step,
                struct ec_range shards, const struct ec_bag_slice *next);

#endif
