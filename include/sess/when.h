/*
 * when: moments, ranges and durations.
 *
 * A moment is an int64_t of milliseconds since 1970-01-01T00:00:00Z, leap
 * seconds not counted; anything finer is cut.  Years 1 to 9999.
 */
#ifndef SESS_WHEN_H
#define SESS_WHEN_H

#include <stddef.h>
#include <stdint.h>

#include "sess/err.h"

/* Length of a moment as text, without a NUL: 2026-11-23T20:31:57.120Z */
#define SESS_WHEN_LEN 24

/* RFC 3339 in UTC with milliseconds, not NUL-terminated. */
void sess_when_format(int64_t ms, char out[SESS_WHEN_LEN]);

/* RFC 3339 (any zone, "T" or a space, any number of fraction digits, lower
 * case too; a missing zone is UTC; a date alone is its midnight), whole text.
 * Returns 0, or -1 where it is not such a time. */
int sess_when_rfc3339(const char *p, size_t len, int64_t *ms);

/* Seconds, ms, us or ns since the epoch, told apart by magnitude, with or
 * without a fraction (1795468202.025).  Returns 0 or -1. */
int sess_when_epoch(const char *p, size_t len, int64_t *ms);

/* The time of a common log line: 23/Nov/2026:21:10:02 +0000, without the
 * brackets.  Returns 0 or -1. */
int sess_when_clf(const char *p, size_t len, int64_t *ms);

/* Any of the three above. */
int sess_when_any(const char *p, size_t len, int64_t *ms);

/* A length of time: "250ms", "90", "90s" (both seconds), "30m", "2h", "7d",
 * "1h30m"; whole text, not negative.  Returns 0 or -1. */
int sess_when_duration(const char *s, int64_t *ms);

/*
 * What --since and --until take: any of the times above, a duration (that long
 * before now, with or without a minus), "now", "today", "yesterday" (the midnight
 * they begin at, in the time zone of tz), a date or a time without a zone (in
 * tz).  tz is a zone name as in TZ ("Europe/Berlin", "UTC0"), or NULL for the
 * process's own.
 * SESS_EFORMAT where it is none of these.
 */
enum sess_status sess_when_parse(const char *s, int64_t now, const char *tz,
    int64_t *ms, struct sess_err *err);

/* Local text for people: "2026-11-23 21:10:02.025 +0000" in tz; returns the
 * length written, at most 40, NUL-terminated. */
size_t sess_when_local(int64_t ms, const char *tz, char out[41]);

#endif
