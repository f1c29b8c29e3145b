/* The external sorter: order, memory, trouble with disks. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../../lib/base/sorter.h"
#include "alloc.h"


static const char *
tmpdir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL ? dir : "/tmp";
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* n records with keys that are numbers of various length, then read back: they
 * are all there and in order. */
static enum sess_status
sort_numbers(size_t memory, unsigned n, size_t pad, struct sess_err *err)
{
	struct sessp_sorter *s;
	struct sessp_record rec;
	char key[16], last[16], *data = malloc(pad + 8);
	unsigned i, got = 0, len, last_len = 0;
	uint32_t seed = 7;
	uint64_t sum = 0, want = 0, v;
	enum sess_status st;

	if (data == NULL)
		return sess_err_nomem(err);
	memset(data, 'x', pad + 8);
	if ((st = sessp_sorter_new(&s, tmpdir(), memory, err)) < 0)
		goto out;
	for (i = 0; i < n && st == SESS_OK; i++) {
		len = (unsigned)snprintf(key, sizeof(key), "%u", next(&seed) % (n + 1));
		v = i;
		want += v;
		memcpy(data, &v, 8);
		rec = (struct sessp_record){ key, data, len, 8 + next(&seed) % (pad + 1) };
		st = sessp_sorter_add(s, &rec, err);
	}
	while (st == SESS_OK && (st = sessp_sorter_next(s, &rec, err)) == SESS_OK) {
		int c = memcmp(last, rec.key, last_len < rec.klen ? last_len : rec.klen);

		assert_true(got == 0 || c < 0 || (c == 0 && last_len <= rec.klen));
		memcpy(last, rec.key, rec.klen);
		last_len = (unsigned)rec.klen;
		memcpy(&v, rec.data, 8);
		sum += v;
		got++;
	}
	if (st == SESS_END) {
		assert_int_equal(got, n);
		assert_true(sum == want);
		assert_int_equal(sessp_sorter_next(s, &rec, err), SESS_END);
	}
out:
	sessp_sorter_free(s);
	free(data);
	return st;
}

static void
what_fits_in_memory_makes_no_file(void **state)
{
	struct sessp_sorter *s;
	struct sessp_record rec = { "k", "d", 1, 1 };
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sessp_sorter_new(&s, "/nonexistent", 1 << 20, &err), SESS_OK);
	assert_int_equal(sessp_sorter_add(s, &rec, &err), SESS_OK);
	assert_int_equal(sessp_sorter_next(s, &rec, &err), SESS_OK);
	assert_memory_equal(rec.key, "k", 1);
	assert_memory_equal(rec.data, "d", 1);
	assert_int_equal(sessp_sorter_next(s, &rec, &err), SESS_END);
	sessp_sorter_free(s);
}

static void
nothing_sorts_to_nothing(void **state)
{
	struct sessp_sorter *s;
	struct sessp_record rec;
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sessp_sorter_new(&s, tmpdir(), 0, &err), SESS_OK);
	assert_int_equal(sessp_sorter_next(s, &rec, &err), SESS_END);
	sessp_sorter_free(s);
	sessp_sorter_free(NULL);
}

static void
records_come_in_order_whatever_the_memory(void **state)
{
	static const size_t memories[] = { 0, 1000, 100000, 1 << 20, 64 << 20 };
	struct sess_err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(memories) / sizeof(memories[0]); i++)
		assert_int_equal(sort_numbers(memories[i], 20000, 100, &err),
		    SESS_END);
}

static void
records_longer_than_a_block_come_back_whole(void **state)
{
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sort_numbers(1000, 40, 300000, &err), SESS_END);
}

static void
runs_put_in_order_are_merged(void **state)
{
	struct sessp_sorter *s;
	struct sessp_record rec;
	struct sess_err err = { 0 };
	unsigned run, i;
	char key[4];

	(void)state;
	assert_int_equal(sessp_sorter_new(&s, tmpdir(), 1000, &err), SESS_OK);
	for (run = 0; run < 30; run++) {
		for (i = 0; i < 10; i++) {
			snprintf(key, sizeof(key), "%03u", i * 30 + run);
			rec = (struct sessp_record){ key, key, 3, 3 };
			assert_int_equal(sessp_sorter_put(s, &rec, &err), SESS_OK);
		}
		assert_int_equal(sessp_sorter_cut(s, &err), SESS_OK);
	}
	for (i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "%03u", i);
		assert_int_equal(sessp_sorter_next(s, &rec, &err), SESS_OK);
		assert_memory_equal(rec.data, key, 3);
	}
	assert_int_equal(sessp_sorter_next(s, &rec, &err), SESS_END);
	sessp_sorter_free(s);
}

static void
a_missing_directory_is_named(void **state)
{
	struct sessp_sorter *s;
	struct sessp_record rec = { "k", "d", 1, 1 };
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sessp_sorter_new(&s, "/nonexistent/dir", 1000, &err), SESS_OK);
	assert_int_equal(sessp_sorter_put(s, &rec, &err), SESS_ESYS);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "/nonexistent/dir: No such file or directory");
	sessp_sorter_free(s);
}

static void
a_full_disk_is_an_error(void **state)
{
	struct rlimit old, small;
	struct sess_err err = { 0 };
	enum sess_status st;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 20000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	st = sort_numbers(1 << 20, 40000, 100, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(st, SESS_ESYS);
	assert_int_equal(err.sys, EFBIG);
	assert_non_null(strstr(err.text, "File too large"));
}

static void
each_failing_allocation_is_reported(void **state)
{
	struct sess_err err;
	enum sess_status st;
	long n;

	(void)state;
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = sort_numbers(0, 3000, 800, &err);
		if (!alloc_failed())
			break;
		assert_int_equal(st, SESS_ENOMEM);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_END);
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_in_memory_makes_no_file),
		cmocka_unit_test(nothing_sorts_to_nothing),
		cmocka_unit_test(records_come_in_order_whatever_the_memory),
		cmocka_unit_test(records_longer_than_a_block_come_back_whole),
		cmocka_unit_test(runs_put_in_order_are_merged),
		cmocka_unit_test(a_missing_directory_is_named),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(each_failing_allocation_is_reported),
	};

	return cmocka_run_group_tests_name("sorter", tests, NULL, NULL);
}
