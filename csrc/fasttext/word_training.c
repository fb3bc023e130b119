/* The loop over a text; see the header. A block of lines is read as several streams, all at once; then their chunks
 * follow each other in groups: computed by the team, then added by the team. */
#include "fasttext/word_training.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "fasttext/word_steps.h"

#include <math.h>
#include <stdatomic.h>

#define LINE_TOKENS 1024   /* of a longer line, so many words are a line, as in fastText */
#define STREAM_TOKENS 8192 /* about */
#define STREAMS 8          /* of a block */
#define GROUP 16           /* chunks, at most */
#define LOSS_STEPS 16      /* where each step sees the one before, the loss of one in so many is counted */
#define USUAL_NEGATIVES 5.0
#define STEADY 1.0 /* of steps that do not see each other and move the same vector: the sum of their rates, at most */

struct trainer {
    struct ec_word_training *training;
    struct ec_word_draws draws;
    struct ec_fasttext_objective tree;
    struct ec_word_steps steps;
    float *keeps;           /* of each word, how probable it is that it is kept */
    int64_t group;          /* chunks of a group */
    int singly;             /* a word's neighbours are learnt one after the other */
    int64_t stream_count;   /* of the text */
    struct ec_range *parts; /* tokens of each stream */
    struct ec_word_stream streams[STREAMS];
    struct ec_word_chunk chunks[GROUP];
    struct ec_word_desk desks[EC_MAX_THREADS];
    double loss;
    int64_t predictions;
    _Atomic int status;
};

static int64_t words_of(const struct trainer *trainer) { return trainer->training->features->corpus->word_count; }

/* How probable it is that each word is kept, as fastText and word2vec have it. */
static ec_status weigh_words(struct trainer *trainer)
{
    const int64_t *counts = trainer->training->features->corpus->counts;
    double total = 0, sample = trainer->training->sample;
    int64_t words = words_of(trainer);
    trainer->keeps = ec_alloc_array(words, sizeof *trainer->keeps);
    for (int64_t i = 0; i < words; i++) {
        total += (double)counts[i];
    }
    for (int64_t i = 0; trainer->keeps && i < words; i++) {
        double share = (double)counts[i] / total;
        trainer->keeps[i] = (float)fmin(sample > 0 ? sqrt(sample / share) + sample / share : 1, 1);
    }
    return trainer->keeps ? EC_OK : EC_NO_MEMORY;
}

/* How many entries are a chunk, and chunks a group. Steps of a group do not see each other; those that move the same
 * vector must be small together, or it swings further with each. They are as many as the word comes in the group, or
 * words that have rows in common with it, each by its share of them. */
static ec_status size_groups(struct trainer *trainer)
{
    const struct ec_word_training *training = trainer->training;
    const struct ec_fasttext_features *features = training->features;
    double *crowds = ec_alloc_zeros(features->rows, sizeof *crowds), kept = 0, most = 0;
    int32_t *rows = ec_alloc_array(trainer->steps.longest, sizeof *rows);
    for (int64_t word = 0; crowds && rows && word < words_of(trainer); word++) {
        double count = (double)trainer->keeps[word] * (double)features->corpus->counts[word];
        int64_t row_count = ec_word_rows(&trainer->steps, (int32_t)word, rows);
        for (int64_t i = 0; i < row_count; i++) {
            crowds[rows[i]] += count;
        }
        kept += count;
    }
    for (int64_t word = 0; crowds && rows && word < words_of(trainer); word++) {
        int64_t row_count = ec_word_rows(&trainer->steps, (int32_t)word, rows);
        double sum = 0;
        for (int64_t i = 0; i < row_count; i++) {
            sum += crowds[rows[i]];
        }
        most = fmax(most, sum / (double)row_count);
    }
    /* Of one word, about: with more words drawn, more steps move the same drawn one. */
    double more = fmax((double)training->negatives / USUAL_NEGATIVES, 1);
    double steps = training->rate * (double)(training->window + 1) * more;
    double together = fmin(STEADY / fmax(steps, 1e-9) * kept / fmax(most, 1e-9), GROUP * EC_WORD_CHUNK);
    int steady = together >= EC_WORD_CHUNK; /* else each step sees the one before */
    trainer->steps.chunk = steady ? EC_WORD_CHUNK : 1;
    double drawn = steady ? (training->bags ? EC_BAG_DRAWS : EC_WORD_DRAWS) * more : (double)training->negatives;
    trainer->steps.drawn = (int64_t)fmin(drawn, EC_MOST_WORD_DRAWS);
    trainer->group = steady ? (int64_t)together / EC_WORD_CHUNK : 1;
    trainer->singly = !steady && !training->bags;
    int failed = !crowds || !rows;
    ec_free(crowds);
    ec_free(rows);
    return failed ? EC_NO_MEMORY : EC_OK;
}

/* With a tree nearly every step moves its root: each sees the one before. */
static ec_status plant_tree(struct trainer *trainer)
{
    const int64_t *counts = trainer->training->features->corpus->counts;
    ec_status status =
        ec_fasttext_objective_init(&trainer->tree, EC_FASTTEXT_HIERARCHICAL, counts, words_of(trainer), 0);
    if (!status) {
        trainer->steps.tree = &trainer->tree;
        trainer->steps.chunk = trainer->group = 1;
        trainer->steps.drawn = ec_word_tree_longest(&trainer->tree);
        trainer->singly = !trainer->training->bags;
    }
    return status;
}

/* Streams of whole lines; of a long line they may take parts. */
static ec_status cut_streams(struct trainer *trainer)
{
    const struct ec_fasttext_corpus *corpus = trainer->training->features->corpus;
    int64_t tokens = corpus->line_count ? corpus->line_ends[corpus->line_count - 1] : 0, begin = 0, line = 0;
    trainer->parts = ec_alloc_array(tokens / STREAM_TOKENS + 1, sizeof *trainer->parts);
    if (!trainer->parts) {
        return EC_NO_MEMORY;
    }
    while (begin < tokens) {
        int64_t end = ec_least(begin + STREAM_TOKENS, tokens);
        for (; line < corpus->line_count && corpus->line_ends[line] < end; line++) {
        }
        int64_t whole = corpus->line_ends[line]; /* the line that the end stands in */
        end = whole - end <= LINE_TOKENS ? whole : end;
        trainer->parts[trainer->stream_count++] = (struct ec_range){begin, end};
        begin = end;
    }
    return EC_OK;
}

static ec_status reserve_words(struct ec_word_stream *stream, int64_t room)
{
    if (room <= stream->word_room) {
        return EC_OK;
    }
    ec_free(stream->words);
    stream->words = ec_alloc_array(room, sizeof *stream->words);
    stream->word_room = stream->words ? room : 0;
    return stream->words ? EC_OK : EC_NO_MEMORY;
}

static ec_status reserve_entries(struct ec_word_stream *stream, int64_t more)
{
    int64_t wanted = stream->count + more, room = wanted + wanted / 2;
    int32_t **of[] = {&stream->places, &stream->begins, &stream->ends};
    for (int i = 0; wanted > stream->room && i < 3; i++) {
        int32_t *grown = ec_grow_array(*of[i], stream->count, room, sizeof *grown);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        *of[i] = grown;
    }
    stream->room = ec_most(stream->room, wanted > stream->room ? room : 0);
    return EC_OK;
}

static void add_entry(struct ec_word_stream *stream, int64_t place, int64_t begin, int64_t end)
{
    stream->places[stream->count] = (int32_t)place;
    stream->begins[stream->count] = (int32_t)begin;
    stream->ends[stream->count++] = (int32_t)end;
}

/* The entries of a line, which stands in the stream from `begin` on; `numbers` decide how far each word sees. */
static ec_status end_line(const struct trainer *trainer, struct ec_word_stream *stream, int64_t begin,
                          const uint32_t *numbers, uint64_t key)
{
    const struct ec_word_training *training = trainer->training;
    int64_t end = stream->word_count;
    if (end - begin < 2) {
        stream->word_count = begin; /* so that each place has an entry, and a chunk sees few places */
        return EC_OK;
    }
    for (int64_t place = begin; place < end; place++) {
        uint64_t drawn = (uint64_t)ec_random_u32(key, numbers[place - begin]) * (uint64_t)training->window;
        int64_t reach = 1 + (int64_t)(drawn >> 32);
        int64_t low = ec_most(begin, place - reach), high = ec_least(end, place + reach + 1);
        ec_status status = reserve_entries(stream, trainer->singly ? high - low : 1);
        if (status) {
            return status;
        }
        for (int64_t near = low; trainer->singly && near < high; near++) {
            if (near != place) {
                add_entry(stream, place, near, near + 1);
            }
        }
        if (!trainer->singly) {
            add_entry(stream, place, low, high);
        }
    }
    return EC_OK;
}

/* First line that ends behind a token. */
static int64_t line_at(const struct ec_fasttext_corpus *corpus, int64_t token)
{
    int64_t low = 0, high = corpus->line_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (corpus->line_ends[middle] <= token) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The words of some tokens that are kept. */
static ec_status read_stream(const struct trainer *trainer, struct ec_word_stream *stream, struct ec_range part,
                             uint64_t key)
{
    const struct ec_fasttext_corpus *corpus = trainer->training->features->corpus;
    uint64_t thins = ec_random_key(key, 0), reaches = ec_random_key(key, 1);
    uint32_t numbers[LINE_TOKENS + 1];
    int64_t begin = 0, line = line_at(corpus, part.begin), known = 0;
    ec_status status = reserve_words(stream, part.end - part.begin);
    stream->word_count = stream->count = 0;
    for (int64_t i = part.begin; !status && i < part.end; i++) {
        int32_t word = corpus->tokens[i];
        uint32_t number = (uint32_t)(i - part.begin);
        if (word >= 0 && word < corpus->word_count) {
            known++;
            if ((float)(ec_random_u32(thins, number) >> 8) * 0x1p-24f < trainer->keeps[word]) {
                numbers[stream->word_count - begin] = number;
                stream->words[stream->word_count++] = word;
            }
        }
        int ends = i + 1 == corpus->line_ends[line];
        line += ends;
        if (ends || known > LINE_TOKENS || i + 1 == part.end) {
            status = end_line(trainer, stream, begin, numbers, reaches);
            begin = stream->word_count;
            known = 0;
        }
    }
    return status;
}

static void keep_status(struct trainer *trainer, ec_status status)
{
    if (status) {
        atomic_store(&trainer->status, status);
    }
}

/* Where chunk `number` of a block is: its stream, and the first word in it. */
static int64_t find_chunk(const struct trainer *trainer, int64_t number, int64_t *first)
{
    int64_t stream = 0;
    for (;; stream++) {
        int64_t chunks = ec_ceil_div(trainer->streams[stream].count, trainer->steps.chunk);
        if (number < chunks) {
            break;
        }
        number -= chunks;
    }
    *first = number * trainer->steps.chunk;
    return stream;
}

/* The chunks of a block whose streams have been read. */
static void learn_block(struct trainer *trainer, struct ec_team *team, int64_t streams, int64_t begun, int64_t tokens,
                        uint64_t key)
{
    struct ec_word_training *training = trainer->training;
    struct ec_word_desk *desk = &trainer->desks[team->index];
    int64_t chunks = 0;
    for (int64_t i = 0; i < streams; i++) {
        chunks += ec_ceil_div(trainer->streams[i].count, trainer->steps.chunk);
    }
    for (int64_t first = 0; first < chunks; first += trainer->group) {
        int64_t count = ec_least(trainer->group, chunks - first);
        double done = ((double)begun + (double)tokens * (double)first / (double)chunks) /
                      (double)ec_most(training->progress.total, 1);
        double rate = training->least_rate + (training->rate - training->least_rate) * fmax(1 - done, 0);
        for (int64_t i; (i = ec_team_next(team, count)) >= 0;) {
            int64_t at, stream = find_chunk(trainer, first + i, &at);
            ec_word_chunk_compute(&trainer->chunks[i], &trainer->steps, desk, &trainer->streams[stream], at,
                                  ec_random_key(key, (uint64_t)(first + i)), (float)rate,
                                  i == 0 && (trainer->group > 1 || first % LOSS_STEPS == 0));
        }
        ec_team_barrier(team);
        for (int64_t i = 0; i < count; i++) {
            ec_word_chunk_apply(&trainer->chunks[i], &trainer->steps, desk, team->index, team->size);
        }
        if (team->index == 0) {
            for (int64_t i = 0; i < count; i++) {
                trainer->loss = trainer->chunks[i].overflows ? NAN : trainer->loss;
            }
            trainer->loss += trainer->chunks[0].loss;
            trainer->predictions += trainer->chunks[0].predictions;
            training->progress.rate = rate;
        }
        ec_team_barrier(team);
    }
}

static void learn(struct ec_team *team, void *argument)
{
    struct trainer *trainer = argument;
    struct ec_word_training *training = trainer->training;
    int64_t begun = 0;
    for (int64_t epoch = 0; epoch < training->epochs; epoch++) {
        uint64_t key = ec_random_key(training->seed, (uint64_t)epoch);
        for (int64_t first = 0; first < trainer->stream_count; first += STREAMS) {
            int64_t count = ec_least(STREAMS, trainer->stream_count - first);
            int64_t tokens = trainer->parts[first + count - 1].end - trainer->parts[first].begin;
            for (int64_t i; (i = ec_team_next(team, count)) >= 0;) {
                keep_status(trainer, read_stream(trainer, &trainer->streams[i], trainer->parts[first + i],
                                                 ec_random_key(key, (uint64_t)(2 * (first + i)))));
            }
            ec_team_barrier(team);
            if (!atomic_load(&trainer->status)) {
                learn_block(trainer, team, count, begun, tokens, ec_random_key(key, (uint64_t)(2 * first + 1)));
            }
            begun += tokens;
            if (team->index == 0 && !atomic_load(&trainer->status)) {
                training->progress.tokens = begun;
                training->progress.loss = trainer->loss / (double)ec_most(trainer->predictions, 1);
                keep_status(trainer, !isfinite(training->progress.loss)                         ? EC_BAD_VALUE
                                     : training->watch(training->argument, &training->progress) ? EC_INTERRUPTED
                                                                                                : EC_OK);
            }
            ec_team_barrier(team);
            if (atomic_load(&trainer->status)) {
                return;
            }
            ec_team_barrier(team); /* nobody writes a status before all have read it */
        }
    }
}

static ec_status begin(struct trainer *trainer, int threads)
{
    struct ec_word_training *training = trainer->training;
    const struct ec_fasttext_features *features = training->features;
    const struct ec_fasttext_corpus *corpus = features->corpus;
    int64_t longest = 0;
    for (int64_t word = 0; features->subword_ends && word < corpus->word_count; word++) {
        longest = ec_most(longest, features->subword_ends[word] - (word ? features->subword_ends[word - 1] : 0));
    }
    trainer->steps = (struct ec_word_steps){.features = features,
                                            .draws = &trainer->draws,
                                            .bags = training->bags,
                                            .rows = training->rows,
                                            .output = training->output,
                                            .width = training->width,
                                            .stride = training->stride,
                                            .window = training->window,
                                            .negatives = training->negatives,
                                            .longest = longest + 1};
    ec_status status = ec_word_draws_init(&trainer->draws, corpus->counts, corpus->word_count, training->exponent);
    status = status ? status : weigh_words(trainer);
    status = status ? status : training->tree ? plant_tree(trainer) : size_groups(trainer);
    status = status ? status : cut_streams(trainer);
    for (int64_t i = 0; !status && i < trainer->group; i++) {
        status = ec_word_chunk_init(&trainer->chunks[i], &trainer->steps);
    }
    for (int i = 0; !status && i < threads; i++) {
        status = ec_word_desk_init(&trainer->desks[i], &trainer->steps);
    }
    int64_t tokens = corpus->line_count ? corpus->line_ends[corpus->line_count - 1] : 0;
    training->progress = (struct ec_fasttext_progress){.total = training->epochs * tokens, .rate = training->rate};
    return status;
}

ec_status ec_word_train(struct ec_word_training *training, int threads)
{
    struct trainer *trainer = ec_alloc_zeros(1, sizeof *trainer);
    if (!trainer) {
        return EC_NO_MEMORY;
    }
    trainer->training = training;
    ec_status status = begin(trainer, threads);
    if (!status && trainer->stream_count) {
        /* Where each step sees the one before, a team would only wait for each other. */
        ec_parallel(trainer->group > 1 ? threads : 1, learn, trainer);
        status = (ec_status)atomic_load(&trainer->status);
    }
    for (int i = 0; i < STREAMS; i++) {
        ec_word_stream_clear(&trainer->streams[i]);
    }
    for (int i = 0; i < GROUP; i++) {
        ec_word_chunk_clear(&trainer->chunks[i]);
    }
    for (int i = 0; i < threads; i++) {
        ec_word_desk_clear(&trainer->desks[i]);
    }
    ec_word_draws_clear(&trainer->draws);
    ec_fasttext_objective_clear(&trainer->tree);
    ec_free(trainer->keeps);
    ec_free(trainer->parts);
    ec_free(trainer);
    return status;
}
