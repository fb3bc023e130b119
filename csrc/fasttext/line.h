/* One line of text → ids, exactly as fastText: words that the dictionary has, n-grams of characters, n-grams of words,
 * in this order; and the labels it names. Each thread that reads lines has a reader of its own.
 *
 *     struct ec_fasttext_reader *reader = ec_fasttext_reader_new(&rules);
 *     while (at < end)
 *         status = ec_fasttext_read(reader, text + at, end - at, EC_FASTTEXT_PART, &line), at += line.used;
 *     ec_fasttext_reader_free(reader);
 */
#ifndef EC_FASTTEXT_LINE_H
#define EC_FASTTEXT_LINE_H

#include "fasttext/dictionary.h"

/* What a model makes of a line; borrowed. */
struct ec_fasttext_rules {
    const struct ec_fasttext_dictionary *dictionary;
    int32_t shortest, longest; /* characters of an n-gram, "<" and ">" included; longest 0: none */
    int32_t word_ngrams;       /* words of the longest n-gram of words; up to 1: none, else the dictionary has hashes */
    int64_t buckets;           /* at least 1 where there are n-grams */
    const uint8_t *label;      /* what labels start with: such a token that is not known is not a word */
    int64_t label_length;
};

struct ec_fasttext_line {
    int64_t count, label_count;
    const int32_t *ids;    /* rows of the input matrix; valid until the next line */
    const int32_t *labels; /* numbers of labels, from 0 */
    int64_t tokens;        /* words, labels and the end of the line, known or not */
    int64_t used;          /* bytes of the text, with the newline */
};

/* What the end of a text is, and a newline in it. */
enum ec_fasttext_text {
    EC_FASTTEXT_PART,    /* some lines: a newline ends one, the end of the text does not */
    EC_FASTTEXT_LINE,    /* one line without its newline, which stands behind it as it were */
    EC_FASTTEXT_DOCUMENT /* one line whose newlines are blanks */
};

struct ec_fasttext_reader;
struct ec_fasttext_reader *ec_fasttext_reader_new(const struct ec_fasttext_rules *rules);
void ec_fasttext_reader_free(struct ec_fasttext_reader *reader);
/* Reads up to the end of the line; the token "</s>" ends one, too. */
ec_status ec_fasttext_read(struct ec_fasttext_reader *reader, const uint8_t *text, int64_t length,
                           enum ec_fasttext_text kind, struct ec_fasttext_line *line);

/* Appends the rows of the n-grams of characters of a word; how many, or -1 without memory. */
int64_t ec_fasttext_characters(struct ec_fasttext_reader *reader, const uint8_t *word, int64_t length,
                               const int32_t **rows);

#endif
