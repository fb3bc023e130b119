/* AVX-512 with dot products of bf16 pairs (Cooper Lake, Zen 4): the products of "medium", the rest is AVX-512's. */
#include "kernels/isa/rungs.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) &&                 \
    defined(__AVX512BF16__)
#include "kernels/simd/avx512_bf16.h"

#include "kernels/body/gemm_pairs.h"

void ec_kernels_fill_avx512_bf16(struct ec_kernels *kernels)
{
    kernels->name = "avx512_bf16";
    kernels->gemm[EC_MEDIUM] = gemm_pairs;
}
#else
void ec_kernels_fill_avx512_bf16(struct ec_kernels *kernels) { (void)kernels; }
#endif
