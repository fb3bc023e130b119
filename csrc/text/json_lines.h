/* A line of JSON → the text under one key of its object: what is read of a corpus in JSON lines. All else in the line
 * is only checked, so that a text costs little more than finding where it ends.
 *
 * What is found is what Python's json.loads finds (the last of several equal keys; NaN and Infinity are numbers). A
 * line that this file is not sure of, as it is damaged, nested deeply or holds no such text, is refused: the caller
 * asks json.loads, which knows, and says why. */
#ifndef EC_TEXT_JSON_LINES_H
#define EC_TEXT_JSON_LINES_H

#include <stdint.h>

#define EC_JSON_NAMES 16  /* keys at most */
#define EC_JSON_DEPTH 256 /* arrays and objects inside each other */

/* Bytes that somebody else owns. */
struct ec_json_bytes {
    const uint8_t *bytes;
    int64_t length;
};

/* Keys under which the text may stand; an earlier one wins. */
struct ec_json_names {
    int count;
    struct ec_json_bytes names[EC_JSON_NAMES];
};

/* A string of a line, as it stands there between its quotation marks. */
struct ec_json_text {
    struct ec_json_bytes raw;
    int escapes; /* it holds backslashes */
};

/* Whether bytes are UTF-8 as Python decodes it: none too long, no surrogates. *ascii: none is beyond ASCII. */
int ec_json_is_utf8(const uint8_t *bytes, int64_t length, int *ascii);
/* The text of a line, which is valid UTF-8 and has no line end; 0 where json.loads has to be asked. */
int ec_json_find(struct ec_json_text *found, const uint8_t *line, int64_t length, const struct ec_json_names *names);
/* Writes a string without its escapes, as UTF-8 in which a lone surrogate is three bytes; its length, not above that of
 * `raw`. */
int64_t ec_json_unescape(uint8_t *out, const struct ec_json_bytes *raw);

#endif
