/* An image seen through a projective map: each pixel of the result is read where the map says, between the pixels of
 * the source, which goes on beyond its edges. As tf.raw_ops.ImageProjectiveTransformV3 and keras.ops.image.
 *
 *     x' = (a0 x + a1 y + a2) / k, y' = (b0 x + b1 y + b2) / k, k = c0 x + c1 y + 1; x along the width */
#ifndef EC_IMAGES_WARP_H
#define EC_IMAGES_WARP_H

#include "base/range.h"

enum ec_fill_mode {
    EC_FILL_CONSTANT, /* k k k | a b c | k k k */
    EC_FILL_REFLECT,  /* c b a | a b c | c b a */
    EC_FILL_WRAP,     /* a b c | a b c | a b c */
    EC_FILL_NEAREST   /* a a a | a b c | c c c */
};
/* Their names, in this order, NULL at the end. */
extern const char *const ec_fill_mode_names[];

struct ec_warp {
    int64_t height, width, channels;
    enum ec_fill_mode fill_mode;
    int bilinear; /* else the nearest pixel */
    float fill_value;
};

/* The rows of `out` from `in` through the map (a0 a1 a2 b0 b1 b2 c0 c1). */
void ec_warp_rows(float *out, const float *in, const struct ec_warp *warp, const float map[8], struct ec_range rows);
/* d_in += what the whole d_out gives it. */
void ec_warp_backward(float *d_in, const float *d_out, const struct ec_warp *warp, const float map[8]);

#endif
