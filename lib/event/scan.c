#include "private.h"

#include <stdlib.h>

#include "walk.h"

#define MAX_DEPTH 512
#define NO_QUOTE SIZE_MAX
#define ONES 0x0101010101010101u	/* a byte of 1 in each byte */

/* What walks from quote to quote. */
struct scan {
	const char *text;
	size_t len;		/* without white space at the end */
	size_t special;		/* the first backslash or control byte from here
				 * on in the window; 0: to be looked for */
	size_t first;		/* where the first window begins */
	sessp_index_fn *index;
	struct sess_err *err;
	struct sessp_index ix;
};

/* -- bytes, eight at a time */

/* In w, 0x80 in each byte that is b, 0 in the others. */
static inline uint64_t
equal8(uint64_t w, unsigned char b)
{
	uint64_t x = w ^ ONES * b;

	return ~((((x & ONES * 0x7f) + ONES * 0x7f) | x) | ONES * 0x7f);
}

/* The same for bytes under 0x20. */
static inline uint64_t
control8(uint64_t w)
{
	return ~(((w & ONES * 0x7f) + ONES * 0x60) | w) & ONES * 0x80;
}

/* The index of the first byte that is marked so; some is. */
static inline size_t
first8(uint64_t marks)
{
	return (size_t)__builtin_ctzll(marks) / 8;
}

/* One bit for each byte marked so. */
static inline uint64_t
bits8(uint64_t marks)
{
	return (marks >> 7) * 0x0102040810204080u >> 56;
}

static inline void
masks(const char *p, struct sessp_masks *m)
{
	uint64_t w;

	*m = (struct sessp_masks){ 0 };
	for (unsigned i = 0; i < 64; i += 8) {
		w = sessp_load64(p + i);
		m->quote |= bits8(equal8(w, '"')) << i;
		m->backslash |= bits8(equal8(w, '\\')) << i;
		m->control |= bits8(control8(w)) << i;
		m->high |= bits8(w & ONES * 0x80) << i;
	}
}

static void
index_window(struct sessp_index *ix)
{
	sessp_index_window(ix, masks);
}

/* -- the walk from quote to quote */

static enum sess_status
bad(const struct scan *s, size_t p, const char *what)
{
	return sess_err_set(s->err, SESS_EFORMAT, 0, "%s at byte %zu", what, p + 1);
}

static inline bool
space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first byte from p on that is no white space: there is one, the text
 * ends with a brace. */
static inline size_t
skip(const struct scan *s, size_t p)
{
	while (space(s->text[p]))
		p++;
	return p;
}

/* The bits of a bitmap from p on, p in the window: 57 at least, zeros where
 * the window ends. */
static inline uint64_t
bits_from(const struct sessp_index *ix, const uint64_t *map, size_t p)
{
	p -= ix->base;
	return sessp_load64((const char *)map + p / 8) >> p % 8;
}

/* Go on to the next window. */
static void
refill(struct scan *s)
{
	s->index(&s->ix);
	/* A string that is being read may have begun before the window. */
	s->special = s->ix.base == s->first && s->ix.any_special == 0 ? SIZE_MAX : 0;
}

/* The first quote from p on, in whatever window. */
static __attribute__((noinline)) size_t
far_quote(struct scan *s, size_t p)
{
	const struct sessp_index *ix = &s->ix;
	uint64_t w;

	for (;;) {
		for (; p < ix->next; p = (p | 63) + 1) {
			w = le64toh(ix->quote[(p - ix->base) / 64]) >> p % 64;
			if (w != 0)
				return p + (size_t)__builtin_ctzll(w);
		}
		if (ix->next == ix->len)
			return NO_QUOTE;
		refill(s);
	}
}

/* The same, fast where it is near. */
static inline size_t
next_quote(struct scan *s, size_t p)
{
	uint64_t w = p < s->ix.next ? bits_from(&s->ix, s->ix.quote, p) : 0;

	return w != 0 ? p + (size_t)__builtin_ctzll(w) : far_quote(s, p);
}

/* Look for the first special byte from p on.  While p is before the window,
 * it stays unknown, and each string is looked at. */
static void
find_special(struct scan *s, size_t p)
{
	size_t base = s->ix.base, i, n = (s->ix.next - base + 63) / 64;
	uint64_t w;

	if (p < base) {
		s->special = 0;
		return;
	}
	p -= base;
	s->special = SIZE_MAX;
	for (i = p / 64; i < n; i++) {
		w = le64toh(s->ix.special[i]);
		if (i == p / 64)
			w &= ~(uint64_t)0 << p % 64;
		if (w != 0) {
			s->special = base + i * 64 + (size_t)__builtin_ctzll(w);
			return;
		}
	}
}

/* Whether a byte of a..b is over 0x7f; both are in the window. */
static inline bool
high(const struct sessp_index *ix, size_t a, size_t b)
{
	uint64_t m = 0;

	for (; b - a > 56; a += 56)
		m |= bits_from(ix, ix->high, a) << 8;
	if (a < b)
		m |= bits_from(ix, ix->high, a) << (64 - (b - a));
	return m != 0;
}

/* -- strings */

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *p)
{
	int v = 0, c;

	for (int i = 0; i < 4; i++) {
		c = (unsigned char)p[i];
		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* Read the escape at p, before end: its length, and the character it stands
 * for.  0 where it is none. */
static size_t
escape(const char *p, const char *end, uint32_t *cp)
{
	static const char letters[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int v, low;

	if (end - p < 2)
		return 0;
	if (p[1] != 'u') {
		at = memchr(letters, p[1], sizeof(letters) - 1);
		if (at == NULL)
			return 0;
		*cp = (unsigned char)chars[at - letters];
		return 2;
	}
	if (end - p < 6 || (v = hex4(p + 2)) < 0)
		return 0;
	*cp = (uint32_t)v;
	if (v < 0xd800 || v > 0xdfff)
		return 6;
	if (v > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	low = hex4(p + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*cp = 0x10000 + ((uint32_t)(v - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return 12;
}

const char *
sessp_string_end(const char *p, const char *end, uint64_t *high)
{
	uint32_t cp;
	size_t n;

	while (p < end && *p != '"') {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '\\') {
			if ((n = escape(p, end, &cp)) == 0)
				return NULL;
			p += n;
		} else {
			*high |= (unsigned char)*p & 0x80;
			p++;
		}
	}
	return p < end ? p : NULL;
}

/* Check the string between a and b byte by byte: *esc, whether it holds
 * escapes; *utf8, bytes over 0x7f. */
static enum sess_status
verify(struct scan *s, size_t a, size_t b, uint8_t *esc, uint8_t *utf8)
{
	uint64_t w, marks, over = 0;
	uint32_t cp;
	size_t n;

	*esc = 0;
	for (; a < b; a += n) {
		if (b - a >= 8) {
			w = sessp_load64(s->text + a);
			over |= w & ONES * 0x80;
			marks = equal8(w, '\\') | control8(w);
			n = marks != 0 ? first8(marks) : 8;
			if (n > 0)
				continue;
		}
		n = 1;
		if ((unsigned char)s->text[a] < 0x20)
			return bad(s, a, "control character in a string");
		if (s->text[a] == '\\') {
			*esc = 1;
			n = escape(s->text + a, s->text + b, &cp);
			if (n == 0)
				return bad(s, a, "bad escape");
		}
		over |= (unsigned char)s->text[a] & 0x80;
	}
	*utf8 = over != 0;
	return SESS_OK;
}

/* Check one string and go on to the next special byte behind it. */
static enum sess_status
check(struct scan *s, size_t a, size_t b, uint8_t *esc, uint8_t *utf8)
{
	enum sess_status st = verify(s, a, b, esc, utf8);

	if (st == SESS_OK)
		find_special(s, b);
	return st;
}

int
sessp_json_decode(const char *p, size_t len, struct sess_buf *out)
{
	const char *end = p + len;
	char *d;
	uint64_t w, marks;
	uint32_t cp;
	size_t n;

	/* An escape is never shorter than what it stands for; copies of eight
	 * bytes may write a few too many. */
	if (len > SIZE_MAX - 8 || sess_buf_room(out, len + 8) < 0)
		return -1;
	for (d = out->data + out->len; p < end; p += n) {
		if (end - p >= 8) {
			w = sessp_load64(p);
			memcpy(d, p, 8);
			marks = equal8(w, '\\');
			n = marks != 0 ? first8(marks) : 8;
			d += n;
			if (n > 0)
				continue;
		}
		n = 1;
		if (*p != '\\' || (n = escape(p, end, &cp)) == 0) {
			*d++ = *p;
			n = 1;
		} else {
			d += sessp_utf8_put(d, cp);
		}
	}
	out->len = (size_t)(d - out->data);
	return 0;
}

/* -- numbers */

/* How many of the eight bytes at p are digits, up to one that isn't. */
static inline size_t
digit_bytes(const char *p)
{
	uint64_t w = sessp_load64(p), odd;

	/* High half 3, and still so with 6 added: 0 to 9.  What the sum
	 * carries out of a byte is behind one that is no digit. */
	odd = ((w & ONES * 0xf0) ^ ONES * 0x30) |
	    (((w + ONES * 0x06) & ONES * 0xf0) ^ ONES * 0x30);
	return odd != 0 ? first8(odd) : 8;
}

/* The end of the run of digits at p. */
static inline const char *
digits(const char *p, const char *end)
{
	size_t n;

	for (; end - p >= 8; p += 8)
		if ((n = digit_bytes(p)) < 8)
			return p + n;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the JSON number at p, or NULL.  What follows is not looked at. */
static inline const char *
number(const char *p, const char *end)
{
	const char *q;

	if (p < end && *p == '-')
		p++;
	q = digits(p, end);
	if (q == p || (*p == '0' && q - p > 1))
		return NULL;
	if (q < end && *q == '.') {
		p = q + 1;
		q = digits(p, end);
		if (q == p)
			return NULL;
	}
	if (q < end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, end);
		if (q == p)
			return NULL;
	}
	return q;
}

bool
sessp_json_number(const char *p, size_t len)
{
	return len > 0 && number(p, p + len) == p + len;
}

/* -- values */

static inline bool
begins_number(char c)
{
	return c == '-' || (c >= '0' && c <= '9');
}

const char *
sessp_scalar_end(const char *p, const char *end, uint8_t *type)
{
	static const struct { const char *text; size_t len; uint8_t type; }
	    words[] = {
		{ "true", 4, SESSP_TRUE }, { "false", 5, SESSP_FALSE },
		{ "null", 4, SESSP_NULL }
	};

	if (begins_number(*p)) {
		*type = SESSP_NUMBER;
		return number(p, end);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((size_t)(end - p) > words[i].len &&
		    memcmp(p, words[i].text, words[i].len) == 0) {
			*type = words[i].type;
			return p + words[i].len;
		}
	return NULL;
}

/* The end of the number or literal at p and its type. */
static inline enum sess_status
scalar(struct scan *s, size_t p, size_t *end, uint8_t *type)
{
	const char *q = sessp_scalar_end(s->text + p, s->text + s->len, type);

	if (q == NULL)
		return bad(s, p, begins_number(s->text[p]) ? "bad number" : "value expected");
	*end = (size_t)(q - s->text);
	return SESS_OK;
}

/* Pass over a string at *p. */
static enum sess_status
skip_string(struct scan *s, size_t *p)
{
	size_t a = *p + 1, b;
	uint8_t esc, utf8;
	enum sess_status st;

	if (s->text[*p] != '"')
		return bad(s, *p, "name expected");
	b = next_quote(s, a);
	if (b == NO_QUOTE)
		return bad(s, *p, "string without an end");
	if (s->special < b && (st = check(s, a, b, &esc, &utf8)) < 0)
		return st;
	*p = b + 1;
	return SESS_OK;
}

/* Pass over the name, the colon and the space before an item's value. */
static enum sess_status
skip_name(struct scan *s, size_t *p)
{
	enum sess_status st = skip_string(s, p);

	if (st < 0)
		return st;
	*p = skip(s, *p);
	if (s->text[*p] != ':')
		return bad(s, *p, "':' expected");
	*p = skip(s, *p + 1);
	return SESS_OK;
}

/* What is open: a bit for each level, 1 for an object. */
struct levels {
	uint64_t object[MAX_DEPTH / 64];
	size_t depth;
};

static bool
in_object(const struct levels *l)
{
	return l->object[(l->depth - 1) / 64] >> (l->depth - 1) % 64 & 1;
}

static enum sess_status
open_level(struct scan *s, struct levels *l, size_t p)
{
	uint64_t bit = (uint64_t)1 << l->depth % 64;

	if (l->depth == MAX_DEPTH)
		return sess_err_set(s->err, SESS_EFORMAT, 0,
		    "nested deeper than %d at byte %zu", MAX_DEPTH, p + 1);
	if (s->text[p] == '{')
		l->object[l->depth / 64] |= bit;
	else
		l->object[l->depth / 64] &= ~bit;
	l->depth++;
	return SESS_OK;
}

/* Pass over what ends levels at *p, and the comma behind it.  l->depth is 0
 * where all is closed. */
static enum sess_status
skip_ends(struct scan *s, struct levels *l, size_t outer, size_t *p)
{
	while (l->depth > outer) {
		*p = skip(s, *p);
		if (s->text[*p] == ',') {
			*p = skip(s, *p + 1);
			return SESS_OK;
		}
		if (s->text[*p] != (in_object(l) ? '}' : ']'))
			return bad(s, *p, "',' or end expected");
		++*p;
		--l->depth;
		if (*p == s->len && l->depth > 0)
			return bad(s, *p, "text ends");
	}
	return SESS_OK;
}

/* Pass over the object or array at *p, inside of outer others. */
static enum sess_status
skip_nested(struct scan *s, size_t outer, size_t *p)
{
	struct levels l = { .depth = outer };
	enum sess_status st;
	uint8_t type;
	char c;

	if ((st = open_level(s, &l, *p)) < 0)
		return st;
	*p = skip(s, *p + 1);
	if (s->text[*p] == (in_object(&l) ? '}' : ']')) {
		++*p;
		return SESS_OK;
	}
	while (l.depth > outer) {
		if (in_object(&l) && (st = skip_name(s, p)) < 0)
			return st;
		c = s->text[*p];
		if (c == '{' || c == '[') {
			if ((st = open_level(s, &l, *p)) < 0)
				return st;
			*p = skip(s, *p + 1);
			if (s->text[*p] != (c == '{' ? '}' : ']'))
				continue;
		} else if (c == '"') {
			if ((st = skip_string(s, p)) < 0)
				return st;
		} else if ((st = scalar(s, *p, p, &type)) < 0) {
			return st;
		}
		if ((st = skip_ends(s, &l, outer, p)) < 0)
			return st;
	}
	return SESS_OK;
}

/* -- the walk along names that are expected */

static inline bool
begins(const char *p, const struct sessp_trail_name *name)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < SESSP_TRAIL_TEXT; i += 8)
		differ |= (sessp_load64(p + i) ^ sessp_load64(name->text + i)) &
		    sessp_load64(name->mask + i);
	return differ == 0;
}

static inline size_t
plain(const char *p, uint64_t *high)
{
	uint64_t w = sessp_load64(p);
	uint64_t marks = equal8(w, '"') | equal8(w, '\\') | control8(w);

	/* the bytes before the first that is marked */
	*high |= w & ONES * 0x80 & (marks != 0 ? (marks & -marks) - 1 : ~(uint64_t)0);
	return marks != 0 ? first8(marks) : 8;
}

static size_t
walk(struct sessp_trail *seen, const char *text, size_t p, size_t len, size_t behind,
    struct sessp_field *f, size_t max, size_t *n)
{
	static const struct sessp_walk_by by = { begins, plain, digit_bytes, 8 };

	return sessp_walk(seen, text, p, len, behind, f, max, n, &by);
}

const struct sessp_scan_version sessp_scan_portable = { index_window, walk };

const struct sessp_scan_version *
sessp_scan_best(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2"))
		return &sessp_scan_avx2;
#endif
	return &sessp_scan_portable;
}

/* -- the object */

/* Prepare for a text: *p is where its brace is. */
static enum sess_status
start(struct scan *s, const struct sessp_scan_version *by, const char *text, size_t len,
    size_t *p, struct sess_err *err)
{
	s->text = text;
	s->index = by->index;
	s->err = err;
	if (len > UINT32_MAX)
		return sess_err_set(err, SESS_ELIMIT, 0, "text of 4 GiB or more");
	while (len > 0 && space(text[len - 1]))
		len--;
	for (*p = 0; *p < len && space(text[*p]); )
		++*p;
	if (*p == len || text[*p] != '{')
		return bad(s, *p, "'{' expected");
	/* With a brace at the end no look at a byte behind one that is not a
	 * brace leaves the text. */
	if (text[len - 1] != '}')
		return bad(s, len, "'}' expected");
	s->len = s->ix.len = len;
	s->ix.text = text;
	return SESS_OK;
}

/* Begin to index for p, which is outside of a string.  Windows begin where the
 * words of a bitmap do. */
static void
index_from(struct scan *s, size_t p)
{
	s->first = s->ix.next = p - p % 64;
	s->ix.escaped = 0;
	refill(s);
}

static enum sess_status
more_fields(struct sessp_field **fields, size_t *cap, struct sess_err *err)
{
	size_t n = *cap > 0 ? *cap * 2 : 64;
	struct sessp_field *f;

	if (n > SIZE_MAX / 2 / sizeof(*f) ||
	    (f = realloc(*fields, n * sizeof(*f))) == NULL)
		return sess_err_nomem(err);
	*fields = f;
	*cap = n;
	return SESS_OK;
}

/* Check the name and the string value (c..d, empty: none) of f, where they
 * hold special bytes or began before the window. */
static enum sess_status
check_field(struct scan *s, struct sessp_field *f, size_t a, size_t b, size_t c,
    size_t d)
{
	uint8_t utf8;
	enum sess_status st;

	st = check(s, a, b, &f->name_esc, &utf8);
	if (st == SESS_OK && c < d)
		st = check(s, c, d, &f->val_esc, &f->val_utf8);
	return st;
}

/* Read the field whose name's quote is at *p into f; *p is then behind it. */
static inline __attribute__((always_inline)) enum sess_status
field(struct scan *s, struct sessp_field *f, size_t *p)
{
	size_t a = *p + 1, b, c, d;
	enum sess_status st;
	uint64_t quotes = a < s->ix.next ? bits_from(&s->ix, s->ix.quote, a) : 0;

	b = quotes != 0 ? a + (size_t)__builtin_ctzll(quotes) : far_quote(s, a);
	if (b == NO_QUOTE)
		return bad(s, *p, "string without an end");
	c = b + 1;
	if (s->text[c] != ':') {
		c = skip(s, c);
		if (s->text[c] != ':')
			return bad(s, c, "':' expected");
	}
	c++;
	if (s->text[c] <= ' ')
		c = skip(s, c);
	f->name = s->text + a;
	f->name_len = (uint32_t)(b - a);
	f->name_esc = f->val_esc = f->val_utf8 = f->seen = 0;
	if (s->text[c] == '"') {
		/* The third quote from a on, where bits reach so far. */
		quotes &= quotes - 1;
		quotes &= quotes - 1;
		c++;
		d = quotes != 0 ? a + (size_t)__builtin_ctzll(quotes) : next_quote(s, c);
		if (d == NO_QUOTE)
			return bad(s, c - 1, "string without an end");
		f->type = SESSP_STRING;
		f->val = s->text + c;
		f->val_len = (uint32_t)(d - c);
		*p = d + 1;
		if (s->special < d)
			return check_field(s, f, a, b, c, d);
		f->val_utf8 = high(&s->ix, c, d);
		return SESS_OK;
	}
	if (s->special < b && (st = check_field(s, f, a, b, 0, 0)) < 0)
		return st;
	*p = c;
	f->val = s->text + c;
	if (s->text[c] == '{' || s->text[c] == '[') {
		f->type = SESSP_NESTED;
		st = skip_nested(s, 1, p);
	} else {
		st = scalar(s, c, p, &f->type);
	}
	f->val_len = (uint32_t)(*p - c);
	return st;
}

/* The fields from p on, n of them being there already; p is behind the brace
 * or the comma before the next. */
static enum sess_status
rest(struct scan *s, size_t p, struct sessp_field **fields, size_t *n, size_t *cap)
{
	const char *text = s->text;
	enum sess_status st;

	index_from(s, p);
	p = skip(s, p);
	if (text[p] != '}' || *n > 0) {
		for (;; p++) {
			if (text[p] != '"') {
				p = skip(s, p);
				if (text[p] != '"')
					return bad(s, p, "name expected");
			}
			if (*n == *cap && (st = more_fields(fields, cap, s->err)) < 0)
				return st;
			if ((st = field(s, &(*fields)[*n], &p)) < 0)
				return st;
			++*n;
			if (p == s->len)
				return bad(s, p, "text ends");
			if (text[p] == ',')
				continue;
			p = skip(s, p);
			if (text[p] == '}')
				break;
			if (text[p] != ',')
				return bad(s, p, "',' or '}' expected");
		}
	}
	if (p + 1 != s->len)
		return bad(s, p + 1, "text behind the object");
	return SESS_OK;
}

enum sess_status
sessp_json_fields_by(const struct sessp_scan_version *by, const char *text, size_t len,
    size_t behind, struct sessp_trail *seen, struct sessp_field **fields, size_t *nfields,
    size_t *cap, struct sess_err *err)
{
	struct scan s;
	enum sess_status st;
	size_t p, n = 0;

	*nfields = 0;
	if ((st = start(&s, by, text, len, &p, err)) < 0)
		return st;
	if (seen != NULL)
		sessp_trail_line(seen);
	/* White space at the end is readable, too. */
	if (seen == NULL)
		p++;
	else
		p = by->walk(seen, text, p, s.len, behind + (len - s.len), *fields, *cap, &n);
	if (p < s.len && (st = rest(&s, p, fields, &n, cap)) < 0)
		return st;
	*nfields = n;
	return SESS_OK;
}

enum sess_status
sessp_json_fields_along(const char *text, size_t len, size_t behind,
    struct sessp_trail *seen, struct sessp_field **fields, size_t *nfields,
    size_t *cap, struct sess_err *err)
{
	return sessp_json_fields_by(sessp_scan_best(), text, len, behind, seen, fields,
	    nfields, cap, err);
}

enum sess_status
sessp_json_fields(const char *text, size_t len, struct sessp_field **fields,
    size_t *nfields, size_t *cap, struct sess_err *err)
{
	return sessp_json_fields_by(sessp_scan_best(), text, len, 0, NULL, fields, nfields,
	    cap, err);
}

bool
sessp_json_object(const char *text, size_t len)
{
	struct scan s;
	size_t p;

	if (start(&s, sessp_scan_best(), text, len, &p, NULL) != SESS_OK)
		return false;
	index_from(&s, p);
	return skip_nested(&s, 0, &p) == SESS_OK && p == s.len;
}
