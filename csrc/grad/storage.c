/* float16 (IEEE 754 binary16), bfloat16 and int8 with a scale a row, in plain loops over a row that compilers turn into
 * vectors. Numbers beyond the range of float16 become infinite when they are written, so that they show. */
#include "grad/storage.h"

#include "base/half.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Exponent and fraction move into place, and a product moves the bias, subnormal numbers too. */
static float of_half(uint16_t half)
{
    float size = of_bits((uint32_t)(half & 0x7fffu) << 13) * 0x1p112f;
    uint32_t bits = bits_of(size) | (size >= 65536.0f ? 0x7f800000u : 0u); /* infinity and NaN */
    return of_bits(bits | (uint32_t)(half & 0x8000u) << 16);
}

static void read_row(float *out, const struct ec_parameter *table, int64_t row, int64_t width)
{
    const uint16_t *halves = (const uint16_t *)table->stored + row * width;
    const int8_t *bytes = (const int8_t *)table->stored + row * width;
    switch (table->storage) {
    case EC_FLOAT16:
        for (int64_t c = 0; c < width; c++) {
            out[c] = of_half(halves[c]);
        }
        break;
    case EC_BFLOAT16:
        for (int64_t c = 0; c < width; c++) {
            out[c] = of_bits((uint32_t)halves[c] << 16);
        }
        break;
    case EC_INT8:
        for (int64_t c = 0; c < width; c++) {
            out[c] = table->scales[row] * (float)bytes[c];
        }
        break;
    case EC_FLOAT32: break;
    }
}

void ec_rows_read(float *values, int64_t stride, const struct ec_parameter *table, const int32_t *rows, int64_t count)
{
    int64_t width = table->dims[1];
    for (int64_t i = 0; i < count; i++) {
        read_row(values + i * stride, table, rows[i], width);
        memset(values + i * stride + width, 0, (size_t)(stride - width) * sizeof *values);
    }
}

/* The upper 16 bits, `part` of 2^16 added to what is cut off; NaN stays NaN. */
static uint16_t bfloat_of(float value, uint32_t part)
{
    uint32_t bits = bits_of(value), size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    uint32_t rounded = size == 0x7f800000u ? size : size + part;
    return (uint16_t)((bits & 0x80000000u) >> 16 | rounded >> 16);
}

static uint16_t nearest_bfloat(float value) { return bfloat_of(value, 0x7fffu + (bits_of(value) >> 16 & 1)); }

/* Chance alone makes nothing infinite. */
static uint16_t random_bfloat(float value, uint32_t random)
{
    uint16_t rounded = bfloat_of(value, random >> 16);
    return (rounded & 0x7fffu) == 0x7f80u && !isinf(value) ? (uint16_t)(rounded - 1) : rounded;
}

/* The half at or next to the value: `part` of 2^13 is added to what is cut off; of subnormal numbers the share that is
 * cut off must be above `least`. Without branches, so that a loop over it becomes vectors. */
static inline uint16_t half_of(float value, uint32_t part, float least)
{
    uint32_t bits = bits_of(value), size = bits & 0x7fffffffu;
    uint32_t is_small = 0u - (uint32_t)(size < 0x38800000u), is_large = 0u - (uint32_t)(size >= 0x477fe000u);
    float scaled = of_bits(size & is_small) * 0x1p24f; /* below 2^-14: whole numbers of 2^-24 */
    int32_t whole = (int32_t)scaled;
    uint32_t small = (uint32_t)whole + (uint32_t)(least < scaled - (float)whole);
    uint32_t usual = (((size + part) & ~0x1fffu) - 0x38000000u) >> 13;
    uint32_t large = 0x7bffu + (uint32_t)(size >= 0x477ff000u) + ((uint32_t)(size > 0x7f800000u) << 9); /* 65504 on */
    uint32_t half = (small & is_small) | (large & is_large) | (usual & ~(is_small | is_large));
    return (uint16_t)((bits >> 16 & 0x8000u) | half);
}

static inline uint16_t random_half(float value, uint32_t random)
{
    return half_of(value, random >> 19, (float)(int32_t)(random >> 8) * 0x1p-24f);
}

static void write_nearest(uint16_t *out, const float *values, int64_t width, int is_half)
{
    for (int64_t c = 0; c < width; c++) {
        out[c] = is_half ? ec_half(values[c]) : nearest_bfloat(values[c]);
    }
}

static void write_smaller(uint16_t *out, const float *values, int64_t width, int is_half)
{
    for (int64_t c = 0; c < width; c++) {
        out[c] = is_half ? half_of(values[c], 0, 1.0f) : bfloat_of(values[c], 0);
    }
}

static void write_random(uint16_t *restrict out, const float *restrict values, int64_t width, int is_half, uint64_t key)
{
    if (is_half) {
        for (int64_t c = 0; c < width; c++) {
            out[c] = random_half(values[c], ec_random_u32(key, (uint32_t)c));
        }
    } else {
        for (int64_t c = 0; c < width; c++) {
            out[c] = random_bfloat(values[c], ec_random_u32(key, (uint32_t)c));
        }
    }
}

const float *ec_row_values(const struct ec_parameter *table, int64_t row, float *room)
{
    if (!table->stored) {
        return table->value + row * table->dims[1];
    }
    read_row(room, table, row, table->dims[1]);
    return room;
}

float *ec_row_open(struct ec_parameter *table, int64_t row, float *room)
{
    int64_t width = table->dims[1];
    float *values = !table->stored || table->mastered ? table->value + row * width : room;
    if (table->stored && !(table->mastered && table->mastered[row])) {
        read_row(values, table, row, width);
    }
    if (table->stored && table->mastered) {
        table->mastered[row] = 1;
    }
    return values;
}

void ec_row_close(struct ec_parameter *table, int64_t row, const float *values, const uint64_t *key)
{
    int64_t width = table->dims[1];
    int is_half = table->storage == EC_FLOAT16;
    if (!table->stored) {
        return;
    }
    uint16_t *out = (uint16_t *)table->stored + row * width;
    if (table->mastered) {
        write_nearest(out, values, width, is_half);
    } else if (key) {
        write_random(out, values, width, is_half, ec_random_key(*key, (uint64_t)row));
    } else {
        write_smaller(out, values, width, is_half);
    }
}
