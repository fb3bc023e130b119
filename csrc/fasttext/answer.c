/* Lines → their best labels; see the header. A block of lines is multiplied by the output matrix at once, which is read
 * from afar where there are thousands of labels; with a folded table the sum of its rows is all there is to do. */
#include "fasttext/answer.h"

#include "base/memory.h"
#include "fasttext/best.h"
#include "fasttext/folding.h"

#include <math.h>
#include <string.h>

#define SIGMOID_LIMIT 8

static float logarithm(float share) { return (float)log((double)share + 1e-5); }

/* As fastText gives it: a little above the share, but not above 1. */
static float printed(float score) { return fminf(expf(score), 1); }

static void fill_sigmoid(float *table)
{
    for (int i = 0; i <= EC_FASTTEXT_SIGMOID; i++) {
        float x = (float)(i * 2 * SIGMOID_LIMIT) / EC_FASTTEXT_SIGMOID - SIGMOID_LIMIT;
        table[i] = (float)(1.0 / (1.0 + (double)expf(-x)));
    }
}

static float sigmoid(const float *table, float x)
{
    if (x < -SIGMOID_LIMIT || x > SIGMOID_LIMIT) {
        return x > 0;
    }
    return table[(int64_t)((x + SIGMOID_LIMIT) * EC_FASTTEXT_SIGMOID / SIGMOID_LIMIT / 2)];
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
static ec_status descend(struct ec_fasttext_worker *worker, const float *hidden, struct ec_fasttext_best *best)
{
    const struct ec_fasttext_model *model = worker->model;
    float least = logarithm(worker->threshold);
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
static ec_status choose(const struct ec_fasttext_worker *worker, float *logits, struct ec_fasttext_best *best)
{
    int64_t classes = worker->model->classes;
    int softmax = worker->model->settings.loss == EC_FASTTEXT_SOFTMAX;
    if (softmax) {
        ec_kernels()->softmax(logits, logits, classes);
    }
    for (int64_t label = 0; label < classes; label++) {
        if (isnan(logits[label])) {
            return EC_BAD_VALUE;
        }
        float share = softmax ? logits[label] : sigmoid(worker->sigmoid, logits[label]);
        if (!(share < worker->threshold) && !ec_fasttext_is_beaten(best, share)) {
            ec_fasttext_best_add(best, share, (int32_t)label);
        }
    }
    return EC_OK;
}

/* Of a place; folded sums are logits themselves, or their differences with that of label 0. */
static float *logits_of(struct ec_fasttext_worker *worker, int64_t place)
{
    int64_t classes = worker->model->classes, columns = worker->table.columns;
    if (worker->model->panels.values) {
        return worker->logits + place * classes;
    }
    if (worker->model->tree || columns == classes) {
        return worker->hidden + place * columns;
    }
    worker->logits[0] = 0;
    memcpy(worker->logits + 1, worker->hidden + place * columns, (size_t)columns * sizeof *worker->logits);
    return worker->logits;
}

ec_status ec_fasttext_answer(struct ec_fasttext_worker *worker, int64_t place, int32_t *labels, float *shares,
                             int64_t *count)
{
    const struct ec_fasttext_model *model = worker->model;
    const float *hidden = worker->hidden + place * worker->table.columns;
    float *logits = logits_of(worker, place);
    struct ec_fasttext_best best = {.most = worker->k, .scores = shares, .labels = labels};
    ec_status status = model->tree ? descend(worker, hidden, &best) : choose(worker, logits, &best);
    ec_fasttext_best_sort(&best);
    for (int64_t i = 0; i < best.count; i++) {
        shares[i] = printed(model->tree ? shares[i] : logarithm(shares[i]));
    }
    *count = best.count;
    return status;
}

void ec_fasttext_put(struct ec_fasttext_worker *worker, int64_t place, const struct ec_fasttext_line *line)
{
    int64_t width = worker->table.columns;
    float *hidden = worker->hidden + place * width;
    ec_fasttext_sum(hidden, &worker->table, line->ids, line->count);
    ec_kernels()->scale(hidden, hidden, (float)(1.0 / (double)line->count), width);
}

void ec_fasttext_multiply(struct ec_fasttext_worker *worker, int64_t count)
{
    const struct ec_fasttext_model *model = worker->model;
    struct ec_panels packed;
    if (count && model->panels.values) {
        ec_panels_init(&packed, EC_ROWS_OF_A, count, worker->table.columns, EC_HIGHEST);
        packed.values = worker->packed;
        ec_panels_pack(&packed, worker->hidden, worker->table.columns, 1, 0, packed.count);
        ec_panels_multiply(worker->logits, model->classes, 0, &packed, 0, packed.count, &model->panels, 0,
                           model->panels.count);
    }
}

ec_status ec_fasttext_worker_init(struct ec_fasttext_worker *worker, const struct ec_fasttext_model *model, int64_t k,
                                  float threshold)
{
    memset(worker, 0, sizeof *worker);
    worker->model = model;
    worker->k = k;
    worker->threshold = threshold;
    worker->table = model->input;
    fill_sigmoid(worker->sigmoid);
    if (model->folded) {
        ec_fasttext_matrix_of(&worker->table, model->folded, model->input.rows, ec_fasttext_folded_columns(model));
    }
    worker->reader = ec_fasttext_reader_new(&model->rules);
    worker->hidden = ec_alloc_array(EC_FASTTEXT_BLOCK * worker->table.columns, sizeof *worker->hidden);
    ec_status status = worker->reader && worker->hidden ? EC_OK : EC_NO_MEMORY;
    if (model->panels.values) {
        struct ec_panels packed;
        ec_panels_init(&packed, EC_ROWS_OF_A, EC_FASTTEXT_BLOCK, worker->table.columns, EC_HIGHEST);
        worker->packed = ec_alloc_array(ec_panels_floats(&packed), sizeof *worker->packed);
        status = worker->packed ? status : EC_NO_MEMORY;
    }
    worker->logits = ec_alloc_array(EC_FASTTEXT_BLOCK * model->classes, sizeof *worker->logits);
    status = worker->logits ? status : EC_NO_MEMORY;
    if (model->tree) {
        worker->stack = ec_alloc_array(2 * model->classes, sizeof *worker->stack);
        worker->node_scores = ec_alloc_array(2 * model->classes, sizeof *worker->node_scores);
        status = worker->stack && worker->node_scores ? status : EC_NO_MEMORY;
    }
    return status;
}

void ec_fasttext_worker_clear(struct ec_fasttext_worker *worker)
{
    ec_fasttext_reader_free(worker->reader);
    ec_free(worker->hidden);
    ec_free(worker->packed);
    ec_free(worker->logits);
    ec_free(worker->stack);
    ec_free(worker->node_scores);
}
