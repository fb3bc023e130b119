/* Images seen through a map: see warp.h. */
#include "images/warp.h"

#include <math.h>
#include <stddef.h>

const char *const ec_fill_mode_names[] = {"constant", "reflect", "wrap", "nearest", NULL};

static const float farthest = 1e8f; /* beyond any image: a coordinate that is no number, or no place, ends there */

/* A coordinate brought into the image, as the fill mode says; constants stay outside. */
static float inside(float at, int64_t size, enum ec_fill_mode mode)
{
    float length = (float)size, last = (float)(size - 1);
    at = fminf(fmaxf(at, -farthest), farthest);
    if (mode == EC_FILL_CONSTANT || (at >= 0.0f && at <= last)) {
        return at;
    }
    if (mode == EC_FILL_REFLECT) {
        at = at < 0.0f ? -at - 1.0f : at; /* the image is the same on both sides of its edge */
        at -= 2.0f * length * floorf(at / (2.0f * length));
        at = at >= length ? 2.0f * length - at - 1.0f : at;
    } else if (mode == EC_FILL_WRAP && size > 1) { /* as TensorFlow: what lies between two images is the second one's */
        at += length * (at < 0.0f ? floorf(-at / last) + 1.0f : -floorf(at / last));
    }
    return fminf(fmaxf(at, 0.0f), last);
}

/* Up to four pixels of the source with their shares; -1: the constant. */
struct places {
    int64_t at[4];
    float share[4];
    int count;
};

static void add_place(struct places *places, const struct ec_warp *warp, float x, float y, float share)
{
    int is_there = x >= 0.0f && y >= 0.0f && x < (float)warp->width && y < (float)warp->height;
    places->at[places->count] = is_there ? ((int64_t)y * warp->width + (int64_t)x) * warp->channels : -1;
    places->share[places->count++] = share;
}

/* Where the map leads from a pixel of the result, before edges are looked at. */
static inline void follow(float at[2], const float map[8], float x, float y)
{
    at[0] = map[0] * x + map[1] * y + map[2];
    at[1] = map[3] * x + map[4] * y + map[5];
    if (map[6] != 0.0f || map[7] != 0.0f) {
        float k = map[6] * x + map[7] * y + 1.0f;
        at[0] /= k;
        at[1] /= k;
    }
}

static struct places places_of(const struct ec_warp *warp, const float at[2])
{
    struct places places = {.count = 0};
    float at_x = inside(at[0], warp->width, warp->fill_mode), at_y = inside(at[1], warp->height, warp->fill_mode);
    if (!warp->bilinear) {
        add_place(&places, warp, roundf(at_x), roundf(at_y), 1.0f);
        return places;
    }
    float left = floorf(at_x), top = floorf(at_y), right_share = at_x - left, bottom_share = at_y - top;
    add_place(&places, warp, left, top, (1.0f - bottom_share) * (1.0f - right_share));
    if (right_share > 0.0f) {
        add_place(&places, warp, left + 1.0f, top, (1.0f - bottom_share) * right_share);
    }
    if (bottom_share > 0.0f) {
        add_place(&places, warp, left, top + 1.0f, bottom_share * (1.0f - right_share));
    }
    if (right_share > 0.0f && bottom_share > 0.0f) {
        add_place(&places, warp, left + 1.0f, top + 1.0f, bottom_share * right_share);
    }
    return places;
}

/* A pixel anywhere. */
static void read_pixel(float *pixel, const float *in, const struct ec_warp *warp, const float at[2])
{
    struct places places = places_of(warp, at);
    for (int64_t c = 0; c < warp->channels; c++) {
        float sum = 0.0f;
        for (int k = 0; k < places.count; k++) {
            sum += places.share[k] * (places.at[k] < 0 ? warp->fill_value : in[places.at[k] + c]);
        }
        pixel[c] = sum;
    }
}

/* The same between four pixels of the image, which most are. */
static inline __attribute__((always_inline)) void read_inner(float *pixel, const float *in, int64_t width,
                                                             int64_t channels, const float at[2])
{
    int32_t left = (int32_t)at[0], top = (int32_t)at[1];
    float right_share = at[0] - (float)left, bottom_share = at[1] - (float)top;
    const float *corner = in + (top * width + left) * channels;
    int64_t beside = right_share > 0.0f ? channels : 0, below = bottom_share > 0.0f ? width * channels : 0;
    float shares[4] = {(1.0f - bottom_share) * (1.0f - right_share), (1.0f - bottom_share) * right_share,
                       bottom_share * (1.0f - right_share), bottom_share * right_share};
    for (int64_t c = 0; c < channels; c++) {
        pixel[c] = shares[0] * corner[c] + shares[1] * corner[beside + c] + shares[2] * corner[below + c] +
                   shares[3] * corner[below + beside + c];
    }
}

/* Inlined with `channels` known, where pixels are small. */
static inline __attribute__((always_inline)) void row_of(float *out, const float *in, const struct ec_warp *warp,
                                                         const float map[8], int64_t row, int64_t channels)
{
    float last_x = (float)(warp->width - 1), last_y = (float)(warp->height - 1);
    for (int64_t col = 0; col < warp->width; col++) {
        float at[2];
        follow(at, map, (float)col, (float)row);
        if (warp->bilinear && at[0] >= 0.0f && at[1] >= 0.0f && at[0] <= last_x && at[1] <= last_y) {
            read_inner(out + col * channels, in, warp->width, channels, at);
        } else {
            read_pixel(out + col * channels, in, warp, at);
        }
    }
}

void ec_warp_rows(float *out, const float *in, const struct ec_warp *warp, const float map[8], struct ec_range rows)
{
    for (int64_t row = rows.begin; row < rows.end; row++) {
        float *to = out + row * warp->width * warp->channels;
        switch (warp->channels) {
        case 1: row_of(to, in, warp, map, row, 1); break;
        case 3: row_of(to, in, warp, map, row, 3); break;
        default: row_of(to, in, warp, map, row, warp->channels);
        }
    }
}

void ec_warp_backward(float *d_in, const float *d_out, const struct ec_warp *warp, const float map[8])
{
    for (int64_t row = 0; row < warp->height; row++) {
        for (int64_t col = 0; col < warp->width; col++) {
            float at[2];
            follow(at, map, (float)col, (float)row);
            struct places places = places_of(warp, at);
            const float *d_pixel = d_out + (row * warp->width + col) * warp->channels;
            for (int k = 0; k < places.count; k++) {
                for (int64_t c = 0; places.at[k] >= 0 && c < warp->channels; c++) {
                    d_in[places.at[k] + c] += places.share[k] * d_pixel[c];
                }
            }
        }
    }
}
