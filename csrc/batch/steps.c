/* Ranks texts by counting sort on their lengths, then deals out their tokens. */
#include "batch/steps.h"

#include <string.h>

static int64_t tokens_of(const struct ec_layout *layout, int64_t b)
{
    int64_t tokens = layout->offsets[b + 1] - layout->offsets[b];
    for (int64_t row = layout->offsets[b]; layout->mask && row < layout->offsets[b + 1]; row++) {
        tokens -= !layout->mask[row];
    }
    return tokens;
}

/* Fills text and begin: begin[s + 1] - begin[s] = texts longer than s. */
static void rank_texts(struct ec_steps *steps, const int64_t *length, int64_t *next)
{
    memset(next, 0, (size_t)(steps->count + 2) * sizeof *next);
    for (int64_t b = 0; b < steps->batch; b++) {
        next[length[b]]++;
    }
    for (int64_t tokens = steps->count - 1; tokens >= 0; tokens--) {
        next[tokens] += next[tokens + 1]; /* texts of so many tokens or more */
    }
    steps->begin[0] = 0;
    for (int64_t s = 0; s < steps->count; s++) {
        steps->begin[s + 1] = steps->begin[s] + next[s + 1];
    }
    for (int64_t b = steps->batch - 1; b >= 0; b--) {
        steps->text[--next[length[b]]] = b;
    }
}

ec_status ec_steps_init(struct ec_steps *steps, struct ec_arena *arena, const struct ec_layout *layout, int reverse)
{
    *steps = (struct ec_steps){.batch = layout->batch};
    int64_t *length = ec_arena_take(arena, layout->batch, sizeof *length);
    if (!length) {
        return EC_NO_MEMORY;
    }
    for (int64_t b = 0; b < layout->batch; b++) {
        length[b] = tokens_of(layout, b);
        steps->count = length[b] > steps->count ? length[b] : steps->count;
        steps->rows += length[b];
    }
    int64_t *next = ec_arena_take(arena, steps->count + 2, sizeof *next);
    steps->begin = ec_arena_take(arena, steps->count + 1, sizeof *steps->begin);
    steps->text = ec_arena_take(arena, layout->batch, sizeof *steps->text);
    steps->row = ec_arena_take(arena, steps->rows, sizeof *steps->row);
    if (arena->failed) {
        return EC_NO_MEMORY;
    }
    rank_texts(steps, length, next);
    for (int64_t rank = 0; rank < steps->batch; rank++) {
        int64_t b = steps->text[rank], first = layout->offsets[b], end = layout->offsets[b + 1];
        for (int64_t i = 0, s = 0; i < end - first; i++) {
            int64_t row = reverse ? end - 1 - i : first + i;
            if (!layout->mask || layout->mask[row]) {
                steps->row[steps->begin[s++] + rank] = row;
            }
        }
    }
    return EC_OK;
}
