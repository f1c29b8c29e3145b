#include "index.h"

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

AVX2 void
sessp_index_avx2(struct sessp_index *ix)
{
	sessp_index_window(ix, masks);
}

#endif
