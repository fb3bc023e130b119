/* Counting and looking up the words of many documents; see the header. Between the tokenizer, which finds words, and
 * csrc/python/text.c, which hands documents over and takes ids back. */
#include "text/encoding.h"

#include "base/memory.h"
#include "base/threads.h"
#include "text/scanner.h"

#define TILE_BYTES 65536

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

/* Cuts the documents into tiles; `tiles` gets the first document of each and the end. The number of tiles, or -1. */
static int64_t cut_tiles(const struct ec_document *documents, int64_t count, int64_t **tiles)
{
    int64_t bytes = 0;
    int64_t made = 0;
    *tiles = ec_alloc_array(count + 1, sizeof **tiles);
    if (!*tiles) {
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        if (!made || bytes >= TILE_BYTES) {
            (*tiles)[made++] = i;
            bytes = 0;
        }
        bytes += documents[i].length + 64; /* an empty document is not free either */
    }
    (*tiles)[made] = count;
    return made;
}

static int64_t longest(const struct ec_document *documents, int64_t count)
{
    int64_t length = 0;
    for (int64_t i = 0; i < count; i++) {
        length = documents[i].length > length ? documents[i].length : length;
    }
    return length;
}

/* One call's work; every thread has a scanner, and while counting a table of its own. */
struct work {
    const struct ec_text_rules *rules;
    const struct ec_document *documents;
    const int64_t *tiles;
    int64_t tile_count;
    int64_t longest; /* bytes of a document */
    ec_status status[EC_MAX_THREADS];
    struct ec_word_counts counts[EC_MAX_THREADS];
    struct ec_encoding *encoding;
    const struct ec_words *words;
    const int32_t *ids;
    int32_t unknown;
};

/* What a thread works with: the documents' tokens, group by group. */
struct reader {
    struct ec_scanner scanner;
    struct ec_token_group group;
    int32_t numbers[EC_SCAN_GROUP];
};

static struct reader *reader_new(const struct work *work)
{
    struct reader *reader = ec_alloc_array(1, sizeof *reader);
    if (reader && ec_scanner_init(&reader->scanner, work->rules, work->longest)) {
        ec_scanner_clear(&reader->scanner);
        ec_free(reader);
        reader = NULL;
    }
    return reader;
}

static void reader_free(struct reader *reader)
{
    if (reader) {
        ec_scanner_clear(&reader->scanner);
    }
    ec_free(reader);
}

static ec_status count_document(struct ec_word_counts *counts, struct reader *reader, int64_t document)
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
    ec_status *status = &work->status[team->index];
    struct reader *reader = reader_new(work);
    *status = reader ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        for (int64_t i = work->tiles[tile]; !*status && i < work->tiles[tile + 1]; i++) {
            ec_scanner_start(&reader->scanner, &work->documents[i]);
            *status = count_document(&work->counts[team->index], reader, i);
        }
    }
    reader_free(reader);
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

/* What every call begins with; `work` is all zeros. */
static ec_status prepare(struct work *work, const struct ec_text_rules *rules, const struct ec_document *documents,
                         int64_t document_count, int64_t **tiles)
{
    if (document_count >= INT32_MAX) {
        return EC_TOO_LARGE;
    }
    work->rules = rules;
    work->documents = documents;
    work->longest = longest(documents, document_count);
    work->tile_count = cut_tiles(documents, document_count, tiles);
    work->tiles = *tiles;
    return work->tile_count < 0 ? EC_NO_MEMORY : EC_OK;
}

/* Runs fn on a team that is no larger than there are tiles; the first failure of its threads. */
static ec_status run_team(struct work *work, ec_team_fn fn, int threads)
{
    ec_parallel(threads > work->tile_count ? (int)work->tile_count : threads, fn, work);
    for (int thread = 0; thread < EC_MAX_THREADS; thread++) {
        if (work->status[thread]) {
            return work->status[thread];
        }
    }
    return EC_OK;
}

ec_status ec_count_words(struct ec_word_counts *counts, const struct ec_text_rules *rules,
                         const struct ec_document *documents, int64_t document_count, int threads)
{
    int64_t *tiles = NULL;
    int64_t total = 0;
    int64_t largest = 0;
    int tables = 0;
    struct work *work = ec_alloc_zeros(1, sizeof *work);
    ec_status status = work ? prepare(work, rules, documents, document_count, &tiles) : EC_NO_MEMORY;
    if (!status && work->tile_count) {
        status = run_team(work, count_tiles, threads);
        for (int thread = 0; thread < EC_MAX_THREADS; thread++) {
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
    }
    for (int thread = 0; work && thread < EC_MAX_THREADS; thread++) {
        ec_word_counts_clear(&work->counts[thread]);
    }
    ec_free(tiles);
    ec_free(work);
    return status;
}

void ec_encoding_clear(struct ec_encoding *encoding)
{
    ec_free(encoding->tiles);
    ec_free(encoding->starts);
    ec_free(encoding->ids);
    ec_free(encoding->offsets);
    memset(encoding, 0, sizeof *encoding);
}

/* Writes the ids of the scanner's document; how many. */
static int64_t encode_document(const struct work *work, struct reader *reader, int32_t *out)
{
    const struct ec_token_group *group = &reader->group;
    int32_t *begin = out;
    while (ec_scanner_next(&reader->scanner, &reader->group, work->words)) {
        for (int i = 0; i < group->count; i++) {
            int32_t word = ec_words_find(work->words, group->tokens[i], group->lengths[i], &group->keys[i]);
            *out = word < 0 ? work->unknown : work->ids[word];
            out += *out != EC_NO_ID;
        }
    }
    return out - begin;
}

static void encode_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_encoding *encoding = work->encoding;
    struct reader *reader = reader_new(work);
    work->status[team->index] = reader ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        int32_t *out = encoding->ids + encoding->starts[tile];
        for (int64_t i = work->tiles[tile]; reader && i < work->tiles[tile + 1]; i++) {
            ec_scanner_start(&reader->scanner, &work->documents[i]);
            encoding->offsets[i + 1] = encode_document(work, reader, out);
            out += encoding->offsets[i + 1];
        }
    }
    reader_free(reader);
}

/* Room for the ids of every tile: as many as its texts could have at most. Memory that is not written costs nothing. */
static ec_status place_tiles(struct ec_encoding *encoding, const struct ec_text_rules *rules,
                             const struct ec_document *documents)
{
    int64_t total = 0;
    encoding->starts = ec_alloc_array(encoding->tile_count + 1, sizeof *encoding->starts);
    encoding->offsets = ec_alloc_array(encoding->document_count + 1, sizeof *encoding->offsets);
    if (!encoding->starts || !encoding->offsets) {
        return EC_NO_MEMORY;
    }
    for (int64_t tile = 0; tile < encoding->tile_count; tile++) {
        encoding->starts[tile] = total;
        for (int64_t i = encoding->tiles[tile]; i < encoding->tiles[tile + 1]; i++) {
            total += ec_token_bound(rules, &documents[i]) + 1; /* one to write a token that is left out */
        }
    }
    encoding->ids = ec_alloc_array(total, sizeof *encoding->ids);
    return encoding->ids ? EC_OK : EC_NO_MEMORY;
}

ec_status ec_encode(struct ec_encoding *encoding, const struct ec_words *words, const int32_t *ids, int32_t unknown,
                    const struct ec_text_rules *rules, const struct ec_document *documents, int64_t document_count,
                    int threads)
{
    memset(encoding, 0, sizeof *encoding);
    struct work *work = ec_alloc_zeros(1, sizeof *work);
    ec_status status = work ? prepare(work, rules, documents, document_count, &encoding->tiles) : EC_NO_MEMORY;
    if (!status) {
        encoding->document_count = document_count;
        encoding->tile_count = work->tile_count;
        work->encoding = encoding;
        work->words = words;
        work->ids = ids;
        work->unknown = unknown;
        status = place_tiles(encoding, rules, documents);
    }
    if (!status && work->tile_count) {
        status = run_team(work, encode_tiles, threads);
    }
    if (!status) {
        encoding->offsets[0] = 0;
        for (int64_t i = 0; i < document_count; i++) {
            encoding->offsets[i + 1] += encoding->offsets[i];
        }
    } else {
        ec_encoding_clear(encoding);
    }
    ec_free(work);
    return status;
}

struct copy {
    const struct ec_encoding *encoding;
    int32_t *out;
};

static void copy_tiles(struct ec_team *team, void *argument)
{
    const struct copy *copy = argument;
    const struct ec_encoding *encoding = copy->encoding;
    for (int64_t tile; (tile = ec_team_next(team, encoding->tile_count)) >= 0;) {
        int64_t begin = encoding->offsets[encoding->tiles[tile]];
        int64_t count = encoding->offsets[encoding->tiles[tile + 1]] - begin;
        memcpy(copy->out + begin, encoding->ids + encoding->starts[tile], (size_t)count * sizeof *copy->out);
    }
}

void ec_encoding_copy(const struct ec_encoding *encoding, int32_t *out, int threads)
{
    struct copy copy = {encoding, out};
    if (encoding->tile_count) {
        ec_parallel(threads > encoding->tile_count ? (int)encoding->tile_count : threads, copy_tiles, &copy);
    }
}
