/*
 * payload: what the fuzzers of payloads share.  An event that comes out is a
 * line that reads back as itself, and its keys are what their types say.
 */
#ifndef FUZZ_PAYLOAD_H
#define FUZZ_PAYLOAD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/format/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline void
must(int holds)
{
	if (!holds)
		abort();
}

struct checked {
	struct sess_buf line;
	struct sess_event_scanner scanner;
	struct sess_event back;
	uint64_t n, ids;		/* events, the sum of their ids */
};

static inline int
check_event(void *arg, const struct sess_event *ev)
{
	struct checked *c = arg;
	unsigned k;

	c->line.len = 0;
	must(sess_event_write(ev, &c->line) == SESS_OK);
	must(sess_buf_room(&c->line, SESSP_PAD) == 0);
	must(sess_event_scan(&c->scanner, &c->back, c->line.data, c->line.len - 1, NULL) == SESS_OK);
	must(c->back.kind == ev->kind && c->back.id == ev->id && c->back.time == ev->time &&
	    c->back.received == ev->received);
	/* what the writer would leave out must not be there */
	for (k = 0; k < SESS_NKEYS; k++)
		must(sess_event_has(ev, (enum sess_key)k) == sess_event_has(&c->back, (enum sess_key)k));
	must(sess_event_times(ev) >= 1);
	c->n++;
	c->ids += ev->id;
	return 0;
}

static inline void
checked_release(struct checked *c)
{
	sess_buf_release(&c->line);
	sess_event_scanner_release(&c->scanner);
}

/* Convert one record; the events and their ids are the same a second time. */
static inline void
convert_twice(struct sessp_conv *cv, const struct sessp_format *f, const char *p, size_t len)
{
	struct checked c[2] = { { .n = 0 }, { .n = 0 } };
	enum sessp_verdict v[2];
	struct sess_err err;
	char *copy = malloc(len + SESSP_PAD);
	int i;

	must(copy != NULL);
	for (i = 0; i < 2; i++) {
		memset(copy, 0, len + SESSP_PAD);
		if (len > 0)
			memcpy(copy, p, len);
		err = (struct sess_err){ .code = SESS_OK };
		sessp_conv_seconds(cv, f, copy, 0);	/* equal plain requests are counted */
		v[i] = sessp_convert(cv, f, "fuzz", 1, copy, len, check_event, &c[i], &err);
		must(!cv->failed);
		must(v[i] == SESSP_CONVERTED || v[i] == SESSP_IGNORED ||
		    (err.code < 0 && err.text[0] != '\0'));
		must(v[i] != SESSP_REJECTED || c[i].n == 0);
	}
	must(v[0] == v[1] && c[0].n == c[1].n && c[0].ids == c[1].ids);
	checked_release(&c[0]);
	checked_release(&c[1]);
	free(copy);
}

/* A request with a query and a body as a line of a JSON access log; body NULL:
 * the log has none. */
static inline void
convert_request(struct sessp_conv *cv, const char *query, size_t query_len,
    const char *body, size_t body_len)
{
	struct sess_buf b = { .data = NULL };

	must(sess_buf_puts(&b, "{\"msec\":1795468202.025,\"remote_addr\":\"192.0.2.7\","
	    "\"request_method\":\"POST\",\"status\":200,\"uri\":\"/r.png\",\"args\":") == 0);
	must(sessp_json_quote(query, query_len, &b) == 0);
	must(body == NULL || (sess_buf_puts(&b, ",\"request_body\":") == 0 &&
	    sessp_json_quote(body, body_len, &b) == 0));
	must(sess_buf_putc(&b, '}') == 0);
	convert_twice(cv, &sessp_access_json, b.data, b.len);
	sess_buf_release(&b);
}

#endif
