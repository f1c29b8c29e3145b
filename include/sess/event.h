/*
 * event: the canonical event, and its line of NDJSON.
 *
 *	struct sess_event ev;
 *	struct sess_event_scanner sc = { 0 };
 *
 *	if (sess_event_scan(&sc, &ev, line, len, &err) == SESS_OK &&
 *	    sess_event_has(&ev, SESS_K_API))
 *		printf("%.*s\n", (int)ev.v[SESS_K_API].len, ev.v[SESS_K_API].p);
 *	sess_event_scanner_release(&sc);
 *
 * An event is a set of values, one per key at most, each a slice of decoded
 * UTF-8 text (no escapes, may hold NUL).  It owns nothing: the slices point
 * into the line it was scanned from, or into the arena of whoever built it,
 * and die with them.
 */
#ifndef SESS_EVENT_H
#define SESS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sess/buf.h"
#include "sess/err.h"
#include "sess/keys.h"

#define SESS_NO_TIME INT64_MIN	/* a time that is not known */

struct sess_slice {
	const char *p;
	size_t len;
};

struct sess_event {
	uint64_t has[2];	/* bit k % 64 of word k / 64: key k is present */
	uint64_t plain[2];	/* the same, a hint for the writer, 0 where nobody knows:
				 * v[k] can be written as it stands (a JSON number, a
				 * string of UTF-8 without quotes, backslashes and control
				 * characters), and 32 bytes from any byte of it on are
				 * readable */
	enum sess_kind kind;	/* always known; v[SESS_K_KIND] is not used */
	uint64_t id;		/* always known; v[SESS_K_ID] is not used */
	int64_t time;		/* ms since the epoch, or SESS_NO_TIME */
	int64_t received;	/* the same */
	struct sess_slice v[SESS_NKEYS];	/* valid where has says so; V, ID,
						 * KIND, TIME, RECEIVED live above:
						 * their slices and bits are unused */
	const char *line;	/* the bytes it was read from, no newline, or NULL
				 * where it was just converted */
	size_t line_len;
	const char *raw;	/* inside a stream's map: the record it was converted
				 * from, as it stands in the log; reset leaves it */
	size_t raw_len;
	uint64_t raw_line;	/* and its number in its file, from 1 */
};

/* Whether key k is there.  Not for V, ID, KIND, TIME, RECEIVED. */
static inline bool
sess_event_has(const struct sess_event *ev, enum sess_key k)
{
	return ev->has[k / 64] >> (k % 64) & 1;
}

/* Set key k to borrowed text; an empty text leaves the key absent. */
static inline void
sess_event_set(struct sess_event *ev, enum sess_key k, const char *p, size_t len)
{
	if (len == 0)
		return;
	ev->v[k].p = p;
	ev->v[k].len = len;
	ev->has[k / 64] |= (uint64_t)1 << (k % 64);
	ev->plain[k / 64] &= ~((uint64_t)1 << (k % 64));
}

/* Remove key k. */
static inline void
sess_event_unset(struct sess_event *ev, enum sess_key k)
{
	ev->has[k / 64] &= ~((uint64_t)1 << (k % 64));
}

/* Make ev empty: no keys, no times, id 0, no line.  Cheap: slices are not
 * cleared. */
static inline void
sess_event_reset(struct sess_event *ev)
{
	ev->has[0] = ev->has[1] = 0;
	ev->plain[0] = ev->plain[1] = 0;
	ev->kind = SESS_CUSTOM;
	ev->id = 0;
	ev->time = ev->received = SESS_NO_TIME;
	ev->line = NULL;
	ev->line_len = 0;
}

/* The text of key k, or {"", 0} where it is absent. */
static inline struct sess_slice
sess_event_get(const struct sess_event *ev, enum sess_key k)
{
	struct sess_slice none = { "", 0 };

	return sess_event_has(ev, k) ? ev->v[k] : none;
}

/* The number in key k, or missing where it is absent or no number. */
double sess_event_num(const struct sess_event *ev, enum sess_key k, double missing);
int64_t sess_event_int(const struct sess_event *ev, enum sess_key k, int64_t missing);

/* How many occurrences the event stands for: times, at least 1. */
int64_t sess_event_times(const struct sess_event *ev);

/* True where ok is there and false: a failed call or resource. */
bool sess_event_failed(const struct sess_event *ev);

/* How many keys the event has, `src` not counted: of two records of one event
 * the one with more stays. */
unsigned sess_event_nkeys(const struct sess_event *ev);

/*
 * Append the event's line, with its newline, to out: keys in the order of
 * keys.h, absent ones left out, times as RFC 3339 UTC with milliseconds, id
 * as 16 lower-case hex digits.  Strings are escaped as JSON asks (", \ and
 * control characters; nothing else), bytes that are not UTF-8 become U+FFFD.
 * A NUM or INT whose text is no JSON number and a BOOL whose text is not
 * true or false is left out.  An event that has a line is written as that line.
 * SESS_OK or SESS_ENOMEM.
 */
enum sess_status sess_event_write(const struct sess_event *ev, struct sess_buf *out);

/* Memory for scanning, reused from line to line; zeros make a valid one. */
struct sess_event_scanner {
	struct sess_buf text;	/* decoded values that held escapes */
	void *fields;
	size_t nfields;
	void *names;		/* what is known of names from the lines before */
};

/*
 * Read one line of a canonical event into ev.  ev borrows from line and from
 * sc until the next scan.  Unknown keys are passed over (the line keeps them).
 * SESS_EFORMAT with a reason where the line is not JSON, no object, not of
 * version 1, or has no id, no kind that is known, or neither time nor
 * received; null and values of another type count as absent.  SESS_ENOMEM.
 */
enum sess_status sess_event_scan(struct sess_event_scanner *sc,
    struct sess_event *ev, const char *line, size_t len, struct sess_err *err);

void sess_event_scanner_release(struct sess_event_scanner *sc);

#endif
