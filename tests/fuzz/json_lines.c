/* Any bytes as a line of JSON: nothing beyond it is read, a text that is found lies in the line and is no longer
 * without its escapes, and stays the same when the line stands in an array of the same object. */
#include "text/json_lines.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

static const struct ec_json_names names = {2, {{(const uint8_t *)"text", 4}, {(const uint8_t *)"t\xc3\xa9", 3}}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char before[] = "{\"a\": [", behind[] = ", -1.5e3], \"text\": \"b\"}";
    struct ec_json_text found, outer;
    int ascii;
    uint8_t *line = malloc(size + !size); /* exactly as long: a read behind it is seen */
    memcpy(line, data, size);
    int good = ec_json_is_utf8(line, (int64_t)size, &ascii) && ec_json_find(&found, line, (int64_t)size, &names);
    if (good) {
        check(found.raw.bytes > line && found.raw.bytes + found.raw.length < line + size);
        uint8_t *plain = malloc((size_t)found.raw.length + !found.raw.length);
        int64_t length = ec_json_unescape(plain, &found.raw);
        check(length >= 0 && length <= found.raw.length && (found.escapes || length == found.raw.length));
        free(plain);
        size_t room = size + strlen(before) + strlen(behind);
        uint8_t *wide = malloc(room);
        memcpy(wide, before, strlen(before));
        memcpy(wide + strlen(before), line, size);
        memcpy(wide + strlen(before) + size, behind, strlen(behind));
        check(ec_json_find(&outer, wide, (int64_t)room, &names) && outer.raw.length == 1 && *outer.raw.bytes == 'b');
        free(wide);
    }
    free(line);
    return 0;
}
