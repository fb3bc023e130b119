/* fastText's dictionary entries and n-grams. A model has up to 2 million words with about 30 n-grams each, of 300
 * numbers: composing the words' vectors reads random rows, so it is shared out between threads. */
#include "vectors/fasttext.h"

#include "base/memory.h"
#include "base/threads.h"
#include "text/ngram.h"

#include <stdatomic.h>
#include <string.h>

#define WORDS_PER_TILE 1024

int64_t ec_fasttext_entry(const char *data, int64_t bytes, int64_t *word_bytes, int8_t *type)
{
    const char *zero = bytes > 0 ? memchr(data, 0, (size_t)bytes) : NULL;
    if (!zero || bytes - (zero - data) < 1 + 8 + 1) {
        return 0;
    }
    *word_bytes = zero - data;
    *type = (int8_t)zero[9];
    return *word_bytes + 10;
}

static ec_status reserve(struct ec_subword_room *room, int64_t framed, int64_t most)
{
    if (framed > room->bytes) {
        uint8_t *grown = ec_grow_array(room->framed, 0, 2 * framed, 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        room->framed = grown;
        room->bytes = 2 * framed;
    }
    if (most > room->most) {
        int32_t *grown = ec_grow_array(room->buckets, 0, 2 * most, sizeof *grown);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        room->buckets = grown;
        room->most = 2 * most;
    }
    return EC_OK;
}

void ec_subword_room_clear(struct ec_subword_room *room)
{
    ec_free(room->framed);
    ec_free(room->buckets);
}

int64_t ec_fasttext_subwords(struct ec_subword_room *room, const struct ec_subwords *subwords, const char *word,
                             int64_t word_bytes)
{
    int64_t length = word_bytes + 2; /* a word starts and ends with a mark */
    int64_t lengths = ec_least(subwords->longest - subwords->shortest + 1, length);
    if (subwords->buckets <= 0 || subwords->longest <= 0 || (word_bytes == 4 && !memcmp(word, "</s>", 4))) {
        return 0;
    }
    if (reserve(room, length, lengths > 0 ? lengths * length : 0)) {
        return -1;
    }
    room->framed[0] = '<';
    ec_copy(room->framed + 1, word, (size_t)word_bytes);
    room->framed[length - 1] = '>';
    return ec_ngram_subwords(room->framed, length, subwords->shortest, subwords->longest, (uint32_t)subwords->buckets,
                             room->buckets);
}

struct compose {
    const struct ec_subwords *subwords;
    const struct ec_word_index *words;
    float *matrix;
    int64_t dimensions;
    _Atomic int status;
};

static int compose_word(const struct compose *compose, int64_t number, struct ec_subword_room *room)
{
    const char *word = "";
    int64_t bytes = ec_word_index_word(compose->words, number, &word);
    int64_t count = bytes < 0 ? 0 : ec_fasttext_subwords(room, compose->subwords, word, bytes);
    float *sum = compose->matrix + number * compose->dimensions;
    const float *buckets = compose->matrix + compose->subwords->first_row * compose->dimensions;
    for (int64_t i = 0; i < count; i++) {
        const float *row = buckets + room->buckets[i] * compose->dimensions;
        for (int64_t d = 0; d < compose->dimensions; d++) {
            sum[d] += row[d];
        }
    }
    for (int64_t d = 0; count > 0 && d < compose->dimensions; d++) {
        sum[d] /= (float)(count + 1);
    }
    return count >= 0;
}

static void compose_team(struct ec_team *team, void *argument)
{
    struct compose *compose = argument;
    struct ec_subword_room room = {0};
    for (struct ec_range words; ec_team_next_range(team, compose->words->count, WORDS_PER_TILE, &words);) {
        for (int64_t number = words.begin; number < words.end; number++) {
            if (!compose_word(compose, number, &room)) {
                atomic_store(&compose->status, EC_NO_MEMORY);
            }
        }
    }
    ec_subword_room_clear(&room);
}

ec_status ec_fasttext_compose(const struct ec_subwords *subwords, const struct ec_word_index *words, float *matrix,
                              int64_t dimensions, int threads)
{
    struct compose compose = {.subwords = subwords, .words = words, .matrix = matrix, .dimensions = dimensions};
    atomic_init(&compose.status, EC_OK);
    ec_parallel(threads, compose_team, &compose);
    return (ec_status)atomic_load(&compose.status);
}
