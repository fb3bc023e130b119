/* Reads a dictionary section; see the header. All that it says is checked here: a damaged one is refused with words
 * that name the place. */
#include "fasttext/dictionary.h"

#include "text/ngram.h"

#include <string.h>

#define HEAD_BYTES 28 /* int32 entries, words, labels; int64 tokens, kept buckets */
#define ENTRY_TAIL 10 /* behind a word: 0, int64 count, int8 type */

static int32_t read_int32(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int64_t read_int64(const uint8_t *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static ec_status damaged(struct ec_report *report, const char *what, int64_t entry)
{
    ec_refuse(report, "the dictionary is damaged: %s (entry %lld)", what, (long long)entry);
    return EC_BAD_FORMAT;
}

/* Head → counts; *entries = how many. */
static ec_status read_head(struct ec_fasttext_dictionary *dictionary, const uint8_t *data, int64_t bytes,
                           struct ec_report *report)
{
    if (bytes < HEAD_BYTES) {
        ec_refuse(report, "it ends within the head of the dictionary");
        return EC_BAD_FORMAT;
    }
    int64_t entries = read_int32(data);
    dictionary->word_count = read_int32(data + 4);
    dictionary->label_count = read_int32(data + 8);
    dictionary->token_count = read_int64(data + 12);
    dictionary->kept_count = read_int64(data + 20);
    if (dictionary->word_count < 0 || dictionary->label_count < 0 ||
        entries != (int64_t)dictionary->word_count + dictionary->label_count || dictionary->kept_count < -1 ||
        dictionary->kept_count > INT32_MAX) {
        ec_refuse(report, "its dictionary is damaged: %lld entries, %d words, %d labels, %lld buckets kept",
                  (long long)entries, (int)dictionary->word_count, (int)dictionary->label_count,
                  (long long)dictionary->kept_count);
        return EC_BAD_FORMAT;
    }
    if (entries > (bytes - HEAD_BYTES) / ENTRY_TAIL) {
        ec_refuse(report, "it ends within the dictionary: %lld entries do not fit into %lld bytes", (long long)entries,
                  (long long)(bytes - HEAD_BYTES));
        return EC_BAD_FORMAT;
    }
    return EC_OK;
}

/* Where each entry begins. */
static ec_status find_starts(struct ec_fasttext_dictionary *dictionary, const uint8_t *end, struct ec_report *report)
{
    int64_t entries = (int64_t)dictionary->word_count + dictionary->label_count;
    const uint8_t *at = dictionary->entries;
    dictionary->starts = ec_alloc_array(entries + 1, sizeof *dictionary->starts);
    if (!dictionary->starts) {
        return EC_NO_MEMORY;
    }
    for (int64_t entry = 0; entry < entries; entry++) {
        const uint8_t *zero = end > at ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!zero || end - zero < ENTRY_TAIL) {
            return damaged(report, "it ends here", entry);
        }
        if (at - dictionary->entries > UINT32_MAX - ENTRY_TAIL || zero - at >= INT32_MAX) {
            return damaged(report, "more than 4 GB of words", entry);
        }
        int type = (int8_t)zero[9];
        if (type != (entry >= dictionary->word_count)) {
            return damaged(report, "words stand before labels, and a type is 0 or 1", entry);
        }
        dictionary->starts[entry] = (uint32_t)(at - dictionary->entries);
        at = zero + ENTRY_TAIL;
    }
    if (at - dictionary->entries > UINT32_MAX) {
        return damaged(report, "more than 4 GB of words", entries);
    }
    dictionary->starts[entries] = (uint32_t)(at - dictionary->entries);
    dictionary->entries_end = at;
    return EC_OK;
}

static ec_status fill_table(struct ec_fasttext_dictionary *dictionary, struct ec_report *report)
{
    int64_t entries = (int64_t)dictionary->word_count + dictionary->label_count;
    ec_status status = ec_bag_table_reserve(&dictionary->table, entries, NULL);
    for (int64_t entry = 0; !status && entry < entries; entry++) {
        struct ec_fasttext_entry one = ec_fasttext_entry_at(dictionary, entry);
        uint64_t key = ec_fasttext_key(one.bytes, one.length, dictionary->entries_end);
        if (ec_bag_table_find(&dictionary->table, key) >= 0) {
            return damaged(report, "it has a word twice", entry);
        }
        ec_bag_table_put(&dictionary->table, key);
    }
    return status;
}

static ec_status read_kept(struct ec_fasttext_dictionary *dictionary, const uint8_t *end, struct ec_report *report)
{
    const uint8_t *at = dictionary->entries_end;
    int64_t count = dictionary->kept_count;
    if (count <= 0) {
        return EC_OK;
    }
    if (count > (end - at) / 8) {
        return damaged(report, "it ends within the buckets kept", count);
    }
    dictionary->kept_rows = ec_alloc_array(count, sizeof *dictionary->kept_rows);
    ec_status status = dictionary->kept_rows ? ec_bag_table_reserve(&dictionary->kept, count, NULL) : EC_NO_MEMORY;
    for (int64_t i = 0; !status && i < count; i++) {
        int32_t bucket = read_int32(at + 8 * i), row = read_int32(at + 8 * i + 4);
        uint64_t key = ec_random_key(0, (uint32_t)bucket);
        if (bucket < 0 || row < 0 || row >= count || ec_bag_table_find(&dictionary->kept, key) >= 0) {
            return damaged(report, "a bucket kept is outside its range or comes twice", i);
        }
        ec_bag_table_put(&dictionary->kept, key);
        dictionary->kept_rows[i] = row;
    }
    return status;
}

ec_status ec_fasttext_dictionary_init(struct ec_fasttext_dictionary *dictionary, const uint8_t *data, int64_t bytes,
                                      int64_t *used, struct ec_report *report)
{
    memset(dictionary, 0, sizeof *dictionary);
    ec_status status = read_head(dictionary, data, bytes, report);
    dictionary->entries = dictionary->entries_end = data + (status ? 0 : HEAD_BYTES);
    if (!status) {
        status = find_starts(dictionary, data + bytes, report);
    }
    if (!status) {
        status = fill_table(dictionary, report);
    }
    if (!status) {
        status = read_kept(dictionary, data + bytes, report);
    }
    if (!status) {
        *used = dictionary->entries_end - data + 8 * (dictionary->kept_count > 0 ? dictionary->kept_count : 0);
    }
    return status;
}

ec_status ec_fasttext_dictionary_hash(struct ec_fasttext_dictionary *dictionary)
{
    dictionary->hashes = ec_alloc_array(dictionary->word_count, sizeof *dictionary->hashes);
    for (int64_t word = 0; dictionary->hashes && word < dictionary->word_count; word++) {
        struct ec_fasttext_entry entry = ec_fasttext_entry_at(dictionary, word);
        dictionary->hashes[word] = ec_ngram_hash(entry.bytes, entry.length);
    }
    return dictionary->hashes ? EC_OK : EC_NO_MEMORY;
}

void ec_fasttext_dictionary_clear(struct ec_fasttext_dictionary *dictionary)
{
    ec_free(dictionary->starts);
    ec_free(dictionary->hashes);
    ec_free(dictionary->kept_rows);
    ec_bag_table_clear(&dictionary->table);
    ec_bag_table_clear(&dictionary->kept);
    memset(dictionary, 0, sizeof *dictionary);
}

struct ec_fasttext_entry ec_fasttext_entry_at(const struct ec_fasttext_dictionary *dictionary, int64_t number)
{
    uint32_t start = dictionary->starts[number];
    int64_t length = (int64_t)dictionary->starts[number + 1] - start - ENTRY_TAIL;
    const uint8_t *bytes = dictionary->entries + start;
    return (struct ec_fasttext_entry){bytes, length, read_int64(bytes + length + 1)};
}

int32_t ec_fasttext_find(const struct ec_fasttext_dictionary *dictionary, const uint8_t *word, int64_t length)
{
    if (!dictionary->table.count) {
        return -1;
    }
    int32_t number = ec_bag_table_find(&dictionary->table, ec_fasttext_key(word, length, word + length));
    if (number < 0) {
        return -1;
    }
    struct ec_fasttext_entry entry = ec_fasttext_entry_at(dictionary, number);
    return entry.length == length && !memcmp(entry.bytes, word, (size_t)length) ? number : -1;
}
