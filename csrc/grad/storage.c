/* Numbers beyond the range of float16 become infinite when they are written, so that they show. */
#include "grad/storage.h"

#include "base/random.h"

#include <string.h>

struct ec_table_rows ec_table_rows_of(const struct ec_parameter *table)
{
    return (struct ec_table_rows){.storage = table->stored ? table->storage : EC_FLOAT32,
                                  .data = table->stored ? table->stored : table->value,
                                  .scales = table->scales,
                                  .stride = table->dims[1]};
}

void ec_rows_read(float *values, int64_t stride, const struct ec_parameter *table, const int32_t *rows, int64_t count)
{
    const struct ec_table_rows stored = ec_table_rows_of(table);
    int64_t width = table->dims[1];
    for (int64_t i = 0; i < count; i++) {
        ec_kernels()->read_stored(values + i * stride, &stored, rows[i], width);
        memset(values + i * stride + width, 0, (size_t)(stride - width) * sizeof *values);
    }
}

static void read_row(float *out, const struct ec_parameter *table, int64_t row)
{
    const struct ec_table_rows stored = ec_table_rows_of(table);
    ec_kernels()->read_stored(out, &stored, row, table->dims[1]);
}

/* Towards zero. */
static void write_smaller(uint16_t *out, const float *values, int64_t width, int is_half)
{
    for (int64_t c = 0; c < width; c++) {
        out[c] = is_half ? ec_half_of(values[c], 0, 1.0f) : ec_bfloat_of(values[c], 0);
    }
}

const float *ec_row_values(const struct ec_parameter *table, int64_t row, float *room)
{
    if (!table->stored) {
        return table->value + row * table->dims[1];
    }
    read_row(room, table, row);
    return room;
}

float *ec_row_open(struct ec_parameter *table, int64_t row, float *room)
{
    int64_t width = table->dims[1];
    float *values = !table->stored || table->mastered ? table->value + row * width : room;
    if (table->stored && !(table->mastered && table->mastered[row])) {
        read_row(values, table, row);
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
        ec_kernels()->round_nearest(out, values, is_half, width);
    } else if (key) {
        ec_kernels()->round_by_chance(out, values, is_half, ec_random_key(*key, (uint64_t)row), width);
    } else {
        write_smaller(out, values, width, is_half);
    }
}
