/* fastText's hashed n-grams; see the header. Single-threaded: hashing is cheap beside
 * what a model does with the buckets. */
#include "text/ngram.h"

#include "base/memory.h"

#include <string.h>

/* The upper half of a product of 64 bits each. */
static inline uint64_t upper_half(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)a * b >> 64);
}

uint32_t ec_ngram_hash(const uint8_t *bytes, int64_t length)
{
    uint32_t hash = EC_NGRAM_START;
    for (int64_t i = 0; i < length; i++) {
        hash = ec_ngram_step(hash, bytes[i]);
    }
    return hash;
}

struct ec_ngram_buckets ec_ngram_buckets(uint64_t count)
{
    return (struct ec_ngram_buckets){count, UINT64_MAX / count};
}

/* hash % count: the quotient from the reciprocal is too small by at most 1. */
static inline uint64_t remainder_of(uint64_t hash, const struct ec_ngram_buckets *buckets)
{
    uint64_t left = hash - upper_half(hash, buckets->reciprocal) * buckets->count;
    return left - (left >= buckets->count ? buckets->count : 0);
}

static int continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

int64_t ec_ngram_subwords(const uint8_t *word, int64_t length, int64_t shortest, int64_t longest, uint32_t buckets,
                          int32_t *out)
{
    int64_t found = 0;
    for (int64_t begin = 0; begin < length; begin++) {
        if (continues(word[begin])) {
            continue;
        }
        int64_t end = begin;
        uint32_t hash = EC_NGRAM_START;
        for (int64_t n = 1; end < length && n <= longest; n++) {
            do {
                hash = ec_ngram_step(hash, word[end++]);
            } while (end < length && continues(word[end]));
            if (n >= shortest && !(n == 1 && (begin == 0 || end == length))) {
                if (out) {
                    out[found] = (int32_t)(hash % buckets);
                }
                found++;
            }
        }
    }
    return found;
}

int64_t ec_ngram_count(int64_t tokens, int64_t longest)
{
    int64_t count = 0;
    for (int64_t n = 2; n <= longest && n <= tokens; n++) {
        count += tokens - n + 1;
    }
    return count;
}

void ec_ngram_words(const uint32_t *hashes, int64_t tokens, int64_t longest, const struct ec_ngram_buckets *buckets,
                    int32_t *out)
{
    int64_t next = 0;
    for (int64_t i = 0; i < tokens; i++) {
        /* fastText keeps hashes as int32 and widens them: sign-extended again. */
        uint64_t hash = (uint64_t)(int64_t)(int32_t)hashes[i];
        for (int64_t j = i + 1; j < tokens && j - i < longest; j++) {
            hash = hash * 116049371u + (uint64_t)(int64_t)(int32_t)hashes[j];
            out[next++] = (int32_t)remainder_of(hash, buckets);
        }
    }
}

void ec_ngrams_clear(struct ec_ngrams *ngrams)
{
    ec_free(ngrams->ids);
    ec_free(ngrams->offsets);
    memset(ngrams, 0, sizeof *ngrams);
}

/* The hashes of a document's tokens in `hashes`, which has room for all of them; how many. */
static int64_t hash_document(uint32_t *hashes, uint8_t *token, const struct ec_text_rules *rules,
                             const struct ec_document *document)
{
    struct ec_token_cursor cursor;
    int64_t tokens = 0;
    ec_token_start(&cursor, rules, document, token);
    while (ec_token_next(&cursor)) {
        hashes[tokens++] = ec_ngram_hash(cursor.token, cursor.length);
    }
    return tokens;
}

ec_status ec_ngrams_of_texts(struct ec_ngrams *out, const struct ec_text_rules *rules,
                             const struct ec_document *documents, int64_t document_count, int64_t longest,
                             uint32_t buckets)
{
    int64_t longest_document = 0;
    int64_t most_tokens = 0;
    int64_t capacity = 1024;
    const struct ec_ngram_buckets divisor = ec_ngram_buckets(buckets);
    for (int64_t i = 0; i < document_count; i++) {
        int64_t bound = ec_token_bound(rules, &documents[i]);
        most_tokens = bound > most_tokens ? bound : most_tokens;
        longest_document = documents[i].length > longest_document ? documents[i].length : longest_document;
    }
    uint8_t *token = ec_alloc_array(ec_token_room(longest_document), 1);
    uint32_t *hashes = ec_alloc_array(most_tokens, sizeof *hashes);
    *out = (struct ec_ngrams){.ids = ec_alloc_array(capacity, sizeof *out->ids),
                              .offsets = ec_alloc_array(document_count + 1, sizeof *out->offsets)};
    ec_status status = token && hashes && out->ids && out->offsets ? EC_OK : EC_NO_MEMORY;
    int64_t used = 0;
    for (int64_t i = 0; !status && i < document_count; i++) {
        int64_t tokens = hash_document(hashes, token, rules, &documents[i]);
        int64_t made = ec_ngram_count(tokens, longest);
        out->offsets[i] = used;
        if (used + made > capacity) {
            int32_t *grown = ec_grow_array(out->ids, used, 2 * (used + made), sizeof *grown);
            if (!grown) {
                status = EC_NO_MEMORY;
                break;
            }
            out->ids = grown;
            capacity = 2 * (used + made);
        }
        ec_ngram_words(hashes, tokens, longest, &divisor, out->ids + used);
        used += made;
        out->offsets[i + 1] = used;
    }
    if (!status) {
        out->offsets[document_count] = used;
    }
    ec_free(token);
    ec_free(hashes);
    return status;
}
