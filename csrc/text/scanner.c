/* Cuts documents into words by masks of 64 bytes; see the header. Between the tokenizer's rules and text/encoding.c.
 * Assumes documents of a kilobyte, nearly all ASCII; any other is right too, only slower. */
#include "text/scanner.h"

#include "base/memory.h"

#define BLOCK 64

ec_status ec_scanner_init(struct ec_scanner *scanner, const struct ec_text_rules *rules, int64_t longest)
{
    memset(scanner, 0, sizeof *scanner);
    scanner->rules = rules;
    scanner->lowered = ec_alloc_array(longest + 2 * BLOCK, 1);
    scanner->taken = ec_alloc_array(ec_token_room(longest), 1);
    for (int byte = 0; byte < 256; byte++) {
        uint16_t entry = rules->bytes[byte];
        scanner->ends[byte] = entry >= EC_BYTE_STOP && entry < EC_BYTE_DROP;
        scanner->rests[byte] = entry >= EC_BYTE_DROP;
        scanner->singles[byte] = byte < 0x80 && entry >= EC_BYTE_WIDE;
        scanner->any_singles |= scanner->singles[byte];
        scanner->drops |= byte < 0x80 && entry >= EC_BYTE_DROP && entry < EC_BYTE_WIDE;
    }
    return scanner->lowered && scanner->taken ? EC_OK : EC_NO_MEMORY;
}

void ec_scanner_clear(struct ec_scanner *scanner)
{
    ec_free(scanner->lowered);
    ec_free(scanner->taken);
}

void ec_scanner_start(struct ec_scanner *scanner, const struct ec_document *document)
{
    scanner->document = document;
    scanner->next_taken = scanner->taken;
    scanner->at = 0;
    scanner->before = 1;
    scanner->single_before = scanner->wide_before = 0;
    scanner->edge = scanner->edge_count = 0;
    scanner->in_rules = document->ends || scanner->rules->split != EC_SPLIT_WORDS;
    if (scanner->in_rules) {
        scanner->at = document->length;
        ec_token_start(&scanner->cursor, scanner->rules, document, scanner->taken);
    }
}

/* Bit i: flags[bytes[i]]. */
static inline uint64_t mask_of(const uint8_t *flags, const uint8_t *bytes)
{
    uint64_t mask = 0;
    for (int part = 0; part < BLOCK; part += 8) {
        uint32_t bits = 0;
        for (int i = 0; i < 8; i++) {
            bits |= (uint32_t)flags[bytes[part + i]] << i;
        }
        mask |= (uint64_t)bits << part;
    }
    return mask;
}

/* Copies a block, in lower case if the rules say so; whether it has a byte beyond ASCII. */
static inline int copy_block(uint8_t *out, const uint8_t *bytes, int lower)
{
    uint64_t words[BLOCK / 8];
    uint64_t any = 0;
    memcpy(words, bytes, BLOCK);
    for (int i = 0; i < BLOCK / 8; i++) {
        any |= words[i];
        words[i] = lower ? ec_lower_eight(words[i]) : words[i];
    }
    memcpy(out, words, BLOCK);
    return (any & 0x8080808080808080u) != 0;
}

static inline int lowest_bit(uint64_t mask) { return __builtin_ctzll(mask); }

/* Appends the edges of words and of ASCII that is a token by itself, of which the mask is returned; those beside a
 * byte beyond ASCII are left to the rules, as marks and joiners may belong to them. */
static uint64_t cut_singles(struct ec_scanner *scanner, const uint8_t *bytes, uint64_t ends, uint64_t behind)
{
    int64_t next = scanner->at + BLOCK;
    uint64_t wide = 0;
    for (int i = 0; i < BLOCK; i++) {
        wide |= (uint64_t)(bytes[i] >> 7) << i;
    }
    uint64_t next_wide = next < scanner->document->length ? scanner->document->bytes[next] >> 7 : 0;
    uint64_t beside = wide << 1 | scanner->wide_before | wide >> 1 | next_wide << 63;
    uint64_t singles = mask_of(scanner->singles, bytes) & ~behind & ~beside;
    uint64_t words = ~ends & ~singles;
    uint64_t word_before = words << 1 | (scanner->before ^ 1 ^ scanner->single_before);
    uint64_t begins = (words & ~word_before) | singles;
    uint64_t closes = (word_before & ~words) | singles << 1 | scanner->single_before;
    int64_t *out = scanner->edges + scanner->edge_count;
    for (uint64_t edges = begins | closes; edges; edges &= edges - 1) {
        int bit = lowest_bit(edges);
        *out = scanner->at + bit;
        out += closes >> bit & 1;
        *out = scanner->at + bit;
        out += begins >> bit & 1;
    }
    scanner->edge_count = (int32_t)(out - scanner->edges);
    scanner->single_before = singles >> 63;
    scanner->wide_before = wide >> 63;
    return singles;
}

static void cut_words(struct ec_scanner *scanner, uint64_t ends)
{
    uint64_t edges = ends ^ (ends << 1 | scanner->before);
    int64_t *out = scanner->edges + scanner->edge_count;
    for (; edges; edges &= edges - 1) {
        *out++ = scanner->at + lowest_bit(edges);
    }
    scanner->edge_count = (int32_t)(out - scanner->edges);
}

/* Classifies the next block and appends the edges of its words. */
static void cut_block(struct ec_scanner *scanner, int block)
{
    uint8_t padded[BLOCK] = {0};
    const uint8_t *bytes = scanner->document->bytes + scanner->at;
    int64_t left = scanner->document->length - scanner->at;
    uint64_t behind = 0;
    if (left < BLOCK) {
        memcpy(padded, bytes, (size_t)left);
        bytes = padded;
        behind = ~(uint64_t)0 << left;
    }
    int wide = copy_block(scanner->lowered + scanner->at, bytes, scanner->rules->lower_ascii);
    uint64_t ends = mask_of(scanner->ends, bytes) | behind;
    uint64_t singles = 0;
    if (scanner->any_singles) {
        singles = cut_singles(scanner, bytes, ends, behind);
    } else {
        cut_words(scanner, ends);
    }
    scanner->special[block] = wide || scanner->drops ? mask_of(scanner->rests, bytes) & ~behind & ~singles : 0;
    scanner->any_special |= scanner->special[block] != 0;
    scanner->before = ends >> 63;
    scanner->at += BLOCK;
}

/* Fills the edges; 0 at the end of the document. A word that began before keeps its beginning. */
static int cut_chunk(struct ec_scanner *scanner)
{
    int64_t length = scanner->document->length;
    if (scanner->at >= length) {
        return 0;
    }
    int open = scanner->edge < scanner->edge_count;
    scanner->edges[0] = scanner->edges[open ? scanner->edge : 0];
    scanner->edge_count = open;
    scanner->edge = 0;
    scanner->any_special = 0;
    scanner->chunk = scanner->at;
    memset(scanner->special, 0, sizeof scanner->special);
    int blocks = scanner->any_singles ? EC_SCAN_BLOCKS / 2 : EC_SCAN_BLOCKS; /* every byte may be a token */
    for (int block = 0; block < blocks && scanner->at < length; block++) {
        cut_block(scanner, block);
    }
    if (scanner->at >= length && scanner->edge_count % 2) { /* the last word ends with the document */
        scanner->edges[scanner->edge_count++] = length;
    }
    return 1;
}

/* Whether the word holds bytes that only the tokenizer's rules understand. */
static int needs_rules(const struct ec_scanner *scanner, int64_t begin, int64_t end)
{
    int64_t bits = end - begin;
    if (begin >= scanner->chunk && bits < BLOCK) {
        int64_t block = (begin - scanner->chunk) / BLOCK;
        int shift = (int)((begin - scanner->chunk) % BLOCK);
        uint64_t mask = scanner->special[block] >> shift | scanner->special[block + 1] << 1 << (BLOCK - 1 - shift);
        return (mask & (((uint64_t)1 << bits) - 1)) != 0;
    }
    for (int64_t i = begin; i < end; i++) {
        if (scanner->rests[scanner->document->bytes[i]]) {
            return 1;
        }
    }
    return 0;
}

static inline void put(struct ec_token_group *group, int32_t number, const struct ec_words *words, const uint8_t *token,
                       int64_t length)
{
    struct ec_word_key key = ec_word_key(token, length);
    ec_words_prefetch(words, &key);
    group->tokens[number] = token;
    group->lengths[number] = (int32_t)length;
    group->keys[number] = key;
}

/* The words between the edges, up to one that needs the rules, which `cursor` will go through. */
static void take_words(struct ec_scanner *scanner, struct ec_token_group *group, const struct ec_words *words)
{
    const struct ec_words table = *words; /* its members stay in registers */
    const int64_t *edges = scanner->edges;
    int rules = scanner->any_special || edges[scanner->edge] < scanner->chunk;
    int32_t count = group->count;
    int32_t edge = scanner->edge;
    for (; edge + 1 < scanner->edge_count && count < EC_SCAN_GROUP; edge += 2) {
        int64_t begin = edges[edge];
        int64_t end = edges[edge + 1];
        if (rules && needs_rules(scanner, begin, end)) {
            scanner->span = (struct ec_document){.bytes = scanner->document->bytes + begin, .length = end - begin};
            ec_token_start(&scanner->cursor, scanner->rules, &scanner->span, scanner->next_taken);
            scanner->in_rules = 1;
            edge += 2;
            break;
        }
        put(group, count++, &table, scanner->lowered + begin, end - begin);
    }
    scanner->edge = edge;
    group->count = count;
}

static void take_by_rules(struct ec_scanner *scanner, struct ec_token_group *group, const struct ec_words *words)
{
    while (group->count < EC_SCAN_GROUP) {
        if (!ec_token_next(&scanner->cursor)) {
            scanner->next_taken = scanner->cursor.token;
            scanner->in_rules = 0;
            return;
        }
        put(group, group->count++, words, scanner->cursor.token, scanner->cursor.length);
        scanner->cursor.token += scanner->cursor.length;
    }
}

int32_t ec_scanner_next(struct ec_scanner *scanner, struct ec_token_group *group, const struct ec_words *words)
{
    group->count = 0;
    while (group->count < EC_SCAN_GROUP) {
        if (scanner->in_rules) {
            take_by_rules(scanner, group, words);
        } else if (scanner->edge + 1 < scanner->edge_count) {
            take_words(scanner, group, words);
        } else if (group->count || !cut_chunk(scanner)) {
            break; /* what is left of the chunk is a group; the next one overwrites the edges */
        }
    }
    return group->count;
}
