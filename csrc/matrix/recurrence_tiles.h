/* How the time loops of matrix/recurrence_forward.c and recurrence_backward.c share out their work. Texts are cut into
 * panels of at most gemm_rows ranks; a tile is one block of units times some panels. Whoever computes a block of a row
 * packs it at once into the operand of the product that reads it: the panel of one block is contiguous there, so
 * nothing is packed by two threads and nobody waits for a packing pass. For B 1 to 512 texts, H 16 to 1024 units. */
#ifndef EC_MATRIX_RECURRENCE_TILES_H
#define EC_MATRIX_RECURRENCE_TILES_H

#include "matrix/recurrence.h"

enum {
    EC_SHORT_BLOCK = 256 /* units of a block where W is not packed: the most that a block has */
};

/* How a run is cut; computed by every thread from the sizes. Packed: a panel of W for each block and gate, a panel of
 * the state for some texts, both over all units; what stands at unit k of a panel begins at k times its lines. */
struct ec_cut {
    const struct ec_recurrence *r;
    const struct ec_kernels *kernels;
    const struct ec_gemm *gemm;
    int64_t gates, width; /* G, units of a block */
    int64_t blocks, panels, panel_rows, groups, panels_per_group;
    int64_t depth;          /* H, rounded up as the format wants it */
    int64_t weights_floats; /* of a panel of W */
    int64_t panel_floats;   /* of a panel of texts */
};

struct ec_tile {
    int64_t unit, width;   /* its units */
    int64_t block;         /* their number */
    int64_t panel, panels; /* its panels: from, up to */
};

/* For a run whose weights are packed, or for a short one. */
struct ec_cut ec_recurrence_cut(const struct ec_recurrence *recurrence, int is_short);
/* Tiles of a step; the team takes them by number. */
int64_t ec_cut_tiles(const struct ec_cut *cut);
struct ec_tile ec_cut_tile(const struct ec_cut *cut, int64_t number);
/* Texts of a panel where the first `texts` of all are read. */
int64_t ec_cut_rows(const struct ec_cut *cut, int64_t panel, int64_t texts);
/* Ranks of a tile at step s: from, up to. */
int64_t ec_tile_first(const struct ec_cut *cut, const struct ec_tile *tile);
int64_t ec_tile_end(const struct ec_cut *cut, const struct ec_tile *tile, int64_t s);

/* Packs W into packed_weights, or its transpose into packed_back: [block][gate]. No barrier. */
void ec_cut_pack_weights(const struct ec_cut *cut, struct ec_team *team, int back);
/* Packs the kernel, [block][gate], and all rows of x, a panel's of a step behind each other. No barrier. */
void ec_cut_pack_x(const struct ec_cut *cut, struct ec_team *team);
/* Packs units [unit, unit + width) of the rows of a panel as the left operand of a product. */
void ec_cut_pack(const struct ec_cut *cut, float *packed, int64_t panel, int64_t unit, const float *first,
                 int64_t row_stride, int64_t rows, int64_t width);
/* out (+)= a panel of texts times a block of W, over the depth: all units, or what x has. Between _begin and _end. */
void ec_cut_multiply(const struct ec_cut *cut, float *out, int64_t out_stride, int accumulate, const float *texts,
                     int64_t rows, const float *weights, int64_t width, int64_t depth);
/* What the number format needs before and after its products. */
void ec_cut_begin(const struct ec_cut *cut);
void ec_cut_end(const struct ec_cut *cut);

/* Where things stand at step s: texts that are read, the first row of an array of kept rows, the gates of the first
 * text, what a text carries into the step (LSTM: c, others: h). */
int64_t ec_recurrence_texts_at(const struct ec_recurrence *recurrence, int64_t s);
int64_t ec_recurrence_row(const struct ec_recurrence *recurrence, int64_t s);
float *ec_recurrence_gates_at(const struct ec_recurrence *recurrence, int64_t s);
const float *ec_recurrence_carry_before(const struct ec_recurrence *recurrence, int64_t s, int64_t rank);
/* Where the product of a gate goes: beside the input's part, but GRU's candidate apart from it. */
float *ec_recurrence_sums(const struct ec_recurrence *recurrence, int64_t s, int64_t gate, int64_t *stride);

#endif
