/* Counts and numbers the tokens of a text; see the header. Counting is that of csrc/bags, with lines as documents: 75 %
 * of the time goes there. What is left is to tell labels from words, to rank both, and to write each token's number. */
#include "fasttext/corpus.h"

#include "bags/census.h"
#include "bags/order.h"
#include "base/memory.h"
#include "base/threads.h"
#include "text/ngram.h"
#include "text/vocabulary.h"

#define PARTITIONS EC_BAG_PARTITIONS
#define BLOCK_BYTES ((int64_t)32 << 20) /* of text whose lines are listed at once */
#define LINES_PER_TILE 256
#define TYPES_PER_TILE 4096

static const char end_of_line[] = "</s>";

struct work {
    const struct ec_fasttext_source *text;
    struct ec_fasttext_corpus *corpus;
    struct ec_bag_census *census;
    int64_t breaks;              /* line feeds of the text */
    int64_t line_count;          /* lines of the text, the last perhaps without one */
    int32_t end_code;            /* of "</s>" */
    int32_t *numbers;            /* of types, by code */
    int64_t *before[PARTITIONS]; /* counts before more words were given, and how many types there were */
    int64_t known[PARTITIONS];
};

static void set_rules(struct ec_text_rules *rules)
{
    memset(rules, 0, sizeof *rules);
    for (int byte = 0; byte < 256; byte++) {
        int blank = byte == 0 || byte == ' ' || (byte >= '\t' && byte <= '\r');
        rules->bytes[byte] = (uint16_t)((blank ? EC_BYTE_STOP : EC_BYTE_KEEP) | (unsigned)byte);
    }
    rules->split = EC_SPLIT_WORDS;
}

/* Lists the lines from *at on, about BLOCK_BYTES of them, in `lines`, which grows. */
static int64_t list_lines(struct work *work, int64_t *at, struct ec_document **lines, int64_t *capacity)
{
    const uint8_t *bytes = work->text->bytes;
    int64_t length = work->text->length, first = *at, count = 0;
    while (*at < length && *at - first < BLOCK_BYTES) {
        const uint8_t *feed = memchr(bytes + *at, '\n', (size_t)(length - *at));
        int64_t end = feed ? feed - bytes : length;
        if (count == *capacity) {
            struct ec_document *grown = ec_grow_array(*lines, count, 2 * count + 4096, sizeof *grown);
            if (!grown) {
                return -1;
            }
            *lines = grown;
            *capacity = 2 * count + 4096;
        }
        (*lines)[count++] = (struct ec_document){.bytes = bytes + *at, .length = end - *at};
        *at = feed ? end + 1 : end;
        work->breaks += feed != NULL;
    }
    return count;
}

static ec_status count_lines(struct work *work, int threads)
{
    struct ec_document *lines = NULL;
    int64_t capacity = 0, at = 0;
    ec_status status = EC_OK;
    while (!status && at < work->text->length) {
        int64_t count = list_lines(work, &at, &lines, &capacity);
        status = count < 0 ? EC_NO_MEMORY : ec_bag_census_add(work->census, lines, count, threads);
        work->line_count += count;
    }
    ec_free(lines);
    return status;
}

/* The words that were given, and "</s>", whose codes stand behind those of the lines. */
static ec_status count_more(struct work *work, int threads)
{
    const struct ec_fasttext_source *text = work->text;
    for (int p = 0; p < PARTITIONS; p++) {
        const struct ec_bag_partition *partition = &work->census->partitions[0][p];
        int64_t known = work->known[p] = partition->table.count;
        work->before[p] = ec_alloc_array(known, sizeof **work->before);
        if (!work->before[p]) {
            return EC_NO_MEMORY;
        }
        ec_copy(work->before[p], partition->counts, (size_t)known * sizeof **work->before);
    }
    struct ec_document more[2] = {
        {.bytes = text->words,
         .length = text->words_given ? text->word_ends[text->words_given - 1] : 0,
         .ends = text->word_ends,
         .tokens = text->words_given},
        {.bytes = (const uint8_t *)end_of_line, .length = (int64_t)strlen(end_of_line)},
    };
    int given = text->words_given > 0;
    ec_status status = ec_bag_census_add(work->census, more + !given, 1 + given, threads);
    if (!status) {
        work->end_code = work->census->codes[work->census->code_count - 1];
    }
    return status;
}

/* How often a type stands in the lines, without the words that were given. */
static int64_t count_of(const struct work *work, int32_t code)
{
    int64_t number = code / PARTITIONS, partition = code % PARTITIONS;
    int64_t count = number < work->known[partition] ? work->before[partition][number] : 0;
    return count + (code == work->end_code ? work->breaks : 0);
}

static const uint8_t *bytes_of(const struct work *work, int32_t code, int64_t *length)
{
    const struct ec_bag_partition *from = &work->census->partitions[0][code % PARTITIONS];
    int64_t number = code / PARTITIONS, begin = number ? from->ends[number - 1] : 0;
    *length = from->ends[number] - begin;
    return from->bytes + begin;
}

static int is_label(const struct work *work, int32_t code)
{
    int64_t length;
    const uint8_t *bytes = bytes_of(work, code, &length);
    int64_t wanted = work->text->label_length;
    return length >= wanted && (!wanted || !memcmp(bytes, work->text->label, (size_t)wanted));
}

/* What types are sorted by: their kind, then how seldom they are. */
#define KIND_SHIFT 56
enum kind {
    WORD,
    LABEL,
    RARE,
    LEFT_OUT
};

static uint64_t key_of(const struct work *work, int32_t code, int64_t counted, int64_t *count)
{
    const struct ec_fasttext_source *text = work->text;
    int64_t in_lines = count_of(work, code);
    int64_t given = counted - (in_lines - (code == work->end_code ? work->breaks : 0)) - (code == work->end_code);
    int label = is_label(work, code);
    int64_t least = label ? text->min_count_label : text->min_count;
    enum kind kind = label ? LABEL : WORD;
    *count = in_lines >= least ? in_lines + given : given;
    if (*count < 1) {
        *count = in_lines;
        kind = label || !in_lines ? LEFT_OUT : RARE;
    }
    return (uint64_t)kind << KIND_SHIFT | (((uint64_t)1 << KIND_SHIFT) - 1 - (uint64_t)*count);
}

/* Writes bytes, counts and numbers of the types that `order` lists, by their places among `codes`. */
static ec_status name_types(struct work *work, const struct ec_bag_order *types, const int32_t *order,
                            const uint64_t *keys, const int64_t *counts)
{
    struct ec_fasttext_corpus *corpus = work->corpus;
    int64_t kinds[LEFT_OUT + 1] = {0}, bytes = 0, used = 0, length;
    for (int64_t i = 0; i < types->count; i++) {
        kinds[keys[i] >> KIND_SHIFT]++;
        bytes_of(work, types->codes[i], &length);
        bytes += length;
    }
    corpus->word_count = kinds[WORD];
    corpus->label_count = kinds[LABEL];
    corpus->type_count = types->count - kinds[LEFT_OUT];
    corpus->bytes = ec_alloc_array(bytes, 1);
    corpus->ends = ec_alloc_array(corpus->type_count, sizeof *corpus->ends);
    corpus->counts = ec_alloc_array(corpus->word_count + corpus->label_count, sizeof *corpus->counts);
    if (!corpus->bytes || !corpus->ends || !corpus->counts) {
        return EC_NO_MEMORY;
    }
    corpus->end_of_line = -1;
    for (int64_t i = 0; i < types->count; i++) {
        int32_t code = types->codes[order[i]];
        int left_out = i >= corpus->type_count;
        work->numbers[code] = left_out ? -1 : (int32_t)i;
        if (left_out) {
            continue;
        }
        const uint8_t *from = bytes_of(work, code, &length);
        ec_copy(corpus->bytes + used, from, (size_t)length);
        corpus->ends[i] = used += length;
        if (i < corpus->word_count + corpus->label_count) {
            corpus->counts[i] = counts[order[i]];
        }
        if (code == work->end_code) {
            corpus->end_of_line = i;
        }
    }
    return EC_OK;
}

static ec_status rank(struct work *work, int threads)
{
    struct ec_bag_order types = {0};
    ec_status status = ec_bag_order_first(&types, work->census, 0, threads);
    int64_t most = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        most = ec_most(most, work->census->partitions[0][p].table.count);
    }
    uint64_t *keys = ec_alloc_array(types.count, sizeof *keys);
    int64_t *counts = ec_alloc_array(types.count, sizeof *counts);
    int32_t *order = ec_alloc_array(types.count, sizeof *order);
    work->numbers = ec_alloc_array(most * PARTITIONS, sizeof *work->numbers);
    status = status || (keys && counts && order && work->numbers) ? status : EC_NO_MEMORY;
    for (int64_t i = 0; !status && i < types.count; i++) {
        keys[i] = key_of(work, types.codes[i], types.counts[i], &counts[i]);
    }
    status = status ? status : ec_stable_order(keys, types.count, order);
    status = status ? status : name_types(work, &types, order, keys, counts);
    ec_free(keys);
    ec_free(counts);
    ec_free(order);
    ec_bag_order_clear(&types);
    return status;
}

static void hash_types(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    const struct ec_fasttext_corpus *corpus = work->corpus;
    for (struct ec_range types; ec_team_next_range(team, corpus->type_count, TYPES_PER_TILE, &types);) {
        for (int64_t i = types.begin; i < types.end; i++) {
            int64_t begin = i ? corpus->ends[i - 1] : 0;
            corpus->hashes[i] = ec_ngram_hash(corpus->bytes + begin, corpus->ends[i] - begin);
        }
    }
}

static void number_lines(struct ec_team *team, void *argument)
{
    const struct work *work = argument;
    const struct ec_bag_census *census = work->census;
    int32_t end = work->numbers[work->end_code];
    for (struct ec_range lines; ec_team_next_range(team, work->line_count, LINES_PER_TILE, &lines);) {
        for (int64_t line = lines.begin; line < lines.end; line++) {
            int64_t begin = line ? census->document_ends[line - 1] : 0, to = census->document_ends[line];
            int32_t *out = work->corpus->tokens + begin + line;
            for (int64_t i = begin; i < to; i++) {
                *out++ = work->numbers[census->codes[i]];
            }
            if (line < work->breaks) {
                *out = end;
            }
            work->corpus->line_ends[line] = to + line + (line < work->breaks);
        }
    }
}

/* Ends lines behind each "</s>" that stood in the text. */
static ec_status cut_lines(struct ec_fasttext_corpus *corpus, int64_t more)
{
    int64_t *ends = ec_alloc_array(corpus->line_count + more, sizeof *ends), made = 0;
    if (!ends) {
        return EC_NO_MEMORY;
    }
    for (int64_t line = 0, at = 0; line < corpus->line_count; line++) {
        for (; at < corpus->line_ends[line]; at++) {
            if (corpus->tokens[at] == corpus->end_of_line || at + 1 == corpus->line_ends[line]) {
                ends[made++] = at + 1;
            }
        }
    }
    ec_free(corpus->line_ends);
    corpus->line_ends = ends;
    corpus->line_count = made;
    return EC_OK;
}

static ec_status number(struct work *work, int threads)
{
    struct ec_fasttext_corpus *corpus = work->corpus;
    int64_t stored = (work->line_count ? work->census->document_ends[work->line_count - 1] : 0) + work->breaks;
    corpus->token_total = stored + work->text->words_given;
    corpus->line_count = work->line_count;
    corpus->tokens = ec_alloc_array(stored, sizeof *corpus->tokens);
    corpus->line_ends = ec_alloc_array(work->line_count, sizeof *corpus->line_ends);
    corpus->hashes = ec_alloc_array(corpus->type_count, sizeof *corpus->hashes);
    if (!corpus->tokens || !corpus->line_ends || !corpus->hashes) {
        return EC_NO_MEMORY;
    }
    ec_parallel(threads, hash_types, work);
    ec_parallel(threads, number_lines, work);
    int64_t in_text = count_of(work, work->end_code) - work->breaks;
    return in_text ? cut_lines(corpus, in_text) : EC_OK;
}

ec_status ec_fasttext_corpus_init(struct ec_fasttext_corpus *corpus, const struct ec_fasttext_source *text, int threads)
{
    struct ec_text_rules rules;
    struct work work = {.text = text, .corpus = corpus};
    struct ec_bag_settings settings = {.rules = &rules, .words = {1, 1}};
    memset(corpus, 0, sizeof *corpus);
    set_rules(&rules);
    work.census = ec_bag_census_new(&settings, 1);
    ec_status status = work.census ? count_lines(&work, threads) : EC_NO_MEMORY;
    status = status ? status : count_more(&work, threads);
    status = status ? status : rank(&work, threads);
    status = status ? status : number(&work, threads);
    for (int p = 0; p < PARTITIONS; p++) {
        ec_free(work.before[p]);
    }
    ec_free(work.numbers);
    ec_bag_census_free(work.census);
    return status;
}

void ec_fasttext_corpus_clear(struct ec_fasttext_corpus *corpus)
{
    ec_free(corpus->bytes);
    ec_free(corpus->ends);
    ec_free(corpus->counts);
    ec_free(corpus->hashes);
    ec_free(corpus->tokens);
    ec_free(corpus->line_ends);
    memset(corpus, 0, sizeof *corpus);
}

#define SECTION_HEAD 28 /* int32 types, words, labels; int64 tokens, buckets that were kept: -1, all */
#define ENTRY_TAIL 10   /* a zero, int64 count, int8 whether it is a label */

static uint8_t *put(uint8_t *out, int64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        *out++ = (uint8_t)((uint64_t)value >> 8 * i);
    }
    return out;
}

int64_t ec_fasttext_corpus_section(uint8_t *out, const struct ec_fasttext_corpus *corpus)
{
    int64_t entries = corpus->word_count + corpus->label_count;
    if (out) {
        out = put(out, entries, 4);
        out = put(out, corpus->word_count, 4);
        out = put(out, corpus->label_count, 4);
        out = put(out, corpus->token_total, 8);
        out = put(out, -1, 8);
    }
    for (int64_t i = 0; out && i < entries; i++) {
        int64_t begin = i ? corpus->ends[i - 1] : 0, length = corpus->ends[i] - begin;
        ec_copy(out, corpus->bytes + begin, (size_t)length);
        out = put(out + length, 0, 1);
        out = put(out, corpus->counts[i], 8);
        out = put(out, i >= corpus->word_count, 1);
    }
    return SECTION_HEAD + (entries ? corpus->ends[entries - 1] : 0) + entries * ENTRY_TAIL;
}
