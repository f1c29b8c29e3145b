/*
 * Canonical lines: what is read and written again is the same bytes, and what
 * is written of any values is JSON.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../lib/event/private.h"
#include "sess/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What %XX stands for, in place. */
static size_t
unescape(char *p, size_t len)
{
	size_t i, n = 0;
	char hex[3] = "";

	for (i = 0; i < len; i++, n++) {
		p[n] = p[i];
		if (p[i] != '%')
			continue;
		assert(len - i > 2);
		memcpy(hex, p + i + 1, 2);
		p[n] = (char)strtoul(hex, NULL, 16);
		i += 2;
	}
	return n;
}

static bool
same(struct sess_slice s, const char *p, size_t len)
{
	return s.len == len && (len == 0 || memcmp(s.p, p, len) == 0);
}

/* A key is one field of printable ASCII, from which the group can be read. */
static void
key_law(const struct sess_event *ev)
{
	bool session = sess_event_has(ev, SESS_K_SESSION_ID);
	char name[SESS_GROUP_NAME], hash[9] = "", *id, *at, *end;
	struct sess_buf key = { 0 };
	size_t i;

	assert(sess_event_key(ev, &key) == SESS_OK && key.len > 9);
	for (i = 0; i < key.len; i++)
		assert(key.data[i] > ' ' && key.data[i] < 0x7f);
	memcpy(hash, key.data, 8);
	assert(strtoul(hash, NULL, 16) == sess_group_hash(sess_event_group(ev, name)));
	id = key.data + 9;
	end = key.data + key.len;
	at = memchr(id, '@', (size_t)(end - id));
	assert(id[-1] == ':' && (at != NULL) == session);
	if (session)
		assert(same(sess_event_get(ev, SESS_K_APP_ID), at + 1,
		    unescape(at + 1, (size_t)(end - at - 1))));
	assert(same(sess_event_group(ev, name), id,
	    unescape(id, (size_t)((session ? at : end) - id))));
	sess_buf_release(&key);
}

/* Write ev, read that, write it again: the same event, the same bytes. */
static void
law(const struct sess_event *ev)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_buf once = { 0 }, twice = { 0 };
	struct sess_event again;
	json_t *root;

	assert(sess_event_write(ev, &once) == SESS_OK);
	assert(once.len > 1 && once.data[once.len - 1] == '\n');
	assert(memchr(once.data, '\n', once.len - 1) == NULL);
	root = json_loadb(once.data, once.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES |
	    JSON_DECODE_INT_AS_REAL, NULL);
	json_decref(root);
	/* twice: the scanner knows the names, then */
	assert(sess_event_scan(&sc, &again, once.data, once.len - 1, NULL) == SESS_OK);
	assert(sess_event_scan(&sc, &again, once.data, once.len - 1, NULL) == SESS_OK);
	assert(again.id == ev->id && again.kind == ev->kind);
	assert(again.line == once.data && again.line_len == once.len - 1);
	for (int k = 0; k < SESS_NKEYS; k++)
		if (sess_event_has(&again, (enum sess_key)k)) {
			double d = sess_event_num(&again, (enum sess_key)k, -1);

			assert(k > SESS_K_KIND && again.v[k].len > 0 && isfinite(d));
			(void)sess_event_int(&again, (enum sess_key)k, 0);
		}
	key_law(&again);
	again.line = NULL;
	assert(sess_event_write(&again, &twice) == SESS_OK);
	assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	sess_buf_release(&once);
	sess_buf_release(&twice);
	sess_event_scanner_release(&sc);
}

static void
scan(const char *line, size_t len)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_buf out = { 0 };
	struct sess_event ev;
	struct sess_err err = { 0 };
	enum sess_status st = sess_event_scan(&sc, &ev, line, len, &err);

	assert(st == err.code && (st == SESS_OK || st == SESS_EFORMAT));
	if (st == SESS_OK) {
		assert(sess_event_write(&ev, &out) == SESS_OK);
		assert(out.len == len + 1 && memcmp(out.data, line, len) == 0);
		ev.line = NULL;
		law(&ev);
	}
	sess_buf_release(&out);
	sess_event_scanner_release(&sc);
}

/* Key, length, bytes, and so on, as values of an event. */
static void
build(const uint8_t *p, size_t size)
{
	struct sess_event ev;
	size_t i = 0, n;

	sess_event_reset(&ev);
	ev.id = size;
	ev.kind = (enum sess_kind)(size % SESS_NKINDS);
	ev.time = (int64_t)size * 1234567891;
	while (size - i >= 2) {
		enum sess_key k = (enum sess_key)(p[i] % SESS_NKEYS);

		n = p[i + 1];
		i += 2;
		if (n > size - i)
			n = size - i;
		sess_event_set(&ev, k, (const char *)p + i, n);
		i += n;
	}
	/* these live elsewhere: what is set of them is passed over */
	key_law(&ev);
	law(&ev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size);	/* exact: a look behind it is found out */

	if (line == NULL)
		return 0;
	if (size > 0)
		memcpy(line, data, size);
	scan(line, size);
	build(data, size);
	free(line);
	return 0;
}
