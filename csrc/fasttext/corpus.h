/* A text of labelled lines → a dictionary as fastText counts it, and all its tokens as numbers of their types. The text
 * is read once, by all threads; neither they nor how it was cut shows in the result. The first half of fastText's
 * training, whose steps (training.h) never see the text again.
 *
 * Tokens stand between blanks; those that begin with `label` are labels. Behind each line comes the token "</s>", and
 * where one stands in the text, the line ends there. */
#ifndef EC_FASTTEXT_CORPUS_H
#define EC_FASTTEXT_CORPUS_H

#include "base/status.h"

#include <stdint.h>

struct ec_fasttext_source {
    const uint8_t *bytes;
    int64_t length;
    const uint8_t *label;
    int64_t label_length;
    int64_t min_count, min_count_label; /* types that are not so frequent are left out */
    /* More words, each counted once, which are in the dictionary however rare they are. */
    const uint8_t *words;
    const int64_t *word_ends;
    int64_t words_given;
};

/* Types are numbered: words of the dictionary, its labels, words that are too rare, each kind by count, most frequent
 * first, then by first occurrence. */
struct ec_fasttext_corpus {
    int64_t word_count, label_count, type_count;
    uint8_t *bytes; /* of all types, one behind the other */
    int64_t *ends;
    int64_t *counts;     /* of words and labels */
    uint32_t *hashes;    /* fastText's, of all types */
    int64_t token_total; /* as fastText counts them: those of the lines, and the words given */
    int64_t end_of_line; /* number of "</s>", or -1 */
    int32_t *tokens;     /* of the lines; -1: a label that is too rare */
    int64_t line_count;
    int64_t *line_ends; /* in tokens */
};

/* Clear with ec_fasttext_corpus_clear, also after a failure. */
ec_status ec_fasttext_corpus_init(struct ec_fasttext_corpus *corpus, const struct ec_fasttext_source *text,
                                  int threads);
void ec_fasttext_corpus_clear(struct ec_fasttext_corpus *corpus);

/* The dictionary as it stands in fastText's files; its bytes. Writes nothing where `out` is NULL. */
int64_t ec_fasttext_corpus_section(uint8_t *out, const struct ec_fasttext_corpus *corpus);

#endif
