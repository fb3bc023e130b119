/* AMX tiles of bf16 (Sapphire Rapids): the products of "high" and "medium", the rest is AVX-512's. */
#include "kernels/isa/rungs.h"

/* clang before 17 spells the names of the instruction sets without the second underscore. */
#if defined(__AVX512BF16__) && (defined(__AMX_TILE__) || defined(__AMXTILE__)) &&                                      \
    (defined(__AMX_BF16__) || defined(__AMXBF16__))
#include "kernels/simd/amx.h"

#include "kernels/body/gemm_tiles.h"

void ec_kernels_fill_amx(struct ec_kernels *kernels) { fill_tiled(kernels); }
#else
void ec_kernels_fill_amx(struct ec_kernels *kernels) { (void)kernels; }
#endif
