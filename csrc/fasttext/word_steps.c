/* Chunks of words; see the header. Everything that a chunk needs is gathered first: some 50 KB, which stay in the
 * second cache while they are multiplied. */
#include "fasttext/word_steps.h"

#include "base/ahead.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"

#include <math.h>

#define AHEAD 4 /* words whose rows are asked for before they are needed */

/* -- memory --------------------------------------------------------------------------------------------------- */
void ec_word_stream_clear(struct ec_word_stream *stream)
{
    ec_free(stream->words);
    ec_free(stream->places);
    ec_free(stream->begins);
    ec_free(stream->ends);
}

/* Words whose places a chunk sees. */
static int64_t most_places(const struct ec_word_steps *steps) { return EC_WORD_CHUNK + 2 * steps->window; }

static int64_t most_outputs(const struct ec_word_steps *steps) { return most_places(steps) + steps->drawn; }

ec_status ec_word_chunk_init(struct ec_word_chunk *chunk, const struct ec_word_steps *steps)
{
    int64_t places = most_places(steps), outputs = most_outputs(steps);
    *chunk = (struct ec_word_chunk){.in_words = ec_alloc_array(places, sizeof *chunk->in_words),
                                    .out_rows = ec_alloc_array(outputs, sizeof *chunk->out_rows),
                                    .d_in = ec_alloc_array(places * steps->stride, sizeof *chunk->d_in),
                                    .d_out = ec_alloc_array(outputs * steps->stride, sizeof *chunk->d_out)};
    return chunk->in_words && chunk->out_rows && chunk->d_in && chunk->d_out ? EC_OK : EC_NO_MEMORY;
}

void ec_word_chunk_clear(struct ec_word_chunk *chunk)
{
    ec_free(chunk->in_words);
    ec_free(chunk->out_rows);
    ec_free(chunk->d_in);
    ec_free(chunk->d_out);
}

ec_status ec_word_desk_init(struct ec_word_desk *desk, const struct ec_word_steps *steps)
{
    int64_t places = most_places(steps), outputs = most_outputs(steps), stride = steps->stride;
    *desk = (struct ec_word_desk){.row_list = ec_alloc_array(ec_most(steps->longest, places), sizeof *desk->row_list),
                                  .in = ec_alloc_array(places * stride, sizeof *desk->in),
                                  .bags = ec_alloc_array(places * EC_WORD_CHUNK, sizeof *desk->bags),
                                  .hidden = ec_alloc_array(EC_WORD_CHUNK * stride, sizeof *desk->hidden),
                                  .d_hidden = ec_alloc_array(EC_WORD_CHUNK * stride, sizeof *desk->d_hidden),
                                  .out = ec_alloc_array(outputs * stride, sizeof *desk->out),
                                  .out_turned = ec_alloc_array(outputs * stride, sizeof *desk->out_turned),
                                  .logits = ec_alloc_array(EC_WORD_CHUNK * outputs, sizeof *desk->logits),
                                  .amounts = ec_alloc_array(EC_WORD_CHUNK * outputs, sizeof *desk->amounts),
                                  .turned = ec_alloc_array(EC_WORD_CHUNK * outputs, sizeof *desk->turned)};
    return desk->row_list && desk->bags && desk->in && desk->hidden && desk->d_hidden && desk->out &&
                   desk->out_turned && desk->logits && desk->amounts && desk->turned
               ? EC_OK
               : EC_NO_MEMORY;
}

void ec_word_desk_clear(struct ec_word_desk *desk)
{
    ec_free(desk->row_list);
    ec_free(desk->bags);
    ec_free(desk->in);
    ec_free(desk->hidden);
    ec_free(desk->d_hidden);
    ec_free(desk->out);
    ec_free(desk->out_turned);
    ec_free(desk->logits);
    ec_free(desk->amounts);
    ec_free(desk->turned);
}

/* -- computing ------------------------------------------------------------------------------------------------ */
/* The rows of the n-grams of a word's characters. */
static const int32_t *subwords_of(const struct ec_word_steps *steps, int32_t word, int64_t *count)
{
    const int64_t *ends = steps->features->subword_ends;
    int64_t begin = ends && word ? ends[word - 1] : 0;
    *count = ends ? ends[word] - begin : 0;
    return ends ? steps->features->subwords + begin : NULL;
}

int64_t ec_word_rows(const struct ec_word_steps *steps, int32_t word, int32_t *list)
{
    int64_t count;
    const int32_t *subwords = subwords_of(steps, word, &count);
    list[0] = word;
    ec_copy(list + 1, subwords, (size_t)count * sizeof *list);
    return count + 1;
}

static void ask_for_word(const struct ec_word_steps *steps, int32_t word)
{
    int64_t count;
    const int32_t *subwords = subwords_of(steps, word, &count);
    ec_ask_for(steps->rows + word * steps->stride, steps->width);
    for (int64_t i = 0; i < count; i++) {
        ec_ask_for(steps->rows + subwords[i] * steps->stride, steps->width);
    }
}

/* out[rows, cols] = a[rows, depth] b[depth, cols], all of them small and not packed. */
static void multiply(float *out, int64_t out_stride, const float *a, int64_t a_stride, const float *b, int64_t b_stride,
                     int64_t rows, int64_t cols, int64_t depth)
{
    const struct ec_kernels *k = ec_kernels();
    int64_t tiles = ec_ceil_div(rows, k->few_rows); /* about equal: 16 rows are 8 and 8, not 14 and 2 */
    for (int64_t col = 0; col < cols; col += k->few_cols) {
        int64_t some_cols = ec_least(k->few_cols, cols - col);
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t row = rows * tile / tiles, end = rows * (tile + 1) / tiles;
            k->product_tile(out + row * out_stride + col, out_stride, 0, a + row * a_stride, a_stride, b + col,
                            b_stride, (int)(end - row), (int)some_cols, depth);
        }
    }
}

/* Entries `first` up to `end` of a stream, and the places of their words and of all neighbours. */
struct view {
    const struct ec_word_stream *stream;
    int64_t first, end;
    int64_t low, high;
};

static struct view view_from(const struct ec_word_stream *stream, int64_t first, int64_t chunk)
{
    struct view view = {stream, first, ec_least(first + chunk, stream->count), stream->places[first],
                        stream->places[first]};
    for (int64_t entry = first; entry < view.end; entry++) {
        view.low = ec_least(view.low, ec_least(stream->begins[entry], stream->places[entry]));
        view.high = ec_most(view.high, ec_most(stream->ends[entry], stream->places[entry] + 1));
    }
    return view;
}

static int32_t word_of(const struct view *view, int64_t entry)
{
    return view->stream->words[view->stream->places[entry]];
}

/* How many neighbours an entry has. */
static int64_t count_near(const struct view *view, int64_t entry)
{
    const struct ec_word_stream *stream = view->stream;
    int inside = stream->places[entry] >= stream->begins[entry] && stream->places[entry] < stream->ends[entry];
    return stream->ends[entry] - stream->begins[entry] - inside;
}

/* The means of the rows of each word whose rows learn. */
static void read_inputs(struct ec_word_chunk *chunk, const struct ec_word_steps *steps, struct ec_word_desk *desk)
{
    const struct ec_kernels *k = ec_kernels();
    if (steps->longest == 1) { /* words have no other rows than their own */
        for (int64_t i = 0; i < chunk->in_count; i++) {
            ask_for_word(steps, chunk->in_words[i]);
        }
        k->gather_rows(desk->in, steps->stride, steps->rows, steps->stride, chunk->in_words, chunk->in_count,
                       steps->stride);
        return;
    }
    for (int64_t i = 0; i < ec_least(AHEAD, chunk->in_count); i++) {
        ask_for_word(steps, chunk->in_words[i]);
    }
    for (int64_t i = 0; i < chunk->in_count; i++) {
        if (i + AHEAD < chunk->in_count) {
            ask_for_word(steps, chunk->in_words[i + AHEAD]);
        }
        float *mean = desk->in + i * steps->stride;
        int64_t count = ec_word_rows(steps, chunk->in_words[i], desk->row_list);
        k->weighted_sum(mean, 0, steps->rows, steps->stride, desk->row_list, NULL, count, steps->stride);
        k->scale(mean, mean, 1.0f / (float)count, steps->stride);
    }
}

/* hidden[entry] = the mean of its neighbours. */
static void gather_bags(const struct view *view, const struct ec_word_steps *steps, struct ec_word_desk *desk)
{
    const struct ec_kernels *k = ec_kernels();
    const struct ec_word_stream *stream = view->stream;
    for (int64_t entry = view->first; entry < view->end; entry++) {
        int32_t count = 0;
        for (int32_t place = stream->begins[entry]; place < stream->ends[entry]; place++) {
            if (place != stream->places[entry]) {
                desk->row_list[count++] = place - (int32_t)view->low;
            }
        }
        float *hidden = desk->hidden + (entry - view->first) * steps->stride;
        k->weighted_sum(hidden, 0, desk->in, steps->stride, desk->row_list, NULL, count, steps->stride);
        k->scale(hidden, hidden, count ? 1.0f / (float)count : 0.0f, steps->stride);
    }
}

/* What reaches each neighbour's rows: of a bag, all of it, as fastText and word2vec do. */
static void scatter_bags(const struct view *view, const struct ec_word_steps *steps, struct ec_word_chunk *chunk,
                         struct ec_word_desk *desk)
{
    const struct ec_kernels *k = ec_kernels();
    const struct ec_word_stream *stream = view->stream;
    int32_t *counts = desk->row_list;
    memset(counts, 0, (size_t)chunk->in_count * sizeof *counts);
    for (int64_t entry = view->first; entry < view->end; entry++) {
        for (int64_t place = stream->begins[entry]; place < stream->ends[entry]; place++) {
            if (place != stream->places[entry]) {
                int64_t of = place - view->low;
                desk->bags[of * steps->chunk + counts[of]++] = (int32_t)(entry - view->first);
            }
        }
    }
    for (int64_t i = 0; i < chunk->in_count; i++) {
        k->weighted_sum(chunk->d_in + i * steps->stride, 0, desk->d_hidden, steps->stride,
                        desk->bags + i * steps->chunk, NULL, counts[i], steps->stride);
    }
}

/* How often a drawn word counts for an entry: as often as it would have been drawn for it alone. What is to be
 * predicted is not drawn against itself; drawn -1: a word that is not. */
static float times_drawn(const struct view *view, const struct ec_word_steps *steps, int64_t entry, int32_t drawn)
{
    const struct ec_word_stream *stream = view->stream;
    int64_t pairs = count_near(view, entry);
    if (steps->bags) {
        pairs = pairs > 0 && word_of(view, entry) != drawn;
    } else if (drawn >= 0) {
        for (int32_t place = stream->begins[entry]; place < stream->ends[entry]; place++) {
            pairs -= place != stream->places[entry] && stream->words[place] == drawn;
        }
    }
    return (float)pairs * (float)steps->negatives / (float)steps->drawn;
}

/* The amounts of one entry, from the shares of the outputs. */
static void set_entry(struct ec_word_chunk *chunk, const struct view *view, const struct ec_word_steps *steps,
                      float *amount, const float *share, int64_t entry, int64_t seen, float rate, int counts_loss)
{
    const struct ec_word_stream *stream = view->stream;
    int64_t outputs = chunk->out_count;
    memset(amount, 0, (size_t)outputs * sizeof *amount);
    if (steps->bags && count_near(view, entry)) {
        amount[entry - view->first] = rate * (1 - share[entry - view->first]);
    }
    for (int64_t place = stream->begins[entry]; !steps->bags && place < stream->ends[entry]; place++) {
        if (place != stream->places[entry]) {
            amount[place - view->low] = rate * (1 - share[place - view->low]);
        }
    }
    float usual = times_drawn(view, steps, entry, -1);
    for (int64_t i = seen; i < outputs; i++) {
        amount[i] = -rate * usual * share[i];
    }
    for (int64_t i = 0; counts_loss && i < outputs; i++) {
        float of_target = i < seen ? share[i] : 1 - share[i];
        if (amount[i] != 0) {
            chunk->loss -= (i < seen ? 1 : usual) * log(of_target < 1e-5f ? 1e-5f : of_target);
            chunk->predictions += i < seen;
        }
    }
}

/* Turns shares into what the products take: rate (wanted - share) for each prediction and drawn word, 0 elsewhere. The
 * first `seen` outputs stand in the text. */
static void set_amounts(struct ec_word_chunk *chunk, const struct view *view, const struct ec_word_steps *steps,
                        struct ec_word_desk *desk, int64_t seen, float rate, int counts_loss)
{
    int64_t outputs = chunk->out_count, rows = view->end - view->first;
    for (int64_t row = 0; row < rows; row++) {
        set_entry(chunk, view, steps, desk->amounts + row * outputs, desk->logits + row * outputs, view->first + row,
                  seen, rate, counts_loss);
    }
    for (int64_t i = seen; i < outputs; i++) {
        int32_t drawn = chunk->out_rows[i];
        int collides = 0;
        for (int64_t place = 0; place < seen; place++) {
            collides |= chunk->out_rows[place] == drawn;
        }
        for (int64_t row = 0; collides && row < rows; row++) {
            desk->amounts[row * outputs + i] =
                -rate * times_drawn(view, steps, view->first + row, drawn) * desk->logits[row * outputs + i];
        }
    }
}

/* Predictions against drawn words: what is to be added to the rows of the output, and to hidden. */
static void predict(struct ec_word_chunk *chunk, const struct view *view, const struct ec_word_steps *steps,
                    struct ec_word_desk *desk, const float *hidden, float *d_hidden, float rate, int counts_loss)
{
    const struct ec_kernels *k = ec_kernels();
    int64_t rows = view->end - view->first, stride = steps->stride, outputs = chunk->out_count;
    k->gather_rows(desk->out, stride, steps->output, stride, chunk->out_rows, outputs, stride);
    k->transpose(desk->out_turned, outputs, desk->out, stride, stride, outputs);
    multiply(desk->logits, outputs, hidden, stride, desk->out_turned, outputs, rows, outputs, stride);
    k->activate(desk->logits, desk->logits, EC_SIGMOID, rows * outputs);
    set_amounts(chunk, view, steps, desk, outputs - steps->drawn, rate, counts_loss);
    chunk->overflows = !isfinite(k->sum_squares(desk->amounts, rows * outputs));
    int64_t own = steps->bags ? rows : 0; /* so many outputs are of one entry each, the others of all */
    const float *amounts = desk->amounts + own, *out = desk->out + own * stride;
    k->transpose(desk->turned, rows, amounts, outputs, outputs - own, rows);
    multiply(chunk->d_out + own * stride, stride, desk->turned, rows, hidden, stride, outputs - own, stride, rows);
    multiply(d_hidden, stride, amounts, outputs, out, stride, rows, stride, outputs - own);
    for (int64_t i = 0; i < own; i++) {
        float amount = desk->amounts[i * outputs + i];
        k->scale(chunk->d_out + i * stride, hidden + i * stride, amount, stride);
        k->add_scaled(d_hidden + i * stride, desk->out + i * stride, amount, stride);
    }
}

/* What an entry predicts, which is alone in its chunk where there is a tree. */
static int32_t target_of(const struct view *view, const struct ec_word_steps *steps)
{
    const struct ec_word_stream *stream = view->stream;
    return steps->bags ? word_of(view, view->first) : stream->words[stream->begins[view->first]];
}

/* The words whose rows learn, and the rows of the output. */
static void name_rows(struct ec_word_chunk *chunk, const struct view *view, const struct ec_word_steps *steps,
                      const struct ec_word_way *way, uint64_t key)
{
    int64_t rows = view->end - view->first, places = view->high - view->low, seen = steps->bags ? rows : places;
    chunk->in_count = steps->bags ? places : rows;
    chunk->out_count = steps->tree ? 0 : seen + steps->drawn;
    int32_t *of_entries = steps->bags ? chunk->out_rows : chunk->in_words;
    int32_t *of_places = steps->bags ? chunk->in_words : chunk->out_rows;
    for (int64_t row = 0; row < rows; row++) {
        of_entries[row] = word_of(view, view->first + row);
    }
    ec_copy(of_places, view->stream->words + view->low, (size_t)places * sizeof *of_places);
    for (int64_t i = seen; i < chunk->out_count; i++) {
        chunk->out_rows[i] = ec_word_draw(steps->draws, key, (uint32_t)(i - seen));
    }
    for (int64_t i = 0; i < chunk->out_count; i++) {
        ec_ask_for_later(steps->output + chunk->out_rows[i] * steps->stride, steps->width);
    }
    if (steps->tree) {
        ec_word_tree_ask(way, target_of(view, steps));
    }
}

void ec_word_chunk_compute(struct ec_word_chunk *chunk, const struct ec_word_steps *steps, struct ec_word_desk *desk,
                           const struct ec_word_stream *stream, int64_t first, uint64_t key, float rate,
                           int counts_loss)
{
    struct view view = view_from(stream, first, steps->chunk);
    struct ec_word_way way = {steps->tree, steps->output, steps->stride, chunk->out_rows, desk->amounts};
    const float *hidden = steps->bags ? desk->hidden : desk->in;
    float *d_hidden = steps->bags ? desk->d_hidden : chunk->d_in;
    chunk->loss = 0;
    chunk->predictions = 0;
    name_rows(chunk, &view, steps, &way, key);
    read_inputs(chunk, steps, desk);
    if (steps->bags) {
        gather_bags(&view, steps, desk);
    }
    if (steps->tree) {
        chunk->loss = ec_word_tree_step(d_hidden, &way, hidden, target_of(&view, steps), rate, counts_loss);
        chunk->overflows = !isfinite(chunk->loss);
        chunk->predictions = counts_loss;
    } else {
        predict(chunk, &view, steps, desk, hidden, d_hidden, rate, counts_loss);
    }
    if (steps->bags) {
        scatter_bags(&view, steps, chunk, desk);
    }
}

/* -- applying ------------------------------------------------------------------------------------------------- */
static int is_mine(int32_t row, int index, int size)
{
    return (int)(((uint32_t)row * 0x9e3779b9u >> 16) % (uint32_t)size) == index;
}

void ec_word_chunk_apply(const struct ec_word_chunk *chunk, const struct ec_word_steps *steps,
                         struct ec_word_desk *desk, int index, int size)
{
    const struct ec_kernels *k = ec_kernels();
    int64_t stride = steps->stride;
    for (int64_t i = 0; i < chunk->out_count; i++) {
        if (is_mine(chunk->out_rows[i], index, size)) {
            k->add(steps->output + chunk->out_rows[i] * stride, chunk->d_out + i * stride, stride);
        }
    }
    for (int64_t i = 0; i < chunk->in_count; i++) {
        int64_t count = ec_word_rows(steps, chunk->in_words[i], desk->row_list);
        for (int64_t n = 0; n < count; n++) {
            if (is_mine(desk->row_list[n], index, size)) {
                k->add(steps->rows + desk->row_list[n] * stride, chunk->d_in + i * stride, stride);
            }
        }
    }
}
