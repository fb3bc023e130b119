/* The vector vocabulary in plain C, one lane: the fallback of every machine, and the specification of the others.
 *
 * A vocabulary is a set of types and inline functions of the same names, and the sizes of register tiles. vec holds
 * LANES floats, ivec LANES unsigned 32-bit integers (which wrap), mask the outcome of a comparison per lane, part the
 * first `count` lanes of a vector (0 to LANES), wide LANES values in double. */
#ifndef EC_KERNELS_SIMD_H
#define EC_KERNELS_SIMD_H

#include "base/stored.h"
#include "kernels/simd/keywords.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ISA_NAME "scalar"
#define LANES 1
#define GEMM_ROWS 4      /* rows of the register tile of a matrix product */
#define GEMM_VECTORS 4   /* vectors in each of its rows */
#define SUM_VECTORS 8    /* vectors that weighted_sum keeps in registers */
#define WINDOW_VECTORS 4 /* vectors of filters that window_max keeps: sum, best and best_at of each */
#define DEPTHWISE_ROWS 2 /* rows of 3 x 3 windows at a time: 4 sums, 9 weights */

typedef float vec;
typedef uint32_t ivec;
typedef int mask;
typedef int part;
typedef double wide;

INLINE part part_of(int64_t count) { return (part)count; }
/* Rows of a mapped file may begin at any byte. */
INLINE vec vec_load(const float *p)
{
    vec a;
    memcpy(&a, p, sizeof a);
    return a;
}
INLINE void vec_store(float *p, vec a) { *p = a; }
/* Reads only the lanes of `first`; the others are 0. */
INLINE vec vec_load_part(const float *p, part first) { return first ? vec_load(p) : 0.0f; }
/* Writes only the lanes of `first`. */
INLINE void vec_store_part(float *p, part first, vec a)
{
    if (first) {
        *p = a;
    }
}
INLINE vec vec_set(float value) { return value; }

INLINE vec vec_add(vec a, vec b) { return a + b; }
INLINE vec vec_sub(vec a, vec b) { return a - b; }
INLINE vec vec_mul(vec a, vec b) { return a * b; }
INLINE vec vec_div(vec a, vec b) { return a / b; }
INLINE vec vec_sqrt(vec a) { return sqrtf(a); }
/* a * b + c, rounded once where the instruction set can. Here not: without hardware, fmaf is a slow library call. */
INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }
/* c - a * b */
INLINE vec vec_fnma(vec a, vec b, vec c) { return c - a * b; }
/* Both return b where either is NaN: write the value that may be NaN second. */
INLINE vec vec_min(vec a, vec b) { return a < b ? a : b; }
INLINE vec vec_max(vec a, vec b) { return a > b ? a : b; }
INLINE vec vec_abs(vec a) { return fabsf(a); }

INLINE mask vec_less(vec a, vec b) { return a < b; }
/* The order of maxima: a > b, or a is NaN and b is not. */
INLINE mask vec_beats(vec a, vec b) { return !(a <= b) && b == b; }
/* a where m holds, else b */
INLINE vec vec_select(mask m, vec a, vec b) { return m ? a : b; }

INLINE ivec vec_bits(vec a)
{
    ivec bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}
INLINE vec ivec_as_floats(ivec a)
{
    vec value;
    memcpy(&value, &a, sizeof value);
    return value;
}
INLINE ivec ivec_set(uint32_t value) { return value; }
INLINE ivec ivec_count_up(void) { return 0; } /* 0, 1, ... LANES - 1 */
INLINE ivec ivec_add(ivec a, ivec b) { return a + b; }
INLINE ivec ivec_sub(ivec a, ivec b) { return a - b; }
INLINE ivec ivec_mul(ivec a, ivec b) { return a * b; }
INLINE ivec ivec_xor(ivec a, ivec b) { return a ^ b; }
INLINE ivec ivec_shift_left(ivec a, int bits) { return a << bits; }
INLINE ivec ivec_shift_right(ivec a, int bits) { return a >> bits; }
INLINE mask ivec_at_least(ivec a, ivec b) { return a >= b; }
INLINE ivec ivec_select(mask m, ivec a, ivec b) { return m ? a : b; }

/* The first `count` of LANES numbers as base/stored.h keeps them, as floats; the other lanes are 0, and nothing is read
 * of them. */
INLINE vec vec_of_half(const uint16_t *p, int64_t count) { return count > 0 ? ec_of_half(*p) : 0.0f; }
INLINE vec vec_of_bfloat(const uint16_t *p, int64_t count) { return count > 0 ? ec_of_bfloat(*p) : 0.0f; }
INLINE vec vec_of_bytes(const int8_t *p, int64_t count) { return count > 0 ? (float)*p : 0.0f; }

/* The same lanes in double, and a * b + c there. */
INLINE wide wide_of(vec a) { return a; }
INLINE wide wide_fma(wide a, wide b, wide c) { return a * b + c; }
/* The sum of all lanes, in a fixed order. */
INLINE double wide_sum(wide sum) { return sum; }

/* Exchanges rows and lanes of a LANES x LANES block. */
INLINE void vec_transpose(vec row[LANES]) { (void)row; }

#endif
