/* Counting the words of many documents; see the header. Between the scanner, which finds words, and csrc/python/text.c,
 * which hands documents over. */
#include "text/counting.h"

#include "base/memory.h"
#include "text/corpus.h"

void ec_word_counts_init(struct ec_word_counts *counts) { memset(counts, 0, sizeof *counts); }

void ec_word_counts_clear(struct ec_word_counts *counts)
{
    ec_words_clear(&counts->words);
    ec_free(counts->counts);
    ec_word_counts_init(counts);
}

/* Makes the entries follow the word table: those of new words are zero, but for `first`, which any place precedes. */
static ec_status follow_words(struct ec_word_counts *counts, int64_t known)
{
    int64_t count = counts->words.count;
    if (count > counts->capacity) {
        struct ec_word_count *grown =
            ec_grow_array(counts->counts, known, counts->words.capacity, sizeof *counts->counts);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        counts->counts = grown;
        counts->capacity = counts->words.capacity;
    }
    for (int64_t word = known; word < count; word++) {
        counts->counts[word] = (struct ec_word_count){.first = UINT64_MAX, .last = -1};
    }
    return EC_OK;
}

static ec_status add_word(struct ec_word_counts *counts, const uint8_t *word, int64_t length,
                          const struct ec_word_key *key, int32_t *number)
{
    int64_t known = counts->words.count;
    ec_status status = ec_words_add(&counts->words, word, length, key, number);
    if (!status && *number == known) {
        status = follow_words(counts, known);
        if (status) {
            ec_words_shorten(&counts->words, known);
        }
    }
    return status;
}

ec_status ec_word_counts_add(struct ec_word_counts *counts, const uint8_t *word, int64_t length, int32_t *number)
{
    struct ec_word_key key = ec_word_key(word, length);
    return add_word(counts, word, length, &key, number);
}

/* One call's work: a table for every thread. */
struct work {
    struct ec_corpus corpus;
    struct ec_word_counts counts[EC_MAX_THREADS];
};

static ec_status count_document(struct ec_word_counts *counts, struct ec_reader *reader, int64_t document)
{
    struct ec_token_group *group = &reader->group;
    uint64_t place = (uint64_t)document << 32;
    while (ec_scanner_next(&reader->scanner, group, &counts->words)) {
        for (int i = 0; i < group->count; i++) {
            int32_t number = ec_words_find(&counts->words, group->tokens[i], group->lengths[i], &group->keys[i]);
            if (number < 0) {
                ec_status status = add_word(counts, group->tokens[i], group->lengths[i], &group->keys[i], &number);
                if (status) {
                    return status;
                }
            }
            reader->numbers[i] = number;
            __builtin_prefetch(&counts->counts[number], 1);
        }
        for (int i = 0; i < group->count; i++, place++) {
            struct ec_word_count *entry = &counts->counts[reader->numbers[i]];
            entry->count++;
            entry->documents += entry->last != document;
            entry->last = document;
            entry->first = place < entry->first ? place : entry->first;
        }
    }
    return EC_OK;
}

static void count_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->corpus.status[team->index];
    struct ec_reader *reader = ec_reader_new(&work->corpus);
    *status = reader ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        for (int64_t i = work->corpus.tiles[tile]; !*status && i < work->corpus.tiles[tile + 1]; i++) {
            ec_scanner_start(&reader->scanner, &work->corpus.documents[i]);
            *status = count_document(&work->counts[team->index], reader, i);
        }
    }
    ec_reader_free(reader);
}

struct origin {
    int32_t thread, word;
};

/* Adds what the threads counted of the words in `order`, which are numbers[i] in `counts`; this cannot fail. */
static void add_numbers(struct ec_word_counts *counts, const struct work *work, const struct origin *origins,
                        const int32_t *order, const int32_t *numbers, int64_t total)
{
    for (int64_t i = 0; i < total; i++) {
        const struct origin *origin = &origins[order[i]];
        const struct ec_word_count *from = &work->counts[origin->thread].counts[origin->word];
        counts->counts[numbers[i]].count += from->count;
        counts->counts[numbers[i]].documents += from->documents;
    }
}

/* Adds the threads' tables to `counts`, words in the order of their first appearance in the documents; all or none. */
static ec_status add_up(struct ec_word_counts *counts, const struct work *work, int64_t total)
{
    int64_t known = counts->words.count;
    struct origin *origins = ec_alloc_array(total, sizeof *origins);
    uint64_t *places = ec_alloc_array(total, sizeof *places);
    int32_t *order = ec_alloc_array(total, sizeof *order);
    int32_t *numbers = ec_alloc_array(total, sizeof *numbers);
    ec_status status = origins && places && order && numbers ? EC_OK : EC_NO_MEMORY;
    int64_t next = 0;
    for (int thread = 0; !status && thread < EC_MAX_THREADS; thread++) {
        for (int64_t word = 0; word < work->counts[thread].words.count; word++, next++) {
            origins[next] = (struct origin){thread, (int32_t)word};
            places[next] = work->counts[thread].counts[word].first;
        }
    }
    if (!status) {
        status = ec_stable_order(places, total, order);
    }
    for (int64_t i = 0; !status && i < total; i++) {
        const struct ec_words *from = &work->counts[origins[order[i]].thread].words;
        int32_t word = origins[order[i]].word;
        int64_t start = from->starts[word];
        status = ec_word_counts_add(counts, from->bytes + start, from->starts[word + 1] - start, &numbers[i]);
    }
    if (!status) {
        add_numbers(counts, work, origins, order, numbers, total);
    } else {
        ec_words_shorten(&counts->words, known);
    }
    ec_free(origins);
    ec_free(places);
    ec_free(order);
    ec_free(numbers);
    return status;
}

ec_status ec_count_words(struct ec_word_counts *counts, const struct ec_text_rules *rules,
                         const struct ec_document *documents, int64_t document_count, int threads)
{
    int64_t total = 0;
    int64_t largest = 0;
    int tables = 0;
    struct work *work = ec_alloc_zeros(1, sizeof *work);
    ec_status status = work ? ec_corpus_init(&work->corpus, rules, documents, document_count) : EC_NO_MEMORY;
    if (!status) {
        status = ec_corpus_run(&work->corpus, count_tiles, work, threads);
    }
    for (int thread = 0; !status && thread < EC_MAX_THREADS; thread++) {
        int64_t words = work->counts[thread].words.count;
        total += words;
        tables += words > 0;
        largest = words > largest ? words : largest;
    }
    if (!status && tables == 1 && !counts->words.count && work->counts[0].words.count) {
        /* One thread saw all documents in their order: its table is the result. */
        ec_word_counts_clear(counts);
        *counts = work->counts[0];
        ec_word_counts_init(&work->counts[0]);
    } else if (!status && total) {
        status = ec_words_reserve(&counts->words, counts->words.count + largest);
        status = status ? status : add_up(counts, work, total);
    }
    for (int thread = 0; work && thread < EC_MAX_THREADS; thread++) {
        ec_word_counts_clear(&work->counts[thread]);
    }
    if (work) {
        ec_corpus_clear(&work->corpus);
    }
    ec_free(work);
    return status;
}
