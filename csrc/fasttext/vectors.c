/* Vectors of words; see the header. A dictionary has up to some million words, which threads share out. */
#include "fasttext/vectors.h"

#include "base/memory.h"
#include "base/threads.h"

#include <math.h>
#include <stdatomic.h>

#define WORDS_PER_TILE 1024

/* Adds the rows of n-grams to the word's own, which is in `out` if `known`; then the mean. */
static ec_status add_characters(float *out, int known, const struct ec_fasttext_model *model,
                                struct ec_fasttext_reader *reader, const uint8_t *word, int64_t length)
{
    const int32_t *rows;
    int64_t count = ec_fasttext_characters(reader, word, length, &rows), columns = model->input.columns;
    if (count < 0) {
        return EC_NO_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) {
        ec_fasttext_row_add(out, &model->input, rows[i]);
    }
    if (count + known) {
        ec_kernels()->scale(out, out, (float)(1.0 / (double)(count + known)), columns);
    }
    return EC_OK;
}

ec_status ec_fasttext_word_vector(float *out, const struct ec_fasttext_model *model, struct ec_fasttext_reader *reader,
                                  const uint8_t *word, int64_t length)
{
    int32_t number = ec_fasttext_find(&model->dictionary, word, length);
    int known = number >= 0 && number < model->input.rows; /* a label's row is that of a bucket, if there are any */
    ec_kernels()->fill(out, 0, model->input.columns);
    if (known) {
        ec_fasttext_row_add(out, &model->input, number);
    }
    return add_characters(out, known, model, reader, word, length);
}

struct work {
    float *out;
    const struct ec_fasttext_model *model;
    _Atomic int status;
};

static void fill_vectors(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_fasttext_model *model = work->model;
    int64_t columns = model->input.columns;
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    ec_status status = reader ? EC_OK : EC_NO_MEMORY;
    for (struct ec_range words; ec_team_next_range(team, model->dictionary.word_count, WORDS_PER_TILE, &words);) {
        for (int64_t number = words.begin; !status && number < words.end; number++) {
            struct ec_fasttext_entry entry = ec_fasttext_entry_at(&model->dictionary, number);
            float *out = work->out + number * columns;
            ec_fasttext_row(out, &model->input, number);
            status = add_characters(out, 1, model, reader, entry.bytes, entry.length);
            double length = sqrt(ec_kernels()->sum_squares(out, columns));
            if (length > 0) {
                ec_kernels()->scale(out, out, (float)(1 / length), columns);
            }
        }
    }
    if (status) {
        atomic_store(&work->status, (int)status);
    }
    ec_fasttext_reader_free(reader);
}

ec_status ec_fasttext_word_vectors(float *out, const struct ec_fasttext_model *model, int threads)
{
    struct work work = {.out = out, .model = model};
    atomic_init(&work.status, EC_OK);
    ec_parallel(threads, fill_vectors, &work);
    return (ec_status)atomic_load(&work.status);
}
