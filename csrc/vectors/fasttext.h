/* What a fastText model file (.bin) needs besides plain reading: its dictionary, and the character n-grams whose
 * vectors a word's vector is the mean of (Bojanowski, Grave, Joulin and Mikolov 2017). */
#ifndef EC_VECTORS_FASTTEXT_H
#define EC_VECTORS_FASTTEXT_H

#include "base/status.h"
#include "vectors/index.h"

#include <stdint.h>

struct ec_subwords {
    int64_t shortest, longest; /* characters in an n-gram, the marks "<" and ">" included */
    int64_t buckets;
    int64_t first_row; /* the buckets' vectors lie behind those of the words */
};

/* One dictionary entry: word, zero byte, count (int64), type (int8). Returns its length in bytes, 0 if it is not
 * complete in data[0 : bytes]. */
int64_t ec_fasttext_entry(const char *data, int64_t bytes, int64_t *word_bytes, int8_t *type);

/* Where the n-grams of words are made, one word after the other. All zeros at first; the arrays grow. */
struct ec_subword_room {
    uint8_t *framed;  /* "<word>" */
    int32_t *buckets; /* of the word's n-grams; their rows are so many behind first_row */
    int64_t bytes, most;
};
void ec_subword_room_clear(struct ec_subword_room *room);
/* Makes room->buckets of a word; how many. None for "</s>"; -1 where there is no memory. */
int64_t ec_fasttext_subwords(struct ec_subword_room *room, const struct ec_subwords *subwords, const char *word,
                             int64_t word_bytes);
/* Turns row i of the file's input matrix into the vector of word i, in place, for every word of the index. */
ec_status ec_fasttext_compose(const struct ec_subwords *subwords, const struct ec_word_index *words, float *matrix,
                              int64_t dimensions, int threads);

#endif
