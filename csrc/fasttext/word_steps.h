/* The steps of word vectors, some neighbouring words at a time: skip-gram, which predicts a word's neighbours from it,
 * or a continuous bag of words, which predicts a word from the mean of its neighbours; both against words drawn at
 * random (Mikolov et al. 2013). A word's vector is the mean of its row and those of the n-grams of its characters
 * (Bojanowski et al. 2017).
 *
 * All words of a chunk share the drawn ones, each counted as often as it would have been drawn for one word, so that a
 * chunk is three small products of matrices, and a row that many of its words need is read and written once (as Ji et
 * al. 2016 share them in a window). What a bag predicts is its own: a product with one row. A chunk is computed without
 * changing a weight, and applied later: so several threads compute some, then all apply them, each its own rows, in the
 * order of the text. */
#ifndef EC_FASTTEXT_WORD_STEPS_H
#define EC_FASTTEXT_WORD_STEPS_H

#include "base/status.h"
#include "fasttext/features.h"
#include "fasttext/word_draws.h"
#include "fasttext/word_tree.h"

#define EC_WORD_CHUNK 16 /* entries, at most */
/* Words that are drawn for a whole chunk, where five are drawn against each neighbour: of skip-gram, whose entries have
 * some six neighbours each, and of bags, which are one prediction each ... */
#define EC_WORD_DRAWS 64
#define EC_BAG_DRAWS 16
#define EC_MOST_WORD_DRAWS 1024 /* ... in proportion where they are more, up to this */

/* Words of some lines that are kept, one behind the other, and what is learnt of them: entry after entry, each a word
 * and those of its neighbours that it is learnt with. */
struct ec_word_stream {
    int64_t word_count, count; /* of words, of entries */
    int32_t *words;
    int32_t *places;        /* of each entry: where its word stands ... */
    int32_t *begins, *ends; /* ... and its neighbours, perhaps on both sides of it */
    int64_t word_room, room;
};
void ec_word_stream_clear(struct ec_word_stream *stream);

struct ec_word_steps {
    const struct ec_fasttext_features *features;
    const struct ec_word_draws *draws;
    const struct ec_fasttext_objective *tree; /* of the words: predictions go down it, one at a time; or NULL */
    int bags;                                 /* of words: else skip-gram */
    float *rows, *output;
    int64_t width, stride;
    int64_t window, negatives;
    int64_t chunk;   /* entries */
    int64_t drawn;   /* words that are drawn for a chunk, at most EC_MOST_WORD_DRAWS; with a tree its depth */
    int64_t longest; /* rows of a word, at most */
};

/* The rows of a word, at most `longest`: its own, and those of the n-grams of its characters. How many. */
int64_t ec_word_rows(const struct ec_word_steps *steps, int32_t word, int32_t *rows);

/* What has been computed of a chunk. */
struct ec_word_chunk {
    int64_t in_count;  /* words whose rows learn */
    int64_t out_count; /* rows of the output */
    int32_t *in_words, *out_rows;
    float *d_in, *d_out; /* [count, stride]: to be added */
    double loss;         /* sum over what was predicted */
    int64_t predictions;
    int overflows; /* weights are no finite numbers any more */
};
/* What a thread computes with. */
struct ec_word_desk {
    int32_t *row_list;
    int32_t *bags; /* of each place: the entries that it is a neighbour of */
    float *in, *hidden, *d_hidden, *out, *out_turned;
    float *logits, *amounts, *turned;
};

ec_status ec_word_chunk_init(struct ec_word_chunk *chunk, const struct ec_word_steps *steps);
void ec_word_chunk_clear(struct ec_word_chunk *chunk);
ec_status ec_word_desk_init(struct ec_word_desk *desk, const struct ec_word_steps *steps);
void ec_word_desk_clear(struct ec_word_desk *desk);

/* The entries of a stream from `first` on, a chunk at most. `counts_loss`: the loss is asked for. With a tree the rows
 * of the output are changed here, and none are left to be applied. */
void ec_word_chunk_compute(struct ec_word_chunk *chunk, const struct ec_word_steps *steps, struct ec_word_desk *desk,
                           const struct ec_word_stream *stream, int64_t first, uint64_t key, float rate,
                           int counts_loss);
/* Adds what was computed to those rows that are thread `index`'s of `size`. */
void ec_word_chunk_apply(const struct ec_word_chunk *chunk, const struct ec_word_steps *steps,
                         struct ec_word_desk *desk, int index, int size);

#endif
