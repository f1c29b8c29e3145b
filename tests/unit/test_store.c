/* The store: what is put in comes out, and memory that runs out leaves it as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/store.h"

#define PAD 64			/* readable behind a line that is scanned */

static char dir[128];

static int
new_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/test-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(dir) != NULL && rmdir(dir) == 0 ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char command[256];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* Line i, of one of seven sessions on one of two days. */
static size_t
line_of(char line[512], unsigned i)
{
	static const char *const kinds[] = {
		"\"kind\":\"view\",\"page\":\"/cart\"",
		"\"kind\":\"api\",\"api\":\"/v1/order\",\"status\":\"500\",\"ok\":false,\"trace_id\":\"0a1b\"",
		"\"kind\":\"error\",\"error_type\":\"TypeError\",\"message\":\"x is not a function\""
	};

	memset(line, 0, 512);
	return (size_t)snprintf(line, 512 - PAD, "{\"v\":1,\"id\":\"%016x\","
	    "\"time\":\"2026-11-%02uT10:00:%02u.000Z\",%s,\"session_id\":\"s%u\",\"user_id\":\"u%u\"}",
	    i, 23 + i % 2, i % 60, kinds[i % 3], i % 7, i % 3);
}

/* Lines [from, to) as one batch. */
static enum sess_status
put(unsigned from, unsigned to, struct sess_indexed *done, struct sess_err *err)
{
	struct sess_indexer_opts o = { .memory = 1 << 20, .jobs = 1, .now = 1 };
	struct sess_event_scanner sc = { 0 };
	struct sess_indexer *ix = NULL;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	enum sess_status st;
	char line[512];
	unsigned i;

	st = sess_indexer_open(&ix, dir, &o, err);
	for (i = from; i < to && st == SESS_OK; i++)
		if ((st = sess_event_scan(&sc, &ev, line, line_of(line, i), err)) == SESS_OK)
			st = sess_indexer_pack(&ev, &packed, err);
	if (st == SESS_OK)
		st = sess_indexer_add(ix, packed.data, packed.len, err);
	if (st == SESS_OK)
		st = sess_indexer_commit(ix, done, err);
	sess_indexer_free(ix);
	sess_buf_release(&packed);
	sess_event_scanner_release(&sc);
	return st;
}

static void
tell(void *arg, const char *name, const struct sess_err *err)
{
	struct sess_err *first = arg;

	assert_non_null(name);
	if (first->code == SESS_OK)
		*first = *err;
}

/* How many lines there are of the sessions that may match; the first problem there
 * was, also one of a segment that is passed over then. */
static enum sess_status
count(const char *name, const char *value, size_t *n, struct sess_err *err)
{
	struct sess_store *store = NULL;
	struct sess_query *q = NULL;
	struct sess_err told = { 0 };
	struct sess_buf out = { 0 };
	const struct sess_feed *feed;
	enum sess_status st;
	size_t part, i;
	void *state;

	*n = 0;
	if ((st = sess_query_new(&q, err)) < 0 ||
	    (name != NULL && (st = sess_query_add(q, name, value, err)) < 0) ||
	    (st = sess_query_compile(q, err)) < 0 || (st = sess_store_open(&store, dir, err)) < 0)
		goto out;
	sess_store_on_problem(store, tell, &told);
	if ((st = sess_store_choose(store, q, err)) < 0)
		goto out;
	if ((feed = sess_store_feed(store)) == NULL)
		st = SESS_ENOMEM;
	for (part = 0; st == SESS_OK && part < feed->nparts; part++) {
		if ((st = feed->open(feed->arg, part, &state, err)) < 0)
			break;
		while ((st = feed->fill(state, &out, err)) == SESS_OK)
			;
		feed->close(state);
		st = st == SESS_END ? SESS_OK : st;
	}
	for (i = 0; i < out.len; i++)
		*n += out.data[i] == '\n';
	if (st == SESS_OK && told.code != SESS_OK)
		st = sess_err_set(err, told.code, 0, "%s", told.text);
out:
	sess_buf_release(&out);
	sess_store_free(store);
	sess_query_free(q);
	return st;
}

static void
assert_count(const char *name, const char *value, size_t want)
{
	struct sess_err err = { 0 };
	size_t n;

	if (count(name, value, &n, &err) != SESS_OK)
		fail_msg("%s", err.text);
	assert_int_equal(n, want);
}

static void
what_is_put_in_comes_out_by_what_it_holds(void **state)
{
	struct sess_indexed done;

	(void)state;
	assert_int_equal(put(0, 42, &done, NULL), SESS_OK);
	assert_int_equal(done.events, 42);
	assert_int_equal(done.days, 2);
	assert_count(NULL, NULL, 42);
	assert_count("session", "s3", 6);
	assert_count("session", "s33", 0);
	assert_count("trace-id", "0a1b", 42);
	assert_count("trace-id", "0a1c", 0);
	assert_count("error", "not a (func|x)", 42);
	assert_count("user", "nobody", 0);
}

static void
a_store_is_a_set(void **state)
{
	struct sess_indexed done;

	(void)state;
	assert_int_equal(put(0, 30, &done, NULL), SESS_OK);
	assert_int_equal(put(20, 42, &done, NULL), SESS_OK);
	assert_int_equal(done.events, 12);
	assert_int_equal(done.known, 10);
	assert_count(NULL, NULL, 42);
	assert_int_equal(put(0, 42, &done, NULL), SESS_OK);
	assert_int_equal(done.events, 0);
	assert_count(NULL, NULL, 42);
}

static void
what_is_no_store_is_said_to_be_none(void **state)
{
	struct sess_err err = { 0 };
	struct sess_store *st;

	(void)state;
	assert_int_equal(sess_store_open(&st, dir, &err), SESS_ESYS);
	assert_null(st);
	assert_string_equal(err.text, "No such file or directory");
}

static void
a_batch_without_memory_changes_nothing(void **state)
{
	struct sess_indexed done;
	struct sess_err err;
	enum sess_status st;
	long n;

	(void)state;
	assert_int_equal(put(0, 20, &done, NULL), SESS_OK);
	for (n = 0; ; n++) {
		alloc_fail_at(n);
		err = (struct sess_err){ 0 };
		st = put(20, 42, &done, &err);
		if (!alloc_failed())
			break;
		alloc_fail_at(-1);
		if (st != SESS_ENOMEM)
			fail_msg("allocation %ld: %s", n, err.text);
		if (n % 16 == 0)
			assert_count(NULL, NULL, 20);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_OK);
	assert_true(n > 50);
	assert_count(NULL, NULL, 42);
}

static void
a_look_up_without_memory_says_so(void **state)
{
	struct sess_indexed done;
	struct sess_err err;
	enum sess_status st;
	size_t lines;
	long n;

	(void)state;
	assert_int_equal(put(0, 42, &done, NULL), SESS_OK);
	for (n = 0; ; n++) {
		alloc_fail_at(n);
		err = (struct sess_err){ 0 };
		st = count("error", "function", &lines, &err);
		if (!alloc_failed())
			break;
		alloc_fail_at(-1);
		if (st != SESS_ENOMEM)
			fail_msg("allocation %ld: %s", n, err.text);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_OK);
	assert_true(n > 20);
	assert_int_equal(lines, 42);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_put_in_comes_out_by_what_it_holds),
		STORE_TEST(a_store_is_a_set),
		STORE_TEST(what_is_no_store_is_said_to_be_none),
		STORE_TEST(a_batch_without_memory_changes_nothing),
		STORE_TEST(a_look_up_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
