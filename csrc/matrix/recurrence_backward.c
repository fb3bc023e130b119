/* The time loop of recurrent layers back from the last token to the first: the gradients of all gates' sums. What
 * follows from them for weights and inputs is left to the op, in products over all tokens at once. Laid out as the way
 * forward (matrix/recurrence_forward.c). For B 1 to 512 texts, H 16 to 1024 units. */
#include "matrix/recurrence_tiles.h"

/* Gates whose product with the state itself reaches it: with the reset before, the candidate's reaches r h. */
static int64_t gates_of_state(const struct ec_cut *cut)
{
    return cut->r->cell == EC_CELL_GRU_RESET_BEFORE ? 2 : cut->gates;
}

/* out [rank, units of the tile] (+)= da W^T of the gates [gate, gates) of step s, for the texts that it reads. */
static void multiply_back(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile, int64_t panel, int64_t gate,
                          int64_t gates, int accumulate)
{
    const struct ec_recurrence *r = cut->r;
    int64_t rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
    float *d_state = r->d_state + panel * cut->panel_rows * r->units + tile->unit;
    for (int64_t number = gate; rows > 0 && number < gates; number++) {
        ec_cut_multiply(cut, d_state, r->units, accumulate || number > gate,
                        r->packed_d[s & 1] + (number * cut->panels + panel) * cut->panel_floats, rows,
                        r->packed_back + (tile->block * cut->gates + number) * cut->weights_floats, tile->width,
                        r->units);
    }
}

/* What reaches h of step s - 1 from the gates of step s, into d_state: only of texts that step s reads. With the reset
 * before, the part through r h stands there already. */
static void d_state_from_gates(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows, rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
        if (rows == 0) {
            break;
        }
        float *d_state = r->d_state + first * r->units + tile->unit;
        multiply_back(cut, s, tile, panel, 0, gates_of_state(cut), r->cell == EC_CELL_GRU_RESET_BEFORE);
        for (int64_t row = 0; r->state_mask && row < rows; row++) {
            float *d = d_state + row * r->units;
            cut->kernels->multiply(d, d, r->state_mask + (first + row) * r->units + tile->unit, tile->width);
        }
    }
}

static void run_cell_backward(const struct ec_cut *cut, int64_t s, int64_t rank, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    int64_t row = r->begin[s] + rank, unit = tile->unit;
    float *gates = ec_recurrence_gates_at(cut->r, s) + rank * cut->gates * r->units + unit;
    float *d_state = r->d_state + rank * r->units + unit, *d_carry = r->d_carry + rank * r->units + unit;
    const float *before = ec_recurrence_carry_before(r, s, rank) + unit;
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
    case EC_CELL_GRU_RESET_BEFORE:
        cut->kernels->gru_update_backward(gates, gates + 2 * r->units, d_carry, d_state, before, tile->width,
                                          r->activation, r->gate_activation);
        break;
    case EC_CELL_SIMPLE:
        cut->kernels->activate_backward(gates, d_state, NULL, gates, r->activation, tile->width);
        break;
    }
}

/* Packs the gradients of the sums of gates [gate, gates) as the left operand of their products. */
static void pack_d_gates(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile, int64_t gate, int64_t gates)
{
    const struct ec_recurrence *r = cut->r;
    for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
        int64_t first = panel * cut->panel_rows, rows = ec_cut_rows(cut, panel, ec_recurrence_texts_at(r, s));
        for (int64_t number = gate; number < gates; number++) {
            int64_t stride;
            const float *d = ec_recurrence_sums(cut->r, s, number, &stride) + first * stride + tile->unit;
            ec_cut_pack(cut, r->packed_d[s & 1] + number * cut->panels * cut->panel_floats, panel, tile->unit, d,
                        stride, rows, tile->width);
        }
    }
}

static void backward_tile(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    ec_cut_begin(cut);
    d_state_from_gates(cut, s + 1, tile);
    ec_cut_end(cut);
    for (int64_t rank = ec_tile_first(cut, tile); rank < ec_tile_end(cut, tile, s); rank++) {
        run_cell_backward(cut, s, rank, tile);
    }
    if (cut->r->cell == EC_CELL_GRU_RESET_BEFORE) {
        pack_d_gates(cut, s, tile, 2, 3);
    } else {
        pack_d_gates(cut, s, tile, 0, cut->gates);
    }
}

/* The reset gate before the product: d_rh = d_g W_g^T, then d_r = d_rh h r' and, into d_state, what reaches h through
 * r h: d_rh r. */
static void reset_tile_backward(const struct ec_cut *cut, int64_t s, const struct ec_tile *tile)
{
    const struct ec_recurrence *r = cut->r;
    ec_cut_begin(cut);
    for (int64_t panel = tile->panel; panel < tile->panels; panel++) {
        multiply_back(cut, s, tile, panel, 2, 3, 0);
    }
    ec_cut_end(cut);
    for (int64_t rank = ec_tile_first(cut, tile); rank < ec_tile_end(cut, tile, s); rank++) {
        float *reset = ec_recurrence_gates_at(r, s) + (rank * cut->gates + 1) * r->units + tile->unit;
        float *d_state = r->d_state + rank * r->units + tile->unit;
        int64_t at = (r->begin[s] + rank) * r->units + tile->unit;
        float d_reset[EC_SHORT_BLOCK];
        cut->kernels->multiply(d_reset, d_state, r->state + at, tile->width);
        cut->kernels->multiply(d_state, d_state, reset, tile->width);
        cut->kernels->activate_backward(reset, d_reset, NULL, reset, r->gate_activation, tile->width);
    }
    pack_d_gates(cut, s, tile, 0, 2);
}

/* The gradient of the first state: through the gates, and GRU's through z h. */
static void leave_first_state(const struct ec_cut *cut, struct ec_team *team)
{
    const struct ec_recurrence *r = cut->r;
    int is_gru = r->cell == EC_CELL_GRU || r->cell == EC_CELL_GRU_RESET_BEFORE;
    for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(cut))) >= 0;) {
        const struct ec_tile tile = ec_cut_tile(cut, number);
        int64_t first = ec_tile_first(cut, &tile), end = ec_tile_end(cut, &tile, 0);
        ec_cut_begin(cut);
        d_state_from_gates(cut, 0, &tile);
        ec_cut_end(cut);
        for (int64_t rank = first; is_gru && rank < end; rank++) {
            float *d_state = r->d_state + rank * r->units + tile.unit;
            cut->kernels->add(d_state, r->d_carry + rank * r->units + tile.unit, tile.width);
        }
    }
    ec_team_barrier(team);
}

void ec_recurrence_backward(struct ec_team *team, const struct ec_recurrence *r)
{
    const struct ec_cut cut = ec_recurrence_cut(r, 0); /* the backward always packs */
    ec_cut_pack_weights(&cut, team, 1);
    ec_team_barrier(team);
    for (int64_t s = r->steps - 1; s >= 0; s--) {
        for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(&cut))) >= 0;) {
            const struct ec_tile tile = ec_cut_tile(&cut, number);
            backward_tile(&cut, s, &tile);
        }
        ec_team_barrier(team);
        if (r->cell != EC_CELL_GRU_RESET_BEFORE) {
            continue;
        }
        for (int64_t number; (number = ec_team_next(team, ec_cut_tiles(&cut))) >= 0;) {
            const struct ec_tile tile = ec_cut_tile(&cut, number);
            reset_tile_backward(&cut, s, &tile);
        }
        ec_team_barrier(team);
    }
    if (r->wants_first && r->steps > 0) {
        leave_first_state(&cut, team);
    }
}
