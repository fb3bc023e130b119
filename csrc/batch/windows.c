/* Planning of windows: counts and places from lengths alone, in one pass over the texts of a batch. */
#include "batch/windows.h"

#include "base/range.h"

#include <stddef.h>

const char *const ec_padding_names[] = {"valid", "same", "causal", NULL};
const char *const ec_pool_padding_names[] = {"valid", "same", NULL};

int64_t ec_windows_count(const struct ec_windows *windows, int64_t length, int masked)
{
    if (windows->padding != EC_PADDING_VALID) {
        return ec_ceil_div(length, windows->strides);
    }
    if (length >= ec_windows_reach(windows)) {
        return (length - ec_windows_reach(windows)) / windows->strides + 1;
    }
    return masked && length > 0;
}

int64_t ec_windows_lead(const struct ec_windows *windows, int64_t length)
{
    if (windows->padding == EC_PADDING_CAUSAL) {
        return ec_windows_reach(windows) - 1;
    }
    if (windows->padding == EC_PADDING_VALID) {
        return 0;
    }
    /* "same" pads as few places as the windows need, the odd one behind */
    int64_t count = ec_windows_count(windows, length, 0);
    int64_t all = (count - 1) * windows->strides + ec_windows_reach(windows) - length;
    return all > 0 ? all / 2 : 0;
}

void ec_windows_bounds(const struct ec_windows *windows, int64_t length, int64_t window, int64_t *begin, int64_t *end)
{
    *begin = window * windows->strides - ec_windows_lead(windows, length);
    *end = *begin + windows->size < length ? *begin + windows->size : length;
    *begin = *begin > 0 ? *begin : 0;
}

static int holds_step(const struct ec_windows *windows, const struct ec_layout *in, int64_t b, int64_t window)
{
    int64_t begin, end;
    ec_windows_bounds(windows, in->offsets[b + 1] - in->offsets[b], window, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        if (ec_layout_counts(in, in->offsets[b] + t)) {
            return 1;
        }
    }
    return 0;
}

/* Which windows hold an unmasked step; NULL where all do. */
static ec_status mask_windows(struct ec_layout *out, const struct ec_windows *windows, const struct ec_layout *in,
                              struct ec_arena *arena)
{
    uint8_t *mask = ec_arena_take(arena, out->rows, 1);
    int gaps = 0;
    for (int64_t b = 0; mask && b < in->batch; b++) {
        for (int64_t row = out->offsets[b]; row < out->offsets[b + 1]; row++) {
            mask[row] = (uint8_t)holds_step(windows, in, b, row - out->offsets[b]);
            gaps |= !mask[row];
        }
    }
    out->mask = gaps ? mask : NULL;
    return mask ? EC_OK : EC_NO_MEMORY;
}

ec_status ec_windows_layout(struct ec_layout *out, const struct ec_windows *windows, const struct ec_layout *in,
                            int need_step, struct ec_arena *arena)
{
    int64_t *offsets = ec_arena_take(arena, in->batch + 1, sizeof *offsets);
    int64_t *starts = ec_arena_take(arena, in->batch, sizeof *starts);
    if (!offsets || !starts) {
        return EC_NO_MEMORY;
    }
    need_step = need_step && in->mask;
    int64_t width = ec_windows_count(windows, in->width, in->masked);
    width = in->masked && width < 1 ? 1 : width;
    if (width < 1) {
        return EC_BAD_VALUE;
    }
    offsets[0] = 0;
    for (int64_t b = 0; b < in->batch; b++) {
        int64_t count = ec_windows_count(windows, in->offsets[b + 1] - in->offsets[b], in->masked);
        int64_t start = in->starts[b] / windows->strides;
        starts[b] = ec_least(start, width - count);
        while (need_step && count > 0 && !holds_step(windows, in, b, count - 1)) {
            count--; /* a span ends with an unmasked step; the first window always holds one */
        }
        offsets[b + 1] = offsets[b] + count;
    }
    *out = (struct ec_layout){.batch = in->batch,
                              .width = width,
                              .rows = offsets[in->batch],
                              .offsets = offsets,
                              .starts = starts,
                              .masked = in->masked};
    return need_step ? mask_windows(out, windows, in, arena) : EC_OK;
}
