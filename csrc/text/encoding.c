/* Looking up the words of many documents; see the header. Between the scanner, which finds words, and
 * csrc/python/text.c, which hands documents over and takes ids back. */
#include "text/encoding.h"

#include "base/memory.h"
#include "text/corpus.h"

#include <stdatomic.h>

#define SCRATCH_IDS 65536 /* ids of a tile that a thread keeps for itself until it knows how many there are */

/* One call's work. */
struct work {
    struct ec_corpus corpus;
    struct ec_encoding *encoding;
    _Atomic int64_t used; /* of the encoding's ids */
    const struct ec_words *words;
    const int32_t *ids;
    int32_t unknown;
};

void ec_encoding_clear(struct ec_encoding *encoding)
{
    ec_free(encoding->tiles);
    ec_free(encoding->starts);
    ec_free(encoding->ids);
    ec_free(encoding->offsets);
    memset(encoding, 0, sizeof *encoding);
}

/* Writes the ids of the scanner's document; how many. */
static int64_t encode_document(const struct work *work, struct ec_reader *reader, int32_t *out)
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

/* An upper bound of a tile's ids, and one to write a token that is left out. */
static int64_t tile_bound(const struct work *work, int64_t tile)
{
    int64_t bound = 1;
    for (int64_t i = work->corpus.tiles[tile]; i < work->corpus.tiles[tile + 1]; i++) {
        bound += ec_token_bound(work->corpus.rules, &work->corpus.documents[i]);
    }
    return bound;
}

/* Usual tiles are encoded in the nearest caches and then put where the last one ended: memory that is not written costs
 * nothing. Those with a huge document are written in their place at once. */
static void encode_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_encoding *encoding = work->encoding;
    struct ec_reader *reader = ec_reader_new(&work->corpus);
    int32_t *scratch = ec_alloc_array(SCRATCH_IDS, sizeof *scratch);
    work->corpus.status[team->index] = reader && scratch ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        int64_t bound = tile_bound(work, tile);
        int64_t count = 0;
        int kept = bound <= SCRATCH_IDS;
        int32_t *out = scratch;
        if (!kept) {
            encoding->starts[tile] = atomic_fetch_add(&work->used, bound);
            out = encoding->ids + encoding->starts[tile];
        }
        for (int64_t i = work->corpus.tiles[tile]; reader && scratch && i < work->corpus.tiles[tile + 1]; i++) {
            ec_scanner_start(&reader->scanner, &work->corpus.documents[i]);
            encoding->offsets[i + 1] = encode_document(work, reader, out + count);
            count += encoding->offsets[i + 1];
        }
        if (kept) {
            encoding->starts[tile] = atomic_fetch_add(&work->used, count);
            if (count) {
                memcpy(encoding->ids + encoding->starts[tile], scratch, (size_t)count * sizeof *scratch);
            }
        }
    }
    ec_free(scratch);
    ec_reader_free(reader);
}

/* Room for the ids of every tile: as many as its texts could have at most. */
static ec_status place_tiles(struct ec_encoding *encoding, const struct work *work)
{
    int64_t total = 0;
    encoding->starts = ec_alloc_array(encoding->tile_count + 1, sizeof *encoding->starts);
    encoding->offsets = ec_alloc_array(encoding->document_count + 1, sizeof *encoding->offsets);
    if (!encoding->starts || !encoding->offsets) {
        return EC_NO_MEMORY;
    }
    for (int64_t tile = 0; tile < encoding->tile_count; tile++) {
        total += tile_bound(work, tile);
    }
    encoding->ids = ec_alloc_scattered(total, sizeof *encoding->ids);
    return encoding->ids ? EC_OK : EC_NO_MEMORY;
}

ec_status ec_encode(struct ec_encoding *encoding, const struct ec_words *words, const int32_t *ids, int32_t unknown,
                    const struct ec_text_rules *rules, const struct ec_document *documents, int64_t document_count,
                    int threads)
{
    struct work work = {.encoding = encoding, .words = words, .ids = ids, .unknown = unknown};
    memset(encoding, 0, sizeof *encoding);
    ec_status status = ec_corpus_init(&work.corpus, rules, documents, document_count);
    if (!status) {
        encoding->document_count = document_count;
        encoding->tile_count = work.corpus.tile_count;
        encoding->tiles = work.corpus.tiles;
        status = place_tiles(encoding, &work);
    } else {
        ec_corpus_clear(&work.corpus);
    }
    if (!status) {
        status = ec_corpus_run(&work.corpus, encode_tiles, &work, threads);
    }
    if (!status) {
        encoding->offsets[0] = 0;
        for (int64_t i = 0; i < document_count; i++) {
            encoding->offsets[i + 1] += encoding->offsets[i];
        }
    } else {
        ec_encoding_clear(encoding);
    }
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
