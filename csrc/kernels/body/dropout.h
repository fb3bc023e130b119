/* Dropout with the hash of base/random.h, LANES columns at a time. */
#ifndef EC_KERNELS_BODY_DROPOUT_H
#define EC_KERNELS_BODY_DROPOUT_H

#include "kernels/body/partial.h"

/* x = (x ^ x >> shift) * factor */
INLINE ivec mix(ivec x, int shift, uint32_t factor)
{
    return ivec_mul(ivec_xor(x, ivec_shift_right(x, shift)), ivec_set(factor));
}

static void dropout(float *out, const float *in, uint64_t key, uint32_t threshold, float scale_by, int64_t n)
{
    const uint32_t column_factor = 0x9e3779b9u;
    vec factor = vec_set(scale_by), zero = vec_set(0.0f);
    ivec low = ivec_set((uint32_t)key), high = ivec_set((uint32_t)(key >> 32)), limit = ivec_set(threshold);
    ivec column = ivec_mul(ivec_count_up(), ivec_set(column_factor));
    ivec next = ivec_set(column_factor * (uint32_t)LANES);
    for (int64_t i = 0; i < n; i += LANES) {
        ivec x = ivec_xor(column, low);
        x = mix(mix(x, 16, 0x7feb352du), 15, 0x846ca68bu);
        x = ivec_add(ivec_xor(x, ivec_shift_right(x, 16)), high);
        x = mix(mix(x, 16, 0x7feb352du), 15, 0x846ca68bu);
        x = ivec_xor(x, ivec_shift_right(x, 16));
        vec kept = vec_mul(vec_load_upto(in + i, n - i), factor);
        vec_store_upto(out + i, n - i, vec_select(ivec_at_least(x, limit), kept, zero));
        column = ivec_add(column, next);
    }
}

#endif
