/*
 * beacon: what the tests of payloads share: a request of an SDK as a line of a
 * JSON access log.
 */
#ifndef TEST_BEACON_H
#define TEST_BEACON_H

#include "envelope.h"

static inline void
beacon_field(struct sess_buf *b, const char *name, const char *value)
{
	assert_int_equal(sess_buf_printf(b, ",\"%s\":", name), 0);
	assert_int_equal(sessp_json_quote(value, strlen(value), b), 0);
}

/* POST path?query with a body; body NULL: the log has none. */
static inline enum sessp_verdict
beacon_to(struct run *r, const char *path, const char *query, const char *body)
{
	struct sess_buf b = { .data = NULL };
	enum sessp_verdict v;

	assert_int_equal(sess_buf_puts(&b, "{\"msec\":1795468202.025,\"remote_addr\":"
	    "\"192.0.2.7\",\"request_method\":\"POST\",\"status\":200"), 0);
	beacon_field(&b, "uri", path);
	beacon_field(&b, "args", query);
	if (body != NULL)
		beacon_field(&b, "request_body", body);
	assert_int_equal(sess_buf_putc(&b, '}'), 0);
	v = run_bytes(r, &sessp_access_json, b.data, b.len);
	sess_buf_release(&b);
	return v;
}

static inline enum sessp_verdict
beacon(struct run *r, const char *query, const char *body)
{
	return beacon_to(r, "/r.png", query, body);
}

/* A value of the i-th event. */
#define assert_event(r, i, key, expected) \
	assert_string_equal(value_of((r), (i), (key)), (expected))

/* The error of the last call. */
#define assert_error(r, text_) assert_string_equal((r)->err.text, (text_))

#endif
