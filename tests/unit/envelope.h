/*
 * envelope: what the tests of lib/format's envelopes share: convert lines, look
 * at the events.  Each event is written and read back on its way.
 */
#ifndef TEST_ENVELOPE_H
#define TEST_ENVELOPE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/format/private.h"

struct run {
	struct sess_convert_opts opts;
	struct sessp_conv *cv;
	struct sess_buf lines;		/* of the events, NUL between them */
	size_t n;			/* events of the last call */
	enum sessp_verdict verdict;
	struct sess_err err;
	struct sess_event_scanner scanner;
	struct sess_event ev;
};

static inline int
run_sink(void *arg, const struct sess_event *ev)
{
	struct run *r = arg;
	struct sess_err err = { .code = SESS_OK };
	size_t from = r->lines.len;

	assert_int_equal(sess_event_write(ev, &r->lines), SESS_OK);
	assert_int_equal(r->lines.data[r->lines.len - 1], '\n');
	assert_int_equal(sess_buf_room(&r->lines, SESSP_PAD), 0);
	if (sess_event_scan(&r->scanner, &r->ev, r->lines.data + from, r->lines.len - from - 1,
	    &err) != SESS_OK)
		fail_msg("not read back: %s: %.*s", err.text, (int)(r->lines.len - from),
		    r->lines.data + from);
	r->lines.data[r->lines.len - 1] = '\0';
	r->n++;
	return 0;
}

static inline void
run_release(struct run *r)
{
	sessp_conv_free(r->cv);
	sess_buf_release(&r->lines);
	sess_event_scanner_release(&r->scanner);
	memset(r, 0, sizeof(*r));
}

static inline enum sessp_verdict
run_bytes(struct run *r, const struct sessp_format *f, const char *p, size_t len)
{
	char *copy = calloc(1, len + SESSP_PAD);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	r->err = (struct sess_err){ .code = SESS_OK };
	if (r->cv == NULL && sessp_conv_new(&r->cv, &r->opts, &r->err) < 0)
		fail_msg("%s", r->err.text);
	r->lines.len = 0;
	r->n = 0;
	r->verdict = sessp_convert(r->cv, f, "log", 7, copy, len, run_sink, r, &r->err);
	free(copy);
	return r->verdict;
}

/* One record through a format. */
static inline enum sessp_verdict
run(struct run *r, const struct sessp_format *f, const char *line)
{
	return run_bytes(r, f, line, strlen(line));
}

/* The value of a key of the i-th event, "" where it is absent; borrowed until
 * the fourth call from now. */
static inline const char *
value_of(struct run *r, size_t i, const char *key)
{
	static char text[4][4096];
	static unsigned turn;
	char *out = text[turn++ % 4];
	const char *p = r->lines.data;
	struct sess_slice s;
	int k = sess_key_find(key, strlen(key));

	assert_true(i < r->n && k >= 0);
	while (i-- > 0)
		p += strlen(p) + 1;
	assert_int_equal(sess_event_scan(&r->scanner, &r->ev, p, strlen(p), NULL), SESS_OK);
	if (k == SESS_K_KIND)
		return sess_kinds[r->ev.kind];
	if (k == SESS_K_ID)
		snprintf(out, 4096, "%016llx", (unsigned long long)r->ev.id);
	else if (k == SESS_K_RECEIVED || k == SESS_K_TIME)
		snprintf(out, 4096, "%lld", (long long)(k == SESS_K_TIME ? r->ev.time : r->ev.received));
	else {
		s = sess_event_get(&r->ev, (enum sess_key)k);
		snprintf(out, 4096, "%.*s", (int)s.len, s.p);
	}
	return out;
}

/* Of the only event. */
static inline void
assert_value(struct run *r, const char *key, const char *expected)
{
	assert_int_equal(r->n, 1);
	assert_string_equal(value_of(r, 0, key), expected);
}

#endif
