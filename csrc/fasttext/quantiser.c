/* Learns centroids and assigns codes; see the header. The centroids of a place are learnt by one thread, from at most
 * 65,536 rows in 25 rounds, as in fastText; then threads share out the rows. Points are compared with a centroid many
 * at a time, which a compiler makes vectors of. */
#include "fasttext/quantiser.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "fasttext/matrix.h"

#include <math.h>
#include <stdatomic.h>

#define CENTROIDS EC_FASTTEXT_CENTROIDS
#define MOST_POINTS 65536
#define ROUNDS 25
#define APART 1e-7f /* two centroids that came from one */
#define BLOCK 64    /* points */
#define ROWS_PER_TILE 4096

struct work {
    uint8_t *codes;
    float *centroids;
    const float *rows;
    int64_t count, columns, part, parts;
    uint64_t seed;
    const int32_t *sample; /* [points]: rows to learn from */
    int64_t points;
    _Atomic int status;
};

/* The number of the centroid that is nearest to each of up to BLOCK points, floats[width, BLOCK]. */
static void nearest(uint8_t *out, const float *floats, const float *centroids, int64_t width, int64_t points)
{
    float least[BLOCK], distance[BLOCK];
    int32_t at[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        least[i] = INFINITY;
        at[i] = 0;
    }
    for (int32_t c = 0; c < CENTROIDS; c++) {
        for (int64_t d = 0; d < width; d++) {
            float value = centroids[c * width + d];
            const float *axis = floats + d * BLOCK;
            for (int i = 0; i < BLOCK; i++) {
                float apart = axis[i] - value;
                distance[i] = d ? distance[i] + apart * apart : apart * apart;
            }
        }
        for (int i = 0; i < BLOCK; i++) {
            at[i] = distance[i] < least[i] ? c : at[i];
            least[i] = distance[i] < least[i] ? distance[i] : least[i];
        }
    }
    for (int64_t i = 0; i < points; i++) {
        out[i] = (uint8_t)at[i];
    }
}

/* The codes of points that stand `stride` apart, `width` floats each. */
static void assign(uint8_t *codes, int64_t code_stride, float *floats, const float *points, int64_t stride,
                   int64_t count, const float *centroids, int64_t width)
{
    uint8_t found[BLOCK];
    for (int64_t begin = 0; begin < count; begin += BLOCK) {
        int64_t many = ec_least(BLOCK, count - begin);
        for (int64_t i = 0; i < BLOCK; i++) {
            for (int64_t d = 0; d < width; d++) {
                floats[d * BLOCK + i] = i < many ? points[(begin + i) * stride + d] : 0;
            }
        }
        nearest(found, floats, centroids, width, many);
        for (int64_t i = 0; i < many; i++) {
            codes[(begin + i) * code_stride] = found[i];
        }
    }
}

/* Centroids become the means of their points; one without any takes half of those of a large one. */
static void update(float *centroids, const float *points, const uint8_t *codes, int64_t count, int64_t width,
                   uint64_t key)
{
    int64_t sizes[CENTROIDS] = {0};
    memset(centroids, 0, (size_t)(CENTROIDS * width) * sizeof *centroids);
    for (int64_t i = 0; i < count; i++) {
        sizes[codes[i]]++;
        for (int64_t d = 0; d < width; d++) {
            centroids[codes[i] * width + d] += points[i * width + d];
        }
    }
    for (int c = 0; c < CENTROIDS; c++) {
        for (int64_t d = 0; sizes[c] && d < width; d++) {
            centroids[c * width + d] /= (float)sizes[c];
        }
    }
    for (int c = 0; c < CENTROIDS; c++) {
        if (sizes[c]) {
            continue;
        }
        int64_t place = (int64_t)(ec_random_key(key, (uint64_t)c) % (uint64_t)count), from = 0;
        while (place >= sizes[from]) { /* a centroid with the chance that its size gives it */
            place -= sizes[from++];
        }
        for (int64_t d = 0; d < width; d++) {
            float shift = d % 2 ? APART : -APART, value = centroids[from * width + d];
            centroids[c * width + d] = value + shift;
            centroids[from * width + d] = value - shift;
        }
        sizes[c] = sizes[from] / 2;
        sizes[from] -= sizes[c];
    }
}

static ec_status learn(const struct work *work, int64_t place)
{
    int64_t first = place * work->part, width = ec_least(work->part, work->columns - first), count = work->points;
    uint64_t key = ec_random_key(work->seed, (uint64_t)place);
    float *centroids = work->centroids + first * CENTROIDS;
    float *points = ec_alloc_array(count * width, sizeof *points),
          *floats = ec_alloc_array(BLOCK * width, sizeof *floats);
    uint8_t *codes = ec_alloc_array(count, 1);
    if (points && floats && codes) {
        for (int64_t i = 0; i < count; i++) {
            memcpy(points + i * width, work->rows + work->sample[i] * work->columns + first,
                   (size_t)width * sizeof *points);
        }
        for (int64_t c = 0; c < CENTROIDS; c++) { /* the sample is in no order, so any stretch of it will do */
            int64_t i = (int64_t)((ec_random_key(key, 0) + (uint64_t)c) % (uint64_t)count);
            memcpy(centroids + c * width, points + i * width, (size_t)width * sizeof *points);
        }
        for (int round = 0; round < ROUNDS; round++) {
            assign(codes, 1, floats, points, width, count, centroids, width);
            update(centroids, points, codes, count, width, ec_random_key(key, (uint64_t)round + 1));
        }
    }
    ec_status status = points && floats && codes ? EC_OK : EC_NO_MEMORY;
    ec_free(points);
    ec_free(floats);
    ec_free(codes);
    return status;
}

static void quantise(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    for (int64_t place; (place = ec_team_next(team, work->parts)) >= 0;) {
        ec_status status = learn(work, place);
        if (status) {
            atomic_store(&work->status, (int)status);
        }
    }
    float *floats = ec_alloc_array(BLOCK * work->part, sizeof *floats);
    if (!floats) {
        atomic_store(&work->status, EC_NO_MEMORY);
    }
    ec_team_barrier(team);
    for (struct ec_range rows; ec_team_next_range(team, work->count, ROWS_PER_TILE, &rows);) {
        for (int64_t place = 0; floats && place < work->parts; place++) {
            int64_t first = place * work->part, width = ec_least(work->part, work->columns - first);
            assign(work->codes + rows.begin * work->parts + place, work->parts, floats,
                   work->rows + rows.begin * work->columns + first, work->columns, rows.end - rows.begin,
                   work->centroids + first * CENTROIDS, width);
        }
    }
    ec_free(floats);
}

ec_status ec_fasttext_quantise(uint8_t *codes, float *centroids, const float *rows, int64_t count, int64_t columns,
                               int64_t part, uint64_t seed, int threads)
{
    int32_t *sample = ec_alloc_array(count, sizeof *sample);
    if (!sample) {
        return EC_NO_MEMORY;
    }
    struct work work = {.codes = codes,
                        .centroids = centroids,
                        .rows = rows,
                        .count = count,
                        .columns = columns,
                        .part = part,
                        .parts = ec_ceil_div(columns, part),
                        .seed = seed,
                        .sample = sample,
                        .points = ec_least(count, MOST_POINTS)};
    atomic_init(&work.status, EC_OK);
    for (int64_t i = 0; i < count; i++) {
        sample[i] = (int32_t)i;
    }
    for (int64_t i = 0; i < work.points; i++) { /* the first steps of a shuffle */
        int64_t j = i + (int64_t)(ec_random_key(seed, (uint64_t)i) % (uint64_t)(count - i));
        int32_t row = sample[i];
        sample[i] = sample[j];
        sample[j] = row;
    }
    ec_parallel(threads, quantise, &work);
    ec_free(sample);
    return (ec_status)atomic_load(&work.status);
}
