/* The kernels in plain C. */
#include "kernels/isa/rungs.h"

#include "kernels/simd/scalar.h"

#include "kernels/body/table.h"

void ec_kernels_fill_scalar(struct ec_kernels *kernels) { fill_table(kernels); }
