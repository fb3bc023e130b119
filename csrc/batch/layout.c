/* Layouts without a mask, and comparing layouts. */
#include "batch/layout.h"

#include <string.h>

ec_status ec_layout_full(struct ec_layout *layout, int64_t batch, int64_t width, struct ec_arena *arena)
{
    int64_t rows;
    if (__builtin_mul_overflow(batch, width, &rows) || rows > INT32_MAX) { /* operations number rows by int32 */
        return EC_TOO_LARGE;
    }
    int64_t *offsets = ec_arena_take(arena, batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(arena, batch, sizeof *starts);
    if (!offsets || !starts) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b <= batch; b++) {
        offsets[b] = b * width;
    }
    memset(starts, 0, (size_t)batch * sizeof *starts);
    *layout = (struct ec_layout){.batch = batch, .width = width, .rows = rows, .offsets = offsets, .starts = starts};
    return EC_OK;
}

static int same_spans(const struct ec_layout *a, const struct ec_layout *b)
{
    size_t texts = (size_t)a->batch;
    return a->batch == b->batch && a->width == b->width && a->rows == b->rows && a->masked == b->masked &&
           memcmp(a->offsets, b->offsets, (texts + 1) * sizeof *a->offsets) == 0 &&
           memcmp(a->starts, b->starts, texts * sizeof *a->starts) == 0;
}

ec_status ec_layout_both(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                         struct ec_arena *arena)
{
    if (!same_spans(a, b)) {
        return EC_BAD_VALUE;
    }
    uint8_t *mask = a->mask || b->mask ? ec_arena_take(arena, a->rows, 1) : NULL;
    if (!mask) {
        *out = *a;
        return a->mask || b->mask ? EC_NO_MEMORY : EC_OK;
    }
    for (int64_t row = 0; row < a->rows; row++) {
        mask[row] = (uint8_t)(ec_layout_counts(a, row) && ec_layout_counts(b, row));
    }
    for (int64_t text = 0; text < a->batch; text++) {
        int64_t first = a->offsets[text], end = a->offsets[text + 1];
        if (first < end && (!mask[first] || !mask[end - 1])) {
            return EC_BAD_VALUE;
        }
    }
    *out = *a;
    out->mask = mask;
    return EC_OK;
}

int ec_layout_same(const struct ec_layout *a, const struct ec_layout *b)
{
    return a == b ||
           (same_spans(a, b) && !a->mask == !b->mask && (!a->mask || memcmp(a->mask, b->mask, (size_t)a->rows) == 0));
}
