/* text: the escapes that log lines come in. */
#include "payload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct sess_slice none = { NULL, 0 };

static int
hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct sess_slice
sessp_percent(struct sessp_arena *a, struct sess_slice src, bool plus)
{
	const char *p = src.p, *end;
	char *out, *q;
	int hi, lo;

	if (src.len == 0 || (memchr(p, '%', src.len) == NULL &&
	    (!plus || memchr(p, '+', src.len) == NULL)))
		return src;
	if ((out = q = sessp_arena_get(a, src.len)) == NULL)
		return none;
	for (end = p + src.len; p < end; p++) {
		if (*p == '%' && end - p > 2 && (hi = hex((unsigned char)p[1])) >= 0 &&
		    (lo = hex((unsigned char)p[2])) >= 0) {
			*q++ = (char)(hi << 4 | lo);
			p += 2;
		} else {
			*q++ = plus && *p == '+' ? ' ' : *p;
		}
	}
	return (struct sess_slice){ out, (size_t)(q - out) };
}

struct sess_slice
sessp_field_text(struct sessp_conv *cv, const struct sessp_field *f)
{
	char *copy;

	if (f->type == SESSP_NULL || f->type == SESSP_NESTED)
		return none;
	if (f->type != SESSP_STRING || !f->val_esc)
		return (struct sess_slice){ f->val, f->val_len };
	cv->text.len = 0;
	if (sessp_json_decode(f->val, f->val_len, &cv->text) < 0 ||
	    (copy = sessp_arena_dup(&cv->arena, cv->text.data, cv->text.len)) == NULL) {
		sessp_fail(cv);
		return none;
	}
	return (struct sess_slice){ copy, cv->text.len };
}

/* One escape of a log behind its backslash; returns what follows it. */
static const char *
unescape(const char *p, const char *end, char *out)
{
	static const char from[] = "ntrbvf", to[] = "\n\t\r\b\v\f";
	const char *at;

	if (*p == 'x' && end - p > 2 && hex((unsigned char)p[1]) >= 0 &&
	    hex((unsigned char)p[2]) >= 0) {
		*out = (char)(hex((unsigned char)p[1]) << 4 | hex((unsigned char)p[2]));
		return p + 3;
	}
	at = *p != '\0' ? strchr(from, *p) : NULL;
	*out = at != NULL ? to[at - from] : *p;
	return p + 1;
}

struct sess_slice
sessp_unlog(struct sessp_conv *cv, struct sess_slice s)
{
	const char *p = s.p, *end;
	char *out, *q;

	if (s.len == 0 || memchr(p, '\\', s.len) == NULL)
		return s;
	if ((out = q = sessp_arena_get(&cv->arena, s.len)) == NULL) {
		sessp_fail(cv);
		return none;
	}
	for (end = p + s.len; p < end;) {
		if (*p == '\\' && end - p > 1)
			p = unescape(p + 1, end, q++);
		else
			*q++ = *p++;
	}
	return (struct sess_slice){ out, (size_t)(q - out) };
}

static int
base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

struct sess_slice
sessp_base64(struct sessp_conv *cv, struct sess_slice s)
{
	const char *p = s.p, *end = s.p + s.len;
	uint32_t bits = 0;
	unsigned n = 0;
	char *out, *q;
	int d;

	while (end > p && (end[-1] == '=' || end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if ((out = q = sessp_arena_get(&cv->arena, s.len / 4 * 3 + 4)) == NULL) {
		sessp_fail(cv);
		return none;
	}
	for (; p < end; p++) {
		if (*p == '\n' || *p == '\r')
			continue;
		if ((d = base64_digit((unsigned char)*p)) < 0)
			return none;
		bits = bits << 6 | (uint32_t)d;
		if (++n % 4 != 1)
			*q++ = (char)(bits >> (n % 4 == 2 ? 4 : n % 4 == 3 ? 2 : 0));
	}
	return n % 4 == 1 ? none : (struct sess_slice){ out, (size_t)(q - out) };
}

struct sess_slice
sessp_scaled(struct sessp_conv *cv, struct sess_slice s, double factor)
{
	char text[32], *copy;
	long long thousandths;
	double v;
	int n;

	if (!sessp_number(s, &v) || v < 0 || v * factor > 9e12)
		return none;
	thousandths = llround(v * factor * 1000);
	n = snprintf(text, sizeof(text), "%lld.%03lld", thousandths / 1000, thousandths % 1000);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	if ((copy = sessp_arena_dup(&cv->arena, text, (size_t)n)) == NULL) {
		sessp_fail(cv);
		return none;
	}
	return (struct sess_slice){ copy, (size_t)n };
}

uint64_t
sessp_ident_long(uint64_t seed, const char *p, size_t len)
{
	return XXH3_64bits_withSeed(p, len, seed);
}

uint64_t
sessp_line_hash(const char *p, size_t len)
{
	return XXH3_64bits(p, len);
}
