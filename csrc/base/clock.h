/* A monotonic clock in nanoseconds. */
#ifndef EC_BASE_CLOCK_H
#define EC_BASE_CLOCK_H

#include <stdint.h>

int64_t ec_clock_ns(void);

#endif
