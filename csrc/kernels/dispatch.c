/* The ladder: from the plain C kernels up, each rung that the machine has starts from the table below it and overwrites
 * what it has better. The highest rung, or the one asked for, is the table that everybody uses. */
#include "kernels/cpu.h"
#include "kernels/isa/rungs.h"
#include "kernels/kernels.h"

#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The last two have matrix products of their own, nothing else. */
const char *const ec_kernels_names[] = {"scalar", "neon", "avx2", "avx512", "avx512_bf16", "amx", NULL};
enum {
    NAMES = sizeof ec_kernels_names / sizeof *ec_kernels_names - 1
};

static struct ec_kernels tables[NAMES]; /* of this machine, lowest first */
static const char *available[NAMES + 1];
static int rungs;
static _Atomic(const struct ec_kernels *) in_use;

static int rank_of(const char *name)
{
    for (int rank = 0; rank < NAMES; rank++) {
        if (name && !strcmp(name, ec_kernels_names[rank])) {
            return rank;
        }
    }
    return -1;
}

static void add_rung(int present, void (*fill)(struct ec_kernels *kernels))
{
    struct ec_kernels *table = &tables[rungs];
    if (!present) {
        return;
    }
    if (rungs > 0) {
        *table = tables[rungs - 1];
    }
    const char *below = table->name;
    fill(table);
    if (table->name != below) { /* else the build lacks it */
        available[rungs++] = table->name;
    }
}

static void build_tables(void)
{
    const struct ec_cpu *cpu = ec_cpu();
    add_rung(1, ec_kernels_fill_scalar);
    add_rung(cpu->neon, ec_kernels_fill_neon);
    add_rung(cpu->avx2, ec_kernels_fill_avx2);
    add_rung(cpu->avx512, ec_kernels_fill_avx512);
    add_rung(cpu->avx512_bf16, ec_kernels_fill_avx512_bf16);
    add_rung(cpu->amx, ec_kernels_fill_amx);

    int cap = rank_of(getenv("EMBEDCNN_ISA")); /* an unknown name, which csrc/python refuses, caps nothing */
    int best = rungs - 1;
    while (cap >= 0 && best > 0 && rank_of(tables[best].name) > cap) {
        best--;
    }
    atomic_store(&in_use, &tables[best]);
}

static void ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build_tables);
}

const struct ec_kernels *ec_kernels(void)
{
    const struct ec_kernels *kernels = atomic_load_explicit(&in_use, memory_order_acquire);
    if (!kernels) {
        ready();
        kernels = atomic_load_explicit(&in_use, memory_order_acquire);
    }
    return kernels;
}

const struct ec_kernels *ec_kernels_named(const char *name)
{
    ready();
    for (int rung = 0; rung < rungs; rung++) {
        if (!strcmp(name, tables[rung].name)) {
            return &tables[rung];
        }
    }
    return NULL;
}

int ec_kernels_select(const char *name)
{
    ready();
    const struct ec_kernels *kernels = strcmp(name, "auto") ? ec_kernels_named(name) : &tables[rungs - 1];
    if (!kernels) {
        return EC_BAD_VALUE;
    }
    atomic_store(&in_use, kernels);
    return EC_OK;
}

const char *const *ec_kernels_available(void)
{
    ready();
    return available;
}
