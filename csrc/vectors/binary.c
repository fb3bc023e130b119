/* Records of word2vec's binary format: word, blank, D little-endian float32, and in files of the C tool a newline,
 * which is taken as the start of the next record (as gensim does). Records have to be found one after the other; the
 * work is that of copying. */
#include "base/stored.h"
#include "vectors/number.h"
#include "vectors/reader.h"

#include <math.h>
#include <string.h>

static float load_float(const char *bytes)
{
    uint32_t bits = (uint32_t)(unsigned char)bytes[0] | (uint32_t)(unsigned char)bytes[1] << 8 |
                    (uint32_t)(unsigned char)bytes[2] << 16 | (uint32_t)(unsigned char)bytes[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Copies the numbers and looks for one that cannot be stored. */
static struct ec_fault_report read_row(const struct ec_reader_options *options, const char *numbers, float *row)
{
    struct ec_fault_report report = {.fault = EC_FAULT_NONE};
    float limit = options->half ? EC_HALF_OVERFLOW : INFINITY;
    int good = 1;
    for (int64_t d = 0; d < options->dimensions; d++) {
        row[d] = load_float(numbers + 4 * d);
        good &= fabsf(row[d]) < limit;
    }
    for (int64_t d = 0; !good && d < options->dimensions; d++) {
        if (!(fabsf(row[d]) < limit)) {
            report.fault = isfinite(row[d]) ? EC_FAULT_RANGE : EC_FAULT_NOT_FINITE;
            report.field = d + 1;
            break;
        }
    }
    return report;
}

void ec_binary_tile(const struct ec_reader_options *options, const char *block, int64_t end, int final,
                    struct ec_tile *tile, int64_t *used)
{
    int64_t at = 0, row_bytes = 4 * options->dimensions;
    int stop = 0;
    *used = 0;
    while (!stop && tile->status == EC_OK) {
        while (at < end && block[at] == '\n') {
            at++;
        }
        int64_t longest = end - at < EC_LONGEST_WORD + 1 ? end - at : EC_LONGEST_WORD + 1;
        const char *word = block + at, *blank = longest > 0 ? memchr(word, ' ', (size_t)longest) : NULL;
        struct ec_fault_report report = {.fault = EC_FAULT_NONE};
        if (!blank && longest > EC_LONGEST_WORD) {
            report.fault = EC_FAULT_LONG_WORD; /* where the next record starts cannot be known: the end */
            stop = 1;
        } else if (!blank || end - at - (blank + 1 - word) < row_bytes) {
            if (!final || at == end) {
                break;
            }
            report.fault = EC_FAULT_TRUNCATED;
            stop = 1;
        }
        if (stop) {
            tile->has_content = 1;
            int64_t shown = blank ? blank - word : longest;
            ec_tile_fault(options, tile, report, word, shown);
            at = end;
        } else {
            float *row = ec_tile_row(tile, options->dimensions);
            if (!row) {
                return;
            }
            report = read_row(options, blank + 1, row);
            if (blank == word && report.fault == EC_FAULT_NONE) {
                report.fault = EC_FAULT_NO_WORD;
            }
            tile->has_content = 1;
            if (report.fault != EC_FAULT_NONE) {
                ec_tile_fault(options, tile, report, word, blank - word);
            } else {
                ec_tile_add(options, tile, word, blank - word);
            }
            at += blank + 1 - word + row_bytes;
        }
        tile->lines++;
        *used = at;
        stop |= tile->first_fault.fault != EC_FAULT_NONE && !options->skip;
    }
    *used = final ? end : at;
}
