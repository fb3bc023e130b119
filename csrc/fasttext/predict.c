/* Predicts; see the header. A block of documents is summed row by row, then multiplied by the output matrix at once,
 * which is read from afar where there are thousands of labels; with a folded table the sum is all there is to do. */
#include "fasttext/predict.h"

#include "base/memory.h"
#include "fasttext/best.h"
#include "text/corpus.h"

#include <math.h>

#define BLOCK 24 /* documents */
#define SIGMOID_PLACES 512
#define SIGMOID_LIMIT 8

struct work {
    struct ec_corpus corpus;
    const struct ec_fasttext_answers *answers;
    const struct ec_fasttext_model *model;
    enum ec_fasttext_text kind;
    float sigmoid[SIGMOID_PLACES + 1];
};

/* What a thread works with. */
struct worker {
    const struct work *work;
    struct ec_fasttext_reader *reader;
    struct ec_panels packed;         /* hidden, packed as rows */
    float *hidden;                   /* [BLOCK, width of the table that is summed] */
    float *logits;                   /* [BLOCK, classes] */
    struct ec_fasttext_matrix table; /* whose rows are summed: folded, or the input */
    int32_t *stack;                  /* of nodes */
    float *node_scores;
};

static float logarithm(float share) { return (float)log((double)share + 1e-5); }

/* As fastText gives it: a little above the share, but not above 1. */
static float printed(float score) { return fminf(expf(score), 1); }

static void fill_sigmoid(float *table)
{
    for (int i = 0; i <= SIGMOID_PLACES; i++) {
        float x = (float)(i * 2 * SIGMOID_LIMIT) / SIGMOID_PLACES - SIGMOID_LIMIT;
        table[i] = (float)(1.0 / (1.0 + (double)expf(-x)));
    }
}

static float sigmoid(const float *table, float x)
{
    if (x < -SIGMOID_LIMIT || x > SIGMOID_LIMIT) {
        return x > 0;
    }
    return table[(int64_t)((x + SIGMOID_LIMIT) * SIGMOID_PLACES / SIGMOID_LIMIT / 2)];
}

static float dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Labels by hierarchical softmax: from the root down to what may still be among the best. */
static ec_status descend(struct worker *worker, const float *hidden, struct ec_fasttext_best *best)
{
    const struct ec_fasttext_model *model = worker->work->model;
    float least = logarithm(worker->work->answers->threshold);
    int64_t depth = 1, columns = model->output.columns;
    worker->stack[0] = (int32_t)(2 * model->classes - 2);
    worker->node_scores[0] = 0;
    while (depth) {
        int32_t node = worker->stack[--depth];
        float score = worker->node_scores[depth];
        struct ec_fasttext_node sides = model->tree[node];
        if (score < least || ec_fasttext_is_beaten(best, score)) {
            continue;
        }
        if (sides.left < 0) {
            ec_fasttext_best_add(best, score, node);
            continue;
        }
        int64_t inner = node - model->classes;
        float x = model->folded ? hidden[inner] : dot(hidden, model->weights + inner * columns, columns);
        float share = (float)(1.0 / (double)(1 + expf(-x)));
        if (isnan(x)) {
            return EC_BAD_VALUE;
        }
        worker->stack[depth] = sides.right;
        worker->node_scores[depth++] = score + logarithm(share);
        worker->stack[depth] = sides.left;
        worker->node_scores[depth++] = score + logarithm((float)(1.0 - (double)share));
    }
    return EC_OK;
}

/* Logits → the best labels, scored by their shares. */
static ec_status choose(const struct worker *worker, float *logits, struct ec_fasttext_best *best)
{
    const struct work *work = worker->work;
    int64_t classes = work->model->classes;
    int softmax = work->model->settings.loss == EC_FASTTEXT_SOFTMAX;
    if (softmax) {
        ec_kernels()->softmax(logits, logits, classes);
    }
    for (int64_t label = 0; label < classes; label++) {
        if (isnan(logits[label])) {
            return EC_BAD_VALUE;
        }
        float share = softmax ? logits[label] : sigmoid(work->sigmoid, logits[label]);
        if (!(share < work->answers->threshold) && !ec_fasttext_is_beaten(best, share)) {
            ec_fasttext_best_add(best, share, (int32_t)label);
        }
    }
    return EC_OK;
}

/* The answer to a document, from the mean of its rows or its logits. */
static ec_status answer(struct worker *worker, int64_t document, const float *hidden, float *logits)
{
    const struct ec_fasttext_answers *answers = worker->work->answers;
    int64_t k = answers->k;
    float *scores = answers->shares + document * k;
    struct ec_fasttext_best best = {.most = k, .scores = scores, .labels = answers->labels + document * k};
    int hierarchical = worker->work->model->tree != NULL;
    ec_status status = hierarchical ? descend(worker, hidden, &best) : choose(worker, logits, &best);
    ec_fasttext_best_sort(&best);
    for (int64_t i = 0; i < best.count; i++) {
        scores[i] = printed(hierarchical ? scores[i] : logarithm(scores[i]));
    }
    answers->counts[document] = best.count;
    return status;
}

/* Documents [begin, end), at most BLOCK. */
static ec_status predict_block(struct worker *worker, int64_t begin, int64_t end)
{
    const struct ec_fasttext_model *model = worker->work->model;
    int64_t width = worker->table.columns, found[BLOCK], count = 0;
    for (int64_t i = begin; i < end; i++) {
        const struct ec_document *document = &worker->work->corpus.documents[i];
        struct ec_fasttext_line line;
        ec_status status =
            ec_fasttext_read(worker->reader, document->bytes, document->length, worker->work->kind, &line);
        if (status) {
            return status;
        }
        worker->work->answers->counts[i] = 0;
        if (line.count) {
            float *hidden = worker->hidden + count * width;
            ec_fasttext_sum(hidden, &worker->table, line.ids, line.count);
            ec_kernels()->scale(hidden, hidden, (float)(1.0 / (double)line.count), width);
            found[count++] = i;
        }
    }
    float *logits = worker->hidden;
    if (count && model->panels.values) {
        struct ec_panels packed = worker->packed;
        ec_panels_init(&packed, EC_ROWS_OF_A, count, width, EC_HIGHEST);
        packed.values = worker->packed.values;
        ec_panels_pack(&packed, worker->hidden, width, 1, 0, packed.count);
        ec_panels_multiply(worker->logits, model->classes, 0, &packed, 0, packed.count, &model->panels, 0,
                           model->panels.count);
        logits = worker->logits;
    }
    ec_status status = EC_OK;
    for (int64_t i = 0; !status && i < count; i++) {
        status = answer(worker, found[i], worker->hidden + i * width, logits + i * model->classes);
    }
    return status;
}

static ec_status worker_init(struct worker *worker, const struct work *work)
{
    const struct ec_fasttext_model *model = work->model;
    memset(worker, 0, sizeof *worker);
    worker->work = work;
    worker->table = model->input;
    if (model->folded) {
        ec_fasttext_matrix_of(&worker->table, model->folded, model->input.rows, model->classes);
    }
    worker->reader = ec_fasttext_reader_new(&model->rules);
    worker->hidden = ec_alloc_array(BLOCK * worker->table.columns, sizeof *worker->hidden);
    ec_status status = worker->reader && worker->hidden ? EC_OK : EC_NO_MEMORY;
    if (model->panels.values) {
        ec_panels_init(&worker->packed, EC_ROWS_OF_A, BLOCK, worker->table.columns, EC_HIGHEST);
        worker->packed.values = ec_alloc_array(ec_panels_floats(&worker->packed), sizeof *worker->packed.values);
        worker->logits = ec_alloc_array(BLOCK * model->classes, sizeof *worker->logits);
        status = worker->packed.values && worker->logits ? status : EC_NO_MEMORY;
    }
    if (model->tree) {
        worker->stack = ec_alloc_array(2 * model->classes, sizeof *worker->stack);
        worker->node_scores = ec_alloc_array(2 * model->classes, sizeof *worker->node_scores);
        status = worker->stack && worker->node_scores ? status : EC_NO_MEMORY;
    }
    return status;
}

static void worker_clear(struct worker *worker)
{
    ec_fasttext_reader_free(worker->reader);
    ec_free(worker->hidden);
    ec_free(worker->packed.values);
    ec_free(worker->logits);
    ec_free(worker->stack);
    ec_free(worker->node_scores);
}

static void predict_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct worker worker;
    ec_status status = worker_init(&worker, work);
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        int64_t end = work->corpus.tiles[tile + 1];
        for (int64_t begin = work->corpus.tiles[tile]; !status && begin < end; begin += BLOCK) {
            status = predict_block(&worker, begin, ec_least(begin + BLOCK, end));
        }
    }
    worker_clear(&worker);
    work->corpus.status[team->index] = status;
}

ec_status ec_fasttext_predict(const struct ec_fasttext_answers *answers, const struct ec_fasttext_model *model,
                              const struct ec_document *documents, int64_t document_count, enum ec_fasttext_text kind,
                              int threads)
{
    struct work work = {.answers = answers, .model = model, .kind = kind};
    fill_sigmoid(work.sigmoid);
    ec_status status = ec_corpus_init(&work.corpus, NULL, documents, document_count);
    if (!status) {
        status = ec_corpus_run(&work.corpus, predict_tiles, &work, threads);
    }
    ec_corpus_clear(&work.corpus);
    return status;
}
