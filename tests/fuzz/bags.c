/* Texts of any kind, counted in blocks, ranked and read again: the bags of both ways are the same, ascending and
 * complete, and what was learnt makes the same features from its names. */
#include "bags/ranking.h"
#include "bags/reader.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENTS 8

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static void make_rules(struct ec_text_rules *rules, uint8_t kind)
{
    static const struct ec_point_range alone[] = {{'!', '/'}, {'<', '>'}, {0x4e00, 0x9fff}};
    static const struct ec_point_range extend[] = {{0x300, 0x36f}};
    memset(rules, 0, sizeof *rules);
    rules->lower_ascii = kind & 1;
    rules->alone = alone;
    rules->extend = extend;
    rules->alone_count = kind & 2 ? 3 : 0;
    rules->extend_count = kind & 2 ? 1 : 0;
    for (int byte = 0; byte < 256; byte++) {
        int upper = rules->lower_ascii && byte >= 'A' && byte <= 'Z';
        int wide = rules->alone_count && (byte >= 0x80 || (byte >= '!' && byte <= '/') || (byte >= '<' && byte <= '>'));
        rules->bytes[byte] = (uint16_t)((upper ? byte + 32 : byte) | (wide ? EC_BYTE_WIDE : 0));
    }
    rules->bytes[' '] = ' ' | EC_BYTE_STOP;
    rules->split = kind & 4 ? EC_SPLIT_CHARACTERS : EC_SPLIT_WORDS;
}

static int make_settings(struct ec_bag_settings *settings, const struct ec_text_rules *rules, const uint8_t *data)
{
    *settings = (struct ec_bag_settings){.rules = rules, .drops_breaks = data[0] >> 3 & 1};
    settings->words[0] = data[1] % 6;
    settings->words[1] = settings->words[0] + data[1] / 6 % 3;
    settings->chars[0] = data[2] % 5;
    settings->chars[1] = settings->chars[0] + data[2] / 5 % 3;
    if (!settings->words[0]) {
        settings->words[1] = 0;
    }
    if (!settings->chars[0]) {
        settings->chars[1] = 0;
    }
    return settings->words[1] <= EC_BAG_LONGEST && (settings->words[0] || settings->chars[0]);
}

/* Documents that end at bytes 1, of few words, so that n-grams come again. */
static int make_documents(struct ec_document *documents, uint8_t *text, const uint8_t *data, size_t size)
{
    static const char *const pieces[] = {"<br />", "<br>", "\xc3\xa9", "\xe4\xb8\xad", "\xcc\x81", "the ", " a ", "<"};
    int count = 0;
    documents[0] = (struct ec_document){.bytes = text};
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 1 && count + 1 < DOCUMENTS) {
            text += documents[count].length;
            documents[++count] = (struct ec_document){.bytes = text};
        } else if (data[i] < 0xe0) {
            text[documents[count].length++] = data[i] & 0x7f;
        } else {
            const char *piece = pieces[data[i] % 8];
            memcpy(text + documents[count].length, piece, strlen(piece));
            documents[count].length += (int64_t)strlen(piece);
        }
    }
    return count + 1;
}

static void same(const struct ec_bags *one, const struct ec_bags *other)
{
    int64_t count = one->offsets[one->count];
    int32_t *ids[2] = {malloc((size_t)count * 4 + 4), malloc((size_t)count * 4 + 4)};
    float *counts[2] = {malloc((size_t)count * 4 + 4), malloc((size_t)count * 4 + 4)};
    check(one->count == other->count);
    check(!memcmp(one->offsets, other->offsets, (size_t)(one->count + 1) * sizeof *one->offsets));
    ec_bags_copy(one, ids[0], counts[0], 1);
    ec_bags_copy(other, ids[1], counts[1], 1);
    check(!memcmp(ids[0], ids[1], (size_t)count * 4) && !memcmp(counts[0], counts[1], (size_t)count * 4));
    for (int64_t i = 0; i < one->count; i++) {
        for (int64_t j = one->offsets[i] + 1; j < one->offsets[i + 1]; j++) {
            check(ids[0][j - 1] < ids[0][j] && counts[0][j] >= 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        free(ids[i]);
        free(counts[i]);
    }
}

static void learn(const struct ec_bag_settings *settings, const struct ec_document *documents, int count, int block,
                  int64_t min_count, int64_t max_features)
{
    struct ec_bag_ranking ranking;
    struct ec_bag_features features;
    struct ec_bags counted, read;
    struct ec_bag_census *census = ec_bag_census_new(settings, 1);
    for (int first = 0; first < count; first += block) {
        check(ec_bag_census_add(census, documents + first, ec_least(block, count - first), 1) == EC_OK);
    }
    check(ec_bag_ranking_init(&ranking, census, min_count, max_features, 1) == EC_OK);
    check(ranking.size <= max_features);
    check(ec_bag_features_init(&features, settings, 0, &ranking.names) == EC_OK && features.size == ranking.size);
    check(ec_bag_ranking_bags(&counted, &ranking, census->codes, census->document_ends, count, 1) == EC_OK);
    check(ec_bags_read(&read, &features, documents, count, 1) == EC_OK);
    same(&counted, &read);
    ec_bags_clear(&counted);
    ec_bags_clear(&read);
    ec_bag_features_clear(&features);
    ec_bag_ranking_clear(&ranking);
    ec_bag_census_free(census);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ec_text_rules rules;
    struct ec_bag_settings settings;
    struct ec_document documents[DOCUMENTS];
    if (size < 6) {
        return 0;
    }
    make_rules(&rules, data[0]);
    if (!make_settings(&settings, &rules, data)) {
        return 0;
    }
    uint8_t *text = malloc(8 * size);
    int count = make_documents(documents, text, data + 6, size - 6);
    learn(&settings, documents, count, 1 + data[3] % DOCUMENTS, 1 + data[4] % 3, 1 + data[5] * (int64_t)64);
    struct ec_bag_features hashed;
    struct ec_bags bags[2];
    check(ec_bag_features_init(&hashed, &settings, 1 + data[5], NULL) == EC_OK);
    for (int i = 0; i < 2; i++) {
        check(ec_bags_read(&bags[i], &hashed, documents, count, 1) == EC_OK);
    }
    same(&bags[0], &bags[1]);
    ec_bags_clear(&bags[0]);
    ec_bags_clear(&bags[1]);
    ec_bag_features_clear(&hashed);
    free(text);
    return 0;
}
