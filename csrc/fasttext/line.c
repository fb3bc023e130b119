/* Lines into ids; see the header. All tokens of a line are found and hashed before the first is looked up, and their
 * slots asked for: the dictionary is in no near cache. No branch predictor knows where a word of five letters ends, so
 * words are cut from masks of 64 bytes without looking at them. Assumes lines of a few hundred words. */
#include "fasttext/line.h"

#include "base/memory.h"
#include "base/range.h"
#include "fasttext/blanks.h"
#include "text/ngram.h"

#include <string.h>

#define BLOCK_TOKENS (EC_BLANKS_BLOCK / 2 + 1) /* that end in a block, or with it, at most; and the end of the line */

static const uint8_t end_of_line[] = EC_FASTTEXT_END;

struct token {
    const uint8_t *bytes;
    int64_t length;
    uint64_t key;
    int32_t number; /* of its entry, or -1 */
};

struct ec_fasttext_reader {
    struct ec_fasttext_rules rules;
    struct ec_ngram_buckets buckets;
    uint64_t end_key; /* of the token that ends a line */
    struct token *tokens;
    int64_t token_count, token_capacity;
    uint32_t *hashes; /* fastText's, of the tokens that are no labels, where n-grams are made of them */
    int64_t hash_count;
    int32_t *ids, *labels; /* labels: as many as there may be tokens */
    int64_t id_count, id_capacity, label_count;
    uint8_t *framed; /* "<token>" */
    int64_t framed_capacity;
};

struct ec_fasttext_reader *ec_fasttext_reader_new(const struct ec_fasttext_rules *rules)
{
    struct ec_fasttext_reader *reader = ec_alloc_zeros(1, sizeof *reader);
    if (reader) {
        reader->rules = *rules;
        reader->buckets = ec_ngram_buckets((uint64_t)ec_most(rules->buckets, 1));
        reader->end_key = ec_fasttext_key(end_of_line, 4, end_of_line + 4);
    }
    return reader;
}

void ec_fasttext_reader_free(struct ec_fasttext_reader *reader)
{
    if (reader) {
        ec_free(reader->tokens);
        ec_free(reader->hashes);
        ec_free(reader->ids);
        ec_free(reader->labels);
        ec_free(reader->framed);
    }
    ec_free(reader);
}

static ec_status reserve_tokens(struct ec_fasttext_reader *reader)
{
    if (reader->token_count + BLOCK_TOKENS <= reader->token_capacity) {
        return EC_OK;
    }
    int64_t capacity = 2 * reader->token_capacity + 256;
    struct token *tokens = ec_grow_array(reader->tokens, reader->token_count, capacity, sizeof *tokens);
    reader->tokens = tokens ? tokens : reader->tokens;
    uint32_t *hashes = ec_grow_array(reader->hashes, 0, capacity, sizeof *hashes);
    reader->hashes = hashes ? hashes : reader->hashes;
    int32_t *labels = ec_grow_array(reader->labels, 0, capacity, sizeof *labels);
    reader->labels = labels ? labels : reader->labels;
    if (!tokens || !hashes || !labels) {
        return EC_NO_MEMORY;
    }
    reader->token_capacity = capacity;
    return EC_OK;
}

static ec_status reserve_ids(struct ec_fasttext_reader *reader, int64_t more)
{
    if (more > INT64_MAX / 16 - reader->id_count) {
        return EC_TOO_LARGE;
    }
    int64_t needed = reader->id_count + more;
    if (reader->ids && needed <= reader->id_capacity) {
        return EC_OK;
    }
    int32_t *ids = ec_grow_array(reader->ids, reader->id_count, 2 * needed, sizeof *ids);
    if (!ids) {
        return EC_NO_MEMORY;
    }
    reader->ids = ids;
    reader->id_capacity = 2 * needed;
    return EC_OK;
}

static int is_end(const struct token *token) { return token->length == 4 && !memcmp(token->bytes, end_of_line, 4); }

/* Whether it is the token that ends a line. */
static inline int take_token(struct ec_fasttext_reader *reader, const uint8_t *bytes, int64_t length,
                             const uint8_t *readable_end)
{
    uint64_t key = ec_fasttext_key(bytes, length, readable_end);
    ec_bag_table_prefetch(&reader->rules.dictionary->table, key);
    reader->tokens[reader->token_count++] = (struct token){bytes, length, key, -1};
    return key == reader->end_key && is_end(&reader->tokens[reader->token_count - 1]);
}

/* The tokens of a line, with the one that ends it; *used = its bytes. */
static ec_status find_tokens(struct ec_fasttext_reader *reader, const uint8_t *text, int64_t length,
                             enum ec_fasttext_text kind, int64_t *used)
{
    const uint8_t *end = text + length, *begin = NULL; /* of the token that is open */
    int64_t line_length = length;
    uint64_t before = 1;
    reader->token_count = 0;
    for (int64_t at = 0; at <= line_length; at += EC_BLANKS_BLOCK) { /* behind the end is a blank */
        ec_status status = reserve_tokens(reader);
        if (status) {
            return status;
        }
        int64_t left = line_length - at;
        uint64_t blanks = ec_blanks_of(text + at, &left, kind == EC_FASTTEXT_DOCUMENT);
        line_length = at + left;
        for (uint64_t edges = blanks ^ (blanks << 1 | before); edges; edges &= edges - 1) {
            const uint8_t *edge = text + at + __builtin_ctzll(edges);
            if (!begin) {
                begin = edge;
            } else if (take_token(reader, begin, edge - begin, end)) {
                *used = edge - text; /* the blank behind it is read with it */
                *used += edge < end && (*edge != '\n' || kind == EC_FASTTEXT_DOCUMENT);
                return EC_OK;
            } else {
                begin = NULL;
            }
        }
        before = blanks >> 63;
    }
    if (line_length < length || kind != EC_FASTTEXT_PART) {
        take_token(reader, end_of_line, 4, end_of_line + 4);
    }
    *used = line_length + (line_length < length);
    return EC_OK;
}

static int is_label(const struct ec_fasttext_rules *rules, const struct token *token)
{
    return token->length >= rules->label_length && !memcmp(token->bytes, rules->label, (size_t)rules->label_length);
}

/* The rows of buckets ids[from .. id_count), those that were kept. */
static void find_rows(struct ec_fasttext_reader *reader, int64_t from)
{
    const struct ec_fasttext_dictionary *dictionary = reader->rules.dictionary;
    int64_t kept = from;
    if (dictionary->kept_count < 0) {
        for (int64_t i = from; i < reader->id_count; i++) {
            reader->ids[i] += dictionary->word_count;
        }
        return;
    }
    for (int64_t i = from; i < reader->id_count; i++) {
        int32_t row = ec_fasttext_bucket_row(dictionary, reader->ids[i]);
        reader->ids[kept] = dictionary->word_count + row;
        kept += row >= 0;
    }
    reader->id_count = kept;
}

static ec_status append_characters(struct ec_fasttext_reader *reader, const uint8_t *word, int64_t length)
{
    const struct ec_fasttext_rules *rules = &reader->rules;
    if (length + 2 > reader->framed_capacity) {
        uint8_t *framed = ec_grow_array(reader->framed, 0, 2 * length + 64, 1);
        if (!framed) {
            return EC_NO_MEMORY;
        }
        reader->framed = framed;
        reader->framed_capacity = 2 * length + 64;
    }
    reader->framed[0] = '<';
    ec_copy(reader->framed + 1, word, (size_t)length);
    reader->framed[length + 1] = '>';
    int64_t lengths = ec_most((int64_t)rules->longest - rules->shortest + 1, 0);
    ec_status status = reserve_ids(reader, (length + 2) * ec_least(lengths, length + 2));
    if (!status) {
        int64_t from = reader->id_count;
        reader->id_count += ec_ngram_subwords(reader->framed, length + 2, rules->shortest, rules->longest,
                                              (uint32_t)rules->buckets, reader->ids + from);
        find_rows(reader, from);
    }
    return status;
}

/* The numbers of the tokens' entries; their hashes, which are in no near cache either, are asked for. */
static void find_entries(struct ec_fasttext_reader *reader)
{
    const struct ec_fasttext_dictionary *dictionary = reader->rules.dictionary;
    for (int64_t i = 0; i < reader->token_count; i++) {
        struct token *token = &reader->tokens[i];
        token->number = ec_bag_table_find(&dictionary->table, token->key);
        if (dictionary->hashes) {
            __builtin_prefetch(dictionary->hashes + ec_most(0, ec_least(token->number, dictionary->word_count - 1)));
        }
    }
}

/* fastText's hash of a word. */
static inline uint32_t hash_of(const struct ec_fasttext_dictionary *dictionary, const struct token *token)
{
    return token->number < 0 ? ec_ngram_hash(token->bytes, token->length) : dictionary->hashes[token->number];
}

/* Ids of words and n-grams of characters; labels. */
static ec_status look_up(struct ec_fasttext_reader *reader)
{
    const struct ec_fasttext_rules *rules = &reader->rules;
    const struct ec_fasttext_dictionary *dictionary = rules->dictionary;
    ec_status status = reserve_ids(reader, reader->token_count);
    find_entries(reader);
    for (int64_t i = 0; !status && i < reader->token_count; i++) {
        const struct token *token = &reader->tokens[i];
        int32_t number = token->number;
        int label = number < 0 ? is_label(rules, token) : number >= dictionary->word_count;
        if (label) {
            if (number >= 0) {
                reader->labels[reader->label_count++] = number - dictionary->word_count;
            }
            continue;
        }
        if (rules->word_ngrams > 1) {
            reader->hashes[reader->hash_count++] = hash_of(dictionary, token);
        }
        if (number >= 0) {
            if (reader->id_count == reader->id_capacity) {
                status = reserve_ids(reader, 1);
            }
            if (!status) {
                reader->ids[reader->id_count++] = number;
            }
        }
        if (!status && rules->longest > 0 && !is_end(token)) {
            status = append_characters(reader, token->bytes, token->length);
        }
    }
    return status;
}

static ec_status append_word_ngrams(struct ec_fasttext_reader *reader)
{
    int32_t longest = reader->rules.word_ngrams;
    if (longest <= 1) {
        return EC_OK;
    }
    int64_t count = ec_ngram_count(reader->hash_count, longest);
    ec_status status = reserve_ids(reader, count);
    if (!status && count) {
        ec_ngram_words(reader->hashes, reader->hash_count, longest, &reader->buckets, reader->ids + reader->id_count);
        reader->id_count += count;
        find_rows(reader, reader->id_count - count);
    }
    return status;
}

ec_status ec_fasttext_read(struct ec_fasttext_reader *reader, const uint8_t *text, int64_t length,
                           enum ec_fasttext_text kind, struct ec_fasttext_line *line)
{
    int64_t used = 0;
    reader->hash_count = reader->id_count = reader->label_count = 0;
    ec_status status = find_tokens(reader, text, length, kind, &used);
    status = status ? status : look_up(reader);
    status = status ? status : append_word_ngrams(reader);
    *line = (struct ec_fasttext_line){.count = reader->id_count,
                                      .label_count = reader->label_count,
                                      .ids = reader->ids,
                                      .labels = reader->labels,
                                      .tokens = reader->token_count,
                                      .used = used};
    return status;
}

int64_t ec_fasttext_characters(struct ec_fasttext_reader *reader, const uint8_t *word, int64_t length,
                               const int32_t **rows)
{
    reader->id_count = 0;
    ec_status status = EC_OK;
    if (reader->rules.longest > 0 && !(length == 4 && !memcmp(word, EC_FASTTEXT_END, 4))) {
        status = append_characters(reader, word, length);
    }
    *rows = reader->ids;
    return status ? -1 : reader->id_count;
}
