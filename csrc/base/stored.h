/* Numbers of tables that are kept in fewer bits than they are computed with: float16 (IEEE 754 binary16), bfloat16 (the
 * upper half of a float32) and int8 (times a scale for each row), one number at a time, without branches, so that
 * compilers make vectors of loops over them. */
#ifndef EC_BASE_STORED_H
#define EC_BASE_STORED_H

#include <stdint.h>
#include <string.h>

/* In what the rows of a table are kept, in the order of their names in csrc/python. */
enum ec_storage {
    EC_FLOAT32,
    EC_FLOAT16,
    EC_BFLOAT16,
    EC_INT8
};

/* From here on a float32 rounds to infinity in float16. */
#define EC_HALF_OVERFLOW 65520.0f

static inline uint32_t ec_bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float ec_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float ec_of_bfloat(uint16_t bfloat) { return ec_of_bits((uint32_t)bfloat << 16); }

/* Exponent and fraction move into place, and a product moves the bias, subnormal numbers too. */
static inline float ec_of_half(uint16_t half)
{
    float size = ec_of_bits((uint32_t)(half & 0x7fffu) << 13) * 0x1p112f;
    uint32_t bits = ec_bits_of(size) | (size >= 65536.0f ? 0x7f800000u : 0u); /* infinity and NaN */
    return ec_of_bits(bits | (uint32_t)(half & 0x8000u) << 16);
}

/* The upper 16 bits, `part` of 2^16 added to what is cut off; infinity and NaN stay. */
static inline uint16_t ec_bfloat_of(float value, uint32_t part)
{
    uint32_t bits = ec_bits_of(value), size = bits & 0x7fffffffu;
    uint32_t is_nan = 0u - (uint32_t)(size > 0x7f800000u), is_finite = 0u - (uint32_t)(size < 0x7f800000u);
    uint32_t rounded = (size + (part & is_finite)) >> 16 | (0x40u & is_nan);
    return (uint16_t)((bits & 0x80000000u) >> 16 | rounded);
}

static inline uint16_t ec_nearest_bfloat(float value)
{
    return ec_bfloat_of(value, 0x7fffu + (ec_bits_of(value) >> 16 & 1));
}

/* Up with the probability of what is cut off. Chance alone makes nothing infinite. */
static inline uint16_t ec_random_bfloat(float value, uint32_t random)
{
    uint32_t rounded = ec_bfloat_of(value, random >> 16);
    uint32_t is_infinite = (uint32_t)((rounded & 0x7fffu) == 0x7f80u);
    uint32_t was_finite = (uint32_t)((ec_bits_of(value) & 0x7fffffffu) < 0x7f800000u);
    return (uint16_t)(rounded - (is_infinite & was_finite));
}

/* The half at or next to the value: `part` of 2^13 is added to what is cut off; of subnormal numbers the share that is
 * cut off must be above `least`. */
static inline uint16_t ec_half_of(float value, uint32_t part, float least)
{
    uint32_t bits = ec_bits_of(value), size = bits & 0x7fffffffu;
    uint32_t is_small = 0u - (uint32_t)(size < 0x38800000u), is_large = 0u - (uint32_t)(size >= 0x477fe000u);
    float scaled = ec_of_bits(size & is_small) * 0x1p24f; /* below 2^-14: whole numbers of 2^-24 */
    int32_t whole = (int32_t)scaled;
    uint32_t small = (uint32_t)whole + (uint32_t)(least < scaled - (float)whole);
    uint32_t usual = (((size + part) & ~0x1fffu) - 0x38000000u) >> 13;
    uint32_t large = 0x7bffu + (uint32_t)(size >= 0x477ff000u) + ((uint32_t)(size > 0x7f800000u) << 9); /* 65504 on */
    uint32_t half = (small & is_small) | (large & is_large) | (usual & ~(is_small | is_large));
    return (uint16_t)((bits >> 16 & 0x8000u) | half);
}

static inline uint16_t ec_random_half(float value, uint32_t random)
{
    return ec_half_of(value, random >> 19, (float)(int32_t)(random >> 8) * 0x1p-24f);
}

/* Ties to even: those of subnormal numbers by an addition of 0.5, which rounds at the right place. */
static inline uint16_t ec_nearest_half(float value)
{
    uint32_t bits = ec_bits_of(value), size = bits & 0x7fffffffu;
    uint32_t is_small = 0u - (uint32_t)(size < 0x38800000u), is_large = 0u - (uint32_t)(size >= 0x477ff000u);
    uint32_t small = ec_bits_of(ec_of_bits(size & is_small) + 0.5f) - 0x3f000000u;
    uint32_t usual = (size + 0xc8000fffu + (size >> 13 & 1)) >> 13;
    uint32_t large = 0x7c00u + ((uint32_t)(size > 0x7f800000u) << 9);
    uint32_t half = (small & is_small) | (large & is_large) | (usual & ~(is_small | is_large));
    return (uint16_t)((bits >> 16 & 0x8000u) | half);
}

#endif
