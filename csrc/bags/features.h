/* The features of bags of n-grams: which n-gram has which id. Fitted features know every n-gram (an exact vocabulary);
 * hashed ones put it into one of a number of buckets of its kind. Read-only once made, for any number of threads.
 *
 * The ids of each kind are a range of their own: n-grams of 1, 2 ... tokens, then those of characters. */
#ifndef EC_BAGS_FEATURES_H
#define EC_BAGS_FEATURES_H

#include "bags/table.h"
#include "bags/tokens.h"

#define EC_BAG_KINDS (EC_BAG_LONGEST + 1)

struct ec_bag_kind {
    int tokens; /* of each n-gram; 0: characters */
    int64_t first, end;
};

/* The n-grams of fitted features, in the order of their ids. All arrays belong to whoever made them. */
struct ec_bag_names {
    int64_t word_count; /* distinct tokens: the features of kind 1, then others that longer n-grams hold */
    const uint8_t *word_bytes;
    const int64_t *word_ends;
    int64_t counts[EC_BAG_KINDS];       /* features of each kind */
    const int32_t *words[EC_BAG_KINDS]; /* of kinds with several tokens: the tokens of each feature */
    const uint8_t *gram_bytes;          /* of characters */
    const int64_t *gram_ends;
};

struct ec_bag_features {
    struct ec_bag_settings settings;
    int kind_count;
    struct ec_bag_kind kinds[EC_BAG_KINDS];
    int64_t size;
    int64_t buckets; /* of each kind; 0: fitted */
    struct ec_bag_table table;
};

/* The kinds that the settings ask for, without ids; how many. */
int ec_bag_kinds(struct ec_bag_kind kinds[EC_BAG_KINDS], const struct ec_bag_settings *settings);

/* Hashed features where `names` is NULL; else fitted ones: `names`, which are well-formed and not needed afterwards.
 * EC_BAD_VALUE where two of them are the same. Clear with ec_bag_features_clear, also after a failure. */
ec_status ec_bag_features_init(struct ec_bag_features *features, const struct ec_bag_settings *settings,
                               int64_t buckets, const struct ec_bag_names *names);
void ec_bag_features_clear(struct ec_bag_features *features);

/* The id of a hashed feature of `kind`. */
static inline int32_t ec_bag_bucket(const struct ec_bag_kind *kind, int64_t buckets, uint64_t key)
{
    return (int32_t)(kind->first + (int64_t)((key >> 32) * (uint64_t)buckets >> 32));
}

#endif
