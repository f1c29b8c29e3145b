/*
 * combined: the access logs of nginx and Apache.
 *
 *	[vhost] host ident user [time] "request" status bytes ["referer" "agent"] ...
 *
 * What may follow, quoted or bare, with a name (rt=0.005, xff="...") or
 * without: a decimal number is the request's time in seconds, 12ms too, a list of
 * addresses is X-Forwarded-For, a JSON text is the request's body.
 */
#include "private.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct parts {
	struct sess_slice vhost, host, user, time, request, status, bytes, referer, agent,
	    forwarded, seconds, millis, body;
	bool cut;			/* the line ends inside a quoted field */
};

struct cursor {
	const char *p, *end;
};

static const struct sess_slice none = { NULL, 0 };

static void
spaces(struct cursor *c)
{
	while (c->p < c->end && *c->p == ' ')
		c->p++;
}

/* Up to the next space. */
static struct sess_slice
word(struct cursor *c)
{
	struct sess_slice s = { c->p, 0 };

	while (c->p < c->end && *c->p != ' ')
		c->p++;
	s.len = (size_t)(c->p - s.p);
	spaces(c);
	return s;
}

/*
 * What stands between quotes; c is at the opening one.  Servers escape quotes
 * by a backslash; of those that don't (escape=none) a quote ends the field
 * only where a space or the line's end follows.
 */
static bool
quoted(struct cursor *c, struct sess_slice *s)
{
	const char *start = ++c->p;

	for (; c->p < c->end; c->p++) {
		if (*c->p == '\\' && c->end - c->p > 1)
			c->p++;
		else if (*c->p == '"' && (c->end - c->p == 1 || c->p[1] == ' '))
			break;
	}
	*s = (struct sess_slice){ start, (size_t)(c->p - start) };
	if (c->p == c->end)
		return false;
	c->p++;
	spaces(c);
	return true;
}

static bool
is_address(struct sess_slice s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char raw[16];

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

/* Whether the first of a list is an address. */
static bool
is_address_list(struct sess_slice s)
{
	const char *comma = s.len > 0 ? memchr(s.p, ',', s.len) : NULL;

	if (comma != NULL)
		s.len = (size_t)(comma - s.p);
	return is_address(s);
}

/* Digits with a point among them. */
static bool
is_decimal(struct sess_slice s)
{
	size_t i, points = 0;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '.')
			points++;
		else if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return points == 1 && s.len > 2;
}

static bool
named(struct sess_slice name, const char *list)
{
	const char *p = list;
	size_t n;

	for (; *p != '\0'; p += n + (p[n] != '\0')) {
		n = strcspn(p, " ");
		if (n == name.len && strncasecmp(p, name.p, n) == 0)
			return true;
	}
	return false;
}

/* One trailing field. */
static void
trailing(struct parts *f, struct sess_slice name, struct sess_slice v)
{
	if (v.len == 0 || (v.len == 1 && *v.p == '-'))
		return;
	if (named(name, "rt request_time reqtime time duration taken"))
		f->seconds = v;
	else if (named(name, "rt_ms duration_ms time_ms ms"))
		f->millis = v;
	else if (named(name, "xff x_forwarded_for x-forwarded-for forwarded"))
		f->forwarded = v;
	else if (named(name, "host vhost server"))
		f->vhost = v;
	else if (named(name, "body request_body"))
		f->body = v;
	else if (name.len > 0)
		return;
	else if (is_decimal(v) && f->seconds.p == NULL)
		f->seconds = v;
	else if (v.len > 2 && memcmp(v.p + v.len - 2, "ms", 2) == 0)	/* Traefik */
		f->millis = (struct sess_slice){ v.p, v.len - 2 };
	else if (is_address_list(v) && f->forwarded.p == NULL)
		f->forwarded = v;
	else if (*v.p == '{' && f->body.p == NULL)
		f->body = v;
}

static void
trailing_all(struct parts *f, struct cursor *c)
{
	struct sess_slice name, v;
	const char *eq;

	while (c->p < c->end) {
		name = none;
		for (eq = c->p; eq < c->end && *eq != ' ' && *eq != '"' && *eq != '='; eq++)
			;
		if (eq < c->end && *eq == '=') {
			name = (struct sess_slice){ c->p, (size_t)(eq - c->p) };
			c->p = eq + 1;
		}
		if (c->p < c->end && *c->p == '"') {
			if (!quoted(c, &v))
				f->cut = true;
		} else {
			v = word(c);
		}
		trailing(f, name, v);
	}
}

/* host ident user, with a vhost in front or blanks in the user's name. */
static void
who(struct parts *f, const char *p, const char *end)
{
	struct cursor c = { p, end };
	struct sess_slice second;

	spaces(&c);
	f->host = word(&c);
	second = word(&c);
	if (second.len > 0 && !is_address(f->host) && is_address(second)) {
		f->vhost = f->host;
		f->host = second;
		(void)word(&c);
	}
	while (end > c.p && end[-1] == ' ')
		end--;
	f->user = (struct sess_slice){ c.p, (size_t)(end - c.p) };
}

/* The quote before the request, or end.  Apache writes a user without a name as
 * two quotes, and a quote in a name with a backslash. */
static const char *
request_quote(const char *p, const char *end)
{
	const char *q = p;

	while ((q = memchr(q, '"', (size_t)(end - q))) != NULL) {
		if (end - q > 2 && q[1] == '"' && q[2] == ' ' && q > p && q[-1] == ' ')
			q += 2;
		else if (q > p && q[-1] == '\\')
			q++;
		else
			return q;
	}
	return end;
}

/* The time's brackets: before the request's quote, behind a blank, begun by a digit. */
static bool
find_time(struct cursor *c, struct sess_slice *time)
{
	const char *limit = request_quote(c->p, c->end), *p = c->p, *close;

	while ((p = memchr(p, '[', (size_t)(limit - p))) != NULL) {
		p++;
		if (limit - p < 10 || *p < '0' || *p > '9' || p - c->p < 2 || p[-2] != ' ')
			continue;
		close = memchr(p, ']', (size_t)(limit - p));
		if (close == NULL || close - p > 40)
			return false;
		*time = (struct sess_slice){ p, (size_t)(close - p) };
		c->p = close + 1;
		return true;
	}
	return false;
}

/* An address or a name; "-" where there is none. */
static bool
is_host(struct sess_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '"')
			return false;
	return s.len > 0 && s.len < 256;
}

static bool
is_number(struct sess_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

/* Take a line apart.  Returns NULL, or what is wrong with it. */
static const char *
split(const char *p, size_t len, struct parts *f)
{
	struct cursor c = { p, p + len };
	const char *start = p;

	memset(f, 0, sizeof(*f));
	if (!find_time(&c, &f->time))
		return "no [time]";
	who(f, start, f->time.p - 1);
	if (!is_host(f->host))
		return "no client address";
	spaces(&c);
	if (c.p == c.end || *c.p != '"')
		return "no \"request\"";
	if (!quoted(&c, &f->request))
		return "the request has no end";
	f->status = word(&c);
	if (!(f->status.len == 3 && is_number(f->status)) &&
	    !(f->status.len == 1 && *f->status.p == '-'))
		return "no status";
	f->bytes = word(&c);
	if (!is_number(f->bytes) && !(f->bytes.len == 1 && *f->bytes.p == '-'))
		return "no size";
	if (c.p < c.end && *c.p == '"') {
		f->cut = !quoted(&c, &f->referer);
		if (c.p < c.end && *c.p == '"')
			f->cut = !quoted(&c, &f->agent);
	}
	trailing_all(f, &c);
	return NULL;
}

/* A field: undone, and {NULL, 0} for "-". */
static struct sess_slice
field(struct sessp_conv *cv, struct sess_slice s)
{
	if (s.len == 1 && *s.p == '-')
		return none;
	return sessp_unlog(cv, s);
}

static enum sessp_verdict
convert(struct sessp_conv *cv, const char *p, size_t len, struct sess_err *err)
{
	struct sessp_request rq = { .received = SESS_NO_TIME };
	enum sessp_verdict v;
	struct parts f;
	const char *wrong = split(p, len, &f);

	if (wrong == NULL && sess_when_clf(f.time.p, f.time.len, &rq.received) < 0 &&
	    sess_when_any(f.time.p, f.time.len, &rq.received) < 0)
		wrong = "no [time]";
	if (wrong != NULL) {
		sess_err_set(err, SESS_EFORMAT, cv->line, "no access log line: %s", wrong);
		return SESSP_REJECTED;
	}
	rq.ip = f.host.len >= 5 && memcmp(f.host.p, "unix:", 5) == 0 ? none : field(cv, f.host);
	rq.user = f.user.len == 2 && memcmp(f.user.p, "\"\"", 2) == 0 ? none : field(cv, f.user);
	rq.status = field(cv, f.status);
	rq.size = field(cv, f.bytes);
	rq.host = field(cv, f.vhost);
	rq.referrer = field(cv, f.referer);
	rq.user_agent = field(cv, f.agent);
	rq.forwarded = field(cv, f.forwarded);
	rq.body = field(cv, f.body);
	rq.duration_ms = f.seconds.p != NULL ? sessp_scaled(cv, f.seconds, 1000) :
	    sessp_scaled(cv, f.millis, 1);
	sessp_request_line(&rq, field(cv, f.request));
	v = sessp_request_convert(cv, &rq, p, len, err);
	return v == SESSP_CONVERTED && f.cut ? SESSP_PARTIAL : v;
}

struct sess_slice
sessp_combined_second(const char *p, size_t len)
{
	struct cursor c = { p, p + len };
	struct sess_slice time;

	return find_time(&c, &time) ? time : none;
}

static int
sniff(const char *p, size_t len, bool agent)
{
	struct parts f;
	int64_t ms;

	if (split(p, len, &f) != NULL || (f.agent.p != NULL) != agent ||
	    (sess_when_clf(f.time.p, f.time.len, &ms) < 0 &&
	    sess_when_any(f.time.p, f.time.len, &ms) < 0))
		return 0;
	return 100;
}

static int
sniff_combined(const char *p, size_t len)
{
	return sniff(p, len, true);
}

static int
sniff_common(const char *p, size_t len)
{
	return sniff(p, len, false);
}

const struct sessp_format sessp_combined = { "combined", SESSP_LINES, sniff_combined, convert };
const struct sessp_format sessp_common = { "common", SESSP_LINES, sniff_common, convert };
