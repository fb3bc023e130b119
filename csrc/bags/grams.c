/* Counts n-grams of characters; see the header. */
#include "bags/grams.h"

#include "base/memory.h"

void ec_bag_grams_clear(struct ec_bag_grams *grams)
{
    ec_bag_table_clear(&grams->table);
    ec_free(grams->keys);
    ec_free(grams->counts);
    ec_free(grams->bytes);
    ec_free(grams->ends);
}

static ec_status reserve_grams(struct ec_bag_grams *grams, int64_t bytes)
{
    int64_t count = grams->table.count;
    if (count == grams->capacity) {
        int64_t capacity = count ? 2 * count : 1024;
        uint64_t *keys = ec_grow_array(grams->keys, count, capacity, sizeof *keys);
        grams->keys = keys ? keys : grams->keys;
        int64_t *counts = ec_grow_array(grams->counts, count, capacity, sizeof *counts);
        grams->counts = counts ? counts : grams->counts;
        int64_t *ends = ec_grow_array(grams->ends, count, capacity, sizeof *ends);
        grams->ends = ends ? ends : grams->ends;
        if (!keys || !counts || !ends) {
            return EC_NO_MEMORY;
        }
        ec_status status = ec_bag_table_reserve(&grams->table, capacity, grams->keys);
        if (status) {
            return status;
        }
        grams->capacity = capacity;
    }
    int64_t used = count ? grams->ends[count - 1] : 0;
    if (used + bytes > grams->bytes_capacity) {
        uint8_t *grown = ec_grow_array(grams->bytes, used, 2 * (used + bytes), 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        grams->bytes = grown;
        grams->bytes_capacity = 2 * (used + bytes);
    }
    return EC_OK;
}

ec_status ec_bag_grams_count(struct ec_bag_grams *grams, const uint8_t *gram, int64_t length, int64_t count,
                             int32_t *number)
{
    uint64_t key = ec_bag_gram_key(gram, length);
    *number = ec_bag_table_find(&grams->table, key);
    if (*number < 0) {
        ec_status status = reserve_grams(grams, length);
        if (status) {
            return status;
        }
        *number = (int32_t)grams->table.count;
        int64_t used = *number ? grams->ends[*number - 1] : 0;
        ec_bag_table_put(&grams->table, key);
        grams->keys[*number] = key;
        grams->counts[*number] = 0;
        grams->ends[*number] = used + length;
        ec_copy(grams->bytes + used, gram, (size_t)length);
    }
    grams->counts[*number] += count;
    return EC_OK;
}
