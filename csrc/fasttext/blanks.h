/* Where tokens end in a line of fastText's: at ' ', \0, \t, \n, \v, \f and \r. 64 bytes become a mask, in plain C that
 * compilers turn into vectors, whose edges are those of the tokens. */
#ifndef EC_FASTTEXT_BLANKS_H
#define EC_FASTTEXT_BLANKS_H

#include "base/memory.h"

#define EC_BLANKS_BLOCK 64

/* Bit i: flags[i], of which each is 0 or 1. */
static inline uint64_t ec_blanks_mask(const uint8_t *flags)
{
    uint64_t mask = 0;
    for (int part = 0; part < EC_BLANKS_BLOCK; part += 8) {
        uint64_t eight;
        memcpy(&eight, flags + part, sizeof eight);
        mask |= eight * 0x0102040810204080u >> 56 << part; /* the first byte becomes the lowest of the upper 8 bits */
    }
    return mask;
}

/* The blanks among the first 64 of *left bytes; all behind these is blank, too. A newline, unless it is a blank as any
 * other (`continues`), ends the line: *left becomes what is in front of it. */
static inline uint64_t ec_blanks_of(const uint8_t *bytes, int64_t *left, int continues)
{
    uint8_t padded[EC_BLANKS_BLOCK] = {0}, flags[EC_BLANKS_BLOCK];
    if (*left < EC_BLANKS_BLOCK) {
        ec_copy(padded, bytes, (size_t)*left);
        bytes = padded;
    }
    for (int i = 0; i < EC_BLANKS_BLOCK; i++) {
        flags[i] = bytes[i] == '\n';
    }
    uint64_t newlines = continues ? 0 : ec_blanks_mask(flags);
    for (int i = 0; i < EC_BLANKS_BLOCK; i++) {
        flags[i] = (bytes[i] == ' ') | (bytes[i] == 0) | ((uint8_t)(bytes[i] - '\t') <= '\r' - '\t');
    }
    uint64_t blanks = ec_blanks_mask(flags);
    if (newlines) {
        *left = __builtin_ctzll(newlines);
        blanks |= ~(uint64_t)0 << *left;
    }
    return blanks;
}

#endif
