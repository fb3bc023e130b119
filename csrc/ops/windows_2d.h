/* Windows over the rows and columns of images: how many there are, where they begin, what an operation needs for its
 * shapes. Shared by the convolutions and the pooling of images.
 *
 * Images are tensors without steps whose rows have the dimensions [height, width, channels]. Along each axis windows
 * are those of batch/windows.h without a mask: padding="same" has ceil(size / strides) windows and pads as few places
 * as these need, the odd one behind (as TensorFlow and Keras). */
#ifndef EC_OPS_WINDOWS_2D_H
#define EC_OPS_WINDOWS_2D_H

#include "matrix/correlation.h"
#include "ops/op.h"

/* Part of an operation's state. Attributes: rows.strides, cols.strides (EC_ATTRIBUTE_COUNT), rows.dilation,
 * cols.dilation where it has them, rows.padding (EC_ATTRIBUTE_CHOICE); ec_windows_2d_infer sets the rest. */
struct ec_windows_2d {
    struct ec_windows rows, cols;
    int64_t height, width, channels; /* of an image that windows go over */
    int64_t out_height, out_width;   /* how many windows */
    int64_t top, left;               /* places before the first row and column where the first windows begin */
};
#define EC_WINDOWS_2D_DEFAULTS {.rows = {.strides = 1, .dilation = 1}, .cols = {.strides = 1, .dilation = 1}}

/* Checks the settings and sizes, reads the image from input 0 and gives output 0 the shape
 * [out_height, out_width, channels]. */
ec_status ec_windows_2d_infer(struct ec_windows_2d *windows, struct ec_op *op, int64_t size_rows, int64_t size_cols,
                              int64_t channels, struct ec_report *report);
/* The same windows as matrix/correlation.h takes them: `from` places are read by `of` windows, the first of which
 * begins `lead` places in front. */
static inline struct ec_correlation_axis ec_correlation_axis_of(const struct ec_windows *windows, int64_t from,
                                                                int64_t of, int64_t lead)
{
    return (struct ec_correlation_axis){.from = from,
                                        .of = of,
                                        .taps = windows->size,
                                        .stride = windows->strides,
                                        .dilation = windows->dilation,
                                        .lead = lead};
}

#endif
