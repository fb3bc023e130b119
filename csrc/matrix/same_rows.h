/* Which rows of an array are the same, bit for bit: embedded texts, whose words come again and again, are such arrays,
 * and what is computed of a row alone is computed once. For some thousand rows of some hundred floats. */
#ifndef EC_MATRIX_SAME_ROWS_H
#define EC_MATRIX_SAME_ROWS_H

#include "base/memory.h"

#include <stdint.h>

struct ec_same_rows {
    int64_t count;  /* U */
    int32_t *first; /* [U] the first row of each kind, rising */
    int32_t *kind;  /* [rows] of each row, below U */
};

/* Of `rows` rows of `width` contiguous floats; from the arena. Gives up (count = rows, no more arrays) where more than
 * `most` differ. */
ec_status ec_same_rows_init(struct ec_same_rows *same, struct ec_arena *arena, const float *values, int64_t rows,
                            int64_t width, int64_t most);

#endif
