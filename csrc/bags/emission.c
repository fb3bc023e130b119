/* The bags of documents whose n-grams a census kept, once these are ranked; see ranking.h. */
#include "bags/pairs.h"
#include "bags/ranking.h"
#include "bags/tally.h"

#include "base/memory.h"

#define TILE_TOKENS 8192

struct work {
    const struct ec_bag_ranking *ranking;
    struct ec_bags *bags;
    const int32_t *codes;
    const int64_t *ends;
    ec_status status[EC_MAX_THREADS];
};

/* The ids of a document while they are sorted. */
struct sorter {
    int32_t *ids, *spare;
    int64_t capacity;
    struct ec_bag_scratch scratch;
    struct ec_bag_tally tally; /* of the n-grams of characters, if there are not too many */
};

static ec_status reserve(struct sorter *sorter, int64_t count)
{
    ec_status status = ec_bag_scratch_reserve(&sorter->scratch, count);
    if (!status && (!sorter->ids || count > sorter->capacity)) {
        ec_free(sorter->ids);
        ec_free(sorter->spare);
        sorter->capacity = 0;
        sorter->ids = ec_alloc_array(2 * count + 1, sizeof *sorter->ids);
        sorter->spare = ec_alloc_array(2 * count + 1, sizeof *sorter->spare);
        status = sorter->ids && sorter->spare ? EC_OK : EC_NO_MEMORY;
        sorter->capacity = status ? 0 : 2 * count;
    }
    return status;
}

/* Appends ids[0 .. count) of the sorter to its scratch, sorted and merged. */
static void take(struct sorter *sorter, int64_t count)
{
    struct ec_bag_scratch *scratch = &sorter->scratch;
    const int32_t *sorted = ec_bag_sort(sorter->ids, sorter->spare, count);
    scratch->used += ec_bag_merge(scratch->ids + scratch->used, scratch->counts + scratch->used, sorted, count);
}

/* Appends the n-grams of characters of the tokens from `begin` to `end`. */
static ec_status take_grams(const struct work *work, struct sorter *sorter, int64_t begin, int64_t end)
{
    const struct ec_bag_ranking *ranking = work->ranking;
    struct ec_bag_scratch *scratch = &sorter->scratch;
    int step = ranking->census->kind_count;
    int64_t bound = 0, count = 0;
    for (int64_t i = begin; i < end; i++) {
        const int64_t *ends = &ranking->gram_ends[2 * (int64_t)work->codes[i * step]];
        bound += ends[1] - ends[0];
    }
    ec_status status = sorter->tally.counts ? ec_bag_scratch_reserve(scratch, ec_least(bound, sorter->tally.size))
                                            : reserve(sorter, bound);
    for (int64_t i = begin; !status && i < end; i++) {
        const int64_t *ends = &ranking->gram_ends[2 * (int64_t)work->codes[i * step]];
        for (int64_t j = ends[0]; j < ends[1]; j++) {
            if (ranking->grams[j] < 0) {
                continue;
            }
            if (sorter->tally.counts) {
                ec_bag_tally_add(&sorter->tally, ranking->grams[j]);
            } else {
                sorter->ids[count++] = ranking->grams[j];
            }
        }
    }
    if (!status && sorter->tally.counts) {
        scratch->used +=
            ec_bag_tally_take(&sorter->tally, scratch->ids + scratch->used, scratch->counts + scratch->used);
    } else if (!status) {
        take(sorter, count);
    }
    return status;
}

static ec_status take_document(const struct work *work, struct sorter *sorter, int64_t begin, int64_t end)
{
    const struct ec_bag_ranking *ranking = work->ranking;
    int step = ranking->census->kind_count;
    ec_status status = EC_OK;
    for (int kind = 0; !status && kind < step; kind++) {
        const int32_t *ids = ranking->ids[kind];
        const int32_t *codes = work->codes + kind;
        int64_t count = 0;
        status = ids ? reserve(sorter, end - begin + 1) : EC_OK;
        for (int64_t i = begin; ids && !status && i < end && codes[i * step] >= 0; i++) {
            sorter->ids[count] = ids[codes[i * step]];
            count += sorter->ids[count] >= 0;
        }
        if (ids && !status) {
            take(sorter, count);
        }
    }
    return status || !ranking->grams ? status : take_grams(work, sorter, begin, end);
}

static void take_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_bags *bags = work->bags;
    ec_status *status = &work->status[team->index];
    struct sorter sorter = {0};
    const struct ec_bag_kind *last = &work->ranking->kinds[work->ranking->kind_count - 1];
    if (work->ranking->grams && last->end - last->first <= EC_BAG_TALLY_MOST) {
        *status = ec_bag_tally_init(&sorter.tally, last->first, last->end - last->first);
    }
    for (int64_t tile; (tile = ec_team_next(team, bags->tile_count)) >= 0;) {
        sorter.scratch.used = 0;
        for (int64_t i = bags->tiles[tile]; !*status && i < bags->tiles[tile + 1]; i++) {
            int64_t before = sorter.scratch.used;
            *status = take_document(work, &sorter, i ? work->ends[i - 1] : 0, work->ends[i]);
            bags->offsets[i + 1] = sorter.scratch.used - before;
        }
        *status = *status ? *status : ec_bag_scratch_put(&sorter.scratch, bags, tile);
    }
    ec_free(sorter.ids);
    ec_free(sorter.spare);
    ec_bag_tally_clear(&sorter.tally);
    ec_bag_scratch_clear(&sorter.scratch);
}

/* First document of each tile of about TILE_TOKENS tokens, and the end; NULL without memory. */
static int64_t *cut_tiles(const int64_t *ends, int64_t count, int64_t *made)
{
    int64_t *tiles = ec_alloc_array(count + 1, sizeof *tiles);
    *made = 0;
    for (int64_t i = 0, begin = 0; tiles && i < count; i++) {
        int64_t start = i ? ends[i - 1] : 0;
        if (!*made || start + i - begin >= TILE_TOKENS) { /* an empty document is not free either */
            tiles[(*made)++] = i;
            begin = start + i;
        }
    }
    if (tiles) {
        tiles[*made] = count;
    }
    return tiles;
}

ec_status ec_bag_ranking_bags(struct ec_bags *bags, const struct ec_bag_ranking *ranking, const int32_t *codes,
                              const int64_t *document_ends, int64_t document_count, int threads)
{
    struct work work = {.ranking = ranking, .bags = bags, .codes = codes, .ends = document_ends};
    int64_t tile_count;
    int64_t *tiles = cut_tiles(document_ends, document_count, &tile_count);
    ec_status status = ec_bags_init(bags, document_count, tiles, tile_count);
    status = tiles ? status : EC_NO_MEMORY;
    if (!status && tile_count) {
        ec_parallel(threads > tile_count ? (int)tile_count : threads, take_tiles, &work);
    }
    for (int thread = 0; !status && thread < EC_MAX_THREADS; thread++) {
        status = work.status[thread];
    }
    if (!status) {
        ec_bags_end(bags);
    }
    return status;
}
