/* Rows of tables that are too large for caches, or in fewer bits: summed where they stand, read, and rounded. Rows are
 * 50 to 400 numbers wide. */
#ifndef EC_KERNELS_BODY_STORED_H
#define EC_KERNELS_BODY_STORED_H

#include "base/ahead.h"
#include "base/random.h"
#include "base/stored.h"
#include "kernels/body/partial.h"

#define TABLE_VECTORS (SUM_VECTORS < 10 ? SUM_VECTORS : 10) /* that table_sum keeps in registers */

/* `count` numbers from number `at` of the array; `storage` is a constant once this is inlined. */
INLINE vec load_stored(const void *data, int64_t at, int64_t count, vec scale, const int storage)
{
    return storage == EC_FLOAT32    ? vec_load_upto((const float *)data + at, count)
           : storage == EC_FLOAT16  ? vec_of_half((const uint16_t *)data + at, count)
           : storage == EC_BFLOAT16 ? vec_of_bfloat((const uint16_t *)data + at, count)
                                    : vec_mul(vec_of_bytes((const int8_t *)data + at, count), scale);
}

INLINE void read_stored_as(float *out, const struct ec_table_rows *rows, int64_t number, int64_t width,
                           const int storage)
{
    vec scale = vec_set(storage == EC_INT8 ? rows->scales[number] : 1.0f);
    for (int64_t c = 0; c < width; c += LANES) {
        vec_store_upto(out + c, width - c,
                       load_stored(rows->data, number * rows->stride + c, width - c, scale, storage));
    }
}

static void read_stored(float *out, const struct ec_table_rows *rows, int64_t number, int64_t width)
{
    switch (rows->storage) {
    case EC_FLOAT16: read_stored_as(out, rows, number, width, EC_FLOAT16); break;
    case EC_BFLOAT16: read_stored_as(out, rows, number, width, EC_BFLOAT16); break;
    case EC_INT8: read_stored_as(out, rows, number, width, EC_INT8); break;
    }
}

/* Loops that compilers turn into vectors of each instruction set. */
static void round_nearest(uint16_t *restrict out, const float *restrict in, int is_half, int64_t n)
{
    if (is_half) {
        for (int64_t c = 0; c < n; c++) {
            out[c] = ec_nearest_half(in[c]);
        }
    } else {
        for (int64_t c = 0; c < n; c++) {
            out[c] = ec_nearest_bfloat(in[c]);
        }
    }
}

static void round_by_chance(uint16_t *restrict out, const float *restrict in, int is_half, uint64_t key, int64_t n)
{
    if (is_half) {
        for (int64_t c = 0; c < n; c++) {
            out[c] = ec_random_half(in[c], ec_random_u32(key, (uint32_t)c));
        }
    } else {
        for (int64_t c = 0; c < n; c++) {
            out[c] = ec_random_bfloat(in[c], ec_random_u32(key, (uint32_t)c));
        }
    }
}

static const int64_t value_bytes[] = {4, 2, 2, 1}; /* by enum ec_storage */

/* The arguments of table_sum for one block of columns, `width` of them from `column` on. */
struct table_sums {
    float *out;
    const struct ec_table_rows *rows;
    const int32_t *index;
    const float *weight;
    int64_t count, column, width;
    int64_t asked; /* of rows before this these columns are asked for ... */
    int64_t known; /* ... and of those before that all columns, by the last block: they are those of the next sum */
    int64_t ahead; /* so many rows before their turn */
};

/* Before row i of the sum is added. Written out for the block's columns: a loop would take as long as the sum. */
INLINE void ask_for_row_ahead(const struct table_sums *w, int64_t i, const int vectors, const int storage)
{
    const int64_t bytes = value_bytes[storage], vector = LANES * bytes, line = 64 < vector ? vector : 64;
    const struct ec_table_rows *rows = w->rows;
    int64_t next = i + w->ahead;
    if (next < w->asked) {
        const char *row = (const char *)rows->data + (w->index[next] * rows->stride + w->column) * bytes;
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            if (v * vector % line == 0) {
                __builtin_prefetch(row + v * vector);
            }
        }
        __builtin_prefetch(row + w->width * bytes - 1); /* rows need not begin with a line */
    } else if (next < w->known) {
        ec_ask_for_bytes((const char *)rows->data + w->index[next] * rows->stride * bytes,
                         (w->column + w->width) * bytes);
    } else {
        return;
    }
    if (storage == EC_INT8) {
        __builtin_prefetch(rows->scales + w->index[next]);
    }
}

/* As weighted_sum_block. */
INLINE void table_sum_block(const struct table_sums *w, const int wanted, const int storage)
{
    const int vectors = wanted <= TABLE_VECTORS ? wanted : 1;
    vec sum[TABLE_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) { sum[v] = vec_set(0.0f); }
    vec factor = vec_set(1.0f), scale = factor;
    for (int64_t i = 0; i < w->count; i++) {
        int64_t row = w->index[i], at = row * w->rows->stride + w->column;
        ask_for_row_ahead(w, i, vectors, storage);
        if (w->weight) {
            factor = vec_set(w->weight[i]);
        }
        if (storage == EC_INT8) {
            scale = vec_set(w->rows->scales[row]);
        }
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            int64_t left = v < vectors - 1 ? LANES : w->width - v * LANES;
            sum[v] = vec_fma(factor, load_stored(w->rows->data, at + v * LANES, left, scale, storage), sum[v]);
        }
    }
    UNROLLED for (int v = 0; v < vectors; v++) { vec_store_upto(w->out + v * LANES, w->width - v * LANES, sum[v]); }
}

INLINE void table_sum_as(const struct table_sums *w, int64_t vectors, const int storage)
{
    switch (vectors) {
    case 1: table_sum_block(w, 1, storage); break;
    case 2: table_sum_block(w, 2, storage); break;
    case 3: table_sum_block(w, 3, storage); break;
    case 4: table_sum_block(w, 4, storage); break;
    case 5: table_sum_block(w, 5, storage); break;
    case 6: table_sum_block(w, 6, storage); break;
    case 7: table_sum_block(w, 7, storage); break;
    case 8: table_sum_block(w, 8, storage); break;
    case 9: table_sum_block(w, 9, storage); break;
    case 10: table_sum_block(w, 10, storage); break;
    }
}
_Static_assert(TABLE_VECTORS <= 10, "a case above for each count");

static void table_sum(float *out, const struct ec_table_rows *rows, const int32_t *index, const float *weight,
                      int64_t count, int64_t known, int64_t width)
{
    int64_t bytes = value_bytes[rows->storage] * width;
    /* Far enough for memory to answer, near enough for the first cache to keep what it gives. */
    int64_t ahead = bytes <= 256 ? 32 : bytes >= 2048 ? 4 : 8192 / bytes;
    int64_t vectors = (width + LANES - 1) / LANES, blocks = (vectors + TABLE_VECTORS - 1) / TABLE_VECTORS;
    for (int64_t block = 0, c = 0; block < blocks; block++) {
        int64_t number = vectors / blocks + (block < vectors % blocks); /* blocks of nearly equal size */
        int64_t columns = number * LANES < width - c ? number * LANES : width - c;
        const struct table_sums w = {.out = out + c,
                                     .rows = rows,
                                     .index = index,
                                     .weight = weight,
                                     .count = count,
                                     .column = c,
                                     .width = columns,
                                     .asked = blocks == 1 ? known
                                              : known     ? count
                                                          : 0,
                                     .known = block == blocks - 1 ? known : 0,
                                     .ahead = ahead};
        switch (rows->storage) {
        case EC_FLOAT32: table_sum_as(&w, number, EC_FLOAT32); break;
        case EC_FLOAT16: table_sum_as(&w, number, EC_FLOAT16); break;
        case EC_BFLOAT16: table_sum_as(&w, number, EC_BFLOAT16); break;
        case EC_INT8: table_sum_as(&w, number, EC_INT8); break;
        }
        c += columns;
    }
}

#endif
