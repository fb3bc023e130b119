/* Lines into ids; see the header. All tokens of a line are found and hashed before the first is looked up, and their
 * slots asked for: the dictionary is in no near cache. Assumes lines of a few hundred words. */
#include "fasttext/line.h"

#include "base/memory.h"
#include "base/range.h"
#include "text/ngram.h"

#include <string.h>

struct token {
    const uint8_t *bytes;
    int64_t length;
    uint64_t key;
    uint32_t hash; /* fastText's, of which n-grams are made */
};

struct ec_fasttext_reader {
    struct ec_fasttext_rules rules;
    uint8_t ends[256]; /* 1 for bytes that end a token */
    struct ec_ngram_buckets buckets;
    struct token *tokens;
    int64_t token_count, token_capacity;
    uint32_t *hashes; /* of the tokens that are no labels */
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
        for (const char *end = " \n\r\t\v\f"; *end; end++) {
            reader->ends[(uint8_t)*end] = 1;
        }
        reader->ends[0] = 1;
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
    if (reader->token_count < reader->token_capacity) {
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

static int is_end(const struct token *token) { return token->length == 4 && !memcmp(token->bytes, EC_FASTTEXT_END, 4); }

static void take_token(struct ec_fasttext_reader *reader, const uint8_t *bytes, int64_t length, uint32_t hash,
                       const uint8_t *readable_end)
{
    uint64_t key = ec_fasttext_key(bytes, length, readable_end);
    ec_bag_table_prefetch(&reader->rules.dictionary->table, key);
    reader->tokens[reader->token_count++] = (struct token){bytes, length, key, hash};
}

/* The tokens of a line, with the one that ends it; *used = its bytes. */
static ec_status find_tokens(struct ec_fasttext_reader *reader, const uint8_t *text, int64_t length,
                             enum ec_fasttext_text kind, int64_t *used)
{
    static const uint8_t end_of_line[] = EC_FASTTEXT_END;
    const uint8_t *at = text, *end = text + length;
    int ended = 0, newline = kind == EC_FASTTEXT_DOCUMENT ? -1 : '\n'; /* which byte ends the line */
    reader->token_count = 0;
    while (!ended) {
        ec_status status = reserve_tokens(reader);
        if (status) {
            return status;
        }
        while (at < end && reader->ends[*at] && *at != newline) {
            at++;
        }
        if (at == end || *at == newline) {
            if (at < end || kind != EC_FASTTEXT_PART) {
                take_token(reader, end_of_line, 4, ec_ngram_hash(end_of_line, 4), end_of_line + 4);
            }
            at += at < end;
            break;
        }
        const uint8_t *begin = at;
        uint32_t hash = EC_NGRAM_START;
        for (; at < end && !reader->ends[*at]; at++) {
            hash = ec_ngram_step(hash, *at);
        }
        take_token(reader, begin, at - begin, hash, end);
        ended = is_end(&reader->tokens[reader->token_count - 1]);
        at += ended && at < end && *at != newline; /* the blank behind a token is read with it */
    }
    *used = at - text;
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

/* Ids of words and n-grams of characters; labels. */
static ec_status look_up(struct ec_fasttext_reader *reader)
{
    const struct ec_fasttext_rules *rules = &reader->rules;
    const struct ec_fasttext_dictionary *dictionary = rules->dictionary;
    ec_status status = reserve_ids(reader, reader->token_count);
    for (int64_t i = 0; !status && i < reader->token_count; i++) {
        const struct token *token = &reader->tokens[i];
        int32_t number = ec_bag_table_find(&dictionary->table, token->key);
        int label = number < 0 ? is_label(rules, token) : number >= dictionary->word_count;
        if (label) {
            if (number >= 0) {
                reader->labels[reader->label_count++] = number - dictionary->word_count;
            }
            continue;
        }
        reader->hashes[reader->hash_count++] = token->hash;
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
