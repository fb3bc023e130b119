/* One tile of a text file: lines "word number ... number". The usual line (one blank between the fields, no blank in
 * the word, plain numbers) is read in one pass; any other goes the slow way, from the line's end, where the last D
 * fields are the numbers whatever the word holds, and which alone decides what is wrong with a line. */
#include "base/stored.h"
#include "vectors/number.h"
#include "vectors/reader.h"

#include <math.h>
#include <string.h>

static inline int is_blank(char c) { return c == ' ' || c == '\t'; }

/* Numbers of a usual line, p at the blank in front of the first. Returns the newline, or NULL: not a usual line. */
static const char *usual_numbers(const char *p, float *row, int64_t dimensions)
{
    for (int64_t d = 0; d < dimensions; d++) {
        if (!is_blank(*p)) {
            return NULL;
        }
        p = ec_number_parse(p + 1, row + d);
        if (!p) {
            return NULL;
        }
    }
    while (is_blank(*p) || *p == '\r') {
        p++;
    }
    return *p == '\n' ? p : NULL;
}

/* Whether every number can be stored. */
static int in_range(const float *row, int64_t dimensions, float limit)
{
    int good = 1;
    for (int64_t d = 0; d < dimensions; d++) {
        good &= fabsf(row[d]) < limit;
    }
    return good;
}

static float range_limit(const struct ec_reader_options *options)
{
    return options->half ? EC_HALF_OVERFLOW : INFINITY;
}

/* Fault of one field, whose bytes are text[0 : bytes] and end before a blank, a newline or '\r'. */
static enum ec_fault read_field(const char *text, int64_t bytes, float limit, float *out)
{
    const char *end = ec_number_parse_any(text, out);
    if (end != text + bytes) {
        const char *p = text + (*text == '-' || *text == '+');
        uint32_t name = bytes - (p - text) < 3 ? 0 : (p[0] | 0x20u) << 16 | (p[1] | 0x20u) << 8 | (p[2] | 0x20u);
        return name == 0x6e616e || name == 0x696e66 ? EC_FAULT_NOT_FINITE : EC_FAULT_NUMBER; /* "nan", "inf" */
    }
    return fabsf(*out) < limit ? EC_FAULT_NONE : EC_FAULT_RANGE;
}

/* Counts fields separated by runs of blanks. */
static int64_t count_fields(const char *begin, const char *end)
{
    int64_t fields = 0;
    for (const char *p = begin; p < end; p++) {
        fields += !is_blank(*p) && (p == begin || is_blank(p[-1]));
    }
    return fields;
}

/* A word such as "of 0.418": the line probably holds one number too many. */
static int ends_in_number(const char *begin, const char *end)
{
    const char *start = end;
    float value;
    while (start > begin && !is_blank(start[-1])) {
        start--;
    }
    return start > begin && memchr(start, '.', (size_t)(end - start)) && ec_number_parse_any(start, &value) == end;
}

/* A non-blank line without blanks at its ends. Fills the row; *word_end = where the word ends. */
static struct ec_fault_report any_line(const struct ec_reader_options *options, const char *begin, const char *end,
                                       float *row, const char **word_end, const char **text, int64_t *text_bytes)
{
    struct ec_fault_report report = {.fault = EC_FAULT_NONE};
    float limit = range_limit(options);
    *text = begin;
    *text_bytes = end - begin;
    for (int64_t d = options->dimensions; d-- > 0;) {
        const char *start = end;
        while (start > begin && !is_blank(start[-1])) {
            start--;
        }
        enum ec_fault fault = read_field(start, end - start, limit, row + d);
        if (start == begin) {
            /* No field is left for the word: "0.1 0.2" lacks the word, "the 0.1" lacks a number. */
            report.fault = d == 0 && fault == EC_FAULT_NONE ? EC_FAULT_NO_WORD : EC_FAULT_FIELDS;
            report.found = count_fields(begin, begin + *text_bytes) - (report.fault == EC_FAULT_FIELDS);
            return report;
        }
        if (fault != EC_FAULT_NONE && report.fault == EC_FAULT_NONE) {
            report.fault = fault;
            report.field = d + 1;
            *text = start;
            *text_bytes = end - start;
        }
        end = start;
        while (end > begin && is_blank(end[-1])) {
            end--;
        }
    }
    *word_end = end;
    if (report.fault != EC_FAULT_NONE) {
        /* A field that is no number may be a part of the word, shifted there because numbers are missing. */
        report.found = count_fields(begin, begin + *text_bytes);
    }
    return report;
}

/* A line that is not blank begins: blank lines in front of it are a fault. */
static void start_content(const struct ec_reader_options *options, struct ec_tile *tile)
{
    int64_t line = tile->lines;
    for (int64_t i = 0; i < tile->blanks; i++) {
        tile->lines = tile->blank_line; /* the first one's number stands for all of a run */
        ec_tile_fault(options, tile, (struct ec_fault_report){.fault = EC_FAULT_BLANK}, "", 0);
    }
    tile->lines = line;
    tile->blanks = 0;
    tile->has_content = 1;
}

static void slow_line(const struct ec_reader_options *options, const char *begin, const char *newline,
                      struct ec_tile *tile)
{
    const char *end = newline, *word_end = begin, *text;
    int64_t text_bytes;
    int leading_blank = is_blank(*begin);
    while (end > begin && (is_blank(end[-1]) || end[-1] == '\r')) {
        end--;
    }
    while (begin < end && is_blank(*begin)) {
        begin++;
    }
    if (begin == end) {
        tile->blank_line = tile->blanks++ ? tile->blank_line : tile->lines;
        return;
    }
    start_content(options, tile);
    float *row = ec_tile_row(tile, options->dimensions);
    if (!row) {
        return;
    }
    struct ec_fault_report report = any_line(options, begin, end, row, &word_end, &text, &text_bytes);
    if (report.fault == EC_FAULT_NO_WORD && !leading_blank) {
        report.fault = EC_FAULT_FIELDS; /* "2.5 0.1" may be a word and a number */
        report.found--;
    }
    if (report.fault != EC_FAULT_NONE) {
        ec_tile_fault(options, tile, report, text, text_bytes);
        return;
    }
    tile->doubtful += ends_in_number(begin, word_end);
    ec_tile_add(options, tile, begin, word_end - begin);
}

static inline const char *word_end(const char *p)
{
    while (*p != ' ' && *p != '\t' && *p != '\n') {
        p++;
    }
    return p;
}

static const char *full_line(const struct ec_reader_options *options, const char *line, const char *limit,
                             struct ec_tile *tile)
{
    const char *end = word_end(line), *newline = NULL;
    if (end > line && *end != '\n') {
        float *row = ec_tile_row(tile, options->dimensions);
        if (!row) {
            return limit;
        }
        newline = usual_numbers(end, row, options->dimensions);
        if (newline && in_range(row, options->dimensions, range_limit(options))) {
            start_content(options, tile);
            ec_tile_add(options, tile, line, end - line);
            return newline + 1;
        }
    }
    newline = memchr(line, '\n', (size_t)(limit + 1 - line));
    slow_line(options, line, newline, tile);
    return newline + 1;
}

/* With a list of wanted words most lines are only looked at: the word, and how many blanks there are. */
static const char *filtered_line(const struct ec_reader_options *options, const char *line, const char *limit,
                                 struct ec_tile *tile)
{
    const char *newline = memchr(line, '\n', (size_t)(limit + 1 - line));
    const char *end = word_end(line);
    int64_t blanks = 0;
    for (const char *p = end; p < newline; p++) {
        blanks += is_blank(*p);
    }
    int certain =
        end > line && blanks >= options->dimensions && (blanks == options->dimensions || !options->wanted_has_blanks);
    if (certain && end - line <= EC_LONGEST_WORD && ec_tile_wanted(options, line, end - line) < 0) {
        start_content(options, tile);
        tile->good++;
        return newline + 1;
    }
    return full_line(options, line, limit, tile);
}

void ec_text_tile(const struct ec_reader_options *options, const char *block, int64_t begin, int64_t end,
                  int64_t block_end, struct ec_tile *tile)
{
    const char *p = block + begin, *limit = block + block_end;
    if (begin && p[-1] != '\n') {
        p = memchr(p, '\n', (size_t)(limit + 1 - p));
        p = p ? p + 1 : limit;
    }
    while (p < block + end && tile->status == EC_OK) {
        p = options->filtered ? filtered_line(options, p, limit, tile) : full_line(options, p, limit, tile);
        tile->lines++;
        if (tile->first_fault.fault != EC_FAULT_NONE && !options->skip) {
            return;
        }
    }
}
