/* Texts on their way into the core: borrowed from a Python sequence of str (or lists of str) while the lock (GIL) is
 * held, readable without it until they are released. */
#ifndef EC_PYTHON_DOCUMENTS_H
#define EC_PYTHON_DOCUMENTS_H

#include "python/module.h"

#include "text/tokenizer.h"

/* How a TextRules object lower-cases. */
enum ec_python_lower {
    EC_LOWER_NONE,
    EC_LOWER_ASCII,  /* A to Z only, as TensorFlow's string operations do */
    EC_LOWER_UNICODE /* exactly str.lower() */
};

struct ec_python_documents {
    struct ec_document *documents;
    int64_t count;
    PyObject **owners; /* what keeps the bytes alive; NULL where the document owns a block of its own */
};

/* Collects the items of `texts`, any sequence, of which the first is called number `first` in messages: 1, or -1 with
 * an exception set, or 0 without one where a list holds something else than str, which the caller has to treat in
 * Python. Release after 1 only. */
int ec_python_documents_collect(struct ec_python_documents *out, PyObject *texts, int64_t first,
                                enum ec_python_lower lower);
void ec_python_documents_release(struct ec_python_documents *documents);

/* lower[c] for every code point that has a lower case, from Python's own character data; NULL with an exception set.
 * Made once and never freed. str.lower() differs for two code points: U+03A3 (context) and U+0130 (two code points);
 * collecting treats texts that hold one of them. */
const uint32_t *ec_python_lower_table(int64_t *count);

#endif
