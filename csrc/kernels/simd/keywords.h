/* Two words that the vocabularies and the bodies share: functions that must be inlined, because constants travel
 * through their arguments, and loops over registers, which must be unrolled as registers cannot be indexed. */
#ifndef EC_KERNELS_SIMD_KEYWORDS_H
#define EC_KERNELS_SIMD_KEYWORDS_H

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 64")
#endif

#endif
