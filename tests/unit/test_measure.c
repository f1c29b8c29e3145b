/* What a row remembers: states that merge to the same bytes however they were
 * split, as exact as they say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nettle/base64.h>
#include <xxhash.h>

#include "../../lib/stats/measure.h"
#include "alloc.h"

static const enum sessp_measure_type all[] = {
	SESSP_COUNT, SESSP_LEAST, SESSP_MOST, SESSP_DISTINCT, SESSP_SKETCH, SESSP_SAMPLES_OF,
	SESSP_FIRST
};
#define NTYPES (sizeof(all) / sizeof(all[0]))

/* -- help */

static uint64_t
hash_of(uint64_t n)
{
	return XXH3_64bits_withSeed(&n, sizeof(n), 4);
}

static uint64_t
next(uint64_t *seed)
{
	return hash_of((*seed)++);
}

static double
unit(uint64_t *seed)	/* (0, 1) */
{
	return ((double)(next(seed) >> 11) + 0.5) / 0x1p53;
}

static struct sess_slice
slice(const char *p)
{
	return (struct sess_slice){ p, strlen(p) };
}

static void
add(enum sessp_measure_type type, union sessp_state *s, const struct sessp_added *v)
{
	assert_int_equal(sessp_state_add(type, s, v), 0);
}

static void
add_value(union sessp_state *s, double d, int64_t n)
{
	add(SESSP_SKETCH, s, &(struct sessp_added){ .d = d, .n = n });
}

/* The state as text; the test's to free. */
static char *
text_of(enum sessp_measure_type type, const union sessp_state *s)
{
	struct sess_buf b = { 0 };

	assert_int_equal(sessp_state_write(type, s, &b), 0);
	assert_int_equal(sess_buf_putc(&b, '\0'), 0);
	return b.data;
}

static void
is_written(enum sessp_measure_type type, const union sessp_state *s, const char *expected)
{
	char *text = text_of(type, s);

	assert_string_equal(text, expected);
	free(text);
}

static enum sess_status
read_text(enum sessp_measure_type type, union sessp_state *s, const char *text,
    struct sess_err *err)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	enum sess_status st;

	assert_non_null(json);
	st = sessp_state_read(type, s, json, err);
	json_decref(json);
	return st;
}

static void
must_read(enum sessp_measure_type type, union sessp_state *s, const char *text)
{
	struct sess_err err = { 0 };

	assert_int_equal(read_text(type, s, text, &err), SESS_OK);
}

/* Something to add: the i-th of a stream that has `many` different ones. */
static struct sessp_added
thing(uint64_t i, uint64_t many, char *text, size_t size)
{
	static const char *const odd[] = { "", "\xff", "é", "张伟", "\xc3(", "a\"b\\", "\n" };
	uint64_t h = hash_of(hash_of(i) % many);
	int len = snprintf(text, size, "%s%x", h % 5 == 0 ? odd[h / 5 % 7] : "", (unsigned)h);

	return (struct sessp_added){
		.n = 1 + (int64_t)(h % 3), .hash = h % many == 0 ? 0 : h,
		.d = (double)(h % 100000000) / 1000, .text = { text, (size_t)len }
	};
}

/* -- the law: any split, order and grouping gives the same bytes */

static void
shuffle(uint64_t *list, size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)(next(seed) % i);
		uint64_t swap = list[i - 1];

		list[i - 1] = list[j];
		list[j] = swap;
	}
}

/* Now and then a state goes through text, or is looked at, in the middle. */
static void
disturb(enum sessp_measure_type type, union sessp_state *s, uint64_t *seed)
{
	uint64_t what = next(seed) % 8;
	char *text;

	if (what > 1)
		return;
	text = text_of(type, s);
	if (what == 0) {
		sessp_state_release(type, s);
		must_read(type, s, text);
	}
	free(text);
}

/* n things in `parts` states, merged two by two until one is left. */
static char *
split_and_merged(enum sessp_measure_type type, size_t n, uint64_t many, size_t parts,
    uint64_t *seed)
{
	union sessp_state part[16];
	uint64_t *order = malloc((n + 1) * sizeof(*order));
	struct sessp_added v;
	char text[64], *result;
	size_t i, a, b;

	assert_non_null(order);
	for (i = 0; i < parts; i++)
		sessp_state_init(type, &part[i]);
	for (i = 0; i < n; i++)
		order[i] = i;
	shuffle(order, n, seed);
	for (i = 0; i < n; i++) {
		a = (size_t)(next(seed) % parts);
		v = thing(order[i], many, text, sizeof(text));
		add(type, &part[a], &v);
		if (next(seed) % 64 == 0)
			disturb(type, &part[a], seed);
	}
	for (; parts > 1; parts--) {
		a = (size_t)(next(seed) % (parts - 1));
		b = parts - 1;
		disturb(type, &part[a], seed);
		assert_int_equal(sessp_state_merge(type, &part[a], &part[b]), 0);
		sessp_state_release(type, &part[b]);
	}
	result = text_of(type, &part[0]);
	sessp_state_release(type, &part[0]);
	free(order);
	return result;
}

static void
any_split_gives_the_same_bytes(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 7, 100, 300, 3000, 6000 };
	uint64_t seed = 1;

	(void)state;
	for (size_t t = 0; t < NTYPES; t++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (uint64_t many = 3; many < 10000; many *= 7) {
				char *one = split_and_merged(all[t], sizes[i], many, 1, &seed);

				for (size_t parts = 1; parts <= 16; parts *= 2) {
					char *other = split_and_merged(all[t], sizes[i],
					    many, parts, &seed);

					assert_string_equal(one, other);
					free(other);
				}
				free(one);
			}
}

/* Right at the limits, and around them. */
static void
limits_depend_on_what_is_held_alone(void **state)
{
	uint64_t seed = 5;
	struct { enum sessp_measure_type type; size_t limit; } of[] = {
		{ SESSP_DISTINCT, SESSP_EXACT_DISTINCT }, { SESSP_SKETCH, SESSP_EXACT_VALUES }
	};

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t n = of[k].limit - 2; n <= of[k].limit + 2; n++) {
			union sessp_state a, b, c;
			char *text, *merged;

			sessp_state_init(of[k].type, &a);
			sessp_state_init(of[k].type, &b);
			sessp_state_init(of[k].type, &c);
			for (size_t i = 0; i < 4 * n; i++) {
				struct sessp_added v = { .n = 1, .hash = hash_of(i % n),
				    .d = (double)(i % n) };

				add(of[k].type, &a, &v);
				add(of[k].type, next(&seed) % 2 ? &b : &c, &v);
			}
			text = text_of(of[k].type, &a);
			assert_int_equal(text[0] == '{', n > of[k].limit);
			assert_int_equal(sessp_state_merge(of[k].type, &b, &c), 0);
			merged = text_of(of[k].type, &b);
			assert_string_equal(merged, text);
			free(text);
			free(merged);
			sessp_state_release(of[k].type, &a);
			sessp_state_release(of[k].type, &b);
			sessp_state_release(of[k].type, &c);
		}
}

static void
what_is_written_is_read_as_it_was(void **state)
{
	static const size_t sizes[] = { 0, 1, 10, 256, 257, 1024, 1025, 1500, 20000, 300000 };

	(void)state;
	for (size_t t = 0; t < NTYPES; t++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			union sessp_state s, again;
			struct sessp_added v;
			char buf[64], *text;

			sessp_state_init(all[t], &s);
			for (size_t k = 0; k < sizes[i]; k++) {
				v = thing(k, 1 << 20, buf, sizeof(buf));
				add(all[t], &s, &v);
			}
			text = text_of(all[t], &s);
			must_read(all[t], &again, text);
			is_written(all[t], &again, text);
			assert_int_equal(sessp_state_bytes(all[t], &again) > 0,
			    sessp_state_bytes(all[t], &s) > 0);
			free(text);
			sessp_state_release(all[t], &s);
			sessp_state_release(all[t], &again);
		}
}

/* -- numbers */

static void
nothing_seen_is_null(void **state)
{
	union sessp_state s;
	struct sess_slice text;
	bool estimated = false;

	(void)state;
	for (size_t t = 0; t < NTYPES; t++) {
		sessp_state_init(all[t], &s);
		is_written(all[t], &s, "null");
		must_read(all[t], &s, "null");
		is_written(all[t], &s, "null");
		assert_int_equal(sessp_state_bytes(all[t], &s), 0);
	}
	s.p = NULL;
	assert_int_equal(sessp_state_distinct(&s, &estimated), 0);
	assert_false(estimated);
	assert_int_equal(sessp_state_samples(&s), 0);
	assert_true(sessp_state_quantile(&s, 0.5) == -1);
	assert_false(sessp_state_sample(&s, 0, &text));
	assert_false(sessp_state_first(&s, &text));
}

static void
a_count_saturates(void **state)
{
	union sessp_state s, other;

	(void)state;
	sessp_state_init(SESSP_COUNT, &s);
	add(SESSP_COUNT, &s, &(struct sessp_added){ .n = 3 });
	add(SESSP_COUNT, &s, &(struct sessp_added){ .n = -5 });
	is_written(SESSP_COUNT, &s, "3");
	must_read(SESSP_COUNT, &other, "9223372036854775806");
	assert_int_equal(sessp_state_merge(SESSP_COUNT, &s, &other), 0);
	is_written(SESSP_COUNT, &s, "9223372036854775807");
	add(SESSP_COUNT, &s, &(struct sessp_added){ .n = INT64_MAX });
	assert_true(s.n == INT64_MAX);
}

static void
least_and_most_are_the_ends(void **state)
{
	union sessp_state least, most;

	(void)state;
	sessp_state_init(SESSP_LEAST, &least);
	sessp_state_init(SESSP_MOST, &most);
	for (int64_t n = -3; n < 9; n++) {
		add(SESSP_LEAST, &least, &(struct sessp_added){ .n = (n * 5) % 12 });
		add(SESSP_MOST, &most, &(struct sessp_added){ .n = (n * 5) % 12 });
	}
	is_written(SESSP_LEAST, &least, "-10");
	is_written(SESSP_MOST, &most, "11");
}

/* -- DISTINCT */

static uint64_t
distinct_of(uint64_t from, uint64_t n, bool *estimated)
{
	union sessp_state s = { .p = NULL };
	uint64_t count;

	for (uint64_t i = 0; i < n; i++)
		add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = hash_of(from + i) });
	for (uint64_t i = 0; i < n && i < 2000; i++)	/* again: no more than before */
		add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = hash_of(from + i) });
	*estimated = false;
	count = sessp_state_distinct(&s, estimated);
	sessp_state_release(SESSP_DISTINCT, &s);
	return count;
}

static void
few_are_counted_exactly(void **state)
{
	bool estimated;

	(void)state;
	for (uint64_t n = 1; n <= SESSP_EXACT_DISTINCT; n = n < 8 ? n + 1 : n * 2) {
		assert_int_equal(distinct_of(n << 32, n, &estimated), n);
		assert_false(estimated);
	}
}

/* 0.81 % is the standard error: of the mean square over many sets, each of which
 * is within 4 of them. */
static void
many_are_estimated_as_stated(void **state)
{
	static const uint64_t sizes[] = { 1100, 3000, 10000, 30000, 60000, 100000, 300000, 1000000 };
	double sigma = 1.04 / sqrt(1 << 14), off, squares;
	bool estimated;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned sets = sizes[i] < 100000 ? 60 : sizes[i] < 1000000 ? 12 : 4;

		squares = 0;
		for (uint64_t k = 0; k < sets; k++) {
			off = (double)distinct_of((i * 100 + k) << 32, sizes[i], &estimated) /
			    (double)sizes[i] - 1;
			assert_true(estimated);
			assert_true(fabs(off) < 4 * sigma);
			squares += off * off;
		}
		assert_true(sqrt(squares / sets) < (sets < 12 ? 2 : 1.3) * sigma);
	}
}

static void
hashes_are_written_in_base64(void **state)
{
	union sessp_state s = { .p = NULL };

	(void)state;
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 0x0102030405060708 });
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 0 });
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 1 });	/* as 0 */
	is_written(SESSP_DISTINCT, &s, "\"AAAAAAAAAAEBAgMEBQYHCA==\"");
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 3 });	/* after it was sorted */
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 1 });
	is_written(SESSP_DISTINCT, &s, "\"AAAAAAAAAAEAAAAAAAAAAwECAwQFBgcI\"");
	sessp_state_release(SESSP_DISTINCT, &s);
}

static void
registers_are_letters(void **state)
{
	union sessp_state s = { .p = NULL };
	bool estimated = false;

	(void)state;
	/* One register takes all: hashes of one prefix, of which 0 has the
	 * longest run of zeros, 50 and so rank 51. */
	for (uint64_t i = 0; i <= SESSP_EXACT_DISTINCT; i++)
		add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = (uint64_t)2 << 50 | i });
	is_written(SESSP_DISTINCT, &s, "{\"registers\":\"AAz16381A\"}");
	assert_int_equal(sessp_state_distinct(&s, &estimated), SESSP_EXACT_DISTINCT + 1);
	assert_true(estimated);
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = (uint64_t)16383 << 50 | 1 });
	is_written(SESSP_DISTINCT, &s, "{\"registers\":\"AAz16380Ay\"}");
	sessp_state_release(SESSP_DISTINCT, &s);

	must_read(SESSP_DISTINCT, &s, "{\"registers\":\"16384z\"}");
	assert_true(sessp_state_distinct(&s, &estimated) == INT64_MAX);
	sessp_state_release(SESSP_DISTINCT, &s);
}

/* -- SKETCH */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
value_of_shape(int shape, uint64_t *seed)
{
	switch (shape) {
	case 0: return -log(unit(seed)) * 800;				/* exponential */
	case 1: return exp(6 + 1.5 * sqrt(-2 * log(unit(seed))) *
	    cos(6.283185307179586 * unit(seed)));			/* lognormal */
	case 2: return unit(seed) * 30000;				/* uniform */
	case 3: return 0.0001 + unit(seed) * 0.3;			/* layout shifts */
	case 4: return 1e9 + unit(seed) * 1e11;				/* large ones */
	default: return 4711.25;					/* one only */
	}
}

static void
percentiles_are_within_one_percent(void **state)
{
	static const double q[] = { 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1 };
	static const size_t sizes[] = { 1, 3, 100, 256, 257, 1000, 30000, 1000000 };
	double *values = malloc(1000000 * sizeof(*values));
	uint64_t seed = 99;

	(void)state;
	assert_non_null(values);
	for (int shape = 0; shape < 6; shape++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			union sessp_state s = { .p = NULL };
			size_t n = sizes[i];
			double bound = shape == 5 || n <= SESSP_EXACT_VALUES ? 0 : 1.0 / 256;

			for (size_t k = 0; k < n; k++)
				add_value(&s, values[k] = value_of_shape(shape, &seed), 1);
			qsort(values, n, sizeof(*values), by_value);
			assert_int_equal(sessp_state_samples(&s), n);
			for (size_t k = 0; k < sizeof(q) / sizeof(q[0]); k++) {
				double is = values[(size_t)ceil(q[k] * (double)n - 1e-6) - 1];
				double off = fabs(sessp_state_quantile(&s, q[k]) - is);

				assert_true(off <= bound * is + 0.5000001e-6 + (is > 2e9 ? 0.5 : 0));
				assert_true(off <= 0.01 * is);
			}
			sessp_state_release(SESSP_SKETCH, &s);
		}
	free(values);
}

static void
ranks_are_whole_numbers(void **state)
{
	union sessp_state s = { .p = NULL };
	int i;

	(void)state;
	for (i = 1; i <= 100; i++)
		add_value(&s, i, 1);
	for (i = 1; i <= 100; i++) {
		assert_true(sessp_state_quantile(&s, i / 100.0) == i);
		assert_true(sessp_state_quantile(&s, (i - 1) / 100.0 + 0.001) == i);
	}
	assert_true(sessp_state_quantile(&s, 0.000001) == 1);
	sessp_state_release(SESSP_SKETCH, &s);
}

static void
a_value_counts_by_its_weight(void **state)
{
	union sessp_state s = { .p = NULL };

	(void)state;
	add_value(&s, 10, 3);
	add_value(&s, 20, 1);
	assert_int_equal(sessp_state_samples(&s), 4);
	assert_true(sessp_state_quantile(&s, 0.75) == 10);
	assert_true(sessp_state_quantile(&s, 0.76) == 20);
	is_written(SESSP_SKETCH, &s, "[10,3,20,1]");
	add_value(&s, 15.5, INT64_MAX);
	add_value(&s, 20, INT64_MAX);
	is_written(SESSP_SKETCH, &s, "[10,3,15.5,9223372036854775807,20,9223372036854775807]");
	assert_int_equal(sessp_state_samples(&s), INT64_MAX);
	assert_true(sessp_state_quantile(&s, 1) == 15.5);
	sessp_state_release(SESSP_SKETCH, &s);
}

static void
values_are_rounded_as_stated(void **state)
{
	union sessp_state s = { .p = NULL };

	(void)state;
	add_value(&s, -1, 1);
	add_value(&s, NAN, 1);
	add_value(&s, 5, 0);
	add_value(&s, 5, -1);
	is_written(SESSP_SKETCH, &s, "null");
	add_value(&s, -0.0, 1);
	add_value(&s, 0.0000004, 1);
	add_value(&s, 0.0000006, 1);
	add_value(&s, 12.300000190734863, 1);
	add_value(&s, 12.3, 1);
	add_value(&s, 2251799813.685, 1);
	add_value(&s, 2251799813.6852477, 1);
	add_value(&s, 2251799813.9, 1);
	add_value(&s, 9e15, 1);	/* above 9.2e12, as infinity */
	add_value(&s, INFINITY, 1);
	is_written(SESSP_SKETCH, &s, "[0,2,0.000001,1,12.3,2,2251799813.685,1,2251799814,2,9223372036854,2]");
	assert_true(sessp_state_quantile(&s, 1) == 9223372036854);
	sessp_state_release(SESSP_SKETCH, &s);
}

/* What could be rounded twice, and differently, on its way through text. */
static void
values_go_through_text_unchanged(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		union sessp_state s = { .p = NULL }, again;
		char *text;

		/* Half of them around where whole numbers begin. */
		add_value(&s, i % 2 == 0 ? ldexp(unit(&seed), (int)(next(&seed) % 60) - 15) :
		    2251799813.685 + ((double)(next(&seed) % 4096) - 2048) / 4194304, 1);
		text = text_of(SESSP_SKETCH, &s);
		must_read(SESSP_SKETCH, &again, text);
		is_written(SESSP_SKETCH, &again, text);
		assert_true(sessp_state_quantile(&s, 1) == sessp_state_quantile(&again, 1));
		free(text);
		sessp_state_release(SESSP_SKETCH, &s);
		sessp_state_release(SESSP_SKETCH, &again);
	}
}

/* Of one each of 2 to 299 millionths but 5 and 6, and eight more of 3. */
static void
expected_buckets(char *p)
{
	p = stpcpy(p, "{\"buckets\":[-2,1,9,1,-2");
	for (int i = 7; i < 256; i++)
		p = stpcpy(p, ",1");
	for (int i = 256; i < 300; i += 2)
		p = stpcpy(p, ",2");
	stpcpy(p, "]}");
}

static void
buckets_are_runs_of_counts(void **state)
{
	union sessp_state s = { .p = NULL };
	char expected[1024], *text;
	int i;

	(void)state;
	/* The first 256 buckets are of one millionth each, the next of two. */
	for (i = 2; i < 300; i++)
		if (i != 5 && i != 6)
			add_value(&s, i / 1e6, 1);
	add_value(&s, 3e-6, 8);
	text = text_of(SESSP_SKETCH, &s);
	expected_buckets(expected);
	assert_string_equal(text, expected);
	assert_true(fabs(sessp_state_quantile(&s, 1) - 298.5e-6) < 1e-12);
	free(text);
	sessp_state_release(SESSP_SKETCH, &s);
}

/* Each value lies in a bucket whose middle is near, up to the greatest. */
static void
each_bucket_is_as_narrow_as_stated(void **state)
{
	double value, is;

	(void)state;
	for (value = 1e-4; value < 9.3e12; value *= 1.0037) {
		union sessp_state s;

		/* 300 different ones far above make it a state of buckets. */
		must_read(SESSP_SKETCH, &s, "{\"buckets\":[-7295,300]}");
		add_value(&s, value, 1000);
		is = sessp_state_quantile(&s, 0.1);
		assert_true(fabs(is - value) <= (value > 9.2e12 ? 0.01 : value / 256 + 0.51e-6 +
		    (value > 2.2e9 ? 0.5 : 0)) * (value > 9.2e12 ? value : 1));
		sessp_state_release(SESSP_SKETCH, &s);
	}
}

/* -- texts */

static void
samples_are_those_of_the_least_hashes(void **state)
{
	union sessp_state s = { .p = NULL };
	struct sess_slice got;
	uint64_t hash[100], before = 0;
	char text[16];
	size_t i, k;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "s-%zu", i % 100);
		hash[i % 100] = XXH3_64bits(text, strlen(text));
		add(SESSP_SAMPLES_OF, &s, &(struct sessp_added){ .text = slice(text) });
	}
	for (i = 0; sessp_state_sample(&s, i, &got); i++) {
		uint64_t h = XXH3_64bits(got.p, got.len);
		size_t less = 0;

		for (k = 0; k < 100; k++)
			less += hash[k] < h;
		assert_int_equal(less, i);
		assert_true(i == 0 || h > before);
		before = h;
	}
	assert_int_equal(i, SESSP_SAMPLES);
	sessp_state_release(SESSP_SAMPLES_OF, &s);
}

static void
the_first_text_is_kept(void **state)
{
	union sessp_state s = { .p = NULL };
	struct sess_slice got;

	(void)state;
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = 7, .text = slice("later") });
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = -2, .text = slice("same time") });
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = -2, .text = slice("same") });
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = -2, .text = slice("so late") });
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = 0, .text = slice("") });
	is_written(SESSP_FIRST, &s, "[-2,\"same\"]");
	assert_true(sessp_state_first(&s, &got));
	assert_memory_equal(got.p, "same", got.len);
	add(SESSP_FIRST, &s, &(struct sessp_added){ .n = -3, .text = { NULL, 0 } });
	is_written(SESSP_FIRST, &s, "[-3,\"\"]");
	sessp_state_release(SESSP_FIRST, &s);
}

static void
texts_are_kept_as_json_gives_them_back(void **state)
{
	union sessp_state s = { .p = NULL };
	struct sess_slice got;

	(void)state;
	add(SESSP_SAMPLES_OF, &s, &(struct sessp_added){ .text = slice("a\xff") });
	add(SESSP_SAMPLES_OF, &s, &(struct sessp_added){ .text = slice("a\xef\xbf\xbd") });
	add(SESSP_SAMPLES_OF, &s, &(struct sessp_added){ .text = slice("a\xfe") });
	is_written(SESSP_SAMPLES_OF, &s, "[\"a\xef\xbf\xbd\"]");
	sessp_state_release(SESSP_SAMPLES_OF, &s);

	add(SESSP_FIRST, &s, &(struct sessp_added){ .text = slice("\xe5\xbc") });
	assert_true(sessp_state_first(&s, &got));
	assert_int_equal(got.len, 3);
	add(SESSP_FIRST, &s, &(struct sessp_added){ .text = { "\0", 1 } });
	is_written(SESSP_FIRST, &s, "[0,\"\\u0000\"]");
	sessp_state_release(SESSP_FIRST, &s);
	must_read(SESSP_FIRST, &s, "[0,\"\\u0000b\"]");
	assert_true(sessp_state_first(&s, &got));
	assert_memory_equal(got.p, "\0b", got.len);
	sessp_state_release(SESSP_FIRST, &s);
}

/* -- trouble */

static void
is_refused(enum sessp_measure_type type, const char *text)
{
	union sessp_state s;
	struct sess_err err = { 0 };

	if (read_text(type, &s, text, &err) != SESS_EFORMAT)
		fail_msg("type %d: %s was read", (int)type, text);
	assert_true(err.text[0] != '\0');
	is_written(type, &s, "null");
}

static void
what_no_state_wrote_is_refused(void **state)
{
	static const char *const odd[] = { "true", "{}", "1.5", "\"*\"", "[[]]", "[null]", "[\"a\",\"a\"]" };
	static const char *const counts[] = { "-1", "\"1\"", "[1]" };
	static const char *const sets[] = {
		"\"\"", "\"AAAA\"", "\"AAAAAAAAAAA=\"", "\"AAAAAAAAAAIAAAAAAAAAAQ==\"",
		"\"AAAAAAAAAAEAAAAAAAAAAQ==\"", "\"AAAAAAAAAAE\"", "\"AAAAAAAAAA!=\"", "1",
		"[]", "{\"registers\":1}", "{\"registers\":\"\"}", "{\"registers\":\"16384A\"}",
		"{\"registers\":\"16385B\"}", "{\"registers\":\"16383B\"}", "{\"registers\":\"16384\"}",
		"{\"registers\":\"99999999999B\"}", "{\"registers\":\"4294983680B\"}",
		"{\"registers\":\"16383B0B\"}", "{\"registers\":\"016384B\"}", "{\"registers\":\"16384B1\"}",
		"{\"registers\":\"16384BA\"}", "{\"registers\":\"16384+\"}", "{\"registers\":\"16384\\u0000\"}"
	};
	static const char *const sketches[] = {
		"[]", "[1]", "[1,0]", "[1,-1]", "[1,1.5]", "[1,\"1\"]", "[\"1\",1]", "[-1,1]", "[-0.5,1]",
		"[2,1,1,1]", "[1,1,1,1]", "[1,1,1.0000001,1]", "[1,1,2]", "[9223372036855,1]",
		"{\"buckets\":[]}", "{\"buckets\":{}}", "{\"buckets\":[256]}", "{\"buckets\":[0,300]}",
		"{\"buckets\":[-7296,300]}", "{\"buckets\":[-7000,-7000,300]}",
		"{\"buckets\":[-9223372036854775807,-9223372036854775807,300]}",
		"{\"buckets\":[300.5]}", "{\"buckets\":[null,300]}"
	};
	static const char *const samples[] = {
		"[]", "[1]", "\"a\"", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]"
	};
	static const char *const firsts[] = {
		"[]", "[1]", "[\"a\",1]", "[1,2]", "[1.5,\"a\"]", "[1,\"a\",2]", "1"
	};
	size_t t, i;

	(void)state;
	for (t = 0; t < NTYPES; t++)
		for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			is_refused(all[t], odd[i]);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		is_refused(SESSP_COUNT, counts[i]);
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		is_refused(SESSP_DISTINCT, sets[i]);
	for (i = 0; i < sizeof(sketches) / sizeof(sketches[0]); i++)
		is_refused(SESSP_SKETCH, sketches[i]);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		is_refused(SESSP_SAMPLES_OF, samples[i]);
	for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		is_refused(SESSP_FIRST, firsts[i]);
}

static void
is_read(enum sessp_measure_type type, const char *text, bool expected)
{
	union sessp_state s;

	if (!expected) {
		is_refused(type, text);
		return;
	}
	must_read(type, &s, text);
	is_written(type, &s, text);
	sessp_state_release(type, &s);
}

/* As many as are kept exactly are read, one more is too long. */
static void
lists_that_are_too_long_are_refused(void **state)
{
	unsigned char hashes[8 * (SESSP_EXACT_DISTINCT + 1)] = { 0 };
	char text[2 * sizeof(hashes)], base64[2 * sizeof(hashes)];
	struct sess_buf values = { 0 };
	size_t len, n;

	(void)state;
	for (n = 1; n <= SESSP_EXACT_VALUES + 1; n++) {
		assert_int_equal(sess_buf_printf(&values, "%s%zu,1]%c", n > 1 ? "," : "[", n, 0), 0);
		if (n >= SESSP_EXACT_VALUES)
			is_read(SESSP_SKETCH, values.data, n == SESSP_EXACT_VALUES);
		values.len -= 2;
	}
	sess_buf_release(&values);
	for (n = 1; n <= SESSP_EXACT_DISTINCT + 1; n++) {
		hashes[8 * n - 2] = (unsigned char)(n >> 8);
		hashes[8 * n - 1] = (unsigned char)n;
		if (n < SESSP_EXACT_DISTINCT)
			continue;
		len = BASE64_ENCODE_RAW_LENGTH(8 * n);
		base64_encode_raw(base64, 8 * n, hashes);
		snprintf(text, sizeof(text), "\"%.*s\"", (int)len, base64);
		is_read(SESSP_DISTINCT, text, n == SESSP_EXACT_DISTINCT);
	}
}

/* Adds `many` things and merges with another state, through text. */
static int
all_of_it(enum sessp_measure_type type, size_t many, const json_t *json)
{
	union sessp_state s, other;
	struct sess_buf out = { 0 };
	struct sessp_added v;
	char text[64];
	int r = 0;

	sessp_state_init(type, &s);
	sessp_state_init(type, &other);
	for (size_t i = 0; r == 0 && i < many; i++) {
		v = thing(i, 1 << 20, text, sizeof(text));
		r = sessp_state_add(type, &s, &v);
	}
	if (r == 0 && sessp_state_read(type, &other, json, NULL) < 0)
		r = -1;
	if (r == 0)
		r = sessp_state_merge(type, &s, &other);
	if (r == 0)
		r = sessp_state_write(type, &s, &out);
	sess_buf_release(&out);
	sessp_state_release(type, &s);
	sessp_state_release(type, &other);
	return r;
}

static void
memory_may_run_out_anywhere(void **state)
{
	static const size_t sizes[] = { 0, 30, 257, 1025 };

	(void)state;
	for (size_t t = 0; t < NTYPES; t++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			union sessp_state s;
			json_t *json;
			char *text, buf[64];
			long n = 0;
			int r;

			sessp_state_init(all[t], &s);
			for (size_t k = 0; k < 1100; k++) {
				struct sessp_added v = thing(k + 5000, 1 << 20, buf, sizeof(buf));

				add(all[t], &s, &v);
			}
			text = text_of(all[t], &s);
			sessp_state_release(all[t], &s);
			json = json_loads(text, JSON_DECODE_ANY, NULL);
			assert_non_null(json);
			do {
				alloc_fail_at(n++);
				r = all_of_it(all[t], sizes[i], json);
				assert_int_equal(r, alloc_failed() ? -1 : 0);
			} while (alloc_failed());
			alloc_fail_at(-1);
			json_decref(json);
			free(text);
		}
}

static void
memory_is_told(void **state)
{
	union sessp_state s = { .p = NULL };
	uint64_t seed = 8;
	size_t i;

	(void)state;
	add_value(&s, 1, 1);
	assert_in_range(sessp_state_bytes(SESSP_SKETCH, &s), 16, 128);
	for (i = 0; i < 100000; i++)
		add_value(&s, value_of_shape(0, &seed), 1);
	assert_in_range(sessp_state_bytes(SESSP_SKETCH, &s), 4096, 65536);
	sessp_state_release(SESSP_SKETCH, &s);
	add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = 5 });
	assert_in_range(sessp_state_bytes(SESSP_DISTINCT, &s), 16, 128);
	for (i = 0; i < 100000; i++)
		add(SESSP_DISTINCT, &s, &(struct sessp_added){ .hash = next(&seed) });
	assert_in_range(sessp_state_bytes(SESSP_DISTINCT, &s), 16384, 16400);
	sessp_state_release(SESSP_DISTINCT, &s);
	add(SESSP_SAMPLES_OF, &s, &(struct sessp_added){ .text = slice("0123456789") });
	assert_in_range(sessp_state_bytes(SESSP_SAMPLES_OF, &s), 10, 64);
	sessp_state_release(SESSP_SAMPLES_OF, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_split_gives_the_same_bytes),
		cmocka_unit_test(limits_depend_on_what_is_held_alone),
		cmocka_unit_test(what_is_written_is_read_as_it_was),
		cmocka_unit_test(nothing_seen_is_null),
		cmocka_unit_test(a_count_saturates),
		cmocka_unit_test(least_and_most_are_the_ends),
		cmocka_unit_test(few_are_counted_exactly),
		cmocka_unit_test(many_are_estimated_as_stated),
		cmocka_unit_test(hashes_are_written_in_base64),
		cmocka_unit_test(registers_are_letters),
		cmocka_unit_test(percentiles_are_within_one_percent),
		cmocka_unit_test(ranks_are_whole_numbers),
		cmocka_unit_test(a_value_counts_by_its_weight),
		cmocka_unit_test(values_are_rounded_as_stated),
		cmocka_unit_test(values_go_through_text_unchanged),
		cmocka_unit_test(buckets_are_runs_of_counts),
		cmocka_unit_test(each_bucket_is_as_narrow_as_stated),
		cmocka_unit_test(samples_are_those_of_the_least_hashes),
		cmocka_unit_test(the_first_text_is_kept),
		cmocka_unit_test(texts_are_kept_as_json_gives_them_back),
		cmocka_unit_test(what_no_state_wrote_is_refused),
		cmocka_unit_test(lists_that_are_too_long_are_refused),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(memory_is_told)
	};

	return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
