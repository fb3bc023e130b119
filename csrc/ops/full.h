/* Tensors as plain arrays of several axes, for operations that move values between axes: the batch (or nothing, of a
 * single row), the steps, the dimensions of a row. Only where no step is masked: else reshape pads before. */
#ifndef EC_OPS_FULL_H
#define EC_OPS_FULL_H

#include "ops/op.h"

#define EC_MOST_AXES (2 + EC_MAX_RANK)

struct ec_full {
    int axes;
    int64_t sizes[EC_MOST_AXES];
};

/* As it will be: sizes that a batch decides are -1. */
struct ec_full ec_full_shape(const struct ec_tensor *tensor);
/* Of the step. */
struct ec_full ec_full_of(const struct ec_tensor *tensor);
/* With all rows that are stored as one axis, for what is done within a row: then steps may be masked. */
struct ec_full ec_full_rows(const struct ec_tensor *tensor);
/* The product of sizes [begin, end). */
int64_t ec_full_count(const struct ec_full *full, int begin, int end);
/* EC_BAD_VALUE with a report where steps of the input are masked. */
ec_status ec_full_check(const struct ec_op *op, int number, struct ec_step *step);
/* Sets the output's shape: `full` in the place of the input's, which has the same kinds of axes. */
void ec_full_set(struct ec_tensor *out, const struct ec_tensor *in, const struct ec_full *full);
/* Rows, layout and memory of the output for this step, with so many steps where it has steps. */
ec_status ec_full_plan(struct ec_op *op, int64_t texts, int64_t width, struct ec_layout *layout, struct ec_step *step);

#endif
