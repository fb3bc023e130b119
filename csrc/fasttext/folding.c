/* Folds and packs; see the header. Folding reads the whole input matrix once, as fast as memory gives it. */
#include "fasttext/folding.h"

#include "base/memory.h"
#include "base/range.h"
#include "base/threads.h"

#define ROWS_PER_TILE 1024

struct work {
    struct ec_fasttext_model *model;
    float *folding;
    _Atomic int status;
};

static float dot(const float *a, const float *b, int64_t n)
{
    float sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int lane = 0; lane < 8; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (; i < n; i++) {
        sums[0] += a[i] * b[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* Whether a row's floats are differences with label 0. */
static int has_differences(const struct ec_fasttext_model *model)
{
    return model->settings.loss == EC_FASTTEXT_SOFTMAX && model->classes > 1;
}

int64_t ec_fasttext_folded_columns(const struct ec_fasttext_model *model)
{
    return ec_most(1, model->classes - (has_differences(model) || model->tree));
}

void ec_fasttext_unfolding(float *out, const struct ec_fasttext_model *model)
{
    int64_t columns = ec_fasttext_folded_columns(model), first = has_differences(model);
    for (int64_t label = 0; label < model->classes; label++) {
        for (int64_t j = 0; j < columns; j++) {
            out[label * columns + j] = label == j + first;
        }
    }
}

/* [columns, floats of a row]: what a row is multiplied by. */
static float *folding_of(const struct ec_fasttext_model *model)
{
    int64_t width = model->input.columns, columns = ec_fasttext_folded_columns(model), first = has_differences(model);
    float *folding = ec_alloc_array(columns * width, sizeof *folding);
    for (int64_t i = 0; folding && i < columns * width; i++) {
        folding[i] = model->weights[first * width + i] - (first ? model->weights[i % width] : 0);
    }
    return folding;
}

static void fold_rows(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_fasttext_model *model = work->model;
    int64_t width = model->input.columns, columns = ec_fasttext_folded_columns(model);
    float *row = ec_alloc_array(width, sizeof *row);
    if (!row) {
        work->status = EC_NO_MEMORY;
    }
    for (struct ec_range rows; ec_team_next_range(team, model->input.rows, ROWS_PER_TILE, &rows);) {
        for (int64_t i = rows.begin; row && i < rows.end; i++) {
            ec_fasttext_row(row, &model->input, i);
            for (int64_t j = 0; j < columns; j++) {
                model->folded[i * columns + j] = dot(row, work->folding + j * width, width);
            }
        }
    }
    ec_free(row);
}

ec_status ec_fasttext_fold(struct ec_fasttext_model *model, int threads)
{
    struct work work = {.model = model, .folding = folding_of(model), .status = EC_OK};
    model->folded = ec_alloc_scattered(model->input.rows * ec_fasttext_folded_columns(model), sizeof *model->folded);
    if (!model->folded || !work.folding) {
        ec_free(work.folding);
        return EC_NO_MEMORY;
    }
    ec_parallel(threads, fold_rows, &work);
    ec_free(work.folding);
    return (ec_status)work.status;
}

ec_status ec_fasttext_pack(struct ec_fasttext_model *model)
{
    struct ec_panels *panels = &model->panels;
    int64_t columns = model->output.columns;
    ec_panels_init(panels, EC_COLS_OF_B, model->classes, columns, EC_HIGHEST);
    panels->values = ec_alloc_array(ec_panels_floats(panels), sizeof *panels->values);
    if (!panels->values) {
        return EC_NO_MEMORY;
    }
    ec_panels_pack(panels, model->weights, columns, 1, 0, panels->count);
    return EC_OK;
}
