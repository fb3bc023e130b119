/* fastText's classifier on bags, learnt by gradient steps document by document (Joulin et al. 2017): h = the mean of
 * the rows of a document's features, logits = output h. What is learnt in a row lies in the span of output's rows, as
 * every step adds a combination of them; so with C classes rows of C floats that start at 0, and output = a multiple of
 * the identity, learn what rows of any width do. The product has to stay: its steps grow as output does, from small to
 * a thousand times that. No bit depends on the number of threads: steps follow each other on one, or those of a batch
 * are added by the owners of rows. */
#ifndef EC_BAGS_PRODUCT_FORM_H
#define EC_BAGS_PRODUCT_FORM_H

#include "bags/documents.h"
#include "bags/poll.h"
#include "bags/targets.h"
#include "base/status.h"

struct ec_product_epoch {
    const struct ec_bag_pairs *pairs; /* tf: the counts */
    const int32_t *order;             /* documents to learn from, one after the other */
    int64_t count;
    struct ec_bag_targets targets; /* one column for each class */
    const float *importance;       /* [documents] or NULL: 1 */
    int64_t classes;
    int softmax; /* classes exclude each other (1 class: the second of two); otherwise each is decided alone */
    /* Without softmax, what a document of a class and one of the rest counts in its column, [classes]. */
    const double *of_class, *of_rest;
    double first_rate,
        last_rate; /* the learning rate falls evenly, counted in features, of which there are `features` */
    double features;
    int64_t batch; /* documents that see the same weights; 1 for ec_folded_epoch */
    double loss;   /* result: the sum over the documents, each before its step */
};

/* One step of the folded form, of a document with features. */
struct ec_folded_step {
    double rate, mirrored;     /* 2: of a softmax, whose output has two rows that mirror each other; else 1 */
    double positive, negative; /* how much of the document is of the class, and of the rest */
    double length;             /* result: its features */
};
/* The loss before the step. */
double ec_folded_learn(float *rows, double *omega, const struct ec_bag_slice *document, struct ec_folded_step *step);

/* rows[size] and output[1], for one class. */
ec_status ec_folded_epoch(float *rows, float *output, struct ec_product_epoch *epoch, const struct ec_bag_poll *poll);
#define EC_PRODUCT_WIDEST 4096
#define EC_PRODUCT_BATCH 1024
/* rows[size, stride] and output[classes, stride], of which `width` columns are used. */
ec_status ec_rows_epoch(float *rows, float *output, int64_t width, int64_t stride, struct ec_product_epoch *epoch,
                        int threads, const struct ec_bag_poll *poll);

#endif
