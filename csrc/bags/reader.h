/* One document → its features: distinct ids, ascending, each with how often it occurs. What transforming texts, and
 * predicting with a table of weights, do on each thread, without Python.
 *
 *     struct ec_bag_reader *reader = ec_bag_reader_new(features, longest);      once a thread
 *     while (...)
 *         status = ec_bag_read(reader, document, &bag);                  bag is valid until the next call
 *     ec_bag_reader_free(reader);
 */
#ifndef EC_BAGS_READER_H
#define EC_BAGS_READER_H

#include "bags/bags.h"
#include "bags/features.h"

struct ec_bag_reader;
/* For documents of at most `longest` bytes; NULL without memory. The features stay the caller's. */
struct ec_bag_reader *ec_bag_reader_new(const struct ec_bag_features *features, int64_t longest);
void ec_bag_reader_free(struct ec_bag_reader *reader);
ec_status ec_bag_read(struct ec_bag_reader *reader, const struct ec_document *document, struct ec_bag *bag);

/* The bags of many documents, in a team of threads. Clear `bags` with ec_bags_clear, also after a failure. */
ec_status ec_bags_read(struct ec_bags *bags, const struct ec_bag_features *features,
                       const struct ec_document *documents, int64_t document_count, int threads);

#endif
