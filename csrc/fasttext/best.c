/* The heap of the best labels; see the header. */
#include "fasttext/best.h"

static void swap(struct ec_fasttext_best *best, int64_t a, int64_t b)
{
    float score = best->scores[a];
    int32_t label = best->labels[a];
    best->scores[a] = best->scores[b];
    best->labels[a] = best->labels[b];
    best->scores[b] = score;
    best->labels[b] = label;
}

static void sink(struct ec_fasttext_best *best, int64_t at, int64_t count)
{
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && ec_fasttext_is_worse(best, child + 1, child);
        if (!ec_fasttext_is_worse(best, child, at)) {
            return;
        }
        swap(best, child, at);
    }
}

void ec_fasttext_best_add(struct ec_fasttext_best *best, float score, int32_t label)
{
    if (best->count == best->most) {
        if (!best->most || score < best->scores[0] || (score == best->scores[0] && label > best->labels[0])) {
            return;
        }
        best->scores[0] = score;
        best->labels[0] = label;
        sink(best, 0, best->count);
        return;
    }
    int64_t at = best->count++;
    best->scores[at] = score;
    best->labels[at] = label;
    for (; at && ec_fasttext_is_worse(best, at, (at - 1) / 2); at = (at - 1) / 2) {
        swap(best, at, (at - 1) / 2);
    }
}

void ec_fasttext_best_sort(struct ec_fasttext_best *best)
{
    for (int64_t count = best->count - 1; count > 0; count--) {
        swap(best, 0, count);
        sink(best, 0, count);
    }
}
