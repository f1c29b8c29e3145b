#include "payload.h"

#include <math.h>
#include <stdlib.h>

#include "sess/when.h"

#define MONTH_MS 2678400000.0	/* 31 days: no page stays or loads longer */
#define MAX_NUMBER 64		/* a number in more characters is none */

static const char month_digits[] = "2678400000";

/* -- numbers */

static struct sess_slice
trim(struct sess_slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.len--;
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Whether s is nothing but digits and has no needless zero in front. */
static bool
is_digits(struct sess_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0 && (s.p[0] != '0' || s.len == 1);
}

/* The value of a JSON number.  Not strtod: that one depends on the locale, and
 * three decimals need no correct rounding in the seventeenth digit. */
static double
decimal(struct sess_slice s)
{
	const char *p = s.p, *end = s.p + s.len;
	uint64_t digits = 0;
	long scale = 0, e = 0;
	bool point = false, negative = false, eneg = false;
	double v;

	if (p < end && *p == '-')
		negative = true, p++;
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
		} else if (digits < UINT64_MAX / 10 - 1) {
			digits = digits * 10 + (uint64_t)(*p - '0');
			scale -= point;
		} else {
			scale += !point;
		}
	}
	if (p < end && ++p < end && (*p == '-' || *p == '+'))
		eneg = *p++ == '-';
	for (; p < end && e < 100000; p++)
		e = e * 10 + (*p - '0');
	scale += eneg ? -e : e;
	if (digits == 0)
		v = 0;
	else if (scale < 0 && scale >= -22)
		v = (double)digits / pow(10, (double)-scale);
	else
		v = (double)digits * pow(10, (double)scale);
	return negative ? -v : v;
}

bool
sessp_number(struct sess_slice s, double *v)
{
	s = trim(s);
	if (s.len == 0 || s.len > MAX_NUMBER || !sessp_json_number(s.p, s.len))
		return false;
	*v = decimal(s);
	return isfinite(*v);
}

/* The value of len digits, 8 to 16, of which those but the first eight count as
 * many as rest; false where they are anything else or begin with a zero. */
static inline bool
whole(const char *p, size_t len, uint64_t rest, uint64_t *v)
{
	uint64_t head, tail;

	if (*p == '0' || !sessp_eight_digits(p, &head) ||
	    !sessp_eight_digits(p + len - 8, &tail))
		return false;
	*v = head * rest + tail % rest;
	return true;
}

int64_t
sessp_time(struct sess_slice s)
{
	uint64_t v;
	int64_t ms;

	/* ms or s, as almost all are */
	if (s.len == 13 && whole(s.p, 13, 100000, &v))
		return (int64_t)v;
	if (s.len == 10 && whole(s.p, 10, 100, &v))
		return (int64_t)(v * 1000);
	s = trim(s);
	if (s.len == 0 || s.len > MAX_NUMBER || sess_when_epoch(s.p, s.len, &ms) < 0 || ms <= 0)
		return SESS_NO_TIME;
	return ms;
}

/* v in three decimals, without trailing zeros, in the arena; |v| < 9e12. */
static struct sess_slice
three_decimals(struct sessp_conv *cv, double v)
{
	struct sess_slice s = { NULL, 0 };
	char out[32], *p = out + sizeof(out);
	int64_t thousandths = llround(v * 1000);
	uint64_t u = thousandths < 0 ? -(uint64_t)thousandths : (uint64_t)thousandths;
	unsigned frac = (unsigned)(u % 1000), place;

	for (place = 0; place < 3 && frac > 0; place++, frac /= 10)
		if (p < out + sizeof(out) || frac % 10 != 0)
			*--p = (char)('0' + frac % 10);
	if (p < out + sizeof(out)) {
		for (; place < 3; place++)
			*--p = '0';
		*--p = '.';
	}
	u /= 1000;
	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (thousandths < 0)
		*--p = '-';
	s.len = (size_t)(out + sizeof(out) - p);
	if ((s.p = sessp_arena_dup(&cv->arena, p, s.len)) == NULL) {
		sessp_fail(cv);
		s.len = 0;
	}
	return s;
}

enum range { ANY, MS, WHOLE };

static enum range
range_of(enum sess_key k)
{
	if (k == SESS_K_VALUE)
		return ANY;
	return sess_keys[k].type == SESS_T_INT ? WHOLE : MS;
}

/* The text of a number that isn't a short run of digits, or none. */
static struct sess_slice
odd_number(struct sessp_conv *cv, struct sess_slice s, enum range range)
{
	struct sess_slice none = { NULL, 0 };
	double v;

	if (!sessp_number(s, &v))
		return none;
	s = trim(s);
	if (range != ANY && (v < 0 || (range == MS && v >= MONTH_MS) || v >= 9e15))
		return none;
	if (range == WHOLE)
		v = round(v);
	if (is_digits(s) || (s.p[0] == '-' && v != 0 &&
	    is_digits((struct sess_slice){ s.p + 1, s.len - 1 })))
		return s;
	return fabs(v) < 9e12 ? three_decimals(cv, v) : range == ANY ? s : none;
}

static struct sess_slice
number(struct sessp_conv *cv, struct sess_slice s, enum range range)
{
	if (is_digits(s) && (s.len < 10 || (range == MS && s.len == 10 &&
	    memcmp(s.p, month_digits, 10) < 0)))
		return s;
	return odd_number(cv, s, range);
}

static void
put_bool(struct sessp_conv *cv, enum sess_key k, struct sess_slice s)
{
	if (SESSP_IS(s, "1") || SESSP_IS(s, "true"))
		sessp_set(cv, k, SESSP_LIT("true"));
	else if (SESSP_IS(s, "0") || SESSP_IS(s, "false"))
		sessp_set(cv, k, SESSP_LIT("false"));
}

void
sessp_put(struct sessp_conv *cv, enum sess_key k, struct sess_slice s)
{
	if (s.len == 0)
		return;
	switch (sess_keys[k].type) {
	case SESS_T_INT:
		s = number(cv, s, WHOLE);
		if ((k == SESS_K_TIMES || k == SESS_K_SAMPLING) && s.len == 1 && s.p[0] <= '1')
			return;
		break;
	case SESS_T_NUM:
		s = number(cv, s, range_of(k));
		break;
	case SESS_T_BOOL:
		put_bool(cv, k, s);
		return;
	default:
		break;
	}
	sessp_set(cv, k, s);
}

void
sessp_put_number(struct sessp_conv *cv, enum sess_key k, double v)
{
	enum range range = range_of(k);

	if (!isfinite(v) || fabs(v) >= 9e12 || (range != ANY && v < 0) ||
	    (range == MS && v >= MONTH_MS))
		return;
	sessp_set(cv, k, three_decimals(cv, range == WHOLE ? round(v) : v));
}

void
sessp_put_phases(struct sessp_conv *cv, const struct sessp_nest *entry)
{
	static const struct { enum sess_key key; const char *from, *to; } phases[] = {
		{ SESS_K_DNS_MS, "domainLookupStart", "domainLookupEnd" },
		{ SESS_K_TCP_MS, "connectStart", "connectEnd" },
		{ SESS_K_SSL_MS, "secureConnectionStart", "connectEnd" },
		{ SESS_K_TTFB_MS, "requestStart", "responseStart" },
		{ SESS_K_TRANS_MS, "responseStart", "responseEnd" },
	};
	double from, to;
	size_t i;

	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		from = sessp_nest_number(cv, entry, phases[i].from, 0);
		to = sessp_nest_number(cv, entry, phases[i].to, 0);
		if (from > 0 && to > 0)
			sessp_put_number(cv, phases[i].key, to - from);
	}
}

/* -- names */

const struct sessp_names *
sessp_names_once(sessp_names_slot *slot, const char *const *names, size_t n)
{
	struct sessp_names *t = atomic_load_explicit(slot, memory_order_acquire), *other = NULL;

	if (t != NULL)
		return t;
	if ((t = malloc(sizeof(*t))) == NULL)
		return NULL;
	if (sessp_names_init(t, names, n) < 0) {
		free(t);
		return NULL;
	}
	if (atomic_compare_exchange_strong(slot, &other, t))
		return t;
	sessp_names_release(t);		/* another thread was first */
	free(t);
	return other;
}

/* -- --extra */

void
sessp_extra_add(struct sessp_extra *x, struct sess_slice name, struct sess_slice value)
{
	if (name.len == 0 || value.len == 0 || (name.len > 1 && memcmp(name.p, "__", 2) == 0))
		return;
	if (sess_buf_putc(&x->text, x->text.len == 0 ? '{' : ',') < 0 ||
	    sessp_json_quote(name.p, name.len, &x->text) < 0 ||
	    sess_buf_putc(&x->text, ':') < 0 ||
	    sessp_json_quote(value.p, value.len, &x->text) < 0)
		x->failed = true;
}

struct sess_slice
sessp_extra_finish(struct sessp_extra *x, struct sessp_conv *cv)
{
	struct sess_slice s = { NULL, 0 };

	if (x->text.len > 0 && !x->failed && sess_buf_putc(&x->text, '}') == 0) {
		s.len = x->text.len;
		s.p = sessp_arena_dup(&cv->arena, x->text.data, s.len);
	}
	if (x->text.len > 0 && s.p == NULL) {
		sessp_fail(cv);
		s.len = 0;
	}
	sess_buf_release(&x->text);
	*x = (struct sessp_extra){ .failed = false };
	return s;
}
