/* fastText's dictionary entries and n-grams. */
#include "vectors/fasttext.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    struct ec_subwords subwords = {data[0] % 8, data[1] % 16, 1 + data[2], 5};
    int64_t bytes = (int64_t)size - 4, word_bytes = 0;
    char *copy = malloc((size_t)bytes + 1);
    int8_t type;
    memcpy(copy, data + 4, (size_t)bytes);
    for (int64_t at = 0, used; (used = ec_fasttext_entry(copy + at, bytes - at, &word_bytes, &type)) > 0; at += used) {
        struct ec_subword_room room = {0};
        int64_t count = ec_fasttext_subwords(&room, &subwords, copy + at, word_bytes);
        for (int64_t i = 0; i < count; i++) {
            if (room.buckets[i] < 0 || room.buckets[i] >= subwords.buckets) {
                abort();
            }
        }
        ec_subword_room_clear(&room);
    }
    free(copy);
    return 0;
}
