/* fastText's hashed n-grams; see the header. One word or one document at a time, single-threaded: csrc/python calls it
 * for documents that the tokenizer has cut already. */
#include "text/ngram.h"

uint32_t ec_ngram_hash(const uint8_t *bytes, int64_t length)
{
    uint32_t hash = 2166136261u;
    for (int64_t i = 0; i < length; i++) {
        hash ^= bytes[i] | (bytes[i] >= 0x80 ? 0xffffff00u : 0); /* the sign extension */
        hash *= 16777619u;
    }
    return hash;
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
        for (int64_t n = 1; end < length && n <= longest; n++) {
            do {
                end++;
            } while (end < length && continues(word[end]));
            if (n >= shortest && !(n == 1 && (begin == 0 || end == length))) {
                if (out) {
                    out[found] = (int32_t)(ec_ngram_hash(word + begin, end - begin) % buckets);
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

void ec_ngram_words(const uint32_t *hashes, int64_t tokens, int64_t longest, uint32_t buckets, int32_t *out)
{
    int64_t next = 0;
    for (int64_t i = 0; i < tokens; i++) {
        /* fastText keeps hashes as int32 and widens them: sign-extended again. */
        uint64_t hash = (uint64_t)(int64_t)(int32_t)hashes[i];
        for (int64_t j = i + 1; j < tokens && j < i + longest; j++) {
            hash = hash * 116049371u + (uint64_t)(int64_t)(int32_t)hashes[j];
            out[next++] = (int32_t)(hash % buckets);
        }
    }
}
