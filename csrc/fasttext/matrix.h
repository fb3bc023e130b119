/* A matrix of a fastText file where it stands: floats (at any address), or product-quantised: each row cut into parts
 * of `part` floats, each of which is one of 256 centroids of its place (Jegou, Douze and Schmid 2011), perhaps with
 * the row's norm as one of 256 others. */
#ifndef EC_FASTTEXT_MATRIX_H
#define EC_FASTTEXT_MATRIX_H

#include "base/status.h"

#include <stdint.h>

#define EC_FASTTEXT_CENTROIDS 256
#define EC_FASTTEXT_WIDEST 65536 /* floats of a row */

struct ec_fasttext_matrix {
    int64_t rows, columns;
    const uint8_t *floats;     /* [rows, columns], or NULL: quantised */
    const uint8_t *codes;      /* [rows, parts] */
    int64_t part, parts;       /* floats of a part, the last one perhaps shorter */
    float *centroids;          /* own copy: of each place, 256 times its floats */
    const uint8_t *norm_codes; /* [rows], or NULL */
    float *norms;              /* own copy [256] */
};

/* Reads the section of a file that starts at `data`, quantised or not; *used = its bytes. EC_BAD_FORMAT with a report.
 * Clear with ec_fasttext_matrix_clear, also after a failure. */
ec_status ec_fasttext_matrix_init(struct ec_fasttext_matrix *matrix, const uint8_t *data, int64_t bytes, int quantised,
                                  int64_t *used, struct ec_report *report);
/* Floats in memory. */
void ec_fasttext_matrix_of(struct ec_fasttext_matrix *matrix, const float *floats, int64_t rows, int64_t columns);
void ec_fasttext_matrix_clear(struct ec_fasttext_matrix *matrix);

/* out[columns] = the row. */
void ec_fasttext_row(float *out, const struct ec_fasttext_matrix *matrix, int64_t row);
/* out[columns] += the row. */
void ec_fasttext_row_add(float *out, const struct ec_fasttext_matrix *matrix, int64_t row);
/* out[columns] = the sum of the rows, in their order. */
void ec_fasttext_sum(float *out, const struct ec_fasttext_matrix *matrix, const int32_t *rows, int64_t count);

#endif
