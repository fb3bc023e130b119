/* The scanner's masks against the tokenizer one token at a time: the same tokens, whatever the rules and the text. */
#include "text/scanner.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Rules of any kind from four bytes: what ends a word, what is dropped, whether other code points matter. */
static void make_rules(struct ec_text_rules *rules, const uint8_t *data)
{
    static const uint32_t stops[] = {0xe9, 0x3002, 0xff0c, 0x1f600};
    static const struct ec_point_range alone[] = {{'!', '#'}, {0x4e00, 0x9fff}, {0x1f1e6, 0x1f64f}};
    static const struct ec_point_range extend[] = {{0x300, 0x36f}, {0x200d, 0x200d}};
    memset(rules, 0, sizeof *rules);
    rules->lower_ascii = data[0] & 1;
    rules->stops = stops;
    rules->stop_count = data[0] & 2 ? 4 : 0;
    rules->alone = alone;
    rules->extend = extend;
    rules->alone_count = data[0] & 8 ? 3 : 0;
    rules->extend_count = data[0] & 8 ? 2 : 0;
    for (int byte = 0; byte < 256; byte++) {
        int upper = rules->lower_ascii && byte >= 'A' && byte <= 'Z';
        int wide = byte >= 0x80 && (rules->stop_count || rules->alone_count);
        rules->bytes[byte] = (uint16_t)((upper ? byte + 32 : byte) | (wide ? EC_BYTE_WIDE : 0));
    }
    rules->bytes[' '] |= EC_BYTE_STOP;
    rules->bytes[data[1] & 0x3f] = (uint16_t)((data[1] & 0x3f) | EC_BYTE_STOP);
    if (data[0] & 4 && (data[2] & 0x3f) != ' ') {
        rules->bytes[data[2] & 0x3f] = (uint16_t)((data[2] & 0x3f) | EC_BYTE_DROP);
    }
    for (int byte = '!'; byte <= '#' && rules->alone_count; byte++) { /* alone wins over the others */
        rules->bytes[byte] = (uint16_t)(byte | EC_BYTE_WIDE);
    }
    rules->split = (enum ec_text_split)(data[3] % 8 < 6 ? EC_SPLIT_WORDS : data[3] % 8 - 5);
}

/* Code points from any bytes: most of them ASCII, as valid UTF-8. */
static int64_t make_text(uint8_t *text, const uint8_t *data, size_t size)
{
    static const char *const wide[] = {"\xc3\xa9",     "\xe3\x80\x82", "\xef\xbc\x8c", "\xf0\x9f\x98\x80", "\xc3\x9f",
                                       "\xe4\xb8\xad", "\xcc\x81",     "\xe2\x80\x8d", "\xf0\x9f\x87\xa9"};
    int64_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0xe0) {
            text[length++] = data[i] & 0x7f;
        } else {
            const char *point = wide[data[i] % 9];
            memcpy(text + length, point, strlen(point));
            length += (int64_t)strlen(point);
        }
    }
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ec_text_rules rules;
    struct ec_words words;
    static struct ec_scanner scanner;
    static struct ec_token_group group;
    struct ec_token_cursor cursor;
    if (size < 4) {
        return 0;
    }
    make_rules(&rules, data);
    uint8_t *wide = malloc(4 * size);
    int64_t length = make_text(wide, data + 4, size - 4);
    uint8_t *text = malloc((size_t)length + !length); /* exactly as long: a read behind it is seen */
    uint8_t *token = malloc((size_t)ec_token_room(length));
    memcpy(text, wide, (size_t)length);
    struct ec_document document = {.bytes = text, .length = length};
    ec_words_init(&words);
    check(ec_scanner_init(&scanner, &rules, length) == EC_OK);
    for (int round = 0; round < 2; round++) { /* a scanner is used for many documents */
        ec_scanner_start(&scanner, &document);
        ec_token_start(&cursor, &rules, &document, token);
        while (ec_scanner_next(&scanner, &group, &words)) {
            for (int i = 0; i < group.count; i++) {
                check(ec_token_next(&cursor) && cursor.length == group.lengths[i]);
                check(!memcmp(cursor.token, group.tokens[i], (size_t)cursor.length));
                int32_t number = -1;
                check(ec_words_add(&words, group.tokens[i], group.lengths[i], &group.keys[i], &number) == EC_OK);
                check(ec_words_find(&words, group.tokens[i], group.lengths[i], &group.keys[i]) == number);
            }
        }
        check(!ec_token_next(&cursor));
    }
    ec_scanner_clear(&scanner);
    ec_words_clear(&words);
    free(wide);
    free(text);
    free(token);
    return 0;
}
