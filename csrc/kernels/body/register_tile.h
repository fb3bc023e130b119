/* What the register tiles share (gemm.h, offset_tile.h, few_rows.h): gemm_rows x gemm_cols sums stay in registers while
 * a loop of the tile's own runs over the depth. They start at zero and are stored, or added to what is there, behind
 * it. All takes constants once it is inlined: so sum[][] can live in registers. */
#ifndef EC_KERNELS_BODY_REGISTER_TILE_H
#define EC_KERNELS_BODY_REGISTER_TILE_H

#include "kernels/body/partial.h"
#include "kernels/kernels.h"

#define GEMM_COLS (GEMM_VECTORS * LANES)

INLINE void tile_clear(vec sum[GEMM_ROWS][GEMM_VECTORS], const int rows, const int vectors)
{
    UNROLLED for (int r = 0; r < rows; r++)
    {
        UNROLLED for (int v = 0; v < vectors; v++) { sum[r][v] = vec_set(0.0f); }
    }
}

/* The first `cols` sums of each row go to out, whose rows are out_stride floats apart. */
INLINE void tile_store(float *out, int64_t out_stride, int accumulate, vec sum[GEMM_ROWS][GEMM_VECTORS], const int rows,
                       const int vectors, int cols)
{
    UNROLLED for (int r = 0; r < rows; r++)
    {
        float *out_row = out + r * out_stride;
        UNROLLED for (int v = 0; v < vectors; v++)
        {
            int left = cols - v * LANES;
            if (left > 0) {
                vec total = sum[r][v];
                total = accumulate ? vec_add(vec_load_upto(out_row + v * LANES, left), total) : total;
                vec_store_upto(out_row + v * LANES, left, total);
            }
        }
    }
}

/* Row counts above GEMM_ROWS never occur; the clamp only keeps their cases in TILE_OF_ROWS from growing the code. */
INLINE int tile_rows(const int wanted) { return wanted <= GEMM_ROWS ? wanted : 1; }

/* tile(arguments, rows, ...) with a constant for `rows`. */
#define TILE_OF_ROWS(tile, arguments, rows, ...)                                                                       \
    switch (rows) {                                                                                                    \
    case 1: tile(arguments, 1, __VA_ARGS__); break;                                                                    \
    case 2: tile(arguments, 2, __VA_ARGS__); break;                                                                    \
    case 3: tile(arguments, 3, __VA_ARGS__); break;                                                                    \
    case 4: tile(arguments, 4, __VA_ARGS__); break;                                                                    \
    case 5: tile(arguments, 5, __VA_ARGS__); break;                                                                    \
    case 6: tile(arguments, 6, __VA_ARGS__); break;                                                                    \
    case 7: tile(arguments, 7, __VA_ARGS__); break;                                                                    \
    case 8: tile(arguments, 8, __VA_ARGS__); break;                                                                    \
    case 9: tile(arguments, 9, __VA_ARGS__); break;                                                                    \
    case 10: tile(arguments, 10, __VA_ARGS__); break;                                                                  \
    case 11: tile(arguments, 11, __VA_ARGS__); break;                                                                  \
    case 12: tile(arguments, 12, __VA_ARGS__); break;                                                                  \
    case 13: tile(arguments, 13, __VA_ARGS__); break;                                                                  \
    case 14: tile(arguments, 14, __VA_ARGS__); break;                                                                  \
    }

_Static_assert(GEMM_ROWS <= 14, "a case above for each row count");
_Static_assert(GEMM_ROWS <= EC_GEMM_MAX_ROWS && GEMM_COLS <= EC_GEMM_MAX_COLS, "what callers make room for");

#endif
