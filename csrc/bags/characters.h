/* Tokens → ids of the n-grams of their characters. Few words make most of a text, so the ids of words that were seen
 * are kept: a token is then a lookup, not fifteen. One for each thread that reads documents. */
#ifndef EC_BAGS_CHARACTERS_H
#define EC_BAGS_CHARACTERS_H

#include "bags/features.h"

#define EC_BAG_CACHED 32768 /* words whose ids are kept, by their hash */
#define EC_BAG_MANY 1024    /* tokens from which on it pays to have more than lookups */

struct ec_bag_cached {
    uint64_t hash;
    int64_t begin; /* of its ids among all that are kept */
    int32_t count; /* and one; 0: nothing is kept here */
};

struct ec_bag_characters {
    const struct ec_bag_features *features;
    const struct ec_bag_kind *kind;
    struct ec_bag_cached *cached; /* NULL until there were many tokens */
    int64_t seen;                 /* tokens */
    int32_t *ids;
    int64_t used, capacity;
    uint64_t *keys; /* of one token */
    int64_t key_capacity;
    uint8_t *framed;
};

/* For tokens of documents of at most `longest` bytes; NULL without memory. */
struct ec_bag_characters *ec_bag_characters_new(const struct ec_bag_features *features, const struct ec_bag_kind *kind,
                                                int64_t longest);
void ec_bag_characters_free(struct ec_bag_characters *characters);
/* Where the ids of the token's n-grams stand until the next call, and in *count how many; NULL without memory. */
const int32_t *ec_bag_characters_of(struct ec_bag_characters *characters, const uint8_t *token, int32_t length,
                                    uint64_t hash, int32_t *count);

#endif
