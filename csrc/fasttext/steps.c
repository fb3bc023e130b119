/* Steps of lines; see the header. With rows of 112 floats, a line of IMDB with pairs of words takes 30 us on one
 * thread, most of it waiting for rows; those of the next line are asked for meanwhile. */
#include "fasttext/steps.h"

#include "bags/product_form.h"
#include "bags/row_sums.h"
#include "base/memory.h"
#include "kernels/kernels.h"

#define BLOCK 16 /* columns of a cache line */

ec_status ec_fasttext_steps_init(struct ec_fasttext_steps *steps, const struct ec_fasttext_objective *objective,
                                 float *rows, float *output, int64_t stride, int threads)
{
    int64_t most = ec_fasttext_most_rows(objective);
    int failed = 0;
    *steps = (struct ec_fasttext_steps){.objective = objective,
                                        .rows = rows,
                                        .output = output,
                                        .stride = stride,
                                        .blocks = ec_ceil_div(stride, BLOCK),
                                        .omega = output[0],
                                        .mean = ec_alloc_zeros(stride, sizeof *steps->mean),
                                        .step = ec_alloc_zeros(stride, sizeof *steps->step),
                                        .seats = ec_alloc_zeros(threads, sizeof *steps->seats)};
    for (int half = 0; half < 2; half++) {
        steps->shares[half] = ec_alloc_array(most * steps->blocks, sizeof **steps->shares);
        failed |= !steps->shares[half];
    }
    for (; steps->seats && steps->seat_count < threads; steps->seat_count++) {
        struct ec_fasttext_seat *seat = &steps->seats[steps->seat_count];
        seat->logits = ec_alloc_array(most, sizeof *seat->logits);
        seat->choice.rows = ec_alloc_array(most, sizeof *seat->choice.rows);
        seat->choice.positive = ec_alloc_array(most, sizeof *seat->choice.positive);
        failed |= !seat->logits || !seat->choice.rows || !seat->choice.positive;
    }
    return failed || !steps->mean || !steps->step || !steps->seats ? EC_NO_MEMORY : EC_OK;
}

void ec_fasttext_steps_clear(struct ec_fasttext_steps *steps)
{
    for (int i = 0; i < steps->seat_count; i++) {
        ec_free(steps->seats[i].logits);
        ec_free(steps->seats[i].choice.rows);
        ec_free(steps->seats[i].choice.positive);
    }
    ec_free(steps->seats);
    ec_free(steps->shares[0]);
    ec_free(steps->shares[1]);
    ec_free(steps->mean);
    ec_free(steps->step);
}

static double folded_step(struct ec_fasttext_steps *steps, const struct ec_bag_slice *line,
                          const struct ec_fasttext_target *target)
{
    int positive = ec_fasttext_label(target) == 1;
    struct ec_folded_step step = {.rate = target->rate, .mirrored = 2, .positive = positive, .negative = !positive};
    return ec_folded_learn(steps->rows, &steps->omega, line, &step);
}

/* The seat's logits, of which every thread makes its blocks' shares. */
static void make_logits(struct ec_fasttext_steps *steps, struct ec_fasttext_seat *seat, struct ec_range blocks,
                        struct ec_team *team)
{
    float *shares = steps->shares[seat->lines++ % 2];
    int64_t width = ec_least(BLOCK, steps->stride);
    for (int64_t i = 0; i < seat->choice.count; i++) {
        const float *weights = steps->output + seat->choice.rows[i] * steps->stride;
        for (int64_t block = blocks.begin; block < blocks.end; block++) {
            shares[i * steps->blocks + block] = ec_row_dot(steps->mean + block * BLOCK, weights + block * BLOCK, width);
        }
    }
    if (team) {
        ec_team_barrier(team); /* shares of this line are written over in the one after the next, behind its barrier */
    }
    for (int64_t i = 0; i < seat->choice.count; i++) {
        seat->logits[i] = 0;
        for (int64_t block = 0; block < steps->blocks; block++) {
            seat->logits[i] += shares[i * steps->blocks + block];
        }
    }
}

double ec_fasttext_step(struct ec_fasttext_steps *steps, struct ec_team *team, const struct ec_bag_slice *line,
                        const struct ec_fasttext_target *target, const struct ec_bag_slice *next)
{
    if (steps->stride == 1) {
        return folded_step(steps, line, target);
    }
    const struct ec_kernels *kernels = ec_kernels();
    struct ec_fasttext_seat *seat = &steps->seats[team ? team->index : 0];
    struct ec_range blocks = ec_range_part(steps->blocks, team ? team->size : 1, team ? team->index : 0);
    int64_t first = blocks.begin * BLOCK, width = ec_least(blocks.end * BLOCK, steps->stride) - first;
    struct ec_row_table table = {steps->rows + first, width, steps->stride};
    float *mean = steps->mean + first, *step = steps->step + first;
    float length = 0;
    for (int64_t i = 0; i < line->count; i++) {
        length += line->tf[i];
    }
    ec_row_sum(mean, &table, line);
    kernels->scale(mean, mean, 1 / length, width);
    ec_fasttext_choose(&seat->choice, steps->objective, target);
    make_logits(steps, seat, blocks, team);
    double loss = ec_fasttext_amounts(seat->logits, steps->objective, &seat->choice, target->rate);
    kernels->fill(step, 0, width);
    for (int64_t i = 0; i < seat->choice.count; i++) {
        float *weights = steps->output + seat->choice.rows[i] * steps->stride + first;
        kernels->add_scaled(step, weights, seat->logits[i], width);
        kernels->add_scaled(weights, mean, seat->logits[i], width);
    }
    kernels->scale(step, step, 1 / length, width);
    ec_row_add(&table, line, step, (struct ec_range){0, EC_ROW_SHARDS}, next);
    return loss;
}
