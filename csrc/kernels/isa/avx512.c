/* The kernels in AVX-512 (Skylake-X, Zen 4). */
#include "kernels/isa/rungs.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/simd/avx512.h"

#include "kernels/body/table.h"

void ec_kernels_fill_avx512(struct ec_kernels *kernels) { fill_table(kernels); }
#else
void ec_kernels_fill_avx512(struct ec_kernels *kernels) { (void)kernels; }
#endif
