/* Linear models by dual coordinate descent: minimises |w|^2 / 2 + sum over documents of cost * loss(margin), convex, so
 * without a learning rate. Squared hinge (Hsieh et al. 2008: LIBLINEAR's solver 1) or logistic loss (Yu, Huang and Lin
 * 2011: its solver 7). A problem is one class against the rest, of one part (weighting, features used) of a model, on
 * all documents or without one fold of a cross-validation; problems are solved side by side, one a thread. */
#ifndef EC_BAGS_DUAL_DESCENT_H
#define EC_BAGS_DUAL_DESCENT_H

#include "bags/documents.h"
#include "bags/poll.h"
#include "bags/targets.h"
#include "base/status.h"

enum ec_dual_loss {
    EC_DUAL_SQUARED_HINGE,
    EC_DUAL_LOGISTIC
};

struct ec_dual_problem {
    const struct ec_bag_pairs *pairs;
    struct ec_range features; /* those that the part uses lie in it; */
    /* [size], `base_stride` apart: the idf, or 1; zero for those in between that the part does not use. */
    const float *base;
    int64_t base_stride;
    struct ec_bag_targets targets;
    int64_t column; /* the class */
    /* [documents] how often each counts, or NULL: once. */
    const float *importance;
    const int32_t *folds; /* [documents] or NULL; those of fold `held_out` are not trained on, -1: all are */
    int32_t held_out;
    enum ec_dual_loss loss;
    double cost, positive,
        negative;     /* a document costs cost * importance * (positive if of the class, else negative) */
    double intercept; /* the value of the constant feature whose weight is the bias; 0: no bias */
    double damping;   /* naive-Bayes weights |r| + damping; below 0: none */
    int norm;         /* documents are divided by their l2 norm */
    double tolerance; /* spread of the projected gradients at which it has converged */
    int64_t max_epochs;
    uint64_t key; /* of the order of the documents */
    /* What |w|^2 is measured from, as `weights` and `bias`, or NULL: 0. */
    const float *centre_weights, *centre_bias;
    /* Results. Weights of the scaled features [size] and the scale, as the targets' columns apart; NULL: not
     * wanted. */
    float *weights, *scale, *bias;
    float *margins; /* of held-out documents, as far apart; NULL: not wanted */
    int64_t epochs;
    double violation; /* the spread at the end */
    ec_status status;
};

/* Solves the problems; the first status that is not EC_OK. */
ec_status ec_dual_descent(struct ec_dual_problem *problems, int64_t count, int threads, const struct ec_bag_poll *poll);

#endif
