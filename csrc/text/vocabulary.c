/* The word table's growing side, and the stable sort that ranks words by frequency or by first appearance. */
#include "text/vocabulary.h"

#include "base/memory.h"

void ec_words_init(struct ec_words *words) { memset(words, 0, sizeof *words); }

void ec_words_clear(struct ec_words *words)
{
    ec_free(words->slots);
    ec_free(words->starts);
    ec_free(words->bytes);
    ec_words_init(words);
}

/* Doubles the slots until `count` words fill at most half of them; the words' numbers stay. */
static ec_status grow_slots(struct ec_words *words, int64_t count)
{
    int64_t slot_count = words->slot_count ? words->slot_count : 64;
    int shift = 64;
    while (slot_count < 2 * count) {
        slot_count *= 2;
    }
    for (int64_t size = slot_count; size > 1; size /= 2) {
        shift--;
    }
    struct ec_word_slot *slots = ec_alloc_scattered(slot_count, sizeof *slots);
    if (!slots) {
        return EC_NO_MEMORY;
    }
    memset(slots, 0xff, (size_t)slot_count * sizeof *slots); /* word = -1 */
    /* In the order of their numbers: frequent words, which come early, get their first place, and no word's place
     * depends on those that came after it. */
    for (int64_t word = 0; word < words->count; word++) {
        int64_t length = words->starts[word + 1] - words->starts[word];
        struct ec_word_key key = ec_word_key(words->bytes + words->starts[word], length);
        uint64_t place = key.place >> shift;
        while (slots[place].word >= 0) {
            place = (place + 1) & ((uint64_t)slot_count - 1);
        }
        slots[place] =
            (struct ec_word_slot){.key = {key.key[0], key.key[1]}, .length = (uint32_t)length, .word = (int32_t)word};
    }
    ec_free(words->slots);
    words->slots = slots;
    words->slot_count = slot_count;
    words->shift = shift;
    return EC_OK;
}

ec_status ec_words_reserve(struct ec_words *words, int64_t count)
{
    if (count >= INT32_MAX) {
        return EC_TOO_LARGE;
    }
    if (count > words->capacity) {
        int64_t capacity = words->capacity ? words->capacity : 32;
        while (capacity < count) {
            capacity *= 2;
        }
        int64_t used = words->count ? words->count + 1 : 0;
        int64_t *starts = ec_grow_array(words->starts, used, capacity + 1, sizeof *starts);
        if (!starts) {
            return EC_NO_MEMORY;
        }
        starts[0] = 0;
        words->starts = starts;
        words->capacity = capacity;
    }
    return 2 * count > words->slot_count ? grow_slots(words, count) : EC_OK;
}

/* Room for `length` more bytes and the slack that ec_word_key wants behind them. */
static ec_status reserve_bytes(struct ec_words *words, int64_t length)
{
    int64_t used = words->count ? words->starts[words->count] : 0;
    int64_t needed = used + length + EC_WORD_SLACK;
    if (needed <= words->bytes_capacity) {
        return EC_OK;
    }
    int64_t capacity = 2 * needed > 256 ? 2 * needed : 256;
    uint8_t *bytes = ec_grow_array(words->bytes, used, capacity, 1);
    if (!bytes) {
        return EC_NO_MEMORY;
    }
    memset(bytes + used, 0, (size_t)(capacity - used));
    words->bytes = bytes;
    words->bytes_capacity = capacity;
    return EC_OK;
}

ec_status ec_words_add(struct ec_words *words, const uint8_t *word, int64_t length, const struct ec_word_key *key,
                       int32_t *number)
{
    *number = ec_words_find(words, word, length, key);
    if (*number >= 0) {
        return EC_OK;
    }
    ec_status status = ec_words_reserve(words, words->count + 1);
    if (!status) {
        status = reserve_bytes(words, length);
    }
    if (status) {
        return status;
    }
    int64_t start = words->starts[words->count];
    uint64_t mask = (uint64_t)words->slot_count - 1;
    uint64_t place = key->place >> words->shift;
    while (words->slots[place].word >= 0) {
        place = (place + 1) & mask;
    }
    memcpy(words->bytes + start, word, (size_t)length);
    words->slots[place] = (struct ec_word_slot){
        .key = {key->key[0], key->key[1]}, .length = (uint32_t)length, .word = (int32_t)words->count};
    *number = (int32_t)words->count++;
    words->starts[words->count] = start + length;
    return EC_OK;
}

void ec_words_shorten(struct ec_words *words, int64_t count)
{
    for (int64_t place = 0; words->count > count && place < words->slot_count; place++) {
        if (words->slots[place].word >= count) {
            words->slots[place].word = -1;
        }
    }
    words->count = words->count > count ? count : words->count;
}

ec_status ec_stable_order(const uint64_t *keys, int64_t count, int32_t *order)
{
    uint64_t varying = 0;
    for (int64_t i = 0; i < count; i++) {
        order[i] = (int32_t)i;
        varying |= keys[i] ^ keys[0];
    }
    int32_t *spare = ec_alloc_array(count, sizeof *spare);
    if (!spare) {
        return EC_NO_MEMORY;
    }
    int32_t *from = order;
    int32_t *to = spare;
    for (int shift = 0; shift < 64; shift += 8) { /* least significant byte first; bytes that never vary are skipped */
        if (!(varying >> shift & 0xff)) {
            continue;
        }
        int64_t next[257] = {0};
        for (int64_t i = 0; i < count; i++) {
            next[(keys[i] >> shift & 0xff) + 1]++;
        }
        for (int digit = 1; digit < 256; digit++) {
            next[digit] += next[digit - 1];
        }
        for (int64_t i = 0; i < count; i++) {
            to[next[keys[from[i]] >> shift & 0xff]++] = from[i];
        }
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) {
        memcpy(order, from, (size_t)count * sizeof *order);
    }
    ec_free(spare);
    return EC_OK;
}
