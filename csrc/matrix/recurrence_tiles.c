/* The shares of a recurrent layer's time loop (matrix/recurrence_tiles.h), and the sizes of its packed operands. Sizes
 * alone decide how a run is cut, so every thread computes the same cut, and the bits do not depend on their number.
 * For B 1 to 512 texts, H 16 to 1024 units, 10 to 400 steps. */
#include "matrix/recurrence_tiles.h"

enum {
    ENOUGH_TILES = 16,      /* a step: fewer blocks of units than this are cut by texts too */
    SHORT = 16,             /* tokens: below, packing W costs more than it saves */
    FEW_TEXTS = 8,          /* a step, for which small weights are read once more */
    MANY_TEXTS = 32,        /* the same for larger ones */
    SMALL_WEIGHTS = 1 << 19 /* bytes: in the second cache */
};

int64_t ec_recurrence_gates(enum ec_cell cell) { return cell == EC_CELL_LSTM ? 4 : cell == EC_CELL_SIMPLE ? 1 : 3; }

int ec_recurrence_is_short(int64_t tokens) { return tokens <= SHORT; }

static int64_t floats_of(const struct ec_gemm *gemm, int64_t lines, int64_t depth)
{
    return lines * depth * gemm->value_bytes / (int64_t)sizeof(float);
}

static void cut_packed(struct ec_cut *cut, int64_t batch, int64_t units, enum ec_precision precision)
{
    const struct ec_gemm *gemm = ec_gemm_for(precision, units);
    cut->kernels = ec_kernels();
    cut->gemm = gemm;
    cut->width = ec_round_up(gemm->cols, gemm->depth_unit);
    cut->blocks = ec_ceil_div(units, cut->width);
    cut->panels = ec_ceil_div(batch, gemm->rows);
    cut->panel_rows = ec_round_up(ec_ceil_div(batch, cut->panels > 0 ? cut->panels : 1), gemm->row_unit);
    cut->panels = ec_ceil_div(batch, cut->panel_rows > 0 ? cut->panel_rows : 1);
    cut->depth = ec_round_up(units, gemm->depth_unit);
    cut->weights_floats = floats_of(gemm, cut->width, cut->depth);
    cut->panel_floats = floats_of(gemm, cut->panel_rows, cut->depth);
}

int64_t ec_recurrence_weights(enum ec_cell cell, int64_t units, enum ec_precision precision)
{
    struct ec_cut cut;
    int64_t floats;
    cut_packed(&cut, 1, units, precision); /* a block and its panel are far below the limit: units fit an int */
    return __builtin_mul_overflow(cut.weights_floats * ec_recurrence_gates(cell), cut.blocks, &floats) ? -1 : floats;
}

int64_t ec_recurrence_texts(int64_t batch, int64_t units, enum ec_precision precision)
{
    struct ec_cut cut;
    int64_t floats;
    cut_packed(&cut, batch, units, precision);
    return __builtin_mul_overflow(cut.panel_floats, cut.panels, &floats) ? -1 : floats;
}

int64_t ec_recurrence_kernel(const struct ec_recurrence *r)
{
    struct ec_cut cut;
    int64_t floats, lines;
    cut_packed(&cut, 1, r->units, r->precision);
    return __builtin_mul_overflow(cut.width * ec_recurrence_gates(r->cell), cut.blocks, &lines) ||
                   __builtin_mul_overflow(lines, ec_recurrence_depth_of_x(r), &floats)
               ? -1
               : floats;
}

int ec_recurrence_takes_x(const struct ec_recurrence *r)
{
    const struct ec_gemm *gemm = ec_gemm_for(r->precision, r->units);
    int is_plain = gemm->row_unit == 1 && gemm->depth_unit == 1 && gemm->value_bytes == (int)sizeof(float);
    double weights = 4.0 * (double)(r->channels + r->units) * (double)(r->units * ec_recurrence_gates(r->cell));
    int64_t texts = weights <= SMALL_WEIGHTS ? FEW_TEXTS : MANY_TEXTS;
    /* One block of the depth: the bias is added behind all of x W, and larger depths are cut otherwise. */
    return is_plain && !gemm->begin && r->channels <= gemm->depth_block &&
           ec_gemm_for(r->precision, r->channels) == gemm && r->begin[r->steps] >= texts * r->steps;
}

struct ec_cut ec_recurrence_cut(const struct ec_recurrence *r, int is_short)
{
    struct ec_cut cut = {.r = r, .gates = ec_recurrence_gates(r->cell)};
    cut_packed(&cut, r->batch, r->units, r->precision);
    if (is_short) {
        cut.width = EC_SHORT_BLOCK;
        cut.blocks = ec_ceil_div(r->units, cut.width);
    }
    int64_t groups = ec_least(ec_ceil_div(ENOUGH_TILES, cut.blocks), cut.panels);
    cut.panels_per_group = groups > 0 ? ec_ceil_div(cut.panels, groups) : 1;
    cut.groups = ec_ceil_div(cut.panels, cut.panels_per_group);
    return cut;
}

int64_t ec_recurrence_texts_at(const struct ec_recurrence *r, int64_t s)
{
    return s < r->steps ? r->begin[s + 1] - r->begin[s] : 0;
}

int64_t ec_recurrence_row(const struct ec_recurrence *r, int64_t s)
{
    return r->keep ? r->begin[s] : (s & 1) * r->batch;
}

float *ec_recurrence_gates_at(const struct ec_recurrence *r, int64_t s)
{
    int64_t row = r->source || r->x ? ec_recurrence_row(r, s) : r->begin[s];
    return r->gates + row * ec_recurrence_gates(r->cell) * r->units;
}

float *ec_recurrence_sums(const struct ec_recurrence *r, int64_t s, int64_t gate, int64_t *stride)
{
    if (r->cell == EC_CELL_GRU && gate == 2) {
        *stride = r->units;
        return r->inner + ec_recurrence_row(r, s) * r->units;
    }
    *stride = ec_recurrence_gates(r->cell) * r->units;
    return ec_recurrence_gates_at(r, s) + gate * r->units;
}

const float *ec_recurrence_carry_before(const struct ec_recurrence *r, int64_t s, int64_t rank)
{
    if (s > 0) {
        return r->carry + (ec_recurrence_row(r, s - 1) + rank) * r->units;
    }
    const float *first = r->cell == EC_CELL_LSTM ? r->first_carry : r->first_state;
    return first ? first + rank * r->units : r->zeros;
}

int64_t ec_cut_tiles(const struct ec_cut *cut) { return cut->blocks * cut->groups; }

struct ec_tile ec_cut_tile(const struct ec_cut *cut, int64_t number)
{
    struct ec_tile tile = {.block = number / cut->groups, .panel = number % cut->groups * cut->panels_per_group};
    tile.unit = tile.block * cut->width;
    tile.width = ec_least(cut->width, cut->r->units - tile.unit);
    tile.panels = tile.panel + cut->panels_per_group;
    return tile;
}

int64_t ec_cut_rows(const struct ec_cut *cut, int64_t panel, int64_t texts)
{
    int64_t rows = texts - panel * cut->panel_rows;
    return rows < 0 ? 0 : ec_least(rows, cut->panel_rows);
}

int64_t ec_tile_first(const struct ec_cut *cut, const struct ec_tile *tile) { return tile->panel * cut->panel_rows; }

int64_t ec_tile_end(const struct ec_cut *cut, const struct ec_tile *tile, int64_t s)
{
    return ec_least(tile->panels * cut->panel_rows, ec_recurrence_texts_at(cut->r, s));
}

/* A block of W at some columns: `first` of them, places of the depth `depth_stride` apart. */
static void pack_block(const struct ec_cut *cut, float *to, const float *first, int64_t depth_stride,
                       int64_t col_stride, int64_t width)
{
    for (int64_t col = 0; col < width; col += cut->gemm->cols) {
        cut->gemm->pack_b(to + floats_of(cut->gemm, col, cut->depth), first + col * col_stride, depth_stride,
                          col_stride, (int)ec_least(cut->gemm->cols, width - col), cut->r->units);
    }
}

/* packed_weights: [block][gate], of W, or of its transpose where `back` */
void ec_cut_pack_weights(const struct ec_cut *cut, struct ec_team *team, int back)
{
    const struct ec_recurrence *r = cut->r;
    float *packed = back ? r->packed_back : r->packed_weights;
    int64_t unit_stride = r->transposed ? 1 : cut->gates * r->units, gate_stride = r->transposed ? r->units : 1;
    for (int64_t number; (number = ec_team_next(team, cut->blocks * cut->gates)) >= 0;) {
        int64_t unit = number / cut->gates * cut->width, gate = number % cut->gates;
        const float *first = r->weights + gate * r->units * gate_stride + unit * (back ? unit_stride : gate_stride);
        pack_block(cut, packed + number * cut->weights_floats, first, back ? gate_stride : unit_stride,
                   back ? unit_stride : gate_stride, ec_least(cut->width, r->units - unit));
    }
}

int64_t ec_recurrence_depth_of_x(const struct ec_recurrence *r) { return r->channels + (r->bias != NULL); }

/* The columns of a block and gate, and behind their depth the bias. */
static void pack_kernel(const struct ec_cut *cut, int64_t number)
{
    const struct ec_recurrence *r = cut->r;
    const struct ec_gemm *gemm = cut->gemm;
    int64_t depth = ec_recurrence_depth_of_x(r), cols = cut->gates * r->units, unit = number / cut->gates * cut->width;
    int64_t depth_stride = r->transposed ? 1 : cols, col_stride = r->transposed ? r->channels : 1;
    int64_t first = number % cut->gates * r->units + unit, width = ec_least(cut->width, r->units - unit);
    for (int64_t col = 0; col < width; col += gemm->cols) {
        float *to = r->packed_kernel + number * cut->width * depth + col * depth;
        int64_t some = ec_least(gemm->cols, width - col);
        gemm->pack_b(to, r->kernel + (first + col) * col_stride, depth_stride, col_stride, (int)some, r->channels);
        for (int64_t c = 0; r->bias && c < gemm->cols; c++) {
            to[r->channels * gemm->cols + c] = c < some ? r->bias[first + col + c] : 0.0f;
        }
    }
}

void ec_cut_pack_x(const struct ec_cut *cut, struct ec_team *team)
{
    const struct ec_recurrence *r = cut->r;
    int64_t depth = ec_recurrence_depth_of_x(r);
    for (int64_t number; (number = ec_team_next(team, cut->blocks * cut->gates)) >= 0;) {
        pack_kernel(cut, number);
    }
    for (int64_t number; (number = ec_team_next(team, r->steps * cut->panels)) >= 0;) {
        int64_t s = number / cut->panels, panel = number % cut->panels;
        int64_t row = r->begin[s] + panel * cut->panel_rows,
                rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
        float *to = r->packed_x + row * depth;
        if (rows > 0) {
            cut->gemm->pack_a(to, r->x + row * r->channels, r->channels, 1, (int)rows, r->channels);
            cut->kernels->fill(to + rows * r->channels, 1.0f, rows * (depth - r->channels));
        }
    }
}

void ec_cut_pack(const struct ec_cut *cut, float *packed, int64_t panel, int64_t unit, const float *first,
                 int64_t row_stride, int64_t rows, int64_t width)
{
    if (rows > 0) {
        int64_t lines = ec_round_up(rows, cut->gemm->row_unit);
        cut->gemm->pack_a(packed + panel * cut->panel_floats + floats_of(cut->gemm, lines, unit), first, row_stride, 1,
                          (int)rows, width);
    }
}

void ec_cut_multiply(const struct ec_cut *cut, float *out, int64_t out_stride, int accumulate, const float *texts,
                     int64_t rows, const float *weights, int64_t width, int64_t depth)
{
    const struct ec_gemm *gemm = cut->gemm;
    int64_t lines = ec_round_up(rows, gemm->row_unit), step = gemm->depth_block;
    int64_t stored = ec_round_up(depth, gemm->depth_unit);
    for (int64_t col = 0; col < width; col += gemm->cols) {
        for (int64_t k = 0; k < depth; k += step) {
            gemm->tile(out + col, out_stride, accumulate || k > 0, texts + floats_of(gemm, lines, k),
                       weights + floats_of(gemm, col, stored) + floats_of(gemm, gemm->cols, k), (int)rows,
                       (int)ec_least(gemm->cols, width - col), ec_least(step, depth - k));
        }
    }
}

void ec_cut_begin(const struct ec_cut *cut)
{
    if (cut->gemm->begin) {
        cut->gemm->begin();
    }
}

void ec_cut_end(const struct ec_cut *cut)
{
    if (cut->gemm->end) {
        cut->gemm->end();
    }
}
