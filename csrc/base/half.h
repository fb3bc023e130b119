/* float32 -> float16 (IEEE 754 binary16), rounded to nearest, ties to even. */
#ifndef EC_BASE_HALF_H
#define EC_BASE_HALF_H

#include <stdint.h>
#include <string.h>

/* From here on a float32 rounds to infinity. */
#define EC_HALF_OVERFLOW 65520.0f

static inline uint16_t ec_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits >= 0x47800000u) { /* 65536 and above; nan stays nan */
        return (uint16_t)(sign | (bits > 0x7f800000u ? 0x7e00u : 0x7c00u));
    }
    if (bits < 0x38800000u) { /* subnormal: adding 0.5 lets the addition round at the right place */
        float shifted;
        memcpy(&shifted, &bits, sizeof shifted);
        shifted += 0.5f;
        memcpy(&bits, &shifted, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    bits += 0xc8000fffu + (bits >> 13 & 1); /* rebias, and half a unit minus one, plus the last bit kept */
    return (uint16_t)(sign | bits >> 13);
}

#endif
