/* Padding and choosing rows of ragged sequences, in parallel over blocks of rows; see the header. */
#include "text/sequence.h"

#include "base/threads.h"

#include <string.h>

#define ROWS_PER_TILE 256

struct job {
    int32_t *out;
    const int64_t *out_offsets;
    const int32_t *ids;
    const int64_t *offsets;
    const int64_t *chosen;
    int64_t rows;
    const struct ec_padding *padding;
};

static void run(struct job *job, ec_team_fn fn, int threads)
{
    int64_t tiles = ec_ceil_div(job->rows, ROWS_PER_TILE);
    if (tiles) {
        ec_parallel(threads > tiles ? (int)tiles : threads, fn, job);
    }
}

int64_t ec_sequence_place(const struct ec_padding *padding, int64_t length, int64_t *source, int64_t *target)
{
    int64_t taken = length < padding->width ? length : padding->width;
    *source = padding->truncate_last ? 0 : length - taken;
    *target = padding->pad_after ? 0 : padding->width - taken;
    return taken;
}

static void pad_tiles(struct ec_team *team, void *argument)
{
    const struct job *job = argument;
    const struct ec_padding *padding = job->padding;
    for (struct ec_range rows; ec_team_next_range(team, job->rows, ROWS_PER_TILE, &rows);) {
        for (int64_t i = rows.begin; i < rows.end; i++) {
            int64_t source;
            int64_t target;
            int32_t *row = job->out + i * padding->width;
            int64_t taken = ec_sequence_place(padding, job->offsets[i + 1] - job->offsets[i], &source, &target);
            for (int64_t t = 0; t < target; t++) {
                row[t] = padding->value;
            }
            memcpy(row + target, job->ids + job->offsets[i] + source, (size_t)taken * sizeof *row);
            for (int64_t t = target + taken; t < padding->width; t++) {
                row[t] = padding->value;
            }
        }
    }
}

void ec_sequence_pad(int32_t *out, const int32_t *ids, const int64_t *offsets, int64_t rows,
                     const struct ec_padding *padding, int threads)
{
    struct job job = {.out = out, .ids = ids, .offsets = offsets, .rows = rows, .padding = padding};
    run(&job, pad_tiles, threads);
}

static void gather_tiles(struct ec_team *team, void *argument)
{
    const struct job *job = argument;
    for (struct ec_range rows; ec_team_next_range(team, job->rows, ROWS_PER_TILE, &rows);) {
        for (int64_t i = rows.begin; i < rows.end; i++) {
            int64_t length = job->out_offsets[i + 1] - job->out_offsets[i];
            memcpy(job->out + job->out_offsets[i], job->ids + job->offsets[job->chosen[i]],
                   (size_t)length * sizeof *job->out);
        }
    }
}

void ec_sequence_gather(int32_t *out_ids, const int64_t *out_offsets, const int32_t *ids, const int64_t *offsets,
                        const int64_t *chosen, int64_t count, int threads)
{
    struct job job = {
        .out = out_ids, .out_offsets = out_offsets, .ids = ids, .offsets = offsets, .chosen = chosen, .rows = count};
    run(&job, gather_tiles, threads);
}
