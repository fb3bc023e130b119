/* Texts of the status codes, and reports. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

ec_status ec_refuse(struct ec_report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->text, sizeof report->text, format, arguments);
    va_end(arguments);
    return EC_BAD_VALUE;
}

const char *ec_status_text(ec_status status)
{
    switch (status) {
    case EC_OK: return "ok";
    case EC_NO_MEMORY: return "out of memory";
    case EC_TOO_LARGE: return "a size is too large";
    case EC_BAD_VALUE: return "a value is outside its range";
    case EC_BAD_FORMAT: return "malformed data";
    case EC_IO: return "input/output error";
    case EC_BUSY: return "in use by another thread";
    case EC_INTERRUPTED: return "interrupted";
    }
    return "unknown status";
}
