/* The vector vocabulary in AVX-512 (F, BW, DQ, VL): 16 lanes, 32 registers, and masks as a type of their own.
 * simd/scalar.h says what each operation means. */
#ifndef EC_KERNELS_SIMD_H
#define EC_KERNELS_SIMD_H

#include "kernels/simd/keywords.h"

#include <immintrin.h>
#include <stdint.h>

#define ISA_NAME "avx512"
#define LANES 16
#define GEMM_ROWS 14 /* 28 sums, 2 of b, 1 of a: 31 of 32 registers */
#define GEMM_VECTORS 2
#define SUM_VECTORS 20
#define WINDOW_VECTORS 8 /* three registers each */
#define DEPTHWISE_ROWS 4 /* 8 sums, 9 weights, 1 pixel */

typedef __m512 vec;
typedef __m512i ivec;
typedef __mmask16 mask;
typedef __mmask16 part;
typedef struct {
    __m512d low, high;
} wide;

INLINE part part_of(int64_t count) { return (part)((1u << count) - 1u); }
INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vec_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
INLINE vec vec_load_part(const float *p, part first) { return _mm512_maskz_loadu_ps(first, p); }
INLINE void vec_store_part(float *p, part first, vec a) { _mm512_mask_storeu_ps(p, first, a); }
INLINE vec vec_set(float value) { return _mm512_set1_ps(value); }

INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec vec_sqrt(vec a) { return _mm512_sqrt_ps(a); }
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec vec_abs(vec a) { return _mm512_abs_ps(a); }

INLINE mask vec_less(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE mask vec_beats(vec a, vec b)
{
    return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(b, b, _CMP_ORD_Q), a, b, _CMP_NLE_UQ);
}
INLINE vec vec_select(mask m, vec a, vec b) { return _mm512_mask_blend_ps(m, b, a); }

INLINE ivec vec_bits(vec a) { return _mm512_castps_si512(a); }
INLINE vec ivec_as_floats(ivec a) { return _mm512_castsi512_ps(a); }
INLINE ivec ivec_set(uint32_t value) { return _mm512_set1_epi32((int)value); }
INLINE ivec ivec_count_up(void) { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
INLINE ivec ivec_add(ivec a, ivec b) { return _mm512_add_epi32(a, b); }
INLINE ivec ivec_sub(ivec a, ivec b) { return _mm512_sub_epi32(a, b); }
INLINE ivec ivec_mul(ivec a, ivec b) { return _mm512_mullo_epi32(a, b); }
INLINE ivec ivec_xor(ivec a, ivec b) { return _mm512_xor_si512(a, b); }
INLINE ivec ivec_shift_left(ivec a, int bits) { return _mm512_slli_epi32(a, (unsigned)bits); }
INLINE ivec ivec_shift_right(ivec a, int bits) { return _mm512_srli_epi32(a, (unsigned)bits); }
INLINE mask ivec_at_least(ivec a, ivec b) { return _mm512_cmp_epu32_mask(a, b, _MM_CMPINT_NLT); }
INLINE ivec ivec_select(mask m, ivec a, ivec b) { return _mm512_mask_blend_epi32(m, b, a); }

INLINE __m256i load_words(const uint16_t *p, int64_t count)
{
    return count >= LANES ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                          : _mm256_maskz_loadu_epi16(part_of(count), p);
}
INLINE vec vec_of_half(const uint16_t *p, int64_t count) { return _mm512_cvtph_ps(load_words(p, count)); }
INLINE vec vec_of_bfloat(const uint16_t *p, int64_t count)
{
    return ivec_as_floats(ivec_shift_left(_mm512_cvtepu16_epi32(load_words(p, count)), 16));
}
INLINE vec vec_of_bytes(const int8_t *p, int64_t count)
{
    __m128i bytes =
        count >= LANES ? _mm_loadu_si128((const __m128i *)(const void *)p) : _mm_maskz_loadu_epi8(part_of(count), p);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

INLINE wide wide_of(vec a)
{
    return (wide){_mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1))};
}
INLINE wide wide_fma(wide a, wide b, wide c)
{
    return (wide){_mm512_fmadd_pd(a.low, b.low, c.low), _mm512_fmadd_pd(a.high, b.high, c.high)};
}
INLINE double wide_sum(wide sum)
{
    __m512d both = _mm512_add_pd(sum.low, sum.high);
    __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(both), _mm512_extractf64x4_pd(both, 1));
    __m128d quarter = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_add_sd(quarter, _mm_unpackhi_pd(quarter, quarter)));
}

/* First the 4 x 4 blocks inside the 128-bit quarters, then the quarters themselves. */
INLINE void vec_transpose(vec row[LANES])
{
    vec pair[LANES];
    UNROLLED for (int r = 0; r < LANES; r += 2)
    {
        pair[r] = _mm512_unpacklo_ps(row[r], row[r + 1]);
        pair[r + 1] = _mm512_unpackhi_ps(row[r], row[r + 1]);
    }
    UNROLLED for (int r = 0; r < LANES; r += 4)
    {
        row[r] = _mm512_shuffle_ps(pair[r], pair[r + 2], 0x44);
        row[r + 1] = _mm512_shuffle_ps(pair[r], pair[r + 2], 0xee);
        row[r + 2] = _mm512_shuffle_ps(pair[r + 1], pair[r + 3], 0x44);
        row[r + 3] = _mm512_shuffle_ps(pair[r + 1], pair[r + 3], 0xee);
    }
    UNROLLED for (int c = 0; c < 4; c++)
    {
        vec even_top = _mm512_shuffle_f32x4(row[c], row[c + 4], 0x88);
        vec odd_top = _mm512_shuffle_f32x4(row[c], row[c + 4], 0xdd);
        vec even_bottom = _mm512_shuffle_f32x4(row[c + 8], row[c + 12], 0x88);
        vec odd_bottom = _mm512_shuffle_f32x4(row[c + 8], row[c + 12], 0xdd);
        row[c] = _mm512_shuffle_f32x4(even_top, even_bottom, 0x88);
        row[c + 8] = _mm512_shuffle_f32x4(even_top, even_bottom, 0xdd);
        row[c + 4] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0x88);
        row[c + 12] = _mm512_shuffle_f32x4(odd_top, odd_bottom, 0xdd);
    }
}

#endif
