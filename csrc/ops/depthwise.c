/* Rows of a depthwise convolution: which taps a window reads, and the kernels that go along a row. Along a row all
 * windows but those at its ends read the same taps, so these are one call. */
#include "ops/depthwise.h"

#include <string.h>

/* -- what is read ------------------------------------------------------------------------------------------------- */
static void take_reads(struct ec_reads *reads, int64_t taps, struct ec_arena *arena)
{
    reads->first = ec_arena_take(arena, taps, sizeof *reads->first);
    reads->tap = ec_arena_take(arena, taps, sizeof *reads->tap);
}

/* Window u reads pixel u s + k d - before. */
static void find_pixels(struct ec_reads *reads, const struct ec_windows *axis, int64_t pixels, int64_t before,
                        int64_t windows)
{
    *reads = (struct ec_reads){axis->size, reads->first, reads->tap, axis->strides, pixels, windows};
    for (int64_t k = 0; k < axis->size; k++) {
        reads->first[k] = k * axis->dilation - before;
        reads->tap[k] = k;
    }
}

/* Pixel u s + phase is read as tap k by window u + (phase + before - k d) / s, where that is a whole number. */
static void find_windows(struct ec_reads *reads, const struct ec_windows *axis, int64_t pixels, int64_t before,
                         int64_t windows, int64_t phase)
{
    int64_t s = axis->strides;
    *reads = (struct ec_reads){0, reads->first, reads->tap, 1, windows, ec_ceil_div(ec_most(pixels - phase, 0), s)};
    for (int64_t k = 0; k < axis->size; k++) {
        int64_t from = phase + before - k * axis->dilation;
        if (from % s == 0) {
            reads->first[reads->count] = from / s;
            reads->tap[reads->count++] = k;
        }
    }
}

static struct ec_reads *all_windows(const struct ec_windows *axis, int64_t pixels, int64_t before, int64_t windows,
                                    struct ec_arena *arena)
{
    int64_t phases = ec_least(axis->strides, pixels);
    struct ec_reads *reads = ec_arena_take(arena, phases, sizeof *reads);
    for (int64_t phase = 0; reads && phase < phases; phase++) {
        take_reads(&reads[phase], axis->size, arena);
        if (!arena->failed) {
            find_windows(&reads[phase], axis, pixels, before, windows, phase);
        }
    }
    return reads;
}

enum {
    BAND_FLOATS = 32768
};

ec_status ec_depthwise_plan(struct ec_depthwise *depthwise, const float *kernel, struct ec_step *step)
{
    const struct ec_windows_2d *w = depthwise->window;
    take_reads(&depthwise->down, w->rows.size, step->arena);
    take_reads(&depthwise->right, w->cols.size, step->arena);
    depthwise->taps = ec_arena_take(step->arena, step->threads * w->rows.size * w->cols.size, sizeof(struct ec_tap));
    depthwise->planes = NULL;
    if (depthwise->multiplier > 1) {
        depthwise->planes =
            ec_arena_take(step->arena, depthwise->multiplier * ec_depthwise_plane(depthwise), sizeof(float));
    }
    if (step->backward) {
        depthwise->turned =
            ec_arena_take(step->arena, depthwise->multiplier * ec_depthwise_plane(depthwise), sizeof(float));
        depthwise->up = all_windows(&w->rows, w->height, w->top, w->out_height, step->arena);
        depthwise->left = all_windows(&w->cols, w->width, w->left, w->out_width, step->arena);
    }
    if (step->arena->failed) {
        return EC_NO_MEMORY;
    }
    find_pixels(&depthwise->down, &w->rows, w->height, w->top, w->out_height);
    find_pixels(&depthwise->right, &w->cols, w->width, w->left, w->out_width);
    depthwise->kernel = depthwise->planes ? depthwise->planes : kernel;
    depthwise->band = ec_least(w->out_height, ec_most(1, BAND_FLOATS / ec_depthwise_row(depthwise)));
    return EC_OK;
}

/* Whether windows are of 3 x 3 neighbouring pixels, next to each other. */
static int is_3x3(const struct ec_depthwise *depthwise)
{
    const struct ec_windows *rows = &depthwise->window->rows, *cols = &depthwise->window->cols;
    return rows->size == 3 && cols->size == 3 && rows->strides == 1 && cols->strides == 1 && rows->dilation == 1 &&
           cols->dilation == 1;
}

void ec_depthwise_begin(const struct ec_depthwise *depthwise, struct ec_team *team, const float *kernel)
{
    const struct ec_windows_2d *w = depthwise->window;
    while (depthwise->planes && ec_team_next(team, 1) >= 0) {
        ec_depthwise_separate(depthwise, depthwise->planes, kernel, w->rows.size * w->cols.size);
    }
    if (depthwise->planes) {
        ec_team_barrier(team);
    }
}

void ec_depthwise_begin_backward(const struct ec_depthwise *depthwise, struct ec_team *team)
{
    int64_t channels = depthwise->window->channels, taps = is_3x3(depthwise) ? 9 : 0;
    for (int64_t tap; (tap = ec_team_next(team, depthwise->multiplier * taps)) >= 0;) {
        int64_t plane = tap / taps * taps;
        memcpy(depthwise->turned + (plane + taps - 1 - tap % taps) * channels, depthwise->kernel + tap * channels,
               (size_t)channels * sizeof(float));
    }
    ec_team_barrier(team);
}

/* -- over rows ---------------------------------------------------------------------------------------------------- */
/* Sums over what is read, for some rows of results: written with `kernel`; or with d_out, their gradients, added to the
 * gradient of the kernel. */
struct work {
    const struct ec_depthwise *depthwise;
    int thread;
    struct ec_range rows; /* numbers of the results' rows */
    float *to;            /* the first of them; or the gradient of a plane of the kernel */
    int64_t row, step;    /* floats from one row of results to the next, and from one result */
    int accumulate;
    const float *start;
    const float *kernel, *turned; /* planes of them; turned: where 3 x 3 taps are read from the last to the first */
    const float *from;            /* what is read: its rows from number `first` on, so many floats each */
    int64_t first, from_row;
    const float *d_out;
};

/* Results that read all taps of an axis; none: begin = end. */
static struct ec_range inner_results(const struct ec_reads *reads)
{
    int64_t begin = 0, end = reads->results;
    for (int64_t k = 0; k < reads->count; k++) {
        int64_t first = reads->first[k], last = reads->length - 1 - first;
        begin = first < 0 ? ec_most(begin, ec_ceil_div(-first, reads->step)) : begin;
        end = ec_least(end, last < 0 ? 0 : last / reads->step + 1);
    }
    return (struct ec_range){begin, ec_most(begin, end)};
}

/* The taps that result (u, v) reads. */
static int64_t find_taps(const struct work *work, struct ec_tap *taps, const struct ec_reads *rows, int64_t u,
                         const struct ec_reads *cols, int64_t v)
{
    int64_t count = 0, channels = work->depthwise->window->channels;
    for (int64_t i = 0; i < rows->count; i++) {
        int64_t row = rows->first[i] + u * rows->step;
        for (int64_t k = 0; row >= 0 && row < rows->length && k < cols->count; k++) {
            int64_t col = cols->first[k] + v * cols->step;
            if (col >= 0 && col < cols->length) {
                int64_t tap = rows->tap[i] * work->depthwise->window->cols.size + cols->tap[k];
                taps[count++] = (struct ec_tap){(row - work->first) * work->from_row + col * channels, tap * channels};
            }
        }
    }
    return count;
}

/* Results of row u but those of `done`. Along a row all but those at its ends read the same taps, and are one call. */
static void run_row(const struct work *work, const struct ec_reads *rows, int64_t u, const struct ec_reads *cols,
                    struct ec_range done)
{
    const struct ec_windows_2d *w = work->depthwise->window;
    struct ec_tap *taps = work->depthwise->taps + work->thread * w->rows.size * w->cols.size;
    struct ec_range inner = inner_results(cols);
    int64_t offset = (u - work->rows.begin) * work->row, step = cols->step * w->channels;
    for (int64_t v = 0, end; v < cols->results; v = end) {
        end = v == inner.begin && inner.end > v ? inner.end : v + 1;
        if (v >= done.begin && v < done.end) {
            continue;
        }
        int64_t count = find_taps(work, taps, rows, u, cols, v), at = offset + v * work->step;
        if (work->d_out) {
            ec_kernels()->depthwise_gradient(work->to, taps, count, work->from, step, work->d_out + at, work->step,
                                             end - v, w->channels);
        } else {
            ec_kernels()->depthwise(work->to + at, work->step, work->accumulate, work->start, work->from, step,
                                    work->kernel, taps, count, end - v, w->channels);
        }
    }
}

/* 3 x 3 neighbouring pixels: results of some rows and columns, all of whose taps are inside. */
static void run_inner(const struct work *work, const struct ec_reads *rows, const struct ec_reads *cols,
                      struct ec_range inner_rows, struct ec_range inner_cols)
{
    int64_t channels = work->depthwise->window->channels;
    int64_t at = (inner_rows.begin - work->rows.begin) * work->row + inner_cols.begin * work->step;
    int64_t row = ec_least(rows->first[0], rows->first[2]) + inner_rows.begin - work->first;
    int64_t col = ec_least(cols->first[0], cols->first[2]) + inner_cols.begin;
    const float *from = work->from + row * work->from_row + col * channels;
    if (work->d_out) {
        ec_kernels()->depthwise_3x3_gradient(work->to, from, work->from_row, work->d_out + at, work->row,
                                             inner_rows.end - inner_rows.begin, inner_cols.end - inner_cols.begin,
                                             channels);
    } else {
        const float *kernel = rows->first[0] < rows->first[2] ? work->kernel : work->turned;
        ec_kernels()->depthwise_3x3(work->to + at, work->row, work->accumulate, work->start, from, work->from_row,
                                    kernel, inner_rows.end - inner_rows.begin, inner_cols.end - inner_cols.begin,
                                    channels);
    }
}

static void run(const struct work *work, const struct ec_reads *rows, const struct ec_reads *cols)
{
    struct ec_range inner_rows = inner_results(rows), inner_cols = inner_results(cols), none = {0, 0};
    inner_rows.begin = ec_most(inner_rows.begin, work->rows.begin);
    inner_rows.end = ec_least(inner_rows.end, work->rows.end);
    if (!is_3x3(work->depthwise) || inner_rows.begin >= inner_rows.end) {
        inner_rows = none;
    } else if (inner_cols.begin < inner_cols.end) {
        run_inner(work, rows, cols, inner_rows, inner_cols);
    }
    for (int64_t u = work->rows.begin; u < work->rows.end; u++) {
        run_row(work, rows, u, cols, u >= inner_rows.begin && u < inner_rows.end ? inner_cols : none);
    }
}

void ec_depthwise_forward(const struct ec_depthwise *depthwise, int thread, float *out, const float *image,
                          struct ec_range rows, const float *bias)
{
    const struct ec_windows_2d *w = depthwise->window;
    for (int64_t m = 0; m < depthwise->multiplier; m++) {
        const struct work work = {.depthwise = depthwise,
                                  .thread = thread,
                                  .rows = rows,
                                  .to = out + m * w->out_width * w->channels,
                                  .row = ec_depthwise_row(depthwise),
                                  .step = w->channels,
                                  .start = bias,
                                  .kernel = depthwise->kernel + m * ec_depthwise_plane(depthwise),
                                  .from = image,
                                  .from_row = w->width * w->channels};
        run(&work, &depthwise->down, &depthwise->right);
    }
}

/* -- back --------------------------------------------------------------------------------------------------------- */
/* The results that rows [y, end) of an image take part in. */
static struct ec_range readers(const struct ec_depthwise *depthwise, int64_t y, int64_t end)
{
    const struct ec_windows_2d *w = depthwise->window;
    int64_t s = w->rows.strides, before = y + w->top - (w->rows.size - 1) * w->rows.dilation;
    int64_t begin = before > 0 ? ec_ceil_div(before, s) : 0;
    return (struct ec_range){begin, ec_most(begin, ec_least(w->out_height, (end - 1 + w->top) / s + 1))};
}

int64_t ec_depthwise_bands(const struct ec_depthwise *depthwise)
{
    return ec_ceil_div(depthwise->window->out_height, depthwise->band);
}

struct ec_band ec_depthwise_band(const struct ec_depthwise *depthwise, int64_t number)
{
    const struct ec_windows_2d *w = depthwise->window;
    int64_t bands = ec_depthwise_bands(depthwise), place = number % bands;
    struct ec_band band = {.image = number / bands,
                           .results = ec_range_from(place * depthwise->band, depthwise->band, w->out_height)};
    band.pixels.begin = ec_least(w->height, band.results.begin * w->rows.strides);
    band.pixels.end = place == bands - 1 ? w->height : ec_least(w->height, band.results.end * w->rows.strides);
    band.needed = band.results;
    if (band.pixels.end > band.pixels.begin) {
        struct ec_range read = readers(depthwise, band.pixels.begin, band.pixels.end);
        band.needed.begin = ec_least(read.begin, band.needed.begin);
        band.needed.end = ec_most(read.end, band.needed.end);
    }
    return band;
}

int64_t ec_depthwise_needed(const struct ec_depthwise *depthwise)
{
    int64_t most = 0;
    for (int64_t number = 0; number < ec_depthwise_bands(depthwise); number++) {
        struct ec_band band = ec_depthwise_band(depthwise, number);
        most = ec_most(most, band.needed.end - band.needed.begin);
    }
    return most;
}

/* Pixels that are a number of strides apart read the same taps: rows and columns from each first one on. */
static void input_gradient(const struct ec_depthwise *depthwise, int thread, const struct ec_band *band, float *d_image,
                           int accumulate, const float *d_needed)
{
    const struct ec_windows_2d *w = depthwise->window;
    int64_t down = w->rows.strides, right = w->cols.strides, pixel_row = w->width * w->channels;
    for (int64_t y = 0; y < ec_least(down, w->height); y++) {
        /* rows u * down + y of the band */
        struct ec_range rows = {ec_ceil_div(ec_most(band->pixels.begin - y, 0), down),
                                ec_ceil_div(ec_most(band->pixels.end - y, 0), down)};
        for (int64_t x = 0; x < ec_least(right, w->width); x++) {
            for (int64_t m = 0; m < depthwise->multiplier; m++) {
                const struct work work = {.depthwise = depthwise,
                                          .thread = thread,
                                          .rows = rows,
                                          .to = d_image + (rows.begin * down + y) * pixel_row + x * w->channels,
                                          .row = down * pixel_row,
                                          .step = right * w->channels,
                                          .accumulate = accumulate || m > 0,
                                          .kernel = depthwise->kernel + m * ec_depthwise_plane(depthwise),
                                          .turned = depthwise->turned + m * ec_depthwise_plane(depthwise),
                                          .from = d_needed + m * w->out_width * w->channels,
                                          .first = band->needed.begin,
                                          .from_row = ec_depthwise_row(depthwise)};
                run(&work, &depthwise->up[y], &depthwise->left[x]);
            }
        }
    }
}

static void kernel_gradient(const struct ec_depthwise *depthwise, int thread, const struct ec_band *band,
                            float *d_kernel, const float *image, const float *d_needed)
{
    const struct ec_windows_2d *w = depthwise->window;
    int64_t row = ec_depthwise_row(depthwise);
    for (int64_t m = 0; m < depthwise->multiplier; m++) {
        const struct work work = {.depthwise = depthwise,
                                  .thread = thread,
                                  .rows = band->results,
                                  .to = d_kernel + m * ec_depthwise_plane(depthwise),
                                  .row = row,
                                  .step = w->channels,
                                  .from = image,
                                  .from_row = w->width * w->channels,
                                  .d_out = d_needed + (band->results.begin - band->needed.begin) * row +
                                           m * w->out_width * w->channels};
        run(&work, &depthwise->down, &depthwise->right);
    }
}

void ec_depthwise_backward(const struct ec_depthwise *depthwise, int thread, const struct ec_band *band,
                           const float *image, const float *d_needed, float *d_image, int accumulate, float *d_kernel)
{
    if (d_kernel) {
        kernel_gradient(depthwise, thread, band, d_kernel, image, d_needed);
    }
    if (d_image) {
        input_gradient(depthwise, thread, band, d_image, accumulate, d_needed);
    }
}

/* -- orders ------------------------------------------------------------------------------------------------------- */
void ec_depthwise_interleave(const struct ec_depthwise *depthwise, float *rows, const float *planes, int64_t pixels)
{
    int64_t channels = depthwise->window->channels, all = channels * depthwise->multiplier;
    for (int64_t i = 0; i < pixels; i++) {
        ec_kernels()->transpose(rows + i * all, depthwise->multiplier, planes + i * channels, pixels * channels,
                                channels, depthwise->multiplier);
    }
}

void ec_depthwise_separate(const struct ec_depthwise *depthwise, float *planes, const float *rows, int64_t pixels)
{
    int64_t channels = depthwise->window->channels, all = channels * depthwise->multiplier;
    for (int64_t i = 0; i < pixels; i++) {
        ec_kernels()->transpose(planes + i * channels, pixels * channels, rows + i * all, depthwise->multiplier,
                                depthwise->multiplier, channels);
    }
}
