/* Where each value of a packed operand stands, and the loops over panels. All bounds follow from the sizes and the
 * number format alone, so that the bits never depend on who packs or multiplies what. */
#include "matrix/panels.h"

enum {
    PACK_DEPTH = 16, /* rows of b that are packed for one panel after the other: their lines stay in cache */
};

const struct ec_gemm *ec_gemm_for(enum ec_precision precision, int64_t depth)
{
    const struct ec_gemm *gemm = &ec_kernels()->gemm[precision];
    return 2 * depth < gemm->depth_unit ? &ec_kernels()->gemm[EC_HIGHEST] : gemm;
}

void ec_panels_init(struct ec_panels *panels, enum ec_side side, int64_t lines, int64_t depth,
                    enum ec_precision precision)
{
    const struct ec_gemm *gemm = ec_gemm_for(precision, depth);
    int64_t unit = side == EC_ROWS_OF_A ? gemm->row_unit : gemm->cols, units = ec_ceil_div(lines, unit);
    int64_t count = side == EC_ROWS_OF_A ? ec_ceil_div(lines, gemm->rows) : units;
    *panels = (struct ec_panels){
        .gemm = gemm,
        .side = side,
        .lines = lines,
        .depth = depth,
        .count = count,
        .depth_blocks = ec_ceil_div(depth, gemm->depth_block),
        .panel_lines = count ? units / count * unit : 0,
        .longer = count ? units % count : 0,
        .unit = unit,
    };
}

/* Lines with the zeros behind them, in front of panel number `panel`. */
static int64_t padded_line(const struct ec_panels *panels, int64_t panel)
{
    return panel * panels->panel_lines + ec_least(panel, panels->longer) * panels->unit;
}

int64_t ec_panels_line(const struct ec_panels *panels, int64_t panel)
{
    return ec_least(panels->lines, padded_line(panels, panel));
}

int64_t ec_panels_floats(const struct ec_panels *panels)
{
    const struct ec_gemm *gemm = panels->gemm;
    const int64_t limit = INT64_MAX / 8 / (int64_t)sizeof(float);
    if (panels->lines > limit || panels->depth > limit) {
        return -1;
    }
    int64_t lines = padded_line(panels, panels->count), depth = ec_round_up(panels->depth, gemm->depth_unit);
    return lines > 0 && depth > limit / lines ? -1 : lines * depth * gemm->value_bytes / (int64_t)sizeof(float);
}

static struct ec_range block_range(const struct ec_panels *panels, int64_t block)
{
    int64_t unit = panels->gemm->depth_unit, units = ec_ceil_div(panels->depth, unit);
    struct ec_range part = ec_range_part(units, panels->depth_blocks, block);
    return (struct ec_range){unit * part.begin, ec_least(panels->depth, unit * part.end)};
}

/* Floats that `values` values take. */
static int64_t floats_of(const struct ec_panels *panels, int64_t values)
{
    return values * panels->gemm->value_bytes / (int64_t)sizeof(float);
}

/* Where a panel of a block stands. */
static float *place_of(const struct ec_panels *panels, int64_t block, int64_t panel)
{
    struct ec_range k = block_range(panels, block);
    int64_t depth = ec_round_up(k.end - k.begin, panels->gemm->depth_unit);
    return panels->values +
           floats_of(panels, k.begin * padded_line(panels, panels->count) + padded_line(panels, panel) * depth);
}

static void pack_rows(const struct ec_panels *panels, float *to, const float *first, int64_t line_stride,
                      int64_t depth_stride, struct ec_range k, struct ec_range part)
{
    int64_t depth = ec_round_up(k.end - k.begin, panels->gemm->depth_unit);
    for (int64_t panel = part.begin; panel < part.end; panel++) {
        int64_t line = ec_panels_line(panels, panel), end = ec_panels_line(panels, panel + 1);
        panels->gemm->pack_a(to, first + line * line_stride + k.begin * depth_stride, line_stride, depth_stride,
                             (int)(end - line), k.end - k.begin);
        to += floats_of(panels, (padded_line(panels, panel + 1) - line) * depth);
    }
}

/* Some rows for one panel after the other, where a row of the matrix runs through all of them. */
static void pack_cols(const struct ec_panels *panels, float *to, const float *first, int64_t line_stride,
                      int64_t depth_stride, struct ec_range k, struct ec_range part)
{
    int64_t width = panels->gemm->cols, depth = ec_round_up(k.end - k.begin, panels->gemm->depth_unit);
    int64_t step = line_stride == 1 ? ec_round_up(PACK_DEPTH, panels->gemm->depth_unit) : depth;
    for (int64_t row = k.begin; row < k.end; row += step) {
        for (int64_t panel = part.begin; panel < part.end; panel++) {
            int64_t values = ((panel - part.begin) * depth + row - k.begin) * width;
            panels->gemm->pack_b(to + floats_of(panels, values),
                                 first + row * depth_stride + panel * width * line_stride, depth_stride, line_stride,
                                 (int)ec_least(width, panels->lines - panel * width), ec_least(step, k.end - row));
        }
    }
}

void ec_panels_pack_block(const struct ec_panels *panels, float *to, const float *first, int64_t line_stride,
                          int64_t depth_stride, int64_t block, int64_t begin, int64_t end)
{
    struct ec_range k = block_range(panels, block), part = {begin, end};
    (panels->side == EC_ROWS_OF_A ? pack_rows : pack_cols)(panels, to, first, line_stride, depth_stride, k, part);
}

void ec_panels_pack(const struct ec_panels *panels, const float *first, int64_t line_stride, int64_t depth_stride,
                    int64_t begin, int64_t end)
{
    for (int64_t block = 0; block < panels->depth_blocks; block++) {
        ec_panels_pack_block(panels, place_of(panels, block, begin), first, line_stride, depth_stride, block, begin,
                             end);
    }
}

void ec_panels_fill(struct ec_team *team, const struct ec_panels *panels, const float *first, int64_t line_stride,
                    int64_t depth_stride)
{
    for (int64_t panel; (panel = ec_team_next(team, panels->count)) >= 0;) {
        ec_panels_pack(panels, first, line_stride, depth_stride, panel, panel + 1);
    }
    ec_team_barrier(team);
}

/* A panel of b stays in the first cache for all panels of a. */
void ec_panels_multiply_block(float *out, int64_t out_stride, int accumulate, const struct ec_panels *a,
                              int64_t a_begin, int64_t a_end, const struct ec_panels *b, const float *b_values,
                              int64_t b_begin, int64_t b_end, int64_t block)
{
    const struct ec_gemm *gemm = a->gemm;
    struct ec_range k = block_range(a, block);
    int64_t width = gemm->cols, depth = ec_round_up(k.end - k.begin, gemm->depth_unit);
    int64_t first_row = ec_panels_line(a, a_begin);
    if (gemm->begin) {
        gemm->begin();
    }
    for (int64_t col_panel = b_begin; col_panel < b_end; col_panel++) {
        const float *a_values = place_of(a, block, a_begin);
        int cols = (int)ec_least(width, b->lines - col_panel * width);
        for (int64_t row_panel = a_begin; row_panel < a_end; row_panel++) {
            int64_t row = ec_panels_line(a, row_panel), end = ec_panels_line(a, row_panel + 1);
            gemm->tile(out + (row - first_row) * out_stride + (col_panel - b_begin) * width, out_stride,
                       accumulate || block > 0, a_values, b_values, (int)(end - row), cols, k.end - k.begin);
            a_values += floats_of(a, (padded_line(a, row_panel + 1) - row) * depth);
        }
        b_values += floats_of(b, width * depth);
    }
    if (gemm->end) {
        gemm->end();
    }
}

void ec_panels_multiply(float *out, int64_t out_stride, int accumulate, const struct ec_panels *a, int64_t a_begin,
                        int64_t a_end, const struct ec_panels *b, int64_t b_begin, int64_t b_end)
{
    for (int64_t block = 0; block < a->depth_blocks; block++) {
        ec_panels_multiply_block(out, out_stride, accumulate, a, a_begin, a_end, b, place_of(b, block, b_begin),
                                 b_begin, b_end, block);
    }
}
