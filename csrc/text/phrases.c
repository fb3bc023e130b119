/* Counting phrases; see the header. */
#include "text/phrases.h"

#include "base/range.h"
#include "text/phrase_candidates.h"

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

ec_status ec_phrases_count(struct ec_phrases *phrases, const struct ec_phrase_rules *rules, const uint8_t *text,
                           int64_t length, int64_t *sentences)
{
    struct candidate candidate = {0};
    struct scout scout = {0};
    ec_status status = EC_OK;
    *sentences = 0;
    for (int64_t at = 0, end; !status && at < length; at = end + 1) {
        scout_on(&scout, &phrases->words, rules, text, length);
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
    if (other->tokens > EC_PHRASES_MOST - phrases->tokens) {
        return EC_TOO_LARGE;
    }
    phrases->prunes = ec_most(phrases->prunes, other->prunes);
    phrases->tokens += other->tokens;
    for (int64_t i = 0; !status && i < other->words.count; i++) {
        status =
            ec_phrases_add(phrases, other->words.bytes + starts[i], starts[i + 1] - starts[i], other->counts[i], 0);
    }
    return status || phrases->words.count <= rules->most_words ? status : prune(phrases);
}
