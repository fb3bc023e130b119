/* Detection by cpuid, and by xgetbv: an instruction set counts only if the system saves its registers. */
#define _GNU_SOURCE
#include "kernels/cpu.h"

#include <pthread.h>
#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

static struct ec_cpu cpu;

#if defined(__x86_64__)
/* Bits of the XCR0 register: state that the system saves when it switches threads. */
enum {
    SAVES_AVX = 0x6,       /* 128- and 256-bit registers */
    SAVES_AVX512 = 0xe6,   /* and masks, upper halves, registers 16 to 31 */
    SAVES_TILES = 0x60000, /* AMX configuration and data */
};

static unsigned saved_state(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int all(unsigned value, unsigned bits) { return (value & bits) == bits; }

/* Linux gives tile registers only to processes that ask for them (its documentation, x86/xstate). */
static int may_use_tiles(void)
{
#ifdef __linux__
    enum {
        ARCH_REQ_XCOMP_PERM = 0x1023,
        XFEATURE_XTILEDATA = 18
    };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return 0;
#endif
}

static void detect(void)
{
    const unsigned osxsave = 1u << 27, avx = 1u << 28, fma = 1u << 12, f16c = 1u << 29;       /* leaf 1, ecx */
    const unsigned avx2 = 1u << 5, f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31; /* leaf 7, ebx */
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24, avx512_bf16 = 1u << 5;           /* leaf 7, edx, eax */
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !all(ecx, osxsave | avx | fma | f16c)) {
        return;
    }
    unsigned saved = saved_state();
    if (!all(saved, SAVES_AVX) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return;
    }
    cpu.avx2 = all(ebx, avx2);
    cpu.avx512 = cpu.avx2 && all(ebx, f | dq | bw | vl) && all(saved, SAVES_AVX512);
    int has_tiles = all(edx, amx_bf16 | amx_tile);
    if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
        cpu.avx512_bf16 = cpu.avx512 && all(eax, avx512_bf16);
    }
    cpu.amx = cpu.avx512_bf16 && has_tiles && all(saved, SAVES_TILES) && may_use_tiles();
}
#elif defined(__aarch64__)
static void detect(void) { cpu.neon = 1; }
#else
static void detect(void) {}
#endif

const struct ec_cpu *ec_cpu(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, detect);
    return &cpu;
}
