/* Loads and stores of the vector at the end of an array, where fewer than LANES values may be left. A loop writes
 *
 *     for (int64_t i = 0; i < n; i += LANES) vec_store_upto(out + i, n - i, f(vec_load_upto(in + i, n - i)));
 *
 * once, for whole vectors and for the rest; the compiler merges the comparisons of one turn. */
#ifndef EC_KERNELS_BODY_PARTIAL_H
#define EC_KERNELS_BODY_PARTIAL_H

INLINE vec vec_load_upto(const float *p, int64_t count)
{
    return count >= LANES ? vec_load(p) : vec_load_part(p, part_of(count));
}

INLINE void vec_store_upto(float *p, int64_t count, vec a)
{
    if (count >= LANES) {
        vec_store(p, a);
    } else {
        vec_store_part(p, part_of(count), a);
    }
}

#endif
