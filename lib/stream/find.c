#include "private.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2")))
static size_t
count_avx2(const char *p, size_t len, char c)
{
	const __m256i needle = _mm256_set1_epi8(c), zero = _mm256_setzero_si256();
	__m256i sums = zero, acc;
	uint64_t part[4];
	size_t i = 0, k;

	while (len - i >= 32) {
		acc = zero;
		/* 255 rounds at most: a byte counter must not wrap */
		for (k = 0; k < 255 && len - i >= 32; k++, i += 32)
			acc = _mm256_sub_epi8(acc, _mm256_cmpeq_epi8(needle,
			    _mm256_loadu_si256((const void *)(p + i))));
		sums = _mm256_add_epi64(sums, _mm256_sad_epu8(acc, zero));
	}
	_mm256_storeu_si256((void *)part, sums);
	k = (size_t)(part[0] + part[1] + part[2] + part[3]);
	for (; i < len; i++)
		k += p[i] == c;
	return k;
}

/* Compare the first and the last byte of the needle at 32 places at once; the
 * few that agree are looked at in full. */
__attribute__((target("avx2,bmi")))
static const char *
literal_avx2(const char *p, size_t len, const char *needle, size_t nlen)
{
	const __m256i first = _mm256_set1_epi8(needle[0]);
	const __m256i last = _mm256_set1_epi8(needle[nlen - 1]);
	size_t i = 0;

	for (; i + nlen + 31 <= len; i += 32) {
		__m256i a = _mm256_loadu_si256((const void *)(p + i));
		__m256i b = _mm256_loadu_si256((const void *)(p + i + nlen - 1));
		uint32_t m = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(
		    _mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, last)));

		for (; m != 0; m &= m - 1) {
			const char *q = p + i + __builtin_ctz(m);

			if (memcmp(q, needle, nlen) == 0)
				return q;
		}
	}
	return i < len ? memmem(p + i, len - i, needle, nlen) : NULL;
}
#endif

size_t
sessp_count_byte(const char *p, size_t len, char c)
{
	size_t i, n = 0;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return count_avx2(p, len, c);
#endif
	for (i = 0; i < len; i++)
		n += p[i] == c;
	return n;
}

const char *
sessp_find_literal(const char *p, size_t len, const char *needle, size_t nlen)
{
#if defined(__x86_64__)
	if (nlen > 0 && __builtin_cpu_supports("avx2"))
		return literal_avx2(p, len, needle, nlen);
#endif
	return memmem(p, len, needle, nlen);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a byte is one that a literal may be made of. */
static bool
safe(int c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	    c == '-' || c == '.' || c == '_' || c == '~';
}

/* The first backslash of [p, end) that starts \u00 or \x, or end. */
static const char *
hiding_backslash(const char *p, const char *end)
{
	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		if (end - p >= 4 && (p[1] == 'x' ||
		    (p[1] == 'u' && p[2] == '0' && p[3] == '0')))
			return p;
		p += end - p >= 2 ? 2 : 1;	/* a backslash may be escaped itself */
	}
	return end;
}

/* The first %xx of [p, end) that stands for a byte of a literal, or end. */
static const char *
hiding_percent(const char *p, const char *end)
{
	for (; (p = memchr(p, '%', (size_t)(end - p))) != NULL; p++)
		if (end - p >= 3 && hex(p[1]) >= 0 && hex(p[2]) >= 0 &&
		    safe(hex(p[1]) * 16 + hex(p[2])))
			return p;
	return end;
}

static const char *
or_end(const char *p, const char *end)
{
	return p != NULL ? p : end;
}

const char *
sessp_hunt_next(struct sessp_hunt *h, const char *p, const char *end)
{
	const char *q = end, *limit, *line;
	size_t i;

	for (i = 0; i < h->n; i++) {
		if (h->v[i].next == NULL || h->v[i].next < p)
			h->v[i].next = or_end(sessp_find_literal(p, (size_t)(end - p),
			    h->v[i].text, h->v[i].len), end);
		if (h->v[i].next < q)
			q = h->v[i].next;
	}
	/* Only what stands before the first hit is still of interest. */
	limit = hiding_backslash(p, q);
	limit = hiding_percent(p, limit);
	q = or_end(sessp_find_literal(p, (size_t)(limit - p), "base64", 6), limit);
	if (q == end)
		return end;
	line = memrchr(p, '\n', (size_t)(q - p));
	return line != NULL ? line + 1 : p;
}
