/* The growing side of the table of keys; see the header. */
#include "bags/table.h"

#include "base/memory.h"

#include <string.h>

#define LEAST_BITS 6

void ec_bag_table_init(struct ec_bag_table *table) { memset(table, 0, sizeof *table); }

void ec_bag_table_clear(struct ec_bag_table *table)
{
    ec_free(table->slots);
    ec_bag_table_init(table);
}

static void place(struct ec_bag_table *table, uint64_t key, int64_t number)
{
    uint64_t numbers = ((uint64_t)1 << table->bits) - 1;
    uint64_t at = key >> (64 - table->bits);
    while (table->slots[at]) {
        at = (at + 1) & numbers;
    }
    table->slots[at] = key << table->bits | (uint64_t)(number + 1);
}

ec_status ec_bag_table_reserve(struct ec_bag_table *table, int64_t count, const uint64_t *keys)
{
    int bits = table->bits ? table->bits : LEAST_BITS;
    if (count >= INT32_MAX / 2) {
        return EC_TOO_LARGE;
    }
    while ((int64_t)1 << bits < 2 * count) {
        bits++;
    }
    if (bits == table->bits) {
        return EC_OK;
    }
    uint64_t *slots = ec_alloc_scattered((int64_t)1 << bits, sizeof *slots);
    if (!slots) {
        return EC_NO_MEMORY;
    }
    memset(slots, 0, sizeof *slots << bits);
    ec_free(table->slots);
    table->slots = slots;
    table->bits = bits;
    for (int64_t number = 0; number < table->count; number++) {
        place(table, keys[number], number);
    }
    return EC_OK;
}

void ec_bag_table_put(struct ec_bag_table *table, uint64_t key) { place(table, key, table->count++); }
