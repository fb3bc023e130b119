/* The training loop; see the header. Lines come in blocks of some thousand tokens, blocks in groups: while one thread
 * steps through a group, the team reads the next. What was read is kept where it fits into memory. Rows that are wide
 * come from memory, so equal ones of a line are made one; narrow ones are in a cache, and sorting would take longer. */
#include "fasttext/training.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"

#include <math.h>
#include <stdatomic.h>

#ifndef EC_FASTTEXT_BLOCK_TOKENS /* the check for races is built with small ones, so that short texts cross them */
#define EC_FASTTEXT_BLOCK_TOKENS 8192
#define EC_FASTTEXT_SHARED_FLOATS 131072 /* of a mean line's rows, from which on two threads are faster than one */
#endif
#define GROUP 16                      /* blocks */
#define KEPT_BYTES ((int64_t)1 << 30) /* of lines */
#define ROWS_PER_TILE 4096
#define ID_BYTES 4
#define PAIR_BYTES 8

/* How far a thread is; all that learn the same lines are at the same place. */
struct place {
    struct ec_fasttext_progress progress;
    int64_t pending; /* tokens read since the rate was last changed */
    int64_t examples;
    double loss;
};

struct trainer {
    struct ec_fasttext_training *training;
    int64_t block_count;
    int64_t *blocks; /* first line of each, and the end */
    int pairs, keeps;
    struct ec_fasttext_lines *lines; /* of all blocks where they are kept, else of two groups */
    float *ones;                     /* the counts of any line, where rows are not made distinct */
    int shares;                      /* all threads learn, each some columns */
    struct ec_fasttext_steps steps;
    struct place places[EC_MAX_THREADS];
    _Atomic int status; /* of any thread */
};

static ec_status cut_blocks(struct trainer *trainer)
{
    const struct ec_fasttext_corpus *corpus = trainer->training->features->corpus;
    trainer->blocks = ec_alloc_array(corpus->line_count + 1, sizeof *trainer->blocks);
    if (!trainer->blocks) {
        return EC_NO_MEMORY;
    }
    int64_t begin = -EC_FASTTEXT_BLOCK_TOKENS;
    for (int64_t line = 0; line < corpus->line_count; line++) {
        int64_t at = line ? corpus->line_ends[line - 1] : 0;
        if (at - begin >= EC_FASTTEXT_BLOCK_TOKENS) {
            trainer->blocks[trainer->block_count++] = line;
            begin = at;
        }
    }
    trainer->blocks[trainer->block_count] = corpus->line_count;
    return EC_OK;
}

/* Ids of all lines, about. */
static int64_t count_ids(const struct ec_fasttext_features *features)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    int64_t tokens = corpus->line_count ? corpus->line_ends[corpus->line_count - 1] : 0, ids = 0;
    if (features->subword_ends) {
        for (int64_t i = 0; i < tokens; i++) {
            int32_t type = corpus->tokens[i];
            ids += type < 0 ? 0 : features->subword_ends[type] - (type ? features->subword_ends[type - 1] : 0);
        }
    }
    return ids + tokens * ec_most(1, features->word_ngrams);
}

/* Groups follow each other from epoch to epoch, each in the other half of the lines than the one before. */
static struct ec_fasttext_lines *place_of(const struct trainer *trainer, int64_t group, int64_t block)
{
    return &trainer->lines[trainer->keeps ? block : group % 2 * GROUP + block % GROUP];
}

static ec_status read_block(struct trainer *trainer, int64_t group, int64_t block)
{
    struct ec_range range = {trainer->blocks[block], trainer->blocks[block + 1]};
    struct ec_fasttext_lines *lines = place_of(trainer, group, block);
    ec_status status = ec_fasttext_read_lines(lines, trainer->training->features, range, trainer->pairs);
    return status || !trainer->keeps ? status : ec_fasttext_lines_fit(lines);
}

/* Ids of the longest line, at most. */
static int64_t longest(const struct ec_fasttext_training *training)
{
    const struct ec_fasttext_lines *given = training->given;
    int64_t most = 0;
    if (given) {
        for (int64_t line = 0; line < given->count; line++) {
            most = ec_most(most, given->id_ends[line] - (line ? given->id_ends[line - 1] : 0));
        }
        return most;
    }
    const struct ec_fasttext_corpus *corpus = training->features->corpus;
    for (int64_t line = 0; line < corpus->line_count; line++) {
        int64_t begin = line ? corpus->line_ends[line - 1] : 0, count = corpus->line_ends[line] - begin;
        most = ec_most(most, ec_fasttext_most_ids(training->features, corpus->tokens + begin, count));
    }
    return most;
}

static ec_status make_ones(struct trainer *trainer)
{
    int64_t most = longest(trainer->training);
    trainer->ones = ec_alloc_array(most, sizeof *trainer->ones);
    for (int64_t i = 0; trainer->ones && i < most; i++) {
        trainer->ones[i] = 1;
    }
    return trainer->ones ? EC_OK : EC_NO_MEMORY;
}

/* Where a line of a block stands. */
static struct ec_bag_slice slice_of(const struct trainer *trainer, const struct ec_fasttext_lines *lines, int64_t line)
{
    int64_t begin = line ? lines->id_ends[line - 1] : 0;
    const float *counts = trainer->pairs ? lines->counts + begin : trainer->ones;
    return (struct ec_bag_slice){lines->ids + begin, counts, lines->id_ends[line] - begin};
}

/* The steps of a block, by the calling thread, or by all of a team. */
static void learn_block(struct trainer *trainer, struct ec_team *team, const struct ec_fasttext_lines *lines,
                        int64_t first_line, uint64_t epoch)
{
    const struct ec_fasttext_training *training = trainer->training;
    struct place *place = &trainer->places[team ? team->index : 0];
    uint64_t key = ec_random_key(training->seed, epoch);
    for (int64_t i = 0; i < lines->count; i++) {
        int64_t label = i ? lines->label_ends[i - 1] : 0;
        struct ec_bag_slice line = slice_of(trainer, lines, i);
        struct ec_fasttext_target target = {lines->labels + label, lines->label_ends[i] - label,
                                            ec_random_key(key, (uint64_t)(first_line + i)),
                                            (float)place->progress.rate};
        if (training->importance) {
            target.rate *= training->importance[first_line + i];
        }
        if (line.count && target.count) {
            struct ec_bag_slice next = {0};
            if (i + 1 < lines->count) {
                next = slice_of(trainer, lines, i + 1);
            }
            place->loss += ec_fasttext_step(&trainer->steps, team, &line, &target, &next);
            place->examples++;
        }
        place->pending += lines->tokens[i];
        if (place->pending > training->rate_tokens) {
            place->progress.tokens += place->pending;
            place->pending = 0;
            double left = 1 - (double)place->progress.tokens / (double)ec_most(place->progress.total, 1);
            place->progress.rate = training->rate * fmax(left, 0);
        }
    }
}

static ec_status learn_group(struct trainer *trainer, struct ec_team *team, int64_t group, int64_t groups)
{
    struct ec_fasttext_training *training = trainer->training;
    struct place *place = &trainer->places[team ? team->index : 0];
    int64_t first = group % groups * GROUP, end = ec_least(first + GROUP, trainer->block_count);
    for (int64_t block = first; block < end; block++) {
        const struct ec_fasttext_lines *given = training->given;
        learn_block(trainer, team, given ? given : place_of(trainer, group, block), trainer->blocks[block],
                    (uint64_t)(group / groups));
    }
    place->progress.loss = place->loss / (double)ec_most(place->examples, 1);
    if (team && team->index) {
        return EC_OK;
    }
    training->progress = place->progress;
    if (!isfinite(training->progress.loss)) {
        return EC_BAD_VALUE;
    }
    return training->watch(training->argument, &training->progress) ? EC_INTERRUPTED : EC_OK;
}

static void keep_status(struct trainer *trainer, ec_status status)
{
    if (status) {
        atomic_store(&trainer->status, status);
    }
}

static void learn(struct ec_team *team, void *argument)
{
    struct trainer *trainer = argument;
    int64_t groups = ec_ceil_div(trainer->block_count, GROUP), steps = groups * trainer->training->epochs;
    for (int64_t step = 0; step <= steps; step++) {
        if (step && (trainer->shares || team->index == 0)) {
            keep_status(trainer, learn_group(trainer, trainer->shares ? team : NULL, step - 1, groups));
        }
        int64_t first = step % groups * GROUP, count = ec_least(GROUP, trainer->block_count - first);
        int reads = !trainer->training->given && step < (trainer->keeps ? groups : steps);
        for (int64_t i; reads && (i = ec_team_next(team, count)) >= 0;) {
            keep_status(trainer, read_block(trainer, step, first + i));
        }
        ec_team_barrier(team);
        if (atomic_load(&trainer->status)) {
            return;
        }
        ec_team_barrier(team); /* nobody writes a status before all have read it */
    }
}

/* The lines as one block, or blocks of those of the corpus that are read when they are due. */
static ec_status begin_lines(struct trainer *trainer, int64_t *lines, int64_t *ids)
{
    const struct ec_fasttext_training *training = trainer->training;
    const struct ec_fasttext_lines *given = training->given;
    if (!given) {
        *lines = training->features->corpus->line_count;
        *ids = count_ids(training->features);
        trainer->pairs = training->stride >= EC_FASTTEXT_WIDE;
        trainer->keeps = training->epochs > 1 && *ids * (trainer->pairs ? PAIR_BYTES : ID_BYTES) <= KEPT_BYTES;
        ec_status status = cut_blocks(trainer);
        trainer->lines = ec_alloc_zeros(trainer->keeps ? trainer->block_count : 2 * GROUP, sizeof *trainer->lines);
        return status || trainer->lines ? status : EC_NO_MEMORY;
    }
    *lines = given->count;
    *ids = given->count ? given->id_ends[given->count - 1] : 0;
    trainer->block_count = given->count > 0;
    trainer->blocks = ec_alloc_zeros(2, sizeof *trainer->blocks);
    if (trainer->blocks) {
        trainer->blocks[1] = given->count;
    }
    return trainer->blocks ? EC_OK : EC_NO_MEMORY;
}

static ec_status begin(struct trainer *trainer, int threads)
{
    struct ec_fasttext_training *training = trainer->training;
    int64_t lines = 0, ids = 0, tokens = 0;
    ec_status status = ec_fasttext_steps_init(&trainer->steps, &training->objective, training->rows, training->output,
                                              training->stride, threads);
    status = status ? status : begin_lines(trainer, &lines, &ids);
    if (training->given) {
        for (int64_t line = 0; line < lines; line++) {
            tokens += training->given->tokens[line];
        }
    } else {
        tokens = training->features->corpus->token_total;
    }
    trainer->shares = threads > 1 && training->stride >= EC_FASTTEXT_WIDE &&
                      ids * training->stride >= lines * EC_FASTTEXT_SHARED_FLOATS;
    training->progress = (struct ec_fasttext_progress){.total = training->epochs * tokens, .rate = training->rate};
    for (int i = 0; i < threads; i++) {
        trainer->places[i].progress = training->progress;
    }
    return status || trainer->pairs ? status : make_ones(trainer);
}

ec_status ec_fasttext_train(struct ec_fasttext_training *training, int threads)
{
    struct trainer trainer = {.training = training};
    ec_status status = begin(&trainer, threads);
    if (!status && trainer.block_count) {
        ec_parallel(threads, learn, &trainer);
        status = (ec_status)atomic_load(&trainer.status);
    }
    if (!status && training->stride == 1) {
        training->output[0] = (float)trainer.steps.omega;
    }
    for (int64_t i = 0; trainer.lines && i < (trainer.keeps ? trainer.block_count : 2 * GROUP); i++) {
        ec_fasttext_lines_clear(&trainer.lines[i]);
    }
    ec_free(trainer.lines);
    ec_free(trainer.blocks);
    ec_free(trainer.ones);
    ec_fasttext_steps_clear(&trainer.steps);
    return status;
}

struct random_rows {
    float *rows;
    int64_t count, width, stride;
    uint64_t seed;
};

static void randomise(struct ec_team *team, void *argument)
{
    const struct random_rows *work = argument;
    float scale = 2 / (float)work->width;
    for (struct ec_range rows; ec_team_next_range(team, work->count, ROWS_PER_TILE, &rows);) {
        for (int64_t row = rows.begin; row < rows.end; row++) {
            float *out = work->rows + row * work->stride;
            uint64_t key = ec_random_key(work->seed, (uint64_t)row);
            for (int64_t column = 0; column < work->width; column++) {
                out[column] = ((float)(ec_random_u32(key, (uint32_t)column) >> 8) * 0x1p-24f - 0.5f) * scale;
            }
            memset(out + work->width, 0, (size_t)(work->stride - work->width) * sizeof *out);
        }
    }
}

void ec_fasttext_randomise(float *rows, int64_t count, int64_t width, int64_t stride, uint64_t seed, int threads)
{
    struct random_rows work = {rows, count, width, stride, seed};
    ec_parallel(threads, randomise, &work);
}
