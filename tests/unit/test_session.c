/* What a session says: facts, counts, views, clocks, its record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/session.h"

#define T	INT64_C(1626320731064)	/* 2021-07-15T03:45:31.064Z */
#define MIN	INT64_C(60000)


struct world {			/* a packer and a gatherer, and what they gave */
	struct sess_session_opts opts;
	struct sess_packer *pk;
	struct sess_gather *g;
	struct sess_buf packed, record;
	const struct sess_session *s;
	struct sess_err err;
};

static struct world *
begin(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	sess_session_opts_init(&w->opts);
	return w;
}

static void
open_world(struct world *w)
{
	if (w->pk != NULL)
		return;
	assert_int_equal(sess_packer_new(&w->pk, &w->opts, &w->err), SESS_OK);
	assert_int_equal(sess_gather_new(&w->g, &w->opts, &w->err), SESS_OK);
}

/* Keys and values follow, then -1.  SESS_NO_TIME is no time. */
static void
add(struct world *w, enum sess_kind kind, uint64_t id, int64_t time, int64_t received, ...)
{
	struct sess_event ev;
	const char *text;
	va_list ap;
	int k;

	open_world(w);
	sess_event_reset(&ev);
	ev.kind = kind;
	ev.id = id;
	ev.time = time;
	ev.received = received;
	va_start(ap, received);
	while ((k = va_arg(ap, int)) >= 0) {
		text = va_arg(ap, const char *);
		sess_event_set(&ev, (enum sess_key)k, text, strlen(text));
	}
	va_end(ap);
	assert_int_equal(sess_pack(w->pk, &ev, (uint32_t)1 << kind, &w->packed), SESS_OK);
}

/* The next session; NULL behind the last. */
static const struct sess_session *
next(struct world *w)
{
	enum sess_status st;

	open_world(w);
	assert_int_equal(sess_gather_add(w->g, w->packed.data, w->packed.len, &w->err), SESS_OK);
	w->packed.len = 0;
	sess_packer_reset(w->pk);
	st = sess_gather_next(w->g, &w->s, &w->err);
	assert_true(st == SESS_OK || st == SESS_END);
	return st == SESS_OK ? w->s : NULL;
}

static void
end(struct world *w)
{
	sess_packer_free(w->pk);
	sess_gather_free(w->g);
	sess_buf_release(&w->packed);
	sess_buf_release(&w->record);
	free(w);
}

static void
assert_slice(struct sess_slice s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.p, text, s.len);
}

static const char *
record(struct world *w)
{
	w->record.len = 0;
	assert_int_equal(sess_session_write(w->s, &w->record), SESS_OK);
	assert_int_equal(sess_buf_putc(&w->record, '\0'), 0);
	return w->record.data;
}

#define S SESS_K_SESSION_ID, "s"

static void
defaults_are_those_of_the_pages(void **state)
{
	struct sess_session_opts o;

	(void)state;
	sess_session_opts_init(&o);
	assert_int_equal(o.rule.idle, 0);
	assert_int_equal(o.rule.max_duration, 0);
	assert_int_equal(o.visit.idle, 30 * MIN);
	assert_true(o.slow_load == 8000 && o.slow_api == 1000);
	assert_int_equal(o.memory, 512 << 20);
	assert_int_equal(o.max_events, 1000000);
	assert_false(o.lines);
}

static void
rules_are_found_by_name(void **state)
{
	struct sess_rule r = { 1, 1 };

	(void)state;
	assert_int_equal(sess_rule_find("arms", &r), 0);
	assert_int_equal(r.idle, 0);
	assert_int_equal(r.max_duration, 0);
	assert_int_equal(sess_rule_find("rum", &r), 0);
	assert_int_equal(r.idle, 30 * MIN);
	assert_int_equal(r.max_duration, 24 * 60 * MIN);
	assert_int_equal(sess_rule_find("datadog", &r), 0);
	assert_int_equal(r.idle, 15 * MIN);
	assert_int_equal(r.max_duration, 4 * 60 * MIN);
	assert_int_equal(sess_rule_find("newrelic", &r), 0);
	assert_int_equal(sess_rule_find("posthog", &r), 0);
	assert_int_equal(sess_rule_find("faro", &r), 0);
	assert_int_equal(sess_rule_find("splunk", &r), 0);
	assert_int_equal(sess_rule_find("visit", &r), 0);
	assert_int_equal(sess_rule_find("RUM", &r), -1);
	assert_int_equal(sess_rule_find("", &r), -1);
}

static void
counts_are_of_occurrences(void **state)
{
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_TIMES, "2", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_LOAD, 2, T, T, S, SESS_K_LOAD_MS, "8001", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_LOAD, 3, T, T, S, SESS_K_LOAD_MS, "8000", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_API, 4, T, T, S, SESS_K_DURATION_MS, "1000.5", SESS_K_OK, "false",
	    SESS_K_TIMES, "3", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_API, 5, T, T, S, SESS_K_DURATION_MS, "1000", SESS_K_OK, "true",
	    SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_ERROR, 6, T, T, S, SESS_K_TIMES, "5", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_ACTION, 7, T, T, S, SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_RESOURCE, 8, T, T, S, SESS_K_OK, "false", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_RESOURCE, 9, T, T, S, SESS_K_OK, "true", SESS_K_VIEW_ID, "v", -1);
	add(w, SESS_VITAL, 10, T, T, S, SESS_K_VIEW_ID, "v", -1);
	s = next(w);
	assert_int_equal(s->page_views, 2);
	assert_int_equal(s->slow_loads, 1);
	assert_int_equal(s->api_calls, 4);
	assert_int_equal(s->api_failures, 3);
	assert_int_equal(s->slow_apis, 3);
	assert_int_equal(s->js_errors, 5);
	assert_int_equal(s->actions, 1);
	assert_int_equal(s->resource_errors, 1);
	assert_int_equal(s->events, 10);
	assert_int_equal(s->nmembers, 10);
	assert_int_equal(s->nviews, 1);
	assert_true(s->views[0].load_ms == 8001);
	assert_true(s->views[0].viewed);
	assert_int_equal(s->marks, 1 << SESS_VIEW | 1 << SESS_LOAD | 1 << SESS_API |
	    1 << SESS_ERROR | 1 << SESS_ACTION | 1 << SESS_RESOURCE | 1 << SESS_VITAL);
	assert_null(next(w));
	end(w);
}

static void
figures_out_of_range_are_bounded(void **state)
{
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_TIMES, "0", -1);
	add(w, SESS_ERROR, 2, T, T, S, SESS_K_TIMES, "-7", -1);
	add(w, SESS_ACTION, 3, T, T, S, SESS_K_TIMES, "99999999999999999999", -1);
	add(w, SESS_LEAVE, 4, T, T, S, SESS_K_STAY_MS, "1e300", SESS_K_ERRORS, "-3", -1);
	add(w, SESS_LOAD, 5, T, T, S, SESS_K_LOAD_MS, "1e999", -1);
	s = next(w);
	assert_int_equal(s->page_views, 1);
	assert_int_equal(s->js_errors, 1);
	assert_true(s->actions > 0);
	assert_int_equal(s->slow_loads, 0);
	assert_int_equal(s->views[0].start, T);
	assert_true(s->views[0].stay_ms == -1);
	end(w);
}

static void
what_was_sampled_away_counts_view_by_view(void **state)
{
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	add(w, SESS_ERROR, 1, T, T, S, SESS_K_VIEW_ID, "a", -1);
	add(w, SESS_ERROR, 2, T, T, S, SESS_K_VIEW_ID, "a", -1);
	add(w, SESS_API, 3, T, T, S, SESS_K_VIEW_ID, "a", -1);
	/* Two leaves of one view add up; the same one twice doesn't. */
	add(w, SESS_LEAVE, 4, T + 9, T, S, SESS_K_VIEW_ID, "a", SESS_K_ERRORS, "1",
	    SESS_K_API_OK, "4", SESS_K_API_FAILED, "1", -1);
	add(w, SESS_LEAVE, 5, T + 9, T, S, SESS_K_VIEW_ID, "a", SESS_K_API_OK, "2", -1);
	add(w, SESS_LEAVE, 5, T + 9, T, S, SESS_K_VIEW_ID, "a", SESS_K_API_OK, "2", -1);
	add(w, SESS_LEAVE, 6, T + 9, T, S, SESS_K_VIEW_ID, "b", SESS_K_ERRORS, "10", -1);
	s = next(w);
	assert_int_equal(s->js_errors, 2 + 10);
	assert_int_equal(s->js_errors_recorded, 2);
	assert_int_equal(s->api_calls, 7);
	assert_int_equal(s->api_calls_recorded, 1);
	assert_int_equal(s->api_failures, 1);
	assert_int_equal(s->api_failures_recorded, 0);
	assert_int_equal(s->duplicates, 1);
	assert_int_equal(s->events, 6);
	end(w);
}

static void
the_last_user_is_the_sessions_and_all_are_listed(void **state)
{
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	/* Late login: told out of order, told apart by time. */
	add(w, SESS_API, 3, T + 3, T, S, SESS_K_USER_ID, "u-1", SESS_K_USER_NAME, "\xe5\xbc\xa0\xe4\xbc\x9f",
	    SESS_K_IP, "10.0.0.2", -1);
	add(w, SESS_VIEW, 1, T + 1, T, S, SESS_K_USER_ID, "anon", SESS_K_IP, "10.0.0.1",
	    SESS_K_BROWSER, "Chrome", -1);
	add(w, SESS_VIEW, 2, T + 2, T, S, SESS_K_USER_ID, "anon", -1);
	add(w, SESS_VIEW, 4, T + 4, T, S, -1);
	s = next(w);
	assert_slice(s->user_id, "u-1");
	assert_slice(s->user_name, "\xe5\xbc\xa0\xe4\xbc\x9f");
	assert_slice(s->ip, "10.0.0.2");
	assert_slice(s->browser, "Chrome");
	assert_int_equal(s->nuser_ids, 2);
	assert_slice(s->user_ids[0], "anon");
	assert_slice(s->user_ids[1], "u-1");
	assert_non_null(strstr(record(w), "\"user_ids\":[\"anon\",\"u-1\"]"));
	end(w);
}

static void
a_user_who_comes_back_is_listed_once(void **state)
{
	struct world *w = begin();
	char id[32], user[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(user, sizeof(user), "u%u", i % 100);
		snprintf(id, sizeof(id), "p%u", i % 7);
		add(w, SESS_API, i, T + i, T, S, SESS_K_USER_ID, user, SESS_K_VIEW_ID, id, -1);
	}
	assert_non_null(next(w));
	assert_int_equal(w->s->nuser_ids, 100);
	assert_slice(w->s->user_ids[99], "u99");
	assert_slice(w->s->user_id, "u99");
	assert_int_equal(w->s->nviews, 7);
	end(w);
}

static void
applications_do_not_share_session_ids(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_APP_ID, "b", -1);
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_APP_ID, "a", -1);
	add(w, SESS_VIEW, 1, T, T, S, -1);
	assert_slice(next(w)->app_id, "");
	assert_slice(next(w)->app_id, "a");
	assert_slice(next(w)->app_id, "b");
	assert_null(next(w));
	end(w);
}

static void
without_a_session_id_the_visitor_is_the_key(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_REQUEST, 1, SESS_NO_TIME, T, SESS_K_VISITOR, "abc", SESS_K_PAGE, "/a", -1);
	add(w, SESS_REQUEST, 2, SESS_NO_TIME, T + 1, SESS_K_VISITOR, "abc", SESS_K_PAGE, "/b",
	    SESS_K_APP_ID, "other", -1);
	/* A visitor beside a session id is not looked at. */
	add(w, SESS_VIEW, 3, T + 2, T, S, SESS_K_VISITOR, "abc", -1);
	assert_non_null(next(w));
	assert_slice(w->s->visitor, "abc");
	assert_slice(w->s->session_id, "");
	assert_slice(w->s->key, "abc");
	assert_int_equal(w->s->events, 2);
	assert_int_equal(w->s->page_views, 0);
	assert_slice(w->s->entry_page, "/a");
	assert_slice(w->s->exit_page, "/b");
	assert_int_equal(strncmp(record(w), "{\"visitor\":\"abc\",\"start\":", 25), 0);
	assert_non_null(next(w));
	assert_slice(w->s->visitor, "");
	assert_slice(w->s->key, "s");
	assert_null(next(w));
	end(w);
}

static void
events_of_nobody_are_not_lost(void **state)
{
	struct world *w = begin();
	uint64_t events;

	(void)state;
	add(w, SESS_REQUEST, 1, T, T, SESS_K_IP, "10.0.0.1", -1);
	add(w, SESS_REQUEST, 2, T, T, SESS_K_IP, "10.0.0.1", -1);
	add(w, SESS_REQUEST, 3, T + 1, T, SESS_K_IP, "10.0.0.2", -1);
	add(w, SESS_REQUEST, 4, T + 2, T, -1);
	for (events = 0; next(w) != NULL; events += w->s->events)
		assert_int_equal(w->s->visitor.len, 16);
	assert_int_equal(events, 4);
	end(w);
}

static void
a_view_starts_at_its_earliest_sign(void **state)
{
	/* made at 1626320729630 */
	static const char id[] = "bkkRsrej4OFdv2d4yeb37Xb2R2Xp";
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	/* Sent after onload, and after the first call of the next page. */
	add(w, SESS_VIEW, 1, T + 5000, T, S, SESS_K_VIEW_ID, "first", SESS_K_PAGE, "/1", -1);
	add(w, SESS_LOAD, 2, T + 1000, T, S, SESS_K_VIEW_ID, "first", SESS_K_PAGE, "/1",
	    SESS_K_LOAD_MS, "900", -1);
	add(w, SESS_API, 3, T + 2000, T, S, SESS_K_VIEW_ID, "second", SESS_K_PAGE, "/2", -1);
	add(w, SESS_LEAVE, 4, T + 20000, T, S, SESS_K_VIEW_ID, "third", SESS_K_PAGE, "/3",
	    SESS_K_STAY_MS, "19500", -1);
	add(w, SESS_API, 5, T + 30000, T, S, SESS_K_VIEW_ID, id, SESS_K_PAGE, "/0", -1);
	s = next(w);
	assert_int_equal(s->nviews, 4);
	assert_slice(s->views[0].page, "/0");
	assert_int_equal(s->views[0].start, 1626320729630);
	assert_slice(s->views[1].page, "/3");
	assert_int_equal(s->views[1].start, T + 500);
	assert_true(s->views[1].stay_ms == 19500);
	assert_slice(s->views[2].page, "/1");
	assert_int_equal(s->views[2].start, T + 1000);
	assert_int_equal(s->views[2].end, T + 5000);
	assert_slice(s->views[3].page, "/2");
	assert_slice(s->entry_page, "/0");
	assert_slice(s->exit_page, "/2");
	/* Members are in order of time and know their views. */
	assert_int_equal(s->members[0].id, 2);
	assert_int_equal(s->members[0].view, 2);
	assert_int_equal(s->members[1].view, 3);
	assert_int_equal(s->members[4].view, 0);
	assert_int_equal(s->start, T + 1000);
	assert_int_equal(s->end, T + 30000);
	end(w);
}

/* A timing counts from the load of its document, a call by hand from whenever
 * the application says. */
static void
what_an_application_times_is_no_sign_of_a_view(void **state)
{
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	add(w, SESS_LOAD, 1, T + 100, T, S, SESS_K_VIEW_ID, "a", SESS_K_PAGE, "/a", -1);
	add(w, SESS_TIMING, 2, T + 90, T, S, SESS_K_VIEW_ID, "b", SESS_K_PAGE, "/b", -1);
	add(w, SESS_VIEW, 3, T + 500, T, S, SESS_K_VIEW_ID, "b", SESS_K_PAGE, "/b", -1);
	add(w, SESS_LEAVE, 4, T + 900, T, S, SESS_K_VIEW_ID, "c", SESS_K_PAGE, "/c",
	    SESS_K_STAY_MS, "100", -1);
	add(w, SESS_API, 5, T, T, S, SESS_K_VIEW_ID, "c", SESS_K_PAGE, "/c", -1);
	s = next(w);
	assert_int_equal(s->nviews, 3);
	assert_slice(s->views[0].page, "/a");
	assert_slice(s->views[1].page, "/b");
	assert_int_equal(s->views[1].start, T + 500);
	assert_slice(s->views[2].page, "/c");
	assert_int_equal(s->views[2].start, T + 800);
	end(w);
}

static void
a_load_that_ends_on_another_route_began_the_first(void **state)
{
	/* made at 1626320729630 and 36 ms later */
	static const char first[] = "bkkRsrej4OFdv2d4yeb37Xb2R2Xp", home[] = "bkkRsrej4OFdv2d4yeb38Xb2R2Xp";
	const int64_t t = 1626320729630;
	struct world *w = begin();
	const struct sess_session *s;

	(void)state;
	add(w, SESS_LOAD, 1, t - 100, t, S, SESS_K_VIEW_ID, home, SESS_K_PAGE, "home", -1);
	add(w, SESS_LEAVE, 2, t + 36, t, S, SESS_K_VIEW_ID, first, SESS_K_PAGE, "[index]",
	    SESS_K_STAY_MS, "35", -1);
	add(w, SESS_VIEW, 3, t + 300, t, S, SESS_K_VIEW_ID, home, SESS_K_PAGE, "home", -1);
	s = next(w);
	assert_int_equal(s->nviews, 2);
	assert_slice(s->views[0].page, "[index]");
	assert_int_equal(s->views[0].start, t - 100);
	assert_slice(s->views[1].page, "home");
	assert_int_equal(s->views[1].start, t + 36);
	end(w);
}

/* A log of whole seconds says in no order what came within one. */
static void
what_a_page_asks_for_is_of_the_page(void **state)
{
	static const char *const parts[] = {
		"/a/site.css", "http://s/x.PNG/y.js?v=1.2/3", "/api/cart?x=a/b", "/favicon.ico",
	}, *const pages[] = { "/a.css/b", "/js", "/v1.2", "/about?f=x.css", "/apis/" };
	struct world *w = begin();
	const struct sess_session *s;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		add(w, SESS_REQUEST, 1 + i, SESS_NO_TIME, T, S, SESS_K_METHOD, "GET",
		    SESS_K_URL, parts[i], SESS_K_PAGE, parts[i], -1);
	add(w, SESS_REQUEST, 5, SESS_NO_TIME, T, S, SESS_K_METHOD, "POST", SESS_K_URL, "/order",
	    SESS_K_PAGE, "/order", -1);
	add(w, SESS_REQUEST, 6, SESS_NO_TIME, T, S, SESS_K_METHOD, "GET", SESS_K_URL, "/cart",
	    SESS_K_PAGE, "/cart", -1);
	for (i = 0; i < 5; i++)
		add(w, SESS_REQUEST, 7 + i, SESS_NO_TIME, T + 1000 * (int64_t)(i + 1), S,
		    SESS_K_METHOD, "GET", SESS_K_URL, pages[i], SESS_K_PAGE, pages[i], -1);
	s = next(w);
	assert_int_equal(s->nviews, 6);
	assert_slice(s->views[0].page, "/cart");
	assert_int_equal(s->members[0].id, 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(s->members[i].view, 0);
	assert_slice(s->exit_page, "/apis/");
	end(w);
}

static void
an_id_made_long_before_is_no_sign_of_a_view(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_API, 5, T + 25 * 60 * MIN, T + 25 * 60 * MIN, S,
	    SESS_K_VIEW_ID, "bkkRsrej4OFdv2d4yeb37Xb2R2Xp", -1);
	assert_int_equal(next(w)->views[0].start, T + 25 * 60 * MIN);
	end(w);
}

static void
a_views_place_is_that_of_its_view_event(void **state)
{
	struct world *w = begin();
	const struct sess_view *v;

	(void)state;
	add(w, SESS_API, 1, T, T, S, SESS_K_VIEW_ID, "v", SESS_K_PAGE, "/early",
	    SESS_K_PAGE_URL, "https://a/early", -1);
	add(w, SESS_VIEW, 2, T + 1, T, S, SESS_K_VIEW_ID, "v", SESS_K_PAGE, "/page",
	    SESS_K_TITLE, "Title", -1);
	add(w, SESS_API, 3, T + 2, T, S, SESS_K_VIEW_ID, "v", SESS_K_PAGE, "/late", -1);
	v = next(w)->views;
	assert_slice(v->page, "/page");
	assert_slice(v->page_url, "https://a/early");
	assert_slice(v->title, "Title");
	end(w);
}

static void
events_without_a_view_id_are_grouped_by_neighbouring_pages(void **state)
{
	static const char *const pages[] = { "/a", "/a", "", "/b", "/a" };
	struct world *w = begin();
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		add(w, SESS_REQUEST, i, T + i, T, S, SESS_K_PAGE, pages[i], -1);
	assert_non_null(next(w));
	assert_int_equal(w->s->nviews, 3);
	assert_slice(w->s->views[0].page, "/a");
	assert_slice(w->s->views[0].view_id, "");
	assert_slice(w->s->views[1].page, "/b");
	assert_slice(w->s->views[2].page, "/a");
	assert_int_equal(w->s->members[2].view, 0);
	end(w);
}

static void
each_view_event_without_a_view_id_begins_a_view(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_LOAD, 1, T, T, S, SESS_K_PAGE, "/a", -1);
	add(w, SESS_VIEW, 2, T + 1, T, S, SESS_K_PAGE, "/a", -1);
	add(w, SESS_API, 3, T + 2, T, S, SESS_K_PAGE, "/a", -1);
	add(w, SESS_VIEW, 4, T + 3, T, S, SESS_K_PAGE, "/a", -1);	/* reload */
	assert_non_null(next(w));
	assert_int_equal(w->s->nviews, 2);
	assert_int_equal(w->s->members[2].view, 0);
	assert_int_equal(w->s->members[3].view, 1);
	end(w);
}

/* -- clocks */

static int64_t
skew_of(enum sess_clock clock, const int64_t (*at)[2], size_t n, int64_t *start)
{
	struct world *w = begin();
	const struct sess_session *s;
	int64_t skew;
	size_t i;

	w->opts.clock = clock;
	for (i = 0; i < n; i++)
		add(w, SESS_API, i, at[i][0], at[i][1], S, -1);
	s = next(w);
	skew = s->clock_skew;
	*start = s->start;
	end(w);
	return skew;
}

static void
a_clock_that_is_ahead_is_corrected(void **state)
{
	const int64_t at[][2] = { { T, T - 61000 }, { T + 5, T + 9 } };
	int64_t start;

	(void)state;
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, at, 2, &start), -61000);
	assert_int_equal(start, T - 61000);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, at + 1, 1, &start), 0);
	assert_int_equal(start, T + 5);
}

static void
a_clock_that_is_behind_is_corrected_when_three_arrivals_agree(void **state)
{
	const int64_t three[][2] = { { T, T + 100000 }, { T, T + 110000 }, { T, T + 160000 } };
	const int64_t apart[][2] = { { T, T + 100000 }, { T, T + 110000 }, { T, T + 160001 } };
	const int64_t same[][2] = { { T, T + 100000 }, { T - 1, T + 100000 },
	    { T - 2, T + 100000 }, { T, T + 100001 } };
	const int64_t late[][2] = { { T, T + 500000 }, { T, T + 500001 }, { T, T + 500002 },
	    { T + 500000, T + 500003 } };
	const int64_t edge[][2] = { { T, T + 60000 }, { T, T + 60001 }, { T, T + 60002 } };
	int64_t start;

	(void)state;
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, three, 3, &start), 100000);
	assert_int_equal(start, T + 100000);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, apart, 3, &start), 0);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, same, 4, &start), 0);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, late, 4, &start), 0);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, edge, 3, &start), 0);
	assert_int_equal(skew_of(SESS_CLOCK_AUTO, edge + 1, 2, &start), 0);
}

static void
the_clock_can_be_chosen(void **state)
{
	const int64_t at[][2] = { { T, T - 100000 }, { T + 7, SESS_NO_TIME } };
	int64_t start;

	(void)state;
	assert_int_equal(skew_of(SESS_CLOCK_CLIENT, at, 2, &start), 0);
	assert_int_equal(start, T);
	assert_int_equal(skew_of(SESS_CLOCK_SERVER, at, 2, &start), -100000);
	assert_int_equal(start, T - 100000);
}

static void
events_with_only_a_server_time_keep_it(void **state)
{
	const int64_t at[][2] = { { T, T - 100000 }, { SESS_NO_TIME, T - 100001 } };
	int64_t start;

	(void)state;
	skew_of(SESS_CLOCK_AUTO, at, 2, &start);
	assert_int_equal(start, T - 100001);
}

static void
a_view_ids_time_is_the_clients(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_API, 1, T, T - 100000, S, SESS_K_VIEW_ID, "bkkRsrej4OFdv2d4yeb37Xb2R2Xp", -1);
	assert_int_equal(next(w)->views[0].start, 1626320729630 - 100000);
	end(w);
}

/* -- the record */

static void
a_record_has_its_columns_in_order(void **state)
{
	struct world *w = begin();

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_USER_ID, "u\"1", SESS_K_PAGE, "/p",
	    SESS_K_VIEW_ID, "v", SESS_K_SCREEN, "1x2", -1);
	assert_non_null(next(w));
	assert_string_equal(record(w),
	    "{\"session_id\":\"s\",\"user_id\":\"u\\\"1\",\"user_ids\":[\"u\\\"1\"],"
	    "\"start\":\"2021-07-15T03:45:31.064Z\",\"end\":\"2021-07-15T03:45:31.064Z\","
	    "\"duration_ms\":0,\"page_views\":1,\"js_errors\":0,\"api_calls\":0,"
	    "\"api_failures\":0,\"slow_loads\":0,\"slow_apis\":0,\"actions\":0,"
	    "\"resource_errors\":0,\"js_errors_recorded\":0,\"api_calls_recorded\":0,"
	    "\"api_failures_recorded\":0,\"entry_page\":\"/p\",\"exit_page\":\"/p\","
	    "\"screen\":\"1x2\",\"end_reason\":\"eof\",\"clock_skew_ms\":0,\"events\":1}\n");
	end(w);
}

static void
columns_have_names_types_and_values(void **state)
{
	struct world *w = begin();
	struct sess_slice text;
	struct sess_buf scratch = { 0 };
	int64_t n;
	size_t i;

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_USER_ID, "u", -1);
	assert_non_null(next(w));
	for (i = 0; i < sess_ncolumns; i++) {
		assert_int_equal(sess_column_find(sess_columns[i].name,
		    strlen(sess_columns[i].name)), i);
		assert_true(strlen(sess_columns[i].doc) > 0);
		if (sess_session_value(w->s, i, &text, &n, &scratch) &&
		    sess_columns[i].type == SESS_T_STR)
			assert_true(text.p != NULL && text.len > 0);
	}
	assert_int_equal(sess_column_find("nothing", 7), -1);
	assert_int_equal(sess_column_find("start", 4), -1);
	i = (size_t)sess_column_find("user_ids", 8);
	assert_true(sess_session_value(w->s, i, &text, &n, &scratch));
	assert_slice(text, "[\"u\"]");
	i = (size_t)sess_column_find("start", 5);
	assert_int_equal(sess_columns[i].type, SESS_T_TIME);
	assert_true(sess_session_value(w->s, i, &text, &n, &scratch));
	assert_int_equal(n, T);
	i = (size_t)sess_column_find("city", 4);
	assert_false(sess_session_value(w->s, i, &text, &n, &scratch));
	assert_null(text.p);
	i = (size_t)sess_column_find("oversize", 8);
	assert_int_equal(sess_columns[i].type, SESS_T_BOOL);
	assert_true(sess_session_value(w->s, i, &text, &n, &scratch));
	assert_int_equal(n, 0);
	sess_buf_release(&scratch);
	end(w);
}

static void
an_id_names_its_session_and_pieces(void **state)
{
	struct sess_session s = { .key = { "k.a", 3 }, .session_id = { "k", 1 },
	    .start = 370, .end = 400 };

	(void)state;
	assert_true(sess_session_named(&s, "k", 1));
	assert_true(sess_session_named(&s, "k.a", 3));		/* as it is called */
	assert_true(sess_session_named(&s, "k.aa", 4));		/* 370 */
	assert_true(sess_session_named(&s, "k.ab", 4));		/* a ticket's: within */
	assert_false(sess_session_named(&s, "k.a9", 4));
	assert_false(sess_session_named(&s, "k.b5", 4));	/* 401 */
	assert_false(sess_session_named(&s, "k.", 2));
	assert_false(sess_session_named(&s, "k.-aa", 5));
	assert_false(sess_session_named(&s, "k.a!", 4));
	assert_false(sess_session_named(&s, "k.zzzzzzzzzzzzzzz", 17));
	assert_false(sess_session_named(&s, "ka", 2));
	assert_false(sess_session_named(&s, "", 0));
	s.start = -400;
	s.end = -300;
	assert_true(sess_session_named(&s, "k.-a9", 5));
}

static void
failing_allocations_of_the_writer_leave_the_buffer(void **state)
{
	struct world *w = begin();
	struct sess_buf out = { 0 };
	enum sess_status st;
	long n;

	(void)state;
	add(w, SESS_VIEW, 1, T, T, S, SESS_K_USER_ID, "u", -1);
	assert_non_null(next(w));
	for (n = 0; ; n++) {
		alloc_fail_at(n);
		st = sess_session_write(w->s, &out);
		if (!alloc_failed())
			break;
		assert_int_equal(st, SESS_ENOMEM);
		assert_int_equal(out.len, 0);
		sess_buf_release(&out);
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_OK);
	sess_buf_release(&out);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_pages),
		cmocka_unit_test(rules_are_found_by_name),
		cmocka_unit_test(counts_are_of_occurrences),
		cmocka_unit_test(figures_out_of_range_are_bounded),
		cmocka_unit_test(what_was_sampled_away_counts_view_by_view),
		cmocka_unit_test(the_last_user_is_the_sessions_and_all_are_listed),
		cmocka_unit_test(a_user_who_comes_back_is_listed_once),
		cmocka_unit_test(applications_do_not_share_session_ids),
		cmocka_unit_test(without_a_session_id_the_visitor_is_the_key),
		cmocka_unit_test(events_of_nobody_are_not_lost),
		cmocka_unit_test(a_view_starts_at_its_earliest_sign),
		cmocka_unit_test(what_an_application_times_is_no_sign_of_a_view),
		cmocka_unit_test(a_load_that_ends_on_another_route_began_the_first),
		cmocka_unit_test(what_a_page_asks_for_is_of_the_page),
		cmocka_unit_test(an_id_made_long_before_is_no_sign_of_a_view),
		cmocka_unit_test(a_views_place_is_that_of_its_view_event),
		cmocka_unit_test(events_without_a_view_id_are_grouped_by_neighbouring_pages),
		cmocka_unit_test(each_view_event_without_a_view_id_begins_a_view),
		cmocka_unit_test(a_clock_that_is_ahead_is_corrected),
		cmocka_unit_test(a_clock_that_is_behind_is_corrected_when_three_arrivals_agree),
		cmocka_unit_test(the_clock_can_be_chosen),
		cmocka_unit_test(events_with_only_a_server_time_keep_it),
		cmocka_unit_test(a_view_ids_time_is_the_clients),
		cmocka_unit_test(a_record_has_its_columns_in_order),
		cmocka_unit_test(columns_have_names_types_and_values),
		cmocka_unit_test(an_id_names_its_session_and_pieces),
		cmocka_unit_test(failing_allocations_of_the_writer_leave_the_buffer),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
