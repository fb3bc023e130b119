/* Finds the tokens of one document by the rules; see the header. Called once per token by text/encoding.c, which runs
 * documents in parallel. Assumes ASCII-dominated text with words of five or six bytes. */
#include "text/tokenizer.h"

#include "text/utf8.h"
#include "text/vocabulary.h"

#include <string.h>

int64_t ec_token_room(int64_t document_length)
{
    /* Lower-casing makes a code point longer by at most a half (U+023A, two bytes, becomes U+2C65, three). */
    return document_length + document_length / 2 + 8 + EC_WORD_SLACK;
}

int64_t ec_token_bound(const struct ec_text_rules *rules, const struct ec_document *document)
{
    if (document->ends) {
        return document->tokens;
    }
    switch (rules->split) {
    case EC_SPLIT_WORDS: return rules->alone_count ? document->length : (document->length + 1) / 2;
    case EC_SPLIT_CHARACTERS: return document->length;
    case EC_SPLIT_NONE: break;
    }
    return 1;
}

void ec_token_start(struct ec_token_cursor *cursor, const struct ec_text_rules *rules,
                    const struct ec_document *document, uint8_t *token)
{
    *cursor = (struct ec_token_cursor){
        .rules = rules,
        .at = document->bytes,
        .end = document->bytes + document->length,
        .document = document,
        .token = token,
    };
}

static int is_stop(const struct ec_text_rules *rules, uint32_t point)
{
    if (point < 0x80) {
        return (rules->bytes[point] & 0xff00u) == EC_BYTE_STOP;
    }
    int64_t low = 0;
    int64_t high = rules->stop_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (rules->stops[middle] < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < rules->stop_count && rules->stops[low] == point;
}

static int is_in(const struct ec_point_range *ranges, int64_t count, uint32_t point)
{
    int64_t low = 0;
    int64_t high = count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (ranges[middle].last < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && ranges[low].first <= point;
}

#define ZERO_WIDTH_JOINER 0x200du

static int is_regional_indicator(uint32_t point) { return point >= 0x1f1e6 && point <= 0x1f1ff; }

/* The end of the token that a code point at `at` makes by itself: its marks and modifiers, what joiners bind to it, and
 * the second half of a flag stay with it. */
static const uint8_t *end_of_cluster(const struct ec_text_rules *rules, const uint8_t *at, const uint8_t *end)
{
    uint32_t first = ec_utf8_decode(at), before = first;
    int indicators = is_regional_indicator(first);
    for (at += ec_utf8_length(*at); at < end; at += ec_utf8_length(*at)) {
        uint32_t point = ec_utf8_decode(at);
        int pair = indicators == 1 && is_regional_indicator(point);
        int joined = before == ZERO_WIDTH_JOINER && is_in(rules->alone, rules->alone_count, point);
        if (!pair && !joined && point != ZERO_WIDTH_JOINER && !is_in(rules->extend, rules->extend_count, point)) {
            break;
        }
        indicators += pair;
        before = point;
    }
    return at;
}

/* Takes the code point at `at`, which is not ASCII, through the rules: how many bytes were written to `out`, or -1
 * where it ends a word. Its lower case may be ASCII (U+212A, the Kelvin sign). */
static int take_wide(const struct ec_text_rules *rules, const uint8_t *at, uint8_t *out)
{
    uint32_t point = ec_utf8_decode(at);
    if (point < (uint64_t)rules->lower_count) {
        point = rules->lower[point];
    }
    if (is_stop(rules, point)) {
        return -1;
    }
    if (point < 0x80 && (rules->bytes[point] & 0xff00u) == EC_BYTE_DROP) {
        return 0;
    }
    return ec_utf8_encode(point, out);
}

/* Copies the `length` bytes at `from`, all of which the rules keep, eight at a time: the lookup reads them so, and a
 * processor forwards a store to a load only where both have the same size. Up to eight bytes more are written. */
static inline void copy_kept(const struct ec_text_rules *rules, uint8_t *out, const uint8_t *from, int64_t length,
                             const uint8_t *end)
{
    for (int64_t i = 0; i < length; i += 8) {
        uint64_t bytes = 0;
        if (end - from >= i + 8) {
            memcpy(&bytes, from + i, 8);
        } else {
            memcpy(&bytes, from + i, (size_t)(length - i < 8 ? length - i : 8));
        }
        bytes = rules->lower_ascii ? ec_lower_eight(bytes) : bytes;
        memcpy(out + i, &bytes, 8);
    }
}

static int next_mixed_word(struct ec_token_cursor *cursor)
{
    const struct ec_text_rules *rules = cursor->rules;
    const uint8_t *at = cursor->at;
    const uint8_t *end = cursor->end;
    uint8_t *out = cursor->token;
    while (at < end) {
        uint32_t entry = rules->bytes[*at];
        if (entry < EC_BYTE_STOP) {
            *out++ = (uint8_t)entry;
            at++;
            continue;
        }
        int written = 0;
        int taken = 1;
        if (entry >= EC_BYTE_WIDE && is_in(rules->alone, rules->alone_count, ec_utf8_decode(at))) {
            if (out == cursor->token) {
                const uint8_t *cluster = end_of_cluster(rules, at, end);
                memcpy(out, at, (size_t)(cluster - at));
                out += cluster - at;
                at = cluster;
            }
            break;
        }
        if (entry >= EC_BYTE_WIDE) {
            taken = ec_utf8_length(*at);
            written = take_wide(rules, at, out);
        } else if (entry < EC_BYTE_DROP) {
            written = -1;
        }
        at += taken;
        if (written >= 0) {
            out += written;
        } else if (out != cursor->token) {
            break;
        }
    }
    cursor->at = at;
    cursor->length = out - cursor->token;
    return cursor->length > 0;
}

/* A word of bytes that are only kept is the rule; anything else in it, and it is taken again byte by byte. */
static int next_word(struct ec_token_cursor *cursor)
{
    const struct ec_text_rules *rules = cursor->rules;
    const uint8_t *at = cursor->at;
    const uint8_t *end = cursor->end;
    while (at < end && (rules->bytes[*at] & 0xff00u) == EC_BYTE_STOP) {
        at++;
    }
    const uint8_t *begin = at;
    while (at < end && rules->bytes[*at] < EC_BYTE_STOP) {
        at++;
    }
    if (at < end && rules->bytes[*at] >= EC_BYTE_DROP) {
        cursor->at = begin;
        return next_mixed_word(cursor);
    }
    cursor->length = at - begin;
    cursor->at = at < end ? at + 1 : at;
    copy_kept(rules, cursor->token, begin, cursor->length, end);
    return cursor->length > 0;
}

static int next_character(struct ec_token_cursor *cursor)
{
    const struct ec_text_rules *rules = cursor->rules;
    while (cursor->at < cursor->end) {
        const uint8_t *at = cursor->at;
        uint32_t entry = rules->bytes[*at];
        int taken = ec_utf8_length(*at);
        cursor->at += taken;
        cursor->length = taken;
        if (entry >= EC_BYTE_WIDE) {
            cursor->length = take_wide(rules, at, cursor->token);
        } else if (entry >= EC_BYTE_STOP) {
            cursor->length = 0;
        } else if (taken == 1) {
            cursor->token[0] = (uint8_t)entry;
        } else {
            memcpy(cursor->token, at, (size_t)taken);
        }
        if (cursor->length > 0) {
            return 1;
        }
    }
    return 0;
}

/* Copies `at` to `end` as the token, by the rules but whole: nothing ends it. */
static void take_whole(struct ec_token_cursor *cursor, const uint8_t *at, const uint8_t *end, int drops)
{
    const struct ec_text_rules *rules = cursor->rules;
    uint8_t *out = cursor->token;
    while (at < end) {
        uint32_t entry = rules->bytes[*at];
        if (*at < 0x80 || entry < EC_BYTE_WIDE) { /* where no byte is wide, they need not be UTF-8 */
            *out = (uint8_t)entry;
            out += !(drops && (entry & 0xff00u) == EC_BYTE_DROP);
            at++;
            continue;
        }
        uint32_t point = ec_utf8_decode(at);
        at += ec_utf8_length(*at);
        out += ec_utf8_encode(point < (uint64_t)rules->lower_count ? rules->lower[point] : point, out);
    }
    cursor->length = out - cursor->token;
}

int ec_token_next(struct ec_token_cursor *cursor)
{
    const struct ec_document *document = cursor->document;
    if (document->ends) {
        if (cursor->next >= document->tokens) {
            return 0;
        }
        int64_t begin = cursor->next ? document->ends[cursor->next - 1] : 0;
        take_whole(cursor, document->bytes + begin, document->bytes + document->ends[cursor->next++], 0);
        return 1;
    }
    switch (cursor->rules->split) {
    case EC_SPLIT_WORDS: return next_word(cursor);
    case EC_SPLIT_CHARACTERS: return next_character(cursor);
    case EC_SPLIT_NONE: break;
    }
    if (cursor->next++) {
        return 0;
    }
    take_whole(cursor, document->bytes, document->bytes + document->length, 1);
    return 1;
}
