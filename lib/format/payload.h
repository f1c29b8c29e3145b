/*
 * payload: what the converters of payloads (arms, rum, map) share: setting a
 * key from whatever text the source has, and JSON inside JSON.
 */
#ifndef SESSP_PAYLOAD_H
#define SESSP_PAYLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "private.h"

/* A slice of a string literal. */
#define SESSP_LIT(s) ((struct sess_slice){ (s), sizeof(s) - 1 })

static inline bool
sessp_is(struct sess_slice s, const char *p, size_t len)
{
	return s.len == len && memcmp(s.p, p, len) == 0;
}

/* Whether slice s is string literal lit. */
#define SESSP_IS(s, lit) sessp_is((s), (lit), sizeof(lit) - 1)

/*
 * Set key k of cv->ev from text, as the type of the key asks:
 * STR as it is; BOOL from 1, 0, true, false; INT and NUM from numbers and
 * numeric strings, trimmed.  What is no JSON number is left out, and so are
 * negative and absurd (a month or more) milliseconds, negative INTs, and
 * `times` and `sampling` of 1, which is what their absence means.  Integers
 * stay as they are; anything else is rounded to three decimals, without
 * trailing zeros.  TIME keys and KIND are not for this call.
 */
void sessp_put(struct sessp_conv *cv, enum sess_key k, struct sess_slice s);

/* The same from a number. */
void sessp_put_number(struct sessp_conv *cv, enum sess_key k, double v);

/* The number in a text, blanks around it allowed; false where there is none. */
bool sessp_number(struct sess_slice s, double *v);

/* Milliseconds since the epoch from a text: epoch ms, or another unit told by
 * its magnitude.  SESS_NO_TIME where it is none, or not after 1970. */
int64_t sessp_time(struct sess_slice s);

/* -- JSON inside JSON */

/* The fields of a nested object; zeros are an empty one. */
struct sessp_nest {
	struct sessp_field *f;
	size_t n, cap;
};

enum sessp_read {
	SESSP_READ_OK,
	SESSP_READ_CUT,		/* the text ends too early: what is whole of it was read */
	SESSP_READ_BAD,		/* no such JSON */
	SESSP_READ_NOMEM	/* cv has failed */
};

/*
 * Read text, which need not be padded or checked, as an object.  The fields
 * point into a copy in cv->arena.  Of a text that is cut the elements and
 * members that are whole are there; with cut_string a string that is cut in a
 * member of the object itself is there too, as far as it goes.
 */
enum sessp_read sessp_read_object(struct sessp_conv *cv, struct sess_slice text,
    bool cut_string, struct sessp_nest *nest);

/* The same for an array: *array is its text, for sessp_array_next. */
enum sessp_read sessp_read_array(struct sessp_conv *cv, struct sess_slice text,
    struct sess_slice *array);

/* Read the object in a text that was checked already and is padded.  False
 * where it is no object, or memory is out (cv has failed). */
bool sessp_nest_read(struct sessp_conv *cv, struct sess_slice text, struct sessp_nest *nest);

/* The last field of that name, or NULL. */
const struct sessp_field *sessp_nest_find(const struct sessp_nest *nest,
    const char *name, size_t len);

/* The text of the field of that name: a string's decoded, anything nested as
 * its JSON; {NULL, 0} where it is absent or null. */
struct sess_slice sessp_nest_text(struct sessp_conv *cv, const struct sessp_nest *nest,
    const char *name);

/* The number in it, or missing. */
double sessp_nest_number(struct sessp_conv *cv, const struct sessp_nest *nest,
    const char *name, double missing);

/* Read the object that is the field of that name; false where there is none. */
bool sessp_nest_inner(struct sessp_conv *cv, const struct sessp_nest *nest,
    const char *name, struct sessp_nest *inner);

void sessp_nest_release(struct sessp_nest *nest);

/* The text of a field as in sessp_nest_text. */
struct sess_slice sessp_text(struct sessp_conv *cv, const struct sessp_field *f);

/* The name of a field, decoded. */
struct sess_slice sessp_name(struct sessp_conv *cv, const struct sessp_field *f);

/* The next element of a checked array: its JSON text.  rest is the array's
 * text at first and shrinks.  False behind the last. */
bool sessp_array_next(struct sess_slice *rest, struct sess_slice *element);

/* An element, or any checked value, as a field without a name. */
void sessp_value(struct sess_slice text, struct sessp_field *f);

/*
 * Phases of a PerformanceResourceTiming or PerformanceNavigationTiming entry:
 *	dns_ms    domainLookupEnd - domainLookupStart
 *	tcp_ms    connectEnd - connectStart
 *	ssl_ms    connectEnd - secureConnectionStart
 *	ttfb_ms   responseStart - requestStart
 *	trans_ms  responseEnd - responseStart
 * A phase whose ends are zero is not known (an entry of another origin that
 * has no Timing-Allow-Origin, a connection without TLS).
 */
void sessp_put_phases(struct sessp_conv *cv, const struct sessp_nest *entry);

/* -- names */

/* Where a payload's table of wire names is kept: built by whoever needs it
 * first, for the life of the process, and never changed. */
typedef _Atomic(struct sessp_names *) sessp_names_slot;

/* The table of n names; NULL when memory is out, and another try is welcome. */
const struct sessp_names *sessp_names_once(sessp_names_slot *slot,
    const char *const *names, size_t n);

/* -- --extra */

/* Fields without a key, collected; zeros are an empty one. */
struct sessp_extra {
	struct sess_buf text;
	bool failed;
};

/* Add a field; empty ones and the log service's own (__*) are passed over. */
void sessp_extra_add(struct sessp_extra *x, struct sess_slice name, struct sess_slice value);

/* The object, in cv->arena, or {NULL, 0} where nothing was added.  x is then
 * empty and owns nothing. */
struct sess_slice sessp_extra_finish(struct sessp_extra *x, struct sessp_conv *cv);

/* Whether fields without a key are wanted. */
static inline bool
sessp_extra_wanted(const struct sessp_conv *cv)
{
	return cv->opts != NULL && cv->opts->extra;
}

#endif
