#include "private.h"

#include <string.h>

/* One character of text: a whole UTF-8 sequence, or a byte that is part of
 * none.  p < end. */
static size_t
char_len(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;
	size_t i, n;

	n = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
	if (n > (size_t)(end - p))
		return 1;
	for (i = 1; i < n; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

/* A character as a number that orders like its bytes do. */
static uint32_t
char_value(const char *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | (unsigned char)*p++;
	return v;
}

static uint32_t
lower(uint32_t c)
{
	return c - 'A' < 26 ? c | 0x20 : c;
}

static uint32_t
upper(uint32_t c)
{
	return c - 'a' < 26 ? c & ~(uint32_t)0x20 : c;
}

/* The character at *pat, an escape resolved; *pat goes behind it. */
static uint32_t
pattern_char(const char **pat, const char *end)
{
	uint32_t c;
	size_t n;

	if (**pat == '\\' && *pat + 1 < end)
		(*pat)++;
	n = char_len(*pat, end);
	c = char_value(*pat, n);
	*pat += n;
	return c;
}

/*
 * The set at *pat ('[' and so on): whether c is in it; *pat goes behind it.
 * -1 where no ']' closes it: then the '[' stands for itself.
 */
static int
in_set(const char **pat, const char *end, uint32_t c, bool fold)
{
	const char *p = *pat + 1;
	bool negate = false, in = false, first = true;
	uint32_t lo, hi;

	if (p < end && (*p == '!' || *p == '^')) {
		negate = true;
		p++;
	}
	for (; p < end && (*p != ']' || first); first = false) {
		lo = hi = pattern_char(&p, end);
		if (end - p >= 2 && *p == '-' && p[1] != ']') {
			p++;
			hi = pattern_char(&p, end);
		}
		in |= c >= lo && c <= hi;
		if (fold)
			in |= (lower(c) >= lo && lower(c) <= hi) ||
			    (upper(c) >= lo && upper(c) <= hi);
	}
	if (p >= end)
		return -1;
	*pat = p + 1;
	return in != negate;
}

/* Match one pattern element that is no star against one character. */
static bool
match_one(const char **pat, const char *end, uint32_t c, bool fold)
{
	uint32_t want;
	int in;

	if (**pat == '?') {
		(*pat)++;
		return true;
	}
	if (**pat == '[' && (in = in_set(pat, end, c, fold)) >= 0)
		return in;
	want = pattern_char(pat, end);
	return want == c || (fold && lower(want) == lower(c));
}

bool
sess_glob(const char *pattern, const char *p, size_t len, bool fold)
{
	const char *pat = pattern, *pat_end = pattern + strlen(pattern);
	const char *end = p + len, *star = NULL, *again = NULL;
	size_t n;

	/* Only the last star is ever tried again: what an earlier one matched
	 * need not be longer than it had to be. */
	while (p < end) {
		if (pat < pat_end && *pat == '*') {
			star = ++pat;
			again = p;
			continue;
		}
		n = char_len(p, end);
		if (pat < pat_end && match_one(&pat, pat_end, char_value(p, n), fold)) {
			p += n;
			continue;
		}
		if (star == NULL)
			return false;
		again += char_len(again, end);
		p = again;
		pat = star;
	}
	while (pat < pat_end && *pat == '*')
		pat++;
	return pat == pat_end;
}

bool
sessp_glob_plain(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") == NULL;
}
