/* Hash and UTF-8 of words. Words have 7 bytes on average and most are ASCII: 8 bytes at a time settle both. */
#include "vectors/word.h"

#include "vectors/number.h"

#include <string.h>

/* Multiply and fold, 8 bytes a turn; the finaliser is that of MurmurHash3 (Appleby, public domain). */
uint64_t ec_word_hash(const char *word, int64_t bytes)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ (uint64_t)bytes;
    for (; bytes >= 8; word += 8, bytes -= 8) {
        hash = (hash ^ ec_load_u64(word)) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
    }
    uint64_t tail = 0;
    for (int64_t i = 0; i < bytes; i++) {
        tail |= (uint64_t)(unsigned char)word[i] << (8 * i);
    }
    hash = (hash ^ tail) * 0xff51afd7ed558ccdu;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 33);
}

/* Reads one sequence: its length if valid, else minus the length of the part that a decoder replaces by one U+FFFD
 * ("maximal subpart", The Unicode Standard 3.9). */
static int64_t sequence(const unsigned char *p, int64_t bytes)
{
    unsigned char lead = p[0], low = 0x80, high = 0xbf;
    int64_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : 4;
    if (length == 1) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return -1;
    }
    low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : low;   /* overlong */
    high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : high; /* surrogates; beyond U+10FFFF */
    for (int64_t i = 1; i < length; i++, low = 0x80, high = 0xbf) {
        if (i >= bytes || p[i] < low || p[i] > high) {
            return -i;
        }
    }
    return length;
}

int64_t ec_utf8_valid_bytes(const char *word, int64_t bytes)
{
    int64_t at = 0;
    while (at < bytes) {
        if (bytes - at >= 8 && !(ec_load_u64(word + at) & 0x8080808080808080u)) {
            at += 8;
            continue;
        }
        int64_t length = sequence((const unsigned char *)word + at, bytes - at);
        if (length < 0) {
            return at;
        }
        at += length;
    }
    return at;
}

int64_t ec_utf8_repair(char *out, const char *word, int64_t bytes, enum ec_unicode_errors errors)
{
    int64_t written = 0;
    for (int64_t at = 0; at < bytes;) {
        int64_t length = sequence((const unsigned char *)word + at, bytes - at);
        if (length > 0) {
            memmove(out + written, word + at, (size_t)length);
            written += length;
            at += length;
            continue;
        }
        if (errors == EC_UNICODE_REPLACE) {
            memcpy(out + written, "\xef\xbf\xbd", 3);
            written += 3;
        }
        at -= length;
    }
    return written;
}
