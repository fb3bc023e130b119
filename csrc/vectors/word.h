/* The bytes of one word: a hash for the index, and UTF-8 as Python's decoder understands it (errors="strict", "ignore"
 * or "replace"), so that a word in a file and the str that a user asks for have the same bytes. */
#ifndef EC_VECTORS_WORD_H
#define EC_VECTORS_WORD_H

#include <stdint.h>

/* Part of the format of cache files: the value may never change for the same bytes. */
uint64_t ec_word_hash(const char *word, int64_t bytes);

/* Bytes in front of the first one that is not valid UTF-8; `bytes` when all are. */
int64_t ec_utf8_valid_bytes(const char *word, int64_t bytes);

enum ec_unicode_errors {
    EC_UNICODE_STRICT,
    EC_UNICODE_IGNORE,
    EC_UNICODE_REPLACE
};

/* Writes the word without its invalid sequences, or with U+FFFD in their place (out: at most 3 * bytes), and returns
 * how many bytes it wrote. */
int64_t ec_utf8_repair(char *out, const char *word, int64_t bytes, enum ec_unicode_errors errors);

#endif
