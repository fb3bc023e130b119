/* Texts → labels and probabilities by a model of fastText, in a team of threads. Documents are shared out in blocks
 * whose bounds follow from the texts alone, and each is computed by itself: no bit depends on the threads. */
#ifndef EC_FASTTEXT_PREDICT_H
#define EC_FASTTEXT_PREDICT_H

#include "fasttext/model.h"
#include "text/tokenizer.h"

/* The best labels of each document, k places each, of which counts[document] are used: best first, equal ones in the
 * order of the labels. */
struct ec_fasttext_answers {
    int64_t k;       /* at most the classes */
    float threshold; /* labels below are left out */
    int32_t *labels; /* [documents, k] */
    float *shares;   /* [documents, k], as fastText gives them, at most 1 */
    int64_t *counts; /* [documents] */
};

/* EC_BAD_VALUE where a document's numbers are none (NaN), as those of a damaged model may be. */
ec_status ec_fasttext_predict(const struct ec_fasttext_answers *answers, const struct ec_fasttext_model *model,
                              const struct ec_document *documents, int64_t document_count, enum ec_fasttext_text kind,
                              int threads);

#endif
