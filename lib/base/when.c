#include "sess/when.h"

#include <stdbool.h>
#include <string.h>

#include "when_zone.h"

#define DAY_MS (SESSP_DAY * 1000)
#define DAYS_BEFORE_YEAR_1 306		/* since 0000-03-01 */

int64_t
sessp_days(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	/* Years begin in March, so that the leap day is the last. */
	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* The day that is so many days behind 0000-03-01, up to year 9999.  Neri and
 * Schneider, "Euclidean affine functions and their application to calendar
 * algorithms": all of its divisions are by constants. */
static void
civil_of(uint32_t days, unsigned *y, unsigned *m, unsigned *d)
{
	uint32_t century = (4 * days + 3) / 146097, doc = (4 * days + 3) % 146097 / 4;
	uint64_t p = UINT64_C(2939745) * (4 * doc + 3);
	uint32_t yoc = (uint32_t)(p >> 32), doy = (uint32_t)p / 2939745 / 4;
	uint32_t n = 2141 * doy + 197913;

	*d = (n & 0xffff) / 2141 + 1;
	*m = n >> 16;
	*y = 100 * century + yoc + (doy >= 306);
	*m -= doy >= 306 ? 12 : 0;
}

void
sessp_civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t era;
	unsigned yoe;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	civil_of((uint32_t)(days - era * 146097), &yoe, m, d);
	*y = (int64_t)yoe + era * 400;
}

static void
put2(char *p, unsigned v)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324"
	    "25262728293031323334353637383940414243444546474849"
	    "50515253545556575859606162636465666768697071727374"
	    "75767778798081828384858687888990919293949596979899";

	memcpy(p, pairs + 2 * v, 2);
}

void
sess_when_format(int64_t ms, char out[SESS_WHEN_LEN])
{
	uint64_t since;
	unsigned y, m, d, s, rest;

	if (ms < SESSP_WHEN_MIN)
		ms = SESSP_WHEN_MIN;
	if (ms > SESSP_WHEN_MAX)
		ms = SESSP_WHEN_MAX;
	since = (uint64_t)(ms - SESSP_WHEN_MIN);
	rest = (unsigned)(since % DAY_MS);
	civil_of((uint32_t)(since / DAY_MS) + DAYS_BEFORE_YEAR_1, &y, &m, &d);
	memcpy(out, "0000-00-00T00:00:00.000Z", SESS_WHEN_LEN);
	put2(out, y / 100);
	put2(out + 2, y % 100);
	put2(out + 5, m);
	put2(out + 8, d);
	s = rest / 1000;
	rest %= 1000;
	put2(out + 11, s / 3600);
	put2(out + 14, s / 60 % 60);
	put2(out + 17, s % 60);
	out[20] = (char)('0' + rest / 100);
	put2(out + 21, rest % 100);
}

/* n digits (at most 4) at p, or -1. */
static int
digits(const char *p, int n)
{
	unsigned v = 0, c;

	while (n-- > 0) {
		c = (unsigned char)*p++ - (unsigned)'0';
		if (c > 9)
			return -1;
		v = v * 10 + c;
	}
	return (int)v;
}

/* A day and a time of day to seconds since the epoch; false where there is no
 * such day or time.  A leap second is the first second of the next minute. */
static bool
civil(int y, int mon, int d, int h, int min, int s, int64_t *t)
{
	static const char last[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap;

	if (y < 1 || mon < 1 || mon > 12 || d < 1 || h < 0 || h > 23 || min < 0 ||
	    min > 59 || s < 0 || s > 60)
		return false;
	leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d > last[mon - 1] + (leap && mon == 2))
		return false;
	*t = sessp_days(y, (unsigned)mon, (unsigned)d) * SESSP_DAY + h * 3600 + min * 60 + s;
	return true;
}

/* Z, +01, +0100 or +01:00, up to end; false where it is none of these. */
static bool
zone(const char *p, const char *end, int64_t *offset)
{
	int h, m = 0;

	*offset = 0;
	if (end - p == 1)
		return *p == 'Z' || *p == 'z';
	if ((end - p != 3 && end - p != 5 && end - p != 6) || (*p != '+' && *p != '-'))
		return false;
	h = digits(p + 1, 2);
	if (end - p == 6 && p[3] != ':')
		return false;
	if (end - p > 3)
		m = digits(end - 2, 2);
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return false;
	*offset = (h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
	return true;
}

/* The fraction at *p, if there is one, as milliseconds; more digits are cut. */
static int
fraction(const char **p, const char *end)
{
	int ms = 0, scale = 100;
	const char *q = *p;

	if (end - q < 2 || (*q != '.' && *q != ',') || digits(q + 1, 1) < 0)
		return 0;
	for (q++; q < end && *q >= '0' && *q <= '9'; q++, scale /= 10)
		ms += (*q - '0') * scale;
	*p = q;
	return ms;
}

int
sessp_when_civil(const char *p, size_t len, int64_t *ms, bool *zoned)
{
	const char *end = p + len;
	int h = 0, min = 0, s = 0, frac = 0, y, mon, d;
	int64_t t, offset = 0;

	if (len < 10 || p[4] != '-' || p[7] != '-')
		return -1;
	y = digits(p, 4);
	mon = digits(p + 5, 2);
	d = digits(p + 8, 2);
	p += 10;
	*zoned = false;
	if (p < end) {
		if (end - p < 6 || (*p != 'T' && *p != 't' && *p != ' ') || p[3] != ':')
			return -1;
		h = digits(p + 1, 2);
		min = digits(p + 4, 2);
		p += 6;
		if (end - p >= 3 && *p == ':') {
			s = digits(p + 1, 2);
			p += 3;
			frac = fraction(&p, end);
		}
		if (end - p > 1 && *p == ' ')
			p++;
		*zoned = p < end;
		if (*zoned && !zone(p, end, &offset))
			return -1;
	}
	if (!civil(y, mon, d, h, min, s, &t))
		return -1;
	t = (t - offset) * 1000 + frac;
	if (t < SESSP_WHEN_MIN || t > SESSP_WHEN_MAX)
		return -1;
	*ms = t;
	return 0;
}

int
sess_when_rfc3339(const char *p, size_t len, int64_t *ms)
{
	bool zoned;

	return sessp_when_civil(p, len, ms, &zoned);
}

int
sess_when_epoch(const char *p, size_t len, int64_t *ms)
{
	const char *end = p + len;
	uint64_t v = 0;
	int frac;

	if (len == 0 || digits(p, 1) < 0)
		return -1;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - 9) / 10)
			return -1;
		v = v * 10 + (unsigned)(*p - '0');
	}
	frac = fraction(&p, end);
	if (p < end)
		return -1;
	/* A second of the year 5138 has as many digits as a ms of 1973. */
	if (v < UINT64_C(100000000000))
		v = v * 1000 + (unsigned)frac;
	else if (v >= UINT64_C(100000000000000000))
		v /= 1000000;
	else if (v >= UINT64_C(100000000000000))
		v /= 1000;
	*ms = (int64_t)v;
	return *ms <= SESSP_WHEN_MAX ? 0 : -1;
}

/* The number of a month by its three letters, or 0. */
static int
month(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i;

	for (i = 0; i < 12; i++)
		if (memcmp(names + i * 3, p, 3) == 0)
			return i + 1;
	return 0;
}

int
sess_when_clf(const char *p, size_t len, int64_t *ms)
{
	int64_t t, offset;

	if (len != 26 || p[2] != '/' || p[6] != '/' || p[11] != ':' || p[14] != ':' ||
	    p[17] != ':' || p[20] != ' ' || !zone(p + 21, p + 26, &offset) ||
	    !civil(digits(p + 7, 4), month(p + 3), digits(p, 2), digits(p + 12, 2),
	    digits(p + 15, 2), digits(p + 18, 2), &t))
		return -1;
	t = (t - offset) * 1000;
	if (t < SESSP_WHEN_MIN || t > SESSP_WHEN_MAX)
		return -1;
	*ms = t;
	return 0;
}

int
sess_when_any(const char *p, size_t len, int64_t *ms)
{
	if (len > 4 && p[4] == '-')
		return sess_when_rfc3339(p, len, ms);
	if (len > 2 && p[2] == '/')
		return sess_when_clf(p, len, ms);
	return sess_when_epoch(p, len, ms);
}
