/* Documents and labelled lines, many at once; see the header. */
#include "fasttext/predict.h"

#include "fasttext/answer.h"
#include "text/corpus.h"

struct work {
    struct ec_corpus corpus;
    const struct ec_fasttext_answers *answers;
    const struct ec_fasttext_model *model;
    enum ec_fasttext_text kind;
};

/* Documents [begin, end), at most EC_FASTTEXT_BLOCK. */
static ec_status predict_block(const struct work *work, struct ec_fasttext_worker *worker, int64_t begin, int64_t end)
{
    const struct ec_fasttext_answers *answers = work->answers;
    int64_t found[EC_FASTTEXT_BLOCK], count = 0;
    for (int64_t i = begin; i < end; i++) {
        const struct ec_document *document = &work->corpus.documents[i];
        struct ec_fasttext_line line;
        ec_status status = ec_fasttext_read(worker->reader, document->bytes, document->length, work->kind, &line);
        if (status) {
            return status;
        }
        answers->counts[i] = 0;
        if (line.count) {
            ec_fasttext_put(worker, count, &line);
            found[count++] = i;
        }
    }
    ec_fasttext_multiply(worker, count);
    ec_status status = EC_OK;
    for (int64_t place = 0; !status && place < count; place++) {
        int64_t at = found[place] * answers->k;
        status = ec_fasttext_answer(worker, place, answers->labels + at, answers->shares + at,
                                    &answers->counts[found[place]]);
    }
    return status;
}

static void predict_tiles(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    struct ec_fasttext_worker worker;
    ec_status status = ec_fasttext_worker_init(&worker, work->model, work->answers->k, work->answers->threshold);
    for (int64_t tile; (tile = ec_team_next(team, work->corpus.tile_count)) >= 0;) {
        int64_t end = work->corpus.tiles[tile + 1];
        for (int64_t begin = work->corpus.tiles[tile]; !status && begin < end; begin += EC_FASTTEXT_BLOCK) {
            status = predict_block(work, &worker, begin, ec_least(begin + EC_FASTTEXT_BLOCK, end));
        }
    }
    ec_fasttext_worker_clear(&worker);
    work->corpus.status[team->index] = status;
}

ec_status ec_fasttext_predict(const struct ec_fasttext_answers *answers, const struct ec_fasttext_model *model,
                              const struct ec_document *documents, int64_t document_count, enum ec_fasttext_text kind,
                              int threads)
{
    struct work work = {.answers = answers, .model = model, .kind = kind};
    ec_status status = ec_corpus_init(&work.corpus, NULL, documents, document_count);
    if (!status) {
        status = ec_corpus_run(&work.corpus, predict_tiles, &work, threads);
    }
    ec_corpus_clear(&work.corpus);
    return status;
}
