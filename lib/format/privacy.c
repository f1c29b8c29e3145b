/*
 * privacy: --mask-ip, --hash-user and --drop-query, at the door.
 *
 * What is masked or hashed in its own key is so in every other key that
 * repeats it: a user's name in a URL, an address in a message.
 */
#include <arpa/inet.h>
#include <nettle/hmac.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "payload.h"

#define HASH_LEN 32
/* A shorter value would be replaced all over the texts that hold it by chance. */
#define REPEAT_MIN 4

void
sess_hash_user(const unsigned char *key, size_t key_len, const char *p, size_t len, char out[33])
{
	static const char hex[] = "0123456789abcdef";
	struct hmac_sha256_ctx ctx;
	uint8_t digest[HASH_LEN / 2];
	size_t i;

	hmac_sha256_set_key(&ctx, key_len, key);
	hmac_sha256_update(&ctx, len, (const uint8_t *)p);
	hmac_sha256_digest(&ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[HASH_LEN] = '\0';
}

/* -- one value in all keys */

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.';
}

/* A value that is looked for, and what stands for it. */
struct swap {
	struct sess_slice from, to;
	bool word;		/* not inside a longer word or number */
	bool nocase;		/* %c3 is %C3, and SDKs write pages in lower case */
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* The next place of it in [p, end), or NULL. */
static const char *
next_place(const struct swap *w, const char *start, const char *p, const char *end)
{
	const char *after;

	for (; (size_t)(end - p) >= w->from.len; p++) {
		if (!w->nocase) {
			p = memmem(p, (size_t)(end - p), w->from.p, w->from.len);
			if (p == NULL)
				return NULL;
		} else if (lower(*p) != lower(*w->from.p) ||
		    strncasecmp(p, w->from.p, w->from.len) != 0) {
			continue;
		}
		after = p + w->from.len;
		if (!w->word || ((p == start || !is_word(p[-1])) &&
		    (after == end || !is_word(*after) || *after == '.')))
			return p;
	}
	return NULL;
}

/* Swap it in key k.  Without memory the key goes: better nothing than a name. */
static void
swap_key(struct sessp_conv *cv, enum sess_key k, const struct swap *w)
{
	struct sess_slice s = cv->ev.v[k];
	const char *p = s.p, *end = s.p + s.len, *hit = next_place(w, s.p, p, end);
	struct sess_buf *out = &cv->text;
	char *copy = NULL;
	int r = 0;

	if (hit == NULL)
		return;
	out->len = 0;
	for (; hit != NULL && r == 0; hit = next_place(w, s.p, p, end)) {
		r = sess_buf_add(out, p, (size_t)(hit - p)) < 0 ||
		    sess_buf_add(out, w->to.p, w->to.len) < 0;
		p = hit + w->from.len;
	}
	if (r == 0 && sess_buf_add(out, p, (size_t)(end - p)) == 0)
		copy = sessp_arena_dup(&cv->arena, out->data, out->len);
	sess_event_unset(&cv->ev, k);
	if (copy == NULL)
		sessp_fail(cv);
	else
		sess_event_set(&cv->ev, k, copy, out->len);
}

static void
swap_all(struct sessp_conv *cv, const struct swap *w)
{
	unsigned k;

	for (k = 0; k < SESS_NKEYS; k++)
		if (sess_event_has(&cv->ev, k) && k != SESS_K_USER_ID && k != SESS_K_USER_NAME &&
		    k != SESS_K_IP && k != SESS_K_VISITOR && k != SESS_K_SRC &&
		    (sess_keys[k].type == SESS_T_STR || sess_keys[k].type == SESS_T_OBJ))
			swap_key(cv, k, w);
}

/* -- --mask-ip */

/* Keep the first bits of an address. */
static void
mask(unsigned char *a, unsigned len, unsigned bits)
{
	unsigned i;

	for (i = 0; i < len; i++)
		if (bits < 8 * i + 8)
			a[i] &= bits <= 8 * i ? 0 : (unsigned char)(0xff << (8 * i + 8 - bits));
}

static void
mask_ip(struct sessp_conv *cv)
{
	struct swap w = { .from = cv->ev.v[SESS_K_IP], .word = true, .nocase = true };
	/* ::ffff:192.0.2.1 is how a server that listens to both writes IPv4 */
	static const char mapped[] = "::ffff:";
	size_t prefix = w.from.len > 7 && strncasecmp(w.from.p, mapped, 7) == 0 &&
	    memchr(w.from.p, '.', w.from.len) != NULL ? 7 : 0;
	int family = prefix == 0 && memchr(w.from.p, ':', w.from.len) != NULL ? AF_INET6 : AF_INET;
	unsigned keep = family == AF_INET ? cv->opts->mask_ip4 : cv->opts->mask_ip6;
	char text[7 + INET6_ADDRSTRLEN];
	unsigned char a[16];
	char *copy = NULL;

	if (keep == 0)
		return;
	w.from.p += prefix;
	w.from.len -= prefix;
	sess_event_unset(&cv->ev, SESS_K_IP);	/* what can't be masked isn't kept */
	if (w.from.len >= INET6_ADDRSTRLEN)
		return;
	memcpy(text, w.from.p, w.from.len);
	text[w.from.len] = '\0';
	if (inet_pton(family, text, a) != 1)
		return;
	memcpy(text, mapped, prefix);
	mask(a, family == AF_INET ? 4 : 16, keep);
	if (inet_ntop(family, a, text + prefix, INET6_ADDRSTRLEN) == NULL ||
	    (copy = sessp_arena_dup(&cv->arena, text, strlen(text))) == NULL) {
		sessp_fail(cv);
		return;
	}
	sess_event_set(&cv->ev, SESS_K_IP, copy, strlen(copy));
	w.to = (struct sess_slice){ copy + prefix, strlen(copy + prefix) };
	swap_all(cv, &w);
}

/* -- --drop-query */

static const char *
find_any(const char *p, const char *end, const char *set)
{
	while (p < end && (*p == '\0' || strchr(set, *p) == NULL))
		p++;
	return p;
}

static bool
is_name_char(char c)
{
	return is_word(c) || c == '_' || c == '-' || c == '%' || c == '~';
}

/* Whether the ? or # at q, in a text from start to stop without blanks, begins the
 * query or fragment of a URL: of a whole one, of a path, or name=value follows.
 * "really?" and "a#id.class" are no URLs. */
static bool
ends_url(const char *start, const char *q, const char *stop)
{
	const char *p = q + 1;

	if (*start == '/' || *start == '.' || memmem(start, (size_t)(q - start), "://", 3) != NULL)
		return true;
	while (p < stop && is_name_char(*p))
		p++;
	return *q == '?' && p > q + 1 && p < stop && (*p == '=' || *p == '[');
}

/* Where the query that begins at q ends in a text: not at a bracket or a comma,
 * which may be in it, but before what ends a sentence. */
static const char *
query_end(const char *q, const char *end)
{
	const char *stop = find_any(q, end, " \t\r\n\"'`\\<>){}");

	while (stop > q && strchr(",.;]", stop[-1]) != NULL && stop[-1] != '\0')
		stop--;
	return stop;
}

/* In a text the queries of the URLs that stand in it; line and column behind
 * them (a stack's :12:5) stay. */
static void
drop_in_text(struct sessp_conv *cv, enum sess_key k)
{
	static const char stops[] = " \t\r\n\"'`\\<>(){}[],";
	struct sess_slice s = cv->ev.v[k];
	const char *p = s.p, *end = p + s.len, *q, *stop, *tail;
	char *out, *o;

	if (find_any(p, end, "?#") == end)
		return;
	if ((out = o = sessp_arena_get(&cv->arena, s.len)) == NULL) {
		sess_event_unset(&cv->ev, k);
		sessp_fail(cv);
		return;
	}
	for (; p < end; p = stop) {
		if (strchr(stops, *p) != NULL) {	/* NUL, too */
			*o++ = *p;
			stop = p + 1;
			continue;
		}
		stop = find_any(p, end, stops);
		q = find_any(p, stop, "?#");
		if (q < stop && ends_url(p, q, end))
			stop = query_end(q, end);
		else
			q = stop;
		for (tail = stop; tail > q && ((tail[-1] >= '0' && tail[-1] <= '9') ||
		    tail[-1] == ':'); tail--)
			;
		while (tail < stop && *tail != ':')
			tail++;
		o = (char *)memcpy(o, p, (size_t)(q - p)) + (q - p);
		o = (char *)memcpy(o, tail, (size_t)(stop - tail)) + (stop - tail);
	}
	sess_event_set(&cv->ev, k, out, (size_t)(o - out));
}

/* A query where it stands alone: a call's parameters in its snapshot. */
static void
drop_repeats(struct sessp_conv *cv, enum sess_key k)
{
	struct sess_slice s = sess_event_get(&cv->ev, k);
	const char *end = s.p + s.len, *q = find_any(s.p, end, "?#");
	struct swap w = { .to = { "", 0 } };

	if (q == end || *q != '?')
		return;
	w.from = (struct sess_slice){ q + 1, (size_t)(find_any(q, end, "#") - q - 1) };
	if (w.from.len >= REPEAT_MIN)
		swap_all(cv, &w);
}

static void
drop_query(struct sessp_conv *cv)
{
	static const enum sess_key urls[] = {
		SESS_K_PAGE, SESS_K_PAGE_URL, SESS_K_REFERRER, SESS_K_URL, SESS_K_API,
		SESS_K_FROM, SESS_K_TO, SESS_K_FILE
	};
	static const enum sess_key texts[] = {
		SESS_K_TITLE, SESS_K_TARGET, SESS_K_MESSAGE, SESS_K_STACK, SESS_K_NAME,
		SESS_K_SNAPSHOT, SESS_K_TAGS, SESS_K_EXTRA
	};
	struct sess_slice s;
	size_t i;

	drop_repeats(cv, SESS_K_URL);
	drop_repeats(cv, SESS_K_PAGE_URL);
	for (i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		s = sess_event_get(&cv->ev, urls[i]);
		s.len = (size_t)(find_any(s.p, s.p + s.len, "?#") - s.p);
		sess_event_unset(&cv->ev, urls[i]);
		sessp_set(cv, urls[i], s);
	}
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (sess_event_has(&cv->ev, texts[i]))
			drop_in_text(cv, texts[i]);
}

/* -- --hash-user */

static bool
is_hash(struct sess_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.len == HASH_LEN;
}

static struct sess_slice
hash_of(struct sessp_conv *cv, struct sess_slice value)
{
	char hash[HASH_LEN + 1], *copy;

	sess_hash_user(cv->opts->hash_key, cv->opts->hash_key_len, value.p, value.len, hash);
	if ((copy = sessp_arena_dup(&cv->arena, hash, HASH_LEN)) == NULL) {
		sessp_fail(cv);
		return (struct sess_slice){ "", 0 };
	}
	return (struct sess_slice){ copy, HASH_LEN };
}

/* A value as encodeURIComponent writes it. */
static struct sess_slice
encoded(struct sessp_conv *cv, struct sess_slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = sessp_arena_get(&cv->arena, s.len * 3), *q = out;
	unsigned char c;
	size_t i;

	if (out == NULL) {
		sessp_fail(cv);
		return s;
	}
	for (i = 0; i < s.len; i++) {
		c = (unsigned char)s.p[i];
		if (c != '\0' && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		    "0123456789-_.!~*'()", c) != NULL) {
			*q++ = (char)c;
		} else {
			*q++ = '%';
			*q++ = hex[c >> 4];
			*q++ = hex[c & 15];
		}
	}
	return (struct sess_slice){ out, (size_t)(q - out) };
}

static char *
put_unit(char *q, unsigned unit, size_t slashes)
{
	static const char hex[] = "0123456789abcdef";

	memset(q, '\\', slashes);
	q += slashes;
	*q++ = 'u';
	*q++ = hex[unit >> 12 & 15];
	*q++ = hex[unit >> 8 & 15];
	*q++ = hex[unit >> 4 & 15];
	*q++ = hex[unit & 15];
	return q;
}

/* A value as it is in JSON that keeps to ASCII, with so many backslashes before
 * each escape; itself where it is ASCII or no UTF-8. */
static struct sess_slice
escaped(struct sessp_conv *cv, struct sess_slice s, size_t slashes)
{
	char *out = sessp_arena_get(&cv->arena, s.len * (slashes + 5)), *q = out;
	utf8proc_ssize_t n;
	utf8proc_int32_t c;
	size_t i;

	if (out == NULL)
		sessp_fail(cv);
	for (i = 0; out != NULL && i < s.len; i += (size_t)n) {
		n = utf8proc_iterate((const utf8proc_uint8_t *)s.p + i,
		    (utf8proc_ssize_t)(s.len - i), &c);
		if (n < 1)
			return s;
		if (c < 0x80) {
			*q++ = (char)c;
		} else if (c < 0x10000) {
			q = put_unit(q, (unsigned)c, slashes);
		} else {
			q = put_unit(q, 0xd800 + ((unsigned)(c - 0x10000) >> 10), slashes);
			q = put_unit(q, 0xdc00 + ((unsigned)c & 0x3ff), slashes);
		}
	}
	return out != NULL ? (struct sess_slice){ out, (size_t)(q - out) } : s;
}

static void
hash_key(struct sessp_conv *cv, enum sess_key k, bool hashed)
{
	struct swap w = { .from = sess_event_get(&cv->ev, k), .nocase = true };
	struct sess_slice value = w.from;
	size_t slashes;

	if (w.from.len == 0 || (hashed && is_hash(w.from)))
		return;
	w.to = hash_of(cv, w.from);
	sess_event_unset(&cv->ev, k);
	sessp_set(cv, k, w.to);
	if (w.from.len < REPEAT_MIN)
		return;
	swap_all(cv, &w);
	w.from = encoded(cv, value);
	if (memchr(w.from.p, '%', w.from.len) != NULL)
		swap_all(cv, &w);
	/* JSON in JSON doubles what stands before its escapes */
	for (slashes = 1; slashes <= 4; slashes *= 2) {
		w.from = escaped(cv, value, slashes);
		if (w.from.len != value.len)
			swap_all(cv, &w);
	}
}

static bool
names_user(const char *p, size_t len)
{
	static const char *const names[] = { "uid", "user", "userid", "user_id", "username",
	    "user_name", "login", "account", "email" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && strncasecmp(p, names[i], len) == 0)
			return true;
	return false;
}

/* Parameters of a URL that name a user, whoever the event's own is. */
static void
hash_parameters(struct sessp_conv *cv, enum sess_key k, bool hashed)
{
	struct sess_slice s = cv->ev.v[k], v, to;
	const char *p = s.p, *end = p + s.len, *from = p, *eq;
	struct sess_buf *out = &cv->text;
	char *copy;

	out->len = 0;
	while ((p = find_any(p, end, "?&#")) < end) {
		eq = find_any(++p, end, "=?&#");
		if (eq == end || *eq != '=' || !names_user(p, (size_t)(eq - p)))
			continue;
		v.p = eq + 1;
		v.len = (size_t)(find_any(v.p, end, "&#") - v.p);
		p = v.p + v.len;
		if (v.len == 0 || (hashed && is_hash(v)))
			continue;
		to = hash_of(cv, sessp_percent(&cv->arena, v, true));
		if (sess_buf_add(out, from, (size_t)(v.p - from)) < 0 ||
		    sess_buf_add(out, to.p, to.len) < 0)
			sessp_fail(cv);
		from = p;
	}
	if (from == s.p)
		return;
	sess_event_unset(&cv->ev, k);
	if (cv->nomem || sess_buf_add(out, from, (size_t)(end - from)) < 0 ||
	    (copy = sessp_arena_dup(&cv->arena, out->data, out->len)) == NULL)
		sessp_fail(cv);
	else
		sess_event_set(&cv->ev, k, copy, out->len);
}

void
sessp_private(struct sessp_conv *cv, bool hashed)
{
	static const enum sess_key urls[] = {
		SESS_K_PAGE_URL, SESS_K_REFERRER, SESS_K_URL, SESS_K_FROM, SESS_K_TO
	};
	size_t i;

	if (sess_event_has(&cv->ev, SESS_K_IP))
		mask_ip(cv);
	if (cv->opts->drop_query)
		drop_query(cv);
	if (cv->opts->hash_key != NULL) {
		for (i = 0; i < sizeof(urls) / sizeof(*urls); i++)
			if (sess_event_has(&cv->ev, urls[i]))
				hash_parameters(cv, urls[i], hashed);
		hash_key(cv, SESS_K_USER_ID, hashed);
		hash_key(cv, SESS_K_USER_NAME, hashed);
	}
	cv->ev.line = NULL;		/* no longer what was read */
	cv->ev.line_len = 0;
}
