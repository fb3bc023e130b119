/* Reads a fastText model and checks that its parts fit each other; see the header. */
#include "fasttext/model.h"

#include "base/memory.h"
#include "fasttext/folding.h"
#include "fasttext/tree.h"

#include <string.h>

#define LONGEST_NGRAM 1024 /* words or characters; more in a file is damage */

static ec_status ends_early(struct ec_report *report, const char *what)
{
    ec_refuse(report, "it ends within %s", what);
    return EC_BAD_FORMAT;
}

static ec_status check_settings(const struct ec_fasttext_settings *settings, struct ec_report *report)
{
    int some = settings->word_ngrams > 1 || settings->maxn > 0;
    const char *wrong = NULL;
    long long value = 0;
    if (settings->version != 11 && settings->version != EC_FASTTEXT_VERSION) {
        wrong = "version is %lld; 11 and 12 are read", value = settings->version;
    } else if (settings->dim < 1 || settings->dim > EC_FASTTEXT_WIDEST) {
        wrong = "dim is %lld; expected 1 to 65536", value = settings->dim;
    } else if (settings->loss < EC_FASTTEXT_HIERARCHICAL || settings->loss > EC_FASTTEXT_ONE_VS_ALL) {
        wrong = "loss is number %lld; expected 1 (hs) to 4 (ova)", value = settings->loss;
    } else if (settings->model < EC_FASTTEXT_CBOW || settings->model > EC_FASTTEXT_SUPERVISED) {
        wrong = "model is number %lld; expected 1 (cbow) to 3 (supervised)", value = settings->model;
    } else if (settings->bucket < 0 || (some && !settings->bucket)) {
        wrong = "bucket is %lld; expected at least 1 where there are n-grams", value = settings->bucket;
    } else if (settings->word_ngrams > LONGEST_NGRAM) {
        wrong = "wordNgrams is %lld; expected at most 1024", value = settings->word_ngrams;
    } else if (settings->maxn > LONGEST_NGRAM) {
        wrong = "maxn is %lld; expected at most 1024", value = settings->maxn;
    }
    if (wrong) {
        ec_refuse(report, wrong, value);
        return EC_BAD_FORMAT;
    }
    return EC_OK;
}

ec_status ec_fasttext_model_head(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes,
                                 const uint8_t *label, int64_t label_length, int64_t *used, struct ec_report *report)
{
    struct ec_fasttext_settings *settings = &model->settings;
    int32_t fields[14];
    memset(model, 0, sizeof *model);
    if (bytes < 4) {
        return ends_early(report, "the settings");
    }
    memcpy(fields, data, 4);
    if (fields[0] != EC_FASTTEXT_MAGIC) {
        ec_refuse(report, "no fastText model: it starts with other bytes than ba 16 4f 2f");
        return EC_BAD_FORMAT;
    }
    if (bytes < EC_FASTTEXT_HEAD) {
        return ends_early(report, "the settings");
    }
    memcpy(fields, data, sizeof fields);
    memcpy(&settings->version, fields + 1, 13 * sizeof *fields);
    memcpy(&settings->t, data + sizeof fields, sizeof settings->t);
    ec_status status = check_settings(settings, report);
    if (status) {
        return status;
    }
    if (settings->version == 11 && settings->model == EC_FASTTEXT_SUPERVISED) {
        settings->maxn = 0; /* such models had no n-grams of characters, whatever their settings say */
    }
    status = ec_fasttext_dictionary_init(&model->dictionary, data + EC_FASTTEXT_HEAD, bytes - EC_FASTTEXT_HEAD, used,
                                         report);
    *used += EC_FASTTEXT_HEAD;
    if (!status && settings->word_ngrams > 1) {
        status = ec_fasttext_dictionary_hash(&model->dictionary);
    }
    model->rules = (struct ec_fasttext_rules){.dictionary = &model->dictionary,
                                              .shortest = settings->minn,
                                              .longest = settings->maxn,
                                              .word_ngrams = settings->word_ngrams,
                                              .buckets = settings->bucket,
                                              .label = label,
                                              .label_length = label_length};
    return status;
}

static ec_status read_matrix(struct ec_fasttext_matrix *matrix, int *quantised, int may_be, const uint8_t *data,
                             int64_t bytes, int64_t *used, struct ec_report *report)
{
    if (bytes < 1) {
        return ends_early(report, "a matrix");
    }
    *quantised = data[0] != 0 && may_be;
    ec_status status = ec_fasttext_matrix_init(matrix, data + 1, bytes - 1, *quantised, used, report);
    *used += 1;
    return status;
}

ec_status ec_fasttext_model_input(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes, int64_t *used,
                                  struct ec_report *report)
{
    return read_matrix(&model->input, &model->input_quantised, 1, data, bytes, used, report);
}

/* fastText ignores that the output is said to be quantised where the input is not. */
ec_status ec_fasttext_model_output(struct ec_fasttext_model *model, const uint8_t *data, int64_t bytes, int64_t *used,
                                   struct ec_report *report)
{
    return read_matrix(&model->output, &model->output_quantised, model->input_quantised, data, bytes, used, report);
}

static ec_status check_sizes(const struct ec_fasttext_model *model, struct ec_report *report)
{
    const struct ec_fasttext_settings *settings = &model->settings;
    const struct ec_fasttext_dictionary *dictionary = &model->dictionary;
    int some = settings->word_ngrams > 1 || settings->maxn > 0;
    int supervised = settings->model == EC_FASTTEXT_SUPERVISED;
    int64_t kept = dictionary->kept_count, needed = dictionary->word_count;
    int64_t outputs = supervised ? dictionary->label_count : dictionary->word_count;
    needed += kept >= 0 ? kept : some ? settings->bucket : 0;
    if (kept >= 0 && !model->input_quantised) {
        ec_refuse(report, "a cut-off model must be quantised; this one is not");
    } else if (model->input.columns != settings->dim || model->input.rows < needed) {
        ec_refuse(report, "its input matrix is %lld x %lld; its dictionary needs %lld x %d",
                  (long long)model->input.rows, (long long)model->input.columns, (long long)needed, (int)settings->dim);
    } else if (model->output.columns != settings->dim || model->output.rows != outputs) {
        ec_refuse(report, "its output matrix is %lld x %lld; its dictionary needs %lld x %d",
                  (long long)model->output.rows, (long long)model->output.columns, (long long)outputs,
                  (int)settings->dim);
    } else {
        return EC_OK;
    }
    return EC_BAD_FORMAT;
}

ec_status ec_fasttext_model_end(struct ec_fasttext_model *model, int folds, int threads, struct ec_report *report)
{
    ec_status status = check_sizes(model, report);
    if (status || model->settings.model != EC_FASTTEXT_SUPERVISED || !model->output.rows) {
        return status;
    }
    model->classes = model->output.rows;
    model->weights = ec_alloc_array(model->classes * model->output.columns, sizeof *model->weights);
    if (!model->weights) {
        return EC_NO_MEMORY;
    }
    for (int64_t row = 0; row < model->classes; row++) {
        ec_fasttext_row(model->weights + row * model->output.columns, &model->output, row);
    }
    if (model->settings.loss == EC_FASTTEXT_HIERARCHICAL) {
        status = ec_fasttext_tree(&model->tree, &model->dictionary, report);
    }
    if (!status && folds) {
        status = ec_fasttext_fold(model, threads);
    } else if (!status && !model->tree) {
        status = ec_fasttext_pack(model);
    }
    return status;
}

void ec_fasttext_model_clear(struct ec_fasttext_model *model)
{
    ec_fasttext_dictionary_clear(&model->dictionary);
    ec_fasttext_matrix_clear(&model->input);
    ec_fasttext_matrix_clear(&model->output);
    ec_free(model->weights);
    ec_free(model->panels.values);
    ec_free(model->folded);
    ec_free(model->tree);
    memset(model, 0, sizeof *model);
}
