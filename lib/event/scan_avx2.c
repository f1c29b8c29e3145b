#include "walk.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

AVX2 static inline uint64_t
bits(__m256i lo, __m256i hi)
{
	return (uint32_t)_mm256_movemask_epi8(lo) |
	    (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

AVX2 static inline void
masks(const char *p, struct sessp_masks *m)
{
	const __m256i quote = _mm256_set1_epi8('"');
	const __m256i backslash = _mm256_set1_epi8('\\');
	const __m256i control = _mm256_set1_epi8(0x1f);
	__m256i lo = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i hi = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

	m->quote = bits(_mm256_cmpeq_epi8(lo, quote), _mm256_cmpeq_epi8(hi, quote));
	m->backslash = bits(_mm256_cmpeq_epi8(lo, backslash),
	    _mm256_cmpeq_epi8(hi, backslash));
	m->control = bits(_mm256_cmpeq_epi8(_mm256_min_epu8(lo, control), lo),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(hi, control), hi));
	m->high = bits(lo, hi);
}

AVX2 static void
index_window(struct sessp_index *ix)
{
	sessp_index_window(ix, masks);
}

AVX2 static inline __m256i
load(const char *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline bool
begins(const char *p, const struct sessp_trail_name *name)
{
	return _mm256_testz_si256(_mm256_xor_si256(load(p), load(name->text)),
	    load(name->mask));
}

AVX2 static inline size_t
plain(const char *p, uint64_t *high)
{
	__m256i v = load(p);
	__m256i odd = _mm256_or_si256(_mm256_or_si256(
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'))),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v));
	uint32_t marks = (uint32_t)_mm256_movemask_epi8(odd);
	uint32_t n = _tzcnt_u32(marks);		/* 32 where none is */

	*high |= _bzhi_u32((uint32_t)_mm256_movemask_epi8(v), n);
	return n;
}

AVX2 static inline size_t
digits(const char *p)
{
	__m256i v = _mm256_sub_epi8(load(p), _mm256_set1_epi8('0'));
	__m256i ok = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(9)), v);

	return _tzcnt_u32(~(uint32_t)_mm256_movemask_epi8(ok));
}

AVX2 static size_t
walk(struct sessp_trail *seen, const char *text, size_t p, size_t len, size_t behind,
    struct sessp_field *f, size_t max, size_t *n)
{
	static const struct sessp_walk_by by = { begins, plain, digits, 32 };

	return sessp_walk(seen, text, p, len, behind, f, max, n, &by);
}

const struct sessp_scan_version sessp_scan_avx2 = { index_window, walk };

#endif
