/* Resizing of one image: see resize.h. */
#include "images/resize.h"

#include "base/memory.h"
#include "kernels/kernels.h"

#include <string.h>

/* Whether a workspace for all threads can be counted. */
static ec_status check_size(const struct ec_resize *resize)
{
    int64_t floats;
    return __builtin_mul_overflow(resize->rows.most * resize->cols.size, resize->channels, &floats) ||
                   floats > INT64_MAX / 4096
               ? EC_TOO_LARGE
               : EC_OK;
}

ec_status ec_resize_init(struct ec_resize *resize, enum ec_interpolation interpolation, int antialias,
                         const int64_t source[2], const int64_t size[2], int64_t channels)
{
    *resize = (struct ec_resize){.channels = channels, .source_width = source[1]};
    ec_status status = ec_taps_init(&resize->rows, interpolation, antialias, source[0], size[0]);
    if (status == EC_OK) {
        status = ec_taps_init(&resize->cols, interpolation, antialias, source[1], size[1]);
    }
    return status == EC_OK ? check_size(resize) : status;
}

ec_status ec_resize_init_transposed(struct ec_resize *transposed, const struct ec_resize *resize,
                                    const int64_t source[2])
{
    *transposed = (struct ec_resize){.channels = resize->channels, .source_width = resize->cols.size};
    ec_status status = ec_taps_init_transposed(&transposed->rows, &resize->rows, source[0]);
    if (status == EC_OK) {
        status = ec_taps_init_transposed(&transposed->cols, &resize->cols, source[1]);
    }
    return status == EC_OK ? check_size(transposed) : status;
}

void ec_resize_clear(struct ec_resize *resize)
{
    ec_taps_clear(&resize->rows);
    ec_taps_clear(&resize->cols);
}

int64_t ec_resize_workspace(const struct ec_resize *resize)
{
    return resize->rows.most * resize->cols.size * resize->channels;
}

int64_t ec_resize_block(const struct ec_resize *resize)
{
    return ec_ceil_div(16384, resize->cols.size * resize->channels);
}

/* Whether each place shows one of the source as it is. */
static int is_single(const struct ec_taps *taps) { return taps->each && taps->most == 1; }

/* One row along its width. Inlined with `channels` and `is_bytes` known, where pixels are small. */
static inline __attribute__((always_inline)) void row_of(float *out, const void *row, int is_bytes, int64_t channels,
                                                         const struct ec_taps *taps)
{
    const float *floats = row;
    const uint8_t *bytes = row;
    int single = is_single(taps);
    for (int64_t x = 0; x < taps->size; x++) {
        const float *weight = taps->weight + x * taps->most;
        int64_t at = taps->first[x] * channels;
        for (int64_t c = 0; single && c < channels; c++) {
            out[x * channels + c] = is_bytes ? (float)bytes[at + c] : floats[at + c];
        }
        for (int64_t c = 0; !single && c < channels; c++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < taps->count[x]; k++) {
                int64_t place = at + k * channels + c;
                sum += weight[k] * (is_bytes ? (float)bytes[place] : floats[place]);
            }
            out[x * channels + c] = sum;
        }
    }
}

/* The same where each place reads two of the source at most, as most images are made larger and smaller. */
static inline __attribute__((always_inline)) void pair_row_of(float *out, const void *row, int is_bytes,
                                                              int64_t channels, const struct ec_taps *taps)
{
    const float *floats = row;
    const uint8_t *bytes = row;
    for (int64_t x = 0; x < taps->size; x++) {
        const float *weight = taps->weight + x * 2;
        int64_t at = taps->first[x] * channels, beside = taps->count[x] > 1 ? channels : 0;
        float second = beside ? weight[1] : 0.0f;
        for (int64_t c = 0; c < channels; c++) {
            int64_t a = at + c, b = a + beside;
            float left = is_bytes ? (float)bytes[a] : floats[a], right = is_bytes ? (float)bytes[b] : floats[b];
            out[x * channels + c] = weight[0] * left + second * right;
        }
    }
}

/* The same where a pixel fills vectors. */
static void wide_row(float *out, const float *row, int64_t channels, const struct ec_taps *taps)
{
    const struct ec_kernels *kernels = ec_kernels();
    int single = is_single(taps);
    for (int64_t x = 0; x < taps->size; x++, out += channels) {
        const float *weight = taps->weight + x * taps->most, *pixel = row + taps->first[x] * channels;
        if (taps->count[x] == 0) {
            kernels->fill(out, 0.0f, channels);
        }
        if (single) {
            memcpy(out, pixel, (size_t)channels * sizeof *out);
            continue;
        }
        for (int64_t k = 0; k < taps->count[x]; k++) {
            if (k) {
                kernels->add_scaled(out, pixel + k * channels, weight[k], channels);
            } else {
                kernels->scale(out, pixel, weight[0], channels);
            }
        }
    }
}

static void resize_row(float *out, const void *row, int is_bytes, int64_t channels, const struct ec_taps *taps)
{
    int pairs = taps->each && taps->most == 2;
    if (pairs && channels == 3 && is_bytes) {
        pair_row_of(out, row, 1, 3, taps);
        return;
    }
    if (pairs && channels == 3) {
        pair_row_of(out, row, 0, 3, taps);
        return;
    }
    if (is_bytes) {
        switch (channels) {
        case 1: row_of(out, row, 1, 1, taps); break;
        case 3: row_of(out, row, 1, 3, taps); break;
        default: row_of(out, row, 1, channels, taps);
        }
        return;
    }
    switch (channels) {
    case 1: row_of(out, row, 0, 1, taps); break;
    case 3: row_of(out, row, 0, 3, taps); break;
    default:
        if (channels >= 8) {
            wide_row(out, row, channels, taps);
        } else {
            row_of(out, row, 0, channels, taps);
        }
    }
}

/* Rows of nearest pixels, where they stand; one that shows the same as the row before is a copy. */
static void nearest_rows(float *out, const void *image, int is_bytes, const struct ec_resize *resize,
                         struct ec_range rows)
{
    int64_t width = resize->cols.size * resize->channels, stride = resize->source_width * resize->channels;
    for (int64_t y = rows.begin; y < rows.end; y++) {
        int64_t at = resize->rows.first[y] * stride;
        if (y > rows.begin && resize->rows.first[y] == resize->rows.first[y - 1]) {
            memcpy(out + y * width, out + (y - 1) * width, (size_t)width * sizeof *out);
            continue;
        }
        resize_row(out + y * width,
                   is_bytes ? (const void *)((const uint8_t *)image + at) : (const void *)((const float *)image + at),
                   is_bytes, resize->channels, &resize->cols);
    }
}

void ec_resize_rows(float *out, int adds, const void *image, int is_bytes, const struct ec_resize *resize,
                    struct ec_range rows, float *workspace)
{
    const struct ec_kernels *kernels = ec_kernels();
    const struct ec_taps *taps = &resize->rows;
    int64_t width = resize->cols.size * resize->channels, stride = resize->source_width * resize->channels;
    if (is_single(taps) && is_single(&resize->cols) && !adds) {
        nearest_rows(out, image, is_bytes, resize, rows);
        return;
    }
    int64_t next = 0; /* the ring holds the rows of the source before it, row j in slot j mod most */
    for (int64_t y = rows.begin; y < rows.end; y++) {
        float *row = out + y * width;
        int64_t first = taps->first[y], end = first + taps->count[y];
        next = y == rows.begin ? first : ec_most(next, first);
        for (; next < end; next++) {
            const void *from = is_bytes ? (const void *)((const uint8_t *)image + next * stride)
                                        : (const void *)((const float *)image + next * stride);
            resize_row(workspace + next % taps->most * width, from, is_bytes, resize->channels, &resize->cols);
        }
        if (!adds && first == end) {
            kernels->fill(row, 0.0f, width);
        }
        for (int64_t j = first; j < end; j++) {
            const float *made = workspace + j % taps->most * width;
            float weight = taps->weight[y * taps->most + j - first];
            if (j > first || adds) {
                kernels->add_scaled(row, made, weight, width);
            } else {
                kernels->scale(row, made, weight, width);
            }
        }
    }
}
