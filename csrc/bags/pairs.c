/* Sorting and counting the ids of a document; see the header. Assumes some hundreds of ids of up to 24 bits. */
#include "bags/pairs.h"

#define FEW 48 /* ids that insertion sorts faster than passes over digits */

static void insert(int32_t *ids, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        int32_t id = ids[i];
        int64_t j = i;
        for (; j && ids[j - 1] > id; j--) {
            ids[j] = ids[j - 1];
        }
        ids[j] = id;
    }
}

int32_t *ec_bag_sort(int32_t *ids, int32_t *spare, int64_t count)
{
    if (count <= FEW) {
        insert(ids, count);
        return ids;
    }
    uint32_t varying = 0;
    for (int64_t i = 0; i < count; i++) {
        varying |= (uint32_t)(ids[i] ^ ids[0]);
    }
    for (int shift = 0; shift < 32; shift += 8) { /* least significant digit first */
        if (!(varying >> shift & 0xff)) {
            continue;
        }
        int64_t next[256] = {0};
        int64_t sum = 0;
        for (int64_t i = 0; i < count; i++) {
            next[ids[i] >> shift & 0xff]++;
        }
        for (int digit = 0; digit < 256; digit++) {
            int64_t here = next[digit];
            next[digit] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) {
            spare[next[ids[i] >> shift & 0xff]++] = ids[i];
        }
        int32_t *swap = ids;
        ids = spare;
        spare = swap;
    }
    return ids;
}

int64_t ec_bag_merge(int32_t *ids, float *counts, const int32_t *sorted, int64_t count)
{
    int64_t made = 0;
    for (int64_t i = 0; i < count;) {
        int64_t begin = i;
        int32_t id = sorted[i];
        while (i < count && sorted[i] == id) {
            i++;
        }
        ids[made] = id;
        counts[made++] = (float)(i - begin);
    }
    return made;
}
