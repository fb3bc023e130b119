/* One gradient step of fastText's classifier, of one line: h = the mean of the line's rows, logits = some rows of the
 * output times h, and what each of these adds to the output and to the line's rows (objective.h). A team shares the
 * columns of wide rows: each of its threads has some cache lines of every row, and all wait for each other once, for
 * the logits. These are summed up in the order of the blocks of columns, whoever made them. */
#ifndef EC_FASTTEXT_STEPS_H
#define EC_FASTTEXT_STEPS_H

#include "bags/documents.h"
#include "base/threads.h"
#include "fasttext/objective.h"

#define EC_FASTTEXT_WIDE 32 /* floats of a row from which on it comes from memory, in cache lines of its own */

struct ec_fasttext_seat { /* of a thread */
    struct ec_fasttext_choice choice;
    float *logits;
    int64_t lines; /* so far */
};

struct ec_fasttext_steps {
    const struct ec_fasttext_objective *objective;
    float *rows, *output;
    int64_t stride; /* floats of a row: 1 for the folded form, 2, 4, 8, or a multiple of 16 */
    int64_t blocks; /* of columns */
    double omega;   /* of the folded form */
    float *mean, *step;
    float *shares[2]; /* of the logits, by block, of this line and the one before */
    int seat_count;
    struct ec_fasttext_seat *seats;
};

/* `rows` and `output` as in training.h. Clear with ec_fasttext_steps_clear, also after a failure. */
ec_status ec_fasttext_steps_init(struct ec_fasttext_steps *steps, const struct ec_fasttext_objective *objective,
                                 float *rows, float *output, int64_t stride, int threads);
void ec_fasttext_steps_clear(struct ec_fasttext_steps *steps);

/* The loss before the step. `team`: all its threads call this, of wide rows; NULL: one does. `next`: the line whose
 * step comes then, or NULL. */
double ec_fasttext_step(struct ec_fasttext_steps *steps, struct ec_team *team, const struct ec_bag_slice *line,
                        const struct ec_fasttext_target *target, const struct ec_bag_slice *next);

#endif
