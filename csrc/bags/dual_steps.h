/* One coordinate of dual descent: the best value of one document's alpha while all others stay, for each loss. */
#ifndef EC_BAGS_DUAL_STEPS_H
#define EC_BAGS_DUAL_STEPS_H

#include <math.h>
#include <stdint.h>

/* What the coordinates of an epoch tell about how far the solution is. */
struct ec_dual_progress {
    double highest, lowest; /* projected gradients of this epoch */
    double last_highest;    /* of the epoch before: documents beyond are put aside */
    double inner_tolerance; /* of Newton's method, logistic loss */
    int64_t newton_steps;
};

/* One side of a document: `sign` is 1 where it is of the class, -1 for the rest. Both return by how much sign * alpha
 * changes; `length` = x.x with the constant feature. */
static inline double ec_hinge_step(struct ec_dual_progress *progress, double *alpha, double cost, double sign,
                                   double margin, double length, int *idle)
{
    double diagonal = 1 / (2 * cost), old = *alpha;
    double gradient = sign * margin - 1 + old * diagonal, projected = gradient;
    if (old == 0) {
        *idle &= gradient > progress->last_highest;
        projected = gradient < 0 ? gradient : 0;
    } else {
        *idle = 0;
    }
    progress->highest = fmax(progress->highest, projected);
    progress->lowest = fmin(progress->lowest, projected);
    if (fabs(projected) <= 1e-12) {
        return 0;
    }
    *alpha = fmax(old - gradient / (length + diagonal), 0);
    return sign * (*alpha - old);
}

#define EC_DUAL_NEWTON_STEPS 100
#define EC_DUAL_SHRINK 0.1 /* of a step that would leave (0, cost) */

static inline double ec_logistic_step(struct ec_dual_progress *progress, double *alpha, double cost, double sign,
                                      double margin, double length, int *idle)
{
    *idle = 0;
    double before = alpha[0];
    if (alpha[0] == 0 && alpha[1] == 0) {
        alpha[0] = fmin(0.001 * cost, 1e-8);
        alpha[1] = cost - alpha[0];
    }
    /* Of the two ends of (0, cost), z is the distance to the one that is near the solution. */
    int near = 0.5 * length * (alpha[1] - alpha[0]) + sign * margin < 0;
    double direction = near ? -1 : 1, old = alpha[near], z = old;
    if (cost - z < 0.5 * cost) {
        z *= EC_DUAL_SHRINK;
    }
    double gradient = length * (z - old) + direction * sign * margin + log(z / (cost - z));
    progress->highest = fmax(progress->highest, fabs(gradient));
    int steps = 0;
    for (; steps < EC_DUAL_NEWTON_STEPS && fabs(gradient) >= progress->inner_tolerance; steps++) {
        double next = z - gradient / (length + cost / (cost - z) / z);
        z = next <= 0 ? z * EC_DUAL_SHRINK : next;
        gradient = length * (z - old) + direction * sign * margin + log(z / (cost - z));
    }
    progress->newton_steps += steps;
    if (steps > 0) {
        alpha[near] = z;
        alpha[!near] = cost - z;
    }
    return sign * (alpha[0] - before);
}

#endif
