/* Words of a text that may become a phrase, put together as they come: what counting (phrases.c) and joining
 * (phrase_joining.c) have in common. */
#ifndef EC_TEXT_PHRASE_CANDIDATES_H
#define EC_TEXT_PHRASE_CANDIDATES_H

#include "base/memory.h"
#include "text/phrases.h"

#define PHRASES_AHEAD 6        /* words, and ends of sentences */
#define PHRASES_SCOUT_BYTES 64 /* of a pair; longer ones are not asked for */

static inline int32_t find_word(const struct ec_words *words, const uint8_t *word, int64_t length)
{
    struct ec_word_key key = ec_word_key(word, length);
    return ec_words_find(words, word, length, &key);
}

/* The words that may become a phrase, joined: the last one begins at `last`. */
struct candidate {
    uint8_t *bytes; /* EC_WORD_SLACK behind `length` can be read */
    int64_t length, room;
    int64_t first_length; /* of its first word; 0: there is none */
    int64_t last;
};

/* Puts a word behind a candidate. */
static inline ec_status put(struct candidate *candidate, const struct ec_phrase_rules *rules, const uint8_t *word,
                            int64_t length)
{
    int64_t gap = candidate->first_length ? rules->delimiter_length : 0;
    int64_t wanted = candidate->length + gap + length + EC_WORD_SLACK;
    if (wanted > candidate->room) {
        uint8_t *grown = ec_grow_array(candidate->bytes, candidate->room, 2 * wanted, 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        memset(grown + candidate->room, 0, (size_t)(2 * wanted - candidate->room));
        candidate->bytes = grown;
        candidate->room = 2 * wanted;
    }
    ec_copy(candidate->bytes + candidate->length, rules->delimiter, (size_t)gap);
    candidate->last = candidate->length + gap;
    ec_copy(candidate->bytes + candidate->last, word, (size_t)length);
    candidate->length = candidate->last + length;
    return EC_OK;
}

static inline int64_t last_length(const struct candidate *candidate) { return candidate->length - candidate->last; }

/* Its last word becomes its first. */
static inline void start_anew(struct candidate *candidate)
{
    candidate->first_length = candidate->length = last_length(candidate);
    memmove(candidate->bytes, candidate->bytes + candidate->last, (size_t)candidate->length);
    candidate->last = 0;
}

static inline void drop(struct candidate *candidate)
{
    candidate->first_length = candidate->length = candidate->last = 0;
}

static inline int ends_with_connector(const struct candidate *candidate, const struct ec_phrase_rules *rules)
{
    return find_word(rules->connectors, candidate->bytes + candidate->last, last_length(candidate)) >= 0;
}

/* Where the word that begins at `at` ends: at a newline, or the end of the text. */
static inline int64_t word_end(const uint8_t *text, int64_t length, int64_t at)
{
    const uint8_t *end = memchr(text + at, '\n', (size_t)(length - at));
    return end ? end - text : length;
}

/* Runs some words ahead and asks for the places of pairs in the table, which is in no near cache; a pair that it gets
 * wrong, across a connector, is asked for in vain. */
struct scout {
    int64_t at, words; /* words: how far it is ahead */
    uint8_t pair[PHRASES_SCOUT_BYTES + EC_WORD_SLACK];
    int64_t length; /* of the word in `pair` */
};

static inline void scout_on(struct scout *scout, const struct ec_words *words, const struct ec_phrase_rules *rules,
                            const uint8_t *text, int64_t length)
{
    for (scout->words--; scout->words < PHRASES_AHEAD && scout->at < length; scout->words++) {
        int64_t at = scout->at, end = word_end(text, length, at), gap = rules->delimiter_length;
        int64_t begin = scout->length ? scout->length + gap : 0, size = end - at;
        scout->at = end + 1;
        if (!size || begin + size > PHRASES_SCOUT_BYTES) {
            scout->length = 0;
            continue;
        }
        ec_copy(scout->pair + scout->length, rules->delimiter, (size_t)(begin - scout->length));
        memcpy(scout->pair + begin, text + at, (size_t)size);
        if (begin) {
            struct ec_word_key key = ec_word_key(scout->pair, begin + size);
            ec_words_prefetch(words, &key);
            memmove(scout->pair, text + at, (size_t)size);
        }
        scout->length = size;
    }
}

#endif
