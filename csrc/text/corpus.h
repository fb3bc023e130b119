/* A corpus as work for a team of threads: its documents in tiles of about 64 KiB of text, and what every thread reads
 * them with. Between the scanner, which reads one document, and the two loops over many: counting.c and encoding.c. */
#ifndef EC_TEXT_CORPUS_H
#define EC_TEXT_CORPUS_H

#include "base/status.h"
#include "base/threads.h"
#include "text/scanner.h"
#include "text/tokenizer.h"

struct ec_corpus {
    const struct ec_text_rules *rules;
    const struct ec_document *documents;
    int64_t document_count;
    int64_t *tiles; /* first document of each tile, and the end */
    int64_t tile_count;
    int64_t longest;                  /* bytes of a document */
    ec_status status[EC_MAX_THREADS]; /* of every thread */
};

/* Cuts the documents, which stay the caller's, into tiles. Clear with ec_corpus_clear, also after a failure. */
ec_status ec_corpus_init(struct ec_corpus *corpus, const struct ec_text_rules *rules,
                         const struct ec_document *documents, int64_t document_count);
void ec_corpus_clear(struct ec_corpus *corpus);
/* Runs fn on a team that is no larger than there are tiles; the first failure of its threads. */
ec_status ec_corpus_run(struct ec_corpus *corpus, ec_team_fn fn, void *argument, int threads);

/* What a thread works with: the documents' tokens, group by group. */
struct ec_reader {
    struct ec_scanner scanner;
    struct ec_token_group group;
    int32_t numbers[EC_SCAN_GROUP]; /* of the group's words */
};
struct ec_reader *ec_reader_new(const struct ec_corpus *corpus);
void ec_reader_free(struct ec_reader *reader);

#endif
