/* Correlations of images (channels last) with small kernels, by a team of threads: what convolutions of images are made
 * of, forward, back to their input, and to their kernel. No window is written out: a band of rows is copied once with
 * its pixels turned to the inside ([row][channel][column]), and a tap of a window is then a place in it.
 *
 * Two images meet at each tap: `from`, which windows go over, and `of`, which has a pixel for each window:
 *
 *     gather:  of[y, x, f] (+)= sum over i, j, c of from[y sr + i dr - top, x sc + j dc - left, c] W[i, j, c, f]
 *     scatter: from[..., c] (+)= sum over f of of[y, x, f] W[i, j, c, f], over all windows and taps that read a pixel
 *     kernel:  W[i, j, c, f] (+)= sum over images, y, x of from[..., c] of[y, x, f]
 *
 * A convolution gathers forward and scatters back; a transposed one the other way round. Places outside are zeros. With
 * groups, c counts the channels of a group, and filter f reads those of its own.
 *
 * Where `pools` is set, `of` is never whole in memory: gathering keeps the maxima and who they were, the other way
 * spreads them, a band at a time.
 *
 * Work is cut into bands of rows whose bounds follow from the sizes alone, so the bits do not depend on the team. */
#ifndef EC_MATRIX_CORRELATION_H
#define EC_MATRIX_CORRELATION_H

#include "base/memory.h"
#include "base/threads.h"
#include "kernels/kernels.h"

#include <stdint.h>
#include <string.h>

enum {
    EC_ROWS,
    EC_COLS
};
struct ec_correlation_axis {
    int64_t from, of; /* sizes of both images */
    int64_t taps, stride, dilation, lead;
};
struct ec_correlation {
    struct ec_correlation_axis axis[2]; /* of rows, of columns */
    int64_t images, groups;
    int64_t channels, filters; /* of all groups: of `from`, of `of` */
    int pools;                 /* of `of`, whose sizes are even then, only the largest of each 2 x 2 pixels are kept;
                                * one group */
    int32_t *at;               /* which of the four it was: [images, rows / 2, columns / 2, filters]; or NULL */
};

/* One direction, planned: gather or scatter. */
struct ec_sweep {
    struct ec_correlation sizes;
    int scatters;
    struct ec_sweep_axis {
        int64_t source, target; /* sizes of both images in this direction */
        int64_t phases;         /* a target pixel p + phases * i ... */
        int64_t step;           /* ... reads the source pixels step * i + shift of its taps */
        int64_t least, most;    /* of the shifts */
        int64_t read;           /* how many of the phases read a tap: pixels of the others are zeros */
        struct ec_sweep_phase {
            int64_t number, taps, before; /* how many taps it reads, and how many all before it */
        } *phase;                         /* [read] */
    } axis[2];
    int64_t source_channels, target_channels; /* of a group */
    int64_t row_floats, line;                 /* of a band: floats from row to row, and from channel to channel */
    int64_t band, bands;                      /* steps i of a band of target rows, and how many there are */
    int64_t panels;                           /* column panels of a group */
    int32_t *offsets;                         /* [phases of rows][phases of columns][taps]: places in a band */
    float *weights;                           /* [groups][panels][the same taps, source channels][columns of a panel] */
    float *bands_of_threads;
    int64_t room, room_band; /* floats of a thread, of its band; behind it what is pooled */
};
/* A row of `of` from what its pooled rows hold: zeros but for the winners. */
static inline void ec_correlation_spread(const struct ec_correlation *sizes, float *row, const float *pooled,
                                         int64_t image, int64_t number)
{
    int64_t filters = sizes->filters, cols = sizes->axis[EC_COLS].of;
    int64_t first = (image * (sizes->axis[EC_ROWS].of / 2) + number / 2) * (cols / 2) * filters;
    memset(row, 0, (size_t)(cols * filters) * sizeof *row);
    for (int64_t x = 0; x < cols; x++) {
        ec_kernels()->add_where(row + x * filters, pooled + first + x / 2 * filters,
                                sizes->at + first + x / 2 * filters, (int32_t)(number % 2 * 2 + x % 2), filters);
    }
}

/* What is done to a target once it is complete, row by row. */
struct ec_sweep_end {
    const float *bias; /* [target channels] or NULL */
    enum ec_activation activation;
};

/* Takes memory for up to `threads`; `kernel` [taps, taps, channels of a group, filters] is read when it runs. */
ec_status ec_sweep_plan(struct ec_sweep *sweep, const struct ec_correlation *sizes, int scatters, int threads,
                        struct ec_arena *arena);
/* Called by every thread of the team; ends with a barrier. */
void ec_sweep_run(struct ec_team *team, const struct ec_sweep *sweep, float *target, int accumulate,
                  const float *source, const float *kernel, const struct ec_sweep_end *end);

/* The gradient of a kernel, planned. */
struct ec_kernel_sum {
    struct ec_correlation sizes;
    int copies;                        /* `from` is copied with its border, else read where it stands */
    int packs;                         /* so is `of`, into panels */
    int64_t pitch;                     /* floats from row to row of `from` as it is read */
    int64_t band, bands;               /* rows of `of` in a band, and bands of an image */
    int64_t parts, shares;             /* sums of some bands each, and shares of a sum's tiles */
    int64_t runs, run;                 /* per tap row: runs of neighbouring values, so many in each */
    int64_t panels;                    /* column panels of a group */
    int32_t *offsets;                  /* [pixels of a band] */
    float *sums, *bias_sums;           /* [parts] x the kernel, and the filters */
    float *buffers;                    /* of threads */
    int64_t room, room_copy, sum_room; /* floats of a thread, of its copy; of a sum */
    int64_t room_packed;               /* of packed panels; behind them what was pooled */
};
ec_status ec_kernel_sum_plan(struct ec_kernel_sum *sum, const struct ec_correlation *sizes, int threads,
                             struct ec_arena *arena);
/* d_kernel (+)= ..., and d_bias [filters] (+)= the sum of all pixels of `of`, unless it is NULL. Ends with a barrier.
 */
void ec_kernel_sum_run(struct ec_team *team, const struct ec_kernel_sum *sum, float *d_kernel, int adds_kernel,
                       float *d_bias, int adds_bias, const float *from, const float *of);

#endif
