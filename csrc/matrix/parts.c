/* Cuts the longer of depth and rows, whatever the team. */
#include "matrix/parts.h"

enum {
    PACKED = 1 << 23 /* values of both packed operands in a part, roughly */
};

static int cuts_depth(const struct ec_product *p) { return p->a.cols >= p->a.rows; }

/* Length of a part, at least 64 and at most the whole. */
static int64_t part_length(const struct ec_product *p)
{
    int64_t whole = cuts_depth(p) ? p->a.cols : p->a.rows;
    int64_t line = p->b.cols + (cuts_depth(p) ? p->a.rows : p->a.cols);
    int64_t length = PACKED / (line + 1) + 64;
    return ec_least(whole, length);
}

static struct ec_product part_of(const struct ec_product *p, int64_t begin, int64_t length)
{
    struct ec_product part = *p;
    if (cuts_depth(p)) {
        part.a.cols = part.b.rows = length;
        part.a.values += begin * p->a.col_stride;
        part.b.values += begin * p->b.row_stride;
        part.accumulate = p->accumulate || begin > 0;
    } else {
        part.a.rows = length;
        part.a.values += begin * p->a.row_stride;
        part.out += begin * p->out_stride;
    }
    return part;
}

int64_t ec_product_parts_workspace(const struct ec_product *product)
{
    struct ec_product part = *product;
    *(cuts_depth(product) ? &part.a.cols : &part.a.rows) = part_length(product);
    return ec_product_workspace(&part);
}

void ec_product_run_parts(struct ec_team *team, const struct ec_product *product)
{
    int64_t whole = cuts_depth(product) ? product->a.cols : product->a.rows, length = part_length(product);
    for (int64_t begin = 0; begin < whole || begin == 0; begin += length > 0 ? length : 1) {
        struct ec_product part = part_of(product, begin, ec_least(length, whole - begin));
        ec_product_run(team, &part);
    }
}
