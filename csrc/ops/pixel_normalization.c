/* Sums over the pixels of images, and their scaling, channel by channel. */
#include "ops/pixel_normalization.h"

#include <string.h>

enum {
    PARTS = 64,
    BLOCK = 64 /* pixels whose sums are taken in float32 */
};

ec_status ec_pixels_plan(struct ec_pixels *pixels, const struct ec_tensor *in, struct ec_step *step)
{
    pixels->count = ec_tensor_vectors(in);
    pixels->channels = in->channels;
    pixels->parts = ec_most(1, ec_least(PARTS, pixels->count / BLOCK));
    pixels->sums = ec_arena_take(step->arena, pixels->parts * 2 * pixels->channels, sizeof *pixels->sums);
    pixels->rows = ec_arena_take(step->arena, step->threads * 2 * pixels->channels, sizeof *pixels->rows);
    pixels->factors = ec_arena_take(step->arena, 4 * pixels->channels, sizeof *pixels->factors);
    return step->arena->failed ? EC_NO_MEMORY : EC_OK;
}

void ec_pixels_center(const struct ec_pixels *pixels, struct ec_team *team, float *center, const float *in)
{
    int64_t some = ec_least(BLOCK, pixels->count), apart = pixels->count / some;
    while (ec_team_next(team, 1) >= 0) {
        ec_kernels()->column_sum(center, 0, in, apart * pixels->channels, some, pixels->channels);
        ec_kernels()->scale(center, center, 1.0f / (float)some, pixels->channels);
    }
    ec_team_barrier(team);
}

static void sum_part(const struct ec_pixels *pixels, int thread, int64_t part, const float *in, const float *center,
                     const float *other)
{
    const struct ec_range range = ec_range_part(pixels->count, pixels->parts, part);
    int64_t channels = pixels->channels;
    double *sums = pixels->sums + part * 2 * channels;
    float *block = pixels->rows + thread * 2 * channels;
    memset(sums, 0, (size_t)(2 * channels) * sizeof *sums);
    for (int64_t at = range.begin; at < range.end; at += BLOCK) {
        ec_kernels()->centered_sums(block, block + channels, in + at * channels, center,
                                    other ? other + at * channels : NULL, ec_least(BLOCK, range.end - at), channels);
        for (int64_t c = 0; c < 2 * channels; c++) {
            sums[c] += (double)block[c];
        }
    }
}

void ec_pixels_sum(const struct ec_pixels *pixels, struct ec_team *team, double *sums, const float *in,
                   const float *center, const float *other)
{
    for (int64_t part; (part = ec_team_next(team, pixels->parts)) >= 0;) {
        sum_part(pixels, team->index, part, in, center, other);
    }
    ec_team_barrier(team);
    while (ec_team_next(team, 1) >= 0) {
        memset(sums, 0, (size_t)(2 * pixels->channels) * sizeof *sums);
        for (int64_t part = 0; part < pixels->parts; part++) {
            for (int64_t c = 0; c < 2 * pixels->channels; c++) {
                sums[c] += pixels->sums[part * 2 * pixels->channels + c];
            }
        }
    }
    ec_team_barrier(team);
}

void ec_pixels_scale(const struct ec_pixels *pixels, struct ec_team *team, float *out, int accumulate, const float *in,
                     const float *center, const float *scale, const float *offset, const float *other,
                     const float *other_scale)
{
    for (struct ec_range tile; ec_team_next_range(team, pixels->count, BLOCK, &tile);) {
        int64_t at = tile.begin * pixels->channels;
        ec_kernels()->centered_scale(out + at, accumulate, in + at, center, scale, offset, other ? other + at : NULL,
                                     other_scale, tile.end - tile.begin, pixels->channels);
    }
    ec_team_barrier(team);
}
