/* Files of fastText's models, .bin and .ftz: whatever their bytes say, they are refused or predict labels that there
 * are, from rows that there are, folded or not. */
#include "fasttext/measure.h"
#include "fasttext/predict.h"
#include "fasttext/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 4

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static ec_status read_file(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes, int folds)
{
    struct ec_report report;
    int64_t at = 0, used;
    ec_status status = ec_fasttext_model_head(model, data, bytes, (const uint8_t *)"__label__", 9, &at, &report);
    status = status ? status : ec_fasttext_model_input(model, data + at, bytes - at, &used, &report);
    at += status ? 0 : used;
    status = status ? status : ec_fasttext_model_output(model, data + at, bytes - at, &used, &report);
    check(status || at + used <= bytes);
    return status ? status : ec_fasttext_model_end(model, folds, 1, &report);
}

static void check_line(const struct ec_fasttext_model *model, const uint8_t *text, int64_t bytes)
{
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    for (int64_t at = 0; at < bytes;) {
        struct ec_fasttext_line line;
        check(ec_fasttext_read(reader, text + at, bytes - at, EC_FASTTEXT_PART, &line) == EC_OK);
        check(line.used > 0);
        for (int64_t i = 0; i < line.count; i++) {
            check(line.ids[i] >= 0 && line.ids[i] < model->input.rows);
        }
        for (int64_t i = 0; i < line.label_count; i++) {
            check(line.labels[i] >= 0 && line.labels[i] < model->dictionary.label_count);
        }
        at += line.used;
    }
    ec_fasttext_reader_free(reader);
}

static void check_words(const struct ec_fasttext_model *model)
{
    int64_t count = model->dictionary.word_count, columns = model->input.columns;
    float *vectors = malloc((size_t)(count * columns + columns) * sizeof *vectors);
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&model->rules);
    check(ec_fasttext_word_vectors(vectors, model, 1) == EC_OK);
    check(ec_fasttext_word_vector(vectors, model, reader, (const uint8_t *)"\xc3\xa9t", 3) == EC_OK);
    for (int64_t word = 0; word < count; word++) {
        struct ec_fasttext_entry entry = ec_fasttext_entry_at(&model->dictionary, word);
        check(ec_fasttext_find(&model->dictionary, entry.bytes, entry.length) == word);
    }
    ec_fasttext_reader_free(reader);
    free(vectors);
}

static void check_predictions(const struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes)
{
    const uint8_t *ends[TEXTS] = {(const uint8_t *)"", (const uint8_t *)"good bad </s> x",
                                  (const uint8_t *)"__label__yes w\xff", data};
    int64_t lengths[TEXTS] = {0, 15, 14, bytes}, counts[TEXTS], classes = model->classes;
    int32_t *labels = malloc((size_t)(TEXTS * classes) * sizeof *labels);
    float *shares = malloc((size_t)(TEXTS * classes) * sizeof *shares);
    struct ec_document documents[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        documents[i] = (struct ec_document){.bytes = ends[i], .length = lengths[i]};
    }
    for (int all = 0; all < 2; all++) {
        int64_t k = all ? classes : 1;
        struct ec_fasttext_answers answers = {k, all ? -1 : 0.1f, labels, shares, counts};
        ec_status status = ec_fasttext_predict(&answers, model, documents, TEXTS, EC_FASTTEXT_DOCUMENT, 1);
        for (int64_t i = 0; !status && i < TEXTS; i++) {
            check(counts[i] >= 0 && counts[i] <= k);
            for (int64_t j = 0; j < counts[i]; j++) {
                check(labels[i * k + j] >= 0 && labels[i * k + j] < classes);
                check(shares[i * k + j] >= 0 && shares[i * k + j] <= 1);
                check(!j || shares[i * k + j] <= shares[i * k + j - 1]);
            }
        }
    }
    struct ec_fasttext_measure measure = {.gold = calloc((size_t)classes, 8),
                                          .predicted = calloc((size_t)classes, 8),
                                          .right = calloc((size_t)classes, 8)};
    ec_fasttext_measure(&measure, model, data, bytes, 1, 0, 1);
    free(measure.gold);
    free(measure.predicted);
    free(measure.right);
    free(labels);
    free(shares);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* nothing is readable behind its end */
    memcpy(exact, data, size);
    for (int folds = 0; folds < 2; folds++) {
        struct ec_fasttext_model model;
        if (read_file(&model, exact, (int64_t)size, folds) == EC_OK && model.settings.maxn < 9 &&
            model.settings.word_ngrams < 9) {
            check_line(&model, exact, (int64_t)size);
            check_words(&model);
            if (model.classes) {
                check_predictions(&model, exact, (int64_t)size);
            }
        }
        ec_fasttext_model_clear(&model);
    }
    free(exact);
    return 0;
}
