/* The gatherer: the law of order and memory, cutting, spilling, live input. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/session.h"

#define T	INT64_C(1626320731064)
#define MIN	INT64_C(60000)

static const char *
tmpdir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL ? dir : "/tmp";
}

static uint32_t
rnd(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* -- made-up events: number n is always the same event */

struct texts {
	char sid[32], view[32], user[32], page[32], line[200];
};

static void
make(struct sess_event *ev, struct texts *t, uint32_t n, uint32_t sessions)
{
	uint32_t seed = n * 2654435761u + 1, s = rnd(&seed) % sessions;

	sess_event_reset(ev);
	ev->kind = (enum sess_kind)(rnd(&seed) % SESS_NKINDS);
	ev->id = (uint64_t)n * 0x9e3779b97f4a7c15;
	ev->time = rnd(&seed) % 20 == 0 ? SESS_NO_TIME : T + s * 10 + rnd(&seed) % 4000000;
	ev->received = rnd(&seed) % 20 == 0 && ev->time != SESS_NO_TIME ? SESS_NO_TIME :
	    T + s * 10 + rnd(&seed) % 4000000 + (s % 7 == 0 ? 5000000 : 0);
	snprintf(t->sid, sizeof(t->sid), "session-%u", s);
	snprintf(t->view, sizeof(t->view), "view-%u-%u", s, rnd(&seed) % 4);
	snprintf(t->user, sizeof(t->user), "user-%u", s / 3 + rnd(&seed) % 2);
	snprintf(t->page, sizeof(t->page), "/page/%u", rnd(&seed) % 5);
	sess_event_set(ev, s % 5 == 0 ? SESS_K_VISITOR : SESS_K_SESSION_ID, t->sid,
	    strlen(t->sid));
	if (rnd(&seed) % 3 != 0)
		sess_event_set(ev, SESS_K_VIEW_ID, t->view, strlen(t->view));
	sess_event_set(ev, SESS_K_USER_ID, t->user, strlen(t->user));
	sess_event_set(ev, SESS_K_PAGE, t->page, strlen(t->page));
	sess_event_set(ev, SESS_K_STAY_MS, "1500", 4);
	sess_event_set(ev, SESS_K_LOAD_MS, "9000", 4);
	ev->line = t->line;
	ev->line_len = (size_t)snprintf(t->line, sizeof(t->line),
	    "{\"v\":1,\"n\":%u,\"pad\":\"%0*u\"}", n, (int)(n % 100), n);
}

static void
dump(const struct sess_session *s, struct sess_buf *out)
{
	size_t i;

	assert_int_equal(sess_session_write(s, out), SESS_OK);
	for (i = 0; i < s->nviews; i++)
		assert_int_equal(sess_buf_printf(out, "%.*s %.*s %lld %lld %g %g\n",
		    (int)s->views[i].view_id.len, s->views[i].view_id.p,
		    (int)s->views[i].page.len, s->views[i].page.p,
		    (long long)s->views[i].start, (long long)s->views[i].end,
		    s->views[i].stay_ms, s->views[i].load_ms), 0);
	for (i = 0; i < s->nmembers; i++)
		assert_int_equal(sess_buf_printf(out, "%lld %u %x %.*s\n",
		    (long long)s->members[i].when, s->members[i].view, s->members[i].marks,
		    (int)s->members[i].line_len,
		    s->members[i].line != NULL ? s->members[i].line : ""), 0);
}

struct run {
	struct sess_session_opts opts;
	uint32_t events, sessions;	/* how many of each */
	uint32_t per_buffer;
	uint32_t order;			/* seed of a shuffle; 0: as they are */
	bool twice;
	unsigned threads;		/* in any order, by so many; 0: one by one */
};

struct taken {
	pthread_mutex_t lock;
	const struct run *r;
	struct sess_buf *out;
};

static enum sess_status
take(void *arg, unsigned thread, const struct sess_session *s, struct sess_err *err)
{
	struct taken *t = arg;

	(void)err;
	assert_true(thread <= t->r->threads);
	assert_true(t->r->twice || s->duplicates == 0);
	pthread_mutex_lock(&t->lock);
	if (t->out != NULL)
		dump(s, t->out);
	pthread_mutex_unlock(&t->lock);
	return SESS_OK;
}

/* Have the sessions taken; SESS_END, as who asks for them one by one gets. */
static enum sess_status
take_all(struct sess_gather *g, const struct run *r, struct sess_buf *out, struct sess_err *err)
{
	struct taken t = { PTHREAD_MUTEX_INITIALIZER, r, out };
	const struct sess_session *s;
	enum sess_status st;

	if (r->threads > 0) {
		st = sess_gather_each(g, r->threads, take, &t, err);
		return st < 0 ? st : SESS_END;
	}
	while ((st = sess_gather_next(g, &s, err)) == SESS_OK)
		take(&t, 0, s, err);
	return st;
}

/* All sessions of a run as text.  What it returned. */
static enum sess_status
gather(const struct run *r, struct sess_buf *out, struct sess_err *err)
{
	uint32_t all = r->twice ? 2 * r->events : r->events, *at, i, j, t, seed = r->order;
	struct sess_packer *pk = NULL;
	struct sess_gather *g = NULL;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	struct texts texts;
	enum sess_status st;

	if ((at = malloc(all * sizeof(*at))) == NULL)
		return sess_err_nomem(err);
	for (i = 0; i < all; i++)
		at[i] = i % r->events;
	for (i = all; seed != 0 && i > 1; i--) {
		j = rnd(&seed) % i;
		t = at[j];
		at[j] = at[i - 1];
		at[i - 1] = t;
	}
	if ((st = sess_packer_new(&pk, &r->opts, err)) < 0 ||
	    (st = sess_gather_new(&g, &r->opts, err)) < 0)
		goto out;
	for (i = 0; i < all; i++) {
		make(&ev, &texts, at[i], r->sessions);
		if ((st = sess_pack(pk, &ev, 1u << ev.kind, &packed)) < 0)
			goto out;
		if ((i + 1) % r->per_buffer != 0 && i + 1 != all)
			continue;
		if ((st = sess_gather_add(g, packed.data, packed.len, err)) < 0)
			goto out;
		packed.len = 0;
		sess_packer_reset(pk);
	}
	st = take_all(g, r, out, err);
out:
	free(at);
	sess_packer_free(pk);
	sess_gather_free(g);
	sess_buf_release(&packed);
	return st;
}

static struct run
plain(uint32_t events, uint32_t sessions)
{
	struct run r = { .events = events, .sessions = sessions, .per_buffer = 500 };

	sess_session_opts_init(&r.opts);
	r.opts.tmpdir = tmpdir();
	return r;
}

static void
assert_same(const struct run *a, const struct run *b)
{
	struct sess_buf x = { 0 }, y = { 0 };
	struct sess_err err = { 0 };

	assert_int_equal(gather(a, &x, &err), SESS_END);
	assert_int_equal(gather(b, &y, &err), SESS_END);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	sess_buf_release(&x);
	sess_buf_release(&y);
}

/* -- laws */

static void
order_buffers_and_duplicates_change_nothing(void **state)
{
	struct run a = plain(20000, 900), b = a;

	(void)state;
	a.opts.lines = b.opts.lines = true;
	a.opts.rule.idle = b.opts.rule.idle = 10 * MIN;
	b.order = 77;
	b.per_buffer = 37;
	b.twice = true;
	assert_same(&a, &b);
}

static void
memory_changes_nothing(void **state)
{
	struct run a = plain(30000, 2000), b = a;

	(void)state;
	b.opts.memory = 1 << 20;
	assert_same(&a, &b);
	a.opts.lines = b.opts.lines = true;
	b.order = 3;
	assert_same(&a, &b);
	b.twice = true;
	b.opts.memory = 100000;
	b.opts.max_events = a.opts.max_events = 12;
	b.opts.rule.max_duration = a.opts.rule.max_duration = 20 * MIN;
	assert_same(&a, &b);
}

static void
one_huge_session_needs_little_memory(void **state)
{
	struct run a = plain(30000, 1), b = a;

	(void)state;
	a.opts.lines = b.opts.lines = true;
	b.opts.memory = 300000;
	b.order = 9;
	b.twice = true;
	assert_same(&a, &b);
	/* in pieces, by each clock */
	a.opts.visit.idle = b.opts.visit.idle = 3000;
	a.opts.clock = b.opts.clock = SESS_CLOCK_SERVER;
	assert_same(&a, &b);
	a.opts.max_events = b.opts.max_events = 100;
	a.opts.visit.idle = b.opts.visit.idle = 0;
	assert_same(&a, &b);
}

static void
threads_change_nothing(void **state)
{
	struct run a = plain(40000, 9000), b = a;

	(void)state;
	a.opts.jobs = 1;
	b.order = 5;
	assert_same(&a, &b);
}

static void
a_reader_may_stop_early(void **state)
{
	struct run r = plain(40000, 9000);
	const struct sess_session *s;
	struct sess_packer *pk;
	struct sess_gather *g;
	struct sess_buf packed = { 0 };
	struct sess_err err = { 0 };
	struct sess_event ev;
	struct texts t;
	uint32_t i;

	(void)state;
	assert_int_equal(sess_packer_new(&pk, &r.opts, &err), SESS_OK);
	assert_int_equal(sess_gather_new(&g, &r.opts, &err), SESS_OK);
	for (i = 0; i < r.events; i++) {
		make(&ev, &t, i, r.sessions);
		assert_int_equal(sess_pack(pk, &ev, 0, &packed), SESS_OK);
	}
	assert_int_equal(sess_gather_add(g, packed.data, packed.len, &err), SESS_OK);
	for (i = 0; i < 700; i++)
		assert_int_equal(sess_gather_next(g, &s, &err), SESS_OK);
	sess_gather_free(g);
	sess_packer_free(pk);
	sess_buf_release(&packed);
	sess_gather_free(NULL);
	sess_packer_free(NULL);
}

static void
no_events_make_no_sessions(void **state)
{
	struct run r = plain(1, 1);
	const struct sess_session *s;
	struct sess_gather *g;
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sess_gather_new(&g, &r.opts, &err), SESS_OK);
	assert_int_equal(sess_gather_add(g, NULL, 0, &err), SESS_OK);
	assert_int_equal(sess_gather_next(g, &s, &err), SESS_END);
	assert_int_equal(sess_gather_next(g, &s, &err), SESS_END);
	sess_gather_free(g);
}

/* -- single events */

struct world {
	struct sess_session_opts opts;
	struct sess_packer *pk;
	struct sess_gather *g;
	struct sess_buf packed;
	struct sess_err err;
};

static void
start(struct world *w, const struct sess_session_opts *o)
{
	memset(w, 0, sizeof(*w));
	w->opts = *o;
	assert_int_equal(sess_packer_new(&w->pk, &w->opts, &w->err), SESS_OK);
	assert_int_equal(sess_gather_new(&w->g, &w->opts, &w->err), SESS_OK);
}

static void
stop(struct world *w)
{
	sess_gather_free(w->g);
	sess_packer_free(w->pk);
	sess_buf_release(&w->packed);
}

static void
add(struct world *w, const char *sid, uint64_t id, int64_t time, const char *page)
{
	struct sess_event ev;

	sess_event_reset(&ev);
	ev.kind = SESS_VIEW;
	ev.id = id;
	ev.time = ev.received = time;
	sess_event_set(&ev, SESS_K_SESSION_ID, sid, strlen(sid));
	sess_event_set(&ev, SESS_K_PAGE, page, strlen(page));
	assert_int_equal(sess_pack(w->pk, &ev, 0, &w->packed), SESS_OK);
	assert_int_equal(sess_gather_add(w->g, w->packed.data, w->packed.len, &w->err), SESS_OK);
	w->packed.len = 0;
	sess_packer_reset(w->pk);
}

static void
assert_next(struct world *w, const char *key, int64_t from, int64_t to, const char *reason)
{
	const struct sess_session *s;

	assert_int_equal(sess_gather_next(w->g, &s, &w->err), SESS_OK);
	assert_int_equal(s->key.len, strlen(key));
	assert_memory_equal(s->key.p, key, s->key.len);
	assert_int_equal(s->start, from);
	assert_int_equal(s->end, to);
	assert_string_equal(s->end_reason, reason);
	assert_true(sess_session_named(s, key, strlen(key)));
}

static void
assert_end(struct world *w)
{
	const struct sess_session *s;

	assert_int_equal(sess_gather_next(w->g, &s, &w->err), SESS_END);
}

/* In memory, and through the disk. */
static const uint64_t memories[] = { 512 << 20, 0 };

static void
sessions_come_by_start_then_key(void **state)
{
	struct sess_session_opts o;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		start(&w, &o);
		add(&w, "b", 1, T, "");
		add(&w, "ab", 1, T, "");
		add(&w, "a", 1, T, "");
		add(&w, "z", 1, T - 1, "");
		assert_next(&w, "z", T - 1, T - 1, "eof");
		assert_next(&w, "a", T, T, "eof");
		assert_next(&w, "ab", T, T, "eof");
		assert_next(&w, "b", T, T, "eof");
		assert_end(&w);
		stop(&w);
	}
}

static void
idle_cuts_and_names_the_pieces(void **state)
{
	struct sess_session_opts o;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		o.rule.idle = 1000;
		start(&w, &o);
		add(&w, "k", 3, 361 + 1000 + 999, "/c");
		add(&w, "k", 1, 361, "/a");
		add(&w, "k", 2, 361 + 1000, "/b");
		add(&w, "whole", 4, 361, "/b");
		assert_next(&w, "k.a1", 361, 361, "idle");
		assert_next(&w, "whole", 361, 361, "idle");
		assert_next(&w, "k.11t", 1361, 2360, "eof");
		assert_end(&w);
		stop(&w);
	}
}

static void
max_duration_cuts(void **state)
{
	struct sess_session_opts o;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		o.rule.max_duration = 1000;
		start(&w, &o);
		add(&w, "k", 1, 0, "");
		add(&w, "k", 2, 999, "");
		add(&w, "k", 3, 1000, "");
		add(&w, "k", 4, -1, "");
		assert_next(&w, "k.-1", -1, 0, "max");
		assert_next(&w, "k.rr", 999, 1000, "eof");
		assert_end(&w);
		stop(&w);
	}
}

static void
a_session_is_not_over_until_the_newest_event_says_so(void **state)
{
	struct sess_session_opts o;
	struct world w;

	(void)state;
	sess_session_opts_init(&o);
	o.rule.idle = 1000;
	start(&w, &o);
	add(&w, "a", 1, 0, "");
	add(&w, "b", 2, 1, "");
	add(&w, "c", 3, 1000, "");
	assert_next(&w, "a", 0, 0, "idle");
	assert_next(&w, "b", 1, 1, "eof");
	assert_next(&w, "c", 1000, 1000, "eof");
	stop(&w);
}

static void
of_equal_ids_the_record_with_more_keys_stays(void **state)
{
	struct sess_session_opts o;
	const struct sess_session *s;
	struct world w;
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++) {
			sess_session_opts_init(&o);
			o.memory = memories[i];
			o.tmpdir = tmpdir();
			start(&w, &o);
			add(&w, "a", 7, 5, j == 0 ? "" : "/page");
			add(&w, "a", 7, 5, j == 0 ? "/page" : "");
			add(&w, "a", 8, 6, "");
			add(&w, "b", 7, 9, "");		/* another session's is another event */
			assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
			assert_int_equal(s->events, 2);
			assert_int_equal(s->duplicates, 1);
			assert_int_equal(s->entry_page.len, 5);
			assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
			assert_int_equal(s->events, 1);
			assert_end(&w);
			stop(&w);
		}
}

static void
an_oversize_session_is_counted_whole_and_has_no_members(void **state)
{
	struct sess_session_opts o;
	const struct sess_session *s;
	struct sess_buf out = { 0 };
	struct world w;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		o.max_events = 3;
		start(&w, &o);
		for (n = 0; n < 3; n++)
			add(&w, "three", (uint64_t)n, n, "/p");
		for (n = 0; n < 10; n++)
			add(&w, "ten", (uint64_t)n, 100 + n, n == 9 ? "/last" : "/p");
		assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
		assert_false(s->oversize);
		assert_int_equal(s->nmembers, 3);
		assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
		assert_true(s->oversize);
		assert_int_equal(s->nmembers, 0);
		assert_null(s->members);
		assert_int_equal(s->events, 10);
		assert_int_equal(s->page_views, 10);
		assert_memory_equal(s->exit_page.p, "/last", 5);
		out.len = 0;
		assert_int_equal(sess_session_write(s, &out), SESS_OK);
		assert_memory_equal(out.data + out.len - 18, ",\"oversize\":true}\n", 18);
		assert_end(&w);
		stop(&w);
	}
	sess_buf_release(&out);
}

static void
lines_come_back_as_they_went_in(void **state)
{
	static const char line[] = "{\"v\":1, \"odd\" :  \"spacing\"}";
	struct sess_session_opts o;
	const struct sess_session *s;
	struct sess_event ev;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		o.lines = true;
		start(&w, &o);
		sess_event_reset(&ev);
		ev.kind = SESS_API;
		ev.time = 5;
		ev.line = line;
		ev.line_len = sizeof(line) - 1;
		assert_int_equal(sess_pack(w.pk, &ev, 0, &w.packed), SESS_OK);
		ev.line = NULL;
		ev.id = 1;
		ev.time = 6;
		assert_int_equal(sess_pack(w.pk, &ev, 0, &w.packed), SESS_OK);
		assert_int_equal(sess_gather_add(w.g, w.packed.data, w.packed.len, &w.err), SESS_OK);
		assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
		assert_int_equal(s->members[0].line_len, sizeof(line) - 1);
		assert_memory_equal(s->members[0].line, line, sizeof(line) - 1);
		assert_memory_equal(s->members[1].line, "{\"v\":1,\"id\":\"0000000000000001\"", 30);
		assert_int_equal(s->members[1].line[s->members[1].line_len - 1], '}');
		stop(&w);
	}
}

static void
long_strings_are_kept_whole(void **state)
{
	struct sess_session_opts o;
	const struct sess_session *s;
	size_t len = 3 << 20, i;
	char *page = malloc(len + 1);
	struct world w;

	(void)state;
	assert_non_null(page);
	memset(page, 'p', len);
	page[len] = '\0';
	for (i = 0; i < 2; i++) {
		sess_session_opts_init(&o);
		o.memory = memories[i];
		o.tmpdir = tmpdir();
		start(&w, &o);
		add(&w, "a", 1, 1, "/short");
		add(&w, "a", 2, 2, page);
		add(&w, "a", 3, 3, "/then");
		add(&w, page, 4, 4, "/then");
		assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
		assert_int_equal(s->nviews, 3);
		assert_int_equal(s->views[1].page.len, len);
		assert_memory_equal(s->views[1].page.p, page, len);
		assert_memory_equal(s->views[2].page.p, "/then", 5);
		assert_int_equal(sess_gather_next(w.g, &s, &w.err), SESS_OK);
		assert_int_equal(s->key.len, len);
		assert_end(&w);
		stop(&w);
	}
	free(page);
}

/* -- trouble */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text in order. */
static void
sort_lines(struct sess_buf *b)
{
	char **line = malloc(b->len * sizeof(*line)), *p;
	struct sess_buf sorted = { 0 };
	size_t n = 0, i;

	assert_non_null(line);
	assert_int_equal(sess_buf_putc(b, '\0'), 0);
	for (p = strtok(b->data, "\n"); p != NULL; p = strtok(NULL, "\n"))
		line[n++] = p;
	qsort(line, n, sizeof(*line), by_text);
	for (i = 0; i < n; i++)
		assert_int_equal(sess_buf_printf(&sorted, "%s\n", line[i]), 0);
	free(line);
	sess_buf_release(b);
	*b = sorted;
}

static void
threads_take_the_same_sessions(void **state)
{
	static const uint64_t memory[] = { 512 << 20, 1 << 20 };
	struct sess_buf want = { 0 }, got = { 0 };
	struct run r = plain(9000, 3000);
	struct sess_err err = { 0 };
	size_t i;

	(void)state;
	r.opts.lines = true;
	assert_int_equal(gather(&r, &want, &err), SESS_END);
	sort_lines(&want);
	for (i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		for (r.threads = 1; r.threads < 100; r.threads = 3 * r.threads + 1) {
			r.opts.memory = memory[i];
			got.len = 0;
			assert_int_equal(gather(&r, &got, &err), SESS_END);
			sort_lines(&got);
			assert_int_equal(got.len, want.len);
			assert_memory_equal(got.data, want.data, want.len);
		}
	sess_buf_release(&want);
	sess_buf_release(&got);
}

static enum sess_status
refuse(void *arg, unsigned thread, const struct sess_session *s, struct sess_err *err)
{
	(void)thread, (void)s;
	++*(unsigned *)arg;
	return sess_err_set(err, SESS_ELIMIT, 0, "no more");
}

static void
what_take_returns_ends_it(void **state)
{
	struct run r = plain(30, 3);
	struct sess_err err = { 0 };
	struct sess_gather *g;
	struct sess_packer *pk;
	struct sess_buf packed = { 0 };
	struct sess_event ev;
	struct texts texts;
	unsigned asked = 0;

	(void)state;
	assert_int_equal(sess_packer_new(&pk, &r.opts, &err), SESS_OK);
	assert_int_equal(sess_gather_new(&g, &r.opts, &err), SESS_OK);
	for (uint32_t i = 0; i < r.events; i++) {
		make(&ev, &texts, i, r.sessions);
		assert_int_equal(sess_pack(pk, &ev, 0, &packed), SESS_OK);
	}
	assert_int_equal(sess_gather_add(g, packed.data, packed.len, &err), SESS_OK);
	assert_int_equal(sess_gather_each(g, 1, refuse, &asked, &err), SESS_ELIMIT);
	assert_int_equal(asked, 1);
	assert_string_equal(err.text, "no more");
	sess_gather_free(g);
	sess_packer_free(pk);
	sess_buf_release(&packed);
}

static void
a_missing_tmpdir_is_an_error_only_when_it_is_needed(void **state)
{
	struct run r = plain(3000, 100);
	struct sess_err err = { 0 };

	(void)state;
	r.opts.tmpdir = "/nonexistent/dir";
	assert_int_equal(gather(&r, NULL, &err), SESS_END);
	r.opts.memory = 100000;
	assert_int_equal(gather(&r, NULL, &err), SESS_ESYS);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "/nonexistent/dir: No such file or directory");
}

static void
a_full_disk_is_an_error(void **state)
{
	struct run r = plain(60000, 100);
	struct rlimit old, small;
	struct sess_err err = { 0 };
	enum sess_status st;

	(void)state;
	r.opts.memory = 1 << 20;
	r.opts.lines = true;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 50000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	st = gather(&r, NULL, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(st, SESS_ESYS);
	assert_int_equal(err.sys, EFBIG);
}

static void
fail_each(struct run *r)
{
	struct sess_err err;
	enum sess_status st;
	long n;

	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = gather(r, NULL, &err);
		if (!alloc_failed())
			break;
		assert_int_equal(st, SESS_ENOMEM);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_END);
	assert_true(n > 10);
}

static void
each_failing_allocation_is_reported(void **state)
{
	struct run r = plain(300, 20);

	(void)state;
	r.opts.lines = true;
	fail_each(&r);
	r.threads = 1;
	fail_each(&r);
	r.threads = 0;
	r.opts.memory = 0;		/* all on disk */
	r.events = 60;
	r.sessions = 3;
	r.per_buffer = 30;
	fail_each(&r);
}

/* -- live input */

static void
assert_ripe(struct world *w, int64_t now, int64_t idle, const char *key, uint64_t events,
    const char *reason)
{
	const struct sess_session *s;
	enum sess_status st = sess_gather_ripe(w->g, now, idle, &s, &w->err);

	if (key == NULL) {
		assert_int_equal(st, SESS_END);
		return;
	}
	assert_int_equal(st, SESS_OK);
	assert_int_equal(s->key.len, strlen(key));
	assert_memory_equal(s->key.p, key, s->key.len);
	assert_int_equal(s->events, events);
	assert_string_equal(s->end_reason, reason);
}

static void
live_sessions_are_handed_out_when_quiet(void **state)
{
	struct sess_session_opts o;
	struct world w;

	(void)state;
	sess_session_opts_init(&o);
	start(&w, &o);
	assert_ripe(&w, 0, 100, NULL, 0, NULL);
	add(&w, "a", 1, T, "/1");
	add(&w, "b", 2, T, "/1");
	assert_ripe(&w, 1000, 100, NULL, 0, NULL);
	add(&w, "a", 3, T + 1, "/2");
	assert_ripe(&w, 1050, 100, NULL, 0, NULL);
	assert_ripe(&w, 1100, 100, "b", 1, "idle");
	assert_ripe(&w, 1100, 100, NULL, 0, NULL);
	assert_ripe(&w, 1150, 100, "a", 2, "idle");
	assert_ripe(&w, 1150, 100, NULL, 0, NULL);
	/* It goes on under its id, with what is new. */
	add(&w, "a", 4, T + 500, "/3");
	add(&w, "c", 5, T + 400, "/3");
	assert_ripe(&w, 1300, 100, NULL, 0, NULL);
	assert_ripe(&w, INT64_MAX, 100, "c", 1, "eof");
	/* Events may come in between. */
	add(&w, "c", 6, T + 600, "/4");
	assert_ripe(&w, INT64_MAX, 100, "a", 1, "eof");
	assert_ripe(&w, INT64_MAX, 100, NULL, 0, NULL);
	assert_ripe(&w, INT64_MAX, 100, "c", 1, "eof");
	assert_ripe(&w, INT64_MAX, 100, NULL, 0, NULL);
	assert_ripe(&w, INT64_MAX, 100, NULL, 0, NULL);
	stop(&w);
}

/* Live input without end: memory stays, nothing is lost. */
static void
live_input_needs_no_growing_memory(void **state)
{
	const struct sess_session *s;
	struct sess_session_opts o;
	struct world w;
	uint64_t events = 0;
	char sid[32];
	unsigned i;
	enum sess_status st;

	(void)state;
	sess_session_opts_init(&o);
	o.memory = 1 << 20;
	start(&w, &o);
	assert_ripe(&w, 0, 100, NULL, 0, NULL);
	for (i = 0; i < 100000; i++) {
		snprintf(sid, sizeof(sid), "session-%u", i / 4);
		add(&w, sid, i, T + i, "/p");
		if (i % 100 == 0)
			while ((st = sess_gather_ripe(w.g, i, i < 50000 ? 10 : 90000, &s,
			    &w.err)) == SESS_OK)
				events += s->events;
	}
	while ((st = sess_gather_ripe(w.g, INT64_MAX, 0, &s, &w.err)) == SESS_OK)
		events += s->events;
	assert_int_equal(st, SESS_END);
	assert_int_equal(events, 100000);
	stop(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_buffers_and_duplicates_change_nothing),
		cmocka_unit_test(memory_changes_nothing),
		cmocka_unit_test(one_huge_session_needs_little_memory),
		cmocka_unit_test(threads_change_nothing),
		cmocka_unit_test(a_reader_may_stop_early),
		cmocka_unit_test(no_events_make_no_sessions),
		cmocka_unit_test(sessions_come_by_start_then_key),
		cmocka_unit_test(idle_cuts_and_names_the_pieces),
		cmocka_unit_test(max_duration_cuts),
		cmocka_unit_test(a_session_is_not_over_until_the_newest_event_says_so),
		cmocka_unit_test(of_equal_ids_the_record_with_more_keys_stays),
		cmocka_unit_test(an_oversize_session_is_counted_whole_and_has_no_members),
		cmocka_unit_test(lines_come_back_as_they_went_in),
		cmocka_unit_test(long_strings_are_kept_whole),
		cmocka_unit_test(threads_take_the_same_sessions),
		cmocka_unit_test(what_take_returns_ends_it),
		cmocka_unit_test(a_missing_tmpdir_is_an_error_only_when_it_is_needed),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(each_failing_allocation_is_reported),
		cmocka_unit_test(live_sessions_are_handed_out_when_quiet),
		cmocka_unit_test(live_input_needs_no_growing_memory),
	};

	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
