/* The loops around gemm_tile. Both operands are packed into panels by the whole team (one barrier), then the team takes
 * tiles of `out`: some row panels times some column panels, in blocks of the depth whose panels fit the second cache.
 * Two short cuts, chosen by the sizes alone: up to four rows are sums of b's rows, nothing packed; and where `out` is
 * narrower than half a vector, the transposed product is computed. Small products are one tile, without a barrier
 * between packing and computing. */
#include "matrix/product.h"

#include "kernels/kernels.h"

enum {
    DEPTH_BLOCK = 512, /* a panel of b, 64 bytes to 128 bytes times this, streams through the first cache */
    ROW_PANELS = 12,   /* in a tile at most: with a depth block up to 344 KB of packed a, in the second cache */
    COL_PANELS = 4,    /* in a tile at most */
    ENOUGH_TILES = 32, /* so many that the last one does not keep a team waiting for long */
    FEWEST_TILES = 16, /* below, rows are split further too, though then more threads read the same part of b */
    ALONE = 1 << 18,   /* multiply-adds that one thread does faster than a team can meet */
    FEW_ROWS = 4,      /* rows for which packing b costs more than it gives */
    SUM_DEPTH = 128,   /* rows of b per call of weighted_sum */
    SUM_COLS = 320,    /* columns per tile there */
    PACK_ROWS = 16,    /* rows of b that are packed for one panel after the other: their lines stay in cache */
};

struct range {
    int64_t begin, end;
};

/* Number `part` of `parts` contiguous parts of nearly equal size of `count` items, the larger ones first. */
static struct range part_of(int64_t count, int64_t parts, int64_t part)
{
    int64_t size = count / parts, longer = count % parts;
    int64_t begin = size * part + (part < longer ? part : longer);
    return (struct range){begin, begin + size + (part < longer)};
}

static int64_t ceil_div(int64_t count, int64_t size) { return (count + size - 1) / size; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

struct operand {
    const float *first;
    int64_t row_stride, col_stride;
};

static struct operand turned(struct operand x) { return (struct operand){x.first, x.col_stride, x.row_stride}; }

/* How one product is cut. Panels: of rows (of nearly equal size), of columns (all but the last full). Bands: runs of
 * panels; a tile is one row band times one column band. */
struct cut {
    const struct ec_kernels *kernels;
    const struct ec_product *product;
    int transposed; /* out^T = b^T a^T instead, by way of a small block */
    struct operand a, b;
    int64_t rows, cols, depth;
    int64_t row_panels, col_panels, depth_blocks;
    int64_t row_bands, col_bands;
    float *packed_a; /* [depth block][row panel][k][row] */
    float *packed_b; /* [depth block][column panel][k][gemm_cols], or one block of a band per thread */
};

static void cut_product(struct cut *cut, const struct ec_product *p)
{
    const struct ec_kernels *kernels = ec_kernels();
    struct operand a = {p->a, p->a_row_stride, p->a_col_stride}, b = {p->b, p->b_row_stride, p->b_col_stride};
    int transposed = p->cols <= kernels->lanes / 2 && p->cols < p->rows;
    *cut = (struct cut){
        .kernels = kernels,
        .product = p,
        .transposed = transposed,
        .a = transposed ? turned(b) : a,
        .b = transposed ? turned(a) : b,
        .rows = transposed ? p->cols : p->rows,
        .cols = transposed ? p->rows : p->cols,
        .depth = p->depth,
    };
    cut->row_panels = ceil_div(cut->rows, kernels->gemm_rows);
    cut->col_panels = ceil_div(cut->cols, kernels->gemm_cols);
    cut->depth_blocks = ceil_div(p->depth, DEPTH_BLOCK);
    cut->row_bands = ceil_div(cut->row_panels, ROW_PANELS);
    cut->col_bands = ceil_div(cut->col_panels, COL_PANELS);
    while (cut->row_bands * cut->col_bands < ENOUGH_TILES && cut->col_bands < cut->col_panels) {
        cut->col_bands = least(2 * cut->col_bands, cut->col_panels);
    }
    while (cut->row_bands * cut->col_bands < FEWEST_TILES && cut->row_bands < cut->row_panels) {
        cut->row_bands = least(2 * cut->row_bands, cut->row_panels);
    }
    cut->packed_b = p->workspace;
    cut->packed_a = p->workspace + cut->col_panels * kernels->gemm_cols * p->depth;
}

static float *panel_of_a(const struct cut *cut, struct range k, struct range rows)
{
    return cut->packed_a + k.begin * cut->rows + rows.begin * (k.end - k.begin);
}

/* The first of some column panels in a depth block. */
static float *panel_of_b(const struct cut *cut, struct range k, int64_t panel)
{
    return cut->packed_b + cut->kernels->gemm_cols * (k.begin * cut->col_panels + panel * (k.end - k.begin));
}

static void pack_row_panel(const struct cut *cut, int64_t panel)
{
    struct range rows = part_of(cut->rows, cut->row_panels, panel);
    for (int64_t block = 0; block < cut->depth_blocks; block++) {
        struct range k = part_of(cut->depth, cut->depth_blocks, block);
        const float *first = cut->a.first + rows.begin * cut->a.row_stride + k.begin * cut->a.col_stride;
        cut->kernels->pack_a(panel_of_a(cut, k, rows), first, cut->a.row_stride, cut->a.col_stride,
                             (int)(rows.end - rows.begin), k.end - k.begin);
    }
}

/* Packs a band of column panels of one depth block, one panel behind the other. */
static void pack_col_panels(const struct cut *cut, float *packed, struct range k, struct range panels)
{
    int64_t width = cut->kernels->gemm_cols, depth = k.end - k.begin;
    int64_t step = cut->b.col_stride == 1 ? PACK_ROWS : depth;
    for (int64_t row = k.begin; row < k.end; row += step) {
        for (int64_t panel = panels.begin; panel < panels.end; panel++) {
            const float *first = cut->b.first + row * cut->b.row_stride + panel * width * cut->b.col_stride;
            cut->kernels->pack_b(packed + ((panel - panels.begin) * depth + row - k.begin) * width, first,
                                 cut->b.row_stride, cut->b.col_stride, (int)least(width, cut->cols - panel * width),
                                 least(step, k.end - row));
        }
    }
}

static void pack_col_band(const struct cut *cut, int64_t band)
{
    struct range panels = part_of(cut->col_panels, cut->col_bands, band);
    for (int64_t block = 0; block < cut->depth_blocks; block++) {
        struct range k = part_of(cut->depth, cut->depth_blocks, block);
        pack_col_panels(cut, panel_of_b(cut, k, panels.begin), k, panels);
    }
}

/* One register tile over the whole depth of a transposed product, turned back on its way to `out`. */
static void compute_transposed(const struct cut *cut, struct range rows, int64_t col_panel)
{
    const struct ec_product *p = cut->product;
    float block[EC_GEMM_MAX_ROWS * EC_GEMM_MAX_COLS];
    int64_t width = cut->kernels->gemm_cols, col = col_panel * width, cols = least(width, cut->cols - col);
    for (int64_t number = 0; number < cut->depth_blocks; number++) {
        struct range k = part_of(cut->depth, cut->depth_blocks, number);
        cut->kernels->gemm_tile(block, width, number > 0, panel_of_a(cut, k, rows), panel_of_b(cut, k, col_panel),
                                (int)(rows.end - rows.begin), (int)cols, k.end - k.begin);
    }
    for (int64_t c = 0; c < cols; c++) {
        float *out = p->out + (col + c) * p->out_stride + rows.begin;
        for (int64_t r = 0; r < rows.end - rows.begin; r++) {
            out[r] = p->accumulate ? out[r] + block[r * width + c] : block[r * width + c];
        }
    }
}

/* The panels of one tile in one depth block: a panel of b stays in the first cache for all panels of a. */
static void compute_panels(const struct cut *cut, int64_t block, const float *packed_b, struct range row_panels,
                           struct range col_panels)
{
    const struct ec_product *p = cut->product;
    struct range k = part_of(cut->depth, cut->depth_blocks, block);
    int64_t width = cut->kernels->gemm_cols;
    for (int64_t col_panel = col_panels.begin; col_panel < col_panels.end; col_panel++) {
        int cols = (int)least(width, cut->cols - col_panel * width);
        for (int64_t row_panel = row_panels.begin; row_panel < row_panels.end; row_panel++) {
            struct range rows = part_of(cut->rows, cut->row_panels, row_panel);
            cut->kernels->gemm_tile(p->out + rows.begin * p->out_stride + col_panel * width, p->out_stride,
                                    p->accumulate || block > 0, panel_of_a(cut, k, rows), packed_b,
                                    (int)(rows.end - rows.begin), cols, k.end - k.begin);
        }
        packed_b += width * (k.end - k.begin);
    }
}

/* Where nobody else needs the same part of b, it is packed right before it is used, always in the same place. */
static int packs_own_b(const struct cut *cut) { return cut->row_bands == 1 && !cut->transposed; }

static float *own_place(const struct cut *cut, const struct ec_team *team, int64_t col_band)
{
    int64_t largest = ceil_div(cut->col_panels, cut->col_bands);
    int64_t panel = part_of(cut->col_panels, cut->col_bands, col_band).begin;
    panel = team->size * largest <= cut->col_panels ? team->index * largest : panel;
    return cut->packed_b + panel * cut->kernels->gemm_cols * cut->depth;
}

static void compute_tile(const struct cut *cut, const struct ec_team *team, int64_t row_band, int64_t col_band)
{
    struct range row_panels = part_of(cut->row_panels, cut->row_bands, row_band);
    struct range col_panels = part_of(cut->col_panels, cut->col_bands, col_band);
    if (cut->transposed) {
        for (int64_t col_panel = col_panels.begin; col_panel < col_panels.end; col_panel++) {
            for (int64_t row_panel = row_panels.begin; row_panel < row_panels.end; row_panel++) {
                compute_transposed(cut, part_of(cut->rows, cut->row_panels, row_panel), col_panel);
            }
        }
        return;
    }
    for (int64_t block = 0; block < cut->depth_blocks; block++) {
        struct range k = part_of(cut->depth, cut->depth_blocks, block);
        float *packed_b = panel_of_b(cut, k, col_panels.begin);
        if (packs_own_b(cut)) {
            packed_b = own_place(cut, team, col_band);
            pack_col_panels(cut, packed_b, k, col_panels);
        }
        compute_panels(cut, block, packed_b, row_panels, col_panels);
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
    for (int64_t k = 0; k < p->depth; k += SUM_DEPTH) {
        int64_t count = least(SUM_DEPTH, p->depth - k);
        for (int64_t row = 0; row < p->rows; row++) {
            for (int64_t i = 0; i < count; i++) {
                weight[i] = p->a[row * p->a_row_stride + (k + i) * p->a_col_stride];
            }
            ec_kernels()->weighted_sum(p->out + row * p->out_stride + col, p->accumulate || k > 0,
                                       p->b + k * p->b_row_stride + col, p->b_row_stride, index, weight, count, cols);
        }
    }
}

static void fill_zeros(struct ec_team *team, const struct ec_product *p)
{
    for (int64_t row; (row = ec_team_next(team, p->rows)) >= 0;) {
        ec_kernels()->fill(p->out + row * p->out_stride, 0.0f, p->cols);
    }
}

static void pack_item(const struct cut *cut, int64_t item, int64_t bands)
{
    if (item < bands) {
        pack_col_band(cut, item);
    } else {
        pack_row_panel(cut, item - bands);
    }
}

static void run_alone(const struct cut *cut, const struct ec_team *team)
{
    int64_t bands = packs_own_b(cut) ? 0 : cut->col_bands;
    for (int64_t item = 0; item < bands + cut->row_panels; item++) {
        pack_item(cut, item, bands);
    }
    for (int64_t tile = 0; tile < cut->row_bands * cut->col_bands; tile++) {
        compute_tile(cut, team, tile / cut->col_bands, tile % cut->col_bands);
    }
}

static void run_together(const struct cut *cut, struct ec_team *team)
{
    int64_t bands = packs_own_b(cut) ? 0 : cut->col_bands;
    for (int64_t item; (item = ec_team_next(team, bands + cut->row_panels)) >= 0;) {
        pack_item(cut, item, bands);
    }
    ec_team_barrier(team);
    for (int64_t tile; (tile = ec_team_next(team, cut->row_bands * cut->col_bands)) >= 0;) {
        compute_tile(cut, team, tile / cut->col_bands, tile % cut->col_bands);
    }
}

void ec_product_run(struct ec_team *team, const struct ec_product *product)
{
    const struct ec_product *p = product;
    if (p->rows > 0 && p->cols > 0 && p->depth > 0) {
        if (p->rows <= FEW_ROWS && p->b_col_stride == 1) {
            for (int64_t tile; (tile = ec_team_next(team, ceil_div(p->cols, SUM_COLS))) >= 0;) {
                compute_sums(p, tile * SUM_COLS, least(SUM_COLS, p->cols - tile * SUM_COLS));
            }
        } else {
            struct cut cut;
            cut_product(&cut, p);
            if (p->rows * p->cols <= ALONE / p->depth) {
                for (int64_t tile; (tile = ec_team_next(team, 1)) >= 0;) {
                    run_alone(&cut, team);
                }
            } else {
                run_together(&cut, team);
            }
        }
    } else if (!p->accumulate && p->rows > 0 && p->cols > 0) {
        fill_zeros(team, p);
    }
    ec_team_barrier(team);
}

int64_t ec_product_workspace(int64_t rows, int64_t cols, int64_t depth)
{
    /* Either operand may be the one whose width is rounded up. Computed so that nothing overflows. */
    const int64_t limit = INT64_MAX / 4 / (int64_t)sizeof(float);
    if (rows > limit || cols > limit) {
        return -1;
    }
    int64_t width =
        ceil_div(rows, EC_GEMM_MAX_COLS) * EC_GEMM_MAX_COLS + ceil_div(cols, EC_GEMM_MAX_COLS) * EC_GEMM_MAX_COLS;
    return depth > 0 && width > limit / depth ? -1 : width * depth;
}
