/* The reader: fills the block, shares it out in tiles, and puts what the tiles found in the order of the file. Only
 * that last part is serial; it costs one insertion into the index per word. */
#define _POSIX_C_SOURCE 200809L
#include "vectors/reader.h"

#include "base/memory.h"
#include "base/stored.h"
#include "base/threads.h"
#include "vectors/number.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define SLACK 64
#define PREFETCH 8 /* words between asking for a slot and using it */
_Static_assert(SLACK > EC_NUMBER_SLACK, "a number's slack fits behind the block");

ec_status ec_reader_init(struct ec_reader *reader, const struct ec_reader_options *options)
{
    memset(reader, 0, sizeof *reader);
    reader->options = *options;
    ec_word_table_init(&reader->table);
    reader->block = ec_alloc_zeros(EC_WINDOW_BYTES + SLACK, 1);
    reader->block_room = EC_WINDOW_BYTES;
    if (options->filtered) {
        reader->wanted_rows = ec_alloc_array(options->wanted.count, sizeof *reader->wanted_rows);
        for (int64_t word = 0; reader->wanted_rows && word < options->wanted.count; word++) {
            reader->wanted_rows[word] = -1;
        }
    }
    if (!reader->block || (options->filtered && !reader->wanted_rows)) {
        ec_reader_clear(reader);
        return EC_NO_MEMORY;
    }
    reader->finished = options->limit == 0;
    return EC_OK;
}

void ec_reader_clear(struct ec_reader *reader)
{
    for (int64_t i = 0; i < reader->tile_room; i++) {
        ec_free(reader->tiles[i].rows);
        ec_free(reader->tiles[i].entries);
        ec_free(reader->tiles[i].words);
    }
    ec_free(reader->tiles);
    ec_free(reader->block);
    ec_free(reader->wanted_rows);
    ec_word_table_clear(&reader->table);
    reader->tiles = NULL;
    reader->block = NULL;
    reader->wanted_rows = NULL;
    reader->tile_room = reader->tile_count = 0;
}

ec_status ec_reader_room(struct ec_reader *reader, int64_t *room)
{
    *room = reader->block_room - reader->block_used;
    if (*room || reader->finished) {
        return EC_OK;
    }
    if (reader->block_room >= EC_LONGEST_RECORD) {
        reader->fault.fault = EC_FAULT_LONG_RECORD;
        reader->fault.line = reader->options.first_line + reader->lines;
        reader->finished = 1;
        return EC_OK;
    }
    char *block = ec_grow_array(reader->block, reader->block_used, 2 * reader->block_room + SLACK, 1);
    if (!block) {
        return EC_NO_MEMORY;
    }
    reader->block = block;
    *room = reader->block_room;
    reader->block_room *= 2;
    return EC_OK;
}

struct fill {
    struct ec_reader *reader;
    int64_t offset, bytes;
    int file;
    _Atomic int64_t end; /* bytes up to the first gap: the file's end */
    _Atomic int error;
};

static void fill_team(struct ec_team *team, void *argument)
{
    struct fill *fill = argument;
    for (struct ec_range piece; ec_team_next_range(team, fill->bytes, EC_TILE_BYTES, &piece);) {
        int64_t at = piece.begin;
        while (at < piece.end) {
            char *target = fill->reader->block + fill->reader->block_used + at;
            ssize_t got = pread(fill->file, target, (size_t)(piece.end - at), (off_t)(fill->offset + at));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                if (got < 0) {
                    atomic_store(&fill->error, errno);
                }
                int64_t known = atomic_load(&fill->end);
                while (at < known && !atomic_compare_exchange_weak(&fill->end, &known, at)) {
                }
                break;
            }
            at += got;
        }
    }
}

ec_status ec_reader_fill(struct ec_reader *reader, int file, int64_t offset, int64_t room, int threads, int64_t *got)
{
    struct fill fill = {.reader = reader, .offset = offset, .bytes = room, .file = file};
    atomic_init(&fill.end, room);
    atomic_init(&fill.error, 0);
    ec_parallel(threads, fill_team, &fill);
    if (atomic_load(&fill.error)) {
        errno = atomic_load(&fill.error);
        return EC_IO;
    }
    *got = atomic_load(&fill.end);
    reader->block_used += *got;
    return EC_OK;
}

struct parse {
    struct ec_reader *reader;
    int64_t end; /* the complete records end here */
};

static void parse_team(struct ec_team *team, void *argument)
{
    struct parse *parse = argument;
    struct ec_reader *reader = parse->reader;
    for (int64_t i; (i = ec_team_next(team, reader->tile_count)) >= 0;) {
        struct ec_range bytes = ec_range_from(i * EC_TILE_BYTES, EC_TILE_BYTES, parse->end);
        ec_text_tile(&reader->options, reader->block, bytes.begin, bytes.end, parse->end, &reader->tiles[i]);
    }
}

static void set_fault(struct ec_reader *reader, const struct ec_fault_report *report, int64_t line, int ends)
{
    if (reader->fault.fault == EC_FAULT_NONE) {
        reader->fault = *report;
        reader->fault.line = reader->options.first_line + line;
    }
    reader->finished |= ends;
}

/* The record's word is known already, as row `row`. */
static void merge_duplicate(struct ec_reader *reader, const struct ec_tile *tile, struct ec_entry *entry, int64_t row)
{
    struct ec_fault_report report = {.fault = EC_FAULT_DUPLICATE};
    report.text_bytes = entry->word_bytes < (int)sizeof report.text ? entry->word_bytes : (int)sizeof report.text;
    memcpy(report.text, tile->words + entry->word, (size_t)report.text_bytes);
    report.line = reader->options.first_line + reader->lines + entry->line;
    if (!reader->duplicate_count++) {
        reader->first_duplicate = report;
    }
    if (reader->options.duplicates == EC_DUPLICATES_ERROR) {
        if (reader->options.skip) {
            reader->faulty++;
        }
        set_fault(reader, &report, reader->lines + entry->line, !reader->options.skip);
    }
    entry->target = reader->options.duplicates == EC_DUPLICATES_LAST ? row : -1;
}

static ec_status merge_word(struct ec_reader *reader, const struct ec_tile *tile, struct ec_entry *entry)
{
    int added = 1;
    int64_t row = entry->wanted >= 0 ? reader->wanted_rows[entry->wanted] : -1;
    if (row < 0) {
        ec_status status =
            ec_word_table_add(&reader->table, tile->words + entry->word, entry->word_bytes, entry->hash, &row, &added);
        if (status != EC_OK) {
            return status;
        }
    } else {
        added = 0;
    }
    if (!added) {
        merge_duplicate(reader, tile, entry, row);
        return EC_OK;
    }
    if (entry->wanted >= 0) {
        reader->wanted_rows[entry->wanted] = row;
    }
    entry->target = row;
    return EC_OK;
}

/* Gives every entry of a tile its target row, in the order of the file. */
static ec_status merge_tile(struct ec_reader *reader, struct ec_tile *tile)
{
    int64_t left = reader->options.limit < 0 ? INT64_MAX : reader->options.limit - reader->good;
    if (tile->has_content && reader->blanks) {
        struct ec_fault_report report = {.fault = EC_FAULT_BLANK};
        reader->faulty += reader->blanks;
        set_fault(reader, &report, reader->blank_line, !reader->options.skip);
        reader->blanks = 0;
    }
    for (int64_t i = 0; i < tile->entry_count && !reader->finished; i++) {
        struct ec_entry *entry = &tile->entries[i];
        if (entry->ordinal >= left) {
            break;
        }
        if (i + PREFETCH < tile->entry_count) {
            ec_word_table_prefetch(&reader->table, tile->entries[i + PREFETCH].hash);
        }
        if (entry->row < 0) {
            reader->faulty++;
            set_fault(reader, &tile->first_fault, reader->lines + tile->first_fault.line, !reader->options.skip);
            continue;
        }
        ec_status status = merge_word(reader, tile, entry);
        if (status != EC_OK) {
            return status;
        }
    }
    if (tile->blanks) {
        reader->blank_line = reader->blanks ? reader->blank_line : reader->lines + tile->blank_line;
        reader->blanks += tile->blanks;
    }
    reader->finished |= tile->good >= left;
    reader->good += tile->good < left ? tile->good : left;
    reader->lines += tile->lines;
    reader->doubtful += tile->doubtful;
    return EC_OK;
}

static ec_status reserve_tiles(struct ec_reader *reader, int64_t count)
{
    if (count > reader->tile_room) {
        struct ec_tile *tiles = ec_grow_array(reader->tiles, reader->tile_room, count, sizeof *tiles);
        if (!tiles) {
            return EC_NO_MEMORY;
        }
        memset(tiles + reader->tile_room, 0, (size_t)(count - reader->tile_room) * sizeof *tiles);
        reader->tiles = tiles;
        reader->tile_room = count;
    }
    reader->tile_count = count;
    for (int64_t i = 0; i < count; i++) {
        ec_tile_reset(&reader->tiles[i]);
    }
    return EC_OK;
}

/* Where the last complete line ends. */
static int64_t complete_lines(struct ec_reader *reader, int final)
{
    int64_t end = reader->block_used;
    if (final) {
        if (end && reader->block[end - 1] != '\n') {
            reader->block[end] = '\n';
        }
        return end;
    }
    while (end && reader->block[end - 1] != '\n') {
        end--;
    }
    return end;
}

ec_status ec_reader_parse(struct ec_reader *reader, int final, int threads)
{
    struct parse parse = {.reader = reader};
    int64_t end = reader->options.binary ? 0 : complete_lines(reader, final);
    ec_status status = reserve_tiles(reader, reader->options.binary ? 1 : ec_ceil_div(end, EC_TILE_BYTES));
    if (status != EC_OK) {
        return status;
    }
    if (reader->options.binary) {
        ec_binary_tile(&reader->options, reader->block, reader->block_used, final, &reader->tiles[0], &end);
    } else if (end) {
        parse.end = end;
        ec_parallel(threads, parse_team, &parse);
    }
    for (int64_t i = 0; i < reader->tile_count && !reader->finished; i++) {
        status = reader->tiles[i].status;
        status = status == EC_OK ? merge_tile(reader, &reader->tiles[i]) : status;
        if (status != EC_OK) {
            return status;
        }
    }
    reader->block_used -= end;
    memmove(reader->block, reader->block + end, (size_t)reader->block_used);
    return EC_OK;
}

struct store {
    struct ec_reader *reader;
    void *matrix;
};

static void store_row(const struct store *store, const float *row, int64_t target)
{
    int64_t dimensions = store->reader->options.dimensions;
    if (!store->reader->options.half) {
        memcpy((float *)store->matrix + target * dimensions, row, (size_t)dimensions * sizeof(float));
        return;
    }
    uint16_t *out = (uint16_t *)store->matrix + target * dimensions;
    for (int64_t d = 0; d < dimensions; d++) {
        out[d] = ec_nearest_half(row[d]);
    }
}

static void store_team(struct ec_team *team, void *argument)
{
    struct store *store = argument;
    for (int64_t i; (i = ec_team_next(team, store->reader->tile_count)) >= 0;) {
        const struct ec_tile *tile = &store->reader->tiles[i];
        for (int64_t k = 0; k < tile->entry_count; k++) {
            const struct ec_entry *entry = &tile->entries[k];
            if (entry->row >= 0 && entry->target >= 0) {
                store_row(store, tile->rows + entry->row * store->reader->options.dimensions, entry->target);
            }
        }
    }
}

void ec_reader_store(struct ec_reader *reader, void *matrix, int threads)
{
    struct store store = {reader, matrix};
    /* "last": two tiles may write the same row, and the later one must win. */
    ec_parallel(reader->options.duplicates == EC_DUPLICATES_LAST ? 1 : threads, store_team, &store);
    reader->tile_count = 0;
}
