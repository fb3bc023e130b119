/* depthwise, depthwise_gradient and those of 3 x 3: images of a few rows, any number of pixels and channels. */
#include "check.h"

enum {
    ROWS = 6, /* of windows */
    MOST_PIXELS = 11
};

/* Windows of 3 x 3 over an image of `pixels` + 2 columns, each row a little apart from the next. */
struct image {
    int64_t pixels, channels, in_row, out_row;
    float *in, *weights;
};

static struct image make_image(int64_t pixels, int64_t channels)
{
    struct image image = {pixels, channels, (pixels + 2) * channels + 3, pixels * channels + 5, NULL, NULL};
    int64_t size = (ROWS + 1) * image.in_row + (pixels + 2) * channels;
    image.in = slot_array(0, size);
    image.weights = slot_array(1, 9 * channels);
    fill_random(image.in, size, 1.0f, 1);
    fill_random(image.weights, 9 * channels, 1.0f, 2);
    return image;
}

static void find_taps(const struct image *image, int64_t row, struct ec_tap taps[9])
{
    for (int64_t t = 0; t < 9; t++) {
        taps[t] = (struct ec_tap){(row + t / 3) * image->in_row + t % 3 * image->channels, t * image->channels};
    }
}

static void check_forward(const struct image *image, int64_t rows, int accumulate)
{
    int64_t channels = image->channels, size = rows ? (rows - 1) * image->out_row + image->pixels * channels : 0;
    float *out = slot_array(2, size), *one = slot_array(3, image->pixels * channels), *start = slot_array(4, channels);
    fill_random(start, channels, 1.0f, 3);
    start = accumulate ? NULL : start;
    at_kernel("depthwise_3x3");
    kernels->depthwise_3x3(out, image->out_row, accumulate, start, image->in, image->in_row, image->weights, rows,
                           image->pixels, channels);
    for (int64_t r = 0; r < rows; r++) {
        struct ec_tap taps[9];
        find_taps(image, r, taps);
        one = slot_array(3, image->pixels * channels);
        kernels->depthwise(one, channels, accumulate, start, image->in, channels, image->weights, taps, 9,
                           image->pixels, channels);
        for (int64_t i = 0; i < image->pixels * channels; i++) {
            double want = accumulate ? (double)UNTOUCHED : (double)start[i % channels];
            for (int t = 0; t < 9; t++) {
                want += (double)image->in[taps[t].in + i] * (double)image->weights[taps[t].weight + i % channels];
            }
            expect(is_near(one[i], want, 2e-7, 2e-6) && out[r * image->out_row + i] == one[i],
                   "%d pixels, %d channels: [%d] is %g and %g, not %g", (int)image->pixels, (int)channels, (int)i,
                   (double)one[i], (double)out[r * image->out_row + i], want);
        }
    }
}

static void check_gradient(const struct image *image, int64_t rows)
{
    int64_t channels = image->channels, size = rows ? (rows - 1) * image->out_row + image->pixels * channels : 0;
    float *d = slot_array(2, size), *sums[2];
    fill_random(d, size, 1.0f, 4);
    for (int way = 0; way < 2; way++) {
        sums[way] = slot_array(3 + way, 9 * channels);
        memset(sums[way], 0, (size_t)(9 * channels) * sizeof *d);
    }
    at_kernel("depthwise_3x3_gradient");
    kernels->depthwise_3x3_gradient(sums[0], image->in, image->in_row, d, image->out_row, rows, image->pixels,
                                    channels);
    for (int64_t r = 0; r < rows; r++) {
        struct ec_tap taps[9];
        find_taps(image, r, taps);
        kernels->depthwise_gradient(sums[1], taps, 9, image->in, channels, d + r * image->out_row, channels,
                                    image->pixels, channels);
    }
    for (int64_t at = 0; at < 9 * channels; at++) {
        double want = 0.0;
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t i = 0; i < image->pixels; i++) {
                int64_t t = at / channels, c = at % channels;
                want += (double)image->in[(r + t / 3) * image->in_row + (i + t % 3) * channels + c] *
                        (double)d[r * image->out_row + i * channels + c];
            }
        }
        expect(is_near(sums[0][at], want, 1e-6, 1e-5) && is_near(sums[1][at], want, 1e-6, 1e-5),
               "%d pixels, %d channels: [%d] is %g and %g, not %g", (int)image->pixels, (int)channels, (int)at,
               (double)sums[0][at], (double)sums[1][at], want);
    }
}

void check_depthwise(void)
{
    int64_t channels;
    for (int number = 0; (channels = edge_size(number)) >= 0; number++) {
        for (int64_t pixels = 0; pixels <= MOST_PIXELS && channels <= 100; pixels++) {
            const struct image image = make_image(pixels, channels);
            for (int64_t rows = 0; rows <= ROWS; rows++) {
                check_forward(&image, rows, rows % 2);
                check_gradient(&image, rows);
            }
        }
    }
}
