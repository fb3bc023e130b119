/* The convolution of matrix/convolution.h: three products over overlapping windows; or, backward, sums of few windows.
 */
#include "matrix/convolution.h"

#include "kernels/kernels.h"

enum {
    FEWEST_CHANNELS = 16, /* below, a product costs no more than adding up what rows share */
    SPARSE = 16 /* d_out is sparse where at most one of so many values is not zero: sums of windows are slower than
                   products value by value, but less than that */
};

static int64_t windows(const struct ec_convolution *c) { return c->steps - c->taps + 1; }

/* The rows of x [B T, C] as overlapping windows [B T - K + 1, K C]. */
static struct ec_matrix windows_of_x(const struct ec_convolution *c)
{
    return ec_matrix(c->x, c->batch * c->steps - c->taps + 1, c->taps * c->channels, c->channels);
}

/* Takes the workspace of a product; 0 where there is none to be had. */
static int take_workspace(struct ec_product *product, struct ec_arena *arena)
{
    product->workspace = ec_arena_take(arena, ec_product_workspace(product), sizeof(float));
    return product->workspace != NULL;
}

/* Rows are numbered with 32 bits, and every size below fits where the largest array does. */
static int is_too_large(const struct ec_convolution *c)
{
    int64_t rows, wide, size;
    return __builtin_mul_overflow(c->batch, c->steps, &rows) || rows > INT32_MAX / 2 ||
           __builtin_mul_overflow(c->taps, ec_most(c->channels, c->filters), &wide) ||
           __builtin_mul_overflow(rows + wide, wide, &size) || size > INT64_MAX / 64;
}

/* The product of each distinct row with each tap. */
static ec_status plan_distinct(struct ec_convolution *c, struct ec_arena *arena)
{
    int64_t wide = c->taps * c->filters;
    c->products = ec_arena_take(arena, c->batch * c->steps * c->filters, sizeof(float));
    c->distinct = ec_arena_take(arena, c->rows.count * c->channels, sizeof(float));
    c->by_tap = ec_arena_take(arena, wide * c->channels, sizeof(float));
    c->of_rows = ec_arena_take(arena, c->rows.count * wide, sizeof(float));
    c->product = (struct ec_product){.out = c->of_rows,
                                     .out_stride = wide,
                                     .a = ec_matrix(c->distinct, c->rows.count, c->channels, c->channels),
                                     .b = ec_transposed(ec_matrix(c->by_tap, wide, c->channels, c->channels)),
                                     .precision = c->precision};
    return c->products && c->distinct && c->by_tap && c->of_rows && take_workspace(&c->product, arena) ? EC_OK
                                                                                                       : EC_NO_MEMORY;
}

ec_status ec_convolution_plan_forward(struct ec_convolution *c, struct ec_arena *arena)
{
    if (is_too_large(c)) {
        return EC_TOO_LARGE;
    }
    int64_t depth = c->taps * c->channels, rows = c->batch * c->steps;
    if (c->channels >= FEWEST_CHANNELS && rows <= INT32_MAX / ec_most(c->taps, 4)) {
        ec_status status = ec_same_rows_init(&c->rows, arena, c->x, rows, c->channels, rows / 2);
        c->repeats = status == EC_OK && c->rows.count < rows;
        if (status != EC_OK || c->repeats) {
            return status == EC_OK ? plan_distinct(c, arena) : status;
        }
    }
    c->products = ec_arena_take(arena, c->batch * c->steps * c->filters, sizeof(float));
    c->product = (struct ec_product){.out = c->products,
                                     .out_stride = c->filters,
                                     .a = windows_of_x(c),
                                     .b = ec_transposed(ec_matrix(c->weight, c->filters, depth, depth)),
                                     .precision = c->precision};
    return c->products && take_workspace(&c->product, arena) ? EC_OK : EC_NO_MEMORY;
}

/* The filters by tap: [K, F, C]. `last_first`: from the last tap to the first. No barrier. */
static void order_by_tap(struct ec_team *team, const struct ec_convolution *c, float *out, int last_first)
{
    for (int64_t tap; (tap = ec_team_next(team, c->taps)) >= 0;) {
        int64_t from = last_first ? c->taps - 1 - tap : tap;
        for (int64_t f = 0; f < c->filters; f++) {
            memcpy(out + (tap * c->filters + f) * c->channels, c->weight + (f * c->taps + from) * c->channels,
                   (size_t)c->channels * sizeof *out);
        }
    }
}

static void gather_distinct(struct ec_team *team, const struct ec_convolution *c)
{
    for (struct ec_range tile; ec_team_next_range(team, c->rows.count, 64, &tile);) {
        ec_kernels()->gather_rows(c->distinct + tile.begin * c->channels, c->channels, c->x, c->channels,
                                  c->rows.first + tile.begin, tile.end - tile.begin, c->channels);
    }
    order_by_tap(team, c, c->by_tap, 0);
    ec_team_barrier(team);
}

/* The windows of one text, each the sum of a product for each tap. */
static void sum_products(const struct ec_convolution *c, int64_t b)
{
    enum {
        AT_ONCE = 16 /* taps whose products are added in one call */
    };
    const int32_t *kind = c->rows.kind + b * c->steps;
    for (int64_t t = 0; t < windows(c); t++) {
        float *out = c->products + (b * c->steps + t) * c->filters;
        for (int64_t tap = 0; tap < c->taps; tap += AT_ONCE) {
            int32_t index[AT_ONCE];
            int64_t taps = ec_least(c->taps - tap, AT_ONCE);
            for (int64_t k = 0; k < taps; k++) {
                index[k] = (int32_t)(kind[t + tap + k] * c->taps + tap + k);
            }
            ec_kernels()->weighted_sum(out, tap > 0, c->of_rows, c->filters, index, NULL, taps, c->filters);
        }
    }
}

void ec_convolution_forward(struct ec_team *team, const struct ec_convolution *c)
{
    int64_t count = windows(c);
    if (c->repeats) {
        gather_distinct(team, c);
    }
    ec_product_run(team, &c->product);
    for (int64_t b; (b = ec_team_next(team, c->batch)) >= 0;) {
        if (c->repeats) {
            sum_products(c, b);
        }
        float *out = c->out + b * c->filters * count;
        ec_kernels()->transpose(out, count, c->products + b * c->steps * c->filters, c->filters, c->filters, count);
        for (int64_t f = 0; c->bias && f < c->filters; f++) {
            for (int64_t t = 0; t < count; t++) {
                out[f * count + t] += c->bias[f];
            }
        }
    }
    ec_team_barrier(team);
}

/* How many values of d_out are not zero, over the whole batch and by filter: list_begin [F + 1]. */
static int64_t count_values(const struct ec_convolution *c, int32_t *list_begin)
{
    int64_t found = 0, count = windows(c);
    memset(list_begin, 0, (size_t)(c->filters + 1) * sizeof *list_begin);
    for (int64_t row = 0; row < c->batch * c->filters; row++) {
        const float *d = c->d_out + row * count;
        int32_t here = 0;
        for (int64_t t = 0; t < count; t++) {
            here += d[t] != 0.0f;
        }
        list_begin[row % c->filters + 1] += here;
        found += here;
    }
    for (int64_t f = 0; f < c->filters; f++) {
        list_begin[f + 1] += list_begin[f];
    }
    return found;
}

static ec_status plan_dense(struct ec_convolution *c, struct ec_arena *arena)
{
    int64_t rows = c->batch * c->steps, lead = c->taps - 1;
    int64_t depth = c->taps * c->channels, wide = c->taps * c->filters;
    c->d_padded = ec_arena_take(arena, (rows + lead) * c->filters, sizeof(float));
    if (!c->d_padded) {
        return EC_NO_MEMORY;
    }
    c->d_products = c->d_padded + lead * c->filters;
    c->of_weight =
        (struct ec_product){.out = c->d_weight,
                            .out_stride = depth,
                            .a = ec_transposed(ec_matrix(c->d_products, rows - lead, c->filters, c->filters)),
                            .b = windows_of_x(c),
                            .precision = c->precision};
    if (c->d_weight && !take_workspace(&c->of_weight, arena)) {
        return EC_NO_MEMORY;
    }
    if (c->d_x) {
        c->flipped = ec_arena_take(arena, wide * c->channels, sizeof(float));
        c->of_x = (struct ec_product){.out = c->d_x,
                                      .out_stride = c->channels,
                                      .a = ec_matrix(c->d_padded, rows, wide, c->filters),
                                      .b = ec_matrix(c->flipped, wide, c->channels, c->channels),
                                      .precision = c->precision};
        return c->flipped && take_workspace(&c->of_x, arena) ? EC_OK : EC_NO_MEMORY;
    }
    return EC_OK;
}

ec_status ec_convolution_plan_backward(struct ec_convolution *c, struct ec_arena *arena)
{
    int64_t values = c->batch * c->filters * windows(c);
    if (is_too_large(c) || values > INT32_MAX) {
        return EC_TOO_LARGE;
    }
    c->list_begin = ec_arena_take(arena, c->filters + 1, sizeof *c->list_begin);
    if (!c->list_begin) {
        return EC_NO_MEMORY;
    }
    int64_t found = count_values(c, c->list_begin);
    c->is_sparse = found <= values / SPARSE;
    if (!c->is_sparse) {
        return plan_dense(c, arena);
    }
    c->list_at = ec_arena_take(arena, found, sizeof *c->list_at);
    c->list_value = ec_arena_take(arena, found, sizeof *c->list_value);
    return c->list_at && c->list_value ? EC_OK : EC_NO_MEMORY;
}

/* d_weight of one filter: the windows that d_out names, weighed by it. No more of them than were counted: the caller's
 * array may have changed since. */
static void sum_windows(const struct ec_convolution *c, int64_t f)
{
    int64_t count = windows(c), depth = c->taps * c->channels, room = c->list_begin[f + 1] - c->list_begin[f];
    int32_t *at = c->list_at + c->list_begin[f];
    float *value = c->list_value + c->list_begin[f];
    int64_t found = 0;
    for (int64_t b = 0; b < c->batch; b++) {
        const float *d = c->d_out + (b * c->filters + f) * count;
        for (int64_t t = 0; t < count && found < room; t++) {
            if (d[t] != 0.0f) {
                at[found] = (int32_t)(b * c->steps + t);
                value[found++] = d[t];
            }
        }
    }
    ec_kernels()->weighted_sum(c->d_weight + f * depth, 0, c->x, c->channels, at, value, found, depth);
}

/* d_x of one text: each value of d_out adds its filter to the window that it belongs to. */
static void add_filters(const struct ec_convolution *c, int64_t b)
{
    int64_t count = windows(c), depth = c->taps * c->channels;
    float *d_x = c->d_x + b * c->steps * c->channels;
    memset(d_x, 0, (size_t)(c->steps * c->channels) * sizeof *d_x);
    for (int64_t f = 0; f < c->filters; f++) {
        const float *d = c->d_out + (b * c->filters + f) * count;
        for (int64_t t = 0; t < count; t++) {
            if (d[t] != 0.0f) {
                ec_kernels()->add_scaled(d_x + t * c->channels, c->weight + f * depth, d[t], depth);
            }
        }
    }
}

/* d_out of all texts as rows [B T, F], zeros where no window begins, and the filters from the last tap to the first. */
static void turn_operands(struct ec_team *team, const struct ec_convolution *c)
{
    int64_t count = windows(c), lead = (c->taps - 1) * c->filters;
    for (int64_t b; (b = ec_team_next(team, c->batch)) >= 0;) {
        float *d = c->d_products + b * c->steps * c->filters;
        ec_kernels()->transpose(d, c->filters, c->d_out + b * c->filters * count, count, count, c->filters);
        memset(d + count * c->filters, 0, (size_t)lead * sizeof *d);
        if (b == 0) {
            memset(c->d_padded, 0, (size_t)lead * sizeof *d);
        }
    }
    if (c->d_x) {
        order_by_tap(team, c, c->flipped, 1);
    }
    ec_team_barrier(team);
}

static void sum_bias(const struct ec_convolution *c, int64_t f)
{
    int64_t count = windows(c);
    double sum = 0.0;
    for (int64_t b = 0; b < c->batch; b++) {
        const float *d = c->d_out + (b * c->filters + f) * count;
        for (int64_t t = 0; t < count; t++) {
            sum += d[t];
        }
    }
    c->d_bias[f] = (float)sum;
}

void ec_convolution_backward(struct ec_team *team, const struct ec_convolution *c)
{
    for (int64_t f; c->d_bias && (f = ec_team_next(team, c->filters)) >= 0;) {
        sum_bias(c, f);
    }
    if (c->is_sparse) {
        for (int64_t f; c->d_weight && (f = ec_team_next(team, c->filters)) >= 0;) {
            sum_windows(c, f);
        }
        for (int64_t b; c->d_x && (b = ec_team_next(team, c->batch)) >= 0;) {
            add_filters(c, b);
        }
    } else {
        turn_operands(team, c);
        if (c->d_weight) {
            ec_product_run(team, &c->of_weight);
        }
        if (c->d_x) {
            ec_product_run(team, &c->of_x);
        }
    }
    ec_team_barrier(team);
}
