/* Random numbers of operations that change images: a function of (seed, step, layer, image) and which of its numbers it
 * is, as dropout's; computed again in the backward. */
#ifndef EC_OPS_IMAGE_DRAWS_H
#define EC_OPS_IMAGE_DRAWS_H

#include "base/random.h"
#include "ops/op.h"

/* Number `number` of an image, uniform in [low, high). */
static inline double ec_image_draw(const struct ec_step *step, int layer, int64_t image, int number, double low,
                                   double high)
{
    uint64_t key = ec_random_key(ec_random_key(step->key, (uint64_t)layer), (uint64_t)image);
    return low + (high - low) * ((double)ec_random_u32(key, (uint32_t)number) / 4294967296.0);
}

#endif
