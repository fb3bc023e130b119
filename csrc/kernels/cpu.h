/* What this processor has and the operating system lets us use. Asked once; dispatch.c turns it into tables. */
#ifndef EC_KERNELS_CPU_H
#define EC_KERNELS_CPU_H

struct ec_cpu {
    int neon;
    int avx2;        /* AVX2, FMA and F16C, and the system saves 256-bit registers */
    int avx512;      /* F, BW, DQ and VL, with avx2, and the system saves 512-bit registers and masks */
    int avx512_bf16; /* dot products of bf16 pairs, with avx512 */
    int amx;         /* AMX tiles of bf16, with avx512_bf16; Linux has granted this process the use of tile registers */
};

/* The first call detects and, for AMX, asks the system for permission. */
const struct ec_cpu *ec_cpu(void);

#endif
