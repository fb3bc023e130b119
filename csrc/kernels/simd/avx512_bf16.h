/* The AVX-512 vocabulary and, on top, pairs of bf16: two values of the depth side by side in each 32-bit lane, the
 * even one in the lower half. A vec then holds LANES pairs; body/pairs.h packs them, the register tile sums them.
 * Conversion rounds to nearest, ties to even; subnormal numbers become 0, NaN stays NaN, and what is beyond the largest
 * bf16 (3.39e38) becomes infinite. */
#ifndef EC_KERNELS_SIMD_AVX512_BF16_H
#define EC_KERNELS_SIMD_AVX512_BF16_H

#include "kernels/simd/avx512.h"

/* 2 * LANES values that stand one behind the other, as LANES pairs. */
INLINE vec pairs_beside(vec low, vec high) { return _mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(high, low)); }
/* Lane i: the pair of even[i] and odd[i]. */
INLINE vec pairs_between(vec even, vec odd)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
}
/* a rounded to bf16, as floats again. */
INLINE vec vec_rounded(vec a)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a)), 16));
}
/* Lane by lane: sum plus the two products of the pairs in a and b. */
INLINE vec vec_dot_pairs(vec a, vec b, vec sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}

#endif
