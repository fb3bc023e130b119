/* An image made larger or smaller: [H, W, C] to [H', W', C], by the taps of both axes. Rows are interpolated along the
 * width first, each once, and stay in a ring until the rows of the result no longer need them. */
#ifndef EC_IMAGES_RESIZE_H
#define EC_IMAGES_RESIZE_H

#include "base/range.h"
#include "images/taps.h"

struct ec_resize {
    int64_t channels;
    int64_t source_width;
    struct ec_taps rows, cols;
};

/* Needs ec_resize_clear. Sizes from 1 to 2^20. */
ec_status ec_resize_init(struct ec_resize *resize, enum ec_interpolation interpolation, int antialias,
                         const int64_t source[2], const int64_t size[2], int64_t channels);
/* The same for gradients: from an image of the size of the result to one of the source. */
ec_status ec_resize_init_transposed(struct ec_resize *transposed, const struct ec_resize *resize,
                                    const int64_t source[2]);
void ec_resize_clear(struct ec_resize *resize);

/* Floats of workspace that one thread needs. */
int64_t ec_resize_workspace(const struct ec_resize *resize);
/* Rows of the result that make a tile of work. */
int64_t ec_resize_block(const struct ec_resize *resize);
/* These rows of `out` (+)= the resized image, of floats or bytes. */
void ec_resize_rows(float *out, int adds, const void *image, int is_bytes, const struct ec_resize *resize,
                    struct ec_range rows, float *workspace);

#endif
