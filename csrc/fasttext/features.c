/* Rows of lines; see the header. Assumes that a table of the types' hashes (4 bytes each) fits the near caches. */
#include "fasttext/features.h"

#include "bags/pairs.h"
#include "bags/tokens.h"
#include "base/memory.h"
#include "base/threads.h"
#include "text/ngram.h"

#define TYPES_PER_TILE 1024

struct work {
    struct ec_fasttext_features *features;
    int64_t longest; /* bytes of a type */
    ec_status status[EC_MAX_THREADS];
};

static int has_subwords(const struct ec_fasttext_corpus *corpus, int64_t type)
{
    int label = type >= corpus->word_count && type < corpus->word_count + corpus->label_count;
    return !label && type != corpus->end_of_line;
}

/* First how many n-grams of characters each type has, then, where there is room for them, their rows. */
static void read_types(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_fasttext_features *features = work->features;
    const struct ec_fasttext_corpus *corpus = features->corpus;
    uint8_t *framed = ec_alloc_array(EC_BAG_FRAME_ROOM(work->longest), 1);
    work->status[team->index] = framed ? EC_OK : EC_NO_MEMORY;
    for (struct ec_range types; ec_team_next_range(team, corpus->type_count, TYPES_PER_TILE, &types);) {
        for (int64_t type = types.begin; framed && type < types.end; type++) {
            int64_t begin = type ? corpus->ends[type - 1] : 0, made = 0;
            int64_t first = features->subwords && type ? features->subword_ends[type - 1] : 0;
            int32_t *out = features->subwords ? features->subwords + first : NULL;
            if (has_subwords(corpus, type)) {
                int64_t length = ec_bag_frame(framed, corpus->bytes + begin, corpus->ends[type] - begin);
                made = ec_ngram_subwords(framed, length, features->chars[0], features->chars[1],
                                         (uint32_t)features->buckets, out);
            }
            for (int64_t i = 0; out && i < made; i++) {
                out[i] += (int32_t)corpus->word_count;
            }
            if (!out) {
                features->subword_ends[type] = made;
            }
        }
    }
    ec_free(framed);
}

static ec_status run(struct work *work, int threads)
{
    ec_parallel(threads, read_types, work);
    for (int thread = 0; thread < EC_MAX_THREADS; thread++) {
        if (work->status[thread]) {
            return work->status[thread];
        }
    }
    return EC_OK;
}

ec_status ec_fasttext_features_init(struct ec_fasttext_features *features, int threads)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    struct work work = {.features = features};
    features->subword_ends = NULL;
    features->subwords = NULL;
    features->rows = corpus->word_count + features->buckets;
    if (features->rows > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    if (features->chars[1] <= 0) {
        return EC_OK;
    }
    for (int64_t type = 0; type < corpus->type_count; type++) {
        work.longest = ec_most(work.longest, corpus->ends[type] - (type ? corpus->ends[type - 1] : 0));
    }
    features->subword_ends = ec_alloc_array(corpus->type_count, sizeof *features->subword_ends);
    ec_status status = features->subword_ends ? run(&work, threads) : EC_NO_MEMORY;
    int64_t sum = 0;
    for (int64_t type = 0; !status && type < corpus->type_count; type++) {
        features->subword_ends[type] = sum += features->subword_ends[type];
    }
    if (!status) {
        features->subwords = ec_alloc_array(sum, sizeof *features->subwords);
        status = features->subwords ? run(&work, threads) : EC_NO_MEMORY;
    }
    return status;
}

void ec_fasttext_features_clear(struct ec_fasttext_features *features)
{
    ec_free(features->subword_ends);
    ec_free(features->subwords);
    features->subword_ends = NULL;
    features->subwords = NULL;
}

void ec_fasttext_lines_clear(struct ec_fasttext_lines *lines)
{
    ec_free(lines->tokens);
    ec_free(lines->id_ends);
    ec_free(lines->label_ends);
    ec_free(lines->labels);
    ec_free(lines->ids);
    ec_free(lines->counts);
    ec_free(lines->spare);
    ec_free(lines->hashes);
    memset(lines, 0, sizeof *lines);
}

/* Room in *block for `count` items, of which `used` are kept. */
static ec_status reserve(void **block, int64_t *room, int64_t used, int64_t count, size_t size)
{
    if (count <= *room) {
        return EC_OK;
    }
    void *grown = ec_grow_array(*block, used, count + count / 2, size);
    if (!grown) {
        return EC_NO_MEMORY;
    }
    *block = grown;
    *room = count + count / 2;
    return EC_OK;
}

/* The same for arrays of 32 bits: each pointer is read and written as what it is. */
static ec_status reserve_ids(int32_t **array, int64_t *room, int64_t used, int64_t count)
{
    void *block = *array;
    ec_status status = reserve(&block, room, used, count, sizeof **array);
    *array = block;
    return status;
}

static ec_status reserve_hashes(uint32_t **array, int64_t *room, int64_t count)
{
    void *block = *array;
    ec_status status = reserve(&block, room, 0, count, sizeof **array);
    *array = block;
    return status;
}

static ec_status reserve_counts(float **array, int64_t *room, int64_t used, int64_t count)
{
    void *block = *array;
    ec_status status = reserve(&block, room, used, count, sizeof **array);
    *array = block;
    return status;
}

int64_t ec_fasttext_most_ids(const struct ec_fasttext_features *features, const int32_t *tokens, int64_t count)
{
    int64_t most = count + ec_ngram_count(count, features->word_ngrams);
    for (int64_t i = 0; features->subword_ends && i < count; i++) {
        if (tokens[i] >= 0) {
            most += features->subword_ends[tokens[i]] - (tokens[i] ? features->subword_ends[tokens[i] - 1] : 0);
        }
    }
    return most;
}

static ec_status reserve_line(struct ec_fasttext_lines *lines, const struct ec_fasttext_features *features,
                              const int32_t *tokens, int64_t count, int64_t ids, int64_t labels)
{
    int64_t more = ec_fasttext_most_ids(features, tokens, count);
    ec_status status = reserve_ids(&lines->ids, &lines->id_room, ids, ids + more);
    status = status ? status : reserve_ids(&lines->labels, &lines->label_room, labels, labels + count);
    status = status ? status : reserve_hashes(&lines->hashes, &lines->hash_room, count);
    return status ? status : reserve_ids(&lines->spare, &lines->spare_room, 0, more);
}

/* Appends a line's rows at ids and its labels at labels; how many of each. */
static int64_t read_line(struct ec_fasttext_lines *lines, const struct ec_fasttext_features *features,
                         const int32_t *tokens, int64_t count, int32_t *ids, int32_t *labels, int64_t *label_count)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    const int32_t words = (int32_t)corpus->word_count, known = words + (int32_t)corpus->label_count;
    const uint32_t *of_types = corpus->hashes;
    uint32_t *hashes = lines->hashes;
    int64_t made = 0, hashed = 0, labelled = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t type = tokens[i];
        if (type >= words && type < known) {
            labels[labelled++] = type - words;
        } else if (type >= 0) {
            ids[made] = type;
            made += type < words;
            hashes[hashed++] = of_types[type];
            if (features->subwords) {
                int64_t begin = type ? features->subword_ends[type - 1] : 0;
                int64_t more = features->subword_ends[type] - begin;
                ec_copy(ids + made, features->subwords + begin, (size_t)more * sizeof *ids);
                made += more;
            }
        }
    }
    *label_count = labelled;
    if (features->word_ngrams > 1) {
        struct ec_ngram_buckets buckets = ec_ngram_buckets((uint64_t)features->buckets);
        int64_t more = ec_ngram_count(hashed, features->word_ngrams);
        ec_ngram_words(hashes, hashed, features->word_ngrams, &buckets, ids + made);
        for (int64_t i = made; i < made + more; i++) {
            ids[i] += words;
        }
        made += more;
    }
    return made;
}

ec_status ec_fasttext_read_lines(struct ec_fasttext_lines *lines, const struct ec_fasttext_features *features,
                                 struct ec_range range, int pairs)
{
    const struct ec_fasttext_corpus *corpus = features->corpus;
    int64_t begin = range.begin ? corpus->line_ends[range.begin - 1] : 0, used = 0, labelled = 0;
    lines->count = range.end - range.begin;
    if (lines->count > lines->line_room) {
        ec_free(lines->tokens);
        ec_free(lines->id_ends);
        ec_free(lines->label_ends);
        lines->line_room = lines->count;
        lines->tokens = ec_alloc_array(lines->count, sizeof *lines->tokens);
        lines->id_ends = ec_alloc_array(lines->count, sizeof *lines->id_ends);
        lines->label_ends = ec_alloc_array(lines->count, sizeof *lines->label_ends);
        if (!lines->tokens || !lines->id_ends || !lines->label_ends) {
            lines->line_room = 0;
            return EC_NO_MEMORY;
        }
    }
    for (int64_t i = 0; i < lines->count; i++) {
        int64_t end = corpus->line_ends[range.begin + i], label_count;
        ec_status status = reserve_line(lines, features, corpus->tokens + begin, end - begin, used, labelled);
        if (!status && pairs) {
            status = reserve_counts(&lines->counts, &lines->count_room, used, lines->id_room);
        }
        if (status) {
            return status;
        }
        int32_t *ids = lines->ids + used;
        int64_t made = read_line(lines, features, corpus->tokens + begin, end - begin, ids, lines->labels + labelled,
                                 &label_count);
        if (pairs) {
            int32_t *sorted = ec_bag_sort(ids, lines->spare, made);
            made = ec_bag_merge(ids, lines->counts + used, sorted, made);
        }
        lines->tokens[i] = (int32_t)(end - begin);
        lines->id_ends[i] = used += made;
        lines->label_ends[i] = labelled += label_count;
        begin = end;
    }
    return EC_OK;
}

ec_status ec_fasttext_lines_fit(struct ec_fasttext_lines *lines)
{
    int64_t used = lines->count ? lines->id_ends[lines->count - 1] : 0;
    int32_t *ids = ec_grow_array(lines->ids, used, used, sizeof *ids);
    lines->ids = ids ? ids : lines->ids;
    lines->id_room = ids ? used : lines->id_room;
    if (lines->counts) {
        float *counts = ec_grow_array(lines->counts, used, used, sizeof *counts);
        lines->counts = counts ? counts : lines->counts;
        lines->count_room = counts ? used : lines->count_room;
        ids = counts ? ids : NULL;
    }
    ec_free(lines->spare);
    ec_free(lines->hashes);
    lines->spare = NULL;
    lines->hashes = NULL;
    lines->spare_room = lines->hash_room = 0;
    return ids ? EC_OK : EC_NO_MEMORY;
}
