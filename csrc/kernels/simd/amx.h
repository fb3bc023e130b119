/* The vocabulary of AVX-512 with bf16 pairs and, on top, AMX: eight tile registers of 16 rows of 64 bytes. Numbers of
 * tiles must be constants, so the operations on them are macros.
 *
 * gcc 12 does not know how much memory the configuration and the loads read, so the compiler is told that memory
 * matters right before them. */
#ifndef EC_KERNELS_SIMD_AMX_H
#define EC_KERNELS_SIMD_AMX_H

#include "kernels/simd/avx512_bf16.h"

#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* All eight tiles are used whole, as 16 rows of 16 floats or of 16 pairs. Per thread, until tiles_release. The shape is
 * constant data: what a function stores to an array of its own right before, gcc 12 takes for dead. */
INLINE void tiles_configure(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _Static_assert(sizeof shape == 64, "Intel's manual, palette 1");
    COMPILER_BARRIER();
    _tile_loadconfig(&shape);
    COMPILER_BARRIER();
}
INLINE void tiles_release(void) { _tile_release(); }

/* The tile's rows are `stride` bytes apart. */
#define tile_load(tile, from, stride) _tile_loadd(tile, from, stride)
#define tile_store(tile, to, stride) _tile_stored(tile, to, stride)
#define tile_zero(tile) _tile_zero(tile)
/* sum[r][c] += over all pairs p: a[r][p] . b[p][c] */
#define tile_dot(sum, a, b) _tile_dpbf16ps(sum, a, b)

#endif
