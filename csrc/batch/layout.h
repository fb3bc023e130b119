/* Which stored row belongs to which text of a batch.
 *
 * A batch of texts is stored ragged: only the rows of each text's span (from its first to its last unmasked token)
 * exist, one text after the other. Padded form [B, T, ...] is rebuilt only for output. Without a mask every text fills
 * the width T. */
#ifndef EC_BATCH_LAYOUT_H
#define EC_BATCH_LAYOUT_H

#include "base/memory.h"

#include <stdint.h>

struct ec_layout {
    int64_t batch;          /* B texts */
    int64_t width;          /* T, length of the time axis in padded form */
    int64_t rows;           /* rows stored in all: offsets[batch] */
    const int64_t *offsets; /* [B + 1] text b has the rows offsets[b] up to offsets[b + 1] */
    const int64_t *starts;  /* [B] position of its first row in padded form */
    const uint8_t *mask;    /* [rows] 0 where a row inside a span is masked, or NULL: none is */
    int masked;             /* padded positions without a row are masked; otherwise there are none */
};

/* Whether a stored row is unmasked. */
static inline int ec_layout_counts(const struct ec_layout *layout, int64_t row)
{
    return !layout->mask || layout->mask[row];
}

/* Every text fills `width` steps; nothing is masked. */
ec_status ec_layout_full(struct ec_layout *layout, int64_t batch, int64_t width, struct ec_arena *arena);
/* `out`: a step is unmasked where it is in a or in b; all are where one of them has no mask. EC_BAD_VALUE where a
 * layout without a mask has fewer steps than the other, or two of them differ. `out` may be `a`. */
ec_status ec_layout_either(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                           struct ec_arena *arena);
/* `out`: a step is unmasked where it is in a and in b; a layout without a mask masks none. EC_BAD_VALUE as above. */
ec_status ec_layout_both(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                         struct ec_arena *arena);
/* Where a row of text `text` of `layout` is stored in `other`; -1 where its step is masked there, or has no row. */
static inline int64_t ec_layout_row(const struct ec_layout *layout, int64_t text, int64_t row,
                                    const struct ec_layout *other)
{
    int64_t t = layout->starts[text] + row - layout->offsets[text] - other->starts[text];
    int64_t found = other->offsets[text] + t;
    return t >= 0 && found < other->offsets[text + 1] && ec_layout_counts(other, found) ? found : -1;
}
/* Whether two layouts have the same steps and masks for the same texts. */
int ec_layout_same(const struct ec_layout *a, const struct ec_layout *b);

#endif
