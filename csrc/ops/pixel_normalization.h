/* Batch normalisation of images: the channels of all pixels of a batch [pixels, C], where nothing is masked. Sums are
 * taken over parts of some thousand pixels, 64 of them in float32 and the rest in double, whatever the team; nothing
 * is kept for the backward but mean and deviation. */
#ifndef EC_OPS_PIXEL_NORMALIZATION_H
#define EC_OPS_PIXEL_NORMALIZATION_H

#include "ops/op.h"

struct ec_pixels {
    int64_t count, channels, parts;
    double *sums;   /* [parts, 2, C] */
    float *rows;    /* [threads, 2, C] */
    float *factors; /* [4, C] a centre, and what a pass multiplies by and adds */
};

ec_status ec_pixels_plan(struct ec_pixels *pixels, const struct ec_tensor *in, struct ec_step *step);
/* center[c]: the mean of some pixels, to take others' distance from: their squares keep their digits. */
void ec_pixels_center(const struct ec_pixels *pixels, struct ec_team *team, float *center, const float *in);
/* sums[c] and sums[C + c]: of other[., c] and other[., c] (in[., c] - center[c]) over all pixels; other NULL: in -
 * center itself. By all threads; ends with a barrier. */
void ec_pixels_sum(const struct ec_pixels *pixels, struct ec_team *team, double *sums, const float *in,
                   const float *center, const float *other);
/* out (+)= scale (in - center) + offset (+ other_scale other). The same. */
void ec_pixels_scale(const struct ec_pixels *pixels, struct ec_team *team, float *out, int accumulate, const float *in,
                     const float *center, const float *scale, const float *offset, const float *other,
                     const float *other_scale);

#endif
