/* The loops around the gemm kernels. Both operands are packed into panels by the whole team (one barrier), then the
 * team takes tiles of `out`: some row panels times some column panels, in blocks of the depth whose panels fit the
 * second cache. Two short cuts, chosen by the sizes alone: up to four rows are sums of b's rows, nothing packed; and
 * where `out` is narrower than half a vector, the transposed product is computed. Small products are one tile, without
 * a barrier between packing and computing. */
#include "matrix/product.h"

#include "kernels/kernels.h"

enum {
    ROW_PANELS = 12,   /* in a tile at most: with a depth block up to 344 KB of packed a, in the second cache */
    COL_PANELS = 4,    /* in a tile at most */
    ENOUGH_TILES = 32, /* so many that the last one does not keep a team waiting for long */
    FEWEST_TILES = 16, /* below, rows are split further too, though then more threads read the same part of b */
    ALONE = 1 << 18,   /* multiply-adds that one thread does faster than a team can meet */
    FEW_ROWS = 4,      /* rows for which packing b costs more than it gives */
    SUM_DEPTH = 128,   /* rows of b per call of weighted_sum */
    SUM_COLS = 320,    /* columns per tile there */
};

/* How one product is cut: tiles are one row band times one column band, bands are runs of panels. */
struct cut {
    const struct ec_product *product;
    int transposed;        /* out^T = b^T a^T instead, by way of a small block */
    struct ec_matrix a, b; /* as lines (rows of a, columns of b) over the depth */
    struct ec_panels rows, cols;
    int64_t row_bands, col_bands;
};

static void cut_product(struct cut *cut, const struct ec_product *p)
{
    int transposed = p->b.cols <= ec_kernels()->lanes / 2 && p->b.cols < p->a.rows && !p->packed_b;
    *cut = (struct cut){
        .product = p,
        .transposed = transposed,
        .a = transposed ? ec_transposed(p->b) : p->a,
        .b = transposed ? p->a : ec_transposed(p->b),
    };
    ec_panels_init(&cut->rows, EC_ROWS_OF_A, cut->a.rows, cut->a.cols, p->precision);
    ec_panels_init(&cut->cols, EC_COLS_OF_B, cut->b.rows, cut->b.cols, p->precision);
    cut->row_bands = ec_ceil_div(cut->rows.count, ROW_PANELS);
    cut->col_bands = ec_ceil_div(cut->cols.count, COL_PANELS);
    while (cut->row_bands * cut->col_bands < ENOUGH_TILES && cut->col_bands < cut->cols.count) {
        cut->col_bands = ec_least(2 * cut->col_bands, cut->cols.count);
    }
    while (cut->row_bands * cut->col_bands < FEWEST_TILES && cut->row_bands < cut->rows.count) {
        cut->row_bands = ec_least(2 * cut->row_bands, cut->rows.count);
    }
    cut->cols.values = p->packed_b ? p->packed_b->values : p->workspace;
    cut->rows.values = p->workspace + (p->packed_b ? 0 : ec_panels_floats(&cut->cols));
}

/* One register tile over the whole depth of a transposed product, turned back on its way to `out`. */
static void compute_transposed(const struct cut *cut, int64_t row_panel, int64_t col_panel)
{
    const struct ec_product *p = cut->product;
    float block[EC_GEMM_MAX_ROWS * EC_GEMM_MAX_COLS];
    int64_t row = ec_panels_line(&cut->rows, row_panel), rows = ec_panels_line(&cut->rows, row_panel + 1) - row;
    int64_t col = ec_panels_line(&cut->cols, col_panel), cols = ec_panels_line(&cut->cols, col_panel + 1) - col;
    const int64_t width = EC_GEMM_MAX_COLS;
    ec_panels_multiply(block, width, 0, &cut->rows, row_panel, row_panel + 1, &cut->cols, col_panel, col_panel + 1);
    for (int64_t c = 0; c < cols; c++) {
        float *out = p->out + (col + c) * p->out_stride + row;
        for (int64_t r = 0; r < rows; r++) {
            out[r] = p->accumulate ? out[r] + block[r * width + c] : block[r * width + c];
        }
    }
}

/* Where nobody else needs the same part of b, it is packed right before it is used, always in the same place. */
static int packs_own_b(const struct cut *cut)
{
    return cut->row_bands == 1 && !cut->transposed && !cut->product->packed_b;
}

static float *own_place(const struct cut *cut, const struct ec_team *team, int64_t col_band)
{
    int64_t largest = ec_ceil_div(cut->cols.count, cut->col_bands);
    int64_t panel = ec_range_part(cut->cols.count, cut->col_bands, col_band).begin;
    panel = team->size * largest <= cut->cols.count ? team->index * largest : panel;
    return cut->cols.values + ec_panels_floats(&cut->cols) / cut->cols.count * panel;
}

static void compute_tile(const struct cut *cut, const struct ec_team *team, int64_t row_band, int64_t col_band)
{
    const struct ec_product *p = cut->product;
    struct ec_range rows = ec_range_part(cut->rows.count, cut->row_bands, row_band);
    struct ec_range cols = ec_range_part(cut->cols.count, cut->col_bands, col_band);
    if (cut->transposed) {
        for (int64_t col_panel = cols.begin; col_panel < cols.end; col_panel++) {
            for (int64_t row_panel = rows.begin; row_panel < rows.end; row_panel++) {
                compute_transposed(cut, row_panel, col_panel);
            }
        }
        return;
    }
    float *out =
        p->out + ec_panels_line(&cut->rows, rows.begin) * p->out_stride + ec_panels_line(&cut->cols, cols.begin);
    if (!packs_own_b(cut)) {
        ec_panels_multiply(out, p->out_stride, p->accumulate, &cut->rows, rows.begin, rows.end, &cut->cols, cols.begin,
                           cols.end);
        return;
    }
    float *place = own_place(cut, team, col_band);
    for (int64_t block = 0; block < cut->cols.depth_blocks; block++) {
        ec_panels_pack_block(&cut->cols, place, cut->b.values, cut->b.row_stride, cut->b.col_stride, block, cols.begin,
                             cols.end);
        ec_panels_multiply_block(out, p->out_stride, p->accumulate, &cut->rows, rows.begin, rows.end, &cut->cols, place,
                                 cols.begin, cols.end, block);
    }
}

/* Columns [col, col + cols) of all rows as weighted sums of b's rows. */
static void compute_sums(const struct ec_product *p, int64_t col, int64_t cols)
{
    float weight[SUM_DEPTH];
    int32_t index[SUM_DEPTH];
    for (int32_t k = 0; k < SUM_DEPTH; k++) {
        index[k] = k;
    }
    for (int64_t k = 0; k < p->a.cols; k += SUM_DEPTH) {
        int64_t count = ec_least(SUM_DEPTH, p->a.cols - k);
        for (int64_t row = 0; row < p->a.rows; row++) {
            for (int64_t i = 0; i < count; i++) {
                weight[i] = p->a.values[row * p->a.row_stride + (k + i) * p->a.col_stride];
            }
            ec_kernels()->weighted_sum(p->out + row * p->out_stride + col, p->accumulate || k > 0,
                                       p->b.values + k * p->b.row_stride + col, p->b.row_stride, index, weight, count,
                                       cols);
        }
    }
}

static void fill_zeros(struct ec_team *team, const struct ec_product *p)
{
    for (int64_t row; (row = ec_team_next(team, p->a.rows)) >= 0;) {
        ec_kernels()->fill(p->out + row * p->out_stride, 0.0f, p->b.cols);
    }
}

/* Column bands that are packed before any tile is computed. */
static int64_t bands_to_pack(const struct cut *cut)
{
    return packs_own_b(cut) || cut->product->packed_b ? 0 : cut->col_bands;
}

/* Item number `item`: first the column bands, then the row panels. */
static void pack_item(const struct cut *cut, int64_t item)
{
    int64_t bands = bands_to_pack(cut), panel = item - bands;
    if (item < bands) {
        struct ec_range band = ec_range_part(cut->cols.count, cut->col_bands, item);
        ec_panels_pack(&cut->cols, cut->b.values, cut->b.row_stride, cut->b.col_stride, band.begin, band.end);
    } else {
        ec_panels_pack(&cut->rows, cut->a.values, cut->a.row_stride, cut->a.col_stride, panel, panel + 1);
    }
}

static void run_alone(const struct cut *cut, const struct ec_team *team)
{
    for (int64_t item = 0; item < bands_to_pack(cut) + cut->rows.count; item++) {
        pack_item(cut, item);
    }
    for (int64_t tile = 0; tile < cut->row_bands * cut->col_bands; tile++) {
        compute_tile(cut, team, tile / cut->col_bands, tile % cut->col_bands);
    }
}

static void run_together(const struct cut *cut, struct ec_team *team)
{
    for (int64_t item; (item = ec_team_next(team, bands_to_pack(cut) + cut->rows.count)) >= 0;) {
        pack_item(cut, item);
    }
    ec_team_barrier(team);
    for (int64_t tile; (tile = ec_team_next(team, cut->row_bands * cut->col_bands)) >= 0;) {
        compute_tile(cut, team, tile / cut->col_bands, tile % cut->col_bands);
    }
}

void ec_product_run(struct ec_team *team, const struct ec_product *product)
{
    const struct ec_product *p = product;
    if (p->a.rows > 0 && p->b.cols > 0 && p->a.cols > 0) {
        if (p->a.rows <= FEW_ROWS && p->b.col_stride == 1 && !p->packed_b) {
            for (struct ec_range cols; ec_team_next_range(team, p->b.cols, SUM_COLS, &cols);) {
                compute_sums(p, cols.begin, cols.end - cols.begin);
            }
        } else {
            struct cut cut;
            cut_product(&cut, p);
            if (p->a.rows * p->b.cols <= ALONE / p->a.cols) {
                for (int64_t tile; (tile = ec_team_next(team, 1)) >= 0;) {
                    run_alone(&cut, team);
                }
            } else {
                run_together(&cut, team);
            }
        }
    } else if (!p->accumulate && p->a.rows > 0 && p->b.cols > 0) {
        fill_zeros(team, p);
    }
    ec_team_barrier(team);
}

void ec_product_run_adding(struct ec_team *team, const struct ec_product *product, int accumulate)
{
    struct ec_product p = *product;
    p.accumulate = accumulate;
    ec_product_run(team, &p);
}

int64_t ec_product_workspace(const struct ec_product *product)
{
    const struct ec_product *p = product;
    int64_t largest = 0;
    for (int transposed = 0; p->a.cols > 0 && transposed < 2; transposed++) {
        struct ec_panels rows, cols;
        ec_panels_init(&rows, EC_ROWS_OF_A, transposed ? p->b.cols : p->a.rows, p->a.cols, p->precision);
        ec_panels_init(&cols, EC_COLS_OF_B, transposed ? p->a.rows : p->b.cols, p->a.cols, p->precision);
        int64_t of_rows = ec_panels_floats(&rows), of_cols = p->packed_b ? 0 : ec_panels_floats(&cols);
        if (of_rows < 0 || of_cols < 0) {
            return -1;
        }
        largest = ec_most(largest, of_rows + of_cols);
    }
    return largest;
}
