#include "sess/event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "sess/when.h"

/* -- values */

/* Ten to the n: up to 22 a double holds it exactly. */
static long double
ten_to(long n)
{
	double v = 1;

	if (n > 22)
		return powl(10, (long double)n);
	while (n-- > 0)
		v *= 10;
	return v;
}

/* Whether the text is a JSON number of nothing but digits, so many at most: its value. */
static inline bool
is_whole(const char *p, size_t len, size_t most, uint64_t *v)
{
	size_t i;

	if (len == 0 || len > most || (*p == '0' && len > 1))
		return false;
	for (*v = i = 0; i < len && p[i] >= '0' && p[i] <= '9'; i++)
		*v = *v * 10 + (uint64_t)(p[i] - '0');
	return i == len;
}

/*
 * The value of a JSON number, whatever the locale: up to 19 digits as a whole
 * number, times a power of ten.  Up to 2^53 and 10^22, which is all that an
 * SDK sends, one division of doubles gives what strtod does.
 */
static bool
decimal(const char *p, size_t len, double *v)
{
	const char *end = p + len;
	bool minus, minus_exp;
	uint64_t m = 0;
	long exp = 0, e = 0;
	long double d;

	if (!sessp_json_number(p, len))
		return false;
	minus = *p == '-';
	p += minus;
	for (bool fraction = false; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		if (m < UINT64_MAX / 10 - 1)
			m = m * 10 + (uint64_t)(*p - '0');
		else
			exp++;			/* a digit too many to matter */
		exp -= fraction;
	}
	if (p < end) {
		p++;
		minus_exp = *p == '-';
		p += *p == '-' || *p == '+';
		for (; p < end; p++)
			if (e < 1000000)
				e = e * 10 + *p - '0';
		exp += minus_exp ? -e : e;
	}
	d = (long double)m;
	if (m <= (uint64_t)1 << 53 && exp >= -22 && exp <= 22)
		d = exp < 0 ? (double)m / (double)ten_to(-exp) :
		    (double)m * (double)ten_to(exp);
	else if (m != 0)
		d = exp < 0 ? d / ten_to(-exp) : d * ten_to(exp);
	*v = (double)(minus ? -d : d);
	return isfinite(*v);
}

double
sess_event_num(const struct sess_event *ev, enum sess_key k, double missing)
{
	struct sess_slice s = sess_event_get(ev, k);
	uint64_t whole;
	double v;

	if (is_whole(s.p, s.len, 15, &whole))	/* a double holds it */
		return (double)whole;
	return decimal(s.p, s.len, &v) ? v : missing;
}

int64_t
sess_event_int(const struct sess_event *ev, enum sess_key k, int64_t missing)
{
	struct sess_slice s = sess_event_get(ev, k);
	size_t minus = s.len > 0 && s.p[0] == '-';
	uint64_t v;
	double d;

	if (is_whole(s.p + minus, s.len - minus, 18, &v))
		return minus ? -(int64_t)v : (int64_t)v;
	if (!decimal(s.p, s.len, &d))			/* 12.0, 1e3 */
		return missing;
	return d >= -0x1p63 && d < 0x1p63 ? (int64_t)d : missing;
}

int64_t
sess_event_times(const struct sess_event *ev)
{
	int64_t n = sess_event_int(ev, SESS_K_TIMES, 1);

	return n < 1 ? 1 : n;
}

bool
sess_event_failed(const struct sess_event *ev)
{
	struct sess_slice s = sess_event_get(ev, SESS_K_OK);

	return s.len == 5 && memcmp(s.p, "false", 5) == 0;
}

unsigned
sess_event_nkeys(const struct sess_event *ev)
{
	int n = __builtin_popcountll(ev->has[0]) + __builtin_popcountll(ev->has[1]);

	return (unsigned)n - sess_event_has(ev, SESS_K_SRC) +
	    (ev->time != SESS_NO_TIME) + (ev->received != SESS_NO_TIME);
}

/* -- reading a line */

/* Which of the keys that an event must have were there. */
struct found {
	bool version, id, kind;
};

/* The names of the lines before, and their keys: 0 where nobody looked, 1 for
 * none, else the key and 2. */
struct names {
	struct sessp_trail seen;
	unsigned char key[SESSP_TRAIL_MAX];
};
_Static_assert(SESS_NKEYS <= 250, "keys in one byte");

/* The key of a field, or -1. */
static inline int
key_of(struct sess_event_scanner *sc, const struct sessp_field *f)
{
	unsigned char *known = &((struct names *)sc->names)->key[f->seen];
	size_t start;
	int k;

	if (f->name_esc) {
		start = sc->text.len;
		if (sessp_json_decode(f->name, f->name_len, &sc->text) < 0)
			return -1;
		k = sess_key_find(sc->text.data + start, sc->text.len - start);
		sc->text.len = start;
		return k;
	}
	if (f->seen == 0)
		return sess_key_find(f->name, f->name_len);
	if (*known == 0)
		*known = (unsigned char)(sess_key_find(f->name, f->name_len) + 2);
	return *known - 2;
}

/* The types of JSON values that a key's type takes, one bit each. */
static const unsigned char takes[] = {
	[SESS_T_STR] = 1 << SESSP_STRING,
	[SESS_T_TIME] = 1 << SESSP_STRING,
	[SESS_T_INT] = 1 << SESSP_NUMBER,
	[SESS_T_NUM] = 1 << SESSP_NUMBER,
	[SESS_T_BOOL] = 1 << SESSP_TRUE | 1 << SESSP_FALSE,
	[SESS_T_OBJ] = 1 << SESSP_NESTED
};

/* Without branches on the digits: no processor foresees those of a hash. */
static bool
parse_id(struct sess_slice s, uint64_t *id)
{
	uint64_t v = 0;
	unsigned c, wrong = 0;

	if (s.len != 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		c = (unsigned char)s.p[i];
		wrong |= (c - '0' > 9) & (c - 'a' > 5);
		v = v << 4 | ((c & 15) + 9 * (c >> 6));
	}
	*id = v;
	return wrong == 0;
}

static int64_t
parse_time(struct sess_slice s)
{
	int64_t ms;

	return sess_when_rfc3339(s.p, s.len, &ms) == 0 ? ms : SESS_NO_TIME;
}

/* The keys that do not live in v. */
static void
take_apart(struct sess_event *ev, enum sess_key k, struct sess_slice s,
    struct found *found)
{
	int kind;

	switch (k) {
	case SESS_K_V:
		found->version = s.len == 1 && *s.p == '1';
		break;
	case SESS_K_ID:
		found->id = parse_id(s, &ev->id);
		break;
	case SESS_K_TIME:
		ev->time = parse_time(s);
		break;
	case SESS_K_RECEIVED:
		ev->received = parse_time(s);
		break;
	default:
		kind = sess_kind_find(s.p, s.len);
		found->kind = kind >= 0;
		if (kind >= 0)
			ev->kind = (enum sess_kind)kind;
		break;
	}
}

/* The field's value for key k, empty where it is none.  Room in sc->text for
 * all that is decoded was made before. */
static inline struct sess_slice
value_of(struct sess_event_scanner *sc, const struct sessp_field *f, int k)
{
	struct sess_slice s = { f->val, f->val_len };
	size_t start = sc->text.len;

	if (!(takes[sess_keys[k].type] >> f->type & 1))
		s.len = 0;
	else if (f->type == SESSP_NESTED && f->val[0] != '{')
		s.len = 0;
	else if (f->val_esc && sessp_json_decode(f->val, f->val_len, &sc->text) == 0) {
		s.p = sc->text.data + start;
		s.len = sc->text.len - start;
	}
	return s;
}

/* Put n fields into ev.  Of duplicates the last counts, also where it is
 * empty or of another type. */
static void
take(struct sess_event_scanner *sc, struct sess_event *ev,
    const struct sessp_field *f, size_t n, struct found *found)
{
	uint64_t has[2] = { 0, 0 }, bit, second;
	struct sess_slice s;
	int k;

	for (; n > 0; n--, f++) {
		k = key_of(sc, f);
		if (k < 0)
			continue;
		s = value_of(sc, f, k);
		if (k <= SESS_K_KIND) {
			take_apart(ev, (enum sess_key)k, s, found);
			continue;
		}
		/* As sess_event_set, but without a store that the next key
		 * waits for. */
		ev->v[k] = s;
		bit = (uint64_t)(s.len > 0) << k % 64;
		second = -(uint64_t)(k / 64);
		has[0] = (has[0] & ~((uint64_t)1 << k % 64 & ~second)) | (bit & ~second);
		has[1] = (has[1] & ~((uint64_t)1 << k % 64 & second)) | (bit & second);
	}
	ev->has[0] = has[0];
	ev->has[1] = has[1];
}

static enum sess_status
missing(const struct sess_event *ev, const struct found *found, struct sess_err *err)
{
	const char *what;

	if (!found->version)
		what = "no event of version 1";
	else if (!found->id)
		what = "event without an id of 16 hex digits";
	else if (!found->kind)
		what = "event of no kind that is known";
	else if (ev->time == SESS_NO_TIME && ev->received == SESS_NO_TIME)
		what = "event without time and received";
	else
		return SESS_OK;
	return sess_err_set(err, SESS_EFORMAT, 0, "%s", what);
}

enum sess_status
sessp_event_scan(struct sess_event_scanner *sc, struct sess_event *ev,
    const char *line, size_t len, size_t behind, struct sess_err *err)
{
	struct sessp_field *fields = sc->fields;
	struct names *names = sc->names;
	struct found found = { false, false, false };
	enum sess_status st;
	size_t n = 0;

	sess_event_reset(ev);
	if (names == NULL && (names = sc->names = calloc(1, sizeof(*names))) == NULL)
		return sess_err_nomem(err);
	st = sessp_json_fields_along(line, len, behind, &names->seen, &fields, &n,
	    &sc->nfields, err);
	sc->fields = fields;
	if (st < 0)
		return st;
	/* Nothing grows by decoding: with room for the line and what copies
	 * write too much, slices stay where they are. */
	sc->text.len = 0;
	if (len > SIZE_MAX - 16 || sess_buf_room(&sc->text, len + 16) < 0)
		return sess_err_nomem(err);
	take(sc, ev, fields, n, &found);
	ev->line = line;
	ev->line_len = len;
	return missing(ev, &found, err);
}

enum sess_status
sess_event_scan(struct sess_event_scanner *sc, struct sess_event *ev,
    const char *line, size_t len, struct sess_err *err)
{
	return sessp_event_scan(sc, ev, line, len, 0, err);
}

void
sess_event_scanner_release(struct sess_event_scanner *sc)
{
	sess_buf_release(&sc->text);
	free(sc->fields);
	free(sc->names);
	*sc = (struct sess_event_scanner){ 0 };
}
