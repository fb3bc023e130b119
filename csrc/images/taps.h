/* What each place of a resized axis reads: a run of places of the source, each with a weight. Half-pixel centres, as
 * TensorFlow, Keras 3 and JAX: place i of n stands at (i + 1/2) / n of the axis.
 *
 * Without antialiasing a kernel is as wide as its source's pixels ask for; with it, at least as wide as a pixel of the
 * result. Weights sum to 1; what a kernel has outside of the image is left out before. */
#ifndef EC_IMAGES_TAPS_H
#define EC_IMAGES_TAPS_H

#include "base/status.h"

#include <stdint.h>

enum ec_interpolation {
    EC_NEAREST,
    EC_BILINEAR,
    EC_BICUBIC, /* Keys 1981, a = -1/2 */
    EC_LANCZOS3,
    EC_LANCZOS5,
    EC_AREA /* the mean over what a pixel of the result covers */
};
/* Their names, in this order, NULL at the end. */
extern const char *const ec_interpolation_names[];

struct ec_taps {
    int64_t size;           /* places of the result */
    int64_t most;           /* taps of one of them, at least 1 */
    int each;               /* of the places has a tap; not so where taps are read the other way */
    int32_t *first, *count; /* [size]; first never falls */
    float *weight;          /* [size x most] */
};

/* From an axis of `source` places to one of `size`, both from 1 to 2^20. Needs ec_taps_clear. */
ec_status ec_taps_init(struct ec_taps *taps, enum ec_interpolation interpolation, int antialias, int64_t source,
                       int64_t size);
/* The same weights read the other way, for gradients: from the result of `taps` to its source. */
ec_status ec_taps_init_transposed(struct ec_taps *transposed, const struct ec_taps *taps, int64_t source);
void ec_taps_clear(struct ec_taps *taps);

#endif
