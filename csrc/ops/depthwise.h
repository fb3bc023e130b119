/* The rows of a depthwise convolution over images: one row of its result, of the gradient of its images, or of that of
 * its kernel at a time, by one thread. For depthwise_conv2d and for operations that keep the rows between this and what
 * follows in the cache.
 *
 * With a depth multiplier M, rows of the result are planes here: all pixels of the first kernel of each channel, then
 * those of the second [M, W', C]. The kernel too is read, and has its gradient, as planes [M, taps, C]. Where M is 1
 * these are the usual orders. */
#ifndef EC_OPS_DEPTHWISE_H
#define EC_OPS_DEPTHWISE_H

#include "ops/windows_2d.h"

/* Which taps along an axis some results read: result number u reads place first[k] + u * step, if it is inside of
 * `length`, for tap[k]. */
struct ec_reads {
    int64_t count, *first, *tap;
    int64_t step, length, results;
};

struct ec_depthwise {
    const struct ec_windows_2d *window;
    int64_t multiplier; /* M */

    /* of the step */
    struct ec_reads down, right; /* a result reads pixels */
    struct ec_reads *up, *left;  /* a pixel reads results: of its place modulo the strides */
    struct ec_tap *taps;         /* [threads, taps] of the window that a thread is at */
    const float *kernel;         /* [M, taps, C] */
    float *planes;               /* where these stand, if M > 1 */
    float *turned;               /* backward: the taps of each plane from the last to the first, where they are 3 x 3 */
    int64_t band;                /* rows of results of a band but the last of an image */
};

/* Floats of a row of results. */
static inline int64_t ec_depthwise_row(const struct ec_depthwise *depthwise)
{
    return depthwise->multiplier * depthwise->window->out_width * depthwise->window->channels;
}
/* Floats of a kernel's plane. */
static inline int64_t ec_depthwise_plane(const struct ec_depthwise *depthwise)
{
    return depthwise->window->rows.size * depthwise->window->cols.size * depthwise->window->channels;
}

/* Takes what a step needs; `kernel` [taps, C, M] is read when it runs. */
ec_status ec_depthwise_plan(struct ec_depthwise *depthwise, const float *kernel, struct ec_step *step);
/* Before the first row of a step where M > 1: by all threads; ends with a barrier. */
void ec_depthwise_begin(const struct ec_depthwise *depthwise, struct ec_team *team, const float *kernel);
/* Before the first band of a backward: the same. */
void ec_depthwise_begin_backward(const struct ec_depthwise *depthwise, struct ec_team *team);

/* Rows of windows over an image [H, W, C]; bias [C], or NULL as it must be where M > 1. */
void ec_depthwise_forward(const struct ec_depthwise *depthwise, int thread, float *out, const float *image,
                          struct ec_range rows, const float *bias);
/* A band of an image: some rows of results, and its share of the image's rows. The gradient of these follows from
 * `needed` rows of results, the band's among them; all bands of an image together have all its rows. */
struct ec_band {
    int64_t image;
    struct ec_range results, pixels, needed;
};
/* Bands of an image whose needed rows, and as many of the image, are some 100 kB; all follows from the sizes. */
int64_t ec_depthwise_bands(const struct ec_depthwise *depthwise);
struct ec_band ec_depthwise_band(const struct ec_depthwise *depthwise, int64_t number);
/* No band needs more rows. */
int64_t ec_depthwise_needed(const struct ec_depthwise *depthwise);
/* With the gradients of the needed rows: writes those of the band's pixels, where d_image [H, W, C] is given, adding
 * them with `accumulate`; and adds to that of the kernel, where d_kernel is given. */
void ec_depthwise_backward(const struct ec_depthwise *depthwise, int thread, const struct ec_band *band,
                           const float *image, const float *d_needed, float *d_image, int accumulate, float *d_kernel);

/* Between planes [M, pixels, C] and rows [pixels, C, M]. */
void ec_depthwise_interleave(const struct ec_depthwise *depthwise, float *rows, const float *planes, int64_t pixels);
void ec_depthwise_separate(const struct ec_depthwise *depthwise, float *planes, const float *rows, int64_t pixels);

#endif
