/* The kernels in AVX2 with FMA (Haswell, Zen). */
#include "kernels/isa/rungs.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/simd/avx2.h"

#include "kernels/body/table.h"

void ec_kernels_fill_avx2(struct ec_kernels *kernels) { fill_table(kernels); }
#else
void ec_kernels_fill_avx2(struct ec_kernels *kernels) { (void)kernels; }
#endif
