/* One function per instruction set, each compiled with the flags of its own. It fills the entries that it has; where
 * the build is for another architecture it does nothing, and the table stays as it is. */
#ifndef EC_KERNELS_ISA_RUNGS_H
#define EC_KERNELS_ISA_RUNGS_H

#include "kernels/kernels.h"

void ec_kernels_fill_scalar(struct ec_kernels *kernels);
void ec_kernels_fill_neon(struct ec_kernels *kernels);
void ec_kernels_fill_avx2(struct ec_kernels *kernels);
void ec_kernels_fill_avx512(struct ec_kernels *kernels);
void ec_kernels_fill_avx512_bf16(struct ec_kernels *kernels);
void ec_kernels_fill_amx(struct ec_kernels *kernels);

#endif
