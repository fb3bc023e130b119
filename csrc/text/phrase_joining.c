/* Scoring pairs, joining the words of a text, and all phrases that were found; see phrases.h. */
#include "text/phrase_candidates.h"

#include <math.h>

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

void ec_phrases_joined_clear(struct ec_phrases_joined *joined)
{
    ec_free(joined->bytes);
    ec_free(joined->ends);
    ec_free(joined->sources);
    ec_free(joined->scores);
}

/* -- joining -------------------------------------------------------------------------------------------------- */
/* A word of the text that stays as it is, by its number, or -1: a phrase. */
static ec_status write_word(struct ec_phrases_joined *joined, int64_t source, double score)
{
    if (joined->words == joined->word_room) {
        int64_t room = 2 * joined->words + 256;
        int64_t *sources = ec_grow_array(joined->sources, joined->words, room, sizeof *sources);
        joined->sources = sources ? sources : joined->sources;
        double *scores = ec_grow_array(joined->scores, joined->words, room, sizeof *scores);
        joined->scores = scores ? scores : joined->scores;
        if (!sources || !scores) {
            return EC_NO_MEMORY;
        }
        joined->word_room = room;
    }
    joined->sources[joined->words] = source;
    joined->scores[joined->words++] = score;
    return EC_OK;
}

static ec_status write_phrase(struct ec_phrases_joined *joined, const struct candidate *candidate, double score)
{
    int64_t length = candidate->length;
    if (joined->length + length + 1 > joined->room) {
        int64_t room = 2 * (joined->length + length + 1);
        uint8_t *grown = ec_grow_array(joined->bytes, joined->length, room, 1);
        if (!grown) {
            return EC_NO_MEMORY;
        }
        joined->bytes = grown;
        joined->room = room;
    }
    ec_copy(joined->bytes + joined->length, candidate->bytes, (size_t)length);
    joined->bytes[joined->length + length] = '\n';
    joined->length += length + 1;
    return write_word(joined, -1, score);
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

/* Words that wait for what follows: those of the text from number `begin` on. */
struct waiting {
    int64_t begin, words;
    int32_t first; /* number of the first of them in the table */
};

/* The words that wait are no phrase. */
static ec_status let_go(struct ec_phrases_joined *joined, struct waiting *waiting)
{
    ec_status status = EC_OK;
    for (int64_t i = 0; !status && i < waiting->words; i++) {
        status = write_word(joined, waiting->begin + i, NAN);
    }
    waiting->words = 0;
    return status;
}

/* A word that is no connector: it ends a phrase, or may begin one. */
static ec_status meet(struct ec_phrases_joined *joined, struct waiting *waiting, struct candidate *candidate,
                      const struct ec_phrases *phrases, const struct ec_phrase_rules *rules, int64_t source)
{
    struct ec_word_key key = ec_word_key(candidate->bytes, candidate->length);
    int32_t number =
        phrases->scores ? -1 : find_word(&phrases->words, candidate->bytes + candidate->last, last_length(candidate));
    ec_status status = EC_OK;
    if (candidate->first_length) {
        int worth = phrases->scores || (waiting->first >= 0 && number >= 0);
        int32_t both = worth ? ec_words_find(&phrases->words, candidate->bytes, candidate->length, &key) : -1;
        double score = judge(phrases, rules, waiting->first, number, both);
        if (!isnan(score)) {
            status = write_phrase(joined, candidate, score);
            waiting->words = 0;
            drop(candidate);
            return status;
        }
        status = let_go(joined, waiting);
    }
    start_anew(candidate);
    *waiting = (struct waiting){source, 1, number};
    return status;
}

ec_status ec_phrases_join(struct ec_phrases_joined *joined, const struct ec_phrases *phrases,
                          const struct ec_phrase_rules *rules, const uint8_t *text, int64_t length)
{
    struct candidate candidate = {0};
    struct waiting waiting = {0};
    struct scout scout = {0};
    ec_status status = EC_OK;
    int64_t source = 0; /* number of the word in the text */
    for (int64_t at = 0, end; !status && at < length; at = end + 1) {
        scout_on(&scout, &phrases->words, rules, text, length);
        end = word_end(text, length, at);
        if (end == at) {
            status = let_go(joined, &waiting);
            status = status ? status : end_sentence(joined);
            drop(&candidate);
            continue;
        }
        status = put(&candidate, rules, text + at, end - at);
        if (status) {
            break;
        }
        if (!ends_with_connector(&candidate, rules)) {
            status = meet(joined, &waiting, &candidate, phrases, rules, source);
        } else if (candidate.first_length) {
            waiting.words++;
        } else {
            drop(&candidate);
            status = write_word(joined, source, NAN);
        }
        source++;
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
            double score = judge(phrases, rules, find_word(&phrases->words, phrase, first),
                                 find_word(&phrases->words, phrase + last, length - last), (int32_t)i);
            status = isnan(score) ? EC_OK : ec_phrases_add(found, phrase, length, 0, score);
        }
    }
    return status;
}
