/* Comparing layouts. */
#include "batch/layout.h"

#include <string.h>

int ec_layout_same(const struct ec_layout *a, const struct ec_layout *b)
{
    if (a == b) {
        return 1;
    }
    if (a->batch != b->batch || a->width != b->width || a->rows != b->rows || a->masked != b->masked ||
        !a->mask != !b->mask) {
        return 0;
    }
    size_t texts = (size_t)a->batch;
    return memcmp(a->offsets, b->offsets, (texts + 1) * sizeof *a->offsets) == 0 &&
           memcmp(a->starts, b->starts, texts * sizeof *a->starts) == 0 &&
           (!a->mask || memcmp(a->mask, b->mask, (size_t)a->rows) == 0);
}
