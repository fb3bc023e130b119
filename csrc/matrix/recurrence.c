/* The time loops of recurrent layers. Texts are cut into panels of at most gemm_rows ranks; a tile is one block of
 * units times some panels. Whoever computes a block of h packs it at once into the operand of the next step: the panel
 * of one block is contiguous there, so nothing is packed by two threads and nobody waits for a packing pass. */
#include "matrix/recurrence.h"

#include <string.h>

enum {
    ENOUGH_TILES = 16, /* a step: fewer blocks of units than this are cut by texts too */
    SHORT = 16,        /* tokens: below, packing W costs more than it saves */
    SHORT_BLOCK = 256  /* units of a block where W is not packed */
};

/* How a run is cut; computed by every thread from the sizes. Packed: a panel of W for each block and gate, a panel of
 * the state for some texts, both over all units; what stands at unit k of a panel begins at k times its lines. */
struct cut {
    const struct ec_recurrence *r;
    const struct ec_kernels *kernels;
    const struct ec_gemm *gemm;
    int64_t gates, width; /* G, units of a block */
    int64_t blocks, panels, panel_rows, groups, panels_per_group;
    int64_t depth;          /* H, rounded up as the format wants it */
    int64_t weights_floats; /* of a panel of W */
    int64_t panel_floats;   /* of a panel of texts */
};

int64_t ec_recurrence_gates(enum ec_cell cell) { return cell == EC_CELL_LSTM ? 4 : cell == EC_CELL_GRU ? 3 : 1; }

int ec_recurrence_is_short(int64_t tokens) { return tokens <= SHORT; }

static int64_t ceil_div(int64_t count, int64_t size) { return (count + size - 1) / size; }
static int64_t round_up(int64_t count, int64_t unit) { return ceil_div(count, unit) * unit; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t floats_of(const struct ec_gemm *gemm, int64_t lines, int64_t depth)
{
    return lines * depth * gemm->value_bytes / (int64_t)sizeof(float);
}

static void cut_packed(struct cut *cut, int64_t batch, int64_t units, enum ec_precision precision)
{
    const struct ec_gemm *gemm = ec_gemm_for(precision, units);
    cut->kernels = ec_kernels();
    cut->gemm = gemm;
    cut->width = round_up(gemm->cols, gemm->depth_unit);
    cut->blocks = ceil_div(units, cut->width);
    cut->panels = ceil_div(batch, gemm->rows);
    cut->panel_rows = round_up(ceil_div(batch, cut->panels > 0 ? cut->panels : 1), gemm->row_unit);
    cut->panels = ceil_div(batch, cut->panel_rows > 0 ? cut->panel_rows : 1);
    cut->depth = round_up(units, gemm->depth_unit);
    cut->weights_floats = floats_of(gemm, cut->width, cut->depth);
    cut->panel_floats = floats_of(gemm, cut->panel_rows, cut->depth);
}

int64_t ec_recurrence_weights(enum ec_cell cell, int64_t units, enum ec_precision precision)
{
    struct cut cut;
    int64_t floats;
    cut_packed(&cut, 1, units, precision); /* a block and its panel are far below the limit: units fit an int */
    return __builtin_mul_overflow(cut.weights_floats * ec_recurrence_gates(cell), cut.blocks, &floats) ? -1 : floats;
}

int64_t ec_recurrence_texts(int64_t batch, int64_t units, enum ec_precision precision)
{
    struct cut cut;
    int64_t floats;
    cut_packed(&cut, batch, units, precision);
    return __builtin_mul_overflow(cut.panel_floats, cut.panels, &floats) ? -1 : floats;
}

static struct cut cut_run(const struct ec_recurrence *r, int is_short)
{
    struct cut cut = {.r = r, .gates = ec_recurrence_gates(r->cell)};
    cut_packed(&cut, r->batch, r->units, r->precision);
    if (is_short) {
        cut.width = SHORT_BLOCK;
        cut.blocks = ceil_div(r->units, cut.width);
    }
    int64_t groups = least(ceil_div(ENOUGH_TILES, cut.blocks), cut.panels);
    cut.panels_per_group = groups > 0 ? ceil_div(cut.panels, groups) : 1;
    cut.groups = ceil_div(cut.panels, cut.panels_per_group);
    return cut;
}

static int64_t texts_at(const struct ec_recurrence *r, int64_t s)
{
    return s < r->steps ? r->begin[s + 1] - r->begin[s] : 0;
}

/* First row of step s in an array of kept rows. */
static int64_t kept_row(const struct ec_recurrence *r, int64_t s) { return r->keep ? r->begin[s] : (s & 1) * r->batch; }

static float *gates_at(const struct cut *cut, int64_t s)
{
    const struct ec_recurrence *r = cut->r;
    int64_t row = r->source ? kept_row(r, s) : r->begin[s];
    return r->gates + row * cut->gates * r->units;
}

static const float *carry_before(const struct ec_recurrence *r, int64_t s, int64_t rank)
{
    if (s > 0) {
        return r->carry + (kept_row(r, s - 1) + rank) * r->units;
    }
    const float *first = r->cell == EC_CELL_LSTM ? r->first_carry : r->first_state;
    return first ? first + rank * r->units : r->zeros;
}

struct tile {
    int64_t unit, width;   /* its units */
    int64_t block;         /* their number */
    int64_t panel, panels; /* its panels: from, up to */
};

static struct tile tile_of(const struct cut *cut, int64_t number)
{
    struct tile tile = {.block = number / cut->groups, .panel = number % cut->groups * cut->panels_per_group};
    tile.unit = tile.block * cut->width;
    tile.width = least(cut->width, cut->r->units - tile.unit);
    tile.panels = tile.panel + cut->panels_per_group;
    return tile;
}

static int64_t rows_of(const struct cut *cut, int64_t panel, int64_t texts)
{
    int64_t rows = texts - panel * cut->panel_rows;
    return rows < 0 ? 0 : least(rows, cut->panel_rows);
}

/* A block of W at some columns: `first` of them, places of the depth `depth_stride` apart. */
static void pack_block(const struct cut *cut, float *to, const float *first, int64_t depth_stride, int64_t col_stride,
                       int64_t width)
{
    for (int64_t col = 0; col < width; col += cut->gemm->cols) {
        cut->gemm->pack_b(to + floats_of(cut->gemm, col, cut->depth), first + col * col_stride, depth_stride,
                          col_stride, (int)least(cut->gemm->cols, width - col), cut->r->units);
    }
}

/* packed_weights: [block][gate], of W, or of its transpose where `back` */
static void pack_weights(const struct cut *cut, struct ec_team *team, int back)
{
    const struct ec_recurrence *r = cut->r;
    float *packed = back ? r->packed_back : r->packed_weights;
    int64_t stride = cut->gates * r->units;
    for (int64_t number; (number = ec_team_next(team, cut->blocks * cut->gates)) >= 0;) {
        int64_t unit = number / cut->gates * cut->width, gate = number % cut->gates;
        const float *first = r->weights + gate * r->units + unit * (back ? stride : 1);
        pack_block(cut, packed + number * cut->weights_floats, first, back ? 1 : stride, back ? stride : 1,
                   least(cut->width, r->units - unit));
    }
}

/* Packs units [unit, unit + width) of the rows of a panel as the left operand of the next product. */
static void pack_left(const struct cut *cut, float *packed, int64_t panel, int64_t unit, const float *first,
                      int64_t row_stride, int64_t rows, int64_t width)
{
    if (rows > 0) {
        int64_t lines = round_up(rows, cut->gemm->row_unit);
        cut->gemm->pack_a(packed + panel * cut->panel_floats + floats_of(cut->gemm, lines, unit), first, row_stride, 1,
                          (int)rows, width);
    }
}

/* out (+)= a panel of texts times a block of W, over all units. */
static void multiply(const struct cut *cut, float *out, int64_t out_stride, int accumulate, const float *texts,
                     int64_t rows, const float *weights, int64_t width)
{
    const struct ec_gemm *gemm = cut->gemm;
    int64_t lines = round_up(rows, gemm->row_unit), step = gemm->depth_block;
    for (int64_t col = 0; col < width; col += gemm->cols) {
        for (int64_t k = 0; k < cut->r->units; k += step) {
            gemm->tile(out + col, out_stride, accumulate || k > 0, texts + floats_of(gemm, lines, k),
                       weights + floats_of(gemm, col, cut->depth) + floats_of(gemm, gemm->cols, k), (int)rows,
                       (int)least(gemm->cols, width - col), least(step, cut->r->units - k));
        }
    }
}

/* Where the product of a gate goes: beside the input's part, but GRU's candidate apart from it. */
static float *gate_sums(const struct cut *cut, int64_t s, int64_t gate, int64_t *stride)
{
    const struct ec_recurrence *r = cut->r;
    if (r->cell == EC_CELL_GRU && gate == 2) {
        *stride = r->units;
        return r->inner + kept_row(r, s) * r->units;
    }
    *stride = cut->gates * r->units;
    return gates_at(cut, s) + gate * r->units;
}

/* The input's part of all gates, and the bias. */
static void start_sums(const struct cut *cut, int64_t s, const struct tile *tile, int64_t first, int64_t end)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)tile->width * sizeof(float);
    for (int64_t gate = 0; gate < cut->gates; gate++) {
        int64_t col = gate * r->units + tile->unit, stride = cut->gates * r->units;
        float *sums = gates_at(cut, s) + first * stride + col;
        for (int64_t rank = first; rank < end; rank++, sums += stride) {
            if (r->source) {
                memcpy(sums, r->source + r->source_row[r->begin[s] + rank] * stride + col, bytes);
            } else if (r->bias) {
                cut->kernels->add(sums, r->bias + col, tile->width);
            }
        }
    }
    for (int64_t rank = first; r->cell == EC_CELL_GRU && rank < end; rank++) {
        float *inner = r->inner + (kept_row(r, s) + rank) * r->units + tile->unit;
        memcpy(inner, (r->inner_bias ? r->inner_bias : r->zeros) + tile->unit, bytes);
    }
}

/* The recurrent part: one block of W stays in the second cache for all panels. */
static void add_products(const struct cut *cut, int64_t s, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t gate = 0; gate < cut->gates; gate++) {
        int64_t stride;
        float *sums = gate_sums(cut, s, gate, &stride) + tile->unit;
        for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
            int64_t first = panel * cut->panel_rows, rows = rows_of(cut, panel, texts_at(r, s));
            if (rows == 0) {
                break;
            }
            if (!r->count_up) {
                multiply(cut, sums + first * stride, stride, 1, r->packed_state[s & 1] + panel * cut->panel_floats,
                         rows, r->packed_weights + (tile->block * cut->gates + gate) * cut->weights_floats,
                         tile->width);
                continue;
            }
            for (int64_t rank = first; rank < first + rows; rank++) {
                cut->kernels->weighted_sum(sums + rank * stride, 1, r->weights + gate * r->units + tile->unit,
                                           cut->gates * r->units, r->count_up,
                                           r->state + (kept_row(r, s) + rank) * r->units, r->units, tile->width);
            }
        }
    }
}

/* The new state of one row of a tile, to h. */
static void run_cell(const struct cut *cut, int64_t s, int64_t rank, const struct tile *tile, float *h)
{
    const struct ec_recurrence *r = cut->r;
    int64_t row = kept_row(r, s) + rank, unit = tile->unit;
    float *gates = gates_at(cut, s) + rank * cut->gates * r->units + unit;
    float *carry = r->carry + row * r->units + unit;
    const float *before = carry_before(r, s, rank) + unit;
    switch (r->cell) {
    case EC_CELL_LSTM:
        cut->kernels->lstm_cell(h, carry, gates, r->units, before, tile->width, r->activation, r->gate_activation);
        break;
    case EC_CELL_GRU:
        cut->kernels->gru_cell(h, gates, r->units, r->inner + row * r->units + unit, before, tile->width, r->activation,
                               r->gate_activation);
        memcpy(carry, h, (size_t)tile->width * sizeof *h);
        break;
    case EC_CELL_SIMPLE:
        cut->kernels->activate(gates, gates, r->activation, tile->width);
        memcpy(h, gates, (size_t)tile->width * sizeof *h);
        break;
    }
}

/* h of one row goes to the output, and to the next step or, where the text ends, to the last state. */
static void pass_on(const struct cut *cut, int64_t s, int64_t rank, const struct tile *tile, const float *h)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)tile->width * sizeof *h;
    if (r->out) {
        memcpy(r->out + r->out_row[r->begin[s] + rank] * r->units + tile->unit, h, bytes);
    }
    if (rank < texts_at(r, s + 1)) {
        float *state = r->state + (kept_row(r, s + 1) + rank) * r->units + tile->unit;
        if (r->state_mask) {
            cut->kernels->multiply(state, h, r->state_mask + rank * r->units + tile->unit, tile->width);
        } else {
            memcpy(state, h, bytes);
        }
        return;
    }
    memcpy(r->last_state + rank * r->units + tile->unit, h, bytes);
    if (r->cell == EC_CELL_LSTM) {
        memcpy(r->last_carry + rank * r->units + tile->unit, r->carry + (kept_row(r, s) + rank) * r->units + tile->unit,
               bytes);
    }
}

static void pack_next_state(const struct cut *cut, int64_t s, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; !r->count_up && s < r->steps && panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows;
        const float *state = r->state + (kept_row(r, s) + first) * r->units + tile->unit;
        pack_left(cut, r->packed_state[s & 1], panel, tile->unit, state, r->units, rows_of(cut, panel, texts_at(r, s)),
                  tile->width);
    }
}

/* What the number format needs before and after its tiles. */
static void begin_format(const struct cut *cut)
{
    if (cut->gemm->begin) {
        cut->gemm->begin();
    }
}

static void end_format(const struct cut *cut)
{
    if (cut->gemm->end) {
        cut->gemm->end();
    }
}

static void forward_tile(const struct cut *cut, int64_t s, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    float h[SHORT_BLOCK];
    int64_t first = tile->panel * cut->panel_rows;
    int64_t end = least(tile->panels * cut->panel_rows, texts_at(r, s));
    if (first >= end) {
        return;
    }
    start_sums(cut, s, tile, first, end);
    if (s > 0 || r->first_state) {
        begin_format(cut);
        add_products(cut, s, tile);
        end_format(cut);
    }
    for (int64_t rank = first; rank < end; rank++) {
        run_cell(cut, s, rank, tile, h);
        pass_on(cut, s, rank, tile, h);
    }
    pack_next_state(cut, s + 1, tile);
}

/* The state before the first step, and the last state of texts without a token. */
static void enter_first_state(const struct cut *cut, struct ec_team *team)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)r->units * sizeof(float);
    for (int64_t rank; (rank = ec_team_next(team, r->batch)) >= 0;) {
        const float *first = r->first_state ? r->first_state + rank * r->units : r->zeros;
        if (rank >= texts_at(r, 0)) {
            memcpy(r->last_state + rank * r->units, first, bytes);
            if (r->cell == EC_CELL_LSTM) {
                memcpy(r->last_carry + rank * r->units, carry_before(r, 0, rank), bytes);
            }
        } else {
            float *state = r->state + (kept_row(r, 0) + rank) * r->units;
            if (r->state_mask) {
                cut->kernels->multiply(state, first, r->state_mask + rank * r->units, r->units);
            } else {
                memcpy(state, first, bytes);
            }
        }
    }
}

void ec_recurrence_forward(struct ec_team *team, const struct ec_recurrence *r)
{
    const struct cut cut = cut_run(r, r->count_up != NULL);
    if (!r->count_up) {
        pack_weights(&cut, team, 0);
    }
    enter_first_state(&cut, team);
    ec_team_barrier(team);
    if (r->first_state) {
        for (int64_t number; (number = ec_team_next(team, cut.blocks * cut.groups)) >= 0;) {
            const struct tile tile = tile_of(&cut, number);
            pack_next_state(&cut, 0, &tile);
        }
        ec_team_barrier(team);
    }
    for (int64_t s = 0; s < r->steps; s++) {
        for (int64_t number; (number = ec_team_next(team, cut.blocks * cut.groups)) >= 0;) {
            const struct tile tile = tile_of(&cut, number);
            forward_tile(&cut, s, &tile);
        }
        ec_team_barrier(team);
    }
}

/* What reaches h of step s - 1 from the gates of step s, into d_state: only of texts that step s reads. */
static void d_state_from_gates(const struct cut *cut, int64_t s, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows, rows = rows_of(cut, panel, texts_at(r, s));
        if (rows == 0) {
            break;
        }
        float *d_state = r->d_state + first * r->units + tile->unit;
        for (int64_t gate = 0; gate < cut->gates; gate++) {
            multiply(cut, d_state, r->units, gate > 0,
                     r->packed_d[s & 1] + (gate * cut->panels + panel) * cut->panel_floats, rows,
                     r->packed_back + (tile->block * cut->gates + gate) * cut->weights_floats, tile->width);
        }
        for (int64_t row = 0; r->state_mask && row < rows; row++) {
            float *d = d_state + row * r->units;
            cut->kernels->multiply(d, d, r->state_mask + (first + row) * r->units + tile->unit, tile->width);
        }
    }
}

static void run_cell_backward(const struct cut *cut, int64_t s, int64_t rank, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    int64_t row = r->begin[s] + rank, unit = tile->unit;
    float *gates = gates_at(cut, s) + rank * cut->gates * r->units + unit;
    float *d_state = r->d_state + rank * r->units + unit, *d_carry = r->d_carry + rank * r->units + unit;
    const float *before = carry_before(r, s, rank) + unit;
    if (r->d_out) {
        cut->kernels->add(d_state, r->d_out + r->out_row[row] * r->units + unit, tile->width);
    }
    switch (r->cell) {
    case EC_CELL_LSTM:
        cut->kernels->lstm_cell_backward(gates, r->units, d_carry, d_state, r->carry + row * r->units + unit, before,
                                         tile->width, r->activation, r->gate_activation);
        break;
    case EC_CELL_GRU:
        cut->kernels->gru_cell_backward(gates, r->units, r->inner + row * r->units + unit, d_carry, d_state, before,
                                        tile->width, r->activation, r->gate_activation);
        break;
    case EC_CELL_SIMPLE:
        cut->kernels->activate_backward(gates, d_state, NULL, gates, r->activation, tile->width);
        break;
    }
}

/* Packs the gradients of the gates' sums as the left operand of the product for the step before. */
static void pack_d_gates(const struct cut *cut, int64_t s, const struct tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows, rows = rows_of(cut, panel, texts_at(r, s));
        for (int64_t gate = 0; gate < cut->gates; gate++) {
            int64_t stride;
            const float *d = gate_sums(cut, s, gate, &stride) + first * stride + tile->unit;
            pack_left(cut, r->packed_d[s & 1] + gate * cut->panels * cut->panel_floats, panel, tile->unit, d, stride,
                      rows, tile->width);
        }
    }
}

static void backward_tile(const struct cut *cut, int64_t s, const struct tile *tile)
{
    int64_t first = tile->panel * cut->panel_rows;
    int64_t end = least(tile->panels * cut->panel_rows, texts_at(cut->r, s));
    begin_format(cut);
    d_state_from_gates(cut, s + 1, tile);
    end_format(cut);
    for (int64_t rank = first; rank < end; rank++) {
        run_cell_backward(cut, s, rank, tile);
    }
    pack_d_gates(cut, s, tile);
}

/* The gradient of the first state: through the gates, and GRU's through z h. */
static void leave_first_state(const struct cut *cut, struct ec_team *team)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t number; (number = ec_team_next(team, cut->blocks * cut->groups)) >= 0;) {
        const struct tile tile = tile_of(cut, number);
        int64_t end = least(tile.panels * cut->panel_rows, texts_at(r, 0));
        begin_format(cut);
        d_state_from_gates(cut, 0, &tile);
        end_format(cut);
        for (int64_t rank = tile.panel * cut->panel_rows; r->cell == EC_CELL_GRU && rank < end; rank++) {
            float *d_state = r->d_state + rank * r->units + tile.unit;
            cut->kernels->add(d_state, r->d_carry + rank * r->units + tile.unit, tile.width);
        }
    }
    ec_team_barrier(team);
}

void ec_recurrence_backward(struct ec_team *team, const struct ec_recurrence *r)
{
    const struct cut cut = cut_run(r, 0); /* the backward always packs */
    pack_weights(&cut, team, 1);
    ec_team_barrier(team);
    for (int64_t s = r->steps - 1; s >= 0; s--) {
        for (int64_t number; (number = ec_team_next(team, cut.blocks * cut.groups)) >= 0;) {
            const struct tile tile = tile_of(&cut, number);
            backward_tile(&cut, s, &tile);
        }
        ec_team_barrier(team);
    }
    if (r->wants_first && r->steps > 0) {
        leave_first_state(&cut, team);
    }
}
