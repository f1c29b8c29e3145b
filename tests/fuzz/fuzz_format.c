/*
 * format: any bytes as any format.  Whatever comes in, an event that goes out
 * is written as a line that reads back as the same event, under every option.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/format/private.h"

static void
must(int holds)
{
	if (!holds)
		abort();
}

struct sink {
	struct sess_buf out, again;
	struct sess_event_scanner scanner;
	struct sess_event ev;
};

static int
read_back(void *arg, const struct sess_event *ev)
{
	struct sink *s = arg;
	struct sess_err err = { .code = SESS_OK };

	s->out.len = s->again.len = 0;
	must(sess_event_write(ev, &s->out) == SESS_OK);
	must(s->out.len > 0 && s->out.data[s->out.len - 1] == '\n');
	must(memchr(s->out.data, '\n', s->out.len - 1) == NULL);
	must(sess_buf_room(&s->out, SESSP_PAD) == 0);
	must(sess_event_scan(&s->scanner, &s->ev, s->out.data, s->out.len - 1, &err) == SESS_OK);
	must(s->ev.kind == ev->kind && s->ev.id == ev->id);
	must(s->ev.time == ev->time && s->ev.received == ev->received);
	s->ev.line = NULL;
	must(sess_event_write(&s->ev, &s->again) == SESS_OK);
	/* A line that was passed on may hold what this version doesn't know. */
	must(ev->line != NULL || (s->again.len == s->out.len &&
	    memcmp(s->again.data, s->out.data, s->out.len) == 0));
	return 0;
}

/* All lines, as the stream hands them over. */
static void
convert(struct sessp_conv *cv, const struct sessp_format *f, const char *p, size_t len,
    struct sink *s)
{
	const char *end = p + len, *nl;
	struct sess_err err;
	uint64_t line = 1, before;
	enum sessp_verdict v;

	for (; p < end && !cv->failed; p = nl + 1, line++) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		err = (struct sess_err){ .code = SESS_OK };
		before = cv->events;
		v = sessp_convert(cv, f, "fuzz", line, p, (size_t)(nl - p), read_back, s, &err);
		must(v != SESSP_REJECTED || (err.code < 0 && err.text[0] != '\0' && err.line > 0));
		must((v != SESSP_REJECTED && v != SESSP_IGNORED) || cv->events == before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct sess_convert_opts opts[] = {
		{ .format = NULL },
		{ .trust_forwarded = true, .extra = true, .session_by = SESS_BY_USER },
		{ .mask_ip4 = 24, .mask_ip6 = 48, .drop_query = true,
		    .hash_key = (const unsigned char *)"k", .hash_key_len = 1 },
	};
	static struct sessp_conv *cv[3];
	const struct sessp_format *f;
	struct sink s = { .out = { .data = NULL } };
	size_t i, off;
	char *text;

	/* Kept from input to input, so that state that leaks between records is met. */
	for (i = 0; i < 3; i++)
		must(cv[i] != NULL || sessp_conv_new(&cv[i], &opts[i], NULL) == SESS_OK);
	text = malloc(len + SESSP_PAD);
	must(text != NULL);
	if (len > 0)
		memcpy(text, data, len);
	memset(text + len, 0, SESSP_PAD);
	(void)sessp_sniff((const char *)data, len, true);
	(void)sessp_sniff((const char *)data, len, false);
	i = len > 0 ? data[0] % 3 : 0;
	for (size_t k = 0; (f = sessp_formats[k]) != NULL; k++) {
		if (f->framing == SESSP_CSV)
			must(sessp_conv_header(cv[i], text, len, NULL) == SESS_OK);
		off = sessp_tail(f, NULL, 0, text, len);
		must(off <= len);
		sessp_conv_seconds(cv[i], f, text + off, len - off);
		convert(cv[i], f, text, len, &s);
		must(!cv[i]->failed);
	}
	free(text);
	sess_buf_release(&s.out);
	sess_buf_release(&s.again);
	sess_event_scanner_release(&s.scanner);
	return 0;
}
