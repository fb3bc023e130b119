/* Counter-based random numbers: a value is a function of what it is for (seed, step, layer, example, position, column),
 * not of how many were drawn before, so that neither the number of threads nor padding changes it. */
#ifndef EC_BASE_RANDOM_H
#define EC_BASE_RANDOM_H

#include <stdint.h>

/* Chains a further counter into a key (the finaliser of SplitMix64, Steele, Lea and Flood 2014). */
static inline uint64_t ec_random_key(uint64_t key, uint64_t counter)
{
    uint64_t z = key + 0x9e3779b97f4a7c15u * (counter + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 32 random bits for column `column` under `key`: two rounds of a 32-bit mixing function (xor-shift, multiply), one
 * half of the key before each. Only 32-bit operations, so that 16 columns fit one vector. */
static inline uint32_t ec_random_u32(uint64_t key, uint32_t column)
{
    uint32_t x = column * 0x9e3779b9u ^ (uint32_t)key;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x = (x ^ (x >> 16)) + (uint32_t)(key >> 32);
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

#endif
