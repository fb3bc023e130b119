/* Weights of features: see weights.h. Threads share out documents, or ranges of ids where sums go over documents, so
 * that no sum depends on their number. */
#include "bags/weights.h"

#include "base/threads.h"

#include <math.h>

#define PAIRS_PER_TILE 65536
#define DOCUMENTS_PER_TILE 256
#define FEATURE_TILES 16
#define SMALL_COUNTS 256 /* most counts are 1 to 5; their logarithms come from a table */

struct work {
    float *out;
    const float *in;
    const struct ec_bag_pairs *pairs;
    double *frequencies;
    const struct ec_bag_table *table;
    int64_t count;
    int flag;
    float logarithms[SMALL_COUNTS];
};

static void term_frequencies(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    for (struct ec_range block; ec_team_next_range(team, work->count, PAIRS_PER_TILE, &block);) {
        for (int64_t i = block.begin; i < block.end; i++) {
            float count = work->in[i];
            int small = count >= 1 && count < SMALL_COUNTS && count == (float)(int)count;
            work->out[i] = !work->flag ? count : small ? work->logarithms[(int)count] : 1 + logf(count);
        }
    }
}

void ec_bag_term_frequencies(float *tf, const float *counts, int64_t count, int sublinear, int threads)
{
    struct work work = {.out = tf, .in = counts, .count = count, .flag = sublinear};
    for (int i = 1; i < SMALL_COUNTS; i++) {
        work.logarithms[i] = 1 + logf((float)i);
    }
    ec_parallel(count > PAIRS_PER_TILE ? threads : 1, term_frequencies, &work);
}

static void frequencies(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    const struct ec_bag_pairs *pairs = work->pairs;
    int64_t columns = work->count;
    for (int64_t tile; (tile = ec_team_next(team, FEATURE_TILES)) >= 0;) {
        struct ec_range features = ec_range_part(pairs->size, FEATURE_TILES, tile);
        for (int64_t i = features.begin * columns; i < features.end * columns; i++) {
            work->frequencies[i] = 0;
        }
        for (int64_t document = 0; document < pairs->documents; document++) {
            struct ec_bag_slice slice = ec_bag_document(pairs, document, features);
            if (!work->in) {
                for (int64_t i = 0; i < slice.count; i++) {
                    work->frequencies[slice.ids[i]] += 1;
                }
                continue;
            }
            const float *amounts = work->in + document * columns;
            for (int64_t i = 0; i < slice.count; i++) {
                double *row = work->frequencies + slice.ids[i] * columns;
                for (int64_t column = 0; column < columns; column++) {
                    row[column] += amounts[column];
                }
            }
        }
    }
}

void ec_bag_frequencies(double *out, const struct ec_bag_pairs *pairs, const float *amounts, int64_t columns,
                        int threads)
{
    struct work work = {.frequencies = out, .pairs = pairs, .in = amounts, .count = columns};
    ec_parallel(pairs->offsets[pairs->documents] > PAIRS_PER_TILE ? threads : 1, frequencies, &work);
}

static void values(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    const struct ec_bag_pairs *pairs = work->pairs;
    const float *scale = work->in;
    for (struct ec_range block; ec_team_next_range(team, pairs->documents, DOCUMENTS_PER_TILE, &block);) {
        for (int64_t document = block.begin; document < block.end; document++) {
            int64_t begin = pairs->offsets[document], end = pairs->offsets[document + 1];
            double sum = 0;
            for (int64_t i = begin; i < end; i++) {
                float value = pairs->tf[i] * scale[pairs->ids[i]];
                work->out[i] = value;
                sum += (double)value * value;
            }
            float inverse = work->flag && sum > 0 ? (float)(1 / sqrt(sum)) : 1;
            for (int64_t i = begin; i < end; i++) {
                work->out[i] *= inverse;
            }
        }
    }
}

void ec_bag_values(float *out, const struct ec_bag_pairs *pairs, const float *scale, int norm, int threads)
{
    struct work work = {.out = out, .in = scale, .pairs = pairs, .flag = norm};
    ec_parallel(pairs->documents > DOCUMENTS_PER_TILE ? threads : 1, values, &work);
}

static float margin(const struct ec_bag_slice *slice, const struct ec_bag_table *table, int64_t column)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < slice->count; i++) {
        float tf = slice->tf[i];
        sum += (double)tf * table->folded[slice->ids[i] * table->columns + column];
        if (table->squares) {
            int64_t place = table->square_columns == 1 ? 0 : column;
            squares += (double)tf * tf * table->squares[slice->ids[i] * table->square_columns + place];
        }
    }
    double inverse = table->squares ? (squares > 0 ? 1 / sqrt(squares) : 0) : 1;
    return (float)(table->bias[column] + sum * inverse);
}

static void margins(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    int64_t columns = work->table->columns;
    for (struct ec_range block; ec_team_next_range(team, work->pairs->documents, DOCUMENTS_PER_TILE, &block);) {
        for (int64_t document = block.begin; document < block.end; document++) {
            struct ec_bag_slice slice = ec_bag_document(work->pairs, document, (struct ec_range){0, work->pairs->size});
            for (int64_t column = 0; column < columns; column++) {
                work->out[document * columns + column] = margin(&slice, work->table, column);
            }
        }
    }
}

void ec_bag_margins(float *out, const struct ec_bag_pairs *pairs, const struct ec_bag_table *table, int threads)
{
    struct work work = {.out = out, .pairs = pairs, .table = table};
    ec_parallel(pairs->documents > DOCUMENTS_PER_TILE ? threads : 1, margins, &work);
}
