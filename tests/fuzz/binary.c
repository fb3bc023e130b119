/* word2vec binary. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drive(data, size, 1);
    return 0;
}
