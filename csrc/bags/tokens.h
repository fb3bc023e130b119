/* One document → its tokens, each with a hash of 64 bits, and from these the keys of its n-grams. The first half of
 * every way through csrc/bags: what counts features (census.c) and what looks them up (reader.c) start here.
 *
 * A key stands for its n-gram: with 64 bits, two of 10^8 n-grams share one with a probability of 3 in 10^4. */
#ifndef EC_BAGS_TOKENS_H
#define EC_BAGS_TOKENS_H

#include "base/random.h"
#include "base/status.h"
#include "text/scanner.h"
#include "text/tokenizer.h"

#define EC_BAG_LONGEST 5 /* tokens of an n-gram at most */

/* Which n-grams there are of a text. */
struct ec_bag_settings {
    const struct ec_text_rules *rules; /* borrowed */
    int words[2];                      /* shortest and longest n-gram of tokens; 0, 0: none */
    int chars[2];                      /* of the characters of each "<token>" */
    int drops_breaks;                  /* "<br>" and "<br />" are no tokens */
};

/* The tokens of a document. */
struct ec_bag_tokens {
    struct ec_scanner scanner;
    struct ec_token_group group;
    int drops_breaks;
    uint64_t marks[4]; /* hashes of < br / > */
    int64_t count, capacity;
    uint64_t *hashes;
    const uint8_t **tokens; /* in the scanner's memory: valid until the next document */
    int32_t *lengths;
};

/* For documents of at most `longest` bytes. Clear with ec_bag_tokens_clear, also after a failure. */
ec_status ec_bag_tokens_init(struct ec_bag_tokens *tokens, const struct ec_bag_settings *settings, int64_t longest);
void ec_bag_tokens_clear(struct ec_bag_tokens *tokens);
ec_status ec_bag_tokens_of(struct ec_bag_tokens *tokens, const struct ec_document *document);

/* Of a word with EC_WORD_SLACK readable bytes behind its end. */
static inline uint64_t ec_bag_hash(const struct ec_word_key *key, int64_t length)
{
    uint64_t hash = key->place ^ (uint64_t)length; /* the key's zeros may be bytes of the word */
    return hash ^ hash >> 32;
}

/* The key of an n-gram from that of its first n - 1 tokens. A token's key is its hash. */
static inline uint64_t ec_bag_longer(uint64_t key, uint64_t hash) { return ec_random_key(key, hash); }

/* Bytes that ec_bag_frame writes for a token of `length` bytes. */
#define EC_BAG_FRAME_ROOM(length) ((length) + 2 + EC_WORD_SLACK)
/* Writes "<token>"; its length. */
int64_t ec_bag_frame(uint8_t *out, const uint8_t *token, int64_t length);
/* The next n-gram of characters of "<token>", by beginning, then by length; *begin and *end start as 0 and hold its
 * place. 0 where there is none left. */
int ec_bag_next_gram(const uint8_t *framed, int64_t length, const int chars[2], int64_t *begin, int64_t *end);
uint64_t ec_bag_gram_key(const uint8_t *gram, int64_t length);

#endif
