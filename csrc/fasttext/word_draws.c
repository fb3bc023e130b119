/* A table for drawing words; see the header. */
#include "fasttext/word_draws.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>

ec_status ec_word_draws_init(struct ec_word_draws *draws, const int64_t *counts, int64_t count, double exponent)
{
    *draws = (struct ec_word_draws){.count = count,
                                    .keeps = ec_alloc_array(count, sizeof *draws->keeps),
                                    .others = ec_alloc_array(count, sizeof *draws->others)};
    double *sizes = ec_alloc_array(count, sizeof *sizes);
    int32_t *open = ec_alloc_array(count, sizeof *open);
    if (!draws->keeps || !draws->others || !sizes || !open) {
        ec_free(sizes);
        ec_free(open);
        return EC_NO_MEMORY;
    }
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += sizes[i] = pow((double)counts[i], exponent);
    }
    int64_t small = 0, large = count; /* places below 1 from the front of `open`, the others from its end */
    for (int64_t i = 0; i < count; i++) {
        sizes[i] *= (double)count / sum;
        open[sizes[i] < 1 ? small++ : --large] = (int32_t)i;
        draws->keeps[i] = 1;
        draws->others[i] = (int32_t)i;
    }
    while (small > 0 && large < count) {
        int32_t below = open[--small], above = open[large];
        draws->keeps[below] = (float)sizes[below];
        draws->others[below] = above;
        sizes[above] -= 1 - sizes[below];
        if (sizes[above] < 1) {
            open[small++] = above;
            large++;
        }
    }
    ec_free(sizes);
    ec_free(open);
    return EC_OK;
}

void ec_word_draws_clear(struct ec_word_draws *draws)
{
    ec_free(draws->keeps);
    ec_free(draws->others);
}

int32_t ec_word_draw(const struct ec_word_draws *draws, uint64_t key, uint32_t number)
{
    uint64_t place = (uint64_t)ec_random_u32(key, 2 * number) * (uint64_t)draws->count >> 32;
    float share = (float)(ec_random_u32(key, 2 * number + 1) >> 8) * 0x1p-24f;
    return share < draws->keeps[place] ? (int32_t)place : draws->others[place];
}
