/* Ragged sequences of ids (ids, offsets) as rows of a padded matrix, and a choice of rows as a new ragged pair. The
 * last step of text → ids before batches are made of them. Assumes hundreds of tokens a row: whole rows are the tiles.
 */
#ifndef EC_TEXT_SEQUENCE_H
#define EC_TEXT_SEQUENCE_H

#include <stdint.h>

struct ec_padding {
    int64_t width;     /* columns */
    int pad_after;     /* padding behind the ids, else before */
    int truncate_last; /* too long rows lose their end, else their beginning */
    int32_t value;
};

/* out (rows × width): sequence i from `ids`, which starts at offsets[i], padded. */
void ec_sequence_pad(int32_t *out, const int32_t *ids, const int64_t *offsets, int64_t rows,
                     const struct ec_padding *padding, int threads);

/* Which part of a sequence of `length` goes where in a row: returns how many, from *source to *target. */
int64_t ec_sequence_place(const struct ec_padding *padding, int64_t length, int64_t *source, int64_t *target);

/* out_ids: the sequences chosen[0 .. count) one after the other, at out_offsets (count + 1), which are given. */
void ec_sequence_gather(int32_t *out_ids, const int64_t *out_offsets, const int32_t *ids, const int64_t *offsets,
                        const int64_t *chosen, int64_t count, int threads);

#endif
