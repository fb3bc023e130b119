/* Code points in and out of UTF-8. The bytes come from Python's own encoder (with "surrogatepass", so a lone surrogate
 * is three bytes like any other code point of its size) and are trusted: nothing is checked here. */
#ifndef EC_TEXT_UTF8_H
#define EC_TEXT_UTF8_H

#include <stdint.h>

/* Bytes of the code point that starts with `lead`. */
static inline int ec_utf8_length(uint8_t lead) { return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4; }

/* The code point at `at`, which has ec_utf8_length(*at) bytes. */
static inline uint32_t ec_utf8_decode(const uint8_t *at)
{
    uint32_t lead = at[0];
    if (lead < 0x80) {
        return lead;
    }
    if (lead < 0xe0) {
        return (lead & 0x1f) << 6 | (at[1] & 0x3fu);
    }
    if (lead < 0xf0) {
        return (lead & 0x0f) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
    }
    return (lead & 0x07) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
}

/* Writes a code point and returns how many bytes (1 to 4) it took. */
int ec_utf8_encode(uint32_t point, uint8_t *out);

#endif
