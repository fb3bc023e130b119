/* The product form (product_form.h) with rows of several floats: one for each class, or as many as are wanted as
 * vectors of documents. With d = target - probability: output[j] += rate d[j] h, each row += rate count / length * the
 * sum of d[j] output[j] as it was before. Wide rows come from memory: those of the next ids are asked for a chunk
 * early. */
#include "bags/product_form.h"

#include "base/memory.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stddef.h>

#define CHUNK 8 /* rows between asking for one and using it */
#define FLOATS_PER_LINE 16
#define DOCUMENTS_PER_POLL 256

struct learner {
    float *rows, *output;
    int64_t width, stride;
    struct ec_product_epoch *epoch;
    float *mean, *step; /* [stride] */
    float *logits;      /* [classes], then d */
};

static void fetch_rows(const struct learner *learner, const struct ec_bag_slice *document, int64_t begin)
{
    int64_t end = ec_least(begin + CHUNK, document->count);
    for (int64_t i = begin; i < end; i++) {
        const float *row = learner->rows + document->ids[i] * learner->stride;
        for (int64_t column = 0; column < learner->width; column += FLOATS_PER_LINE) {
            __builtin_prefetch(row + column, 1);
        }
    }
}

/* Rows of a few floats, as those of folded models with several classes, without the calls of a kernel a row: `stride`
 * is a constant to the compiler. What is behind the width is zero and stays so. */
#define NARROW 16
static inline void add_narrow(float *sum, const struct learner *learner, const struct ec_bag_slice *document,
                              const int64_t stride)
{
    float kept[NARROW] = {0};
    for (int64_t i = 0; i < document->count; i++) {
        if (i + NARROW < document->count) {
            __builtin_prefetch(learner->rows + document->ids[i + NARROW] * stride, 1);
        }
        const float *row = learner->rows + document->ids[i] * stride;
        for (int64_t column = 0; column < stride; column++) {
            kept[column] += document->tf[i] * row[column];
        }
    }
    for (int64_t column = 0; column < stride; column++) {
        sum[column] = kept[column];
    }
}

static inline void move_narrow(const struct learner *learner, const struct ec_bag_slice *document, const int64_t stride)
{
    float step[NARROW];
    for (int64_t column = 0; column < stride; column++) {
        step[column] = learner->step[column];
    }
    for (int64_t i = 0; i < document->count; i++) {
        float *row = learner->rows + document->ids[i] * stride;
        for (int64_t column = 0; column < stride; column++) {
            row[column] += document->tf[i] * step[column];
        }
    }
}

static void sum_rows(struct learner *learner, const struct ec_bag_slice *document)
{
    switch (learner->stride) {
    case 2: add_narrow(learner->mean, learner, document, 2); return;
    case 4: add_narrow(learner->mean, learner, document, 4); return;
    case 8: add_narrow(learner->mean, learner, document, 8); return;
    case 16: add_narrow(learner->mean, learner, document, 16); return;
    default: break;
    }
    fetch_rows(learner, document, 0);
    for (int64_t begin = 0; begin < document->count; begin += CHUNK) {
        int64_t count = ec_least(CHUNK, document->count - begin);
        fetch_rows(learner, document, begin + CHUNK);
        ec_kernels()->weighted_sum(learner->mean, begin > 0, learner->rows, learner->stride, document->ids + begin,
                                   document->tf + begin, count, learner->width);
    }
}

static void move_rows(struct learner *learner, const struct ec_bag_slice *document)
{
    switch (learner->stride) {
    case 2: move_narrow(learner, document, 2); return;
    case 4: move_narrow(learner, document, 4); return;
    case 8: move_narrow(learner, document, 8); return;
    case 16: move_narrow(learner, document, 16); return;
    default: break;
    }
    const struct ec_kernels *kernels = ec_kernels();
    for (int64_t i = 0; i < document->count; i++) {
        kernels->add_scaled(learner->rows + document->ids[i] * learner->stride, learner->step, document->tf[i],
                            learner->width);
    }
}

/* learner->mean; returns the sum of the counts. */
static double make_mean(struct learner *learner, const struct ec_bag_slice *document)
{
    double length = 0;
    sum_rows(learner, document);
    for (int64_t i = 0; i < document->count; i++) {
        length += document->tf[i];
    }
    ec_kernels()->scale(learner->mean, learner->mean, (float)(1 / length), learner->width);
    return length;
}

static float dot(const float *a, const float *b, int64_t n)
{
    float sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int lane = 0; lane < 8; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (; i < n; i++) {
        sums[0] += a[i] * b[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* logits → d; adds to the loss. */
static void errors_of_softmax(float *logits, const float *targets, float amount, struct ec_product_epoch *epoch)
{
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < epoch->classes; j++) {
        most = fmax(most, logits[j]);
    }
    for (int64_t j = 0; j < epoch->classes; j++) {
        sum += exp(logits[j] - most);
    }
    for (int64_t j = 0; j < epoch->classes; j++) {
        double share = exp(logits[j] - most) / sum;
        epoch->loss -= amount * targets[j] * (logits[j] - most - log(sum));
        logits[j] = (float)(amount * (targets[j] - share));
    }
}

static void errors_of_each(float *logits, const float *targets, float amount, struct ec_product_epoch *epoch)
{
    for (int64_t j = 0; j < epoch->classes; j++) {
        double z = logits[j], share = 1 / (1 + exp(-z)), rest = log1p(exp(-fabs(z)));
        double positive = amount * epoch->of_class[j] * targets[j];
        double negative = amount * epoch->of_rest[j] * (1 - targets[j]);
        epoch->loss += positive * (rest + fmax(-z, 0)) + negative * (rest + fmax(z, 0));
        logits[j] = (float)(positive * (1 - share) - negative * share);
    }
}

static void learn(struct learner *learner, const struct ec_bag_slice *document, int32_t number, double *done)
{
    const struct ec_kernels *kernels = ec_kernels();
    struct ec_product_epoch *epoch = learner->epoch;
    double length = make_mean(learner, document);
    double rate = epoch->first_rate + (epoch->last_rate - epoch->first_rate) * (*done / epoch->features);
    for (int64_t j = 0; j < epoch->classes; j++) {
        learner->logits[j] = dot(learner->mean, learner->output + j * learner->stride, learner->width);
    }
    const float *targets = epoch->targets + number * epoch->classes;
    float amount = epoch->importance ? epoch->importance[number] : 1;
    (epoch->softmax ? errors_of_softmax : errors_of_each)(learner->logits, targets, amount, epoch);
    kernels->fill(learner->step, 0, learner->width);
    for (int64_t j = 0; j < epoch->classes; j++) {
        float scale = (float)(rate * learner->logits[j]);
        kernels->add_scaled(learner->step, learner->output + j * learner->stride, scale, learner->width);
        kernels->add_scaled(learner->output + j * learner->stride, learner->mean, scale, learner->width);
    }
    kernels->scale(learner->step, learner->step, (float)(1 / length), learner->width);
    move_rows(learner, document);
    *done += length;
}

ec_status ec_rows_epoch(float *rows, float *output, int64_t width, int64_t stride, struct ec_product_epoch *epoch,
                        const struct ec_bag_poll *poll)
{
    struct learner learner = {.rows = rows, .output = output, .width = width, .stride = stride, .epoch = epoch};
    learner.mean = ec_alloc_array(stride, sizeof(float));
    learner.step = ec_alloc_array(stride, sizeof(float));
    learner.logits = ec_alloc_array(epoch->classes, sizeof(float));
    ec_status status = learner.mean && learner.step && learner.logits ? EC_OK : EC_NO_MEMORY;
    double done = 0;
    epoch->loss = 0;
    for (int64_t place = 0; status == EC_OK && place < epoch->count; place++) {
        if (place % DOCUMENTS_PER_POLL == 0 && poll->interrupted(poll->argument)) {
            status = EC_INTERRUPTED;
            break;
        }
        int32_t number = epoch->order[place];
        struct ec_bag_slice document = ec_bag_document(epoch->pairs, number, (struct ec_range){0, epoch->pairs->size});
        if (document.count) {
            learn(&learner, &document, number, &done);
        }
    }
    ec_free(learner.mean);
    ec_free(learner.step);
    ec_free(learner.logits);
    return status;
}
