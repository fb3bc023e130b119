/* Drives a reader over bytes from the fuzzer, in pieces, as embedcnn/vectors/records.py does, and checks what holds for
 * any input: rows and words agree in number, every stored number is finite, every word is found again. */
#ifndef EC_FUZZ_READER_H
#define EC_FUZZ_READER_H

#include "base/memory.h"
#include "vectors/reader.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_words(const struct ec_reader *reader, const float *matrix, int64_t dimensions)
{
    struct ec_word_index index = ec_word_table_view(&reader->table);
    for (int64_t row = 0; row < index.count; row++) {
        const char *word;
        int64_t bytes = ec_word_index_word(&index, row, &word);
        check(bytes > 0 && ec_utf8_valid_bytes(word, bytes) == bytes);
        check(ec_word_index_find(&index, word, bytes, ec_word_hash(word, bytes)) == row);
        for (int64_t d = 0; d < dimensions; d++) {
            check(isfinite(matrix[row * dimensions + d]));
        }
    }
}

/* The first byte gives the options, the second the dimensions, the third the size of the pieces. */
static void drive(const uint8_t *data, size_t size, int binary)
{
    if (size < 3) {
        return;
    }
    struct ec_reader_options options = {.dimensions = 1 + data[1] % 4, .limit = data[0] & 1 ? data[1] : -1};
    int64_t piece = 1 + data[2] * 16;
    options.binary = binary;
    options.first_line = 1;
    options.skip = data[0] >> 1 & 1;
    options.duplicates = (enum ec_duplicates)((data[0] >> 2 & 3) % 3);
    options.unicode = (enum ec_unicode_errors)((data[0] >> 4 & 3) % 3);
    struct ec_word_table wanted;
    int64_t number;
    int added;
    ec_word_table_init(&wanted);
    if (data[0] & 64) {
        static const char *const words[] = {"a", "the", "b c", "0.5"};
        for (int i = 0; i < 4; i++) {
            int64_t bytes = (int64_t)strlen(words[i]);
            check(ec_word_table_add(&wanted, words[i], bytes, ec_word_hash(words[i], bytes), &number, &added) == EC_OK);
        }
        options.filtered = options.wanted_has_blanks = 1;
        options.wanted = ec_word_table_view(&wanted);
    }
    struct ec_reader reader;
    check(ec_reader_init(&reader, &options) == EC_OK);
    float *matrix = NULL;
    int64_t rows = 0;
    data += 3;
    size -= 3;
    for (int final = 0; !final && !reader.finished;) {
        int64_t room, bytes = (int64_t)size < piece ? (int64_t)size : piece;
        check(ec_reader_room(&reader, &room) == EC_OK && (room > 0 || reader.finished));
        bytes = bytes < room ? bytes : room;
        memcpy(reader.block + reader.block_used, data, (size_t)bytes);
        reader.block_used += bytes;
        data += bytes;
        size -= (size_t)bytes;
        final = !bytes;
        check(ec_reader_parse(&reader, final, 1) == EC_OK);
        check(ec_reader_row_count(&reader) >= rows);
        matrix = realloc(matrix, (size_t)(ec_reader_row_count(&reader) * options.dimensions + 1) * sizeof *matrix);
        rows = ec_reader_row_count(&reader);
        ec_reader_store(&reader, matrix, 1);
    }
    check(options.skip || reader.fault.fault == EC_FAULT_NONE || reader.finished);
    check_words(&reader, matrix, options.dimensions);
    free(matrix);
    ec_reader_clear(&reader);
    ec_word_table_clear(&wanted);
}

#endif
