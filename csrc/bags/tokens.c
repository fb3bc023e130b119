/* Documents into tokens with hashes; see the header. Between the scanner, which finds words a group at a time, and
 * reader.c and census.c, which want all tokens of a document at once. Assumes hundreds of tokens a document. */
#include "bags/tokens.h"

#include "base/memory.h"

#define CHARACTERS 0x63686172u /* told apart from tokens of the same bytes */

static uint64_t hash_of(const char *word)
{
    uint8_t padded[2 * EC_WORD_SLACK] = {0};
    int64_t length = (int64_t)strlen(word);
    ec_copy(padded, word, (size_t)length);
    struct ec_word_key key = ec_word_key(padded, length);
    return ec_bag_hash(&key, length);
}

ec_status ec_bag_tokens_init(struct ec_bag_tokens *tokens, const struct ec_bag_settings *settings, int64_t longest)
{
    static const char *const marks[] = {"<", "br", "/", ">"};
    tokens->count = tokens->capacity = 0;
    tokens->hashes = NULL;
    tokens->tokens = NULL;
    tokens->lengths = NULL;
    tokens->drops_breaks = settings->drops_breaks;
    for (int mark = 0; mark < 4; mark++) {
        tokens->marks[mark] = hash_of(marks[mark]);
    }
    return ec_scanner_init(&tokens->scanner, settings->rules, longest);
}

void ec_bag_tokens_clear(struct ec_bag_tokens *tokens)
{
    ec_scanner_clear(&tokens->scanner);
    ec_free(tokens->hashes);
    ec_free(tokens->tokens);
    ec_free(tokens->lengths);
}

/* Room for a whole group more. */
static ec_status reserve(struct ec_bag_tokens *tokens)
{
    if (tokens->count + EC_SCAN_GROUP <= tokens->capacity) {
        return EC_OK;
    }
    int64_t capacity = 2 * tokens->capacity + 4 * EC_SCAN_GROUP;
    uint64_t *hashes = ec_grow_array(tokens->hashes, tokens->count, capacity, sizeof *hashes);
    tokens->hashes = hashes ? hashes : tokens->hashes;
    const uint8_t **starts = ec_grow_array(tokens->tokens, tokens->count, capacity, sizeof *starts);
    tokens->tokens = starts ? starts : tokens->tokens;
    int32_t *lengths = ec_grow_array(tokens->lengths, tokens->count, capacity, sizeof *lengths);
    tokens->lengths = lengths ? lengths : tokens->lengths;
    if (!hashes || !starts || !lengths) {
        return EC_NO_MEMORY;
    }
    tokens->capacity = capacity;
    return EC_OK;
}

/* Takes "< br >" and "< br / >" out. */
static void drop_breaks(struct ec_bag_tokens *tokens)
{
    const uint64_t *hashes = tokens->hashes, *marks = tokens->marks;
    int64_t kept = 0;
    for (int64_t i = 0; i < tokens->count;) {
        int64_t left = tokens->count - i;
        if (hashes[i] == marks[0] && left > 2 && hashes[i + 1] == marks[1]) {
            int closed = left > 3 && hashes[i + 2] == marks[2];
            if (hashes[i + 2 + closed] == marks[3]) {
                i += 3 + closed;
                continue;
            }
        }
        tokens->hashes[kept] = hashes[i];
        tokens->tokens[kept] = tokens->tokens[i];
        tokens->lengths[kept++] = tokens->lengths[i++];
    }
    tokens->count = kept;
}

ec_status ec_bag_tokens_of(struct ec_bag_tokens *tokens, const struct ec_document *document)
{
    static const struct ec_words none; /* nothing is looked up yet */
    struct ec_token_group *group = &tokens->group;
    int breaks = 0;
    tokens->count = 0;
    ec_scanner_start(&tokens->scanner, document);
    while (ec_scanner_next(&tokens->scanner, group, &none)) {
        ec_status status = reserve(tokens);
        if (status) {
            return status;
        }
        int64_t at = tokens->count;
        for (int32_t i = 0; i < group->count; i++) {
            uint64_t hash = ec_bag_hash(&group->keys[i], group->lengths[i]);
            tokens->hashes[at + i] = hash;
            tokens->tokens[at + i] = group->tokens[i];
            tokens->lengths[at + i] = group->lengths[i];
            breaks |= hash == tokens->marks[0];
        }
        tokens->count += group->count;
    }
    if (breaks && tokens->drops_breaks) {
        drop_breaks(tokens);
    }
    return EC_OK;
}

int64_t ec_bag_frame(uint8_t *out, const uint8_t *token, int64_t length)
{
    out[0] = '<';
    ec_copy(out + 1, token, (size_t)length);
    out[length + 1] = '>';
    return length + 2;
}

static int continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

static int64_t next_point(const uint8_t *bytes, int64_t length, int64_t at)
{
    do {
        at++;
    } while (at < length && continues(bytes[at]));
    return at;
}

int ec_bag_next_gram(const uint8_t *framed, int64_t length, const int chars[2], int64_t *begin, int64_t *end)
{
    int64_t points = 0;
    for (int64_t at = *begin; at < *end; at = next_point(framed, length, at)) {
        points++;
    }
    if (points && points < chars[1] && *end < length) {
        *end = next_point(framed, length, *end);
        return 1;
    }
    *begin = *end ? next_point(framed, length, *begin) : 0;
    *end = *begin;
    for (points = 0; points < chars[0]; points++) {
        if (*end >= length) {
            return 0;
        }
        *end = next_point(framed, length, *end);
    }
    return 1;
}

uint64_t ec_bag_gram_key(const uint8_t *gram, int64_t length)
{
    struct ec_word_key key = ec_word_key(gram, length);
    return ec_random_key(ec_bag_hash(&key, length), CHARACTERS);
}
