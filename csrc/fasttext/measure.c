/* Measures a model on labelled lines; see the header. The text is cut at newlines into tiles for the threads, whose
 * counts are added at the end. */
#include "fasttext/measure.h"

#include "base/memory.h"
#include "base/threads.h"
#include "fasttext/answer.h"

#include <stdatomic.h>
#include <string.h>

#define TILE_BYTES 65536

struct work {
    struct ec_fasttext_measure *measure;
    const struct ec_fasttext_model *model;
    const uint8_t *text;
    int64_t length, k;
    float threshold;
    _Atomic int64_t lines;
    _Atomic int64_t *counts; /* [3, labels]: gold, predicted, right */
    _Atomic int status;
};

/* Where the first line behind a place begins. */
static int64_t line_behind(const struct work *work, int64_t place)
{
    if (place <= 0 || place >= work->length) {
        return place <= 0 ? 0 : work->length;
    }
    const uint8_t *newline = memchr(work->text + place - 1, '\n', (size_t)(work->length - place + 1));
    return newline ? newline + 1 - work->text : work->length;
}

static void count_line(struct work *work, const struct ec_fasttext_line *line, const int32_t *labels, int64_t found)
{
    int64_t classes = work->model->classes;
    atomic_fetch_add(&work->lines, 1);
    for (int64_t i = 0; i < found; i++) {
        int64_t j = 0;
        while (j < line->label_count && line->labels[j] != labels[i]) {
            j++;
        }
        atomic_fetch_add(&work->counts[classes + labels[i]], 1);
        if (j < line->label_count) {
            atomic_fetch_add(&work->counts[2 * classes + labels[i]], 1);
        }
    }
    for (int64_t j = 0; j < line->label_count; j++) {
        atomic_fetch_add(&work->counts[line->labels[j]], 1);
    }
}

static ec_status measure_lines(struct work *work, struct ec_fasttext_worker *worker, int64_t begin, int64_t end,
                               int32_t *labels, float *shares)
{
    ec_status status = EC_OK;
    for (int64_t at = begin, found; !status && at < end;) {
        struct ec_fasttext_line line;
        status = ec_fasttext_read(worker->reader, work->text + at, end - at, EC_FASTTEXT_PART, &line);
        at += line.used;
        if (!status && line.count && line.label_count) {
            ec_fasttext_put(worker, 0, &line);
            ec_fasttext_multiply(worker, 1);
            status = ec_fasttext_answer(worker, 0, labels, shares, &found);
            count_line(work, &line, labels, found);
        }
    }
    return status;
}

static void measure_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_fasttext_worker worker;
    ec_status status = ec_fasttext_worker_init(&worker, work->model, work->k, work->threshold);
    int32_t *labels = ec_alloc_array(work->k, sizeof *labels);
    float *shares = ec_alloc_array(work->k, sizeof *shares);
    status = labels && shares ? status : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, ec_ceil_div(work->length, TILE_BYTES))) >= 0;) {
        int64_t begin = line_behind(work, tile * TILE_BYTES), end = line_behind(work, (tile + 1) * TILE_BYTES);
        if (!status) {
            status = measure_lines(work, &worker, begin, end, labels, shares);
        }
    }
    if (status) {
        atomic_store(&work->status, (int)status);
    }
    ec_free(labels);
    ec_free(shares);
    ec_fasttext_worker_clear(&worker);
}

ec_status ec_fasttext_measure(struct ec_fasttext_measure *measure, const struct ec_fasttext_model *model,
                              const uint8_t *text, int64_t length, int64_t k, float threshold, int threads)
{
    struct work work = {.model = model, .text = text, .length = length, .k = k, .threshold = threshold};
    int64_t classes = model->classes;
    atomic_init(&work.status, EC_OK);
    atomic_init(&work.lines, 0);
    work.counts = ec_alloc_zeros(3 * classes, sizeof *work.counts);
    if (!work.counts) {
        return EC_NO_MEMORY;
    }
    ec_parallel(threads, measure_tiles, &work);
    measure->lines += atomic_load(&work.lines);
    for (int64_t label = 0; label < classes; label++) {
        measure->gold[label] += work.counts[label];
        measure->predicted[label] += work.counts[classes + label];
        measure->right[label] += work.counts[2 * classes + label];
    }
    ec_free((void *)work.counts);
    return (ec_status)atomic_load(&work.status);
}
