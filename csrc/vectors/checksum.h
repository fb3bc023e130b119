/* XXH64 (Collet; public specification): 64 bits over the parts of a cache file, fast enough to check the index of
 * 400,000 words (14 MB) in two milliseconds each time a cache is opened. */
#ifndef EC_VECTORS_CHECKSUM_H
#define EC_VECTORS_CHECKSUM_H

#include <stdint.h>

uint64_t ec_checksum(const void *data, int64_t bytes);

#endif
