/* What a tile collects while it is parsed: staged rows, words, entries, and the first fault. Tiles are kept from window
 * to window, so that after the first ones nothing is allocated. */
#include "vectors/reader.h"

#include "base/memory.h"

#include <string.h>

void ec_tile_reset(struct ec_tile *tile)
{
    tile->row_count = tile->entry_count = tile->word_bytes = 0;
    tile->lines = tile->good = tile->blanks = tile->doubtful = 0;
    tile->blank_line = -1;
    tile->has_content = 0;
    tile->first_fault.fault = EC_FAULT_NONE;
    tile->status = EC_OK;
}

/* Makes room for `needed` items; 0 without memory. */
static int reserve(struct ec_tile *tile, void **items, int64_t *room, int64_t used, int64_t needed, int64_t size)
{
    if (needed <= *room) {
        return 1;
    }
    int64_t new_room = needed + needed / 2;
    void *grown = ec_grow_array(*items, used, new_room, (size_t)size);
    if (!grown) {
        tile->status = EC_NO_MEMORY;
        return 0;
    }
    *items = grown;
    *room = new_room;
    return 1;
}

float *ec_tile_row(struct ec_tile *tile, int64_t dimensions)
{
    void *rows = tile->rows;
    int fits = reserve(tile, &rows, &tile->row_room, tile->row_count, tile->row_count + 1,
                       dimensions * (int64_t)sizeof(float));
    tile->rows = rows;
    return fits ? tile->rows + tile->row_count * dimensions : NULL;
}

static struct ec_entry *new_entry(struct ec_tile *tile)
{
    void *entries = tile->entries;
    int fits = reserve(tile, &entries, &tile->entry_room, tile->entry_count, tile->entry_count + 1,
                       (int64_t)sizeof(struct ec_entry));
    tile->entries = entries;
    if (!fits) {
        return NULL;
    }
    struct ec_entry *entry = &tile->entries[tile->entry_count++];
    memset(entry, 0, sizeof *entry);
    entry->wanted = entry->target = -1;
    entry->row = -1;
    entry->line = (int32_t)tile->lines;
    entry->ordinal = (int32_t)tile->good;
    return entry;
}

void ec_tile_fault(const struct ec_reader_options *options, struct ec_tile *tile, struct ec_fault_report report,
                   const char *text, int64_t text_bytes)
{
    (void)options;
    struct ec_entry *entry = new_entry(tile);
    if (!entry || tile->first_fault.fault != EC_FAULT_NONE) {
        return;
    }
    report.line = tile->lines;
    report.text_bytes = (int)(text_bytes < (int64_t)sizeof report.text ? text_bytes : (int64_t)sizeof report.text);
    if (report.text_bytes) {
        memcpy(report.text, text, (size_t)report.text_bytes);
    }
    tile->first_fault = report;
}

int64_t ec_tile_wanted(const struct ec_reader_options *options, const char *word, int64_t bytes)
{
    char repaired[3 * 1024];
    if (options->unicode != EC_UNICODE_STRICT && bytes <= 1024 && ec_utf8_valid_bytes(word, bytes) < bytes) {
        bytes = ec_utf8_repair(repaired, word, bytes, options->unicode);
        word = repaired;
    }
    return ec_word_index_find(&options->wanted, word, bytes, ec_word_hash(word, bytes));
}

int ec_tile_add(const struct ec_reader_options *options, struct ec_tile *tile, const char *word, int64_t bytes)
{
    int64_t valid = ec_utf8_valid_bytes(word, bytes);
    if (bytes > EC_LONGEST_WORD) {
        ec_tile_fault(options, tile, (struct ec_fault_report){.fault = EC_FAULT_LONG_WORD}, word, bytes);
        return 0;
    }
    if (valid < bytes && options->unicode == EC_UNICODE_STRICT) {
        ec_tile_fault(options, tile, (struct ec_fault_report){.fault = EC_FAULT_UTF8, .found = valid}, word, bytes);
        return 0;
    }
    void *words = tile->words;
    int fits = reserve(tile, &words, &tile->word_room, tile->word_bytes, tile->word_bytes + 3 * bytes + 8, 1);
    tile->words = words;
    if (!fits) {
        return 0;
    }
    char *copy = tile->words + tile->word_bytes;
    if (valid < bytes) {
        bytes = ec_utf8_repair(copy, word, bytes, options->unicode);
        if (!bytes) {
            ec_tile_fault(options, tile, (struct ec_fault_report){.fault = EC_FAULT_NO_WORD}, word, 0);
            return 0;
        }
    } else {
        memcpy(copy, word, (size_t)bytes);
    }
    uint64_t hash = ec_word_hash(copy, bytes);
    int64_t wanted = options->filtered ? ec_word_index_find(&options->wanted, copy, bytes, hash) : -1;
    if (options->filtered && wanted < 0) {
        tile->good++;
        return 0;
    }
    struct ec_entry *entry = new_entry(tile);
    if (!entry) {
        return 0;
    }
    entry->hash = hash;
    entry->wanted = wanted;
    entry->word = tile->word_bytes;
    entry->word_bytes = (int32_t)bytes;
    entry->row = (int32_t)tile->row_count++;
    tile->word_bytes += bytes;
    tile->good++;
    return 1;
}
