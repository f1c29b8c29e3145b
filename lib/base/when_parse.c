#include "sess/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "when_zone.h"

/* The unit at s: how many ms it is, and its length in *n; 0 for none. */
static int64_t
unit(const char *s, size_t *n)
{
	*n = 1;
	switch (*s) {
	case 'd':
		return SESSP_DAY * 1000;
	case 'h':
		return 3600 * 1000;
	case 's':
		return 1000;
	case 'm':
		if (s[1] != 's')
			return 60 * 1000;
		*n = 2;
		return 1;
	default:
		return 0;
	}
}

int
sess_when_duration(const char *s, int64_t *ms)
{
	const int64_t max = SESSP_WHEN_MAX - SESSP_WHEN_MIN;
	bool alone = s[strspn(s, "0123456789")] == '\0';
	int64_t sum = 0, v, u;
	size_t n;

	do {
		if (*s < '0' || *s > '9')
			return -1;
		for (v = 0; *s >= '0' && *s <= '9'; s++)
			if ((v = v * 10 + (*s - '0')) > max)
				return -1;
		u = alone ? 1000 : unit(s, &n);
		if (u == 0 || v > (max - sum) / u)
			return -1;
		sum += v * u;
		s += alone ? 0 : n;
	} while (*s != '\0');
	*ms = sum;
	return 0;
}

/* The midnight in z at which the day of `now`, less `back` days, began. */
static int64_t
midnight(const struct sessp_zone *z, int64_t now, int64_t back)
{
	int64_t t = (now - (now < 0 ? 999 : 0)) / 1000, local;

	local = t + sessp_zone_offset(z, t);
	local -= (local % SESSP_DAY + SESSP_DAY) % SESSP_DAY;
	return sessp_zone_utc(z, local - back * SESSP_DAY) * 1000;
}

/* A date or a time without a zone, or the day a word names, in tz. */
static enum sess_status
in_zone(const char *s, int64_t now, const char *tz, int64_t *ms, struct sess_err *err)
{
	struct sessp_zone *z;
	enum sess_status r;
	int64_t t;

	r = sessp_zone_open(&z, tz, err);
	if (r < 0)
		return r;
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
		*ms = midnight(z, now, *s == 'y');
	} else {
		t = (*ms - (*ms < 0 ? 999 : 0)) / 1000;
		*ms = sessp_zone_utc(z, t) * 1000 + (*ms - t * 1000);
	}
	sessp_zone_free(z);
	return SESS_OK;
}

enum sess_status
sess_when_parse(const char *s, int64_t now, const char *tz, int64_t *ms, struct sess_err *err)
{
	size_t len = strlen(s);
	int64_t d;
	bool zoned;

	if (strcmp(s, "now") == 0) {
		*ms = now;
		return SESS_OK;
	}
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0)
		return in_zone(s, now, tz, ms, err);
	if (sessp_when_civil(s, len, ms, &zoned) == 0)
		return zoned ? SESS_OK : in_zone(s, now, tz, ms, err);
	/* Few digits are a length of time: nobody asks for January of 1970. */
	if ((len >= 9 && sess_when_epoch(s, len, ms) == 0) || sess_when_clf(s, len, ms) == 0)
		return SESS_OK;
	if (sess_when_duration(s + (*s == '-'), &d) == 0) {
		*ms = now - d > SESSP_WHEN_MIN ? now - d : SESSP_WHEN_MIN;
		return SESS_OK;
	}
	return sess_err_set(err, SESS_EFORMAT, 0, "bad time '%.40s': it is none like "
	    "2026-11-23T20:00Z, 2026-11-23, 1795464000, 2h, 1h30m, now, today or yesterday", s);
}

size_t
sess_when_local(int64_t ms, const char *tz, char out[41])
{
	char text[SESS_WHEN_LEN];
	struct sessp_zone *z = NULL;
	int64_t offset = 0, minutes;

	if (ms < SESSP_WHEN_MIN)
		ms = SESSP_WHEN_MIN;
	if (ms > SESSP_WHEN_MAX)
		ms = SESSP_WHEN_MAX;
	/* Where tz can't be had the text is UTC and says so. */
	if (sessp_zone_open(&z, tz, NULL) == SESS_OK)
		offset = sessp_zone_offset(z, (ms - (ms < 0 ? 999 : 0)) / 1000);
	sessp_zone_free(z);
	/* Local mean times of the 19th century have seconds, +hhmm has none. */
	minutes = offset / 60;
	sess_when_format(ms + minutes * 60000, text);
	minutes = minutes < 0 ? -minutes : minutes;
	return (size_t)snprintf(out, 41, "%.10s %.12s %c%02d%02d", text, text + 11,
	    offset < 0 ? '-' : '+', (int)(minutes / 60 % 100), (int)(minutes % 60));
}
