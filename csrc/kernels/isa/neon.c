/* The kernels in NEON (every 64-bit ARM has it). */
#include "kernels/isa/rungs.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "kernels/simd/neon.h"

#include "kernels/body/table.h"

void ec_kernels_fill_neon(struct ec_kernels *kernels) { fill_table(kernels); }
#else
void ec_kernels_fill_neon(struct ec_kernels *kernels) { (void)kernels; }
#endif
