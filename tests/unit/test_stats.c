/* Reports: laws over random sessions, memory that runs out, rows that spill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/report.h"
#include "sess/session.h"
#include "sess/stats.h"

static const char *const all[] = { "overview", "slow", "pages", "errors", "errors-by-page",
    "apis", "resources", "vitals", "sessions", "users", "flows", "paths", "funnel",
    "frustration", "log", NULL };
static const char *const by_browser[] = { "browser", NULL };
static const char *const steps[] = { "home*", "cart", NULL };

static uint32_t seed;

static unsigned
below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* One random event of session s, number i in all; some are met twice. */
static void
make_line(struct sess_buf *b, unsigned s, unsigned i)
{
	static const char *const kinds[] = { "view", "load", "api", "error", "action", "leave",
	    "resource", "vital" };
	static const char *const pages[] = { "home", "home2", "cart", "产品", "a\\u0000b" };
	const char *kind = kinds[below(8)];

	b->len = 0;
	assert_int_equal(sess_buf_printf(b, "{\"v\":1,\"id\":\"%016x\",\"time\":"
	    "\"2026-11-23T%02u:%02u:%02u.%03uZ\",\"kind\":\"%s\",\"session_id\":\"s%u\","
	    "\"view_id\":\"v%u\",\"user_id\":\"u%u\",\"page\":\"%s\",\"browser\":\"b%u\","
	    "\"times\":%u,\"sampling\":%u,\"name\":\"LCP\",\"value\":%u,\"action\":\"click\","
	    "\"target\":\"t%u\",\"api\":\"/a%u\",\"url\":\"https://h/%u.js\",\"status\":\"%u\","
	    "\"ok\":%s,\"duration_ms\":%u,\"error_type\":\"E%u\",\"message\":\"m %u\","
	    "\"fpt_ms\":%u,\"load_ms\":%u,\"stay_ms\":%u,\"errors\":%u,\"api_ok\":%u}",
	    i + 1, below(24), below(60), below(60), below(1000), kind, s, s * 3 + below(3),
	    below(40), pages[below(5)], below(3), 1 + below(3), 1 + below(4), below(5000),
	    below(2), below(9), below(9), 200 + below(3), below(4) ? "true" : "false",
	    below(3000), below(3), below(3), below(9000), below(12000), below(60000), below(3),
	    below(4)), 0);
}

static void
check(enum sess_status st, const struct sess_err *err)
{
	if (st < 0)
		fail_msg("%s", err->text);
}

/* Sessions lo up to, not including, hi, to stats in turn. */
static void
feed_in_turn(struct sess_stats *const *st, unsigned turns, unsigned lo, unsigned hi)
{
	struct sess_session_opts o;
	struct sess_packer *pk;
	struct sess_gather *g;
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;
	struct sess_buf line = { 0 }, out = { 0 };
	const struct sess_session *s;
	struct sess_err err = { 0 };
	unsigned i, n;

	sess_session_opts_init(&o);
	o.lines = true;
	o.note = sess_stats_note;
	o.note_arg = st[0];
	o.jobs = 1;
	check(sess_packer_new(&pk, &o, &err), &err);
	check(sess_gather_new(&g, &o, &err), &err);
	for (n = lo; n < hi; n++) {
		seed = n * 7919 + 1;
		for (i = 0; i < 40; i++) {
			make_line(&line, n, n * 40 + i);
			check(sess_event_scan(&sc, &ev, line.data, line.len, &err), &err);
			sess_packer_reset(pk);
			out.len = 0;
			assert_int_equal(sess_pack(pk, &ev, 0, &out), SESS_OK);
			check(sess_gather_add(g, out.data, out.len, &err), &err);
		}
	}
	for (i = 0; sess_gather_next(g, &s, &err) == SESS_OK; i++)
		check(sess_stats_add(st[i % turns], s, &err), &err);
	sess_gather_free(g);
	sess_packer_free(pk);
	sess_event_scanner_release(&sc);
	sess_buf_release(&line);
	sess_buf_release(&out);
}

static void
feed(struct sess_stats *st, unsigned lo, unsigned hi)
{
	feed_in_turn(&st, 1, lo, hi);
}

static struct sess_stats *
stats(uint64_t memory)
{
	struct sess_stats_opts o;
	struct sess_stats *st;
	struct sess_err err = { 0 };

	sess_stats_opts_init(&o);
	o.reports = all;
	o.by = by_browser;
	o.funnel = steps;
	o.memory = memory;
	o.tz = "UTC0";
	check(sess_stats_new(&st, &o, &err), &err);
	return st;
}

/* All rows as NDJSON. */
static void
write_rows(struct sess_stats *st, struct sess_buf *out)
{
	struct sess_report_opts o = { .format = SESS_REPORT_NDJSON };
	const struct sess_stats_table *t;
	const struct sess_stats_row *row;
	struct sess_report *r;
	struct sess_err err = { 0 };
	enum sess_status s;

	out->len = 0;
	check(sess_report_new(&r, &o, &err), &err);
	while ((s = sess_stats_next(st, &t, &row, &err)) == SESS_OK)
		check(sess_report_row(r, t, row, out, &err), &err);
	check(s, &err);
	check(sess_report_end(r, out, &err), &err);
	sess_report_free(r);
	sess_stats_free(st);
}

static int
keep(void *arg, const char *line, size_t len)
{
	return sess_buf_add(arg, line, len);
}

static void
merge(struct sess_stats *st, const struct sess_buf *partial)
{
	const char *p = partial->data, *end = p + partial->len, *next;
	struct sess_err err = { 0 };

	for (; p < end; p = next) {
		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		check(sess_stats_merge(st, p, (size_t)(next - p), &err), &err);
	}
}

static void
same(const struct sess_buf *a, const struct sess_buf *b)
{
	assert_true(a->len > 10000);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* Memory so small that every session spills. */
static void
spilled_is_the_same(void **state)
{
	struct sess_buf want = { 0 }, got = { 0 };
	struct sess_stats *st;

	(void)state;
	st = stats(64 << 20);
	feed(st, 0, 60);
	write_rows(st, &want);
	st = stats(1);
	feed(st, 0, 60);
	write_rows(st, &got);
	same(&want, &got);
	sess_buf_release(&want);
	sess_buf_release(&got);
}

/* Partials of random splits, spilled or not, merged in any order. */
static void
any_split_is_the_same(void **state)
{
	struct sess_buf want = { 0 }, got = { 0 }, part[4] = { { 0 } };
	struct sess_err err = { 0 };
	struct sess_stats *st;
	unsigned round, i, from, to;

	(void)state;
	st = stats(64 << 20);
	feed(st, 0, 60);
	write_rows(st, &want);
	for (round = 0; round < 5; round++) {
		for (i = from = 0; i < 4; i++, from = to) {
			seed = round * 31 + i;
			to = i == 3 ? 60 : from + below(61 - from);
			st = stats(round % 2 ? 1 : 64 << 20);
			feed(st, from, to);
			part[i].len = 0;
			check(sess_stats_partial(st, keep, &part[i], &err), &err);
			sess_stats_free(st);
		}
		st = stats(round % 2 ? 64 << 20 : 1);
		for (i = 0; i < 4; i++)
			merge(st, &part[(i * 3 + round) % 4]);
		write_rows(st, &got);
		same(&want, &got);
	}
	for (i = 0; i < 4; i++)
		sess_buf_release(&part[i]);
	sess_buf_release(&want);
	sess_buf_release(&got);
}

/* The rows of one report, in an order that is asked for; limit 0: all. */
static void
rows_of(const char *report, const char *sort, uint64_t limit, struct sess_buf *out)
{
	const char *const reports[] = { report, NULL };
	struct sess_stats_opts o;
	struct sess_stats *st;
	struct sess_err err = { 0 };

	sess_stats_opts_init(&o);
	o.reports = reports;
	o.sort = sort;
	o.limit = limit;
	check(sess_stats_new(&st, &o, &err), &err);
	feed(st, 0, 60);
	write_rows(st, out);
}

static size_t
count_lines(const struct sess_buf *b)
{
	size_t n = 0;

	for (const char *p = b->data; (p = memchr(p, '\n', (size_t)(b->data + b->len - p))) != NULL;
	    p++)
		n++;
	return n;
}

/* Rows that are not shown need not be kept: those that are, are the first of all. */
static void
limited_rows_are_the_first(void **state)
{
	static const char *const sorts[] = { NULL, "load_ms", "-load_ms", "-fpt_ms", "time", "-page" };
	static const uint64_t limits[] = { 1, 2, 7, 20, 100, 4096, 5000 };
	struct sess_buf every = { 0 }, some = { 0 };
	size_t i, k, n;

	(void)state;
	for (i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		rows_of("slow", sorts[i], UINT64_MAX, &every);
		n = count_lines(&every);
		assert_true(n > 200);
		for (k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
			rows_of("slow", sorts[i], limits[k], &some);
			assert_int_equal(count_lines(&some), n < limits[k] ? n : limits[k]);
			assert_memory_equal(some.data, every.data, some.len);
		}
	}
	sess_buf_release(&every);
	sess_buf_release(&some);
}

/* What several count, and one of them has in the end. */
static void
shares_are_the_same(void **state)
{
	static const uint64_t memory[] = { 64 << 20, 1 << 20, 1 };
	struct sess_buf want = { 0 }, got = { 0 };
	struct sess_err err = { 0 };
	struct sess_stats *st[3];
	size_t i;

	(void)state;
	st[0] = stats(64 << 20);
	feed(st[0], 0, 60);
	write_rows(st[0], &want);
	for (i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
		st[0] = stats(memory[i]);
		check(sess_stats_share(&st[1], st[0], 2, &err), &err);
		check(sess_stats_share(&st[2], st[0], 2, &err), &err);
		feed_in_turn(st, 3, 0, 60);
		check(sess_stats_join(st[2], &err), &err);
		check(sess_stats_join(st[1], &err), &err);
		write_rows(st[0], &got);
		same(&want, &got);
	}
	sess_buf_release(&want);
	sess_buf_release(&got);
}

/* A stats made of a partial's first line, and what it then writes. */
static void
like_a_partial(void **state)
{
	struct sess_buf want = { 0 }, got = { 0 };
	struct sess_stats_opts o;
	struct sess_stats *st;
	struct sess_err err = { 0 };
	size_t first;

	(void)state;
	st = stats(64 << 20);
	feed(st, 0, 20);
	check(sess_stats_partial(st, keep, &want, &err), &err);
	sess_stats_free(st);
	sess_stats_opts_init(&o);
	first = (size_t)((char *)memchr(want.data, '\n', want.len) - want.data) + 1;
	check(sess_stats_like(&st, want.data, first, &o, &err), &err);
	merge(st, &want);
	check(sess_stats_partial(st, keep, &got, &err), &err);
	sess_stats_free(st);
	same(&want, &got);
	assert_int_equal(sess_stats_like(&st, "{}", 2, &o, &err), SESS_EFORMAT);
	assert_null(st);
	sess_buf_release(&want);
	sess_buf_release(&got);
}

/* One run with the n-th allocation failing; false when none did. */
static bool
run_failing(long n, const struct sess_buf *partial)
{
	const char *p = partial->data, *end = p + partial->len, *next;
	const struct sess_stats_table *t;
	const struct sess_stats_row *row;
	struct sess_stats_opts o;
	struct sess_stats *st;
	struct sess_err err = { 0 };
	enum sess_status r;
	bool failed;

	sess_stats_opts_init(&o);
	alloc_fail_at(n);
	next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	r = sess_stats_like(&st, p, (size_t)(next - p), &o, &err);
	for (; r == SESS_OK && p < end; p = next) {
		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		r = sess_stats_merge(st, p, (size_t)(next - p), &err);
	}
	while (r == SESS_OK)
		r = sess_stats_next(st, &t, &row, &err);
	sess_stats_free(st);
	failed = alloc_failed();
	alloc_fail_at(-1);
	if (!failed)
		assert_int_equal(r, SESS_END);
	return failed;
}

/* The same of a share that is joined. */
static bool
join_failing(long n)
{
	struct sess_stats *st[2] = { stats(64 << 20), NULL };
	struct sess_err err = { 0 };
	enum sess_status r;
	bool failed;

	check(sess_stats_share(&st[1], st[0], 1, &err), &err);
	feed_in_turn(st, 2, 0, 4);
	alloc_fail_at(n);
	r = sess_stats_join(st[1], &err);
	failed = alloc_failed();
	alloc_fail_at(-1);
	assert_int_equal(r, failed ? SESS_ENOMEM : SESS_OK);
	sess_stats_free(st[0]);
	return failed;
}

static void
memory_runs_out_while_joining(void **state)
{
	long n = 0;

	(void)state;
	while (join_failing(n))
		n += n < 10 ? 1 : 53;
	assert_true(n > 10);
}

static void
memory_runs_out(void **state)
{
	struct sess_buf partial = { 0 };
	struct sess_err err = { 0 };
	struct sess_stats *st = stats(64 << 20);
	long n = 0;

	(void)state;
	feed(st, 0, 2);
	check(sess_stats_partial(st, keep, &partial, &err), &err);
	sess_stats_free(st);
	while (run_failing(n, &partial))
		n += n < 300 ? 1 : 97;
	assert_true(n > 100);
	sess_buf_release(&partial);
}

static void
what_there_is_not(void **state)
{
	static const char *const none[] = { "nothing", NULL }, *const funnel[] = { "funnel", NULL },
	    *const time[] = { "time", NULL };
	struct sess_stats_opts o;
	struct sess_stats *st;
	struct sess_err err = { 0 };
	const char *doc;
	size_t i;

	(void)state;
	sess_stats_opts_init(&o);
	o.reports = none;
	assert_int_equal(sess_stats_new(&st, &o, &err), SESS_EFORMAT);
	assert_non_null(strstr(err.text, "overview"));
	err = (struct sess_err){ 0 };
	o.reports = funnel;
	assert_int_equal(sess_stats_new(&st, &o, &err), SESS_EFORMAT);
	o.reports = all + 1;
	o.funnel = steps;
	o.by = none;
	err = (struct sess_err){ 0 };
	assert_int_equal(sess_stats_new(&st, &o, &err), SESS_EFORMAT);
	assert_non_null(strstr(err.text, "browser"));
	o.by = time;
	assert_int_equal(sess_stats_new(&st, &o, &err), SESS_EFORMAT);
	o.by = NULL;
	o.sort = "nothing";
	assert_int_equal(sess_stats_new(&st, &o, &err), SESS_EFORMAT);
	for (i = 0; sess_stats_report(i, &doc) != NULL; i++)
		assert_true(strlen(doc) > 0);
	assert_int_equal(i, sizeof(all) / sizeof(all[0]) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spilled_is_the_same),
		cmocka_unit_test(any_split_is_the_same),
		cmocka_unit_test(limited_rows_are_the_first),
		cmocka_unit_test(shares_are_the_same),
		cmocka_unit_test(like_a_partial),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(memory_runs_out_while_joining),
		cmocka_unit_test(what_there_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
