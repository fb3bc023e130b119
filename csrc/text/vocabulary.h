/* The word table: distinct words, numbered in the order in which they were added, found by their bytes.
 *
 * Text is Zipfian, and most words are short: a slot holds up to sixteen bytes of a word itself, so that the usual
 * lookup touches one cache line and compares integers. Longer words (one in two hundred) are told apart by a 64-bit
 * hash, then by their bytes. */
#ifndef EC_TEXT_VOCABULARY_H
#define EC_TEXT_VOCABULARY_H

#include "base/status.h"

#include <stdint.h>
#include <string.h>

#define EC_WORD_INLINE 16 /* bytes of a word that its slot holds */
#define EC_WORD_SLACK 16  /* readable bytes that every word handed to this table must have behind its end */

struct ec_word_slot {
    uint64_t key[2]; /* the bytes themselves, padded with zeros; of longer words a hash and the last bytes */
    uint32_t length; /* bytes */
    int32_t word;    /* number of the word, -1 for an empty slot */
    uint64_t unused; /* two slots fill a cache line */
};

struct ec_words {
    struct ec_word_slot *slots; /* slot_count, a power of two, at most half of them used */
    int64_t slot_count;
    int shift; /* 64 - log2(slot_count) */
    int64_t count;
    int64_t capacity;
    int64_t *starts; /* word w is bytes[starts[w]] to bytes[starts[w + 1]] */
    uint8_t *bytes;
    int64_t bytes_capacity;
};

/* What a lookup needs to know about a word. */
struct ec_word_key {
    uint64_t key[2];
    uint64_t place; /* its top bits number the slot */
};

void ec_words_init(struct ec_words *words);
void ec_words_clear(struct ec_words *words);
/* Room for `count` words in all without growing. */
ec_status ec_words_reserve(struct ec_words *words, int64_t count);
/* The number of the word, which is added if it is new. `word` has EC_WORD_SLACK readable bytes behind its end. */
ec_status ec_words_add(struct ec_words *words, const uint8_t *word, int64_t length, const struct ec_word_key *key,
                       int32_t *number);

/* Takes all words but the first `count` out again. */
void ec_words_shorten(struct ec_words *words, int64_t count);

static inline uint64_t ec_word_load(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline struct ec_word_key ec_word_key(const uint8_t *word, int64_t length)
{
    /* Sixteen bytes from [16 - length] are a mask of a word's bytes among the sixteen that are loaded. */
    static const uint8_t mask[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const uint64_t multiplier = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio (Knuth's multiplicative hashing) */
    struct ec_word_key key;
    if (length <= EC_WORD_INLINE) { /* the slack makes all of it readable */
        key.key[0] = ec_word_load(word) & ec_word_load(mask + 16 - length);
        key.key[1] = ec_word_load(word + 8) & ec_word_load(mask + 24 - length);
    } else {
        uint64_t hash = (uint64_t)length;
        for (int64_t i = 0; i + 8 < length; i += 8) {
            hash = (hash ^ ec_word_load(word + i)) * multiplier;
            hash ^= hash >> 32;
        }
        key.key[0] = hash;
        key.key[1] = ec_word_load(word + length - 8);
    }
    uint64_t mixed = key.key[0] ^ key.key[1] * multiplier;
    mixed = (mixed ^ mixed >> 31) * multiplier;
    key.place = (mixed ^ mixed >> 29) * multiplier;
    return key;
}

/* The number of the word, or -1. */
static inline int32_t ec_words_find(const struct ec_words *words, const uint8_t *word, int64_t length,
                                    const struct ec_word_key *key)
{
    if (!words->count) {
        return -1;
    }
    uint64_t mask = (uint64_t)words->slot_count - 1;
    for (uint64_t place = key->place >> words->shift;; place = (place + 1) & mask) {
        const struct ec_word_slot *slot = &words->slots[place];
        uint64_t differs = (slot->key[0] ^ key->key[0]) | (slot->key[1] ^ key->key[1]) |
                           (slot->length ^ (uint64_t)length) | ((uint64_t)(uint32_t)slot->word & 0x80000000u);
        if (!differs &&
            (length <= EC_WORD_INLINE || !memcmp(words->bytes + words->starts[slot->word], word, (size_t)length))) {
            return slot->word;
        }
        if (slot->word < 0) {
            return -1;
        }
    }
}

/* Asks for the cache line where the word would be. */
static inline void ec_words_prefetch(const struct ec_words *words, const struct ec_word_key *key)
{
    if (words->slot_count) {
        __builtin_prefetch(&words->slots[key->place >> words->shift]);
    }
}

/* order[0 .. count): the indices 0 .. count-1 sorted by key, equal keys in their given order. */
ec_status ec_stable_order(const uint64_t *keys, int64_t count, int32_t *order);

#endif
