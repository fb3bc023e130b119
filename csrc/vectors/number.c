/* The general number parser: any count of digits, exponents. Up to 19 digits and one product or quotient in double
 * settle nearly all; where the double lies too near to the middle between two float32, or where the result is
 * subnormal or too large, strtof decides, in the "C" locale whatever the process has set. */
#define _GNU_SOURCE
#include "vectors/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#define LONGEST 1024 /* characters that strtof is given; digits behind them only count as "not zero" */

const double ec_number_powers[65] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33,
    1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50,
    1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64,
};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* What the text says, before rounding: mantissa * 10^exponent, further digits dropped. */
struct decimal {
    uint64_t mantissa;
    int64_t exponent;
    int64_t digits; /* significant ones in the mantissa, at most 19 */
    int any;        /* there was a digit */
};

static const char *read_digits(const char *p, struct decimal *number, int fraction)
{
    for (; *p >= '0' && *p <= '9'; p++) {
        number->any = 1;
        if (number->digits < 19) {
            number->mantissa = number->mantissa * 10 + (uint64_t)(*p - '0');
            number->digits += number->mantissa != 0;
            number->exponent -= fraction;
        } else {
            number->exponent += !fraction;
        }
    }
    return p;
}

static const char *read_exponent(const char *p, struct decimal *number)
{
    const char *q = p + 1;
    int negative = *q == '-';
    q += *q == '-' || *q == '+';
    if (*q < '0' || *q > '9') {
        return p; /* the "e" is not part of the number */
    }
    int64_t exponent = 0;
    for (; *q >= '0' && *q <= '9'; q++) {
        if (exponent < 1000000000) {
            exponent = exponent * 10 + (*q - '0');
        }
    }
    number->exponent += negative ? -exponent : exponent;
    return q;
}

/* Rewrites the number as "0.DIGITSe+X" with at most LONGEST digits, a final 1 standing for any non-zero rest (no
 * float32 boundary has more than 150 significant digits), and lets strtof round it. */
static float round_slowly(const char *text, const struct decimal *number)
{
    char copy[LONGEST + 64];
    int64_t length = 0, stored = 0;
    int rest = 0, points = 0;
    for (const char *p = text; (*p >= '0' && *p <= '9') || (*p == '.' && !points); p++) {
        points += *p == '.';
        if (*p == '.' || (!stored && *p == '0')) {
            continue;
        }
        if (stored < LONGEST) {
            copy[length++] = *p;
            stored++;
        } else {
            rest |= *p != '0';
        }
    }
    /* The exponent belongs to the first `digits` (at most 19) digits; shift it to those stored. */
    int64_t exponent = number->exponent + number->digits - stored;
    if (rest) {
        copy[length++] = '1';
        exponent--;
    }
    exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
    copy[length++] = 'e';
    copy[length++] = exponent < 0 ? '-' : '+';
    int64_t magnitude = exponent < 0 ? -exponent : exponent;
    for (int64_t unit = 10000; unit; unit /= 10) {
        copy[length++] = (char)('0' + magnitude / unit % 10);
    }
    copy[length] = 0;
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale ? strtof_l(copy, NULL, c_locale) : strtof(copy, NULL); /* no point in it: both agree */
}

const char *ec_number_parse_any(const char *text, float *out)
{
    struct decimal number = {0};
    const char *p = text + (*text == '-' || *text == '+');
    const char *digits = p;
    p = read_digits(p, &number, 0);
    if (*p == '.') {
        p = read_digits(p + 1, &number, 1);
    }
    if (!number.any) {
        return NULL;
    }
    if ((*p | 0x20) == 'e') {
        p = read_exponent(p, &number);
    }
    float rounded = 0.0f;
    if (number.mantissa) {
        double value = 0.0; /* of which "below the normal range" holds */
        if (number.exponent >= 0 && number.exponent <= 64) {
            value = (double)number.mantissa * ec_number_powers[number.exponent];
        } else if (number.exponent < 0 && number.exponent >= -64) {
            value = (double)number.mantissa / ec_number_powers[-number.exponent];
        }
        rounded =
            value > 1.2e-38 && value < 3.4e38 && ec_rounds_safely(value) ? (float)value : round_slowly(digits, &number);
    }
    *out = *text == '-' ? -rounded : rounded;
    return p;
}
