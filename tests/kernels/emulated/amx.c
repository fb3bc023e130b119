/* Stands in for csrc/kernels/isa/amx.c: the same bodies over a vocabulary in plain C, in which vectors have 16 lanes
 * and tile registers are arrays. Layouts, edges and sums of the tile kernels are then checked on any machine, in the
 * order of operations that the processor has (Intel's manual, TDPBF16PS: even and odd places of the depth are summed
 * apart, then their sum is added). A tile that is used before it was configured or loaded shows: the program stops, or
 * NaN comes out. */
#include "kernels/cpu.h"
#include "kernels/isa/rungs.h"
#include "kernels/simd/keywords.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16
#define COMPILER_BARRIER() ((void)0)

typedef struct {
    float lane[LANES];
} vec;
typedef int part;

INLINE part part_of(int64_t count)
{
    if (count < 0 || count > LANES) {
        abort();
    }
    return (part)count;
}
INLINE vec vec_load(const float *p)
{
    vec a;
    memcpy(&a, p, sizeof a);
    return a;
}
INLINE void vec_store(float *p, vec a) { memcpy(p, &a, sizeof a); }
INLINE vec vec_load_part(const float *p, part first)
{
    vec a = {{0}};
    memcpy(&a, p, (size_t)first * sizeof *p);
    return a;
}
INLINE void vec_store_part(float *p, part first, vec a) { memcpy(p, &a, (size_t)first * sizeof *p); }
INLINE vec vec_set(float value)
{
    vec a;
    for (int i = 0; i < LANES; i++) {
        a.lane[i] = value;
    }
    return a;
}
INLINE vec vec_sub(vec a, vec b)
{
    for (int i = 0; i < LANES; i++) {
        a.lane[i] -= b.lane[i];
    }
    return a;
}
INLINE void vec_transpose(vec row[LANES])
{
    vec turned[LANES];
    for (int r = 0; r < LANES; r++) {
        for (int c = 0; c < LANES; c++) {
            memcpy(&turned[c].lane[r], &row[r].lane[c], sizeof(float)); /* bits: a pair may look like a NaN */
        }
    }
    memcpy(row, turned, sizeof turned);
}

static uint32_t bf16_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value)) {
        return bits >> 16 | 0x40;
    }
    return fabsf(value) < 0x1p-126f ? bits >> 31 << 15 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
static float of_bf16(uint32_t bits)
{
    float value;
    bits <<= 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static float pair_of(float even, float odd)
{
    uint32_t bits = bf16_bits(even) | bf16_bits(odd) << 16;
    float pair;
    memcpy(&pair, &bits, sizeof pair);
    return pair;
}
INLINE vec pairs_beside(vec low, vec high)
{
    vec pairs;
    for (int i = 0; i < LANES; i++) {
        const float *from = i < LANES / 2 ? low.lane + 2 * i : high.lane + 2 * i - LANES;
        pairs.lane[i] = pair_of(from[0], from[1]);
    }
    return pairs;
}
INLINE vec pairs_between(vec even, vec odd)
{
    vec pairs;
    for (int i = 0; i < LANES; i++) {
        pairs.lane[i] = pair_of(even.lane[i], odd.lane[i]);
    }
    return pairs;
}
INLINE vec vec_rounded(vec a)
{
    for (int i = 0; i < LANES; i++) {
        a.lane[i] = of_bf16(bf16_bits(a.lane[i]));
    }
    return a;
}

static _Thread_local uint32_t tiles[8][16][16];
static _Thread_local int configured;

static void tiles_configure(void)
{
    memset(tiles, 0xff, sizeof tiles); /* NaN */
    configured = 1;
}
static void tiles_release(void) { configured = 0; }
static void expect_configured(void)
{
    if (!configured) {
        abort();
    }
}
static void tile_load(int tile, const float *from, int64_t stride)
{
    expect_configured();
    for (int row = 0; row < 16; row++) {
        memcpy(tiles[tile][row], (const char *)from + row * stride, 64);
    }
}
static void tile_store(int tile, float *to, int64_t stride)
{
    expect_configured();
    for (int row = 0; row < 16; row++) {
        memcpy((char *)to + row * stride, tiles[tile][row], 64);
    }
}
static void tile_zero(int tile)
{
    expect_configured();
    memset(tiles[tile], 0, sizeof tiles[tile]);
}
static void tile_dot(int sum, int a, int b)
{
    expect_configured();
    for (int row = 0; row < 16; row++) {
        for (int col = 0; col < 16; col++) {
            float even = 0.0f, odd = 0.0f, total;
            for (int pair = 0; pair < 16; pair++) { /* the products are exact: this is a fused multiply-add */
                even += of_bf16(tiles[a][row][pair] & 0xffff) * of_bf16(tiles[b][pair][col] & 0xffff);
                odd += of_bf16(tiles[a][row][pair] >> 16) * of_bf16(tiles[b][pair][col] >> 16);
            }
            memcpy(&total, &tiles[sum][row][col], sizeof total);
            total += even + odd;
            memcpy(&tiles[sum][row][col], &total, sizeof total);
        }
    }
}

#include "kernels/body/gemm_tiles.h"

void ec_kernels_fill_amx(struct ec_kernels *kernels) { fill_tiled(kernels); }

/* The linker gives dispatch.c this function for ec_cpu (--wrap). */
const struct ec_cpu *__real_ec_cpu(void);
const struct ec_cpu *__wrap_ec_cpu(void);
const struct ec_cpu *__wrap_ec_cpu(void)
{
    static struct ec_cpu cpu;
    cpu = *__real_ec_cpu();
    cpu.amx = 1;
    return &cpu;
}
