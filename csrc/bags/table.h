/* 64-bit keys → numbers: a table of eight-byte slots, eight to a cache line, as a lookup is one miss and little else.
 *
 * A slot's place is the key's upper bits, so that the slot needs only the lower ones and has room for the number. */
#ifndef EC_BAGS_TABLE_H
#define EC_BAGS_TABLE_H

#include "base/status.h"

#include <stdint.h>

struct ec_bag_table {
    uint64_t *slots; /* the key's lower 64 - bits bits, then number + 1; 0: empty */
    int bits;        /* log2 of the slots, at most half of which are used */
    int64_t count;
};

void ec_bag_table_init(struct ec_bag_table *table);
void ec_bag_table_clear(struct ec_bag_table *table);
/* Room for `count` keys; keys[number] of those that it holds, which are 0 to table->count - 1. */
ec_status ec_bag_table_reserve(struct ec_bag_table *table, int64_t count, const uint64_t *keys);
/* Adds a key that it does not hold, as number table->count; there is room. */
void ec_bag_table_put(struct ec_bag_table *table, uint64_t key);

/* The number of the key, or -1. */
static inline int32_t ec_bag_table_find(const struct ec_bag_table *table, uint64_t key)
{
    uint64_t numbers = ((uint64_t)1 << table->bits) - 1;
    uint64_t wanted = key << table->bits;
    for (uint64_t place = key >> (64 - table->bits);; place = (place + 1) & numbers) {
        uint64_t slot = table->slots[place];
        if (!slot) {
            return -1;
        }
        if ((slot ^ wanted) <= numbers) {
            return (int32_t)(slot & numbers) - 1;
        }
    }
}

/* Asks for the cache line where the key would be. */
static inline void ec_bag_table_prefetch(const struct ec_bag_table *table, uint64_t key)
{
    __builtin_prefetch(&table->slots[key >> (64 - table->bits)]);
}

#endif
