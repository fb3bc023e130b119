/* The bags of many documents, in a team of threads that share them out in tiles; see reader.h. */
#include "bags/reader.h"
#include "text/corpus.h"

struct work {
    struct ec_corpus corpus;
    const struct ec_bag_features *features;
    struct ec_bags *bags;
};

static ec_status read_tile(struct work *work, struct ec_bag_reader *reader, struct ec_bag_scratch *scratch,
                           int64_t tile)
{
    struct ec_bags *bags = work->bags;
    ec_status status = EC_OK;
    scratch->used = 0;
    for (int64_t i = bags->tiles[tile]; !status && i < bags->tiles[tile + 1]; i++) {
        struct ec_bag bag;
        status = ec_bag_read(reader, &work->corpus.documents[i], &bag);
        status = status ? status : ec_bag_scratch_append(scratch, &bag);
        bags->offsets[i + 1] = bag.count;
    }
    return status ? status : ec_bag_scratch_put(scratch, bags, tile);
}

static void read_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    ec_status *status = &work->corpus.status[team->index];
    struct ec_bag_reader *reader = ec_bag_reader_new(work->features, work->corpus.longest);
    struct ec_bag_scratch scratch = {0};
    *status = reader ? EC_OK : EC_NO_MEMORY;
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        *status = *status ? *status : read_tile(work, reader, &scratch, tile);
    }
    ec_bag_reader_free(reader);
    ec_bag_scratch_clear(&scratch);
}

ec_status ec_bags_read(struct ec_bags *bags, const struct ec_bag_features *features,
                       const struct ec_document *documents, int64_t document_count, int threads)
{
    struct work work = {.features = features, .bags = bags};
    ec_status status = ec_corpus_init(&work.corpus, features->settings.rules, documents, document_count);
    if (status) {
        *bags = (struct ec_bags){0};
        ec_corpus_clear(&work.corpus);
        return status;
    }
    status = ec_bags_init(bags, document_count, work.corpus.tiles, work.corpus.tile_count);
    status = status ? status : ec_corpus_run(&work.corpus, read_tiles, &work, threads);
    if (!status) {
        ec_bags_end(bags);
    }
    return status;
}
