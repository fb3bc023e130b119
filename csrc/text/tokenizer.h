/* One document → its tokens, one at a time: lower-case, what ends a word, what is dropped, what is a token by itself.
 *
 * The rules are a table with one entry per byte, so that the usual text (ASCII) costs one load per byte. Bytes of other
 * code points go a slower way where the rules have something to say about them, and are copied where they have not. */
#ifndef EC_TEXT_TOKENIZER_H
#define EC_TEXT_TOKENIZER_H

#include "base/status.h"

#include <stdint.h>

enum ec_text_split {
    EC_SPLIT_WORDS,      /* runs of bytes between those that end a word; no empty tokens */
    EC_SPLIT_CHARACTERS, /* every code point that is not dropped */
    EC_SPLIT_NONE        /* the whole text, also an empty one */
};

/* What a byte does, in the upper half of its table entry; the lower half is the byte that stands for it. */
#define EC_BYTE_KEEP 0x000u
#define EC_BYTE_STOP 0x100u /* ends a word */
#define EC_BYTE_DROP 0x200u /* vanishes without ending a word */
#define EC_BYTE_WIDE 0x300u /* part of a code point that has to be looked at; of ASCII, one that is a token itself */

/* Code points from `first` to `last`. */
struct ec_point_range {
    uint32_t first, last;
};

struct ec_text_rules {
    uint16_t bytes[256];
    enum ec_text_split split;
    int lower_ascii;       /* bytes[] turns A to Z into a to z */
    const uint32_t *lower; /* lower[c] stands for code point c; NULL: all stand for themselves. Borrowed. */
    int64_t lower_count;
    const uint32_t *stops; /* other code points than ASCII that end a word, ascending. Borrowed. */
    int64_t stop_count;
    /* Of EC_SPLIT_WORDS: code points that are tokens by themselves (CJK, emoji), and those that stay with one before
     * them (marks, modifiers), as UAX 29, WB3c to WB4; both ascending. Borrowed. */
    const struct ec_point_range *alone, *extend;
    int64_t alone_count, extend_count;
};

/* `bytes` is UTF-8. A document that is a list of tokens has them one behind the other; token i ends before ends[i]. */
struct ec_document {
    const uint8_t *bytes;
    int64_t length;
    const int64_t *ends; /* NULL for a text */
    int64_t tokens;      /* of a list */
};

/* A place in a document, and the token that was found last. */
struct ec_token_cursor {
    const struct ec_text_rules *rules;
    const uint8_t *at, *end;
    const struct ec_document *document;
    int64_t next;   /* token of a list, or how often a text that is not split was returned */
    uint8_t *token; /* where the next token is written */
    int64_t length; /* of the one that was found last */
};

/* Eight bytes with A to Z in lower case. Bit 7 of a lane of `from_a` is set for bytes >= 'A', of `past_z` for bytes >
 * 'Z'; bytes above 127 have bit 7 themselves and stay. */
static inline uint64_t ec_lower_eight(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = bytes & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones;
    uint64_t past_z = low + (0x80 - 'Z' - 1) * ones;
    return bytes | ((from_a & ~past_z & ~bytes & 0x80 * ones) >> 2);
}

/* Bytes that a cursor's `token` must have for a document of this length. */
int64_t ec_token_room(int64_t document_length);

/* `token` has ec_token_room bytes and stays the caller's. */
void ec_token_start(struct ec_token_cursor *cursor, const struct ec_text_rules *rules,
                    const struct ec_document *document, uint8_t *token);

/* Writes the next token to cursor->token; 0 at the end. The caller may move cursor->token behind it to keep it; all
 * tokens of the document fit. Bytes behind a token are undefined. */
int ec_token_next(struct ec_token_cursor *cursor);

/* An upper bound of a document's tokens. */
int64_t ec_token_bound(const struct ec_text_rules *rules, const struct ec_document *document);

#endif
