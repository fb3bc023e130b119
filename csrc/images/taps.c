/* Weights of a resized axis: see taps.h. */
#include "images/taps.h"

#include "base/memory.h"
#include "base/range.h"

#include <math.h>

const char *const ec_interpolation_names[] = {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", NULL};

static const double pi = 3.14159265358979323846;

/* How far a kernel reaches on either side, in pixels. */
static double radius_of(enum ec_interpolation interpolation)
{
    static const double radius[] = {0.5, 1.0, 2.0, 3.0, 5.0, 0.5};
    return radius[interpolation];
}

static double lanczos(double x, double radius)
{
    return x < 1e-8 ? 1.0 : radius * sin(pi * x) * sin(pi * x / radius) / (pi * pi * x * x);
}

/* The kernel at distance x >= 0, which is below its radius. */
static double kernel_at(enum ec_interpolation interpolation, double x)
{
    switch (interpolation) {
    case EC_BILINEAR: return 1.0 - x;
    case EC_BICUBIC: return x <= 1.0 ? (1.5 * x - 2.5) * x * x + 1.0 : ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
    case EC_LANCZOS3: return lanczos(x, 3.0);
    case EC_LANCZOS5: return lanczos(x, 5.0);
    case EC_NEAREST:
    case EC_AREA: break;
    }
    return 1.0;
}

static ec_status take(struct ec_taps *taps, int64_t size, int64_t most)
{
    int64_t weights;
    *taps = (struct ec_taps){.size = size, .most = most};
    if (__builtin_mul_overflow(size, most, &weights)) {
        return EC_TOO_LARGE;
    }
    taps->first = ec_alloc_zeros(2 * size, sizeof *taps->first);
    taps->weight = ec_alloc_zeros(weights, sizeof *taps->weight);
    if (!taps->first || !taps->weight) {
        ec_taps_clear(taps);
        return EC_NO_MEMORY;
    }
    taps->count = taps->first + size;
    return EC_OK;
}

void ec_taps_clear(struct ec_taps *taps)
{
    ec_free(taps->first);
    ec_free(taps->weight);
    *taps = (struct ec_taps){0};
}

/* In float32 as TensorFlow, so that what falls on the border of two pixels goes to the same one. */
static void set_nearest(struct ec_taps *taps, int64_t source)
{
    float scale = (float)source / (float)taps->size;
    for (int64_t i = 0; i < taps->size; i++) {
        int64_t place = (int64_t)floorf(((float)i + 0.5f) * scale);
        taps->first[i] = (int32_t)(place < source ? place : source - 1);
        taps->count[i] = 1;
        taps->weight[i] = 1.0f;
    }
}

/* How a place of the result sees the source: places at most `reach` from `centre`, the kernel stretched by `width`. */
struct view {
    double centre, reach, width;
};

static struct view view_of(enum ec_interpolation interpolation, int antialias, int64_t source, int64_t size, int64_t i)
{
    double scale = (double)source / (double)size, width = antialias && scale > 1.0 ? scale : 1.0;
    double reach = interpolation == EC_AREA ? 0.5 * scale : radius_of(interpolation) * width;
    return (struct view){((double)i + 0.5) * scale, reach, width};
}

/* Of place j, before weights are made to sum to 1. */
static double weight_at(enum ec_interpolation interpolation, const struct view *view, int64_t j)
{
    if (interpolation == EC_AREA) {
        return fmin((double)(j + 1), view->centre + view->reach) - fmax((double)j, view->centre - view->reach);
    }
    double distance = fabs((double)j + 0.5 - view->centre) / view->width;
    return distance < radius_of(interpolation) ? kernel_at(interpolation, distance) : 0.0;
}

static void set_place(struct ec_taps *taps, int64_t i, enum ec_interpolation interpolation, const struct view *view,
                      int64_t source)
{
    double half = interpolation == EC_AREA ? 0.0 : 0.5, total = 0.0;
    int64_t begin = (int64_t)floor(view->centre - view->reach - half) + (interpolation != EC_AREA);
    int64_t end = ec_least(source, (int64_t)ceil(view->centre + view->reach - half));
    begin = ec_most(0, begin);
    end = ec_least(end, begin + taps->most);
    for (int64_t j = begin; j < end; j++) {
        total += weight_at(interpolation, view, j);
    }
    for (int64_t j = begin; j < end; j++) {
        taps->weight[i * taps->most + j - begin] = (float)(weight_at(interpolation, view, j) / total);
    }
    taps->first[i] = (int32_t)begin;
    taps->count[i] = (int32_t)(end - begin);
}

ec_status ec_taps_init(struct ec_taps *taps, enum ec_interpolation interpolation, int antialias, int64_t source,
                       int64_t size)
{
    struct view view = view_of(interpolation, antialias, source, size, 0);
    int64_t most = interpolation == EC_NEAREST
                       ? 1
                       : ec_least(source, (int64_t)ceil(2.0 * view.reach) + (interpolation == EC_AREA));
    ec_status status = take(taps, size, most);
    if (status != EC_OK) {
        return status;
    }
    taps->each = 1;
    if (interpolation == EC_NEAREST) {
        set_nearest(taps, source);
        return EC_OK;
    }
    for (int64_t i = 0; i < size; i++) {
        view = view_of(interpolation, antialias, source, size, i);
        set_place(taps, i, interpolation, &view, source);
    }
    return EC_OK;
}

ec_status ec_taps_init_transposed(struct ec_taps *transposed, const struct ec_taps *taps, int64_t source)
{
    int64_t most = 1;
    int32_t *last = ec_alloc_zeros(2 * source, sizeof *last), *first = last ? last + source : NULL; /* + 1 */
    if (!last) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < taps->size; i++) {
        for (int64_t j = taps->first[i]; j < taps->first[i] + taps->count[i]; j++) {
            first[j] = first[j] ? first[j] : (int32_t)i + 1;
            last[j] = (int32_t)i + 1;
            most = ec_most(most, last[j] - first[j] + 1);
        }
    }
    ec_status status = take(transposed, source, most);
    for (int64_t j = 0; status == EC_OK && j < source; j++) { /* a place that nothing reads has no taps */
        transposed->first[j] = first[j] ? first[j] - 1 : j ? transposed->first[j - 1] : 0;
        transposed->count[j] = first[j] ? last[j] - first[j] + 1 : 0;
    }
    for (int64_t i = 0; status == EC_OK && i < taps->size; i++) {
        for (int64_t k = 0; k < taps->count[i]; k++) {
            int64_t j = taps->first[i] + k;
            transposed->weight[j * most + i - transposed->first[j]] = taps->weight[i * taps->most + k];
        }
    }
    ec_free(last);
    return status;
}
