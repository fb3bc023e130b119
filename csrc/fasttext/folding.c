/* Folds and packs; see the header. Folding reads the whole input matrix once, as fast as memory gives it. */
#include "fasttext/folding.h"

#include "base/memory.h"
#include "base/threads.h"

#define ROWS_PER_TILE 1024

struct work {
    struct ec_fasttext_model *model;
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

static void fold_rows(struct ec_team *team, void *argument)
{
    struct work *work = argument;
    const struct ec_fasttext_model *model = work->model;
    int64_t columns = model->input.columns, classes = model->classes;
    float *row = ec_alloc_array(columns, sizeof *row);
    if (!row) {
        work->status = EC_NO_MEMORY;
    }
    for (struct ec_range rows; ec_team_next_range(team, model->input.rows, ROWS_PER_TILE, &rows);) {
        for (int64_t i = rows.begin; row && i < rows.end; i++) {
            ec_fasttext_row(row, &model->input, i);
            for (int64_t j = 0; j < classes; j++) {
                model->folded[i * classes + j] = dot(row, model->weights + j * columns, columns);
            }
        }
    }
    ec_free(row);
}

ec_status ec_fasttext_fold(struct ec_fasttext_model *model, int threads)
{
    struct work work = {.model = model, .status = EC_OK};
    model->folded = ec_alloc_scattered(model->input.rows * model->classes, sizeof *model->folded);
    if (!model->folded) {
        return EC_NO_MEMORY;
    }
    ec_parallel(threads, fold_rows, &work);
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
