/* Layouts without a mask, and two layouts compared or joined. */
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

/* Whether a text has rows: then widens [first, end), in padded form, by its span. */
static void widen(const struct ec_layout *layout, int64_t text, int64_t *first, int64_t *end)
{
    int64_t rows = layout->offsets[text + 1] - layout->offsets[text], start = layout->starts[text];
    if (rows) {
        *first = *first < *end && *first < start ? *first : start;
        *end = *end > start + rows ? *end : start + rows;
    }
}

/* The spans that cover those of both. */
static ec_status cover(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                       struct ec_arena *arena)
{
    int64_t *offsets = ec_arena_take(arena, a->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(arena, a->batch, sizeof *starts);
    if (!offsets || !starts) {
        return EC_NO_MEMORY;
    }
    offsets[0] = 0;
    for (int64_t text = 0; text < a->batch; text++) {
        int64_t first = 0, end = 0;
        widen(a, text, &first, &end);
        widen(b, text, &first, &end);
        starts[text] = first;
        offsets[text + 1] = offsets[text] + end - first;
    }
    *out = (struct ec_layout){.batch = a->batch,
                              .width = a->width > b->width ? a->width : b->width,
                              .rows = offsets[a->batch],
                              .offsets = offsets,
                              .starts = starts,
                              .masked = 1};
    return out->rows > INT32_MAX ? EC_TOO_LARGE : EC_OK;
}

ec_status ec_layout_either(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                           struct ec_arena *arena)
{
    if (a->batch != b->batch || (!a->masked && b->width > a->width) || (!b->masked && a->width > b->width)) {
        return EC_BAD_VALUE;
    }
    if (!a->masked || !b->masked) {
        *out = !a->masked ? *a : *b;
        return EC_OK;
    }
    struct ec_layout both;
    ec_status status = cover(&both, a, b, arena);
    uint8_t *mask = status == EC_OK ? ec_arena_take(arena, both.rows, 1) : NULL;
    if (!mask) {
        return status == EC_OK ? EC_NO_MEMORY : status;
    }
    int gaps = 0;
    for (int64_t text = 0; text < both.batch; text++) {
        for (int64_t row = both.offsets[text]; row < both.offsets[text + 1]; row++) {
            mask[row] = ec_layout_row(&both, text, row, a) >= 0 || ec_layout_row(&both, text, row, b) >= 0;
            gaps |= !mask[row];
        }
    }
    both.mask = gaps ? mask : NULL;
    *out = both;
    return EC_OK;
}

/* The rows of a text of a that are unmasked in both: sets first and end, from the first such row to behind the last. */
static void narrow(const struct ec_layout *a, const struct ec_layout *b, int64_t text, int64_t *first, int64_t *end)
{
    *first = a->offsets[text];
    *end = a->offsets[text + 1];
    while (*end > *first && !(ec_layout_counts(a, *end - 1) && ec_layout_row(a, text, *end - 1, b) >= 0)) {
        --*end;
    }
    while (*first < *end && !(ec_layout_counts(a, *first) && ec_layout_row(a, text, *first, b) >= 0)) {
        ++*first;
    }
}

ec_status ec_layout_both(struct ec_layout *out, const struct ec_layout *a, const struct ec_layout *b,
                         struct ec_arena *arena)
{
    if (a->batch != b->batch || (!a->masked && b->width > a->width) || (!b->masked && a->width > b->width)) {
        return EC_BAD_VALUE;
    }
    if (!a->masked || !b->masked) {
        *out = !a->masked ? *b : *a;
        return EC_OK;
    }
    int64_t *offsets = ec_arena_take(arena, a->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(arena, a->batch, sizeof *starts);
    uint8_t *mask = ec_arena_take(arena, a->rows, 1);
    if (!offsets || !starts || !mask) {
        return EC_NO_MEMORY;
    }
    int gaps = 0;
    offsets[0] = 0;
    for (int64_t text = 0; text < a->batch; text++) {
        int64_t first, end;
        narrow(a, b, text, &first, &end);
        starts[text] = a->starts[text] + first - a->offsets[text];
        offsets[text + 1] = offsets[text] + end - first;
        for (int64_t row = first; row < end; row++) {
            uint8_t kept = ec_layout_counts(a, row) && ec_layout_row(a, text, row, b) >= 0;
            mask[offsets[text] + row - first] = kept;
            gaps |= !kept;
        }
    }
    *out = (struct ec_layout){.batch = a->batch,
                              .width = a->width > b->width ? a->width : b->width,
                              .rows = offsets[a->batch],
                              .offsets = offsets,
                              .starts = starts,
                              .mask = gaps ? mask : NULL,
                              .masked = 1};
    return EC_OK;
}

int ec_layout_same(const struct ec_layout *a, const struct ec_layout *b)
{
    return a == b ||
           (same_spans(a, b) && !a->mask == !b->mask && (!a->mask || memcmp(a->mask, b->mask, (size_t)a->rows) == 0));
}
