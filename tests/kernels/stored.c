/* read_stored, round_nearest, round_by_chance and table_sum. */
#include "check.h"

#include "base/stored.h"

enum {
    ROWS = 9
};

/* `bytes` in front of the forbidden page, whatever they are. */
static void *slot_bytes(int slot, int64_t bytes)
{
    int64_t floats = (bytes + 3) / 4;
    return (char *)(void *)(slot_array(slot, floats) + floats) - bytes;
}

/* What the bits of a float16 mean, by the definition. */
static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double sign = half >> 15 ? -1.0 : 1.0;
    if (exponent == 31) {
        return fraction ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent ? ldexp(1024.0 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static double bfloat_value(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

static double stored_value(const struct ec_table_rows *rows, int64_t row, int64_t c)
{
    int64_t at = row * rows->stride + c;
    if (rows->storage == EC_FLOAT32) {
        return (double)((const float *)rows->data)[at];
    }
    uint16_t bits = rows->storage == EC_INT8 ? 0 : ((const uint16_t *)rows->data)[at];
    return rows->storage == EC_FLOAT16    ? half_value(bits)
           : rows->storage == EC_BFLOAT16 ? bfloat_value(bits)
                                          : (double)(rows->scales[row] * (float)((const int8_t *)rows->data)[at]);
}

/* Rows of plain numbers, or of any bits at all. */
static struct ec_table_rows make_rows(int storage, int64_t width, int any)
{
    int64_t count = ROWS * width;
    void *data = slot_bytes(0, count * (storage == EC_FLOAT32 ? 4 : storage == EC_INT8 ? 1 : 2));
    float *scales = slot_array(1, ROWS);
    fill_random(scales, ROWS, 0.1f, 3);
    for (int64_t i = 0; i < count; i++) {
        uint32_t random = ec_random_u32(71, (uint32_t)i);
        float value = (float)(int32_t)random * 0x1p-31f;
        uint16_t bits = storage == EC_FLOAT16 ? ec_nearest_half(value) : ec_nearest_bfloat(value);
        if (storage == EC_FLOAT32) {
            ((float *)data)[i] = value;
        } else if (storage == EC_INT8) {
            ((int8_t *)data)[i] = (int8_t)(random >> 24);
        } else {
            ((uint16_t *)data)[i] = any ? (uint16_t)random : bits;
        }
    }
    return (struct ec_table_rows){storage, data, scales, width};
}

static void check_read_stored_of(int storage, int64_t width, int any)
{
    float *out = slot_array(2, width);
    const struct ec_table_rows rows = make_rows(storage, width, any);
    for (int64_t row = 0; row < ROWS; row++) {
        kernels->read_stored(out, &rows, row, width);
        for (int64_t c = 0; c < width; c++) {
            expect(is_near(out[c], stored_value(&rows, row, c), 0, 0), "storage %d, width %d: [%d, %d] is %g, not %g",
                   storage, (int)width, (int)row, (int)c, (double)out[c], stored_value(&rows, row, c));
        }
    }
}

static void check_every_half(void)
{
    static uint16_t every[1 << 16];
    static float out[1 << 16];
    for (int32_t i = 0; i < 1 << 16; i++) {
        every[i] = (uint16_t)i;
    }
    const struct ec_table_rows rows = {EC_FLOAT16, every, NULL, 1 << 16};
    kernels->read_stored(out, &rows, 0, 1 << 16);
    for (int32_t i = 0; i < 1 << 16; i++) {
        expect(is_near(out[i], half_value((uint16_t)i), 0, 0), "half %d is %g, not %g", i, (double)out[i],
               half_value((uint16_t)i));
    }
}

/* No other number of the format is nearer, and of two as near it is the even one. Numbers that are too large become
 * infinite from the middle on between the largest and what would follow it. */
static void check_nearest(float value, uint16_t got, int is_half)
{
    double (*value_of)(uint16_t) = is_half ? half_value : bfloat_value;
    double is = value_of(got), size = fabs((double)value), largest = value_of(is_half ? 0x7bff : 0x7f7f);
    double limit = is_half ? (double)EC_HALF_OVERFLOW : ldexp(511.0, 119);
    if (isnan(value) || size >= limit) {
        expect(isnan(value) ? isnan(is) : isinf(is) && (is > 0) == (value > 0), "%g rounds to %g", (double)value, is);
        return;
    }
    double off = fabs(is - (double)value), other = INFINITY;
    for (int turn = -1; turn <= 1; turn += 2) {
        uint16_t next = (uint16_t)(got + turn);
        if ((next ^ got) < 0x8000 && fabs(value_of(next)) <= largest) {
            other = fmin(other, fabs(value_of(next) - (double)value));
        }
    }
    expect(off < other || (off == other && !(got & 1)), "%.9g rounds to %.9g, off by %g where another is by %g",
           (double)value, is, off, other);
    expect((got >> 15) == !!signbit(value), "%g rounds to the other sign", (double)value);
}

static void check_round_of(int64_t n, uint64_t key)
{
    static const float special[] = {0.0f,       -0.0f,     65504.0f,     65519.99f,    65520.0f,    -65520.0f,
                                    1e30f,      -INFINITY, INFINITY,     NAN,          0x1p-24f,    0x1p-25f,
                                    0x1.8p-24f, 0x1p-14f,  0x1.ffcp-15f, 0x1.fffp-15f, 1.00048828f, 3.3895314e38f,
                                    -3.4e38f,   0x1p-126f, 0x1p-149f,    0x1.01p0f,    0x1.03p0f,   0x1.004p0f};
    const int64_t specials = sizeof special / sizeof *special;
    float *in = slot_array(0, n);
    for (int64_t i = 0; i < n; i++) {
        uint32_t random = ec_random_u32(key, (uint32_t)i);
        float exponent = (float)((int)(ec_random_u32(key + 1, (uint32_t)i) % 44) - 27);
        in[i] = i % 3 == 0 ? special[(uint64_t)(i / 3 + n) % (uint64_t)specials]
                           : (float)(int32_t)random * 0x1p-31f * exp2f(exponent);
    }
    for (int is_half = 0; is_half < 2; is_half++) {
        uint16_t *out = slot_bytes(1, 2 * n);
        at_kernel("round_nearest");
        kernels->round_nearest(out, in, is_half, n);
        for (int64_t i = 0; i < n; i++) {
            check_nearest(in[i], out[i], is_half);
        }
        at_kernel("round_by_chance");
        kernels->round_by_chance(out, in, is_half, key, n);
        for (int64_t i = 0; i < n; i++) {
            uint32_t random = ec_random_u32(key, (uint32_t)i);
            uint16_t want = is_half ? ec_random_half(in[i], random) : ec_random_bfloat(in[i], random);
            expect(out[i] == want, "half %d, n %d: [%d] is %x, not %x", is_half, (int)n, (int)i, out[i], want);
        }
    }
}

/* `more`: numbers of rows behind those of the sum, which are asked for. */
static void check_table_sum_of(int storage, int64_t width, int64_t count, int64_t more, int weighted)
{
    const struct ec_table_rows rows = make_rows(storage, width, 0);
    float *out = slot_array(2, width), *weight = slot_array(3, count);
    int32_t *index = slot_numbers(4, count + more);
    fill_random(weight, count, 1.0f, 6);
    fill_numbers(index, count + more, ROWS, 7);
    kernels->table_sum(out, &rows, index, weighted ? weight : NULL, count, weighted ? 0 : count + more, width);
    if (storage == EC_FLOAT32) { /* bit for bit */
        float *same = slot_array(5, width);
        kernels->weighted_sum(same, 0, rows.data, rows.stride, index, weighted ? weight : NULL, count, width);
        expect(!memcmp(out, same, (size_t)width * sizeof *out), "width %d, count %d: not as weighted_sum", (int)width,
               (int)count);
    }
    for (int64_t c = 0; c < width; c++) {
        double want = 0.0;
        for (int64_t i = 0; i < count; i++) {
            want += (weighted ? (double)weight[i] : 1.0) * stored_value(&rows, index[i], c);
        }
        expect(is_near(out[c], want, 2e-7, 4e-6 * (double)count), "storage %d, width %d, count %d: [%d] is %g, not %g",
               storage, (int)width, (int)count, (int)c, (double)out[c], want);
    }
}

void check_stored(void)
{
    int64_t size;
    at_kernel("read_stored");
    check_every_half();
    for (int storage = EC_FLOAT16; storage <= EC_INT8; storage++) {
        for (int64_t width = 0; width < 70; width++) {
            check_read_stored_of(storage, width, 0);
            check_read_stored_of(storage, width, 1);
        }
    }
    for (int number = 0; (size = edge_size(number)) >= 0; number++) {
        check_round_of(size, (uint64_t)number);
    }
    check_round_of(4000, 99);
    at_kernel("table_sum");
    for (int storage = EC_FLOAT32; storage <= EC_INT8; storage++) {
        for (int64_t width = 0; width <= 700; width += width < 70 ? 1 : 37) {
            check_table_sum_of(storage, width, width % 6, width % 50, 0);
            check_table_sum_of(storage, width, 40, 0, 0);
            check_table_sum_of(storage, width, 40, 0, 1);
        }
    }
}
