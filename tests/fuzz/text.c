/* GloVe and word2vec text. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drive(data, size, 0);
    return 0;
}
