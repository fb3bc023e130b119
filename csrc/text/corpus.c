/* Cuts a corpus into tiles and runs a team over them; see the header. */
#include "text/corpus.h"

#include "base/memory.h"

#define TILE_BYTES 65536

/* `tiles` gets the first document of each tile and the end. The number of tiles, or -1. */
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

ec_status ec_corpus_init(struct ec_corpus *corpus, const struct ec_text_rules *rules,
                         const struct ec_document *documents, int64_t document_count)
{
    memset(corpus, 0, sizeof *corpus);
    if (document_count >= INT32_MAX) {
        return EC_TOO_LARGE;
    }
    corpus->rules = rules;
    corpus->documents = documents;
    corpus->document_count = document_count;
    corpus->longest = longest(documents, document_count);
    corpus->tile_count = cut_tiles(documents, document_count, &corpus->tiles);
    return corpus->tile_count < 0 ? EC_NO_MEMORY : EC_OK;
}

void ec_corpus_clear(struct ec_corpus *corpus) { ec_free(corpus->tiles); }

ec_status ec_corpus_run(struct ec_corpus *corpus, ec_team_fn fn, void *argument, int threads)
{
    if (!corpus->tile_count) {
        return EC_OK;
    }
    ec_parallel(threads > corpus->tile_count ? (int)corpus->tile_count : threads, fn, argument);
    for (int thread = 0; thread < EC_MAX_THREADS; thread++) {
        if (corpus->status[thread]) {
            return corpus->status[thread];
        }
    }
    return EC_OK;
}

struct ec_reader *ec_reader_new(const struct ec_corpus *corpus)
{
    struct ec_reader *reader = ec_alloc_array(1, sizeof *reader);
    if (reader && ec_scanner_init(&reader->scanner, corpus->rules, corpus->longest)) {
        ec_scanner_clear(&reader->scanner);
        ec_free(reader);
        reader = NULL;
    }
    return reader;
}

void ec_reader_free(struct ec_reader *reader)
{
    if (reader) {
        ec_scanner_clear(&reader->scanner);
    }
    ec_free(reader);
}
