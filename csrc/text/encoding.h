/* Many documents at once, in a team of threads: count their words, or turn them into ids.
 *
 * Documents are shared out in tiles of about 64 KiB of text. Counting gives every thread a word table of its own and
 * adds them up in the order of first appearance in the documents, so that neither the number of threads nor their luck
 * shows in the result. */
#ifndef EC_TEXT_ENCODING_H
#define EC_TEXT_ENCODING_H

#include "base/status.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

#define EC_NO_ID INT32_MIN /* an "id" for words that are to be left out */

struct ec_word_count {
    int64_t count;     /* occurrences */
    int64_t documents; /* documents that hold it */
    uint64_t first;    /* document << 32 | token: where it was first seen in this call */
    int64_t last;      /* document in which it was last seen in this call */
};

/* Words with their counts: words.count entries of `counts`. */
struct ec_word_counts {
    struct ec_words words;
    struct ec_word_count *counts;
    int64_t capacity;
};

void ec_word_counts_init(struct ec_word_counts *counts);
void ec_word_counts_clear(struct ec_word_counts *counts);
/* Adds `word` without an occurrence, if it is new; its number. `word` needs EC_WORD_SLACK bytes behind its end. */
ec_status ec_word_counts_add(struct ec_word_counts *counts, const uint8_t *word, int64_t length, int32_t *number);

/* Adds the words of the documents; new ones are numbered by first appearance. On failure `counts` stays as it is. */
ec_status ec_count_words(struct ec_word_counts *counts, const struct ec_text_rules *rules,
                         const struct ec_document *documents, int64_t document_count, int threads);

/* What a finished encoding holds before its ids are put together: tile t's ids start at ids[starts[t]]. */
struct ec_encoding {
    int64_t document_count;
    int64_t tile_count;
    int64_t *tiles;  /* first document of each tile, and the end */
    int64_t *starts; /* where the ids of each tile start */
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
