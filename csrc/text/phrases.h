/* Phrases of words that stand beside each other more often than chance would have them (Mikolov et al. 2013; Bouma
 * 2009): counting words and pairs, scoring pairs, joining the words of a text. As gensim's Phrases, number by number.
 *
 * A text here is sentences: a newline behind each word, and another behind each sentence. Words and phrases stand in
 * one table, by their bytes: a phrase that is a word of the text is that word, so that longer phrases grow from joined
 * texts. Connectors ("of", "the") are no ends of a phrase and are not counted, but may stand inside one. */
#ifndef EC_TEXT_PHRASES_H
#define EC_TEXT_PHRASES_H

#include "base/status.h"
#include "text/vocabulary.h"

/* Words that are counted, and prunes, at most: so far from what 64 bits hold that no sum overflows. */
#define EC_PHRASES_MOST ((int64_t)1 << 62)

struct ec_phrases {
    struct ec_words words;
    int64_t *counts; /* of each word and phrase ... */
    double *scores;  /* ... or, where these are no longer kept, what each phrase scores */
    int64_t room;
    int64_t tokens; /* of the texts, connectors too */
    int64_t
        prunes; /* how often rare words have been dropped, and one: as often as a word must come to stay, less one */
};

enum ec_phrase_scoring {
    EC_PHRASE_COUNTS,
    EC_PHRASE_NPMI,
    EC_PHRASE_GIVEN
};

struct ec_phrase_rules {
    const uint8_t *delimiter; /* between the words of a phrase */
    int64_t delimiter_length;
    const struct ec_words *connectors;
    int64_t most_words; /* more in the table: those that are rare are dropped */
    enum ec_phrase_scoring scoring;
    double least_count, threshold; /* a phrase scores more than the threshold */
    /* EC_PHRASE_GIVEN: NaN is no phrase */
    double (*score)(void *argument, int64_t of_first, int64_t of_last, int64_t of_both, int64_t words, int64_t tokens);
    void *argument;
};

void ec_phrases_init(struct ec_phrases *phrases, int scored);
void ec_phrases_clear(struct ec_phrases *phrases);
/* Adds `count` to a word, or sets what it scores. `word` needs EC_WORD_SLACK bytes behind its end. */
ec_status ec_phrases_add(struct ec_phrases *phrases, const uint8_t *word, int64_t length, int64_t count, double score);

/* Counts the words and pairs of sentences; *sentences gets how many there are. */
ec_status ec_phrases_count(struct ec_phrases *phrases, const struct ec_phrase_rules *rules, const uint8_t *text,
                           int64_t length, int64_t *sentences);
/* Adds what another table has counted. */
ec_status ec_phrases_merge(struct ec_phrases *phrases, const struct ec_phrase_rules *rules,
                           const struct ec_phrases *other);

/* Sentences whose phrases are joined. Clear with ec_phrases_joined_clear. */
struct ec_phrases_joined {
    uint8_t *bytes; /* of the phrases, a newline behind each */
    int64_t length, room;
    int64_t *ends; /* of each sentence: words up to it */
    int64_t sentences, sentence_room;
    int64_t *sources; /* of each word: its number in the text, or -1 where it is the next phrase ... */
    double *scores;   /* ... and then what this scores, else NaN */
    int64_t words, word_room;
};
void ec_phrases_joined_clear(struct ec_phrases_joined *joined);
ec_status ec_phrases_join(struct ec_phrases_joined *joined, const struct ec_phrases *phrases,
                          const struct ec_phrase_rules *rules, const uint8_t *text, int64_t length);
/* All that is a phrase among the counted, with what it scores, into an empty table of scores. */
ec_status ec_phrases_export(struct ec_phrases *found, const struct ec_phrases *phrases,
                            const struct ec_phrase_rules *rules);

#endif
