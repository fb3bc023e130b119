/* The tiles and packings of gemm, product_tile, offset_tile and transpose. */
#include "check.h"

static void check_tile(int rows, int cols, int64_t depth, int accumulate)
{
    int64_t stride = cols + 3;
    const struct ec_gemm *gemm = &kernels->gemm[EC_HIGHEST];
    float *a = slot_array(0, depth * rows), *b = slot_array(1, depth * gemm->cols);
    fill_random(a, depth * rows, 1.0f, 1);
    fill_random(b, depth * gemm->cols, 1.0f, 2);
    float *out = slot_array(2, (rows - 1) * stride + cols);
    gemm->tile(out, stride, accumulate, a, b, rows, cols, depth);
    for (int64_t at = 0; at < (rows - 1) * stride + cols; at++) {
        int64_t row = at / stride, col = at % stride;
        double want = col < cols && !accumulate ? 0.0 : UNTOUCHED;
        for (int64_t k = 0; k < depth && col < cols; k++) {
            want += (double)a[k * rows + row] * (double)b[k * gemm->cols + col];
        }
        expect(col < cols ? is_near(out[at], want, 3e-7, 2e-7 * (double)depth) : out[at] == UNTOUCHED,
               "%d x %d, depth %d, accumulate %d: [%d, %d] is %g, not %g", rows, cols, (int)depth, accumulate, (int)row,
               (int)col, (double)out[at], want);
    }
}

void check_gemm(void)
{
    const struct ec_gemm *gemm = &kernels->gemm[EC_HIGHEST];
    at_kernel("gemm tile");
    expect(gemm->rows <= EC_GEMM_MAX_ROWS && gemm->cols <= EC_GEMM_MAX_COLS, "the tile is too large");
    for (int rows = 1; rows <= gemm->rows; rows++) {
        for (int cols = 1; cols <= gemm->cols; cols++) {
            check_tile(rows, cols, cols % 7, rows % 2);
        }
        check_tile(rows, gemm->cols, 37, 0);
        check_tile(rows, gemm->cols, 37, 1);
    }
}

/* Both packings of a [rows x depth] or [depth x cols] matrix: exact copies in another order. */
static void check_packing(int width, int64_t depth, int layout, int is_b)
{
    int step = layout == 2 ? 2 : 1, turned = layout == 1;
    int64_t line = ((turned ? depth : width) + 2) * step; /* lines of `width`, or turned: of `depth` */
    int64_t width_stride = turned ? line : step, depth_stride = turned ? step : line;
    int64_t in_count = width && depth ? (width - 1) * width_stride + (depth - 1) * depth_stride + 1 : 0;
    const struct ec_gemm *gemm = &kernels->gemm[EC_HIGHEST];
    int panel_width = is_b ? gemm->cols : width;
    float *in = slot_array(0, in_count), *panel = slot_array(1, depth * panel_width);
    fill_random(in, in_count, 1.0f, 3);
    if (is_b) {
        gemm->pack_b(panel, in, depth_stride, width_stride, width, depth);
    } else {
        gemm->pack_a(panel, in, width_stride, depth_stride, width, depth);
    }
    for (int64_t k = 0; k < depth; k++) {
        for (int i = 0; i < panel_width; i++) {
            float want = i < width ? in[i * width_stride + k * depth_stride] : 0.0f, got = panel[k * panel_width + i];
            expect(got == want, "width %d, depth %d, layout %d: [%d, %d] is %g, not %g", width, (int)depth, layout,
                   (int)k, i, (double)got, (double)want);
        }
    }
}

void check_pack(void)
{
    static const int64_t depths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 50};
    for (size_t depth = 0; depth < sizeof depths / sizeof *depths; depth++) {
        for (int layout = 0; layout < 3; layout++) {
            at_kernel("pack_a");
            for (int rows = 1; rows <= kernels->gemm[EC_HIGHEST].rows; rows++) {
                check_packing(rows, depths[depth], layout, 0);
            }
            at_kernel("pack_b");
            for (int cols = 1; cols <= kernels->gemm[EC_HIGHEST].cols; cols++) {
                check_packing(cols, depths[depth], layout, 1);
            }
        }
    }
}

static void check_product_tile(int rows, int cols, int64_t depth, int accumulate)
{
    int64_t stride = cols + 3, a_stride = depth + 2, b_stride = cols + 1;
    int64_t a_count = (rows - 1) * a_stride + depth, b_count = depth ? (depth - 1) * b_stride + cols : 0;
    float *a = slot_array(0, a_count), *b = slot_array(1, b_count), *out = slot_array(2, (rows - 1) * stride + cols);
    fill_random(a, a_count, 1.0f, 5);
    fill_random(b, b_count, 1.0f, 6);
    kernels->product_tile(out, stride, accumulate, a, a_stride, b, b_stride, rows, cols, depth);
    for (int64_t at = 0; at < (rows - 1) * stride + cols; at++) {
        int64_t row = at / stride, col = at % stride;
        double want = col < cols && !accumulate ? 0.0 : UNTOUCHED;
        for (int64_t k = 0; k < depth && col < cols; k++) {
            want += (double)a[row * a_stride + k] * (double)b[k * b_stride + col];
        }
        expect(col < cols ? is_near(out[at], want, 3e-7, 2e-7 * (double)depth) : out[at] == UNTOUCHED,
               "%d x %d, depth %d, accumulate %d: [%d, %d] is %g, not %g", rows, cols, (int)depth, accumulate, (int)row,
               (int)col, (double)out[at], want);
    }
}

void check_few_rows(void)
{
    at_kernel("product_tile");
    for (int rows = 1; rows <= kernels->few_rows; rows++) {
        for (int cols = 1; cols <= kernels->few_cols; cols++) {
            check_product_tile(rows, cols, cols % 7, rows % 2);
        }
        check_product_tile(rows, kernels->few_cols, 37, 1);
    }
}

static void check_one_offset_tile(int rows, int cols, int64_t depth, int accumulate)
{
    const int width = kernels->gemm[EC_HIGHEST].cols;
    int64_t stride = cols + 3, b_stride = width + cols % 5, places = 40;
    int64_t b_count = depth ? (depth - 1) * b_stride + (cols <= kernels->lanes ? kernels->lanes : width) : 0;
    float *a = slot_array(0, places + rows), *b = slot_array(1, b_count);
    float *out = slot_array(2, (rows - 1) * stride + cols);
    int32_t *offset = slot_numbers(3, depth);
    fill_random(a, places + rows, 1.0f, 5);
    fill_random(b, b_count, 1.0f, 6);
    fill_numbers(offset, depth, (int32_t)places, 7);
    kernels->offset_tile(out, stride, accumulate, a, offset, b, b_stride, rows, cols, depth);
    for (int64_t at = 0; at < (rows - 1) * stride + cols; at++) {
        int64_t row = at / stride, col = at % stride;
        double want = col < cols && !accumulate ? 0.0 : UNTOUCHED;
        for (int64_t k = 0; k < depth && col < cols; k++) {
            want += (double)a[offset[k] + row] * (double)b[k * b_stride + col];
        }
        expect(col < cols ? is_near(out[at], want, 3e-7, 2e-7 * (double)depth) : out[at] == UNTOUCHED,
               "%d x %d, depth %d, accumulate %d: [%d, %d] is %g, not %g", rows, cols, (int)depth, accumulate, (int)row,
               (int)col, (double)out[at], want);
    }
}

void check_offset_tile(void)
{
    at_kernel("offset_tile");
    for (int rows = 1; rows <= kernels->gemm[EC_HIGHEST].rows; rows++) {
        for (int cols = 1; cols <= kernels->gemm[EC_HIGHEST].cols; cols++) {
            check_one_offset_tile(rows, cols, cols % 7, rows % 2);
        }
        check_one_offset_tile(rows, kernels->gemm[EC_HIGHEST].cols, 61, 1);
    }
}

void check_transpose(void)
{
    at_kernel("transpose");
    for (int64_t rows = 0; rows < 40; rows += 1 + rows / 6) {
        for (int64_t cols = 0; cols < 40; cols += 1 + cols / 6) {
            int64_t in_stride = rows + 1, out_stride = cols + 2;
            int64_t in_count = cols ? (cols - 1) * in_stride + rows : 0;
            int64_t out_count = rows ? (rows - 1) * out_stride + cols : 0;
            float *in = slot_array(0, in_count), *out = slot_array(1, out_count);
            fill_random(in, in_count, 1.0f, 4);
            kernels->transpose(out, out_stride, in, in_stride, rows, cols);
            for (int64_t at = 0; at < out_count; at++) {
                int64_t r = at / out_stride, c = at % out_stride;
                float want = c < cols ? in[c * in_stride + r] : UNTOUCHED;
                expect(out[at] == want, "%d x %d: [%d, %d]", (int)rows, (int)cols, (int)r, (int)c);
            }
        }
    }
}
