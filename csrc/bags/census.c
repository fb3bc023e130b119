/* Counts n-grams; see the header. Between csrc/python, which hands blocks of documents over, and ranking.c. Assumes
 * blocks of megabytes; a round takes as many tiles as fit the caches that threads share. */
#include "bags/census.h"

#include "base/memory.h"
#include "text/corpus.h"

#define PARTITIONS EC_BAG_PARTITIONS
#define ROUND_TILES 256 /* tiles of about 64 KiB that are read before they are counted */
#define AHEAD 16        /* keys whose slots are asked for before they are looked up */

/* What was read of a tile of documents. */
struct ec_bag_tile {
    int64_t count, capacity; /* tokens */
    uint64_t *hashes;
    int64_t *text_ends; /* where each token's bytes end in `text` */
    uint8_t *text;
    int64_t text_capacity;
    uint64_t *keys;   /* kind after kind, `capacity` of each: sorted by partition */
    uint32_t *places; /* the token at which each begins */
    int64_t starts[EC_BAG_LONGEST][PARTITIONS + 1];
    int64_t first_token; /* of the census */
    int64_t first_code;  /* where its codes stand, in tokens */
};

/* One call's work. */
struct work {
    struct ec_bag_census *census;
    struct ec_corpus corpus;
    struct ec_bag_tile *tiles; /* of a round */
    int64_t first_tile, tile_count;
};

struct ec_bag_census *ec_bag_census_new(const struct ec_bag_settings *settings, int keeps)
{
    struct ec_bag_census *census = ec_alloc_zeros(1, sizeof *census);
    if (!census) {
        return NULL;
    }
    census->settings = *settings;
    census->keeps = keeps;
    census->lengths[census->kind_count++] = 1;
    for (int length = (int)ec_most(2, settings->words[0]); length <= settings->words[1]; length++) {
        census->lengths[census->kind_count++] = length;
    }
    return census;
}

void ec_bag_census_free(struct ec_bag_census *census)
{
    for (int kind = 0; census && kind < census->kind_count; kind++) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
            ec_bag_partition_clear(&census->partitions[kind][partition]);
        }
    }
    if (census) {
        ec_free(census->document_ends);
        ec_free(census->codes);
    }
    ec_free(census);
}

void ec_bag_census_drop_codes(struct ec_bag_census *census)
{
    ec_free(census->document_ends);
    ec_free(census->codes);
    census->document_ends = NULL;
    census->codes = NULL;
    census->document_count = census->document_capacity = census->code_count = census->code_capacity = 0;
}

static void clear_tile(struct ec_bag_tile *tile)
{
    ec_free(tile->hashes);
    ec_free(tile->text_ends);
    ec_free(tile->text);
    ec_free(tile->keys);
    ec_free(tile->places);
}

static ec_status reserve_tile(struct ec_bag_tile *tile, int64_t tokens, int64_t bytes, int kinds)
{
    if (tokens > tile->capacity) {
        uint64_t *hashes = ec_grow_array(tile->hashes, tile->count, 2 * tokens, sizeof *hashes);
        tile->hashes = hashes ? hashes : tile->hashes;
        int64_t *ends = ec_grow_array(tile->text_ends, tile->count, 2 * tokens, sizeof *ends);
        tile->text_ends = ends ? ends : tile->text_ends;
        ec_free(tile->keys);
        ec_free(tile->places);
        tile->capacity = 0;
        tile->keys = ec_alloc_array(2 * tokens * kinds, sizeof *tile->keys);
        tile->places = ec_alloc_array(2 * tokens * kinds, sizeof *tile->places);
        if (!hashes || !ends || !tile->keys || !tile->places) {
            return EC_NO_MEMORY;
        }
        tile->capacity = 2 * tokens;
    }
    if (bytes > tile->text_capacity) {
        int64_t used = tile->count ? tile->text_ends[tile->count - 1] : 0;
        uint8_t *text = ec_grow_array(tile->text, used, 2 * bytes, 1);
        if (!text) {
            return EC_NO_MEMORY;
        }
        tile->text = text;
        tile->text_capacity = 2 * bytes;
    }
    return EC_OK;
}

/* Appends the tokens of a document to the tile. */
static ec_status take_document(struct ec_bag_tile *tile, const struct ec_bag_tokens *tokens, int kinds)
{
    int64_t bytes = 0, used = tile->count ? tile->text_ends[tile->count - 1] : 0;
    for (int64_t i = 0; i < tokens->count; i++) {
        bytes += tokens->lengths[i];
    }
    ec_status status = reserve_tile(tile, tile->count + tokens->count, used + bytes, kinds);
    for (int64_t i = 0; !status && i < tokens->count; i++) {
        memcpy(tile->text + used, tokens->tokens[i], (size_t)tokens->lengths[i]);
        used += tokens->lengths[i];
        tile->hashes[tile->count] = tokens->hashes[i];
        tile->text_ends[tile->count++] = used;
    }
    return status;
}

/* Sorts keys[0 .. count) with the tokens at which they begin by partition. */
static void spread(const uint64_t *keys, const uint32_t *places, int64_t count, struct ec_bag_tile *tile, int kind)
{
    int64_t *starts = tile->starts[kind];
    int64_t next[PARTITIONS] = {0};
    for (int64_t i = 0; i < count; i++) {
        next[keys[i] % PARTITIONS]++;
    }
    starts[0] = kind * tile->capacity;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        starts[partition + 1] = starts[partition] + next[partition];
        next[partition] = starts[partition];
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = next[keys[i] % PARTITIONS]++;
        tile->keys[at] = keys[i];
        tile->places[at] = places[i];
    }
}

/* The n-grams of every kind of a tile whose documents end at document_ends, counted from the tile's first token. */
static ec_status spread_tile(const struct ec_bag_census *census, struct ec_bag_tile *tile, const int64_t *lengths,
                             int64_t document_count)
{
    uint64_t *keys = ec_alloc_array(tile->count, sizeof *keys);
    uint32_t *places = ec_alloc_array(tile->count, sizeof *places);
    for (int kind = 0; keys && places && kind < census->kind_count; kind++) {
        int64_t made = 0, begin = 0;
        for (int64_t i = 0; i < document_count; begin += lengths[i++]) {
            for (int64_t j = begin; j + census->lengths[kind] <= begin + lengths[i]; j++) {
                uint64_t key = tile->hashes[j];
                for (int n = 1; n < census->lengths[kind]; n++) {
                    key = ec_bag_longer(key, tile->hashes[j + n]);
                }
                keys[made] = key;
                places[made++] = (uint32_t)j;
            }
        }
        spread(keys, places, made, tile, kind);
    }
    ec_status status = keys && places ? EC_OK : EC_NO_MEMORY;
    ec_free(keys);
    ec_free(places);
    return status;
}

/* Reads the documents of a tile; how many tokens each has is written where its end will be. */
static ec_status read_tile(struct work *work, struct ec_bag_tokens *tokens, int64_t number)
{
    const struct ec_bag_census *census = work->census;
    struct ec_bag_tile *tile = &work->tiles[number - work->first_tile];
    int64_t *lengths = census->document_ends + census->document_count;
    int64_t first = work->corpus.tiles[number], end = work->corpus.tiles[number + 1];
    ec_status status = EC_OK;
    tile->count = 0;
    for (int64_t i = first; !status && i < end; i++) {
        status = ec_bag_tokens_of(tokens, &work->corpus.documents[i]);
        status = status ? status : take_document(tile, tokens, census->kind_count);
        lengths[i] = tokens->count;
    }
    return status ? status : spread_tile(census, tile, lengths + first, end - first);
}

static void read_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->corpus.status[team->index];
    struct ec_bag_tokens *tokens = ec_alloc_array(1, sizeof *tokens);
    *status = tokens ? ec_bag_tokens_init(tokens, &work->census->settings, work->corpus.longest) : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        *status = *status ? *status : read_tile(work, tokens, work->first_tile + tile);
    }
    if (tokens) {
        ec_bag_tokens_clear(tokens);
    }
    ec_free(tokens);
}

/* Adds the n-gram of `kind` that begins at token `place` of the tile. */
static ec_status add(const struct ec_bag_census *census, struct ec_bag_partition *partition,
                     const struct ec_bag_tile *tile, int kind, uint64_t key, int64_t place)
{
    int length = census->lengths[kind];
    int64_t number = partition->table.count;
    int64_t begin = place ? tile->text_ends[place - 1] : 0;
    int64_t bytes = tile->text_ends[place] - begin;
    ec_status status = ec_bag_partition_reserve(partition, length, bytes);
    if (status) {
        return status;
    }
    ec_bag_table_put(&partition->table, key);
    partition->keys[number] = key;
    partition->counts[number] = 0;
    partition->firsts[number] = tile->first_token + place;
    if (length == 1) {
        int64_t used = number ? partition->ends[number - 1] : 0;
        memcpy(partition->bytes + used, tile->text + begin, (size_t)bytes);
        partition->ends[number] = used + bytes;
    }
    for (int n = 0; length > 1 && n < length; n++) {
        partition->words[number * length + n] = census->codes[(tile->first_code + place + n) * census->kind_count];
    }
    return EC_OK;
}

static ec_status count_partition(struct work *work, int kind, int number)
{
    const struct ec_bag_census *census = work->census;
    struct ec_bag_partition *partition = &work->census->partitions[kind][number];
    ec_status status = ec_bag_table_reserve(&partition->table, 0, NULL);
    for (int64_t t = 0; !status && t < work->tile_count; t++) {
        const struct ec_bag_tile *tile = &work->tiles[t];
        int32_t *codes = census->codes + tile->first_code * census->kind_count + kind;
        int64_t end = tile->starts[kind][number + 1];
        for (int64_t i = tile->starts[kind][number]; i < end; i++) {
            if (i + AHEAD < end) {
                ec_bag_table_prefetch(&partition->table, tile->keys[i + AHEAD]);
            }
            int64_t place = tile->places[i];
            int64_t found = ec_bag_table_find(&partition->table, tile->keys[i]);
            if (found < 0) {
                found = partition->table.count;
                status = add(census, partition, tile, kind, tile->keys[i], place);
                if (status) {
                    break;
                }
            }
            partition->counts[found]++;
            codes[place * census->kind_count] = (int32_t)(found * PARTITIONS + number);
        }
    }
    return status;
}

static void count_partitions(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->corpus.status[team->index];
    for (int64_t number; (number = ec_team_next(team, PARTITIONS)) >= 0;) {
        *status = *status ? *status : count_partition(work, 0, (int)number);
    }
    ec_team_barrier(team); /* longer n-grams name their tokens by codes */
    int64_t rest = (int64_t)(work->census->kind_count - 1) * PARTITIONS;
    for (int64_t number; (number = ec_team_next(team, rest)) >= 0;) {
        *status = *status ? *status : count_partition(work, 1 + (int)(number / PARTITIONS), (int)(number % PARTITIONS));
    }
}

/* Gives the tiles that were read their places among all tokens, and room for their codes. */
static ec_status place_tiles(struct work *work)
{
    struct ec_bag_census *census = work->census;
    int64_t total = 0, used = census->keeps ? census->code_count : 0;
    for (int64_t tile = 0; tile < work->tile_count; tile++) {
        work->tiles[tile].first_token = census->token_count + total;
        work->tiles[tile].first_code = used + total;
        total += work->tiles[tile].count;
    }
    if (!census->codes || used + total > census->code_capacity) {
        int64_t capacity = 1 + (census->keeps ? used + total + used / 2 : total);
        int32_t *codes =
            ec_grow_array(census->codes, used * census->kind_count, capacity * census->kind_count, sizeof *codes);
        if (!codes) {
            return EC_NO_MEMORY;
        }
        census->codes = codes;
        census->code_capacity = capacity;
    }
    if (total) {
        memset(census->codes + used * census->kind_count, 0xff,
               (size_t)(total * census->kind_count) * sizeof *census->codes);
    }
    census->token_count += total;
    census->code_count = used + total;
    return EC_OK;
}

/* Reads and counts ROUND_TILES tiles at a time. */
static ec_status add_rounds(struct work *work, int threads)
{
    ec_status status = EC_OK;
    int64_t tiles = work->corpus.tile_count;
    for (int64_t first = 0; !status && first < tiles; first += ROUND_TILES) {
        work->first_tile = first;
        work->tile_count = ec_least(ROUND_TILES, tiles - first);
        status = ec_corpus_run(&work->corpus, read_tiles, work, threads);
        status = status ? status : place_tiles(work);
        status = status ? status : ec_corpus_run(&work->corpus, count_partitions, work, threads);
    }
    return status;
}

static ec_status reserve_documents(struct ec_bag_census *census, int64_t more)
{
    int64_t needed = census->document_count + more;
    if (needed > census->document_capacity) {
        int64_t *ends =
            ec_grow_array(census->document_ends, census->document_count, 2 * needed, sizeof *census->document_ends);
        if (!ends) {
            return EC_NO_MEMORY;
        }
        census->document_ends = ends;
        census->document_capacity = 2 * needed;
    }
    return EC_OK;
}

ec_status ec_bag_census_add(struct ec_bag_census *census, const struct ec_document *documents, int64_t document_count,
                            int threads)
{
    if (census->status) {
        return census->status;
    }
    struct work work = {.census = census};
    census->document_count = census->keeps ? census->document_count : 0;
    ec_status status = ec_corpus_init(&work.corpus, census->settings.rules, documents, document_count);
    work.tiles = ec_alloc_zeros(ROUND_TILES, sizeof *work.tiles);
    status = status || work.tiles ? status : EC_NO_MEMORY;
    status = status ? status : reserve_documents(census, document_count);
    status = status ? status : add_rounds(&work, threads);
    if (!status) {
        int64_t end = census->document_count ? census->document_ends[census->document_count - 1] : 0;
        for (int64_t i = 0; i < document_count; i++) {
            end += census->document_ends[census->document_count];
            census->document_ends[census->document_count++] = end;
        }
    }
    for (int64_t tile = 0; work.tiles && tile < ROUND_TILES; tile++) {
        clear_tile(&work.tiles[tile]);
    }
    ec_free(work.tiles);
    ec_corpus_clear(&work.corpus);
    census->status = status;
    return status;
}
