/* What the checks of all kernels share. Arrays end right in front of a page that must not be touched and start behind
 * a pattern that must stay; one array per slot. A check says which kernel it is at, compares with an obvious loop in
 * double precision, and goes on after a failure. */
#ifndef CHECK_H
#define CHECK_H

#include "base/random.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SLOTS = 8,
    SLOT_VALUES = 1 << 18
};
#define UNTOUCHED 12345.678f /* what outputs hold before a kernel runs */

extern const struct ec_kernels *kernels; /* the rung that is checked */

/* Names the kernel that following failures belong to. */
void at_kernel(const char *name);
/* Counts a failure and prints it, if `holds` is 0. */
void expect(int holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `count` floats in front of the forbidden page, all UNTOUCHED. */
float *slot_array(int slot, int64_t count);
int32_t *slot_numbers(int slot, int64_t count);
/* The patterns in front of all arrays are as they were. */
void expect_fronts(void);

/* Values from -scale to scale. */
void fill_random(float *out, int64_t n, float scale, uint64_t key);
/* Numbers from 0 to below - 1. */
void fill_numbers(int32_t *out, int64_t n, int32_t below, uint64_t key);
/* Equal, or both NaN, or within absolute + relative * |want|. */
int is_near(double got, double want, double relative, double absolute);
/* The size number `number` worth checking with vectors of `lanes`: 0, 1, lanes - 1, lanes, ...; -1 behind the last. */
int64_t edge_size(int number);

void check_gemm(void);
void check_pack(void);
void check_precision(void);
void check_tokens(void);
void check_stored(void);
void check_few_rows(void);
void check_offset_tile(void);
void check_transpose(void);
void check_elementwise(void);
void check_reductions(void);
void check_activation(void);
void check_softmax(void);
void check_dropout(void);
void check_depthwise(void);
void check_update(void);
void bench_all(void);

#endif
