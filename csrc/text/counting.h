/* The words of many documents counted, in a team of threads. Every thread has a word table of its own; they are added
 * up in the order of first appearance in the documents, so that neither the number of threads nor their luck shows in
 * the result. */
#ifndef EC_TEXT_COUNTING_H
#define EC_TEXT_COUNTING_H

#include "base/status.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

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

#endif
