/* The product form (product_form.h) with rows of several floats: one for each class, or as many as are wanted as
 * vectors of documents. With d = target - probability: output[j] += rate d[j] h, each row += rate count / length * the
 * sum of d[j] output[j]. A batch of documents sees the same weights, those before it: threads share out its documents,
 * wait, and then each adds all steps, in the order of the documents, to the rows and classes that it owns; so nothing
 * is merged, and no sum depends on the number of threads. A batch of one document is fastText's step, on one thread.
 * Rows then move between cores: two threads took 1.6 times the processor time of one (dim 100, batches of 16). */
#include "bags/product_form.h"

#include "bags/row_sums.h"
#include "base/memory.h"
#include "base/threads.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stddef.h>

#define DOCUMENTS_PER_POLL 256

/* What a document of a batch adds. */
struct share {
    struct ec_bag_slice document;
    int32_t number;
    double length, loss;
};

struct learner {
    struct ec_row_table table;
    float *output; /* [classes, stride] */
    struct ec_product_epoch *epoch;
    const struct ec_bag_poll *poll;
    struct share *shares; /* [batch] */
    float *means, *steps; /* [batch, stride] */
    float *errors;        /* [batch, classes] */
    ec_status status;     /* written by the first thread before a barrier, read behind it */
};

/* logits → d; the loss. */
static double errors_of_softmax(float *logits, int64_t document, float amount, const struct ec_product_epoch *epoch)
{
    double most = -INFINITY, sum = 0, loss = 0;
    for (int64_t j = 0; j < epoch->classes; j++) {
        most = fmax(most, logits[j]);
    }
    for (int64_t j = 0; j < epoch->classes; j++) {
        sum += exp(logits[j] - most);
    }
    for (int64_t j = 0; j < epoch->classes; j++) {
        double share = exp(logits[j] - most) / sum;
        float target = ec_bag_target(&epoch->targets, document, j);
        loss -= amount * target * (logits[j] - most - log(sum));
        logits[j] = (float)(amount * (target - share));
    }
    return loss;
}

static double errors_of_each(float *logits, int64_t document, float amount, const struct ec_product_epoch *epoch)
{
    double loss = 0;
    for (int64_t j = 0; j < epoch->classes; j++) {
        double z = logits[j], share = 1 / (1 + exp(-z)), rest = log1p(exp(-fabs(z)));
        float target = ec_bag_target(&epoch->targets, document, j);
        double positive = amount * epoch->of_class[j] * target;
        double negative = amount * epoch->of_rest[j] * (1 - target);
        loss += positive * (rest + fmax(-z, 0)) + negative * (rest + fmax(z, 0));
        logits[j] = (float)(positive * (1 - share) - negative * share);
    }
    return loss;
}

/* Mean, errors and, still without the rate, the step of a document's rows. */
static void look(const struct learner *learner, int64_t place, int64_t b)
{
    const struct ec_kernels *kernels = ec_kernels();
    const struct ec_product_epoch *epoch = learner->epoch;
    int64_t width = learner->table.width, stride = learner->table.stride;
    struct share *share = &learner->shares[b];
    float *mean = learner->means + b * stride, *step = learner->steps + b * stride;
    float *errors = learner->errors + b * epoch->classes;
    share->number = epoch->order[place];
    share->document = ec_bag_document(epoch->pairs, share->number, (struct ec_range){0, epoch->pairs->size});
    share->length = share->loss = 0;
    if (!share->document.count) {
        return;
    }
    ec_row_sum(mean, &learner->table, &share->document);
    for (int64_t i = 0; i < share->document.count; i++) {
        share->length += share->document.tf[i];
    }
    kernels->scale(mean, mean, (float)(1 / share->length), width);
    for (int64_t j = 0; j < epoch->classes; j++) {
        errors[j] = ec_row_dot(mean, learner->output + j * stride, width);
    }
    float amount = epoch->importance ? epoch->importance[share->number] : 1;
    share->loss = (epoch->softmax ? errors_of_softmax : errors_of_each)(errors, share->number, amount, epoch);
    kernels->fill(step, 0, width);
    for (int64_t j = 0; j < epoch->classes; j++) {
        kernels->add_scaled(step, learner->output + j * stride, errors[j], width);
    }
}

/* The learning rate behind so many features of this epoch. */
static double rate_at(const struct ec_product_epoch *epoch, double done)
{
    return epoch->first_rate + (epoch->last_rate - epoch->first_rate) * (done / epoch->features);
}

/* What this thread owns of the output and the rows; `done`: features of the epoch before the batch. */
static void move(const struct learner *learner, int64_t count, double done, struct ec_team *team)
{
    const struct ec_kernels *kernels = ec_kernels();
    int64_t stride = learner->table.stride, classes = learner->epoch->classes;
    struct ec_range owned = ec_range_part(classes, team->size, team->index);
    struct ec_range shards = ec_range_part(EC_ROW_SHARDS, team->size, team->index);
    float step[EC_PRODUCT_WIDEST];
    for (int64_t b = 0; b < count; b++) {
        const struct share *share = &learner->shares[b];
        if (!share->document.count) {
            continue;
        }
        double rate = rate_at(learner->epoch, done);
        for (int64_t j = owned.begin; j < owned.end; j++) {
            kernels->add_scaled(learner->output + j * stride, learner->means + b * stride,
                                (float)(rate * learner->errors[b * classes + j]), learner->table.width);
        }
        kernels->scale(step, learner->steps + b * stride, (float)(rate / share->length), stride);
        ec_row_add(&learner->table, &share->document, step, shards, NULL);
        done += share->length;
    }
}

static void learn(struct ec_team *team, void *argument)
{
    struct learner *learner = argument;
    struct ec_product_epoch *epoch = learner->epoch;
    double done = 0;
    for (int64_t begin = 0; begin < epoch->count; begin += epoch->batch) {
        int64_t count = ec_least(epoch->batch, epoch->count - begin);
        if (team->index == 0 && begin % DOCUMENTS_PER_POLL < epoch->batch &&
            learner->poll->interrupted(learner->poll->argument)) {
            learner->status = EC_INTERRUPTED;
        }
        for (int64_t b; (b = ec_team_next(team, count)) >= 0;) {
            look(learner, begin + b, b);
        }
        ec_team_barrier(team);
        if (learner->status != EC_OK) {
            return;
        }
        move(learner, count, done, team);
        for (int64_t b = 0; b < count; b++) {
            done += learner->shares[b].length;
            if (team->index == 0) {
                epoch->loss += learner->shares[b].loss;
            }
        }
        ec_team_barrier(team);
    }
}

ec_status ec_rows_epoch(float *rows, float *output, int64_t width, int64_t stride, struct ec_product_epoch *epoch,
                        int threads, const struct ec_bag_poll *poll)
{
    struct learner learner = {{rows, width, stride}, output, epoch, poll, NULL, NULL, NULL, NULL, EC_OK};
    learner.shares = ec_alloc_array(epoch->batch, sizeof *learner.shares);
    learner.means = ec_alloc_zeros(epoch->batch * stride, sizeof(float));
    learner.steps = ec_alloc_zeros(epoch->batch * stride, sizeof(float));
    learner.errors = ec_alloc_array(epoch->batch * epoch->classes, sizeof(float));
    epoch->loss = 0;
    if (learner.shares && learner.means && learner.steps && learner.errors) {
        ec_parallel(epoch->batch > 1 ? threads : 1, learn, &learner);
    } else {
        learner.status = EC_NO_MEMORY;
    }
    ec_free(learner.shares);
    ec_free(learner.means);
    ec_free(learner.steps);
    ec_free(learner.errors);
    return learner.status;
}
