/* The product form (product_form.h) with one float a row: two classes, or one label. With z = omega h and d = target -
 * sigmoid(z): row += rate d omega count / length, omega += rate d h, twice that for softmax, where output has two rows
 * that mirror each other. 5 ns a pair: most of it is cache misses, as the table has no room in the first caches. */
#include "bags/product_form.h"

#include <math.h>
#include <stddef.h>

#define AHEAD 16
#define LANES 4
#define DOCUMENTS_PER_POLL 4096

static double mean(const float *rows, const struct ec_bag_slice *document, double *length)
{
    float sums[LANES] = {0}, counts[LANES] = {0};
    int64_t i = 0, ahead = document->count - AHEAD - LANES;
    for (; i + LANES <= document->count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            if (i < ahead) {
                __builtin_prefetch(rows + document->ids[i + lane + AHEAD], 1);
            }
            sums[lane] += document->tf[i + lane] * rows[document->ids[i + lane]];
            counts[lane] += document->tf[i + lane];
        }
    }
    for (; i < document->count; i++) {
        sums[0] += document->tf[i] * rows[document->ids[i]];
        counts[0] += document->tf[i];
    }
    *length = (counts[0] + counts[1]) + (counts[2] + counts[3]);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / *length;
}

double ec_folded_learn(float *rows, double *omega, const struct ec_bag_slice *document, struct ec_folded_step *step)
{
    double h = mean(rows, document, &step->length), z = *omega * h;
    double share = 1 / (1 + exp(-z)), rest = log1p(exp(-fabs(z)));
    double d = step->positive * (1 - share) - step->negative * share;
    float amount = (float)(step->rate * d * *omega / step->length);
    *omega += step->mirrored * step->rate * d * h;
    for (int64_t i = 0; i < document->count; i++) {
        rows[document->ids[i]] += amount * document->tf[i];
    }
    return step->positive * (rest + fmax(-z, 0)) + step->negative * (rest + fmax(z, 0));
}

static inline struct ec_bag_slice document_at(const struct ec_product_epoch *epoch, int64_t place)
{
    return ec_bag_document(epoch->pairs, epoch->order[place], (struct ec_range){0, epoch->pairs->size});
}

static void fetch(const struct ec_product_epoch *epoch, int64_t place)
{
    if (place < epoch->count) {
        struct ec_bag_slice document = document_at(epoch, place);
        __builtin_prefetch(document.ids);
        __builtin_prefetch(document.tf);
    }
}

ec_status ec_folded_epoch(float *rows, float *output, struct ec_product_epoch *epoch, const struct ec_bag_poll *poll)
{
    double omega = *output, done = 0, slope = (epoch->last_rate - epoch->first_rate) / epoch->features;
    double mirrored = epoch->softmax ? 2 : 1;
    double of_class = epoch->softmax ? 1 : *epoch->of_class, of_rest = epoch->softmax ? 1 : *epoch->of_rest;
    epoch->loss = 0;
    for (int64_t place = 0; place < epoch->count; place++) {
        if (place % DOCUMENTS_PER_POLL == 0 && poll->interrupted(poll->argument)) {
            return EC_INTERRUPTED;
        }
        struct ec_bag_slice document = document_at(epoch, place);
        fetch(epoch, place + 1);
        if (!document.count) {
            continue;
        }
        double amount = epoch->importance ? epoch->importance[epoch->order[place]] : 1;
        double target = ec_bag_target(&epoch->targets, epoch->order[place], 0);
        struct ec_folded_step step = {.rate = epoch->first_rate + slope * done,
                                      .mirrored = mirrored,
                                      .positive = amount * of_class * target,
                                      .negative = amount * of_rest * (1 - target)};
        epoch->loss += ec_folded_learn(rows, &omega, &document, &step);
        done += step.length;
    }
    *output = (float)omega;
    return EC_OK;
}
