/* The vector vocabulary in NEON of 64-bit ARM: 4 lanes, 32 registers. There are no masked loads: a part goes through a
 * small array. simd/scalar.h says what each operation means. */
#ifndef EC_KERNELS_SIMD_H
#define EC_KERNELS_SIMD_H

#include "kernels/simd/keywords.h"

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define ISA_NAME "neon"
#define LANES 4
#define GEMM_ROWS 8 /* 24 sums, 3 of b, up to 4 of a: 31 of 32 registers */
#define GEMM_VECTORS 3
#define SUM_VECTORS 20
#define WINDOW_VECTORS 8 /* three registers each */
#define DEPTHWISE_ROWS 4 /* 8 sums, 9 weights, 1 pixel */

typedef float32x4_t vec;
typedef uint32x4_t ivec;
typedef uint32x4_t mask;
typedef int part;
typedef struct {
    float64x2_t low, high;
} wide;

INLINE part part_of(int64_t count) { return (part)count; }
INLINE vec vec_load(const float *p) { return vld1q_f32(p); }
INLINE void vec_store(float *p, vec a) { vst1q_f32(p, a); }
INLINE vec vec_load_part(const float *p, part first)
{
    float lane[LANES] = {0};
    memcpy(lane, p, (size_t)first * sizeof *p);
    return vld1q_f32(lane);
}
INLINE void vec_store_part(float *p, part first, vec a)
{
    float lane[LANES];
    vst1q_f32(lane, a);
    memcpy(p, lane, (size_t)first * sizeof *p);
}
INLINE vec vec_set(float value) { return vdupq_n_f32(value); }

INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
INLINE vec vec_sqrt(vec a) { return vsqrtq_f32(a); }
INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
/* Not vminq and vmaxq, which return NaN where either operand is NaN. */
INLINE vec vec_min(vec a, vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE vec vec_max(vec a, vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE vec vec_abs(vec a) { return vabsq_f32(a); }

INLINE mask vec_less(vec a, vec b) { return vcltq_f32(a, b); }
INLINE mask vec_beats(vec a, vec b) { return vbicq_u32(vceqq_f32(b, b), vcleq_f32(a, b)); }
INLINE vec vec_select(mask m, vec a, vec b) { return vbslq_f32(m, a, b); }

INLINE ivec vec_bits(vec a) { return vreinterpretq_u32_f32(a); }
INLINE vec ivec_as_floats(ivec a) { return vreinterpretq_f32_u32(a); }
INLINE ivec ivec_set(uint32_t value) { return vdupq_n_u32(value); }
INLINE ivec ivec_count_up(void)
{
    static const uint32_t first[LANES] = {0, 1, 2, 3};
    return vld1q_u32(first);
}
INLINE ivec ivec_add(ivec a, ivec b) { return vaddq_u32(a, b); }
INLINE ivec ivec_sub(ivec a, ivec b) { return vsubq_u32(a, b); }
INLINE ivec ivec_mul(ivec a, ivec b) { return vmulq_u32(a, b); }
INLINE ivec ivec_xor(ivec a, ivec b) { return veorq_u32(a, b); }
INLINE ivec ivec_shift_left(ivec a, int bits) { return vshlq_u32(a, vdupq_n_s32(bits)); }
INLINE ivec ivec_shift_right(ivec a, int bits) { return vshlq_u32(a, vdupq_n_s32(-bits)); }
INLINE mask ivec_at_least(ivec a, ivec b) { return vcgeq_u32(a, b); }
INLINE ivec ivec_select(mask m, ivec a, ivec b) { return vbslq_u32(m, a, b); }

INLINE uint16x4_t load_words(const uint16_t *p, int64_t count)
{
    uint16_t lane[LANES] = {0};
    if (count >= LANES) {
        return vld1_u16(p);
    }
    memcpy(lane, p, (size_t)count * sizeof *p);
    return vld1_u16(lane);
}
INLINE vec vec_of_half(const uint16_t *p, int64_t count)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(load_words(p, count)));
}
INLINE vec vec_of_bfloat(const uint16_t *p, int64_t count)
{
    return vreinterpretq_f32_u32(vshll_n_u16(load_words(p, count), 16));
}
INLINE vec vec_of_bytes(const int8_t *p, int64_t count)
{
    int8_t lane[8] = {0};
    memcpy(lane, p, count >= LANES ? LANES : (size_t)count);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(lane)))));
}

INLINE wide wide_of(vec a) { return (wide){vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a)}; }
INLINE wide wide_fma(wide a, wide b, wide c)
{
    return (wide){vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high)};
}
INLINE double wide_sum(wide sum)
{
    float64x2_t both = vaddq_f64(sum.low, sum.high);
    return vgetq_lane_f64(both, 0) + vgetq_lane_f64(both, 1);
}

INLINE void vec_transpose(vec row[LANES])
{
    float32x4x2_t top = vtrnq_f32(row[0], row[1]), bottom = vtrnq_f32(row[2], row[3]);
    row[0] = vcombine_f32(vget_low_f32(top.val[0]), vget_low_f32(bottom.val[0]));
    row[1] = vcombine_f32(vget_low_f32(top.val[1]), vget_low_f32(bottom.val[1]));
    row[2] = vcombine_f32(vget_high_f32(top.val[0]), vget_high_f32(bottom.val[0]));
    row[3] = vcombine_f32(vget_high_f32(top.val[1]), vget_high_f32(bottom.val[1]));
}

#endif
