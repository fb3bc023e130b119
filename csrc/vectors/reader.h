/* A file of vectors -> rows of a matrix and the index of their words. The caller drives it, one window (a few MB) after
 * the other, so that memory stays small whatever the file's size:
 *
 *     fill    bytes of the file into `block` (by the reader's threads, or by the caller from a decompressor)
 *     parse   tiles of the block in parallel -> staged rows and words; then, in file order, words -> target rows
 *     store   staged rows into the caller's matrix, which has grown to `row_count` rows in between
 *
 * Text lines (text.c) and word2vec's binary records (binary.c) share all but the parsing of a tile. */
#ifndef EC_VECTORS_READER_H
#define EC_VECTORS_READER_H

#include "base/status.h"
#include "vectors/index.h"
#include "vectors/word.h"

#include <stdint.h>

#ifndef EC_WINDOW_BYTES /* the fuzz targets are built with small ones, so that short inputs cross their borders */
#define EC_WINDOW_BYTES ((int64_t)8 << 20)
#define EC_TILE_BYTES ((int64_t)128 << 10)
#endif
#define EC_LONGEST_RECORD ((int64_t)64 << 20) /* bytes of a line or a record; the block never grows beyond it */
#define EC_LONGEST_WORD ((int64_t)64 << 10)
#define EC_MAX_DIMENSIONS ((int64_t)1000000)

enum ec_fault {
    EC_FAULT_NONE,
    EC_FAULT_BLANK,      /* an empty line with more lines after it */
    EC_FAULT_FIELDS,     /* too few fields */
    EC_FAULT_NUMBER,     /* a field that is not a number */
    EC_FAULT_NOT_FINITE, /* nan or infinity */
    EC_FAULT_RANGE,      /* too large for the element type */
    EC_FAULT_NO_WORD,    /* numbers without a word */
    EC_FAULT_UTF8,       /* a word that is not UTF-8 */
    EC_FAULT_DUPLICATE,  /* a word that was there before */
    EC_FAULT_TRUNCATED,  /* the file ends within a record */
    EC_FAULT_LONG_WORD,  /* a word longer than EC_LONGEST_WORD */
    EC_FAULT_LONG_RECORD /* a line longer than EC_LONGEST_RECORD */
};

/* What is wrong with a line, for the message. */
struct ec_fault_report {
    enum ec_fault fault;
    int64_t line;  /* number of the line or record, from 1 */
    int64_t field; /* which number of the vector, from 1; 0 where it does not matter */
    int64_t found; /* fields found (EC_FAULT_FIELDS), offset of the bad byte (EC_FAULT_UTF8) */
    int text_bytes;
    char text[48]; /* the offending field or word, cut */
};

enum ec_duplicates {
    EC_DUPLICATES_FIRST,
    EC_DUPLICATES_LAST,
    EC_DUPLICATES_ERROR
};

struct ec_reader_options {
    int64_t dimensions;
    int64_t limit;               /* records to read, or -1 */
    int64_t first_line;          /* number of the first line after the header */
    struct ec_word_index wanted; /* words to keep; slot_count = 0: all */
    int filtered;                /* `wanted` counts */
    int wanted_has_blanks;
    int binary;
    int half; /* rows are stored as float16 */
    int skip; /* faulty lines are counted, not reported */
    enum ec_duplicates duplicates;
    enum ec_unicode_errors unicode;
};

/* A record that was found in a tile, good or faulty. */
struct ec_entry {
    uint64_t hash;
    int64_t wanted; /* its number among the wanted words, or -1 */
    int64_t target; /* row of the matrix, or -1 */
    int64_t word;   /* offset in the tile's words */
    int32_t word_bytes;
    int32_t row;     /* staged row, or -1: faulty */
    int32_t line;    /* lines in front of it in this tile */
    int32_t ordinal; /* good records in front of it in this tile */
};

struct ec_tile {
    float *rows;
    struct ec_entry *entries;
    char *words;
    int64_t row_room, row_count, entry_room, entry_count, word_room, word_bytes;
    int64_t lines;      /* lines that start in this tile */
    int64_t good;       /* of which records without a fault */
    int64_t blanks;     /* blank lines since the last line that was not blank */
    int64_t blank_line; /* the first of them */
    int64_t doubtful;   /* words that end in a number with a point */
    int has_content;
    struct ec_fault_report first_fault; /* line counted from the tile's first line, from 0 */
    ec_status status;
};

struct ec_reader {
    struct ec_reader_options options;
    char *block; /* window bytes, then slack */
    int64_t block_room, block_used;
    struct ec_tile *tiles;
    int64_t tile_count, tile_room;
    struct ec_word_table table; /* the words kept so far; word i belongs to row i of the matrix */
    int64_t *wanted_rows;       /* row of each wanted word, or -1 */
    int64_t lines, good, faulty, duplicate_count, doubtful;
    int64_t blank_line, blanks;   /* blank lines at the end of what was read */
    struct ec_fault_report fault; /* the first fault, if any */
    struct ec_fault_report first_duplicate;
    int finished; /* the limit is reached, or a fault ended the reading */
};

ec_status ec_reader_init(struct ec_reader *reader, const struct ec_reader_options *options);
void ec_reader_clear(struct ec_reader *reader);
/* Bytes that may be written at block + block_used; the block grows when a record does not fit in it. 0 = the record is
 * longer than EC_LONGEST_RECORD, reported as a fault. */
ec_status ec_reader_room(struct ec_reader *reader, int64_t *room);
/* Reads up to `room` bytes of a file from `offset` with several threads and adds them to the block. */
ec_status ec_reader_fill(struct ec_reader *reader, int file, int64_t offset, int64_t room, int threads, int64_t *got);
/* Parses the complete records of the block (`final`: all that is left) and removes nothing yet: store does that. */
ec_status ec_reader_parse(struct ec_reader *reader, int final, int threads);
/* Rows that the matrix must have before store. */
static inline int64_t ec_reader_row_count(const struct ec_reader *reader) { return reader->table.count; }
void ec_reader_store(struct ec_reader *reader, void *matrix, int threads);

/* One tile of text: the lines that start in block[begin : end]. block[block_end - 1] is a newline, or block[block_end]
 * is one put there. */
void ec_text_tile(const struct ec_reader_options *options, const char *block, int64_t begin, int64_t end,
                  int64_t block_end, struct ec_tile *tile);
/* The records that are complete in block[0 : end]; *used = how far they reach. */
void ec_binary_tile(const struct ec_reader_options *options, const char *block, int64_t end, int final,
                    struct ec_tile *tile, int64_t *used);

/* Parts of a tile, used by both. */
void ec_tile_reset(struct ec_tile *tile);
/* Room for one more row; NULL without memory (tile->status says so). */
float *ec_tile_row(struct ec_tile *tile, int64_t dimensions);
/* Adds a good record whose numbers stand in the staged row `row`, or finds its word faulty or not wanted. Returns
 * whether the row was used. */
int ec_tile_add(const struct ec_reader_options *options, struct ec_tile *tile, const char *word, int64_t bytes);
void ec_tile_fault(const struct ec_reader_options *options, struct ec_tile *tile, struct ec_fault_report report,
                   const char *text, int64_t text_bytes);
/* Number among the wanted words of a word as it stands in the file, after repair; -1 if not wanted. */
int64_t ec_tile_wanted(const struct ec_reader_options *options, const char *word, int64_t bytes);

#endif
