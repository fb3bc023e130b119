/* Product quantisation (Jegou, Douze and Schmid 2011): rows cut into parts of a few floats, each of which becomes the
 * nearest of 256 centroids of its place, found by k-means. */
#ifndef EC_FASTTEXT_QUANTISER_H
#define EC_FASTTEXT_QUANTISER_H

#include "base/status.h"

#include <stdint.h>

/* codes[count, parts] and centroids[256 * columns], in the order of fastText's files, from rows[count, columns] in
 * parts of `part` floats, the last one perhaps shorter. No bit depends on the threads. */
ec_status ec_fasttext_quantise(uint8_t *codes, float *centroids, const float *rows, int64_t count, int64_t columns,
                               int64_t part, uint64_t seed, int threads);

#endif
