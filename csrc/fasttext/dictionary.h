/* fastText's dictionary: words, then labels, in the order of their ids, found by their bytes. It is read where it
 * stands, in the format of its files (mapped, or made by training): {bytes, 0, int64 count, int8 type} for each entry.
 * Of its own it has where each entry begins, a table of slots and, where n-grams of words are made, their hashes: 20 to
 * 40 bytes a word. Read-only once made. */
#ifndef EC_FASTTEXT_DICTIONARY_H
#define EC_FASTTEXT_DICTIONARY_H

#include "bags/table.h"
#include "bags/tokens.h"
#include "base/memory.h"

#include <stdint.h>

#define EC_FASTTEXT_END "</s>" /* the word that ends each line */

struct ec_fasttext_entry {
    const uint8_t *bytes;
    int64_t length;
    int64_t count;
};

struct ec_fasttext_dictionary {
    int32_t word_count, label_count;
    int64_t token_count;
    const uint8_t *entries, *entries_end;
    uint32_t *starts; /* of each entry, from `entries` on; and the end */
    uint32_t *hashes; /* fastText's, of each word, where n-grams of words are made of them; or NULL */
    struct ec_bag_table table;
    /* Buckets that quantisation with a cutoff has kept, and their rows behind those of the words. */
    int64_t kept_count; /* -1: all buckets are there */
    struct ec_bag_table kept;
    int32_t *kept_rows;
};

/* Reads the section of a file that starts at `data`; *used = its bytes. EC_BAD_FORMAT with a report where it is
 * damaged. Clear with ec_fasttext_dictionary_clear, also after a failure. */
ec_status ec_fasttext_dictionary_init(struct ec_fasttext_dictionary *dictionary, const uint8_t *data, int64_t bytes,
                                      int64_t *used, struct ec_report *report);
void ec_fasttext_dictionary_clear(struct ec_fasttext_dictionary *dictionary);

/* Makes the words' hashes. */
ec_status ec_fasttext_dictionary_hash(struct ec_fasttext_dictionary *dictionary);

/* The key of a word, of which no more than readable_end may be read. */
static inline uint64_t ec_fasttext_key(const uint8_t *word, int64_t length, const uint8_t *readable_end)
{
    uint8_t padded[EC_WORD_INLINE + EC_WORD_SLACK] = {0};
    if (length <= EC_WORD_INLINE && readable_end - word < EC_WORD_INLINE) {
        ec_copy(padded, word, (size_t)length);
        word = padded;
    }
    struct ec_word_key key = ec_word_key(word, length);
    return ec_bag_hash(&key, length);
}
struct ec_fasttext_entry ec_fasttext_entry_at(const struct ec_fasttext_dictionary *dictionary, int64_t number);
/* The entry's number, compared byte for byte, or -1. */
int32_t ec_fasttext_find(const struct ec_fasttext_dictionary *dictionary, const uint8_t *word, int64_t length);

/* The row of a bucket behind those of the words, or -1 where it was not kept. */
static inline int32_t ec_fasttext_bucket_row(const struct ec_fasttext_dictionary *dictionary, int32_t bucket)
{
    if (dictionary->kept_count < 0) {
        return bucket;
    }
    int32_t number =
        dictionary->kept_count ? ec_bag_table_find(&dictionary->kept, ec_random_key(0, (uint32_t)bucket)) : -1;
    return number < 0 ? -1 : dictionary->kept_rows[number];
}

#endif
