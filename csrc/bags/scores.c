/* Margins of documents; see the header. Of the time four fifths are tokens and their ids (reader.c); the rows of the
 * table lie all over it, so they are asked for before their turn comes. */
#include "bags/scores.h"

#include "bags/reader.h"
#include "base/memory.h"
#include "text/corpus.h"

#include <math.h>

#define AHEAD 16  /* rows that are asked for before they are added */
#define CACHED 16 /* counts whose multipliers are made once; nearly all are 1 */

struct work {
    struct ec_corpus corpus;
    const struct ec_bag_scoring *scoring;
    float *margins;
    double *multipliers; /* [CACHED, columns] */
};

/* What a row is multiplied by where its feature occurs `count` times. */
static void multiply_by(double *out, const struct ec_bag_scoring *scoring, double count)
{
    double logarithm = 1 + log(count);
    for (int64_t p = 0; p < scoring->part_count; p++) {
        const struct ec_bag_part *part = &scoring->parts[p];
        double tf = part->sublinear ? logarithm : count;
        double norm = part->norm == EC_BAG_NORM_L2 ? tf * tf : count;
        for (int64_t unit = 0; unit < part->units; unit++) {
            *out++ = tf;
        }
        for (int64_t unit = 0; unit < part->norms; unit++) {
            *out++ = norm;
        }
    }
}

static inline void add_rows(double *sums, const struct ec_bag *bag, const struct ec_bag_scoring *scoring,
                            const double *multipliers, double *spare, int64_t columns)
{
    for (int64_t i = 0; i < bag->count; i++) {
        if (i + AHEAD < bag->count) {
            __builtin_prefetch(scoring->table + bag->ids[i + AHEAD] * columns);
        }
        const float *row = scoring->table + bag->ids[i] * columns;
        const double *factors = spare;
        if (bag->counts[i] < CACHED) {
            factors = multipliers + (int64_t)bag->counts[i] * columns;
        } else {
            multiply_by(spare, scoring, bag->counts[i]);
        }
        for (int64_t column = 0; column < columns; column++) {
            sums[column] += factors[column] * row[column];
        }
    }
}

/* Sums of the columns → margins. */
static void finish(float *margins, const double *sums, const struct ec_bag_scoring *scoring)
{
    const float *bias = scoring->bias;
    for (int64_t p = 0; p < scoring->part_count; p++) {
        const struct ec_bag_part *part = &scoring->parts[p];
        const double *norms = sums + part->units;
        for (int64_t unit = 0; unit < part->units; unit++) {
            double norm = part->norms ? norms[part->norms > 1 ? unit : 0] : 1;
            norm = part->norm == EC_BAG_NORM_L2 ? sqrt(norm) : norm;
            *margins++ = (float)(sums[unit] / (norm > 0 ? norm : 1) + *bias++);
        }
        sums += part->units + part->norms;
    }
}

static void score_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_bag_scoring *scoring = work->scoring;
    int64_t columns = scoring->columns;
    struct ec_bag_reader *reader = ec_bag_reader_new(scoring->features, work->corpus.longest);
    double *sums = ec_alloc_array(2 * columns, sizeof *sums);
    ec_status status = reader && sums ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        for (int64_t i = work->corpus.tiles[tile]; !status && i < work->corpus.tiles[tile + 1]; i++) {
            struct ec_bag bag;
            status = ec_bag_read(reader, &work->corpus.documents[i], &bag);
            if (!status) {
                memset(sums, 0, (size_t)columns * sizeof *sums);
                if (columns == 4) { /* two linear models of two classes: worth registers */
                    add_rows(sums, &bag, scoring, work->multipliers, sums + columns, 4);
                } else {
                    add_rows(sums, &bag, scoring, work->multipliers, sums + columns, columns);
                }
                finish(work->margins + i * scoring->units, sums, scoring);
            }
        }
    }
    ec_bag_reader_free(reader);
    ec_free(sums);
    work->corpus.status[team->index] = status;
}

ec_status ec_bag_scores(float *margins, const struct ec_bag_scoring *scoring, const struct ec_document *documents,
                        int64_t document_count, int threads)
{
    struct work work = {.scoring = scoring, .margins = margins};
    ec_status status = ec_corpus_init(&work.corpus, scoring->features->settings.rules, documents, document_count);
    work.multipliers = ec_alloc_zeros(CACHED * scoring->columns, sizeof *work.multipliers);
    if (!status && !work.multipliers) {
        status = EC_NO_MEMORY;
    }
    if (!status) {
        for (int count = 1; count < CACHED; count++) {
            multiply_by(work.multipliers + count * scoring->columns, scoring, count);
        }
        status = ec_corpus_run(&work.corpus, score_tiles, &work, threads);
    }
    ec_free(work.multipliers);
    ec_corpus_clear(&work.corpus);
    return status;
}
