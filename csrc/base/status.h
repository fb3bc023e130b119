/* What a fallible function of the core returns. The core never prints, exits or aborts; csrc/python turns a status
 * into an exception. */
#ifndef EC_BASE_STATUS_H
#define EC_BASE_STATUS_H

typedef enum ec_status {
    EC_OK = 0,
    EC_NO_MEMORY,  /* an allocation failed */
    EC_TOO_LARGE,  /* a size does not fit in int64 or in what a 32-bit index can count */
    EC_BAD_VALUE,  /* an argument outside its range; a report says which */
    EC_BAD_FORMAT, /* a file or a byte sequence that is not what it claims to be */
    EC_IO,         /* the operating system refused to read or write; errno says why */
    EC_BUSY,       /* the object is in use by another thread */
    EC_INTERRUPTED /* the caller asked to stop */
} ec_status;

/* What was wrong, in words, beside a status. */
struct ec_report {
    char text[256];
};

/* Formats the report and returns EC_BAD_VALUE. */
ec_status ec_refuse(struct ec_report *report, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* A short English text for a status, never NULL. */
const char *ec_status_text(ec_status status);

#endif
