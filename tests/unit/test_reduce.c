/* The reducer: sorted input, a group at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/group.h"
#include "sess/session.h"

#define T	INT64_C(1626320731064)
#define LINE	"{\"v\":1}"

/* What came out: a record a line, members behind it. */
struct out {
	struct sess_buf text;
	uint64_t sessions, stop_after;	/* 0: never */
	int64_t newest;
};

static enum sess_status
take(void *arg, unsigned thread, const struct sess_session *s, struct sess_err *err)
{
	struct out *o = arg;
	size_t i;

	assert_int_equal(thread, 0);
	if (sess_session_write(s, &o->text) < 0)
		return sess_err_nomem(err);
	for (i = 0; i < s->nmembers; i++)
		if (sess_buf_printf(&o->text, "%lld %.*s\n", (long long)s->members[i].when,
		    (int)s->members[i].line_len, s->members[i].line) < 0)
			return sess_err_nomem(err);
	return ++o->sessions == o->stop_after ? SESS_END : SESS_OK;
}

/* Event n of a group that starts at `start`. */
static void
make(struct sess_event *ev, char sid[16], unsigned group, int64_t start, unsigned n)
{
	sess_event_reset(ev);
	ev->kind = n % 3 == 0 ? SESS_VIEW : SESS_API;
	ev->id = group * 1000u + n;
	ev->time = start + n * 700;
	sess_event_set(ev, group % 4 == 0 ? SESS_K_VISITOR : SESS_K_SESSION_ID, sid,
	    (size_t)snprintf(sid, 16, "s%05u", group));
	sess_event_set(ev, SESS_K_PAGE, "/home", 5);
	ev->line = LINE;
	ev->line_len = strlen(LINE);
}

/* Groups in this order, `each` events of each, `per_buffer` events a buffer. */
struct run {
	struct sess_session_opts opts;
	const unsigned *groups;
	unsigned ngroups, each, per_buffer;
	int64_t apart;			/* ms from one group's start to the next one's */
};

/* Event i of all. */
static void
make_next(struct sess_event *ev, char sid[16], const struct run *r, unsigned i)
{
	make(ev, sid, r->groups[i / r->each], T + i / r->each * r->apart, i % r->each);
	ev->raw_line = i + 1;
}

static int
by_key(const void *a, const void *b)
{
	struct sess_buf x = { 0 }, y = { 0 };
	struct sess_event ev;
	char sid[16];
	int c;

	make(&ev, sid, *(const unsigned *)a, T, 0);
	assert_int_equal(sess_event_key(&ev, &x), SESS_OK);
	make(&ev, sid, *(const unsigned *)b, T, 0);
	assert_int_equal(sess_event_key(&ev, &y), SESS_OK);
	assert_int_equal(sess_buf_putc(&x, '\0') | sess_buf_putc(&y, '\0'), 0);
	c = strcmp(x.data, y.data);
	sess_buf_release(&x);
	sess_buf_release(&y);
	return c;
}

static enum sess_status
reduce(const struct run *r, struct out *out, struct sess_err *err)
{
	struct sess_reducer *reducer = NULL;
	struct sess_packer *pk = NULL;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	enum sess_status st;
	char sid[16];
	unsigned i, all = r->ngroups * r->each;

	if ((st = sess_reducer_new(&reducer, &r->opts, err)) < 0 ||
	    (st = sess_packer_new(&pk, &r->opts, err)) < 0)
		goto out;
	for (i = 0; i < all && st == SESS_OK; i++) {
		make_next(&ev, sid, r, i);
		if ((st = sess_pack(pk, &ev, 0, &packed)) < 0)
			goto out;
		if ((i + 1) % r->per_buffer != 0 && i + 1 != all)
			continue;
		st = sess_reducer_add(reducer, packed.data, packed.len, take, out, err);
		packed.len = 0;
		sess_packer_reset(pk);
	}
	if (st == SESS_OK)
		st = sess_reducer_end(reducer, take, out, err);
	out->newest = sess_reducer_newest(reducer);
out:
	sess_buf_release(&packed);
	sess_packer_free(pk);
	sess_reducer_free(reducer);
	return st;
}

/* The same by the gatherer. */
static void
gather(const struct run *r, struct out *out)
{
	struct sess_session_opts opts = r->opts;
	struct sess_gather *g;
	struct sess_packer *pk;
	struct sess_buf packed = { 0 };
	const struct sess_session *s;
	struct sess_event ev;
	char sid[16];
	unsigned i;

	opts.sorted = false;
	assert_int_equal(sess_gather_new(&g, &opts, NULL), SESS_OK);
	assert_int_equal(sess_packer_new(&pk, &opts, NULL), SESS_OK);
	for (i = 0; i < r->ngroups * r->each; i++) {
		make_next(&ev, sid, r, i);
		assert_int_equal(sess_pack(pk, &ev, 0, &packed), SESS_OK);
	}
	assert_int_equal(sess_gather_add(g, packed.data, packed.len, NULL), SESS_OK);
	while (sess_gather_next(g, &s, NULL) == SESS_OK)
		assert_int_equal(take(out, 0, s, NULL), SESS_OK);
	sess_gather_free(g);
	sess_packer_free(pk);
	sess_buf_release(&packed);
}

/* Sorts the groups by their keys. */
static struct run
new_run(unsigned *groups, unsigned n)
{
	struct run r = { .groups = groups, .ngroups = n, .each = 5, .per_buffer = 3, .apart = 10 };

	if (n > 0)
		qsort(groups, n, sizeof(*groups), by_key);

	sess_session_opts_init(&r.opts);
	r.opts.sorted = r.opts.lines = true;
	return r;
}

static void
groups_come_out_as_the_gatherer_has_them(void **state)
{
	unsigned groups[500], i;
	struct out want = { .sessions = 0 }, got;
	struct run r;

	(void)state;
	for (i = 0; i < 500; i++)
		groups[i] = i;
	r = new_run(groups, 500);	/* keys and starts are in the same order */
	gather(&r, &want);
	assert_int_equal(want.sessions, 500);
	for (r.per_buffer = 1; r.per_buffer < 4000; r.per_buffer = r.per_buffer * 3 + 1) {
		got = (struct out){ .sessions = 0 };
		assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
		assert_int_equal(got.sessions, 500);
		assert_int_equal(got.text.len, want.text.len);
		assert_memory_equal(got.text.data, want.text.data, want.text.len);
		sess_buf_release(&got.text);
	}
	sess_buf_release(&want.text);
}

static void
pieces_of_a_group_come_in_order(void **state)
{
	unsigned groups[] = { 1 };
	struct run r = new_run(groups, 1);
	struct out got = { .sessions = 0 };

	(void)state;
	r.opts.rule.idle = 700;		/* no event follows within less */
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_int_equal(got.sessions, 5);
	sess_buf_release(&got.text);
}

static void
input_that_is_not_sorted_is_an_error(void **state)
{
	unsigned groups[] = { 1, 2 }, apart[3], down[2];
	struct run r = new_run(groups, 2);
	struct out got = { .sessions = 0 };
	struct sess_err err = { 0 };

	(void)state;
	memcpy(apart, (unsigned [3]){ groups[0], groups[1], groups[0] }, sizeof(apart));
	memcpy(down, (unsigned [2]){ groups[1], groups[0] }, sizeof(down));
	r.groups = apart;
	r.ngroups = 3;
	for (r.per_buffer = 1; r.per_buffer < 20; r.per_buffer++) {
		err = (struct sess_err){ 0 };
		assert_int_equal(reduce(&r, &got, &err), SESS_EFORMAT);
		assert_int_equal(err.line, 11);
		assert_non_null(strstr(err.text, "not sorted by key: "));
		assert_true(strstr(err.text, ":s0000") < strstr(err.text, " comes behind "));
	}
	r.groups = down;
	r.ngroups = 2;
	assert_int_equal(reduce(&r, &got, &err), SESS_EFORMAT);
	sess_buf_release(&got.text);
}

static void
nothing_in_is_nothing_out(void **state)
{
	struct run r = new_run(NULL, 0);
	struct out got = { .sessions = 0 };

	(void)state;
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_int_equal(got.sessions, 0);
}

static void
who_takes_may_stop(void **state)
{
	unsigned groups[] = { 1, 2, 3, 4 };
	struct run r = new_run(groups, 4);
	struct out got = { .stop_after = 2 };

	(void)state;
	assert_int_equal(reduce(&r, &got, NULL), SESS_END);
	assert_int_equal(got.sessions, 2);
	sess_buf_release(&got.text);
}

static bool
holds(const struct out *o, const char *text)
{
	return memmem(o->text.data, o->text.len, text, strlen(text)) != NULL;
}

/* What the whole's newest event decides isn't decided by the group before. */
static void
a_group_says_nothing_of_how_the_next_one_ended(void **state)
{
	unsigned groups[] = { 4, 8 };
	struct run r = new_run(groups, 2);
	struct out got = { .sessions = 0 };

	(void)state;
	r.apart = 15 * 60000;
	r.opts.visit.idle = 60000;
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_true(holds(&got, "\"end_reason\":\"eof\""));
	assert_false(holds(&got, "\"end_reason\":\"idle\""));
	got.text.len = 0;
	r.opts.part = true;		/* it isn't known */
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_false(holds(&got, "end_reason"));
	got.text.len = 0;
	r.opts.newest = T + 100 * 60000;
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_true(holds(&got, "\"end_reason\":\"idle\""));
	assert_false(holds(&got, "\"end_reason\":\"eof\""));
	got.text.len = 0;
	r.opts.newest = T;		/* whatever the events say */
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_false(holds(&got, "\"end_reason\":\"idle\""));
	sess_buf_release(&got.text);
}

static void
the_newest_event_is_that_of_all_groups(void **state)
{
	unsigned groups[] = { 1, 2, 3 };
	struct run r = new_run(groups, 3);
	struct out got = { .sessions = 0 };

	(void)state;
	r.apart = -60000;		/* the first one's are the newest */
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_int_equal(got.newest, T + 4 * 700);
	r.ngroups = 0;
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_int_equal(got.newest, INT64_MIN);
	r.opts.newest = T;
	assert_int_equal(reduce(&r, &got, NULL), SESS_OK);
	assert_int_equal(got.newest, T);
	sess_buf_release(&got.text);
}

static void
each_failing_allocation_is_reported(void **state)
{
	unsigned groups[] = { 1, 2, 3 };
	struct run r = new_run(groups, 3);
	struct out got;
	enum sess_status st;
	long n;

	(void)state;
	for (n = 0; ; n++) {
		got = (struct out){ .sessions = 0 };
		alloc_fail_at(n);
		st = reduce(&r, &got, NULL);
		sess_buf_release(&got.text);
		if (!alloc_failed())
			break;
		assert_int_equal(st, SESS_ENOMEM);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_OK);
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_come_out_as_the_gatherer_has_them),
		cmocka_unit_test(pieces_of_a_group_come_in_order),
		cmocka_unit_test(input_that_is_not_sorted_is_an_error),
		cmocka_unit_test(nothing_in_is_nothing_out),
		cmocka_unit_test(who_takes_may_stop),
		cmocka_unit_test(a_group_says_nothing_of_how_the_next_one_ended),
		cmocka_unit_test(the_newest_event_is_that_of_all_groups),
		cmocka_unit_test(each_failing_allocation_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
