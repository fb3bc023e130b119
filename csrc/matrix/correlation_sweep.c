/* Gathering and scattering: both are products of places in a band of source rows with taps of the kernel. A scatter
 * whose windows are `stride` apart is cut into phases: the target pixels p, p + stride, ... all read the same taps. */
#include "matrix/correlation.h"

#include <string.h>

enum {
    BAND_FLOATS = 1 << 16, /* of a band of source rows, roughly: it stays in the second cache */
    ENOUGH_BANDS = 16      /* so many that a team is busy, where there are so many rows */
};

/* Whether a tap is read in a phase of the target pixels; then from the source pixel step * i + shift. */
static int reads(const struct ec_sweep *sweep, int side, int64_t phase, int64_t tap, int64_t *shift)
{
    const struct ec_correlation_axis *axis = &sweep->sizes.axis[side];
    if (!sweep->scatters) {
        *shift = tap * axis->dilation - axis->lead;
        return 1;
    }
    int64_t place = phase + axis->lead - tap * axis->dilation;
    *shift = place / axis->stride;
    return place % axis->stride == 0;
}

/* The phase of the target pixels that reads a tap. */
static int64_t phase_of(const struct ec_sweep *sweep, int side, int64_t tap)
{
    const struct ec_correlation_axis *axis = &sweep->sizes.axis[side];
    int64_t place = (tap * axis->dilation - axis->lead) % axis->stride;
    return !sweep->scatters ? 0 : place < 0 ? place + axis->stride : place;
}

/* Counts a tap among the phases, which stand in their order: never more than there are taps. */
static void add_tap(struct ec_sweep_axis *made, int64_t number)
{
    int64_t at = 0;
    while (at < made->read && made->phase[at].number < number) {
        at++;
    }
    if (at == made->read || made->phase[at].number != number) {
        memmove(made->phase + at + 1, made->phase + at, (size_t)(made->read++ - at) * sizeof *made->phase);
        made->phase[at] = (struct ec_sweep_phase){
            .number = number, .before = at ? made->phase[at - 1].before + made->phase[at - 1].taps : 0};
    }
    made->phase[at++].taps++;
    for (; at < made->read; at++) {
        made->phase[at].before++;
    }
}

static void plan_axis(struct ec_sweep *sweep, int side, struct ec_arena *arena)
{
    const struct ec_correlation_axis *axis = &sweep->sizes.axis[side];
    struct ec_sweep_axis *made = &sweep->axis[side];
    *made = (struct ec_sweep_axis){
        .source = sweep->scatters ? axis->of : axis->from,
        .target = sweep->scatters ? axis->from : axis->of,
        .phases = sweep->scatters ? ec_least(axis->stride, axis->from) : 1,
        .step = sweep->scatters ? 1 : axis->stride,
        .phase = ec_arena_take(arena, axis->taps + 1, sizeof *made->phase),
    };
    for (int64_t tap = 0; made->phase && tap < axis->taps; tap++) {
        int64_t phase = phase_of(sweep, side, tap), shift;
        if (phase < made->phases && reads(sweep, side, phase, tap, &shift)) { /* it has pixels */
            made->least = made->read ? ec_least(made->least, shift) : shift;
            made->most = made->read ? ec_most(made->most, shift) : shift;
            add_tap(made, phase);
        }
    }
}

/* Target pixels of a phase. */
static int64_t steps_of(const struct ec_sweep_axis *axis, int64_t phase)
{
    return axis->target > phase ? ec_ceil_div(axis->target - phase, axis->phases) : 0;
}

/* Source pixels that so many steps read. */
static int64_t reach_of(const struct ec_sweep_axis *axis, int64_t steps)
{
    return axis->step * (steps - 1) + axis->most - axis->least + 1;
}

static void write_offsets(const struct ec_sweep *sweep, int64_t row_phase, int64_t col_phase, int32_t *to)
{
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    int64_t down, right;
    for (int64_t i = 0; i < sweep->sizes.axis[EC_ROWS].taps; i++) {
        for (int64_t j = 0; j < sweep->sizes.axis[EC_COLS].taps; j++) {
            if (!reads(sweep, EC_ROWS, row_phase, i, &down) || !reads(sweep, EC_COLS, col_phase, j, &right)) {
                continue;
            }
            int64_t place = right - cols->least;
            int64_t first = (down - rows->least) * sweep->row_floats +
                            place % cols->step * sweep->source_channels * sweep->line + place / cols->step;
            for (int64_t c = 0; c < sweep->source_channels; c++) {
                *to++ = (int32_t)(first + c * sweep->line);
            }
        }
    }
}

static int64_t depth_of_all(const struct ec_sweep *sweep)
{
    return sweep->sizes.axis[EC_ROWS].taps * sweep->sizes.axis[EC_COLS].taps * sweep->source_channels;
}

/* Where the taps of a phase begin: those of all rows before it, then of the columns before it under its own rows. */
static int64_t begin_of(const struct ec_sweep *sweep, const struct ec_sweep_phase *down,
                        const struct ec_sweep_phase *right)
{
    const struct ec_sweep_axis *cols = &sweep->axis[EC_COLS];
    int64_t across = cols->read ? cols->phase[cols->read - 1].before + cols->phase[cols->read - 1].taps : 0;
    return (down->before * across + down->taps * right->before) * sweep->source_channels;
}

static ec_status plan_phases(struct ec_sweep *sweep, struct ec_arena *arena)
{
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    sweep->offsets = ec_arena_take(arena, depth_of_all(sweep), sizeof *sweep->offsets);
    if (arena->failed) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < rows->read * cols->read; i++) {
        const struct ec_sweep_phase *down = &rows->phase[i / cols->read], *right = &cols->phase[i % cols->read];
        write_offsets(sweep, down->number, right->number, sweep->offsets + begin_of(sweep, down, right));
    }
    return EC_OK;
}

ec_status ec_sweep_plan(struct ec_sweep *sweep, const struct ec_correlation *sizes, int scatters, int threads,
                        struct ec_arena *arena)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    *sweep = (struct ec_sweep){.sizes = *sizes, .scatters = scatters};
    plan_axis(sweep, EC_ROWS, arena);
    plan_axis(sweep, EC_COLS, arena);
    sweep->source_channels = (scatters ? sizes->filters : sizes->channels) / sizes->groups;
    sweep->target_channels = (scatters ? sizes->channels : sizes->filters) / sizes->groups;
    sweep->panels = ec_ceil_div(sweep->target_channels, gemm->cols);
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    int64_t steps = steps_of(rows, 0);
    sweep->line = ec_ceil_div(reach_of(cols, steps_of(cols, 0)), cols->step) | 1; /* lines begin all over the cache */
    int64_t size;
    if (__builtin_mul_overflow(sweep->source_channels * cols->step, sweep->line, &sweep->row_floats) ||
        __builtin_mul_overflow(sweep->row_floats, reach_of(rows, 1), &size) || size > INT32_MAX) {
        return EC_TOO_LARGE; /* places are int32 */
    }
    int64_t pools = sizes->pools && !scatters, of_target = pools ? cols->target * sizes->filters : 0;
    int64_t most =
        (BAND_FLOATS - (rows->most - rows->least) * sweep->row_floats) / (rows->step * sweep->row_floats + of_target);
    int64_t wanted = ec_ceil_div(ENOUGH_BANDS, ec_most(1, sizes->images * sizes->groups));
    sweep->bands = ec_least(steps, ec_most(wanted, ec_ceil_div(steps, ec_most(1, most))));
    sweep->band = ec_round_up(ec_ceil_div(steps, sweep->bands), pools ? 2 : 1);
    sweep->room_band = ec_round_up(sweep->row_floats * reach_of(rows, sweep->band), 16);
    sweep->room = sweep->room_band + ec_round_up(pools          ? sweep->band * of_target + sizes->filters
                                                 : sizes->pools ? cols->source * sizes->filters
                                                                : 0,
                                                 16);
    if (sweep->room > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    sweep->bands_of_threads = ec_arena_take(arena, threads * sweep->room, sizeof(float));
    sweep->weights =
        ec_arena_take(arena, sizes->groups * sweep->panels * depth_of_all(sweep) * gemm->cols, sizeof *sweep->weights);
    return plan_phases(sweep, arena);
}

/* All taps of some columns of the kernel, phase by phase. */
static void pack_panel(const struct ec_sweep *sweep, const float *kernel, int64_t group, int64_t panel)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    const struct ec_correlation *sizes = &sweep->sizes;
    int64_t taps[2] = {sizes->axis[EC_ROWS].taps, sizes->axis[EC_COLS].taps};
    int64_t filters = sizes->filters, of_tap = sizes->channels / sizes->groups * filters, shift;
    int64_t first = group * (filters / sizes->groups) + panel * gemm->cols * (sweep->scatters ? filters : 1);
    int64_t row_stride = sweep->scatters ? 1 : filters, col_stride = sweep->scatters ? filters : 1;
    int cols = (int)ec_least(gemm->cols, sweep->target_channels - panel * gemm->cols);
    float *to = sweep->weights + (group * sweep->panels + panel) * depth_of_all(sweep) * gemm->cols;
    int64_t across = sweep->axis[EC_COLS].read;
    for (int64_t phase = 0; phase < sweep->axis[EC_ROWS].read * across; phase++) {
        int64_t row_phase = sweep->axis[EC_ROWS].phase[phase / across].number;
        int64_t col_phase = sweep->axis[EC_COLS].phase[phase % across].number;
        for (int64_t tap = 0; tap < taps[0] * taps[1]; tap++) {
            if (reads(sweep, EC_ROWS, row_phase, tap / taps[1], &shift) &&
                reads(sweep, EC_COLS, col_phase, tap % taps[1], &shift)) {
                gemm->pack_b(to, kernel + tap * of_tap + first, row_stride, col_stride, cols, sweep->source_channels);
                to += sweep->source_channels * gemm->cols;
            }
        }
    }
}

/* The pixels of a source row, turned to the inside; zeros outside of the image. */
static void turn_row(const struct ec_sweep *sweep, float *to, const float *row, int64_t all_channels)
{
    const struct ec_sweep_axis *cols = &sweep->axis[EC_COLS];
    int64_t channels = sweep->source_channels;
    for (int64_t phase = 0; phase < cols->step; phase++, to += channels * sweep->line) {
        int64_t first = cols->least + phase; /* the column at place 0 */
        int64_t begin = first >= 0 ? 0 : ec_least(sweep->line, ec_ceil_div(-first, cols->step));
        int64_t end = first >= cols->source ? 0 : ec_ceil_div(cols->source - first, cols->step);
        end = ec_most(begin, ec_least(sweep->line, end));
        for (int64_t c = 0; c < channels; c++) {
            memset(to + c * sweep->line, 0, (size_t)begin * sizeof *to);
            memset(to + c * sweep->line + end, 0, (size_t)(sweep->line - end) * sizeof *to);
        }
        if (end > begin) {
            ec_kernels()->transpose(to + begin, sweep->line, row + (first + begin * cols->step) * all_channels,
                                    cols->step * all_channels, channels, end - begin);
        }
    }
}

/* Which of the row taps of a phase read a row of the image at step i: a range, as they stand in order. */
static struct ec_range taps_inside(const struct ec_sweep *sweep, int64_t phase, int64_t i)
{
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS];
    struct ec_range inside = {0, 0};
    int64_t number = 0, shift;
    for (int64_t tap = 0; tap < sweep->sizes.axis[EC_ROWS].taps; tap++) {
        if (!reads(sweep, EC_ROWS, phase, tap, &shift)) {
            continue;
        }
        int64_t row = rows->step * i + shift;
        if (row >= 0 && row < rows->source) {
            inside.begin = inside.end ? inside.begin : number;
            inside.end = number + 1;
        }
        number++;
    }
    return inside;
}

/* What the products of a band share. */
struct band {
    const struct ec_sweep *sweep;
    const float *values;
    struct ec_range steps; /* of the target rows */
    float *target;         /* the image, at the first channel of the group; or rows of it, which are pooled */
    int64_t first_row;     /* of it */
    int accumulate;
    int64_t image, group;
};

static void multiply_phase(const struct band *band, const struct ec_sweep_phase *down,
                           const struct ec_sweep_phase *right, int64_t panel)
{
    const struct ec_sweep *sweep = band->sweep;
    const struct ec_gemm *gemm = &ec_kernels()->gemm[EC_HIGHEST];
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    int64_t row_phase = down->number, col_phase = right->number, first = begin_of(sweep, down, right);
    int64_t all_channels = sweep->target_channels * sweep->sizes.groups;
    int64_t width = steps_of(cols, col_phase), tiles = ec_ceil_div(width, gemm->rows);
    int wide = (int)ec_least(gemm->cols, sweep->target_channels - panel * gemm->cols);
    const float *weights =
        sweep->weights + ((band->group * sweep->panels + panel) * depth_of_all(sweep) + first) * gemm->cols;
    for (int64_t i = band->steps.begin; i < ec_least(band->steps.end, steps_of(rows, row_phase)); i++) {
        struct ec_range taps = taps_inside(sweep, row_phase, i);
        int64_t of_tap = right->taps * sweep->source_channels, begin = taps.begin * of_tap;
        const float *from = band->values + rows->step * (i - band->steps.begin) * sweep->row_floats;
        float *out = band->target + panel * gemm->cols +
                     ((row_phase + i * rows->phases - band->first_row) * cols->target + col_phase) * all_channels;
        for (int64_t tile = 0; tile < tiles; tile++) {
            struct ec_range x = ec_range_part(width, tiles, tile);
            ec_kernels()->offset_tile(out + x.begin * cols->phases * all_channels, cols->phases * all_channels,
                                      band->accumulate, from + x.begin, sweep->offsets + first + begin,
                                      weights + begin * gemm->cols, gemm->cols, (int)(x.end - x.begin), wide,
                                      (taps.end - taps.begin) * of_tap);
        }
    }
}

/* Zeros in the group's channels of some target rows, where pixels that read no tap are not written. */
static void clear_rows(const struct band *band, int64_t begin, int64_t end)
{
    const struct ec_sweep *sweep = band->sweep;
    int64_t channels = sweep->target_channels, groups = sweep->sizes.groups, cols = sweep->axis[EC_COLS].target;
    int64_t runs = groups == 1 ? end - begin : (end - begin) * cols, run = groups == 1 ? cols * channels : channels;
    float *to = band->target + (begin - band->first_row) * cols * channels * groups;
    for (int64_t i = 0; i < runs; i++) {
        memset(to + i * run * groups, 0, (size_t)run * sizeof *to);
    }
}

static void end_rows(const struct ec_sweep *sweep, const struct ec_sweep_end *end, float *rows, int64_t pixels,
                     int64_t group)
{
    int64_t channels = sweep->target_channels, all_channels = channels * sweep->sizes.groups;
    if (end->bias) {
        ec_kernels()->add_bias(rows, all_channels, end->bias + group * channels, pixels, channels);
    }
    if (end->activation == EC_LINEAR) {
        return;
    }
    int64_t runs = sweep->sizes.groups == 1 ? 1 : pixels, run = sweep->sizes.groups == 1 ? pixels * channels : channels;
    for (int64_t i = 0; i < runs; i++) {
        ec_kernels()->activate(rows + i * all_channels, rows + i * all_channels, end->activation, run);
    }
}

/* The largest of each 2 x 2 pixels of the band, and which it was: the first of equal ones, NaN before numbers. */
static void pool_band(const struct band *band, float *pooled)
{
    const struct ec_sweep *sweep = band->sweep;
    const struct ec_kernels *kernels = ec_kernels();
    int64_t filters = sweep->sizes.filters, width = sweep->axis[EC_COLS].target;
    int64_t rows = (band->steps.end - band->steps.begin) / 2, of_row = width * filters;
    int64_t first = (band->image * sweep->axis[EC_ROWS].target + band->steps.begin) / 2 * (width / 2) * filters;
    int32_t *unseen = (int32_t *)(void *)(band->target + sweep->band * of_row);
    for (int64_t pixel = 0; pixel < rows * (width / 2); pixel++) {
        const float *top = band->target + pixel / (width / 2) * 2 * of_row + pixel % (width / 2) * 2 * filters;
        float *out = pooled + pixel * filters;
        int32_t *at = sweep->sizes.at ? sweep->sizes.at + first + pixel * filters : unseen;
        memcpy(out, top, (size_t)filters * sizeof *out);
        memset(at, 0, (size_t)filters * sizeof *at);
        kernels->maximum_into(out, at, top + filters, 1, filters);
        kernels->maximum_into(out, at, top + of_row, 2, filters);
        kernels->maximum_into(out, at, top + of_row + filters, 3, filters);
    }
}

static void compute_band(struct band *band, const float *source, float *values, float *pooled,
                         const struct ec_sweep_end *end)
{
    const struct ec_sweep *sweep = band->sweep;
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    int64_t all_channels = sweep->source_channels * sweep->sizes.groups;
    int64_t first = rows->step * band->steps.begin + rows->least;
    int64_t count = reach_of(rows, band->steps.end - band->steps.begin);
    for (int64_t row = first; row < first + count; row++) {
        if (row < 0 || row >= rows->source) { /* is never read */
            continue;
        }
        const float *pixels = source + row * cols->source * all_channels;
        if (sweep->sizes.pools && sweep->scatters) {
            pixels = values + sweep->room_band;
            ec_correlation_spread(&sweep->sizes, values + sweep->room_band, source, band->image, row);
        }
        turn_row(sweep, values + (row - first) * sweep->row_floats, pixels, all_channels);
    }
    band->values = values;
    int64_t begin = rows->phases * band->steps.begin, stop = ec_least(rows->target, rows->phases * band->steps.end);
    if (!band->accumulate && (rows->read < rows->phases || cols->read < cols->phases)) {
        clear_rows(band, begin, stop);
    }
    for (int64_t phase = 0; phase < rows->read * cols->read; phase++) {
        for (int64_t panel = 0; panel < sweep->panels; panel++) {
            multiply_phase(band, &rows->phase[phase / cols->read], &cols->phase[phase % cols->read], panel);
        }
    }
    if (pooled) {
        float *to = pooled + begin / 2 * (cols->target / 2) * sweep->sizes.filters;
        pool_band(band, to);
        end_rows(sweep, end, to, (stop - begin) / 2 * (cols->target / 2), 0);
    } else if (end) {
        end_rows(sweep, end, band->target + begin * cols->target * sweep->target_channels * sweep->sizes.groups,
                 (stop - begin) * cols->target, band->group);
    }
}

void ec_sweep_run(struct ec_team *team, const struct ec_sweep *sweep, float *target, int accumulate,
                  const float *source, const float *kernel, const struct ec_sweep_end *end)
{
    const struct ec_correlation *sizes = &sweep->sizes;
    const struct ec_sweep_axis *rows = &sweep->axis[EC_ROWS], *cols = &sweep->axis[EC_COLS];
    for (int64_t item; (item = ec_team_next(team, sizes->groups * sweep->panels)) >= 0;) {
        pack_panel(sweep, kernel, item / sweep->panels, item % sweep->panels);
    }
    ec_team_barrier(team);
    int64_t steps = steps_of(rows, 0), of_source = rows->source * cols->source * sweep->source_channels * sizes->groups;
    int64_t of_target = rows->target * cols->target * sweep->target_channels * sizes->groups;
    for (int64_t item; (item = ec_team_next(team, sizes->images * sizes->groups * sweep->bands)) >= 0;) {
        int64_t image = item / (sizes->groups * sweep->bands), group = item / sweep->bands % sizes->groups;
        struct band band = {
            .sweep = sweep,
            .steps = ec_range_from(item % sweep->bands * sweep->band, sweep->band, steps),
            .target = target + image * of_target + group * sweep->target_channels,
            .accumulate = accumulate,
            .image = image,
            .group = group,
        };
        float *values = sweep->bands_of_threads + team->index * sweep->room, *pooled = NULL;
        if (sizes->pools && !sweep->scatters) {
            pooled = target + image * (of_target / 4);
            band.target = values + sweep->room_band;
            band.first_row = band.steps.begin;
        }
        if (band.steps.end > band.steps.begin) {
            int whole = sizes->pools && sweep->scatters; /* the pooled source, of all images */
            compute_band(&band, whole ? source : source + image * of_source + group * sweep->source_channels, values,
                         pooled, end);
        }
    }
    ec_team_barrier(team);
}
