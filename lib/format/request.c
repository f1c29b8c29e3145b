/* request: an HTTP request to events; the beginning and the end of every event. */
#include <arpa/inet.h>
#include <string.h>

#include "payload.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define YEAR_1 INT64_C(-62135596800000)
#define YEAR_9999 INT64_C(253402300799999)

static const struct sess_slice none = { NULL, 0 };

/* -- the request line */

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void
sessp_request_target(struct sessp_request *rq, struct sess_slice target)
{
	const char *p = target.p, *end = p + target.len, *q;
	size_t n;

	for (n = 0; n < target.len && n < 8 && letter(p[n]); n++)
		;
	if (n > 1 && target.len > n + 3 && memcmp(p + n, "://", 3) == 0) {
		rq->scheme = (struct sess_slice){ p, n };
		rq->host.p = p += n + 3;
		while (p < end && *p != '/' && *p != '?')
			p++;
		rq->host.len = (size_t)(p - rq->host.p);
	}
	if ((q = memchr(p, '#', (size_t)(end - p))) != NULL)
		end = q;
	q = memchr(p, '?', (size_t)(end - p));
	rq->path = (struct sess_slice){ p, (size_t)((q != NULL ? q : end) - p) };
	if (q != NULL)
		rq->query = (struct sess_slice){ q + 1, (size_t)(end - q - 1) };
}

void
sessp_request_line(struct sessp_request *rq, struct sess_slice line)
{
	const char *p = line.p, *end, *proto;
	size_t n = 0;

	while (n < line.len && n < 20 && ((p[n] >= 'A' && p[n] <= 'Z') || p[n] == '-'))
		n++;
	if (n < 2 || n == line.len || p[n] != ' ')
		return;
	/* The target may hold blanks that nobody escaped. */
	end = p + line.len;
	for (proto = end; proto > p + n && proto[-1] != ' '; proto--)
		;
	if (end - proto > 5 && memcmp(proto, "HTTP/", 5) == 0)
		end = proto - 1;
	if (end <= p + n + 1)
		return;
	rq->method = (struct sess_slice){ p, n };
	sessp_request_target(rq, (struct sess_slice){ p + n + 1, (size_t)(end - p - n - 1) });
}

/* -- the client's address */

/* Whether an address is of a network that isn't the Internet: private, loopback,
 * link-local, shared (carriers and clouds put their balancers there). */
static bool
is_private4(const unsigned char *a)
{
	return a[0] == 10 || a[0] == 127 || a[0] == 0 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
	    (a[0] == 100 && (a[1] & 0xc0) == 64);
}

static bool
is_private6(const unsigned char *a)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff }, zeros[15];

	if (memcmp(a, mapped, sizeof(mapped)) == 0)
		return is_private4(a + 12);
	return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	    (memcmp(a, zeros, sizeof(zeros)) == 0 && a[15] <= 1);
}

/* An address alone: blanks, quotes, brackets and port cut off. */
static struct sess_slice
bare_address(struct sess_slice s)
{
	const char *end;

	while (s.len > 0 && (*s.p == ' ' || *s.p == '"'))
		s.p++, s.len--;
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '"'))
		s.len--;
	if (s.len > 1 && *s.p == '[') {
		s.p++, s.len--;
		end = memchr(s.p, ']', s.len);
		s.len = end != NULL ? (size_t)(end - s.p) : 0;
	} else if (s.len > 0 && (end = memchr(s.p, ':', s.len)) != NULL &&
	    memchr(s.p, '.', (size_t)(end - s.p)) != NULL) {
		s.len = (size_t)(end - s.p);
	}
	return s;
}

enum hop { HOP_PRIVATE, HOP_PUBLIC, HOP_NONE };

static enum hop
judge(struct sess_slice s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char raw[16];

	if (s.len == 0 || s.len >= sizeof(text))
		return HOP_NONE;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, raw) == 1)
		return is_private4(raw) ? HOP_PRIVATE : HOP_PUBLIC;
	if (inet_pton(AF_INET6, text, raw) == 1)
		return is_private6(raw) ? HOP_PRIVATE : HOP_PUBLIC;
	return HOP_NONE;
}

/* The right-most hop that is on the Internet.  Left of what is no address
 * nothing can be believed: then, and where there is none, it is the peer. */
static struct sess_slice
client(const struct sessp_request *rq)
{
	size_t end = rq->forwarded.len, from;
	struct sess_slice s;
	enum hop h;

	while (end > 0) {
		for (from = end; from > 0 && rq->forwarded.p[from - 1] != ','; from--)
			;
		s = bare_address((struct sess_slice){ rq->forwarded.p + from, end - from });
		if ((h = judge(s)) == HOP_PUBLIC)
			return s;
		if (h == HOP_NONE)
			break;
		end = from > 0 ? from - 1 : 0;
	}
	return rq->ip;
}

/* -- an event's beginning and end */

/* The first of "zh-CN,zh;q=0.9". */
static struct sess_slice
first_language(struct sess_slice s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != ',' && s.p[n] != ';')
		n++;
	s.len = n;
	return s;
}

void
sessp_begin(struct sessp_conv *cv, const struct sessp_request *rq)
{
	sess_event_reset(&cv->ev);
	cv->ev.received = cv->outer;
	if (rq == NULL)
		return;
	if (rq->received != SESS_NO_TIME)
		cv->ev.received = rq->received;
	sessp_set(cv, SESS_K_IP, cv->opts->trust_forwarded && rq->forwarded.len > 0 ?
	    client(rq) : rq->ip);
	sessp_set(cv, SESS_K_USER_AGENT, rq->user_agent);
	sessp_set(cv, SESS_K_LANGUAGE, first_language(rq->language));
	sessp_set(cv, SESS_K_COUNTRY, rq->country);
	sessp_set(cv, SESS_K_REGION, rq->region);
	sessp_set(cv, SESS_K_CITY, rq->city);
	sessp_set(cv, SESS_K_ISP, rq->isp);
}

/* Ids that are none, as SDKs send them where they have none. */
static void
drop_none(struct sess_event *ev)
{
	static const enum sess_key ids[] = { SESS_K_SESSION_ID, SESS_K_VIEW_ID, SESS_K_USER_ID,
	    SESS_K_USER_NAME, SESS_K_VISITOR, SESS_K_APP_ID, SESS_K_TRACE_ID };
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct sess_slice s = sess_event_get(ev, ids[i]);

		if (s.len > 9)
			continue;
		if (SESSP_IS(s, "-") || SESSP_IS(s, "null") || SESSP_IS(s, "undefined"))
			sess_event_unset(ev, ids[i]);
	}
}

/* What follows from the agent and the address, where the source doesn't say. */
static void
derive(struct sessp_conv *cv)
{
	struct sess_event *ev = &cv->ev;

	if (cv->ua != NULL && sess_event_has(ev, SESS_K_USER_AGENT) &&
	    !sess_event_has(ev, SESS_K_BROWSER) && !sess_event_has(ev, SESS_K_OS) &&
	    !sess_event_has(ev, SESS_K_DEVICE))
		sessp_ua_set(cv->ua, ev, ev->v[SESS_K_USER_AGENT]);
	if (cv->geo != NULL && sess_event_has(ev, SESS_K_IP) &&
	    !sess_event_has(ev, SESS_K_COUNTRY) && !sess_event_has(ev, SESS_K_REGION) &&
	    !sess_event_has(ev, SESS_K_CITY))
		sessp_geo_set(cv->geo, cv, ev->v[SESS_K_IP]);
}

/* Who it was where no session id says so: 16 hex digits of the --session-by
 * fields, as they are written: masked and hashed.  A hash of an address that
 * was masked for privacy would give it away. */
static void
set_visitor(struct sessp_conv *cv)
{
	static const struct { unsigned bit; enum sess_key key; } by[] = {
		{ SESS_BY_IP, SESS_K_IP }, { SESS_BY_UA, SESS_K_USER_AGENT },
		{ SESS_BY_USER, SESS_K_USER_ID },
	};
	unsigned want = cv->opts->session_by != 0 ? cv->opts->session_by : SESS_BY_IP | SESS_BY_UA;
	uint64_t h = 0;
	bool any = false;
	char *out;
	size_t i;

	for (i = 0; i < sizeof(by) / sizeof(*by); i++) {
		struct sess_slice s = sess_event_get(&cv->ev, by[i].key);

		if ((want & by[i].bit) == 0)
			continue;
		any |= s.len > 0;
		h = XXH3_64bits_withSeed(s.p, s.len, h + by[i].bit);
	}
	if (!any)
		return;
	if ((out = sessp_arena_get(&cv->arena, 16)) == NULL) {
		sessp_fail(cv);
		return;
	}
	for (i = 16; i-- > 0; h >>= 4)
		out[i] = "0123456789abcdef"[h & 15];
	sess_event_set(&cv->ev, SESS_K_VISITOR, out, 16);
}

void
sessp_visitor_again(struct sessp_conv *cv)
{
	if (sess_event_has(&cv->ev, SESS_K_VISITOR))
		set_visitor(cv);
}

/* Put the member's name and a colon where src is made, with room for a line
 * and for the writer to read behind it. */
static bool
set_src_name(struct sessp_conv *cv, size_t len)
{
	struct sess_buf *b = &cv->src_text;

	b->len = 0;
	cv->src_plain = true;
	for (size_t i = 0; i < len; i++)
		cv->src_plain &= cv->name[i] >= ' ' && cv->name[i] < 0x7f &&
		    cv->name[i] != '"' && cv->name[i] != '\\';
	return sess_buf_add(b, cv->name, len) == 0 && sess_buf_putc(b, ':') == 0 &&
	    sess_buf_room(b, 20 + SESSP_PAD) == 0;
}

/* name:line, made once a record. */
static void
set_src(struct sessp_conv *cv)
{
	uint64_t line = cv->line, rest;
	size_t len = strlen(cv->name), n = 1;
	char *out;

	if (cv->src.p == NULL) {
		if ((cv->src_text.len != len + 1 ||
		    memcmp(cv->src_text.data, cv->name, len) != 0) && !set_src_name(cv, len)) {
			sessp_fail(cv);
			return;
		}
		for (rest = line; rest > 9; rest /= 10)
			n++;
		out = cv->src_text.data + len + 1;
		cv->src = (struct sess_slice){ cv->src_text.data, len + 1 + n };
		do
			out[--n] = (char)('0' + line % 10);
		while ((line /= 10) > 0);
	}
	sessp_set(cv, SESS_K_SRC, cv->src);
	cv->ev.plain[SESS_K_SRC / 64] |= (uint64_t)cv->src_plain << SESS_K_SRC % 64;
}

/* Times that RFC 3339 can't write are none. */
static int64_t
sane(int64_t ms)
{
	return ms >= YEAR_1 && ms <= YEAR_9999 ? ms : SESS_NO_TIME;
}

void
sessp_emit_as_is(struct sessp_conv *cv)
{
	struct sess_event *ev = &cv->ev;

	if (cv->failed || cv->counting)
		return;
	ev->time = sane(ev->time);
	ev->received = sane(ev->received);
	if (ev->time == SESS_NO_TIME && ev->received == SESS_NO_TIME) {
		cv->timeless = true;
		return;
	}
	cv->events++;
	if (cv->sink != NULL && cv->sink(cv->sink_arg, ev) != 0)
		cv->failed = true;
}

/* Texts as they will be read from the event's line: whoever takes the event now
 * sees what he would see then. */
static void
mend_texts(struct sessp_conv *cv)
{
	struct sess_event *ev = &cv->ev;
	struct sess_buf text = { 0 };
	uint64_t set;
	unsigned w, k;
	char *copy;

	for (w = 0; w < 2; w++)
		for (set = ev->has[w] & ~ev->plain[w]; set != 0; set &= set - 1) {
			k = 64 * w + (unsigned)__builtin_ctzll(set);
			if (sessp_utf8_valid(ev->v[k].p, ev->v[k].len))
				continue;
			text.len = 0;
			copy = sessp_utf8_mend(ev->v[k].p, ev->v[k].len, &text) < 0 ? NULL :
			    sessp_arena_dup(&cv->arena, text.data, text.len);
			if (copy == NULL)
				sessp_fail(cv);
			else
				sess_event_set(ev, (enum sess_key)k, copy, text.len);
		}
	sess_buf_release(&text);
}

void
sessp_emit(struct sessp_conv *cv)
{
	struct sess_event *ev = &cv->ev;

	ev->id = cv->index == 0 ? cv->identity :
	    sessp_mix(cv->identity ^ 0x589965cc75374cc3u, 0x9e3779b97f4a7c15u + cv->index);
	cv->index++;
	if (cv->counting)
		return;
	drop_none(ev);
	mend_texts(cv);
	derive(cv);
	if (cv->privacy)
		sessp_private(cv, false);
	if (!sess_event_has(ev, SESS_K_SESSION_ID) && !sess_event_has(ev, SESS_K_VISITOR))
		set_visitor(cv);
	set_src(cv);
	sessp_emit_as_is(cv);
}

/* -- a request as an event of its own */

/* host and path as the SDKs name a page: lower case, two digits and more behind
 * a slash or a word (/123, /item-123) folded to **, no slash at the end. */
static struct sess_slice
page_name(struct sessp_conv *cv, struct sess_slice host, struct sess_slice path)
{
	char *out = sessp_arena_get(&cv->arena, host.len + path.len + 1), *q = out;
	const char *p = path.p, *end = p + path.len, *d;
	bool head = false;		/* behind a slash, and only a word since */
	char c;

	if (out == NULL) {
		sessp_fail(cv);
		return none;
	}
	if (host.len > 0)
		q = (char *)memcpy(q, host.p, host.len) + host.len;
	while (p < end) {
		for (d = p; d < end && *d >= '0' && *d <= '9' && d - p < 20; d++)
			;
		if (head && d - p >= 2) {
			*q++ = '*';
			*q++ = '*';
			p = d;
			head = false;
			continue;
		}
		c = *p++;
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		head = c == '/' || (head && (letter(c) || c == '-' || c == '_'));
		*q++ = c;
	}
	while (q > out + 1 && q[-1] == '/')
		q--;
	return (struct sess_slice){ out, (size_t)(q - out) };
}

static char *
append(char *q, struct sess_slice s)
{
	if (s.len > 0)
		memcpy(q, s.p, s.len);
	return q + s.len;
}

/* The URL: whole where scheme and host are known, else as it was asked for. */
static struct sess_slice
url(struct sessp_conv *cv, const struct sessp_request *rq)
{
	bool whole = rq->scheme.len > 0 && rq->host.len > 0;
	char *out, *q;

	if (!whole && rq->query.len == 0)
		return rq->path;
	out = q = sessp_arena_get(&cv->arena,
	    rq->scheme.len + 3 + rq->host.len + rq->path.len + 1 + rq->query.len);
	if (out == NULL) {
		sessp_fail(cv);
		return none;
	}
	if (whole)
		q = append(append(append(q, rq->scheme), SESSP_LIT("://")), rq->host);
	q = append(q, rq->path);
	if (rq->query.len > 0)
		q = append(append(q, SESSP_LIT("?")), rq->query);
	return (struct sess_slice){ out, (size_t)(q - out) };
}

static enum sessp_verdict
plain(struct sessp_conv *cv, const struct sessp_request *rq, const char *line, size_t len,
    struct sess_err *err)
{
	int64_t received = rq->received != SESS_NO_TIME ? rq->received : cv->outer;

	if (received == SESS_NO_TIME) {
		sess_err_set(err, SESS_EFORMAT, 0, "a request without a time");
		return SESSP_REJECTED;
	}
	if (!cv->has_identity)
		cv->identity = sessp_line_hash(line, len);
	/* The line may stand there twice and mean two requests. */
	cv->identity = sessp_seconds_id(cv, cv->identity, received);
	sessp_begin(cv, rq);
	cv->ev.kind = SESS_REQUEST;
	sessp_set(cv, SESS_K_METHOD, rq->method);
	sessp_set(cv, SESS_K_STATUS, rq->status);
	sessp_set(cv, SESS_K_REFERRER, rq->referrer);
	sessp_set(cv, SESS_K_USER_ID, rq->user);
	sessp_put(cv, SESS_K_DURATION_MS, rq->duration_ms);
	sessp_put(cv, SESS_K_SIZE, rq->size);
	if (rq->path.len > 0) {
		sessp_set(cv, SESS_K_URL, url(cv, rq));
		sessp_set(cv, SESS_K_PAGE, page_name(cv, rq->host, rq->path));
	}
	sessp_emit(cv);
	return SESSP_CONVERTED;
}

enum sessp_verdict
sessp_request_convert(struct sessp_conv *cv, const struct sessp_request *rq,
    const char *line, size_t len, struct sess_err *err)
{
	static const struct sessp_payload *const payloads[] = {
		&sessp_arms_beacon, &sessp_rum_bundle
	};
	int64_t received = rq->received != SESS_NO_TIME ? rq->received : cv->outer;
	enum sessp_verdict v;
	size_t i;

	cv->second = received != SESS_NO_TIME ? received / 1000 : SESS_NO_TIME;
	if (SESSP_IS(rq->method, "OPTIONS")) {
		cv->preflights += !cv->counting;
		return SESSP_IGNORED;
	}
	for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		if (!payloads[i]->mine(rq))
			continue;
		if (cv->counting)		/* payloads have identities of their own */
			return SESSP_IGNORED;
		v = payloads[i]->convert(cv, rq, err);
		cv->nobody += v == SESSP_PARTIAL && rq->body.p == NULL;
		return v;
	}
	return plain(cv, rq, line, len, err);
}
