/* Counting and joining phrases; see the header. */
#include "text/phrases.h"

#include "base/memory.h"
#include "base/range.h"

#include <math.h>

void ec_phrases_init(struct ec_phrases *phrases, int scored)
{
    *phrases = (struct ec_phrases){.prunes = 1, .scores = scored ? ec_alloc_array(1, sizeof(double)) : NULL};
    phrases->room = phrases->scores ? 1 : 0;
    ec_words_init(&phrases->words);
}

void ec_phrases_clear(struct ec_phrases *phrases)
{
    ec_words_clear(&phrases->words);
    ec_free(phrases->counts);
    ec_free(phrases->scores);
}

void ec_phrases_joined_clear(struct ec_phrases_joined *joined)
{
    ec_free(joined->bytes);
    ec_free(joined->ends);
    ec_free(joined->scores);
}

static ec_status reserve(struct ec_phrases *phrases, int64_t count)
{
    if (count <= phrases->room) {
        return EC_OK;
    }
    int64_t room = ec_most(2 * phrases->room, 64);
    void *grown = phrases->scores ? (void *)ec_grow_array(phrases->scores, phrases->room, room, sizeof(double))
                                  : (void *)ec_grow_array(phrases->counts, phrases->room, room, sizeof(int64_t));
    if (!grown) {
        return EC_NO_MEMORY;
    }
    phrases->counts = phrases->scores ? NULL : grown;
    phrases->scores = phrases->scores ? grown : NULL;
    phrases->room = room;
    return EC_OK;
}

ec_status ec_phrases_add(struct ec_phrases *phrases, const uint8_t *word, int64_t length, int64_t count, double score)
{
    struct ec_word_key key = ec_word_key(word, length);
    int32_t number = ec_words_find(&phrases->words, word, length, &key);
    if (number < 0) {
        ec_status status = reserve(phrases, phrases->words.count + 1);
        status = status ? status : ec_words_add(&phrases->words, word, length, &key, &number);
        if (status) {
            return status;
        }
        if (phrases->counts) {
            phrases->counts[number] = 0;
        }
    }
    if (phrases->scores) {
        phrases->scores[number] = score;
    } else if (phrases->counts[number] > INT64_MAX - count) {
        return EC_TOO_LARGE;
    } else {
        phrases->counts[number] += count;
    }
    return EC_OK;
}

static int32_t find(const struct ec_words *words, const uint8_t *word, int64_t length)
{
    struct ec_word_key key = ec_word_key(word, length);
    return ec_words_find(words, word, length, &key);
}

/* Drops words that have come less than `prunes` times. */
static ec_status prune(struct ec_phrases *phrases)
{
    struct ec_phrases kept;
    ec_status status = EC_OK;
    ec_phrases_init(&kept, 0);
    for (int64_t i = 0; !status && i < phrases->words.count; i++) {
        const int64_t *starts = phrases->words.starts;
        if (phrases->counts[i] >= phrases->prunes) {
            status = ec_phrases_add(&kept, phrases->words.bytes + starts[i], starts[i + 1] - starts[i],
                                    phrases->counts[i], 0);
        }
    }
    if (status) {
        ec_phrases_clear(&kept);
        return status;
    }
    kept.tokens = phrases->tokens;
    kept.prunes = phrases->prunes + 1;
    ec_phrases_clear(phrases);
    *phrases = kept;
    return EC_OK;
}

/* The words that may become a phrase, joined: the last one begins at `last`. */
struct candidate {
    uint8_t *bytes; /* EC_WORD_SLACK behind `length` can be read */
    int64_t length, room;
    int64_t first_length; /* of its first word; 0: there is none */
    int64_t last;
};

/* Puts a word behind a candidate. */
static ec_status put(struct candidate *candidate, const struct ec_phrase_rules *rules, const uint8_t *word,
                     int64_t length)
{
    int64_t gap = candidate->first_length ? rules->delimiter_length : 0;
    int64_t wanted = candidate->length + gap + length + EC_WORD_SLACK;
    if (wanted > candidate->room) {
        uint8_t *grown = ec_grow_array(candidate->bytes, candidate->room, 2 * wanted, 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        memset(grown + candidate->room, 0, (size_t)(2 * wanted - candidate->room));
        candidate->bytes = grown;
        candidate->room = 2 * wanted;
    }
    ec_copy(candidate->bytes + candidate->length, rules->delimiter, (size_t)gap);
    candidate->last = candidate->length + gap;
    ec_copy(candidate->bytes + candidate->last, word, (size_t)length);
    candidate->length = candidate->last + length;
    return EC_OK;
}

static int64_t last_length(const struct candidate *candidate) { return candidate->length - candidate->last; }

/* Its last word becomes its first. */
static void start_anew(struct candidate *candidate)
{
    candidate->first_length = candidate->length = last_length(candidate);
    memmove(candidate->bytes, candidate->bytes + candidate->last, (size_t)candidate->length);
    candidate->last = 0;
}

static void drop(struct candidate *candidate) { candidate->first_length = candidate->length = candidate->last = 0; }

static int ends_with_connector(const struct candidate *candidate, const struct ec_phrase_rules *rules)
{
    return find(rules->connectors, candidate->bytes + candidate->last, last_length(candidate)) >= 0;
}

/* Where the word that begins at `at` ends: at a newline, or the end of the text. */
static int64_t word_end(const uint8_t *text, int64_t length, int64_t at)
{
    const uint8_t *end = memchr(text + at, '\n', (size_t)(length - at));
    return end ? end - text : length;
}

ec_status ec_phrases_count(struct ec_phrases *phrases, const struct ec_phrase_rules *rules, const uint8_t *text,
                           int64_t length, int64_t *sentences)
{
    struct candidate candidate = {0};
    ec_status status = EC_OK;
    *sentences = 0;
    for (int64_t at = 0, end; !status && at < length; at = end + 1) {
        end = word_end(text, length, at);
        if (end == at) {
            ++*sentences;
            drop(&candidate);
            status = phrases->words.count > rules->most_words ? prune(phrases) : EC_OK;
            continue;
        }
        phrases->tokens++;
        status = put(&candidate, rules, text + at, end - at);
        if (status) {
            break;
        }
        if (ends_with_connector(&candidate, rules)) {
            if (!candidate.first_length) {
                drop(&candidate);
            }
            continue;
        }
        status = ec_phrases_add(phrases, candidate.bytes + candidate.last, last_length(&candidate), 1, 0);
        if (!status && candidate.first_length) {
            status = ec_phrases_add(phrases, candidate.bytes, candidate.length, 1, 0);
        }
        start_anew(&candidate);
    }
    ec_free(candidate.bytes);
    return status;
}

ec_status ec_phrases_merge(struct ec_phrases *phrases, const struct ec_phrase_rules *rules,
                           const struct ec_phrases *other)
{
    const int64_t *starts = other->words.starts;
    ec_status status = EC_OK;
    phrases->prunes = ec_most(phrases->prunes, other->prunes);
    phrases->tokens += other->tokens;
    for (int64_t i = 0; !status && i < other->words.count; i++) {
        status =
            ec_phrases_add(phrases, other->words.bytes + starts[i], starts[i + 1] - starts[i], other->counts[i], 0);
    }
    return status || phrases->words.count <= rules->most_words ? status : prune(phrases);
}

/* -- scores --------------------------------------------------------------------------------------------------- */
static double score_of(const struct ec_phrases *phrases, const struct ec_phrase_rules *rules, int64_t of_first,
                       int64_t of_last, int64_t of_both)
{
    double first = (double)of_first, last = (double)of_last, both = (double)of_both, tokens = (double)phrases->tokens;
    if (rules->scoring == EC_PHRASE_GIVEN) {
        return rules->score(rules->argument, of_first, of_last, of_both, phrases->words.count, phrases->tokens);
    }
    if (rules->scoring == EC_PHRASE_COUNTS) {
        return (both - rules->least_count) / (first * last) * (double)phrases->words.count;
    }
    double share = both / tokens; /* normalised pointwise mutual information */
    return both >= rules->least_count ? log(share / (first / tokens * (last / tokens))) / -log(share) : NAN;
}

/* What a phrase scores whose first and last words have the numbers `first` and `last`; NaN: it is none. */
static double judge(const struct ec_phrases *phrases, const struct ec_phrase_rules *rules, int32_t first, int32_t last,
                    int32_t both)
{
    double score = NAN;
    if (both >= 0 && phrases->scores) {
        score = phrases->scores[both];
    } else if (both >= 0 && first >= 0 && last >= 0) {
        score = score_of(phrases, rules, phrases->counts[first], phrases->counts[last], phrases->counts[both]);
    }
    return score > rules->threshold ? score : NAN;
}

/* -- joining -------------------------------------------------------------------------------------------------- */
static ec_status write_words(struct ec_phrases_joined *joined, const uint8_t *bytes, int64_t length, int64_t words,
                             double score)
{
    if (joined->length + length > joined->room) {
        int64_t room = 2 * (joined->length + length);
        uint8_t *grown = ec_grow_array(joined->bytes, joined->length, room, 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        joined->bytes = grown;
        joined->room = room;
    }
    if (joined->words + words > joined->word_room) {
        int64_t room = 2 * (joined->words + words);
        double *grown = ec_grow_array(joined->scores, joined->words, room, sizeof *grown);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        joined->scores = grown;
        joined->word_room = room;
    }
    ec_copy(joined->bytes + joined->length, bytes, (size_t)length);
    joined->length += length;
    for (int64_t i = 0; i < words; i++) {
        joined->scores[joined->words++] = score;
    }
    return EC_OK;
}

static ec_status end_sentence(struct ec_phrases_joined *joined)
{
    if (joined->sentences == joined->sentence_room) {
        int64_t room = 2 * joined->sentences + 16;
        int64_t *grown = ec_grow_array(joined->ends, joined->sentences, room, sizeof *grown);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        joined->ends = grown;
        joined->sentence_room = room;
    }
    joined->ends[joined->sentences++] = joined->words;
    return EC_OK;
}

/* Words that wait for what follows: those of the text from `begin` on. */
struct waiting {
    int64_t begin, words;
    int32_t first; /* number of the first of them */
};

/* The words that wait are no phrase. */
static ec_status let_go(struct ec_phrases_joined *joined, struct waiting *waiting, const uint8_t *text, int64_t end)
{
    ec_status status = write_words(joined, text + waiting->begin, end - waiting->begin, waiting->words, NAN);
    waiting->words = 0;
    return status;
}

/* A word that is no connector: it ends a phrase, or may begin one. */
static ec_status meet(struct ec_phrases_joined *joined, struct waiting *waiting, struct candidate *candidate,
                      const struct ec_phrases *phrases, const struct ec_phrase_rules *rules, const uint8_t *text,
                      int64_t at)
{
    static const uint8_t newline = '\n';
    struct ec_word_key key = ec_word_key(candidate->bytes, candidate->length);
    ec_words_prefetch(&phrases->words, &key);
    int32_t number =
        phrases->scores ? -1 : find(&phrases->words, candidate->bytes + candidate->last, last_length(candidate));
    ec_status status = EC_OK;
    if (candidate->first_length) {
        int worth = phrases->scores || (waiting->first >= 0 && number >= 0);
        int32_t both = worth ? ec_words_find(&phrases->words, candidate->bytes, candidate->length, &key) : -1;
        double score = judge(phrases, rules, waiting->first, number, both);
        if (!isnan(score)) {
            status = write_words(joined, candidate->bytes, candidate->length, 1, score);
            status = status ? status : write_words(joined, &newline, 1, 0, 0);
            waiting->words = 0;
            drop(candidate);
            return status;
        }
        status = let_go(joined, waiting, text, at);
    }
    start_anew(candidate);
    *waiting = (struct waiting){at, 1, number};
    return status;
}

ec_status ec_phrases_join(struct ec_phrases_joined *joined, const struct ec_phrases *phrases,
                          const struct ec_phrase_rules *rules, const uint8_t *text, int64_t length)
{
    struct candidate candidate = {0};
    struct waiting waiting = {0};
    ec_status status = EC_OK;
    for (int64_t at = 0, end; !status && at < length; at = end + 1) {
        end = word_end(text, length, at);
        if (end == at) {
            status = waiting.words ? let_go(joined, &waiting, text, at) : EC_OK;
            status = status ? status : end_sentence(joined);
            drop(&candidate);
            continue;
        }
        status = put(&candidate, rules, text + at, end - at);
        if (status) {
            break;
        }
        if (!ends_with_connector(&candidate, rules)) {
            status = meet(joined, &waiting, &candidate, phrases, rules, text, at);
        } else if (candidate.first_length) {
            waiting.words++;
        } else {
            drop(&candidate);
            status = write_words(joined, text + at, end + 1 - at, 1, NAN);
        }
    }
    ec_free(candidate.bytes);
    return status;
}

/* -- exporting ------------------------------------------------------------------------------------------------ */
/* Length of a phrase's first word, -1 where there is no delimiter; *last: where its last word begins. */
static int64_t split(const struct ec_phrase_rules *rules, const uint8_t *phrase, int64_t length, int64_t *last)
{
    int64_t first = -1, gap = rules->delimiter_length;
    for (int64_t at = 0; at + gap <= length;) {
        if (memcmp(phrase + at, rules->delimiter, (size_t)gap)) {
            at++;
            continue;
        }
        first = first < 0 ? at : first;
        at += gap;
        *last = at;
    }
    return first;
}

ec_status ec_phrases_export(struct ec_phrases *found, const struct ec_phrases *phrases,
                            const struct ec_phrase_rules *rules)
{
    const int64_t *starts = phrases->words.starts;
    ec_status status = EC_OK;
    for (int64_t i = 0; !status && i < phrases->words.count; i++) {
        const uint8_t *phrase = phrases->words.bytes + starts[i];
        int64_t length = starts[i + 1] - starts[i], last = 0, first = split(rules, phrase, length, &last);
        if (first > 0 && last < length) {
            double score = judge(phrases, rules, find(&phrases->words, phrase, first),
                                 find(&phrases->words, phrase + last, length - last), (int32_t)i);
            status = isnan(score) ? EC_OK : ec_phrases_add(found, phrase, length, 0, score);
        }
    }
    return status;
}
