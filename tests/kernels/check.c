/* Checks every kernel on every rung of this machine; exits with 1 after a failure. `--bench` prints timings instead,
 * `--rungs` the rungs of the machine and, last, the one in use. */
#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FRONT = 64
};

const struct ec_kernels *kernels;
static const char *kernel_name = "";
static int failures;
static float *slot_end[SLOTS], *slot_begin[SLOTS];

void at_kernel(const char *name) { kernel_name = name; }

void expect(int holds, const char *format, ...)
{
    if (holds || ++failures > 50) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("FAIL %s %s: ", kernels->name, kernel_name);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static void make_slots(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = SLOT_VALUES * sizeof(float);
    for (int slot = 0; slot < SLOTS; slot++) {
        char *block = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED || mprotect(block + bytes, page, PROT_NONE)) {
            perror("mmap");
            exit(2);
        }
        slot_end[slot] = (float *)(void *)(block + bytes);
    }
}

float *slot_array(int slot, int64_t count)
{
    if (count > SLOT_VALUES - FRONT) {
        fprintf(stderr, "a slot is too small\n");
        exit(2);
    }
    slot_begin[slot] = slot_end[slot] - count;
    for (float *p = slot_begin[slot] - FRONT; p < slot_end[slot]; p++) {
        *p = UNTOUCHED;
    }
    return slot_begin[slot];
}

int32_t *slot_numbers(int slot, int64_t count) { return (int32_t *)(void *)slot_array(slot, count); }

void expect_fronts(void)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        for (int i = 1; slot_begin[slot] && i <= FRONT; i++) {
            expect(slot_begin[slot][-i] == UNTOUCHED, "value %d in front of slot %d was written", i, slot);
        }
    }
}

void fill_random(float *out, int64_t n, float scale, uint64_t key)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = ((float)(ec_random_u32(key, (uint32_t)i) >> 8) * 0x1p-23f - 1.0f) * scale;
    }
}

void fill_numbers(int32_t *out, int64_t n, int32_t below, uint64_t key)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = (int32_t)(ec_random_u32(key, (uint32_t)i) % (uint32_t)below);
    }
}

int is_near(double got, double want, double relative, double absolute)
{
    if (isnan(want) || isinf(want)) {
        return isnan(want) ? isnan(got) : got == want;
    }
    return fabs(got - want) <= absolute + relative * fabs(want);
}

int64_t edge_size(int number)
{
    int64_t lanes = kernels->lanes;
    const int64_t sizes[] = {0, 1, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes - 1, 4 * lanes + 1, 67, 300, 1001};
    return number < (int)(sizeof sizes / sizeof *sizes) ? sizes[number] : -1;
}

static void on_fault(int number)
{
    (void)number;
    char text[128];
    int length = snprintf(text, sizeof text, "FAIL %s %s: access outside of an array\n", kernels->name, kernel_name);
    if (length > 0 && write(STDOUT_FILENO, text, (size_t)length) >= 0) {
        _exit(1);
    }
    _exit(2);
}

static void check_ladder(void)
{
    expect(ec_kernels_select("mmx") != 0 && ec_kernels_named("mmx") == NULL, "an unknown rung was accepted");
    expect(ec_kernels_select("scalar") == 0 && !strcmp(ec_kernels()->name, "scalar"), "scalar cannot be selected");
    expect(ec_kernels_select("auto") == 0 && !strcmp(ec_kernels()->name, kernels->name), "auto is not the best rung");
}

int main(int count, char **arguments)
{
    int bench = count > 1 && !strcmp(arguments[1], "--bench");
    static void (*const checks[])(void) = {check_gemm,       check_few_rows,  check_offset_tile, check_pack,
                                           check_tokens,     check_transpose, check_elementwise, check_reductions,
                                           check_activation, check_softmax,   check_dropout,     check_depthwise,
                                           check_update,     check_precision, check_stored};
    if (count > 1 && !strcmp(arguments[1], "--rungs")) {
        for (const char *const *rung = ec_kernels_available(); *rung; rung++) {
            printf("%s ", *rung);
        }
        printf("%s\n", ec_kernels()->name);
        return 0;
    }
    make_slots();
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    for (const char *const *rung = ec_kernels_available(); *rung; rung++) {
        kernels = ec_kernels_named(*rung);
        if (bench) {
            bench_all();
            continue;
        }
        for (size_t check = 0; check < sizeof checks / sizeof *checks; check++) {
            checks[check]();
            expect_fronts();
        }
        printf("%s: checked\n", *rung);
    }
    at_kernel("dispatch");
    check_ladder();
    return failures != 0;
}
