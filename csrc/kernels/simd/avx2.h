/* The vector vocabulary in AVX2 with FMA: 8 lanes, 16 registers. A mask is a vector of all-ones and all-zeros lanes.
 * simd/scalar.h says what each operation means. */
#ifndef EC_KERNELS_SIMD_H
#define EC_KERNELS_SIMD_H

#include "kernels/simd/keywords.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define ISA_NAME "avx2"
#define LANES 8
#define GEMM_ROWS 6 /* 12 sums, 2 of b, 1 of a: 15 of 16 registers */
#define GEMM_VECTORS 2
#define SUM_VECTORS 13
#define WINDOW_VECTORS 4 /* three registers each */
#define DEPTHWISE_ROWS 2 /* 4 sums, 9 weights, 1 pixel: 14 of 16 registers */

typedef __m256 vec;
typedef __m256i ivec;
typedef __m256 mask;
typedef __m256i part;
typedef struct {
    __m256d low, high;
} wide;

INLINE part part_of(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vec_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
INLINE vec vec_load_part(const float *p, part first) { return _mm256_maskload_ps(p, first); }
INLINE void vec_store_part(float *p, part first, vec a) { _mm256_maskstore_ps(p, first, a); }
INLINE vec vec_set(float value) { return _mm256_set1_ps(value); }

INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec vec_sqrt(vec a) { return _mm256_sqrt_ps(a); }
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec vec_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }

INLINE mask vec_less(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
INLINE mask vec_beats(vec a, vec b)
{
    return _mm256_and_ps(_mm256_cmp_ps(b, b, _CMP_ORD_Q), _mm256_cmp_ps(a, b, _CMP_NLE_UQ));
}
INLINE vec vec_select(mask m, vec a, vec b) { return _mm256_blendv_ps(b, a, m); }

INLINE ivec vec_bits(vec a) { return _mm256_castps_si256(a); }
INLINE vec ivec_as_floats(ivec a) { return _mm256_castsi256_ps(a); }
INLINE ivec ivec_set(uint32_t value) { return _mm256_set1_epi32((int)value); }
INLINE ivec ivec_count_up(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
INLINE ivec ivec_add(ivec a, ivec b) { return _mm256_add_epi32(a, b); }
INLINE ivec ivec_sub(ivec a, ivec b) { return _mm256_sub_epi32(a, b); }
INLINE ivec ivec_mul(ivec a, ivec b) { return _mm256_mullo_epi32(a, b); }
INLINE ivec ivec_xor(ivec a, ivec b) { return _mm256_xor_si256(a, b); }
INLINE ivec ivec_shift_left(ivec a, int bits) { return _mm256_slli_epi32(a, bits); }
INLINE ivec ivec_shift_right(ivec a, int bits) { return _mm256_srli_epi32(a, bits); }
INLINE mask ivec_at_least(ivec a, ivec b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a)); }
INLINE ivec ivec_select(mask m, ivec a, ivec b)
{
    return vec_bits(vec_select(m, ivec_as_floats(a), ivec_as_floats(b)));
}

/* The first `bytes` of 16, in pieces of a power of two. */
INLINE __m128i load_few(const void *p, int64_t bytes)
{
    char few[16] = {0};
    const char *from = p;
    int64_t at = 0;
    if (bytes >= 16) {
        return _mm_loadu_si128((const __m128i *)p);
    }
    if (bytes & 8) {
        memcpy(few, from, 8);
        at = 8;
    }
    if (bytes & 4) {
        memcpy(few + at, from + at, 4);
        at += 4;
    }
    if (bytes & 2) {
        memcpy(few + at, from + at, 2);
        at += 2;
    }
    if (bytes & 1) {
        few[at] = from[at];
    }
    return _mm_loadu_si128((const __m128i *)(const void *)few);
}
INLINE vec vec_of_half(const uint16_t *p, int64_t count) { return _mm256_cvtph_ps(load_few(p, 2 * count)); }
INLINE vec vec_of_bfloat(const uint16_t *p, int64_t count)
{
    return ivec_as_floats(ivec_shift_left(_mm256_cvtepu16_epi32(load_few(p, 2 * count)), 16));
}
INLINE vec vec_of_bytes(const int8_t *p, int64_t count)
{
    __m128i bytes = count >= LANES ? _mm_loadl_epi64((const __m128i *)(const void *)p) : load_few(p, count);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

INLINE wide wide_of(vec a)
{
    return (wide){_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
}
INLINE wide wide_fma(wide a, wide b, wide c)
{
    return (wide){_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
}
INLINE double wide_sum(wide sum)
{
    __m256d both = _mm256_add_pd(sum.low, sum.high);
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(both), _mm256_extractf128_pd(both, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

/* First the 4 x 4 blocks inside the 128-bit halves, then the halves themselves. */
INLINE void vec_transpose(vec row[LANES])
{
    vec pair[LANES];
    UNROLLED for (int r = 0; r < LANES; r += 2)
    {
        pair[r] = _mm256_unpacklo_ps(row[r], row[r + 1]);
        pair[r + 1] = _mm256_unpackhi_ps(row[r], row[r + 1]);
    }
    UNROLLED for (int r = 0; r < LANES; r += 4)
    {
        row[r] = _mm256_shuffle_ps(pair[r], pair[r + 2], 0x44);
        row[r + 1] = _mm256_shuffle_ps(pair[r], pair[r + 2], 0xee);
        row[r + 2] = _mm256_shuffle_ps(pair[r + 1], pair[r + 3], 0x44);
        row[r + 3] = _mm256_shuffle_ps(pair[r + 1], pair[r + 3], 0xee);
    }
    UNROLLED for (int c = 0; c < 4; c++)
    {
        vec top = row[c], bottom = row[c + 4];
        row[c] = _mm256_permute2f128_ps(top, bottom, 0x20);
        row[c + 4] = _mm256_permute2f128_ps(top, bottom, 0x31);
    }
}

#endif
