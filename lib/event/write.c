#include "sess/event.h"

#include <string.h>

#include "private.h"
#include "sess/when.h"

#define ONES 0x0101010101010101u	/* a byte of 1 in each byte */
#define SLACK 32			/* what copies of fixed size write too much */
#define SHORT 4096			/* strings that get the room they could need */

/* -- strings */

/* A word in which the high bit of each byte tells that the byte of w needs a
 * look: ", \, a control character, or not ASCII.  Only bytes behind such a one
 * may be marked wrongly. */
static inline uint64_t
odd(uint64_t w)
{
	uint64_t quote = w ^ ONES * '"', backslash = w ^ ONES * '\\';

	return ((quote - ONES) | (backslash - ONES) | (w - ONES * 0x20) | w) &
	    ONES << 7;
}

/* The 1 to 7 bytes before end as a number, zeros behind them; the string
 * begins len bytes before end. */
static inline uint64_t
last_bytes(const char *end, size_t n, size_t len)
{
	uint64_t head, tail;

	if (len >= 8)
		return sessp_load64(end - 8) >> (64 - 8 * n);
	sessp_words(end - n, n, &head, &tail);
	return head;
}

size_t
sessp_utf8_put(char *d, uint32_t cp)
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	if (n == 1) {
		d[0] = (char)cp;
		return n;
	}
	for (size_t i = n; --i > 0; cp >>= 6)
		d[i] = (char)(0x80 | (cp & 0x3f));
	d[0] = (char)(0xf00 >> n | cp);
	return n;
}

/* Length of the UTF-8 character at p; where there is none, *ok is false and
 * the length that of the maximal part of one, for which one U+FFFD stands. */
static inline size_t
utf8(const unsigned char *p, const unsigned char *end, bool *ok)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t need, i;

	*ok = false;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < need; i++, low = 0x80, high = 0xbf)
		if (p + i >= end || p[i] < low || p[i] > high)
			return i;
	*ok = true;
	return need;
}

/* Copy the run of bytes over 0x7f at *p, mended. */
static char *
copy_high(char *o, const char **p, const char *end)
{
	const unsigned char *s = (const unsigned char *)*p;
	const unsigned char *e = (const unsigned char *)end;
	size_t n;
	bool ok;

	do {
		n = utf8(s, e, &ok);
		if (ok) {
			for (size_t i = 0; i < n; i++)
				*o++ = (char)s[i];
		} else {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
		}
		s += n;
	} while (s < e && *s >= 0x80);
	*p = (const char *)s;
	return o;
}

/* The escape of a quote, backslash or control character. */
static char *
escape(char *o, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letter[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	*o++ = '\\';
	if (c >= 0x20) {
		*o++ = (char)c;
	} else if (letter[c] != 0) {
		*o++ = letter[c];
	} else {
		memcpy(o, "u00", 3);
		o[3] = hex[c >> 4];
		o[4] = hex[c & 15];
		o += 5;
	}
	return o;
}

/* Write the body of a string at o, where there is room (see bound). */
static inline char *
body(char *o, const char *p, size_t len)
{
	const char *end = p + len;
	uint64_t w, marks;
	size_t n, i;

	while (p < end) {
		n = (size_t)(end - p);
		if (n >= 8) {
			n = 8;
			w = sessp_load64(p);
			marks = odd(w);
		} else {
			w = last_bytes(end, n, len);
			marks = odd(w) & (((uint64_t)1 << 8 * n) - 1);
		}
		w = htole64(w);
		memcpy(o, &w, 8);
		i = marks != 0 ? (size_t)__builtin_ctzll(marks) / 8 : n;
		o += i;
		p += i;
		if (i == n)
			continue;
		if ((unsigned char)*p >= 0x80)
			o = copy_high(o, &p, end);
		else
			o = escape(o, (unsigned char)*p++);
	}
	return o;
}

/* How long the body of a string can get, or SIZE_MAX: 6 bytes for a control
 * character, 3 for a byte that is not UTF-8.  A long one is looked at first, so
 * that it doesn't take six times its memory. */
static size_t
bound(const char *p, size_t len)
{
	size_t n = len;

	if (len > SIZE_MAX / 16)
		return SIZE_MAX;
	if (len <= SHORT)
		return 6 * len;
	for (const char *end = p + len; p < end; p++)
		n += (unsigned char)*p >= 0x80 ? 2 :
		    (unsigned char)*p < 0x20 || *p == '"' || *p == '\\' ? 5 : 0;
	return n;
}

/* Room for the body of a string and extra more bytes. */
static inline int
room(struct sess_buf *out, const char *p, size_t len, size_t extra)
{
	size_t n = bound(p, len);

	return n == SIZE_MAX ? -1 : sess_buf_room(out, n + extra + SLACK);
}

int
sessp_json_quote(const char *p, size_t len, struct sess_buf *out)
{
	char *o;

	if (room(out, p, len, 2) < 0)
		return -1;
	o = out->data + out->len;
	*o++ = '"';
	o = body(o, p, len);
	*o++ = '"';
	out->len = (size_t)(o - out->data);
	return 0;
}

/* -- events */

/* ,"name":" with zeros behind it: the longest has 15 + 5 bytes. */
#define KEY_WIDTH 24
static const char key_text[SESS_NKEYS][KEY_WIDTH] = {
#define KEY(NAME, name, type, arms, otel, doc) ",\"" name "\":\"",
	SESS_KEYS(KEY)
#undef KEY
};

/* Write the key; with the quote that opens a string where quote is 1. */
static inline char *
put_key(char *o, enum sess_key k, unsigned quote)
{
	memcpy(o, key_text[k], KEY_WIDTH);
	return o + sess_keys[k].len + 4 + quote;
}

static char *
put_time(char *o, enum sess_key k, int64_t ms)
{
	if (ms == SESS_NO_TIME)
		return o;
	o = put_key(o, k, 1);
	sess_when_format(ms, o);
	o[SESS_WHEN_LEN] = '"';
	return o + SESS_WHEN_LEN + 1;
}

/* Write all up to the kind; 256 bytes are enough for it. */
static char *
put_head(char *o, const struct sess_event *ev)
{
	static const char hex[] = "0123456789abcdef", head[] = "{\"v\":1,\"id\":\"";
	size_t len;

	memcpy(o, head, sizeof(head) - 1);
	o += sizeof(head) - 1;
	for (int shift = 60; shift >= 0; shift -= 4)
		*o++ = hex[ev->id >> shift & 15];
	*o++ = '"';
	o = put_time(o, SESS_K_TIME, ev->time);
	o = put_time(o, SESS_K_RECEIVED, ev->received);
	o = put_key(o, SESS_K_KIND, 1);
	len = strlen(sess_kinds[ev->kind]);
	memcpy(o, sess_kinds[ev->kind], len);
	o += len;
	*o++ = '"';
	return o;
}

/* Copy a JSON text on one line: white space is all that can be a control
 * character in it, and strings all that can be not ASCII. */
static char *
put_object(char *o, const char *p, const char *end)
{
	while (p < end)
		if ((unsigned char)*p >= 0x80)
			o = copy_high(o, &p, end);
		else
			*o++ = (unsigned char)*p < 0x20 ? ' ' : *p, p++;
	return o;
}

/* Whether the text can stand in a line as a value of key k, a string apart. */
static bool
writable(enum sess_key k, struct sess_slice s)
{
	switch (sess_keys[k].type) {
	case SESS_T_INT:
	case SESS_T_NUM:
		return sessp_json_number(s.p, s.len);
	case SESS_T_BOOL:
		return (s.len == 4 && memcmp(s.p, "true", 4) == 0) ||
		    (s.len == 5 && memcmp(s.p, "false", 5) == 0);
	case SESS_T_OBJ:
		return s.len > 0 && s.p[0] == '{' && s.p[s.len - 1] == '}' &&
		    sessp_json_object(s.p, s.len);
	default:
		return false;
	}
}

/* Make room at *o, where out is written, for one key and its value.  The place
 * is kept in a register while there is room: few calls, and no store that the
 * next key waits for. */
static inline int
make_room(struct sess_buf *out, char **o, struct sess_slice s)
{
	size_t free_bytes = out->cap - (size_t)(*o - out->data);

	if (s.len <= SHORT && free_bytes >= 6 * SHORT + KEY_WIDTH + SLACK)
		return 0;
	out->len = (size_t)(*o - out->data);
	if (room(out, s.p, s.len, KEY_WIDTH) < 0)
		return -1;
	*o = out->data + out->len;
	return 0;
}

/* Write a key and its value that is no string. */
static char *
put_plain(char *o, enum sess_key k, struct sess_slice s)
{
	if (!writable(k, s))
		return o;
	o = put_key(o, k, 0);
	if (sess_keys[k].type == SESS_T_OBJ)
		return put_object(o, s.p, s.p + s.len);
	memcpy(o, s.p, s.len);
	return o + s.len;
}

static int
put_event(const struct sess_event *ev, struct sess_buf *out)
{
	/* What lives outside of v. */
	const uint64_t apart = (uint64_t)1 << SESS_K_V | (uint64_t)1 << SESS_K_ID |
	    (uint64_t)1 << SESS_K_KIND | (uint64_t)1 << SESS_K_TIME |
	    (uint64_t)1 << SESS_K_RECEIVED;
	uint64_t bits;
	char *o;

	if (sess_buf_room(out, 256) < 0)
		return -1;
	o = put_head(out->data + out->len, ev);
	for (unsigned word = 0; word < 2; word++) {
		bits = word == 0 ? ev->has[0] & ~apart : ev->has[1];
		for (; bits != 0; bits &= bits - 1) {
			unsigned k = word * 64 + (unsigned)__builtin_ctzll(bits);

			if (make_room(out, &o, ev->v[k]) < 0)
				return -1;
			if (sess_keys[k].type == SESS_T_STR) {
				o = put_key(o, (enum sess_key)k, 1);
				o = body(o, ev->v[k].p, ev->v[k].len);
				*o++ = '"';
			} else {
				o = put_plain(o, (enum sess_key)k, ev->v[k]);
			}
		}
	}
	out->len = (size_t)(o - out->data);
	return sess_buf_add(out, "}\n", 2);
}

enum sess_status
sess_event_write(const struct sess_event *ev, struct sess_buf *out)
{
	size_t start = out->len;
	int r;

	if (ev->line == NULL)
		r = put_event(ev, out);
	else if ((r = sess_buf_add(out, ev->line, ev->line_len)) == 0)
		r = sess_buf_putc(out, '\n');
	if (r == 0)
		return SESS_OK;
	out->len = start;
	return SESS_ENOMEM;
}
