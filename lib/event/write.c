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

/* Whether the three bytes at p are a character, as those of most scripts beyond
 * the alphabets: no other form of a shorter one, no surrogate. */
static inline bool
is_three(const unsigned char *p)
{
	uint32_t w = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return (w & 0xc0c0f0) == 0x8080e0 && (w & 0x200f) != 0 && (w & 0x200f) != 0x200d;
}

bool
sessp_utf8_valid(const char *p, size_t len)
{
	const unsigned char *s = (const unsigned char *)p, *end = s + len;
	bool ok = true;

	while (s < end && ok) {
		if (end - s >= 8 && (sessp_load64((const char *)s) & ONES << 7) == 0)
			s += 8;
		else if (*s < 0x80)
			s++;
		else if (end - s >= 3 && is_three(s))
			s += 3;
		else
			s += utf8(s, end, &ok);
	}
	return ok;
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
		if (e - s >= 3 && is_three(s)) {
			memcpy(o, s, 3);
			o += 3;
			s += 3;
			continue;
		}
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
		if ((unsigned char)*p >= 0x80) {
			o = copy_high(o, &p, end);
			continue;
		}
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
		if (i < n && (unsigned char)*p < 0x80)
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

/* What comes before and behind the value of a key. */
#define KEY_WIDTH 24			/* the longest has 15 + 5 bytes */
static const struct around {
	_Alignas(32) char text[KEY_WIDTH];	/* ,"name":" with zeros behind it */
	unsigned char len;		/* of it, a string's first quote with it */
	unsigned char quote;		/* 1: a quote comes behind the value */
} around[SESS_NKEYS] = {
#define IS_TEXT(type) (SESS_T_##type == SESS_T_STR || SESS_T_##type == SESS_T_TIME)
#define AROUND(NAME, name, type, arms, otel, doc) \
	{ ",\"" name "\":\"", sizeof(name) - 1 + 4 + IS_TEXT(type), IS_TEXT(type) },
	SESS_KEYS(AROUND)
#undef AROUND
};

static inline char *
put_key(char *o, enum sess_key k)
{
	memcpy(o, around[k].text, KEY_WIDTH);
	return o + around[k].len;
}

static char *
put_time(char *o, enum sess_key k, int64_t ms)
{
	if (ms == SESS_NO_TIME)
		return o;
	o = put_key(o, k);
	sess_when_format(ms, o);
	o[SESS_WHEN_LEN] = '"';
	return o + SESS_WHEN_LEN + 1;
}

/* Write eight hex digits. */
static inline void
put_hex8(char *o, uint32_t v)
{
	uint64_t x = v;

	/* A byte for each digit, */
	x = (x & 0xffff0000) << 16 | (x & 0xffff);
	x = (x & 0x0000ff000000ff00) << 8 | (x & 0x000000ff000000ff);
	x = (x & 0x00f000f000f000f0) << 4 | (x & 0x000f000f000f000f);
	/* which is behind '9' where six more make it carry. */
	x += ONES * '0' + ((x + ONES * 6) >> 4 & ONES) * ('a' - '0' - 10);
	x = htobe64(x);
	memcpy(o, &x, sizeof(x));
}

/* Write all up to the kind; 256 bytes are enough for it. */
static char *
put_head(char *o, const struct sess_event *ev)
{
	static const char head[] = "{\"v\":1,\"id\":\"";
	size_t len;

	memcpy(o, head, sizeof(head) - 1);
	o += sizeof(head) - 1;
	put_hex8(o, (uint32_t)(ev->id >> 32));
	put_hex8(o + 8, (uint32_t)ev->id);
	o[16] = '"';
	o += 17;
	o = put_time(o, SESS_K_TIME, ev->time);
	o = put_time(o, SESS_K_RECEIVED, ev->received);
	o = put_key(o, SESS_K_KIND);
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

/* Write a key and its value that is no string. */
static char *
put_other(char *o, enum sess_key k, struct sess_slice s)
{
	if (!writable(k, s))
		return o;
	o = put_key(o, k);
	if (sess_keys[k].type == SESS_T_OBJ)
		return put_object(o, s.p, s.p + s.len);
	memcpy(o, s.p, s.len);
	return o + s.len;
}

/* Write a key and its value that is known to need no look. */
static inline char *
put_plain(char *o, const struct around *a, const char *p, size_t len)
{
	memcpy(o, a->text, KEY_WIDTH);
	o += a->len;
	memcpy(o, p, 32);
	for (size_t i = 32; i < len; i += 32)
		memcpy(o + i, p + i, 32);
	o += len;
	*o = '"';
	return o + a->quote;
}

static char *
put_checked(char *o, enum sess_key k, struct sess_slice s)
{
	if (!around[k].quote)
		return put_other(o, k, s);
	o = put_key(o, k);
	o = body(o, s.p, s.len);
	*o++ = '"';
	return o;
}

/* Make room at *o, where out is written, for one key and its value and those
 * behind it as long as they are short and *o is before *limit.  The place is
 * kept in a register: few calls, and no store that the next key waits for. */
static int
make_room(struct sess_buf *out, char **o, char **limit, struct sess_slice s)
{
	const size_t enough = 6 * SHORT + KEY_WIDTH + SLACK;

	out->len = (size_t)(*o - out->data);
	if (room(out, s.p, s.len, KEY_WIDTH) < 0 || sess_buf_room(out, enough) < 0)
		return -1;
	*o = out->data + out->len;
	*limit = out->data + out->cap - enough;
	return 0;
}

/* Write the keys of word w that has says. */
static inline __attribute__((always_inline)) char *
put_keys(char *o, char **limit, const struct sess_event *ev, unsigned w, uint64_t has,
    struct sess_buf *out)
{
	uint64_t plain = ev->plain[w];

	for (; has != 0; has &= has - 1) {
		size_t bit = (size_t)__builtin_ctzll(has), k = 64 * w + bit;
		const struct sess_slice *s = &ev->v[k];

		if ((o > *limit || s->len > SHORT) && make_room(out, &o, limit, *s) < 0)
			return NULL;
		if (plain >> bit & 1)
			o = put_plain(o, &around[k], s->p, s->len);
		else
			o = put_checked(o, (enum sess_key)k, *s);
	}
	return o;
}

static int
put_event(const struct sess_event *ev, struct sess_buf *out)
{
	/* What lives outside of v. */
	const uint64_t apart = (uint64_t)1 << SESS_K_V | (uint64_t)1 << SESS_K_ID |
	    (uint64_t)1 << SESS_K_KIND | (uint64_t)1 << SESS_K_TIME |
	    (uint64_t)1 << SESS_K_RECEIVED;
	struct sess_slice none = { NULL, 0 };
	char *o, *limit;

	if (sess_buf_room(out, 256) < 0)
		return -1;
	o = put_head(out->data + out->len, ev);
	if (make_room(out, &o, &limit, none) < 0 ||
	    (o = put_keys(o, &limit, ev, 0, ev->has[0] & ~apart, out)) == NULL ||
	    (o = put_keys(o, &limit, ev, 1, ev->has[1], out)) == NULL)
		return -1;
	/* There is slack behind the last key. */
	*o++ = '}';
	*o++ = '\n';
	out->len = (size_t)(o - out->data);
	return 0;
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

/* Through JSON and back: one way to tell what becomes of which bytes. */
int
sessp_utf8_mend(const char *p, size_t len, struct sess_buf *out)
{
	struct sess_buf quoted = { 0 };
	int r = sessp_json_quote(p, len, &quoted) < 0 ||
	    sessp_json_decode(quoted.data + 1, quoted.len - 2, out) < 0 ? -1 : 0;

	sess_buf_release(&quoted);
	return r;
}
