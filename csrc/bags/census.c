/* Counts n-grams; see the header. Between csrc/python, which hands blocks of documents over, and ranking.c. Assumes
 * blocks of megabytes; a round takes as many tiles as fit the caches that threads share. */
#include "bags/census.h"

#include "bags/tile.h"
#include "base/memory.h"
#include "text/corpus.h"

#define PARTITIONS EC_BAG_PARTITIONS
#define ROUND_TILES 32 /* tiles of about 64 KiB that are read before they are counted */
#define AHEAD 16       /* keys whose slots are asked for before they are looked up */

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

/* Reads the documents of a tile; how many tokens each has is written where its end will be. */
static ec_status read_tile(struct work *work, struct ec_bag_tile_reader *reader, int64_t number)
{
    const struct ec_bag_census *census = work->census;
    struct ec_bag_tile *tile = &work->tiles[number - work->first_tile];
    int64_t *lengths = census->document_ends + census->document_count;
    int64_t first = work->corpus.tiles[number], end = work->corpus.tiles[number + 1];
    ec_status status = EC_OK;
    tile->count = 0;
    for (int64_t i = first; !status && i < end; i++) {
        status = ec_bag_tokens_of(&reader->tokens, &work->corpus.documents[i]);
        status = status ? status : ec_bag_tile_take(tile, reader);
        lengths[i] = reader->tokens.count;
    }
    return status ? status
                  : ec_bag_tile_spread(tile, reader, census->lengths, census->kind_count, lengths + first, end - first);
}

static void read_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->corpus.status[team->index];
    struct ec_bag_tile_reader *reader = ec_alloc_zeros(1, sizeof *reader);
    *status =
        reader ? ec_bag_tokens_init(&reader->tokens, &work->census->settings, work->corpus.longest) : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        *status = *status ? *status : read_tile(work, reader, work->first_tile + tile);
    }
    if (reader) {
        ec_bag_tokens_clear(&reader->tokens);
        ec_free(reader->hashes);
        ec_free(reader->keys);
    }
    ec_free(reader);
}

/* Adds an n-gram that begins at token `place` of the tile; what it consists of, only where it is a single token. */
static ec_status add(struct ec_bag_partition *partition, const struct ec_bag_tile *tile, int length, uint64_t key,
                     int64_t place)
{
    int64_t number = partition->table.count;
    int64_t begin = length == 1 && place ? tile->text_ends[place - 1] : 0;
    int64_t bytes = length == 1 ? tile->text_ends[place] - begin : 0;
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
        ec_copy(partition->bytes + used, tile->text + begin, (size_t)bytes); /* a token of a list may be empty */
        partition->ends[number] = used + bytes;
    }
    return EC_OK;
}

/* Writes the tokens of the n-grams that this round added, those from `known` on: apart, as they lie all over. */
static void fill_words(const struct work *work, struct ec_bag_partition *partition, int length, int64_t known)
{
    const struct ec_bag_census *census = work->census;
    int step = census->kind_count;
    int64_t shift = work->tiles[0].first_code - work->tiles[0].first_token;
    for (int64_t number = known; number < partition->table.count; number++) {
        if (number + AHEAD < partition->table.count) {
            __builtin_prefetch(&census->codes[(partition->firsts[number + AHEAD] + shift) * step]);
        }
        for (int n = 0; n < length; n++) {
            partition->words[number * length + n] = census->codes[(partition->firsts[number] + shift + n) * step];
        }
    }
}

static ec_status count_partition(struct work *work, int kind, int number)
{
    const struct ec_bag_census *census = work->census;
    struct ec_bag_partition *partition = &work->census->partitions[kind][number];
    int length = census->lengths[kind];
    int64_t known = partition->table.count;
    ec_status status = ec_bag_table_reserve(&partition->table, 0, NULL);
    for (int64_t t = 0; !status && t < work->tile_count; t++) {
        const struct ec_bag_tile *tile = &work->tiles[t];
        if (!tile->count) {
            continue;
        }
        struct ec_bag_entry *entry = tile->entries + tile->starts[kind][number];
        const struct ec_bag_entry *end = tile->entries + tile->starts[kind][number + 1];
        for (; entry < end; entry++) {
            if (end - entry > AHEAD) {
                ec_bag_table_prefetch(&partition->table, entry[AHEAD].key);
            }
            int64_t found = ec_bag_table_find(&partition->table, entry->key);
            if (found < 0) {
                found = partition->table.count;
                status = add(partition, tile, length, entry->key, entry->place);
                if (status) {
                    break;
                }
            }
            partition->counts[found]++;
            entry->code = (int32_t)(found * PARTITIONS + number);
        }
    }
    if (!status && length > 1) {
        fill_words(work, partition, length, known);
    }
    return status;
}

/* Puts the codes of a tile's n-grams in the order of its text. */
static void order_codes(const struct ec_bag_census *census, const struct ec_bag_tile *tile, int kind)
{
    int step = census->kind_count;
    int32_t *codes = census->codes + tile->first_code * step + kind;
    for (int64_t i = tile->starts[kind][0]; i < tile->starts[kind][PARTITIONS]; i++) {
        codes[tile->entries[i].place * (int64_t)step] = tile->entries[i].code;
    }
}

static void count_partitions(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_bag_census *census = work->census;
    ec_status *status = &work->corpus.status[team->index];
    for (int64_t number; (number = ec_team_next(team, PARTITIONS)) >= 0;) {
        *status = *status ? *status : count_partition(work, 0, (int)number);
    }
    ec_team_barrier(team);
    for (int64_t tile; (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        const struct ec_bag_tile *from = &work->tiles[tile];
        if (from->count) {
            int64_t codes = from->count * census->kind_count;
            memset(census->codes + from->first_code * census->kind_count, 0xff, (size_t)codes * sizeof *census->codes);
            order_codes(census, from, 0);
        }
    }
    ec_team_barrier(team); /* longer n-grams name their tokens by codes */
    int64_t rest = (int64_t)(census->kind_count - 1) * PARTITIONS;
    for (int64_t number; (number = ec_team_next(team, rest)) >= 0;) {
        *status = *status ? *status : count_partition(work, 1 + (int)(number / PARTITIONS), (int)(number % PARTITIONS));
    }
    ec_team_barrier(team);
    for (int64_t tile; census->keeps && (tile = ec_team_next(team, work->tile_count)) >= 0;) {
        for (int kind = 1; kind < census->kind_count && work->tiles[tile].count; kind++) {
            order_codes(census, &work->tiles[tile], kind);
        }
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
        int64_t rounds = ec_ceil_div(work->corpus.tile_count - work->first_tile, ec_most(work->tile_count, 1));
        int64_t capacity = used + used / 2 + (census->keeps ? rounds * (total + total / 32) : total) + 1;
        int32_t *codes = ec_alloc_scattered(capacity * census->kind_count, sizeof *codes);
        if (!codes) {
            return EC_NO_MEMORY;
        }
        if (used) {
            ec_copy(codes, census->codes, (size_t)(used * census->kind_count) * sizeof *codes);
        }
        ec_free(census->codes);
        census->codes = codes;
        census->code_capacity = capacity;
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
        ec_bag_tile_clear(&work.tiles[tile]);
    }
    ec_free(work.tiles);
    ec_corpus_clear(&work.corpus);
    census->status = status;
    return status;
}
