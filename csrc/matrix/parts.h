/* Long products in parts: one that is deep (the gradient of a weight, summed over all tokens of a batch) or has many
 * rows (a layer's input) would need as much packed memory as its operands; in parts it needs 32 MB, which stay in
 * cache. */
#ifndef EC_MATRIX_PARTS_H
#define EC_MATRIX_PARTS_H

#include "matrix/product.h"

/* Floats of workspace, as ec_product_workspace. */
int64_t ec_product_parts_workspace(const struct ec_product *product);
/* The same as ec_product_run but for the order of the sums over the depth, which follows from the sizes. */
void ec_product_run_parts(struct ec_team *team, const struct ec_product *product);

#endif
