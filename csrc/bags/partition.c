/* Memory of a partition; see the header. What it counts is in census.c. */
#include "bags/partition.h"

#include "base/memory.h"
#include "base/range.h"

void ec_bag_partition_clear(struct ec_bag_partition *partition)
{
    ec_bag_table_clear(&partition->table);
    ec_free(partition->keys);
    ec_free(partition->counts);
    ec_free(partition->firsts);
    ec_free(partition->words);
    ec_free(partition->bytes);
    ec_free(partition->ends);
}

ec_status ec_bag_partition_reserve(struct ec_bag_partition *partition, int length, int64_t bytes)
{
    int64_t count = partition->table.count;
    if (count == partition->capacity) {
        int64_t capacity = count ? 2 * count : 64;
        uint64_t *keys = ec_grow_array(partition->keys, count, capacity, sizeof *keys);
        partition->keys = keys ? keys : partition->keys;
        int64_t *counts = ec_grow_array(partition->counts, count, capacity, sizeof *counts);
        partition->counts = counts ? counts : partition->counts;
        int64_t *firsts = ec_grow_array(partition->firsts, count, capacity, sizeof *firsts);
        partition->firsts = firsts ? firsts : partition->firsts;
        int32_t *words = ec_grow_array(partition->words, length * count, length * capacity, sizeof *words);
        partition->words = words ? words : partition->words;
        int64_t *ends =
            ec_grow_array(partition->ends, length == 1 ? count : 0, length == 1 ? capacity : 0, sizeof *ends);
        partition->ends = ends ? ends : partition->ends;
        if (!keys || !counts || !firsts || !words || !ends) {
            return EC_NO_MEMORY;
        }
        ec_status status = capacity < INT32_MAX / EC_BAG_PARTITIONS
                               ? ec_bag_table_reserve(&partition->table, capacity, partition->keys)
                               : EC_TOO_LARGE;
        if (status) {
            return status;
        }
        partition->capacity = capacity;
    }
    int64_t used = length == 1 && count ? partition->ends[count - 1] : 0;
    if (length == 1 && used + bytes > partition->bytes_capacity) {
        uint8_t *grown = ec_grow_array(partition->bytes, used, 2 * (used + bytes), 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        partition->bytes = grown;
        partition->bytes_capacity = 2 * (used + bytes);
    }
    return EC_OK;
}
