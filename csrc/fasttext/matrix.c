/* Matrices of fastText's files, read and summed; see the header. Rows of floats come from memory, so those of the ids
 * that follow are asked for while a chunk is added. */
#include "fasttext/matrix.h"

#include "base/memory.h"
#include "base/range.h"
#include "kernels/kernels.h"

#include <string.h>

#define CHUNK 8  /* rows between asking for one and adding it */
#define AHEAD 16 /* narrow rows */
#define NARROW 8
#define BYTES_PER_LINE 64

static int64_t read_int64(const uint8_t *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int32_t read_int32(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static ec_status ends_early(struct ec_report *report)
{
    ec_refuse(report, "it ends within a matrix");
    return EC_BAD_FORMAT;
}

/* A product quantiser of `columns` floats: {int32 columns, parts, part, last part}, centroids; *used += its bytes. */
static ec_status read_quantiser(float **centroids, int64_t *part, const uint8_t *data, int64_t bytes, int64_t columns,
                                int64_t *used, struct ec_report *report)
{
    int64_t floats = columns * EC_FASTTEXT_CENTROIDS;
    if (bytes < 16 || (bytes - 16) / 4 < floats) {
        return ends_early(report);
    }
    int64_t found = read_int32(data), parts = read_int32(data + 4), last = read_int32(data + 12);
    *part = read_int32(data + 8);
    if (found != columns || *part < 1 || *part > columns || parts != ec_ceil_div(columns, *part) ||
        last != columns - (parts - 1) * *part) {
        ec_refuse(report,
                  "its quantiser is damaged: %lld columns in %lld parts of %lld, the last of %lld, for a matrix of "
                  "%lld columns",
                  (long long)found, (long long)parts, (long long)*part, (long long)last, (long long)columns);
        return EC_BAD_FORMAT;
    }
    *centroids = ec_alloc_array(floats, sizeof **centroids);
    if (!*centroids) {
        return EC_NO_MEMORY;
    }
    memcpy(*centroids, data + 16, (size_t)floats * sizeof **centroids);
    *used += 16 + 4 * floats;
    return EC_OK;
}

static ec_status read_quantised(struct ec_fasttext_matrix *matrix, const uint8_t *data, int64_t bytes, int64_t *used,
                                struct ec_report *report)
{
    if (bytes < 21) {
        return ends_early(report);
    }
    int with_norms = data[0];
    int64_t code_count = read_int32(data + 17), unused;
    if (with_norms > 1 || code_count < 0 || (matrix->rows ? code_count % matrix->rows != 0 : code_count != 0)) {
        ec_refuse(report, "its quantised matrix is damaged: %lld codes for %lld rows", (long long)code_count,
                  (long long)matrix->rows);
        return EC_BAD_FORMAT;
    }
    if (bytes - 21 < code_count) {
        return ends_early(report);
    }
    matrix->codes = data + 21;
    *used = 21 + code_count;
    ec_status status =
        read_quantiser(&matrix->centroids, &matrix->part, data + *used, bytes - *used, matrix->columns, used, report);
    if (status) {
        return status;
    }
    matrix->parts = ec_ceil_div(matrix->columns, matrix->part);
    if (code_count != matrix->rows * matrix->parts) {
        ec_refuse(report, "its quantised matrix is damaged: %lld codes for %lld rows of %lld parts",
                  (long long)code_count, (long long)matrix->rows, (long long)matrix->parts);
        return EC_BAD_FORMAT;
    }
    if (with_norms) {
        if (bytes - *used < matrix->rows) {
            return ends_early(report);
        }
        matrix->norm_codes = data + *used;
        *used += matrix->rows;
        status = read_quantiser(&matrix->norms, &unused, data + *used, bytes - *used, 1, used, report);
    }
    return status;
}

ec_status ec_fasttext_matrix_init(struct ec_fasttext_matrix *matrix, const uint8_t *data, int64_t bytes, int quantised,
                                  int64_t *used, struct ec_report *report)
{
    int64_t skipped = quantised ? 1 : 0; /* whether there are norms */
    memset(matrix, 0, sizeof *matrix);
    if (bytes < skipped + 16) {
        return ends_early(report);
    }
    matrix->rows = read_int64(data + skipped);
    matrix->columns = read_int64(data + skipped + 8);
    if (matrix->rows < 0 || matrix->rows > INT32_MAX || matrix->columns < 1 || matrix->columns > EC_FASTTEXT_WIDEST) {
        ec_refuse(report, "a matrix of %lld x %lld is impossible", (long long)matrix->rows, (long long)matrix->columns);
        return EC_BAD_FORMAT;
    }
    if (quantised) {
        return read_quantised(matrix, data, bytes, used, report);
    }
    if ((bytes - 16) / 4 / matrix->columns < matrix->rows) {
        return ends_early(report);
    }
    matrix->floats = data + 16;
    *used = 16 + 4 * matrix->rows * matrix->columns;
    return EC_OK;
}

void ec_fasttext_matrix_of(struct ec_fasttext_matrix *matrix, const float *floats, int64_t rows, int64_t columns)
{
    *matrix = (struct ec_fasttext_matrix){.rows = rows, .columns = columns, .floats = (const uint8_t *)floats};
}

void ec_fasttext_matrix_clear(struct ec_fasttext_matrix *matrix)
{
    ec_free(matrix->centroids);
    ec_free(matrix->norms);
    memset(matrix, 0, sizeof *matrix);
}

static void add_quantised(float *out, const struct ec_fasttext_matrix *matrix, int64_t row)
{
    const uint8_t *codes = matrix->codes + row * matrix->parts;
    float norm = matrix->norm_codes ? matrix->norms[matrix->norm_codes[row]] : 1;
    for (int64_t p = 0; p < matrix->parts; p++) {
        int64_t first = p * matrix->part, width = ec_least(matrix->part, matrix->columns - first);
        const float *centroid = matrix->centroids + first * EC_FASTTEXT_CENTROIDS + codes[p] * width;
        for (int64_t column = 0; column < width; column++) {
            out[first + column] += norm * centroid[column];
        }
    }
}

static void fetch_rows(const struct ec_fasttext_matrix *matrix, const int32_t *rows, int64_t begin, int64_t count)
{
    int64_t end = ec_least(begin + CHUNK, count), row_bytes = 4 * matrix->columns;
    for (int64_t i = begin; i < end; i++) {
        const uint8_t *row = matrix->floats + rows[i] * row_bytes;
        for (int64_t at = 0; at < row_bytes; at += BYTES_PER_LINE) {
            __builtin_prefetch(row + at);
        }
        __builtin_prefetch(row + row_bytes - 1);
    }
}

/* Rows that fit into a cache line: `columns` is a constant to the compiler. Two sums, so that none waits for the other.
 */
static inline void add_narrow(float *sum, const struct ec_fasttext_matrix *matrix, int32_t number,
                              const int64_t columns)
{
    float row[NARROW];
    memcpy(row, matrix->floats + number * columns * (int64_t)sizeof *row, (size_t)columns * sizeof *row);
    for (int64_t column = 0; column < columns; column++) {
        sum[column] += row[column];
    }
}

static inline void sum_narrow(float *out, const struct ec_fasttext_matrix *matrix, const int32_t *rows, int64_t count,
                              const int64_t columns)
{
    float even[NARROW] = {0}, odd[NARROW] = {0};
    int64_t i = 0;
    for (; i + 2 <= count; i += 2) {
        if (i + AHEAD + 1 < count) {
            __builtin_prefetch(matrix->floats + rows[i + AHEAD] * columns * (int64_t)sizeof *out);
            __builtin_prefetch(matrix->floats + rows[i + AHEAD + 1] * columns * (int64_t)sizeof *out);
        }
        add_narrow(even, matrix, rows[i], columns);
        add_narrow(odd, matrix, rows[i + 1], columns);
    }
    if (i < count) {
        add_narrow(even, matrix, rows[i], columns);
    }
    for (int64_t column = 0; column < columns; column++) {
        out[column] = even[column] + odd[column];
    }
}

void ec_fasttext_sum(float *out, const struct ec_fasttext_matrix *matrix, const int32_t *rows, int64_t count)
{
    if (!matrix->floats || !count) {
        memset(out, 0, (size_t)matrix->columns * sizeof *out);
        for (int64_t i = 0; i < count; i++) {
            add_quantised(out, matrix, rows[i]);
        }
        return;
    }
    switch (matrix->columns) {
    case 1: sum_narrow(out, matrix, rows, count, 1); return;
    case 2: sum_narrow(out, matrix, rows, count, 2); return;
    case 3: sum_narrow(out, matrix, rows, count, 3); return;
    case 4: sum_narrow(out, matrix, rows, count, 4); return;
    case 5: sum_narrow(out, matrix, rows, count, 5); return;
    case 6: sum_narrow(out, matrix, rows, count, 6); return;
    case 7: sum_narrow(out, matrix, rows, count, 7); return;
    case 8: sum_narrow(out, matrix, rows, count, 8); return;
    default: break;
    }
    fetch_rows(matrix, rows, 0, count);
    for (int64_t begin = 0; begin < count; begin += CHUNK) {
        fetch_rows(matrix, rows, begin + CHUNK, count);
        ec_kernels()->weighted_sum(out, begin > 0, (const float *)matrix->floats, matrix->columns, rows + begin, NULL,
                                   ec_least(CHUNK, count - begin), matrix->columns);
    }
}

void ec_fasttext_row(float *out, const struct ec_fasttext_matrix *matrix, int64_t row)
{
    if (matrix->floats) {
        memcpy(out, matrix->floats + row * matrix->columns * (int64_t)sizeof *out,
               (size_t)matrix->columns * sizeof *out);
        return;
    }
    memset(out, 0, (size_t)matrix->columns * sizeof *out);
    add_quantised(out, matrix, row);
}

void ec_fasttext_row_add(float *out, const struct ec_fasttext_matrix *matrix, int64_t row)
{
    if (!matrix->floats) {
        add_quantised(out, matrix, row);
        return;
    }
    const uint8_t *floats = matrix->floats + row * matrix->columns * (int64_t)sizeof *out;
    for (int64_t column = 0; column < matrix->columns; column++) {
        float value;
        memcpy(&value, floats + column * (int64_t)sizeof value, sizeof value);
        out[column] += value;
    }
}
