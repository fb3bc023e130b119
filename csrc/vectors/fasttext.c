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

/* A word starts and ends with a mark, so n-grams may begin at each of its characters and at the first mark. */
int64_t ec_fasttext_most_subwords(const struct ec_subwords *subwords, int64_t word_bytes)
{
    int64_t lengths = subwords->longest - subwords->shortest + 1;
    int64_t longest_possible = word_bytes + 2;
    lengths = lengths > longest_possible ? longest_possible : lengths;
    return lengths > 0 ? lengths * longest_possible : 0;
}

/* Byte `at` of "<word>". */
static unsigned char marked(const char *word, int64_t word_bytes, int64_t at)
{
    return at == 0 ? '<' : at <= word_bytes ? (unsigned char)word[at - 1] : '>';
}

static int is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

int64_t ec_fasttext_subwords(const struct ec_subwords *subwords, const char *word, int64_t word_bytes, int64_t *rows)
{
    int64_t count = 0, length = word_bytes + 2;
    if (subwords->buckets <= 0 || subwords->longest <= 0 || (word_bytes == 4 && !memcmp(word, "</s>", 4))) {
        return 0;
    }
    for (int64_t begin = 0; begin < length; begin++) {
        if (is_continuation(marked(word, word_bytes, begin))) {
            continue;
        }
        uint32_t hash = EC_NGRAM_START;
        int64_t end = begin;
        for (int64_t characters = 1; end < length && characters <= subwords->longest; characters++) {
            do {
                hash = ec_ngram_step(hash, marked(word, word_bytes, end++));
            } while (end < length && is_continuation(marked(word, word_bytes, end)));
            if (characters >= subwords->shortest && !(characters == 1 && (begin == 0 || end == length))) {
                rows[count++] = subwords->first_row + (int64_t)(hash % (uint64_t)subwords->buckets);
            }
        }
    }
    return count;
}

struct compose {
    const struct ec_subwords *subwords;
    const struct ec_word_index *words;
    float *matrix;
    int64_t dimensions;
    _Atomic int status;
};

static int compose_word(const struct compose *compose, int64_t number, int64_t **rows, int64_t *room)
{
    const char *word = "";
    int64_t bytes = ec_word_index_word(compose->words, number, &word);
    int64_t most = ec_fasttext_most_subwords(compose->subwords, bytes < 0 ? 0 : bytes);
    if (bytes < 0) {
        return 1;
    }
    if (most > *room) {
        int64_t *grown = ec_alloc_array(2 * most, sizeof *grown);
        if (!grown) {
            return 0;
        }
        ec_free(*rows);
        *rows = grown;
        *room = 2 * most;
    }
    int64_t count = most ? ec_fasttext_subwords(compose->subwords, word, bytes, *rows) : 0;
    float *sum = compose->matrix + number * compose->dimensions;
    for (int64_t i = 0; i < count; i++) {
        const float *row = compose->matrix + (*rows)[i] * compose->dimensions;
        for (int64_t d = 0; d < compose->dimensions; d++) {
            sum[d] += row[d];
        }
    }
    for (int64_t d = 0; count && d < compose->dimensions; d++) {
        sum[d] /= (float)(count + 1);
    }
    return 1;
}

static void compose_team(struct ec_team *team, void *argument)
{
    struct compose *compose = argument;
    int64_t *rows = NULL, room = 0;
    for (struct ec_range words; ec_team_next_range(team, compose->words->count, WORDS_PER_TILE, &words);) {
        for (int64_t number = words.begin; number < words.end; number++) {
            if (!compose_word(compose, number, &rows, &room)) {
                atomic_store(&compose->status, EC_NO_MEMORY);
            }
        }
    }
    ec_free(rows);
}

ec_status ec_fasttext_compose(const struct ec_subwords *subwords, const struct ec_word_index *words, float *matrix,
                              int64_t dimensions, int threads)
{
    struct compose compose = {.subwords = subwords, .words = words, .matrix = matrix, .dimensions = dimensions};
    atomic_init(&compose.status, EC_OK);
    ec_parallel(threads, compose_team, &compose);
    return (ec_status)atomic_load(&compose.status);
}
