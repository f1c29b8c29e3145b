/* store: what is put in comes out, or it is said what doesn't: whatever becomes of
 * the files, and of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "../../lib/store/private.h"
#include "alloc.h"

#define LINE_MAX_LEN 700
#define FLIPS 600
#define DAY_MS (24 * 3600 * (int64_t)1000)
#define T0 (1795392000000 + 10 * 3600 * (int64_t)1000)	/* 2026-11-23T10:00:00Z */

static char dir[80], other[96];		/* the store, and a second one */

/* -- stores */

static uint32_t
mix(uint32_t n)
{
	n = (n ^ n >> 16) * 0x7feb352du;
	n = (n ^ n >> 15) * 0x846ca68bu;
	return n ^ n >> 16;
}

/* Event i, on one of three days: sessions of several days, values that are rare
 * and that are not. */
static size_t
make_event(char *line, unsigned i)
{
	static const char *const kinds[] = {
		"\"kind\":\"view\",\"page\":\"shop.example/%x\"",
		"\"kind\":\"api\",\"api\":\"/v1/order/%x\",\"status\":\"500\",\"ok\":false,\"duration_ms\":1200",
		("\"kind\":\"error\",\"error_type\":\"TypeError\",\"message\":\"x%x is not a function\","
		"\"stack\":\"at f (a.js:1:2)\""),
		"\"kind\":\"load\",\"load_ms\":9000,\"title\":\"%x\""
	};
	char kind[200];

	(void)snprintf(kind, sizeof(kind), kinds[i % 4], mix(i));
	return (size_t)snprintf(line, LINE_MAX_LEN - SESSP_PAD,
	    "{\"v\":1,\"id\":\"%08x%08x\",\"time\":\"2026-11-%02uT10:00:%02u.%03uZ\",%s,\"session_id\":\"s%u\","
	    "\"view_id\":\"v%u\",\"user_id\":\"u%u\",\"user_name\":\"\xe5\xbc\xa0%u\",\"ip\":\"10.0.0.%u\","
	    "\"browser\":\"chrome\",\"trace_id\":\"%08x%08x\"}", mix(i), mix(~i), 23 + i % 3, i / 3 % 60,
	    i % 1000, kind, i % 37, i % 90, i % 11, i % 11, i % 50, mix(i + 7), mix(i + 9));
}

/* Add events [from, to) as one batch. */
static enum sess_status
put_events(const char *to_dir, unsigned from, unsigned to, struct sess_indexed *done,
    struct sess_err *err)
{
	struct sess_indexer_opts o = { .memory = 1 << 20, .jobs = 1 };
	struct sess_event_scanner scanner = { 0 };
	struct sess_buf packed = { 0 };
	struct sess_indexer *ix;
	struct sess_event ev;
	char line[LINE_MAX_LEN] = { 0 };
	enum sess_status st = sess_indexer_open(&ix, to_dir, &o, err);
	size_t len;

	for (; from < to && st == SESS_OK; from++) {
		len = make_event(line, from);
		if ((st = sess_event_scan(&scanner, &ev, line, len, err)) == SESS_OK)
			st = sess_indexer_pack(&ev, &packed, err);
	}
	if (st == SESS_OK && (st = sess_indexer_add(ix, packed.data, packed.len, err)) == SESS_OK)
		st = sess_indexer_commit(ix, done, err);
	sess_indexer_free(ix);
	sess_buf_release(&packed);
	sess_event_scanner_release(&scanner);
	return st;
}

static enum sess_status
add_events(const char *to_dir, unsigned from, unsigned to, struct sess_err *err)
{
	struct sess_indexed done;

	return put_events(to_dir, from, to, &done, err);
}

static void
remove_all(const char *path)
{
	char inner[512];
	struct dirent *e;
	DIR *d = opendir(path);

	if (d == NULL) {
		(void)unlink(path);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(inner, sizeof(inner), "%.250s/%.250s", path, e->d_name);
		remove_all(inner);
	}
	closedir(d);
	(void)rmdir(path);
}

static int
set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	/* in memory where there is such a folder: fsync is what takes the time */
	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	(void)snprintf(dir, sizeof(dir), "%.50s/sess-store-XXXXXX", tmp);
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(other, sizeof(other), "%s.other", dir);
	return rmdir(dir);
}

static int
tear_down(void **state)
{
	(void)state;
	alloc_fail_at(-1);
	remove_all(dir);
	remove_all(other);
	return 0;
}

/* -- look-ups */

static struct sess_query *queries[9];	/* the last: no condition */
#define QUERIES (sizeof(queries) / sizeof(queries[0]))

static int
make_queries(void **state)
{
	static const char *const q[][2] = {
		{ "session", "s3" }, { "user", "u1" }, { "user-name", "*1" }, { "error", "not a f" },
		{ "trace-id", NULL }, { "ip", "10.0.0.0/30" }, { "page", "*example/a*" }, { "slow-load", NULL }
	};
	char trace[17];
	size_t i;

	(void)state;
	(void)snprintf(trace, sizeof(trace), "%08x%08x", mix(41 + 7), mix(41 + 9));
	for (i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		if (sess_query_new(&queries[i], NULL) < 0 || sess_query_add(queries[i], q[i][0],
		    strcmp(q[i][0], "trace-id") == 0 ? trace : q[i][1], NULL) < 0 ||
		    sess_query_compile(queries[i], NULL) < 0)
			return -1;
	}
	return 0;
}

static int
free_queries(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < QUERIES; i++)
		sess_query_free(queries[i]);
	return 0;
}

struct answer {
	struct sessp_set lines;		/* hashes of them */
	size_t told;			/* problems */
};

static void
answer_release(struct answer *a)
{
	free(a->lines.v);
	*a = (struct answer){ .told = 0 };
}

static void
on_problem(void *arg, const char *name, const struct sess_err *err)
{
	assert_non_null(name);
	assert_true(err->code < 0 && err->text[0] != '\0');
	++*(size_t *)arg;
}

static enum sess_status
take_lines(struct answer *a, const struct sess_buf *out, struct sess_err *err)
{
	const char *p, *nl;

	for (p = out->data; p != NULL && p < out->data + out->len; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(out->data + out->len - p));
		assert_non_null(nl);
		if (sessp_set_add(&a->lines, XXH3_64bits(p, (size_t)(nl - p))) < 0)
			return sess_err_nomem(err);
	}
	return SESS_OK;
}

static enum sess_status
read_part(const struct sess_feed *feed, size_t part, struct answer *a, struct sess_err *err)
{
	struct sess_buf out = { 0 };
	struct sess_err why;
	enum sess_status st;
	void *state;

	if ((st = feed->open(feed->arg, part, &state, err)) < 0)
		return st;
	do {
		why = (struct sess_err){ 0 };
		st = feed->fill(state, &out, &why);
		if (st == SESS_ENOMEM)
			break;
		a->told += st < 0;
	} while (st != SESS_END);
	feed->close(state);
	st = st == SESS_ENOMEM ? sess_err_nomem(err) : take_lines(a, &out, err);
	sess_buf_release(&out);
	return st;
}

/* The lines of the sessions that may match, in order. */
static enum sess_status
ask(const char *of, const struct sess_query *q, struct answer *a, struct sess_err *err)
{
	const struct sess_feed *feed;
	struct sess_store *store;
	enum sess_status st;
	size_t i;

	*a = (struct answer){ .told = 0 };
	if ((st = sess_store_open(&store, of, err)) < 0)
		return st;
	sess_store_on_problem(store, on_problem, &a->told);
	if ((st = sess_store_choose(store, q, err)) == SESS_OK) {
		feed = sess_store_feed(store);
		st = feed == NULL ? sess_err_nomem(err) : SESS_OK;
		for (i = 0; st == SESS_OK && i < feed->nparts; i++)
			st = read_part(feed, i, a, err);
	}
	sessp_set_sort(&a->lines);
	sess_store_free(store);
	return st;
}

/* Each line of a is one of b. */
static bool
within(const struct answer *a, const struct answer *b)
{
	struct sessp_set common = { NULL, 0, 0 };
	bool all;
	size_t i;

	for (i = 0; i < a->lines.n; i++)
		assert_int_equal(sessp_set_add(&common, a->lines.v[i]), 0);
	sessp_set_intersect(&common, &b->lines);
	all = common.n == a->lines.n;
	free(common.v);
	return all;
}

/* How many problems there are. */
static enum sess_status
verify(const char *of, uint64_t *bad, struct sess_err *err)
{
	struct sess_store *store;
	enum sess_status st;
	size_t told = 0;

	*bad = 0;
	if ((st = sess_store_open(&store, of, err)) < 0)
		return st;
	sess_store_on_problem(store, on_problem, &told);
	st = sess_store_verify(store, bad, err);
	assert_int_equal(told, *bad);
	sess_store_free(store);
	return st;
}

/* The store is whole, and has so many events. */
static size_t
whole(const char *of)
{
	struct sess_err err = { 0 };
	struct answer a;
	uint64_t bad;
	size_t n;

	assert_int_equal(verify(of, &bad, &err), SESS_OK);
	assert_int_equal(bad, 0);
	assert_int_equal(ask(of, NULL, &a, &err), SESS_OK);
	assert_int_equal(a.told, 0);
	n = a.lines.n;
	answer_release(&a);
	return n;
}

/* -- files */

static char paths[32][256];
static size_t npaths;

static void
list_files(const char *path)
{
	char inner[512];
	struct dirent *e;
	struct stat sb;
	DIR *d = opendir(path);

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "LOCK") == 0)
			continue;
		(void)snprintf(inner, sizeof(inner), "%.250s/%.250s", path, e->d_name);
		assert_int_equal(stat(inner, &sb), 0);
		if (S_ISDIR(sb.st_mode)) {
			list_files(inner);
			continue;
		}
		assert_true(npaths < sizeof(paths) / sizeof(paths[0]));
		(void)snprintf(paths[npaths++], sizeof(paths[0]), "%.255s", inner);
	}
	closedir(d);
}

static void
flip(const char *path, off_t at, unsigned bit)
{
	int fd = open(path, O_RDWR);
	unsigned char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= (unsigned char)(1 << bit);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* -- tests */

static void
a_store_is_a_set(void **state)
{
	struct sess_indexed done;
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(put_events(dir, 0, 100, &done, &err), SESS_OK);
	assert_int_equal(done.events, 100);
	assert_int_equal(done.known, 0);
	assert_int_equal(done.days, 3);
	assert_int_equal(put_events(dir, 50, 400, &done, &err), SESS_OK);
	assert_int_equal(done.events, 300);
	assert_int_equal(done.known, 50);
	assert_int_equal(put_events(dir, 0, 400, &done, &err), SESS_OK);
	assert_int_equal(done.events, 0);
	assert_int_equal(done.days, 0);
	assert_int_equal(whole(dir), 400);
}

static void
what_is_no_store_is_said_to_be_none(void **state)
{
	struct sess_err err = { 0 };
	struct sess_store *store;

	(void)state;
	assert_int_equal(sess_store_open(&store, dir, &err), SESS_ESYS);
	assert_null(store);
	assert_string_equal(err.text, "No such file or directory");
}

static void
choices_are_few_and_none_is_missing(void **state)
{
	struct sess_err err = { 0 };
	struct answer all, a;
	size_t i;

	(void)state;
	assert_int_equal(add_events(dir, 0, 400, &err), SESS_OK);
	assert_int_equal(ask(dir, NULL, &all, &err), SESS_OK);
	for (i = 0; i + 1 < QUERIES; i++) {
		assert_int_equal(ask(dir, queries[i], &a, &err), SESS_OK);
		assert_int_equal(a.told, 0);
		assert_true(a.lines.n > 0 && a.lines.n <= all.lines.n);
		assert_true(within(&a, &all));
		answer_release(&a);
	}
	/* a session's events, and no others */
	assert_int_equal(ask(dir, queries[0], &a, &err), SESS_OK);
	assert_int_equal(a.lines.n, 11);
	answer_release(&a);
	answer_release(&all);
}

/* One flipped bit: verifying finds it; an answer is what it was, or has less and
 * says so. */
static bool
try_flip(const struct answer *want, const char *path)
{
	struct sess_err err;
	struct answer a;
	bool told = false;
	uint64_t bad;
	size_t i;

	for (i = 0; i < QUERIES; i++) {
		err = (struct sess_err){ 0 };
		if (ask(dir, queries[i], &a, &err) < 0) {
			assert_true(err.text[0] != '\0');
			a.told++;
		}
		if (!within(&a, &want[i]) || (a.told == 0 && a.lines.n != want[i].lines.n))
			fail_msg("%s: query %zu is answered wrongly", path, i);
		told |= a.told > 0;
		answer_release(&a);
	}
	err = (struct sess_err){ 0 };
	if (verify(dir, &bad, &err) == SESS_OK && bad == 0)
		fail_msg("%s: verifying finds nothing", path);
	return told;
}

static void
no_flipped_bit_goes_unseen(void **state)
{
	struct answer want[QUERIES];
	struct sess_err err = { 0 };
	uint32_t seed = 1;
	struct stat sb;
	size_t i, told = 0;

	(void)state;
	assert_int_equal(add_events(dir, 0, 900, &err), SESS_OK);
	assert_int_equal(add_events(dir, 900, 1100, &err), SESS_OK);
	for (i = 0; i < QUERIES; i++)
		assert_int_equal(ask(dir, queries[i], &want[i], &err), SESS_OK);
	npaths = 0;
	list_files(dir);
	assert_int_equal(npaths, 1 + 2 * 6);
	for (i = 0; i < FLIPS; i++) {
		const char *path = paths[mix(seed++) % npaths];
		off_t at;
		unsigned bit;

		assert_int_equal(stat(path, &sb), 0);
		at = (off_t)(mix(seed++) % (uint32_t)sb.st_size);
		bit = mix(seed++) % 8;
		flip(path, at, bit);
		told += try_flip(want, path);
		flip(path, at, bit);
	}
	/* most of a catalog is read by none of these; all frames are by one */
	assert_true(told > FLIPS / 2);
	for (i = 0; i < QUERIES; i++)
		answer_release(&want[i]);
	assert_int_equal(whole(dir), 1100);
}

/* There was memory for all that was asked for; from now on there is. */
static bool
memory_held(void)
{
	bool held = !alloc_failed();

	alloc_fail_at(-1);
	return held;
}

static void
a_batch_survives_each_failing_allocation(void **state)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	size_t events;
	long n;

	(void)state;
	assert_int_equal(add_events(dir, 0, 20, &err), SESS_OK);
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = add_events(dir, 20, 40, &err);
		if (memory_held())
			break;
		assert_int_equal(st, SESS_ENOMEM);
		events = whole(dir);
		assert_true(events == 20 || events == 40);
	}
	assert_int_equal(st, SESS_OK);
	assert_true(n > 500);
	assert_int_equal(whole(dir), 40);
}

static bool
of_user(void *arg, struct sess_slice id, struct sess_slice app, bool visitor)
{
	(void)arg, (void)app, (void)visitor;
	return id.len == 2 && memcmp(id.p, "s3", 2) == 0;
}

enum change { COMPACT, PRUNE, FORGET };

static enum sess_status
change_store(enum change what, struct sess_err *err)
{
	static const struct sess_slice id = { "s3", 2 };
	struct sess_groups groups = { &id, 1, of_user, NULL };
	struct sess_indexer_opts o = { .jobs = 1 };
	struct sess_indexed done;
	struct sess_indexer *ix;
	enum sess_status st = sess_indexer_open(&ix, dir, &o, err);
	bool kept;

	if (st == SESS_OK)
		st = what == COMPACT ? sess_indexer_compact(ix, &done, err) :
		    what == PRUNE ? sess_indexer_prune(ix, T0 + DAY_MS, &done, err) :
		    sess_indexer_forget(ix, &groups, &done, &kept, err);
	sess_indexer_free(ix);
	return st;
}

/* From so many events to so many, or not at all. */
static void
change_without_memory(enum change what, size_t before, size_t after)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	size_t events;
	long n;

	assert_int_equal(add_events(dir, 0, 60, &err), SESS_OK);
	assert_int_equal(add_events(dir, 60, 70, &err), SESS_OK);
	assert_int_equal(whole(dir), before);
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = change_store(what, &err);
		if (memory_held())
			break;
		assert_int_equal(st, SESS_ENOMEM);
		events = whole(dir);
		assert_true(events == before || events == after);
	}
	assert_int_equal(st, SESS_OK);
	assert_true(n > 10);
	assert_int_equal(whole(dir), after);
}

static void
compacting_survives_each_failing_allocation(void **state)
{
	(void)state;
	change_without_memory(COMPACT, 70, 70);
}

static void
pruning_survives_each_failing_allocation(void **state)
{
	(void)state;
	change_without_memory(PRUNE, 70, 46);
}

static void
forgetting_survives_each_failing_allocation(void **state)
{
	(void)state;
	change_without_memory(FORGET, 70, 68);
}

/* An answer without memory says so, by its status or as a problem. */
static void
look_ups_tell_each_failing_allocation(void **state)
{
	struct sess_err err = { 0 };
	struct answer want, a;
	enum sess_status st;
	size_t i;
	long n;

	(void)state;
	assert_int_equal(add_events(dir, 0, 60, &err), SESS_OK);
	for (i = 0; i < QUERIES; i++) {
		assert_int_equal(ask(dir, queries[i], &want, &err), SESS_OK);
		for (n = 0; ; n++) {
			err = (struct sess_err){ 0 };
			alloc_fail_at(n);
			st = ask(dir, queries[i], &a, &err);
			if (memory_held())
				break;
			assert_true(st == SESS_ENOMEM || (st == SESS_OK && a.told > 0));
			assert_true(within(&a, &want));
			answer_release(&a);
		}
		assert_int_equal(st, SESS_OK);
		assert_int_equal(a.lines.n, want.lines.n);
		answer_release(&a);
		answer_release(&want);
		assert_true(n > 5);
	}
}

static void
verifying_without_memory_finds_no_damage(void **state)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	uint64_t bad;
	long n;

	(void)state;
	assert_int_equal(add_events(dir, 0, 60, &err), SESS_OK);
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = verify(dir, &bad, &err);
		if (memory_held())
			break;
		assert_int_equal(st, SESS_ENOMEM);
		assert_int_equal(bad, 0);
	}
	assert_int_equal(st, SESS_OK);
	assert_int_equal(bad, 0);
	assert_true(n > 20);
}

static enum sess_status
salvage(size_t *told, struct sess_err *err)
{
	struct sess_indexer_opts o = { .memory = 1 << 20, .jobs = 1 };
	struct sess_indexed done;
	struct sess_indexer *ix;
	enum sess_status st = sess_indexer_open(&ix, other, &o, err);

	*told = 0;
	if (st == SESS_OK && (st = sess_store_salvage(dir, ix, on_problem, told, err)) == SESS_OK)
		st = sess_indexer_commit(ix, &done, err);
	sess_indexer_free(ix);
	return st;
}

static void
salvaging_survives_each_failing_allocation(void **state)
{
	struct sess_err err = { 0 };
	enum sess_status st;
	size_t told;
	long n;

	(void)state;
	assert_int_equal(add_events(dir, 0, 20, &err), SESS_OK);
	for (n = 0; ; n += 3) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = salvage(&told, &err);
		if (memory_held())
			break;
		assert_int_equal(st, SESS_ENOMEM);
	}
	assert_int_equal(st, SESS_OK);
	assert_int_equal(told, 0);
	assert_int_equal(whole(other), 20);
	assert_int_equal(whole(dir), 20);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_store_is_a_set),
		STORE_TEST(what_is_no_store_is_said_to_be_none),
		STORE_TEST(choices_are_few_and_none_is_missing),
		STORE_TEST(no_flipped_bit_goes_unseen),
		STORE_TEST(a_batch_survives_each_failing_allocation),
		STORE_TEST(compacting_survives_each_failing_allocation),
		STORE_TEST(pruning_survives_each_failing_allocation),
		STORE_TEST(forgetting_survives_each_failing_allocation),
		STORE_TEST(look_ups_tell_each_failing_allocation),
		STORE_TEST(verifying_without_memory_finds_no_damage),
		STORE_TEST(salvaging_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests_name("store", tests, make_queries, free_queries);
}
