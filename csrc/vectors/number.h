/* Decimal text -> float32, correctly rounded whatever the locale. First stage of reading a text file of vectors, where
 * nine of ten bytes are numbers such as "-0.44251": one digit, a point, one to seven digits. That form is read here
 * without a branch that depends on the data; everything else goes to number.c. */
#ifndef EC_VECTORS_NUMBER_H
#define EC_VECTORS_NUMBER_H

#include <stdint.h>
#include <string.h>

/* Bytes that must be readable behind the text. What they hold does not matter. */
#define EC_NUMBER_SLACK 16

extern const double ec_number_powers[65]; /* 10^0 ... 10^64, each correctly rounded */

/* [+-] digits [. digits] [e [+-] digits], at least one digit in front of the exponent. Returns the first byte behind
 * the number, or NULL if there is none. Too large for float32: infinity. The text must end in a byte that no number
 * holds. */
const char *ec_number_parse_any(const char *text, float *out);

static inline uint64_t ec_load_u64(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Eight decimal digits (values 0-9, first digit in the lowest byte) -> their number; three multiplications. */
static inline uint32_t ec_eight_digits(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8); /* pairs in bytes 0, 2, 4, 6 */
    uint64_t high = (digits & 0x000000ff000000ffu) * 0x000f424000000064u;
    uint64_t low = ((digits >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u;
    return (uint32_t)((high + low) >> 32);
}

/* Whether a double that is off by at most 8 units in its last place certainly rounds to the same float32 as the exact
 * value: it does unless it lies within 8 units of the middle between two float32 (29 bits are dropped). */
static inline int ec_rounds_safely(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return ((bits + 8 - 0x10000000u) & 0x1fffffffu) > 16;
}

/* ec_number_parse_any with a short cut for the usual form. */
static inline const char *ec_number_parse(const char *text, float *out)
{
    const char *p = text + (*text == '-');
    uint64_t first = (uint64_t)(unsigned char)p[0] - '0';
    uint64_t digits = ec_load_u64(p + 2) ^ 0x3030303030303030u;
    /* The high bit of a byte is set from the first byte on that is no digit; a carry only reaches later bytes. */
    uint64_t others = ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;
    if (first > 9 || p[1] != '.' || !others || (others & 0x80)) {
        return ec_number_parse_any(text, out);
    }
    int count = __builtin_ctzll(others) >> 3; /* 1 ... 7 */
    const char *end = p + 2 + count;
    double power = ec_number_powers[count];
    double value = ((double)first * power + (double)ec_eight_digits(digits << (64 - 8 * count))) / power;
    if ((*end | 0x20) == 'e' || !ec_rounds_safely(value)) {
        return ec_number_parse_any(text, out);
    }
    *out = (float)(*text == '-' ? -value : value);
    return end;
}

#endif
