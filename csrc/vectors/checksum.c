/* XXH64 with seed 0: four lanes of multiply and rotate, 32 bytes a turn. */
#include "vectors/checksum.h"

#include "vectors/number.h"

#define PRIME1 0x9e3779b185ebca87u
#define PRIME2 0xc2b2ae3d27d4eb4fu
#define PRIME3 0x165667b19e3779f9u
#define PRIME4 0x85ebca77c2b2ae63u
#define PRIME5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static uint64_t turn(uint64_t lane, uint64_t word) { return rotate(lane + word * PRIME2, 31) * PRIME1; }

static uint64_t finish(uint64_t hash, const char *p, int64_t left)
{
    for (; left >= 8; p += 8, left -= 8) {
        hash = rotate(hash ^ turn(0, ec_load_u64(p)), 27) * PRIME1 + PRIME4;
    }
    if (left >= 4) {
        uint64_t word = 0;
        for (int i = 0; i < 4; i++) {
            word |= (uint64_t)(unsigned char)p[i] << (8 * i);
        }
        hash = rotate(hash ^ word * PRIME1, 23) * PRIME2 + PRIME3;
        p += 4;
        left -= 4;
    }
    for (; left > 0; p++, left--) {
        hash = rotate(hash ^ (unsigned char)*p * PRIME5, 11) * PRIME1;
    }
    hash = (hash ^ hash >> 33) * PRIME2;
    hash = (hash ^ hash >> 29) * PRIME3;
    return hash ^ hash >> 32;
}

uint64_t ec_checksum(const void *data, int64_t bytes)
{
    const char *p = data;
    int64_t left = bytes;
    uint64_t hash = PRIME5;
    if (bytes >= 32) {
        uint64_t a = PRIME1 + PRIME2, b = PRIME2, c = 0, d = 0 - PRIME1;
        for (; left >= 32; p += 32, left -= 32) {
            a = turn(a, ec_load_u64(p));
            b = turn(b, ec_load_u64(p + 8));
            c = turn(c, ec_load_u64(p + 16));
            d = turn(d, ec_load_u64(p + 24));
        }
        hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        uint64_t lanes[4] = {a, b, c, d};
        for (int i = 0; i < 4; i++) {
            hash = (hash ^ turn(0, lanes[i])) * PRIME1 + PRIME4;
        }
    }
    return finish(hash + (uint64_t)bytes, p, left);
}
