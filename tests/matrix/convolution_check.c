/* The backward of a convolution over values that change behind its back, as a caller's array may while the core runs
 * without Python's lock: it writes no more windows than it has counted. Exits with 1 where a sum holds more. */
#include "base/memory.h"
#include "matrix/convolution.h"

#include <stdio.h>

enum {
    STEPS = 40,
    FILTERS = 3
};

static void run(struct ec_team *team, void *argument) { ec_convolution_backward(team, argument); }

int main(void)
{
    float x[STEPS], weight[FILTERS] = {0}, d_out[FILTERS * STEPS] = {0}, d_weight[FILTERS];
    for (int i = 0; i < STEPS; i++) {
        x[i] = 1.0f;
    }
    d_out[5] = d_out[STEPS + 6] = d_out[2 * STEPS + 7] = 1.0f;
    struct ec_convolution c = {.batch = 1,
                               .steps = STEPS,
                               .channels = 1,
                               .filters = FILTERS,
                               .taps = 1,
                               .x = x,
                               .weight = weight,
                               .d_out = d_out,
                               .d_weight = d_weight};
    struct ec_arena arena;
    ec_arena_init(&arena);
    if (ec_convolution_plan_backward(&c, &arena) != EC_OK || !c.is_sparse) {
        return 1;
    }
    for (int i = 0; i < FILTERS * STEPS; i++) {
        d_out[i] = 1.0f;
    }
    ec_parallel(1, run, &c);
    int failures = 0;
    for (int f = 0; f < FILTERS; f++) {
        failures += d_weight[f] != 1.0f;
        printf("filter %d: %g\n", f, (double)d_weight[f]);
    }
    ec_arena_clear(&arena);
    puts("convolution: checked");
    return failures != 0;
}
