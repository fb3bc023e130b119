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

static struct places places_of(const struct ec_warp *warp, const float map[8], int64_t row, int64_t col)
{
    struct places places = {.count = 0};
    float x = (float)col, y = (float)row, k = map[6] * x + map[7] * y + 1.0f;
    float at_x = inside((map[0] * x + map[1] * y + map[2]) / k, warp->width, warp->fill_mode);
    float at_y = inside((map[3] * x + map[4] * y + map[5]) / k, warp->height, warp->fill_mode);
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

void ec_warp_rows(float *out, const float *in, const struct ec_warp *warp, const float map[8], struct ec_range rows)
{
    for (int64_t row = rows.begin; row < rows.end; row++) {
        for (int64_t col = 0; col < warp->width; col++) {
            struct places places = places_of(warp, map, row, col);
            float *pixel = out + (row * warp->width + col) * warp->channels;
            for (int64_t c = 0; c < warp->channels; c++) {
                float sum = 0.0f;
                for (int k = 0; k < places.count; k++) {
                    sum += places.share[k] * (places.at[k] < 0 ? warp->fill_value : in[places.at[k] + c]);
                }
                pixel[c] = sum;
            }
        }
    }
}

void ec_warp_backward(float *d_in, const float *d_out, const struct ec_warp *warp, const float map[8])
{
    for (int64_t row = 0; row < warp->height; row++) {
        for (int64_t col = 0; col < warp->width; col++) {
            struct places places = places_of(warp, map, row, col);
            const float *d_pixel = d_out + (row * warp->width + col) * warp->channels;
            for (int k = 0; k < places.count; k++) {
                for (int64_t c = 0; places.at[k] >= 0 && c < warp->channels; c++) {
                    d_in[places.at[k] + c] += places.share[k] * d_pixel[c];
                }
            }
        }
    }
}
