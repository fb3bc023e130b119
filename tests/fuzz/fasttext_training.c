/* Texts that fastText's models are trained on: whatever their bytes, any number of threads counts and numbers the same,
 * the dictionary's section is one that models read, lines have the ids that the model reads, and steps stay finite. */
#include "fasttext/line.h"
#include "fasttext/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 37
#define STRIDE 4

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static int go_on(void *argument, const struct ec_fasttext_progress *progress)
{
    (void)argument;
    return !isfinite(progress->loss);
}

static void check_same(const struct ec_fasttext_corpus *a, const struct ec_fasttext_corpus *b)
{
    int64_t stored = a->line_count ? a->line_ends[a->line_count - 1] : 0;
    check(a->word_count == b->word_count && a->label_count == b->label_count && a->line_count == b->line_count);
    check(!stored || !memcmp(a->tokens, b->tokens, (size_t)stored * sizeof *a->tokens));
    check(!a->type_count || !memcmp(a->hashes, b->hashes, (size_t)a->type_count * sizeof *a->hashes));
}

/* Reads the text line by line with the dictionary that was made of it. */
static void check_lines(const struct ec_fasttext_features *features, const uint8_t *text, int64_t length)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    struct ec_fasttext_dictionary dictionary;
    struct ec_fasttext_lines lines = {0};
    struct ec_fasttext_line line;
    struct ec_report report;
    int64_t bytes = ec_fasttext_corpus_section(NULL, corpus), used, at = 0;
    uint8_t *section = malloc((size_t)bytes);
    ec_fasttext_corpus_section(section, corpus);
    check(ec_fasttext_dictionary_init(&dictionary, section, bytes, &used, &report) == EC_OK && used == bytes);
    check(features->word_ngrams == 1 || ec_fasttext_dictionary_hash(&dictionary) == EC_OK);
    struct ec_fasttext_rules rules = {&dictionary,
                                      (int32_t)features->chars[0],
                                      (int32_t)features->chars[1],
                                      (int32_t)features->word_ngrams,
                                      features->buckets,
                                      (const uint8_t *)"__label__",
                                      9};
    struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&rules);
    struct ec_range all = {0, corpus->line_count};
    check(ec_fasttext_read_lines(&lines, features, all, 0) == EC_OK);
    for (int64_t i = 0; i < lines.count; i++) {
        int64_t begin = i ? lines.id_ends[i - 1] : 0, first = i ? lines.label_ends[i - 1] : 0;
        check(ec_fasttext_read(reader, text + at, length - at, EC_FASTTEXT_PART, &line) == EC_OK);
        check(line.count == lines.id_ends[i] - begin && line.label_count == lines.label_ends[i] - first);
        check(!line.count || !memcmp(line.ids, lines.ids + begin, (size_t)line.count * sizeof *line.ids));
        check(!line.label_count ||
              !memcmp(line.labels, lines.labels + first, (size_t)line.label_count * sizeof *line.labels));
        check(line.tokens == lines.tokens[i]);
        at += line.used;
    }
    ec_fasttext_reader_free(reader);
    ec_fasttext_lines_clear(&lines);
    ec_fasttext_dictionary_clear(&dictionary);
    free(section);
}

static void check_training(const struct ec_fasttext_features *features, enum ec_fasttext_loss loss)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    struct ec_fasttext_training training = {
        .features = features, .stride = STRIDE, .rate = 0.1, .rate_tokens = 3, .epochs = 2, .watch = go_on};
    training.rows = calloc((size_t)(features->rows * STRIDE), sizeof(float));
    training.output = calloc((size_t)(corpus->label_count * STRIDE), sizeof(float));
    ec_fasttext_randomise(training.rows, features->rows, STRIDE, STRIDE, 1, 1);
    check(ec_fasttext_objective_init(&training.objective, loss, corpus->counts + corpus->word_count,
                                     corpus->label_count, 2) == EC_OK);
    check(ec_fasttext_train(&training, 1) == EC_OK);
    ec_fasttext_objective_clear(&training.objective);
    free(training.rows);
    free(training.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct ec_fasttext_corpus corpus, other;
    struct ec_fasttext_source source = {.bytes = data + 1,
                                        .length = (int64_t)size - 1,
                                        .label = (const uint8_t *)"__label__",
                                        .label_length = 9,
                                        .min_count = 1 + (data[0] & 1),
                                        .min_count_label = data[0] >> 1 & 1};
    check(ec_fasttext_corpus_init(&corpus, &source, 1) == EC_OK);
    check(ec_fasttext_corpus_init(&other, &source, 3) == EC_OK);
    check_same(&corpus, &other);
    struct ec_fasttext_features features = {.corpus = &corpus,
                                            .chars = {data[0] >> 2 & 1, data[0] >> 2 & 3},
                                            .word_ngrams = 1 + (data[0] >> 4 & 3),
                                            .buckets = BUCKETS};
    check(ec_fasttext_features_init(&features, 1) == EC_OK);
    if (corpus.word_count + corpus.label_count) {
        check_lines(&features, source.bytes, source.length);
    }
    if (corpus.label_count && features.rows) {
        check_training(&features, (enum ec_fasttext_loss)(1 + (data[0] >> 6)));
    }
    ec_fasttext_features_clear(&features);
    ec_fasttext_corpus_clear(&corpus);
    ec_fasttext_corpus_clear(&other);
    return 0;
}
