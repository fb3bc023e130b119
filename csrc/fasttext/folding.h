/* What makes predicting quick: with few classes a table of their logits a row (the bag is linear in its rows, so the
 * product with the output matrix is done once for each row); with many, the output matrix packed for products. */
#ifndef EC_FASTTEXT_FOLDING_H
#define EC_FASTTEXT_FOLDING_H

#include "fasttext/model.h"

/* model->folded from input and weights. */
ec_status ec_fasttext_fold(struct ec_fasttext_model *model, int threads);
/* model->panels from weights. */
ec_status ec_fasttext_pack(struct ec_fasttext_model *model);

#endif
