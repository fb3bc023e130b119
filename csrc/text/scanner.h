/* One document → its tokens with their keys, a group at a time: the tokenizer's fast side, for the loops over whole
 * corpora in text/encoding.c.
 *
 * Words of five letters end where no branch predictor knows, and a wrong guess costs more than the word. So the bytes
 * are classified 64 at a time into a mask of those that end words, and words are cut from the mask's edges without
 * looking at them. Only spans with code points or bytes that need the rules go through the tokenizer one by one. */
#ifndef EC_TEXT_SCANNER_H
#define EC_TEXT_SCANNER_H

#include "base/status.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

#define EC_SCAN_BLOCKS 8                        /* blocks of 64 bytes that are cut at once */
#define EC_SCAN_GROUP (EC_SCAN_BLOCKS * 32 + 1) /* most tokens of a group: every other byte ends a word */

/* Tokens that were found together, so that their places in a table are fetched at the same time. */
struct ec_token_group {
    int32_t count;
    int32_t lengths[EC_SCAN_GROUP];
    const uint8_t *tokens[EC_SCAN_GROUP]; /* valid until the next call; EC_WORD_SLACK readable bytes behind the end */
    struct ec_word_key keys[EC_SCAN_GROUP];
};

struct ec_scanner {
    const struct ec_text_rules *rules;
    uint8_t ends[256];    /* 1 for bytes that end a word */
    uint8_t rests[256];   /* 1 for bytes that only the rules understand */
    uint8_t singles[256]; /* 1 for ASCII that is a token by itself */
    int any_singles;
    int drops;        /* some of them are ASCII */
    uint8_t *lowered; /* the document in lower case, byte for byte */
    uint8_t *taken;   /* tokens that the rules made, one behind the other, up to next_taken */
    uint8_t *next_taken;
    const struct ec_document *document;
    int64_t at;                           /* first byte that is not classified yet */
    uint64_t before;                      /* 1 where the byte before `at` ends a word */
    uint64_t single_before, wide_before;  /* 1 where it is a token by itself, or beyond ASCII */
    int64_t chunk;                        /* first byte of those classified last */
    uint64_t special[EC_SCAN_BLOCKS + 1]; /* which of them need the rules; the last stays empty */
    int any_special;
    int in_rules; /* `cursor` has not ended */
    int32_t edge, edge_count;
    int64_t edges[2 * EC_SCAN_GROUP]; /* begin, end, begin, end ... of words, the last perhaps without its end */
    struct ec_document span;          /* what `cursor` goes through */
    struct ec_token_cursor cursor;
};

/* Buffers for documents of at most `longest` bytes. Clear with ec_scanner_clear, also after a failure. */
ec_status ec_scanner_init(struct ec_scanner *scanner, const struct ec_text_rules *rules, int64_t longest);
void ec_scanner_clear(struct ec_scanner *scanner);

void ec_scanner_start(struct ec_scanner *scanner, const struct ec_document *document);
/* The next tokens of the document, whose slots in `words` are asked for; 0 at the end. */
int32_t ec_scanner_next(struct ec_scanner *scanner, struct ec_token_group *group, const struct ec_words *words);

#endif
