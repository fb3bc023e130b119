/* The time loop of recurrent layers, from the first token to the last: matrix/recurrence.h has the formulas,
 * matrix/recurrence_tiles.h how the work is shared out. A step is one pass over its tiles, or two where the reset gate
 * comes before the product: that product reads r h of all units. For B 1 to 512 texts, H 16 to 1024 units. */
#include "matrix/recurrence_tiles.h"

#include <string.h>

/* x W of a tile, with the bias. */
static void multiply_x(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    int64_t depth = ec_recurrence_depth_of_x(r), stride = cut->gates * r->units;
    for (int64_t gate = 0; gate < cut->gates; gate++) {
        float *sums = ec_recurrence_gates_at(r, s) + gate * r->units + tile->unit;
        const float *block = r->packed_kernel + (tile->block * cut->gates + gate) * cut->width * depth;
        for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
            int64_t first = panel * cut->panel_rows, rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
            if (rows == 0) {
                break;
            }
            ec_cut_multiply(cut, sums + first * stride, stride, 0, r->packed_x + (r->begin[s] + first) * depth, rows,
                            block, tile->width, depth);
        }
    }
}

/* The input's part of all gates, and the bias. */
static void start_sums(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile, int64_t first, int64_t end)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)tile->width * sizeof(float);
    if (r->x) {
        multiply_x(cut, s, tile);
    }
    for (int64_t gate = 0; !r->x && gate < cut->gates; gate++) {
        int64_t col = gate * r->units + tile->unit, stride = cut->gates * r->units;
        float *sums = ec_recurrence_gates_at(cut->r, s) + first * stride + col;
        for (int64_t rank = first; rank < end; rank++, sums += stride) {
            if (r->source) {
                memcpy(sums, r->source + r->source_row[r->begin[s] + rank] * stride + col, bytes);
            } else if (r->bias) {
                cut->kernels->add(sums, r->bias + col, tile->width);
            }
        }
    }
    for (int64_t rank = first; r->cell == EC_CELL_GRU && rank < end; rank++) {
        float *inner = r->inner + (ec_recurrence_row(r, s) + rank) * r->units + tile->unit;
        memcpy(inner, (r->inner_bias ? r->inner_bias : r->zeros) + tile->unit, bytes);
    }
}

/* The left operand of recurrent products, packed and as it stands, and the gates that it goes to: from, up to. */
struct operand {
    const float *packed, *rows;
    int64_t gate, gates;
};

/* The recurrent part: one block of W stays in the second cache for all panels. */
static void add_products(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile, const struct operand *left)
{
    const struct ec_recurrence *r = cut->r;
    if (s == 0 && !r->first_state) { /* zeros */
        return;
    }
    ec_cut_begin(cut);
    for (int64_t gate = left->gate; gate < left->gates; gate++) {
        int64_t stride;
        float *sums = ec_recurrence_sums(cut->r, s, gate, &stride) + tile->unit;
        for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
            int64_t first = panel * cut->panel_rows, rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
            if (rows == 0) {
                break;
            }
            if (!r->count_up) {
                ec_cut_multiply(cut, sums + first * stride, stride, 1, left->packed + panel * cut->panel_floats, rows,
                                r->packed_weights + (tile->block * cut->gates + gate) * cut->weights_floats,
                                tile->width, r->units);
                continue;
            }
            for (int64_t rank = first; rank < first + rows; rank++) {
                cut->kernels->weighted_sum(sums + rank * stride, 1, r->weights + gate * r->units + tile->unit,
                                           cut->gates * r->units, r->count_up, left->rows + rank * r->units, r->units,
                                           tile->width);
            }
        }
    }
    ec_cut_end(cut);
}

/* The new state of one row of a tile, to h. */
static void run_cell(const struct ec_cut *cut, int64_t s, int64_t rank, const struct ec_tile *tile, float *h)
{
    const struct ec_recurrence *r = cut->r;
    int64_t row = ec_recurrence_row(r, s) + rank, unit = tile->unit;
    float *gates = ec_recurrence_gates_at(cut->r, s) + rank * cut->gates * r->units + unit;
    float *carry = r->carry + row * r->units + unit;
    const float *before = ec_recurrence_carry_before(r, s, rank) + unit;
    switch (r->cell) {
    case EC_CELL_LSTM:
        cut->kernels->lstm_cell(h, carry, gates, r->units, before, tile->width, r->activation, r->gate_activation);
        break;
    case EC_CELL_GRU:
        cut->kernels->gru_cell(h, gates, r->units, r->inner + row * r->units + unit, before, tile->width, r->activation,
                               r->gate_activation);
        memcpy(carry, h, (size_t)tile->width * sizeof *h);
        break;
    case EC_CELL_GRU_RESET_BEFORE:
        cut->kernels->gru_update(h, gates, gates + 2 * r->units, before, tile->width, r->activation);
        memcpy(carry, h, (size_t)tile->width * sizeof *h);
        break;
    case EC_CELL_SIMPLE:
        cut->kernels->activate(gates, gates, r->activation, tile->width);
        memcpy(h, gates, (size_t)tile->width * sizeof *h);
        break;
    }
}

/* Where h of one row is computed: at once where the next step reads it, else in `room`. */
static float *place_of_h(const struct ec_cut *cut, int64_t s, int64_t rank, const struct ec_tile *tile, float *room)
{
    const struct ec_recurrence *r = cut->r;
    int goes_on = !r->state_mask && rank < ec_recurrence_texts_at(r, s + 1);
    return goes_on ? r->state + (ec_recurrence_row(r, s + 1) + rank) * r->units + tile->unit : room;
}

/* h of one row goes to the output, and to the next step (dropped out; else it stands there) or, where the text ends, to
 * the last state. */
static void pass_on(const struct ec_cut *cut, int64_t s, int64_t rank, const struct ec_tile *tile, const float *h)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)tile->width * sizeof *h;
    if (r->out) {
        memcpy(r->out + r->out_row[r->begin[s] + rank] * r->units + tile->unit, h, bytes);
    }
    if (rank < ec_recurrence_texts_at(r, s + 1)) {
        if (r->state_mask) {
            float *state = r->state + (ec_recurrence_row(r, s + 1) + rank) * r->units + tile->unit;
            cut->kernels->multiply(state, h, r->state_mask + rank * r->units + tile->unit, tile->width);
        }
        return;
    }
    memcpy(r->last_state + rank * r->units + tile->unit, h, bytes);
    if (r->cell == EC_CELL_LSTM) {
        memcpy(r->last_carry + rank * r->units + tile->unit,
               r->carry + (ec_recurrence_row(r, s) + rank) * r->units + tile->unit, bytes);
    }
}

/* A tile of kept rows of step s as the left operand of its products. */
static void pack_rows(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile, float *packed, const float *kept)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; !r->count_up && s < r->steps && panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows;
        const float *rows = kept + (ec_recurrence_row(r, s) + first) * r->units + tile->unit;
        ec_cut_pack(cut, packed, panel, tile->unit, rows, r->units,
                    ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s)), tile->width);
    }
}

/* The reset gate before the product: z, r and r h of one tile, the operand of the candidate's product. */
static void reset_tile(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    int64_t first = ec_tile_first(cut, tile), end = ec_tile_end(cut, tile, s), row = ec_recurrence_row(r, s);
    const struct operand state = {r->packed_state[s & 1], r->state + row * r->units, 0, 2};
    if (first >= end) {
        return;
    }
    start_sums(cut, s, tile, first, end);
    add_products(cut, s, tile, &state);
    for (int64_t rank = first; rank < end; rank++) {
        float *update = ec_recurrence_gates_at(r, s) + rank * cut->gates * r->units + tile->unit;
        float *reset = update + r->units;
        int64_t at = (row + rank) * r->units + tile->unit;
        cut->kernels->activate(update, update, r->gate_activation, tile->width);
        cut->kernels->activate(reset, reset, r->gate_activation, tile->width);
        cut->kernels->multiply(r->inner + at, reset, r->state + at, tile->width);
    }
    pack_rows(cut, s, tile, r->packed_inner, r->inner);
}

static void forward_tile(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    float h[EC_SHORT_BLOCK];
    int64_t first = ec_tile_first(cut, tile), end = ec_tile_end(cut, tile, s), row = ec_recurrence_row(r, s);
    if (first >= end) {
        return;
    }
    if (r->cell == EC_CELL_GRU_RESET_BEFORE) {
        const struct operand inner = {r->packed_inner, r->inner + row * r->units, 2, 3};
        add_products(cut, s, tile, &inner);
    } else {
        const struct operand state = {r->packed_state[s & 1], r->state + row * r->units, 0, cut->gates};
        start_sums(cut, s, tile, first, end);
        add_products(cut, s, tile, &state);
    }
    for (int64_t rank = first; rank < end; rank++) {
        float *place = place_of_h(cut, s, rank, tile, h);
        run_cell(cut, s, rank, tile, place);
        pass_on(cut, s, rank, tile, place);
    }
    pack_rows(cut, s + 1, tile, r->packed_state[(s + 1) & 1], r->state);
}

/* The state before the first step, and the last state of texts without a token. */
static void enter_first_state(const struct ec_cut *cut, struct ec_team *team)
{
    const struct ec_recurrence *r = cut->r;
    size_t bytes = (size_t)r->units * sizeof(float);
    for (int64_t rank; (rank = ec_team_next(team, r->batch)) >= 0;) {
        const float *first = r->first_state ? r->first_state + rank * r->units : r->zeros;
        if (rank >= ec_recurrence_texts_at(r, 0)) {
            memcpy(r->last_state + rank * r->units, first, bytes);
            if (r->cell == EC_CELL_LSTM) {
                memcpy(r->last_carry + rank * r->units, ec_recurrence_carry_before(r, 0, rank), bytes);
            }
        } else {
            float *state = r->state + (ec_recurrence_row(r, 0) + rank) * r->units;
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
    const struct ec_cut cut = ec_recurrence_cut(r, r->count_up != NULL);
    if (!r->count_up) {
        ec_cut_pack_weights(&cut, team, 0);
    }
    if (r->x) {
        ec_cut_pack_x(&cut, team);
    }
    enter_first_state(&cut, team);
    ec_team_barrier(team);
    if (r->first_state) {
        for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(&cut))) >= 0;) {
            const struct ec_tile tile = ec_cut_tile(&cut, number);
            pack_rows(&cut, 0, &tile, r->packed_state[0], r->state);
        }
        ec_team_barrier(team);
    }
    for (int64_t s = 0; s < r->steps; s++) {
        if (r->cell == EC_CELL_GRU_RESET_BEFORE) {
            for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(&cut))) >= 0;) {
                const struct ec_tile tile = ec_cut_tile(&cut, number);
                reset_tile(&cut, s, &tile);
            }
            ec_team_barrier(team);
        }
        for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(&cut))) >= 0;) {
            const struct ec_tile tile = ec_cut_tile(&cut, number);
            forward_tile(&cut, s, &tile);
        }
        ec_team_barrier(team);
    }
}
