/* The losses; see the header. Choosing rows draws all that is random, so that several threads may do it for the same
 * line. */
#include "fasttext/objective.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/range.h"
#include "fasttext/tree.h"

#include <math.h>

#define MOST_LOGIT 8.0f
#define MOST_DRAWS 1000 /* of a negative: where nearly all lines have one label */

/* Writes the way from a node's parent up to the root behind `out`, of which nothing is written where it is NULL. */
static int64_t climb(int32_t *out, const int32_t *parents, int64_t labels, int64_t node)
{
    int64_t length = 0;
    for (int32_t parent; (parent = parents[node]); node = (parent < 0 ? -parent : parent) - 1, length++) {
        int32_t row = (int32_t)((parent < 0 ? -parent : parent) - labels);
        if (out) {
            out[length] = parent < 0 ? -row : row;
        }
    }
    return length;
}

static ec_status make_paths(struct ec_fasttext_objective *objective, const int64_t *counts)
{
    int64_t labels = objective->labels, sum = 0;
    struct ec_fasttext_node *tree;
    ec_status status = ec_fasttext_tree_of(&tree, counts, labels);
    int32_t *parents = ec_alloc_zeros(2 * labels, sizeof *parents); /* and one; < 0: of a left child */
    objective->path_ends = ec_alloc_array(labels, sizeof *objective->path_ends);
    status = status || (parents && objective->path_ends) ? status : EC_NO_MEMORY;
    for (int64_t node = labels; !status && node < 2 * labels - 1; node++) {
        parents[tree[node].left] = -(int32_t)(node + 1);
        parents[tree[node].right] = (int32_t)(node + 1);
    }
    for (int64_t label = 0; !status && label < labels; label++) {
        objective->path_ends[label] = sum += climb(NULL, parents, labels, label);
    }
    objective->paths = ec_alloc_array(sum, sizeof *objective->paths);
    status = status || objective->paths ? status : EC_NO_MEMORY;
    for (int64_t label = 0; !status && label < labels; label++) {
        climb(objective->paths + (label ? objective->path_ends[label - 1] : 0), parents, labels, label);
    }
    ec_free(tree);
    ec_free(parents);
    return status;
}

ec_status ec_fasttext_objective_init(struct ec_fasttext_objective *objective, enum ec_fasttext_loss name,
                                     const int64_t *counts, int64_t labels, int64_t negatives)
{
    memset(objective, 0, sizeof *objective);
    objective->name = name;
    objective->labels = labels;
    objective->negatives = labels > 1 ? negatives : 0;
    for (int i = 0; i <= EC_FASTTEXT_SIGMOIDS; i++) {
        double x = 2.0 * MOST_LOGIT * i / EC_FASTTEXT_SIGMOIDS - MOST_LOGIT;
        objective->sigmoids[i] = (float)(1 / (1 + exp(-x)));
    }
    if (name == EC_FASTTEXT_HIERARCHICAL) {
        return make_paths(objective, counts);
    }
    if (name == EC_FASTTEXT_NEGATIVES) {
        objective->shares = ec_alloc_array(labels, sizeof *objective->shares);
        double sum = 0;
        for (int64_t i = 0; objective->shares && i < labels; i++) {
            objective->shares[i] = sum += sqrt((double)counts[i]);
        }
        return objective->shares ? EC_OK : EC_NO_MEMORY;
    }
    return EC_OK;
}

void ec_fasttext_objective_clear(struct ec_fasttext_objective *objective)
{
    ec_free(objective->path_ends);
    ec_free(objective->paths);
    ec_free(objective->shares);
}

int32_t ec_fasttext_label(const struct ec_fasttext_target *target)
{
    return target->labels[(uint64_t)ec_random_u32(target->key, 0) * (uint64_t)target->count >> 32];
}

int64_t ec_fasttext_most_rows(const struct ec_fasttext_objective *objective)
{
    return ec_most(objective->labels, 1 + objective->negatives);
}

/* A label by its share, other than `label`. */
static int64_t draw(const struct ec_fasttext_objective *objective, int32_t label, uint64_t key, uint32_t *draws)
{
    int64_t low = label;
    for (int tries = 0; low == label && tries < MOST_DRAWS; tries++) {
        double wanted = ec_random_u32(key, ++*draws) * 0x1p-32 * objective->shares[objective->labels - 1];
        int64_t high = objective->labels - 1;
        for (low = 0; low < high;) {
            int64_t middle = (low + high) / 2;
            if (objective->shares[middle] <= wanted) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
    }
    return low == label ? (low + 1) % objective->labels : low;
}

static void add(struct ec_fasttext_choice *choice, int64_t row, int positive)
{
    choice->rows[choice->count] = (int32_t)row;
    choice->positive[choice->count++] = (uint8_t)positive;
}

void ec_fasttext_choose(struct ec_fasttext_choice *choice, const struct ec_fasttext_objective *objective,
                        const struct ec_fasttext_target *target)
{
    int all = objective->name == EC_FASTTEXT_ONE_VS_ALL, each = all || objective->name == EC_FASTTEXT_SOFTMAX;
    int32_t label = all ? 0 : ec_fasttext_label(target);
    choice->count = 0;
    for (int64_t row = 0; each && row < objective->labels; row++) {
        add(choice, row, !all && row == label);
    }
    for (int64_t i = 0; all && i < target->count; i++) {
        choice->positive[target->labels[i]] = 1;
    }
    if (objective->name == EC_FASTTEXT_HIERARCHICAL) {
        for (int64_t i = label ? objective->path_ends[label - 1] : 0; i < objective->path_ends[label]; i++) {
            int32_t row = objective->paths[i];
            add(choice, (row < 0 ? -row : row) - 1, row > 0);
        }
    }
    if (objective->name == EC_FASTTEXT_NEGATIVES) {
        uint32_t draws = 0;
        add(choice, label, 1);
        for (int64_t n = 0; n < objective->negatives; n++) {
            add(choice, draw(objective, label, target->key, &draws), 0);
        }
    }
}

static double softmax(float *logits, const struct ec_fasttext_choice *choice, float rate)
{
    double most = -INFINITY, sum = 0, loss = 0;
    for (int64_t i = 0; i < choice->count; i++) {
        most = fmax(most, logits[i]);
    }
    for (int64_t i = 0; i < choice->count; i++) {
        double share = exp(logits[i] - most);
        sum += share;
        loss = choice->positive[i] ? most - logits[i] : loss;
        logits[i] = (float)share;
    }
    for (int64_t i = 0; i < choice->count; i++) {
        logits[i] = rate * (float)(choice->positive[i] - logits[i] / sum);
    }
    return loss + log(sum);
}

double ec_fasttext_amounts(float *logits, const struct ec_fasttext_objective *objective,
                           const struct ec_fasttext_choice *choice, float rate)
{
    if (objective->name == EC_FASTTEXT_SOFTMAX) {
        return softmax(logits, choice, rate);
    }
    double sum = 0;
    for (int64_t i = 0; i < choice->count; i++) {
        float logit = logits[i], share = logit < 0 ? 0 : 1;
        if (isnan(logit)) {
            share = logit;
        } else if (fabsf(logit) <= MOST_LOGIT) { /* as fastText: by its table */
            share = objective->sigmoids[(int)((logit + MOST_LOGIT) * (EC_FASTTEXT_SIGMOIDS / (2 * MOST_LOGIT)))];
        }
        float of_target = choice->positive[i] ? share : 1 - share;
        sum -= log(of_target < 1e-5f ? 1e-5f : of_target);
        logits[i] = rate * (choice->positive[i] - share);
    }
    return sum;
}
