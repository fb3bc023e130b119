/* Sizes and checks of windows over images, once when a program is built: images have one size. */
#include "ops/windows_2d.h"

enum {
    LARGEST = 1 << 20 /* stride or dilation: what a window reaches over stays far below 2^63 */
};

static ec_status check_settings(const struct ec_windows_2d *windows, const struct ec_op *op, struct ec_report *report)
{
    const struct ec_windows *rows = &windows->rows, *cols = &windows->cols;
    if (ec_least(ec_least(rows->strides, cols->strides), ec_least(rows->dilation, cols->dilation)) < 1 ||
        ec_most(ec_most(rows->strides, cols->strides), ec_most(rows->dilation, cols->dilation)) > LARGEST) {
        return ec_refuse(report, "%s: strides = (%lld, %lld), dilation_rate = (%lld, %lld); all must be in [1, 2**20]",
                         op->type->name, (long long)rows->strides, (long long)cols->strides, (long long)rows->dilation,
                         (long long)cols->dilation);
    }
    if ((rows->strides > 1 || cols->strides > 1) && (rows->dilation > 1 || cols->dilation > 1)) {
        return ec_refuse(report, "%s: strides = (%lld, %lld), dilation_rate = (%lld, %lld); one of both must be 1",
                         op->type->name, (long long)rows->strides, (long long)cols->strides, (long long)rows->dilation,
                         (long long)cols->dilation);
    }
    return EC_OK;
}

ec_status ec_windows_2d_infer(struct ec_windows_2d *windows, struct ec_op *op, int64_t size_rows, int64_t size_cols,
                              int64_t channels, struct ec_report *report)
{
    const int64_t *dims = op->inputs[0]->dims;
    windows->height = dims[0];
    windows->width = dims[1];
    windows->channels = dims[2];
    windows->rows.size = size_rows;
    windows->cols.size = size_cols;
    windows->cols.padding = windows->rows.padding;
    ec_status status = check_settings(windows, op, report);
    if (status != EC_OK) {
        return status;
    }
    windows->out_height = ec_windows_count(&windows->rows, windows->height, 0);
    windows->out_width = ec_windows_count(&windows->cols, windows->width, 0);
    if (windows->out_height < 1 || windows->out_width < 1) {
        return ec_refuse(report,
                         "%s: images of %lld x %lld are smaller than a window, which reaches over %lld x %lld; with "
                         "padding='valid' they must be as large",
                         op->type->name, (long long)windows->height, (long long)windows->width,
                         (long long)ec_windows_reach(&windows->rows), (long long)ec_windows_reach(&windows->cols));
    }
    windows->top = ec_windows_lead(&windows->rows, windows->height);
    windows->left = ec_windows_lead(&windows->cols, windows->width);
    const int64_t out[] = {windows->out_height, windows->out_width, channels};
    ec_tensor_set_shape(op->outputs[0], EC_NO_STEPS, 3, out);
    return EC_OK;
}
