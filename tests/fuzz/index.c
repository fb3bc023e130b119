/* Lookups in an index whose arrays hold anything, as in a damaged cache file; UTF-8 repair; checksums. */
#include "vectors/index.h"
#include "vectors/checksum.h"
#include "vectors/word.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t slots[16] = {0};
    int64_t offsets[9] = {0};
    if (size < 160) {
        return 0;
    }
    memcpy(slots, data, sizeof slots);
    for (int i = 0; i < 9; i++) {
        offsets[i] = (int8_t)data[128 + i];
    }
    int64_t bytes = (int64_t)size - 137;
    char *blob = malloc((size_t)bytes), *repaired = malloc((size_t)bytes * 3);
    memcpy(blob, data + 137, (size_t)bytes);
    struct ec_word_index index = {slots, 16, offsets, 8, blob, bytes};
    for (int64_t length = 0; length <= bytes && length < 16; length++) {
        uint64_t hash = ec_word_hash(blob, length);
        slots[hash & 15] = (hash >> 32 << 32) | (slots[hash & 15] & 0xf);
        int64_t number = ec_word_index_find(&index, blob, length, hash);
        if (number >= 8) {
            abort();
        }
    }
    for (int errors = EC_UNICODE_IGNORE; errors <= EC_UNICODE_REPLACE; errors++) {
        int64_t written = ec_utf8_repair(repaired, blob, bytes, (enum ec_unicode_errors)errors);
        if (written > 3 * bytes || ec_utf8_valid_bytes(repaired, written) != written) {
            abort();
        }
    }
    ec_checksum(blob, bytes);
    free(blob);
    free(repaired);
    return 0;
}
