#include <string.h>

#include "private.h"

/*
 * A note is what the reports look at of an event: a byte that tells that it is
 * counted, then for each key its number, the length of its text (7 bits a byte,
 * the last without the high bit) and the text.
 */

static int
put(struct sess_buf *out, unsigned key, struct sess_slice v, bool plain)
{
	size_t len = v.len;
	char *p;

	if (sess_buf_room(out, v.len + 11 + 32) < 0)
		return -1;
	p = out->data + out->len;
	*p++ = (char)key;
	for (; len >= 0x80; len >>= 7)
		*p++ = (char)(len | 0x80);
	*p++ = (char)len;
	if (plain && v.len <= 32)
		memcpy(p, v.p, 32);
	else
		memcpy(p, v.p, v.len);
	out->len = (size_t)(p + v.len - out->data);
	return 0;
}

int
sess_stats_note(void *arg, const struct sess_event *ev, uint32_t marks, struct sess_buf *out)
{
	const struct sess_stats *st = arg;
	uint64_t set;
	unsigned w, k;

	if (st->o.query != NULL && !sess_query_selects(st->o.query, ev, marks))
		return 0;
	if (sess_buf_putc(out, 1) < 0)
		return -1;
	for (w = 0; w < 2; w++)
		for (set = st->keys[ev->kind][w] & ev->has[w]; set != 0; set &= set - 1) {
			k = 64 * w + (unsigned)__builtin_ctzll(set);
			if (put(out, k, ev->v[k], ev->plain[w] >> k % 64 & 1) < 0)
				return -1;
		}
	return 0;
}

void
sessp_note_read(const char *p, size_t len, struct sess_event *ev)
{
	const char *end = p + len;
	unsigned key, shift;
	size_t n;

	for (p++; p < end; p += n) {
		key = (unsigned char)*p++;
		for (n = 0, shift = 0; (*p & 0x80) != 0; shift += 7)
			n |= (size_t)(*p++ & 0x7f) << shift;
		n |= (size_t)*p++ << shift;
		sess_event_set(ev, (enum sess_key)key, p, n);
	}
}
