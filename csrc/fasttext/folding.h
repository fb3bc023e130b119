/* What makes predicting quick: with few classes a table of their logits a row (the bag is linear in its rows, so the
 * product with the output matrix is done once for each row); with many, the output matrix packed for products.
 *
 * A softmax depends on differences of logits alone, so a row has those with label 0, whose own is 0: one float less
 * than there are labels. So has a tree, which decides at its inner nodes. Labels that are decided alone have one each.
 */
#ifndef EC_FASTTEXT_FOLDING_H
#define EC_FASTTEXT_FOLDING_H

#include "fasttext/model.h"

int64_t ec_fasttext_folded_columns(const struct ec_fasttext_model *model);
/* out[classes, columns]: what turns a sum of folded rows into what the output matrix makes of the rows themselves; for
 * a softmax into logits that differ as those do. */
void ec_fasttext_unfolding(float *out, const struct ec_fasttext_model *model);
/* model->folded from input and weights. */
ec_status ec_fasttext_fold(struct ec_fasttext_model *model, int threads);
/* model->panels from weights. */
ec_status ec_fasttext_pack(struct ec_fasttext_model *model);

#endif
