/* Reads a line of JSON; see the header. One walk from left to right without recursion: a bit for each array or object
 * that is open says which it is. */
#include "text/json_lines.h"

#include "text/utf8.h"

#include <string.h>

#define EVERY (~(uint64_t)0 / 255) /* 0x01 in each byte */
#define HIGH (EVERY * 0x80)
#define LONGEST_INTEGER 4000 /* digits: Python refuses more than 4300, unless told otherwise */

struct walk {
    const uint8_t *at, *end;
};

/* The high bit of bytes of `word` that are zero, and perhaps of bytes above these. */
static inline uint64_t zeros(uint64_t word) { return (word - EVERY) & ~word & HIGH; }

static inline uint64_t eight(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Bytes of the UTF-8 of one code point beyond ASCII at `at`, or 0. */
static int valid_point(const uint8_t *at, int64_t room)
{
    uint8_t lead = at[0];
    int length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (!length || length > room) {
        return 0;
    }
    for (int i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    int too_long = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90);
    int no_point = (lead == 0xed && at[1] >= 0xa0) || (lead == 0xf4 && at[1] >= 0x90);
    return too_long || no_point ? 0 : length;
}

int ec_json_is_utf8(const uint8_t *bytes, int64_t length, int *ascii)
{
    int64_t i = 0;
    *ascii = 1;
    while (i < length) {
        if (length - i >= 8 && !(eight(bytes + i) & HIGH)) {
            i += 8;
        } else if (bytes[i] < 0x80) {
            i++;
        } else {
            int step = valid_point(bytes + i, length - i);
            if (!step) {
                return 0;
            }
            *ascii = 0;
            i += step;
        }
    }
    return 1;
}

static inline void skip_space(struct walk *walk)
{
    while (walk->at < walk->end && (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\r' || *walk->at == '\n')) {
        walk->at++;
    }
}

/* The four digits behind "\u", or -1. */
static int32_t hex(const uint8_t *at, const uint8_t *end)
{
    int32_t point = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = at[i] >= '0' && at[i] <= '9'   ? at[i] - '0'
                    : at[i] >= 'a' && at[i] <= 'f' ? at[i] - 'a' + 10
                    : at[i] >= 'A' && at[i] <= 'F' ? at[i] - 'A' + 10
                                                   : -1;
        if (digit < 0) {
            return -1;
        }
        point = point * 16 + digit;
    }
    return point;
}

/* A string, behind its first quotation mark; 0 where it is damaged. */
static int take_string(struct walk *walk, struct ec_json_text *text)
{
    const uint8_t *at = walk->at, *end = walk->end;
    text->raw.bytes = at;
    text->escapes = 0;
    for (;;) {
        while (end - at >= 8) {
            uint64_t word = eight(at);
            uint64_t stops = zeros(word ^ EVERY * '"') | zeros(word ^ EVERY * '\\') | ((word - EVERY * 0x20) & ~word);
            if (stops & HIGH) {
                break;
            }
            at += 8;
        }
        while (at < end && *at != '"' && *at != '\\' && *at >= 0x20) {
            at++;
        }
        if (at == end || *at < 0x20) {
            return 0;
        }
        if (*at == '"') {
            text->raw.length = at - text->raw.bytes;
            walk->at = at + 1;
            return 1;
        }
        text->escapes = 1;
        if (end - at < 2 || !(at[1] == 'u' ? hex(at + 2, end) >= 0 : at[1] && strchr("\"\\/bfnrt", at[1]) != NULL)) {
            return 0;
        }
        at += at[1] == 'u' ? 6 : 2;
    }
}

/* Digits at the walk's place; how many. */
static int64_t digits(struct walk *walk)
{
    const uint8_t *begin = walk->at;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9') {
        walk->at++;
    }
    return walk->at - begin;
}

static int take_word(struct walk *walk, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(walk->end - walk->at) < length || memcmp(walk->at, word, length) != 0) {
        return 0;
    }
    walk->at += length;
    return 1;
}

static int take_number(struct walk *walk)
{
    walk->at += *walk->at == '-';
    if (walk->at < walk->end && *walk->at == 'I') {
        return take_word(walk, "Infinity");
    }
    int starts_with_zero = walk->at < walk->end && *walk->at == '0';
    int64_t found = digits(walk);
    if (!found || found > LONGEST_INTEGER || (starts_with_zero && found > 1)) {
        return 0;
    }
    if (walk->at < walk->end && *walk->at == '.') {
        walk->at++;
        if (!digits(walk)) {
            return 0;
        }
    }
    if (walk->at < walk->end && (*walk->at == 'e' || *walk->at == 'E')) {
        walk->at++;
        walk->at += walk->at < walk->end && (*walk->at == '+' || *walk->at == '-');
        return digits(walk) > 0;
    }
    return 1;
}

/* A string, number or word; 0 where there is none. */
static int take_scalar(struct walk *walk)
{
    struct ec_json_text text;
    switch (*walk->at) {
    case '"': walk->at++; return take_string(walk, &text);
    case 't': return take_word(walk, "true");
    case 'f': return take_word(walk, "false");
    case 'n': return take_word(walk, "null");
    case 'N': return take_word(walk, "NaN");
    default: return take_number(walk);
    }
}

/* A key and the colon behind it. */
static int take_key(struct walk *walk, struct ec_json_text *key)
{
    skip_space(walk);
    if (walk->at == walk->end || *walk->at++ != '"' || !take_string(walk, key)) {
        return 0;
    }
    skip_space(walk);
    return walk->at < walk->end && *walk->at++ == ':';
}

/* A value of any kind, from its first byte: arrays and objects with all that they hold. */
static int take_value(struct walk *walk)
{
    uint64_t objects[EC_JSON_DEPTH / 64]; /* bit d: what is open at depth d is an object */
    int depth = 0;
    struct ec_json_text key;
    for (;;) { /* before a value */
        skip_space(walk);
        if (walk->at == walk->end) {
            return 0;
        }
        int opens = *walk->at == '{' || *walk->at == '[', is_object = *walk->at == '{';
        if (opens) {
            if (depth == EC_JSON_DEPTH) {
                return 0;
            }
            uint64_t bit = (uint64_t)1 << (depth & 63);
            objects[depth >> 6] = is_object ? (depth & 63 ? objects[depth >> 6] : 0) | bit
                                            : (depth & 63 ? objects[depth >> 6] : 0) & ~bit;
            depth++;
            walk->at++;
            skip_space(walk);
            if (walk->at == walk->end || *walk->at != (is_object ? '}' : ']')) {
                if (is_object && !take_key(walk, &key)) {
                    return 0;
                }
                continue;
            }
        } else if (!take_scalar(walk)) {
            return 0;
        }
        for (;;) { /* behind a value: what it stands in may end, too */
            if (!depth) {
                return 1;
            }
            is_object = (int)(objects[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1);
            skip_space(walk);
            if (walk->at == walk->end) {
                return 0;
            }
            uint8_t mark = *walk->at++;
            if (mark == ',') {
                if (is_object && !take_key(walk, &key)) {
                    return 0;
                }
                break;
            }
            if (mark != (is_object ? '}' : ']')) {
                return 0;
            }
            depth--;
        }
    }
}

/* Which of the names a key is, or their number. */
static int which(const struct ec_json_names *names, const struct ec_json_text *key)
{
    uint8_t plain[256];
    struct ec_json_bytes bytes = key->raw;
    if (key->escapes && bytes.length <= (int64_t)sizeof plain) {
        bytes.length = ec_json_unescape(plain, &key->raw);
        bytes.bytes = plain;
    }
    int number = 0;
    while (number < names->count && (names->names[number].length != bytes.length ||
                                     memcmp(names->names[number].bytes, bytes.bytes, (size_t)bytes.length) != 0)) {
        number++;
    }
    return number;
}

int ec_json_find(struct ec_json_text *found, const uint8_t *line, int64_t length, const struct ec_json_names *names)
{
    struct walk walk = {line, line + length};
    int best = names->count, is_text = 0;
    skip_space(&walk);
    if (walk.at == walk.end || *walk.at++ != '{') {
        return 0;
    }
    do {
        struct ec_json_text key, text;
        if (!take_key(&walk, &key) || (key.escapes && key.raw.length > 256)) {
            return 0;
        }
        skip_space(&walk);
        int number = which(names, &key), wanted = number < names->count && number <= best;
        int is_string = walk.at < walk.end && *walk.at == '"';
        if (is_string) {
            walk.at++;
        }
        if (!(is_string ? take_string(&walk, &text) : take_value(&walk))) {
            return 0;
        }
        if (wanted) {
            best = number;
            is_text = is_string;
            if (is_string) {
                *found = text;
            }
        }
        skip_space(&walk);
        if (walk.at == walk.end || (*walk.at != ',' && *walk.at != '}')) {
            return 0;
        }
    } while (*walk.at++ == ',');
    skip_space(&walk);
    return walk.at == walk.end && is_text;
}

int64_t ec_json_unescape(uint8_t *out, const struct ec_json_bytes *raw)
{
    static const char marks[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const uint8_t *at = raw->bytes, *end = at + raw->length;
    uint8_t *begin = out;
    while (at < end) {
        const uint8_t *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (at == end) {
            break;
        }
        if (at[1] != 'u') {
            const char *mark = strchr(marks, at[1]);
            *out++ = mark ? (uint8_t)meant[mark - marks] : at[1];
            at += 2;
            continue;
        }
        uint32_t point = (uint32_t)hex(at + 2, end);
        at += 6;
        if (point >= 0xd800 && point < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            uint32_t second = (uint32_t)hex(at + 2, end);
            if (second >= 0xdc00 && second < 0xe000) {
                point = 0x10000 + ((point - 0xd800) << 10 | (second - 0xdc00));
                at += 6;
            }
        }
        out += ec_utf8_encode(point, out);
    }
    return out - begin;
}
