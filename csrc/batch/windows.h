/* Windows over the steps of each text: how many there are, where they begin, and the layout of a sequence that has one
 * row for each. Shared by the convolutions and the pooling over windows.
 *
 * Windows are counted from the first step of a text's span, as though it stood alone. With padding="valid" a masked
 * span shorter than the window has one window, with nothing to its right; an empty span has none. */
#ifndef EC_BATCH_WINDOWS_H
#define EC_BATCH_WINDOWS_H

#include "base/memory.h"
#include "batch/layout.h"

enum ec_padding {
    EC_PADDING_VALID,
    EC_PADDING_SAME,
    EC_PADDING_CAUSAL
};
/* Their names in this order, NULL at the end; poolings take the first two. */
extern const char *const ec_padding_names[], *const ec_pool_padding_names[];

struct ec_windows {
    int64_t size, strides, dilation;
    int padding; /* enum ec_padding */
};

/* Steps that a window reaches over. */
static inline int64_t ec_windows_reach(const struct ec_windows *windows)
{
    return (windows->size - 1) * windows->dilation + 1;
}
/* Windows of a text of this length. */
int64_t ec_windows_count(const struct ec_windows *windows, int64_t length, int masked);
/* Places before a text of this length where its first window begins. */
int64_t ec_windows_lead(const struct ec_windows *windows, int64_t length);
/* First and last + 1 step, inside a text of this length, of a window without dilation. */
void ec_windows_bounds(const struct ec_windows *windows, int64_t length, int64_t window, int64_t *begin, int64_t *end);
/* The stored row of `in` that a tap of a window of text b reads, or -1 outside of the span and on a masked row. */
static inline int64_t ec_windows_source(const struct ec_windows *windows, const struct ec_layout *in, int64_t b,
                                        int64_t window, int64_t tap)
{
    int64_t length = in->offsets[b + 1] - in->offsets[b];
    int64_t place = window * windows->strides + tap * windows->dilation - ec_windows_lead(windows, length);
    return place < 0 || place >= length || !ec_layout_counts(in, in->offsets[b] + place) ? -1 : in->offsets[b] + place;
}
/* The layout of one row a window. With `need_step` a window without an unmasked step is masked, and such windows at the
 * end of a text are left out. EC_BAD_VALUE where the unmasked texts of `in` are shorter than a window. */
ec_status ec_windows_layout(struct ec_layout *out, const struct ec_windows *windows, const struct ec_layout *in,
                            int need_step, struct ec_arena *arena);

#endif
