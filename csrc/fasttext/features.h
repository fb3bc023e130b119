/* A corpus's lines → the rows of the input table that fastText adds up for each: words, n-grams of their characters,
 * n-grams of words, in its order. Made anew in every epoch where they do not fit into memory: 3 ns each, on threads
 * that have nothing else to do. */
#ifndef EC_FASTTEXT_FEATURES_H
#define EC_FASTTEXT_FEATURES_H

#include "base/range.h"
#include "fasttext/corpus.h"

struct ec_fasttext_features {
    const struct ec_fasttext_corpus *corpus;
    int64_t chars[2];    /* shortest and longest n-gram of characters; longest 0: none */
    int64_t word_ngrams; /* words of the longest n-gram */
    int64_t buckets;
    int64_t rows;          /* of the table: words, then buckets */
    int64_t *subword_ends; /* of each type; NULL without n-grams of characters */
    int32_t *subwords;     /* their rows */
};

/* Settings come from `chars`, `word_ngrams` and `buckets`. Clear with ec_fasttext_features_clear, also after a failure.
 */
ec_status ec_fasttext_features_init(struct ec_fasttext_features *features, int threads);
void ec_fasttext_features_clear(struct ec_fasttext_features *features);

/* Rows that a line of these tokens has at most. */
int64_t ec_fasttext_most_ids(const struct ec_fasttext_features *features, const int32_t *tokens, int64_t count);

/* Lines as training reads them. All zeros at first; the arrays grow. */
struct ec_fasttext_lines {
    int64_t count;
    int32_t *tokens; /* of each line, labels and all */
    int64_t *id_ends;
    int64_t *label_ends;
    int32_t *labels;
    int32_t *ids;
    float *counts; /* how often each id stands in the line; only where pairs are made */
    int64_t line_room, label_room, id_room, count_room;
    int32_t *spare; /* for sorting */
    uint32_t *hashes;
    int64_t hash_room, spare_room;
};
/* `pairs`: distinct ids, ascending, with counts; else ids as they come. */
ec_status ec_fasttext_read_lines(struct ec_fasttext_lines *lines, const struct ec_fasttext_features *features,
                                 struct ec_range range, int pairs);
/* Gives back what lines that are kept do not need. */
ec_status ec_fasttext_lines_fit(struct ec_fasttext_lines *lines);
void ec_fasttext_lines_clear(struct ec_fasttext_lines *lines);

#endif
