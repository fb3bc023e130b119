/* fastText's training and its models with teams that ThreadSanitizer understands: a corpus read, features made, all
 * losses learnt from rows of every kind (folded, narrow, wide, and wide ones whose columns a team shares), lines
 * predicted and measured. Built with small blocks (.ci/stages/races.sh). Ends with 1 where bits differ from those of
 * one thread. */
#define ec_parallel ec_parallel_of_the_runtime
#include "base/threads.c"
#undef ec_parallel
#include "own_threads.h"

#include "fasttext/folding.h"
#include "fasttext/measure.h"
#include "fasttext/quantiser.h"
#include "fasttext/training.h"
#include "fasttext/vectors.h"

#define THREADS 4
#define WORDS 6000
#define BUCKETS 500
#define ROOM (1 << 23)

void ec_parallel(int threads, ec_team_fn fn, void *argument);
void ec_parallel(int threads, ec_team_fn fn, void *argument) { run_own_threads(threads, fn, argument); }

static int failures;

static void check(int holds, const char *what, int which)
{
    if (!holds) {
        failures++;
        printf("FAILED %s, %d\n", what, which);
    }
}

static int go_on(void *argument, const struct ec_fasttext_progress *progress)
{
    (void)argument, (void)progress;
    return 0;
}

/* Lines of `words` words each, of which the first ones are frequent. */
static int64_t write_text(char *out, int lines, int words, int labels)
{
    uint32_t state = 7;
    int64_t length = 0;
    for (int line = 0; line < lines; line++) {
        length += sprintf(out + length, "__label__%d", line % labels);
        for (int i = 0; i < words; i++) {
            state = state * 1664525u + 1013904223u;
            length += sprintf(out + length, " w%u", (state >> 8) % (i % 2 ? WORDS : 20));
        }
        out[length++] = '\n';
    }
    return length;
}

struct shape {
    int lines, words, labels, stride, epochs;
};

struct learnt {
    struct ec_fasttext_corpus corpus;
    struct ec_fasttext_features features;
    float *rows, *output;
    int64_t row_floats, output_floats;
};

static void learn(struct learnt *learnt, const char *text, int64_t length, const struct shape *shape, int loss,
                  int threads)
{
    struct ec_fasttext_source source = {.bytes = (const uint8_t *)text,
                                        .length = length,
                                        .label = (const uint8_t *)"__label__",
                                        .label_length = 9,
                                        .min_count = 1};
    check(ec_fasttext_corpus_init(&learnt->corpus, &source, threads) == EC_OK, "corpus", loss);
    learnt->features =
        (struct ec_fasttext_features){.corpus = &learnt->corpus, .chars = {2, 3}, .word_ngrams = 2, .buckets = BUCKETS};
    check(ec_fasttext_features_init(&learnt->features, threads) == EC_OK, "features", loss);
    int64_t stride = shape->stride, labels = learnt->corpus.label_count;
    learnt->row_floats = learnt->features.rows * stride;
    learnt->output_floats = labels * stride;
    learnt->rows = aligned_alloc(64, (size_t)(learnt->row_floats + 16) / 16 * 64);
    learnt->output = aligned_alloc(64, (size_t)(learnt->output_floats + 16) / 16 * 64);
    ec_fasttext_randomise(learnt->rows, learnt->features.rows, stride, stride, 1, threads);
    ec_fasttext_randomise(learnt->output, labels, stride, stride, 2, threads);
    struct ec_fasttext_training training = {.features = &learnt->features,
                                            .rows = learnt->rows,
                                            .output = learnt->output,
                                            .stride = stride,
                                            .rate = 0.1,
                                            .rate_tokens = 100,
                                            .epochs = shape->epochs,
                                            .watch = go_on};
    check(ec_fasttext_objective_init(&training.objective, (enum ec_fasttext_loss)loss,
                                     learnt->corpus.counts + learnt->corpus.word_count, labels, 3) == EC_OK,
          "objective", loss);
    check(ec_fasttext_train(&training, threads) == EC_OK, "training", loss);
    ec_fasttext_objective_clear(&training.objective);
}

static void forget(struct learnt *learnt)
{
    ec_fasttext_features_clear(&learnt->features);
    ec_fasttext_corpus_clear(&learnt->corpus);
    free(learnt->rows);
    free(learnt->output);
}

/* The model of a training as a file has it, measured by a team: its rows as they are, and folded. */
static void use(const struct learnt *learnt, const char *text, int64_t length, const struct shape *shape, int loss)
{
    int64_t bytes = ec_fasttext_corpus_section(NULL, &learnt->corpus), used, labels = learnt->corpus.label_count;
    int32_t head[14] = {EC_FASTTEXT_MAGIC,
                        EC_FASTTEXT_VERSION,
                        shape->stride,
                        5,
                        1,
                        1,
                        3,
                        2,
                        loss,
                        EC_FASTTEXT_SUPERVISED,
                        BUCKETS,
                        2,
                        3,
                        100};
    uint8_t *data = calloc((size_t)(bytes + EC_FASTTEXT_HEAD), 1);
    memcpy(data, head, sizeof head);
    ec_fasttext_corpus_section(data + EC_FASTTEXT_HEAD, &learnt->corpus);
    int64_t lines[2] = {0, 0};
    for (int folds = 0; folds < 2; folds++) {
        struct ec_fasttext_model model;
        struct ec_report report;
        check(ec_fasttext_model_head(&model, data, bytes + EC_FASTTEXT_HEAD, (const uint8_t *)"__label__", 9, &used,
                                     &report) == EC_OK,
              "head", loss);
        ec_fasttext_matrix_of(&model.input, learnt->rows, learnt->features.rows, shape->stride);
        ec_fasttext_matrix_of(&model.output, learnt->output, labels, shape->stride);
        check(ec_fasttext_model_end(&model, folds, THREADS, &report) == EC_OK, "model", loss);
        int64_t counts[3][8] = {{0}};
        struct ec_fasttext_measure measure = {.gold = counts[0], .predicted = counts[1], .right = counts[2]};
        check(ec_fasttext_measure(&measure, &model, (const uint8_t *)text, length, 1, 0, THREADS) == EC_OK, "measure",
              loss);
        lines[folds] = measure.lines;
        float *vectors = malloc((size_t)(learnt->corpus.word_count * shape->stride) * sizeof *vectors);
        check(ec_fasttext_word_vectors(vectors, &model, THREADS) == EC_OK, "vectors", loss);
        free(vectors);
        ec_fasttext_model_clear(&model);
    }
    check(lines[0] == shape->lines && lines[1] == shape->lines, "lines", (int)lines[0]);
    free(data);
}

static void quantise(const struct learnt *learnt, int64_t columns)
{
    int64_t rows = learnt->features.rows, parts = (columns + 1) / 2;
    uint8_t *codes = malloc((size_t)(rows * parts));
    float *centroids = malloc((size_t)(columns * 256) * sizeof *centroids);
    check(ec_fasttext_quantise(codes, centroids, learnt->rows, rows, columns, 2, 1, THREADS) == EC_OK, "quantise", 0);
    free(codes);
    free(centroids);
}

int main(void)
{
    static const struct shape shapes[] = {
        {600, 40, 2, 1, 1},  /* the folded form, of a softmax; groups of blocks that are read when they are due */
        {600, 40, 5, 8, 2},  /* narrow rows, lines kept */
        {2000, 2, 5, 32, 2}, /* wide ones */
        {200, 40, 5, 32, 2}, /* so many that a team shares them */
    };
    char *text = malloc(ROOM);
    for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++) {
        const struct shape *shape = &shapes[i];
        int64_t length = write_text(text, shape->lines, shape->words, shape->labels);
        for (int loss = EC_FASTTEXT_HIERARCHICAL; loss <= EC_FASTTEXT_ONE_VS_ALL; loss++) {
            if (shape->stride == 1 && loss != EC_FASTTEXT_SOFTMAX) {
                continue;
            }
            struct learnt alone, team;
            learn(&alone, text, length, shape, loss, 1);
            learn(&team, text, length, shape, loss, THREADS);
            check(alone.row_floats == team.row_floats &&
                      !memcmp(alone.rows, team.rows, (size_t)alone.row_floats * sizeof *alone.rows) &&
                      !memcmp(alone.output, team.output, (size_t)alone.output_floats * sizeof *alone.output),
                  "bits", loss);
            if (shape->stride > 1) {
                use(&team, text, length, shape, loss);
            }
            if (shape->stride == 8 && loss == EC_FASTTEXT_SOFTMAX) {
                quantise(&team, shape->stride);
            }
            forget(&alone);
            forget(&team);
        }
    }
    free(text);
    printf("%s\n", failures ? "failed" : "ok");
    return failures != 0;
}
