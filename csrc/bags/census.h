/* Counting all n-grams of many documents, block after block. N-grams are spread over partitions by their keys: first
 * every thread reads documents and sorts their keys by partition, then every thread counts whole partitions, each in
 * the order of the documents. So no two threads share a table, a partition's table fits the near caches, and neither
 * the threads nor how documents were cut into blocks shows in the result.
 *
 * N-grams of characters are not counted here: they follow from the distinct tokens (ranking.c). */
#ifndef EC_BAGS_CENSUS_H
#define EC_BAGS_CENSUS_H

#include "bags/features.h"
#include "bags/partition.h"

struct ec_bag_census {
    struct ec_bag_settings settings;
    int kind_count;              /* of n-grams of tokens; the first kind is always single tokens */
    int lengths[EC_BAG_LONGEST]; /* tokens of an n-gram of each kind */
    struct ec_bag_partition partitions[EC_BAG_LONGEST][EC_BAG_PARTITIONS];
    int64_t token_count; /* seen so far */
    /* The n-grams that begin at each token, in the order of the documents, since they were taken last: kind_count
     * codes a token, -1 where the document is over. A code is number * EC_BAG_PARTITIONS + partition. */
    int keeps;
    int64_t document_count;
    int64_t *document_ends; /* in tokens */
    int64_t document_capacity;
    int32_t *codes;
    int64_t code_count, code_capacity; /* in tokens */
    ec_status status;                  /* of the first failure, after which nothing is added any more */
};

/* The kind of the census for n-grams of `length` tokens, which it counts. */
static inline int ec_bag_census_kind(const struct ec_bag_census *census, int length)
{
    return census->kind_count - 1 - (census->lengths[census->kind_count - 1] - length);
}

/* `keeps`: codes are kept. Free with ec_bag_census_free. */
struct ec_bag_census *ec_bag_census_new(const struct ec_bag_settings *settings, int keeps);
void ec_bag_census_free(struct ec_bag_census *census);
ec_status ec_bag_census_add(struct ec_bag_census *census, const struct ec_document *documents, int64_t document_count,
                            int threads);
/* Forgets the codes that were kept. */
void ec_bag_census_drop_codes(struct ec_bag_census *census);

#endif
