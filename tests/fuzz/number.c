/* The two number parsers against strtof: the same end, the same bits. */
#include "vectors/number.h"

#include <stdlib.h>
#include <string.h>

static void check(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512 + EC_NUMBER_SLACK] = {0};
    size = size < 511 ? size : 511;
    for (size_t i = 0; i < size; i++) { /* bytes that matter come up often */
        text[i] = "0123456789012345678901234567.-+eE "[data[i] % 34];
    }
    text[size] = '\n';
    float any = 0, usual = 0, wanted;
    const char *any_end = ec_number_parse_any(text, &any), *usual_end = ec_number_parse(text, &usual);
    char *end;
    wanted = strtof(text, &end);
    if (text[0] == ' ' || end == text) { /* strtof skips blanks in front */
        check(text[0] == ' ' ? !any_end : !any_end && !usual_end);
        return 0;
    }
    check(any_end == end && usual_end == end);
    check(!memcmp(&any, &wanted, sizeof any) && !memcmp(&usual, &wanted, sizeof any));
    return 0;
}
