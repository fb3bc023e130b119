/* The gradient of a kernel: a product whose depth are all pixels of all images. Neighbouring taps of a row and their
 * channels stand side by side in `from`, so a tile reads both images where they stand; only where windows reach over
 * the border is `from` copied with zeros around it, a band at a time. Sums of fixed parts of the bands are added in
 * their order. */
#include "matrix/correlation.h"

#include <string.h>

enum {
    BAND_FLOATS = 1 << 16, /* of both images in a band, roughly */
    PARTS = 16,            /* sums at most */
    SUM_FLOATS = 1 << 22,  /* of all sums together, roughly */
    BLOCK = 4096           /* values of a kernel that a thread adds up at once */
};

/* Pixels that a window reaches over, `windows` of them and what lies between. */
static int64_t reach_of(const struct ec_correlation_axis *axis, int64_t windows)
{
    return (windows - 1) * axis->stride + (axis->taps - 1) * axis->dilation + 1;
}

static int crosses_border(const struct ec_correlation_axis *axis)
{
    return axis->lead != 0 || reach_of(axis, axis->of) > axis->from;
}

ec_status ec_kernel_sum_plan(struct ec_kernel_sum *sum, const struct ec_correlation *sizes, int threads,
                             struct ec_arena *arena)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    const struct ec_correlation_axis *rows = &sizes->axis[EC_ROWS], *cols = &sizes->axis[EC_COLS];
    int64_t channels = sizes->channels / sizes->groups, filters = sizes->filters / sizes->groups;
    int64_t rest = filters % gemm->cols;
    *sum = (struct ec_kernel_sum){
        .sizes = *sizes,
        .copies = crosses_border(rows) || crosses_border(cols),
        .packs = rest != 0 && rest != ec_kernels()->lanes,
        .panels = ec_ceil_div(filters, gemm->cols),
        .runs = cols->dilation == 1 && sizes->groups == 1 ? 1 : cols->taps,
    };
    sum->run = sum->runs == 1 ? cols->taps * channels : channels;
    int64_t width = sum->copies ? reach_of(cols, cols->of) : cols->from, size;
    if (__builtin_mul_overflow(width, sizes->channels, &sum->pitch) ||
        __builtin_mul_overflow(sum->pitch, reach_of(rows, 1), &size) || size > INT32_MAX) {
        return EC_TOO_LARGE; /* places are int32 */
    }
    int64_t of_row = cols->of * sizes->filters;
    int64_t most = (BAND_FLOATS - reach_of(rows, 1) * sum->pitch) / (rows->stride * sum->pitch + of_row);
    sum->bands = ec_ceil_div(rows->of, ec_most(1, most));
    sum->band = ec_round_up(ec_ceil_div(rows->of, sum->bands), sizes->pools ? 2 : 1);
    sum->bands = ec_ceil_div(rows->of, sum->band);
    int64_t all = sizes->images * sum->bands, kernel = rows->taps * cols->taps * channels * sizes->filters;
    sum->parts = ec_most(1, ec_least(ec_least(all, PARTS), SUM_FLOATS / kernel));
    sum->shares = ec_ceil_div(PARTS, sum->parts);
    sum->sum_room = ec_round_up(kernel, 16);
    sum->sums = ec_arena_take(arena, sum->parts * sum->sum_room, sizeof(float));
    sum->bias_sums = ec_arena_take(arena, sum->parts * sizes->filters, sizeof(float));
    sum->offsets = ec_arena_take(arena, sum->band * cols->of, sizeof *sum->offsets);
    sum->room_copy = sum->copies ? ec_round_up(reach_of(rows, sum->band) * sum->pitch, 16) : 0;
    sum->room_packed = sum->packs ? sizes->groups * sum->panels * sum->band * cols->of * gemm->cols : 0;
    sum->room = sum->room_copy + sum->room_packed + (sizes->pools ? ec_round_up(sum->band * of_row, 16) : 0);
    sum->buffers = ec_arena_take(arena, threads * sum->room, sizeof(float));
    if (reach_of(rows, sum->band) * sum->pitch > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    if (arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t pixel = 0; pixel < sum->band * cols->of; pixel++) {
        sum->offsets[pixel] =
            (int32_t)(pixel / cols->of * rows->stride * sum->pitch + pixel % cols->of * cols->stride * sizes->channels);
    }
    return EC_OK;
}

/* The rows of `from` that windows [first, ...) read, with zeros around the image. */
static void copy_band(const struct ec_kernel_sum *sum, float *to, const float *image, int64_t first, int64_t windows)
{
    const struct ec_correlation_axis *rows = &sum->sizes.axis[EC_ROWS], *cols = &sum->sizes.axis[EC_COLS];
    int64_t channels = sum->sizes.channels, width = sum->pitch / channels;
    int64_t before = ec_most(0, ec_least(cols->lead, width)), skip = ec_most(0, -cols->lead);
    int64_t inside = ec_most(0, ec_least(cols->from - skip, width - before));
    for (int64_t i = 0; i < reach_of(rows, windows); i++, to += sum->pitch) {
        int64_t row = first * rows->stride - rows->lead + i;
        if (row < 0 || row >= rows->from || inside == 0) {
            memset(to, 0, (size_t)sum->pitch * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)(before * channels) * sizeof *to);
        memcpy(to + before * channels, image + (row * cols->from + skip) * channels,
               (size_t)(inside * channels) * sizeof *to);
        memset(to + (before + inside) * channels, 0, (size_t)((width - before - inside) * channels) * sizeof *to);
    }
}

/* A band as the tiles read it. */
struct band {
    const float *from, *of; /* `of`: where it stands, or panels */
    int64_t pixels;
    float *sums;
    int accumulate;
};

/* One column panel of one run of values under one row of taps. */
static void multiply_run(const struct ec_kernel_sum *sum, const struct band *band, int64_t group, int64_t panel,
                         int64_t tap_row, int64_t run)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    const struct ec_correlation *sizes = &sum->sizes;
    const struct ec_correlation_axis *rows = &sizes->axis[EC_ROWS], *cols = &sizes->axis[EC_COLS];
    int64_t channels = sizes->channels / sizes->groups, filters = sizes->filters / sizes->groups;
    const float *from =
        band->from + tap_row * rows->dilation * sum->pitch + run * cols->dilation * sizes->channels + group * channels;
    const float *of = sum->packs ? band->of + (group * sum->panels + panel) * band->pixels * gemm->cols
                                 : band->of + group * filters + panel * gemm->cols;
    int64_t of_stride = sum->packs ? gemm->cols : sizes->filters, tiles = ec_ceil_div(sum->run, gemm->rows);
    float *out =
        band->sums + (tap_row * cols->taps + run) * channels * sizes->filters + group * filters + panel * gemm->cols;
    for (int64_t tile = 0; tile < tiles; tile++) {
        struct ec_range part = ec_range_part(sum->run, tiles, tile);
        ec_kernels()->offset_tile(out + part.begin * sizes->filters, sizes->filters, band->accumulate,
                                  from + part.begin, sum->offsets, of, of_stride, (int)(part.end - part.begin),
                                  (int)ec_least(gemm->cols, filters - panel * gemm->cols), band->pixels);
    }
}

static void pack_of(const struct ec_kernel_sum *sum, float *to, const float *of, int64_t pixels)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    int64_t filters = sum->sizes.filters / sum->sizes.groups;
    for (int64_t group = 0; group < sum->sizes.groups; group++) {
        for (int64_t panel = 0; panel < sum->panels; panel++, to += pixels * gemm->cols) {
            gemm->pack_b(to, of + group * filters + panel * gemm->cols, sum->sizes.filters, 1,
                         (int)ec_least(gemm->cols, filters - panel * gemm->cols), pixels);
        }
    }
}

/* A share of the tiles of one sum, over all its bands. */
static void add_up(const struct ec_kernel_sum *sum, int64_t part, int64_t share, float *buffer, const float *from,
                   const float *of, int with_bias)
{
    const struct ec_correlation *sizes = &sum->sizes;
    const struct ec_correlation_axis *rows = &sizes->axis[EC_ROWS], *cols = &sizes->axis[EC_COLS];
    struct ec_range bands = ec_range_part(sizes->images * sum->bands, sum->parts, part);
    struct ec_range runs = ec_range_part(sizes->groups * sum->panels * rows->taps * sum->runs, sum->shares, share);
    struct band band = {.sums = sum->sums + part * sum->sum_room};
    float *bias = sum->bias_sums + part * sizes->filters;
    for (int64_t number = bands.begin; number < bands.end; number++) {
        int64_t image = number / sum->bands, first = number % sum->bands * sum->band;
        int64_t windows = ec_most(0, ec_least(sum->band, rows->of - first));
        const float *picture = from + image * rows->from * cols->from * sizes->channels;
        const float *pixels = of + (image * rows->of + first) * cols->of * sizes->filters, *kept = pixels;
        band.pixels = windows * cols->of;
        if (sizes->pools) {
            float *spread = buffer + sum->room_copy + sum->room_packed;
            for (int64_t row = 0; row < windows; row++) {
                ec_correlation_spread(sizes, spread + row * cols->of * sizes->filters, of, image, first + row);
            }
            kept = of + (image * rows->of + first) / 2 * (cols->of / 2) * sizes->filters;
            pixels = spread;
        }
        band.from = picture + first * rows->stride * sum->pitch;
        if (sum->copies && windows) {
            copy_band(sum, buffer, picture, first, windows);
            band.from = buffer;
        }
        band.of = pixels;
        if (sum->packs) {
            pack_of(sum, buffer + sum->room_copy, pixels, band.pixels);
            band.of = buffer + sum->room_copy;
        }
        for (int64_t run = runs.begin; run < runs.end; run++) {
            int64_t under = run % (rows->taps * sum->runs), panel = run / (rows->taps * sum->runs);
            multiply_run(sum, &band, panel / sum->panels, panel % sum->panels, under / sum->runs, under % sum->runs);
        }
        if (with_bias && share == 0) {
            ec_kernels()->column_sum(bias, band.accumulate, kept, sizes->filters,
                                     sizes->pools ? band.pixels / 4 : band.pixels, sizes->filters);
        }
        band.accumulate = 1;
    }
}

static void add_parts(float *out, int adds, const float *parts, int64_t room, int64_t count, int64_t values)
{
    if (!adds) {
        memcpy(out, parts, (size_t)values * sizeof *out);
    }
    for (int64_t part = !adds; part < count; part++) {
        ec_kernels()->add(out, parts + part * room, values);
    }
}

void ec_kernel_sum_run(struct ec_team *team, const struct ec_kernel_sum *sum, float *d_kernel, int adds_kernel,
                       float *d_bias, int adds_bias, const float *from, const float *of)
{
    const struct ec_correlation *sizes = &sum->sizes;
    int64_t kernel =
        sizes->axis[EC_ROWS].taps * sizes->axis[EC_COLS].taps * (sizes->channels / sizes->groups) * sizes->filters;
    int empty = sizes->images == 0;
    for (int64_t item; (item = ec_team_next(team, sum->parts * sum->shares)) >= 0;) {
        add_up(sum, item / sum->shares, item % sum->shares, sum->buffers + team->index * sum->room, from, of,
               d_bias != NULL);
        if (empty && item == 0) {
            memset(sum->sums, 0, (size_t)kernel * sizeof(float));
            memset(sum->bias_sums, 0, (size_t)sizes->filters * sizeof(float));
        }
    }
    ec_team_barrier(team);
    for (struct ec_range block; ec_team_next_range(team, kernel, BLOCK, &block);) {
        add_parts(d_kernel + block.begin, adds_kernel, sum->sums + block.begin, sum->sum_room, sum->parts,
                  block.end - block.begin);
    }
    while (d_bias && ec_team_next(team, 1) >= 0) {
        add_parts(d_bias, adds_bias, sum->bias_sums, sizes->filters, sum->parts, sizes->filters);
    }
    ec_team_barrier(team);
}
