/* How a count of items is cut: into blocks of a fixed size, or into parts of nearly equal size. Work is shared out in
 * such ranges (base/threads.h), operands of products are packed in them; all bounds follow from the sizes alone. */
#ifndef EC_BASE_RANGE_H
#define EC_BASE_RANGE_H

#include <stdint.h>

/* The items begin, ..., end - 1. */
struct ec_range {
    int64_t begin, end;
};

static inline int64_t ec_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ec_most(int64_t a, int64_t b) { return a > b ? a : b; }
/* Blocks of `size` that `count` items need, the last one perhaps shorter. */
static inline int64_t ec_ceil_div(int64_t count, int64_t size) { return (count + size - 1) / size; }
/* The smallest multiple of `unit` that is not below `count`. */
static inline int64_t ec_round_up(int64_t count, int64_t unit) { return ec_ceil_div(count, unit) * unit; }

/* The block that begins at `begin`. */
static inline struct ec_range ec_range_from(int64_t begin, int64_t size, int64_t count)
{
    return (struct ec_range){begin, count - begin < size ? count : begin + size};
}

/* Number `part` of `parts` contiguous parts of nearly equal size of `count` items, the larger ones first. */
static inline struct ec_range ec_range_part(int64_t count, int64_t parts, int64_t part)
{
    int64_t size = count / parts, longer = count % parts;
    int64_t begin = size * part + ec_least(part, longer);
    return (struct ec_range){begin, begin + size + (part < longer)};
}

#endif
