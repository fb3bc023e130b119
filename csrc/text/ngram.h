/* Hashed n-grams as fastText makes them, bit for bit, so that its models can be used: character n-grams of a word and
 * n-grams of words, each a bucket number. Bojanowski et al. 2017; Joulin et al. 2017. */
#ifndef EC_TEXT_NGRAM_H
#define EC_TEXT_NGRAM_H

#include "base/status.h"
#include "text/tokenizer.h"

#include <stdint.h>

/* FNV-1a of 32 bits, except that every byte is sign-extended before it is mixed in, as fastText has always done. */
#define EC_NGRAM_START 2166136261u
static inline uint32_t ec_ngram_step(uint32_t hash, uint8_t byte)
{
    return (hash ^ (uint32_t)(int8_t)byte) * 16777619u;
}
uint32_t ec_ngram_hash(const uint8_t *bytes, int64_t length);

/* A number of buckets, 1 to 2^32 - 1, with what makes the remainder of a division by it quick. */
struct ec_ngram_buckets {
    uint64_t count, reciprocal; /* floor((2^64 - 1) / count) */
};
struct ec_ngram_buckets ec_ngram_buckets(uint64_t count);

/* Buckets of the character n-grams of `word` (UTF-8, with its "<" and ">"), of `shortest` to `longest` code points,
 * without "<" and ">" alone; in fastText's order. Writes nothing where `out` is NULL; how many there are. */
int64_t ec_ngram_subwords(const uint8_t *word, int64_t length, int64_t shortest, int64_t longest, uint32_t buckets,
                          int32_t *out);

/* How many n-grams of 2 to `longest` words `tokens` words have. */
int64_t ec_ngram_count(int64_t tokens, int64_t longest);

/* Buckets of the n-grams of 2 to `longest` words whose hashes are given, in fastText's order. */
void ec_ngram_words(const uint32_t *hashes, int64_t tokens, int64_t longest, const struct ec_ngram_buckets *buckets,
                    int32_t *out);

/* n-grams of the words of many documents. Clear with ec_ngrams_clear, also after a failure. */
struct ec_ngrams {
    int32_t *ids;
    int64_t *offsets; /* document_count + 1 */
};
ec_status ec_ngrams_of_texts(struct ec_ngrams *out, const struct ec_text_rules *rules,
                             const struct ec_document *documents, int64_t document_count, int64_t longest,
                             uint32_t buckets);
void ec_ngrams_clear(struct ec_ngrams *ngrams);

#endif
