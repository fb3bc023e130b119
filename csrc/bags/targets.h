/* What a document is to learn: how much it is of each class, 0 to 1; or its class alone, where there are many classes
 * and nearly all of those numbers would be 0 (a million documents of 2,000 classes: 8 GB against 4 MB). */
#ifndef EC_BAGS_TARGETS_H
#define EC_BAGS_TARGETS_H

#include <stdint.h>

struct ec_bag_targets {
    const float *shares;    /* [documents, columns]; NULL: classes are given */
    const int32_t *classes; /* [documents] in [0, columns) */
    int64_t columns;
};

static inline float ec_bag_target(const struct ec_bag_targets *targets, int64_t document, int64_t column)
{
    return targets->shares ? targets->shares[document * targets->columns + column]
                           : (float)(targets->classes[document] == column);
}

#endif
