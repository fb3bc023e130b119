/* Many documents turned into ids, in a team of threads that share them out in tiles. */
#ifndef EC_TEXT_ENCODING_H
#define EC_TEXT_ENCODING_H

#include "base/status.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

#define EC_NO_ID INT32_MIN /* an "id" for words that are to be left out */

/* What a finished encoding holds before its ids are put together: tile t's ids start at ids[starts[t]]. */
struct ec_encoding {
    int64_t document_count;
    int64_t tile_count;
    int64_t *tiles;  /* first document of each tile, and the end */
    int64_t *starts; /* where the ids of each tile start, in no order */
    int32_t *ids;
    int64_t *offsets; /* document_count + 1: where each document starts among all ids */
};

void ec_encoding_clear(struct ec_encoding *encoding);
/* Looks every token up in `words`: ids[its number], or `unknown`; EC_NO_ID leaves the token out. */
ec_status ec_encode(struct ec_encoding *encoding, const struct ec_words *words, const int32_t *ids, int32_t unknown,
                    const struct ec_text_rules *rules, const struct ec_document *documents, int64_t document_count,
                    int threads);
/* Copies the ids, one document after the other; `out` has offsets[document_count] entries. */
void ec_encoding_copy(const struct ec_encoding *encoding, int32_t *out, int threads);

#endif
