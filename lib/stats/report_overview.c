#include "declare.h"

/* What several reports ask of an event. */

bool
sessp_obs_slow_load(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)arg;
	v->n = o->n;
	return sess_event_num(o->ev, SESS_K_LOAD_MS, -1) > st->o.threshold[SESS_THRESHOLD_LOAD];
}

bool
sessp_obs_slow_api(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)arg;
	v->n = o->n;
	return sess_event_num(o->ev, SESS_K_DURATION_MS, -1) > st->o.threshold[SESS_THRESHOLD_API];
}

bool
sessp_obs_failures(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->n;
	return sess_event_failed(o->ev);
}

bool
sessp_obs_js_errors(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->on == SESSP_ON(ERROR) ? o->n : o->lost_errors;
	return v->n > 0;
}

bool
sessp_obs_error_view(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = 1;
	return o->on == SESSP_ON(ERROR) || sess_event_int(o->ev, SESS_K_ERRORS, 0) > 0;
}

/* -- overview's own */

static bool
api_calls(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->on == SESSP_ON(API) ? o->n : o->lost_calls;
	return v->n > 0;
}

static bool
api_failures(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = o->on != SESSP_ON(API) ? o->lost_failures : sess_event_failed(o->ev) ? o->n : 0;
	return v->n > 0;
}

/* Apdex: how quickly a page was there, as shares of all loads that say so.
 * arg: how many times T; ARMS reference 3.2. */
static bool
paints_within(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	double fpt = sess_event_num(o->ev, SESS_K_FPT_MS, -1);

	v->n = o->n;
	return fpt >= 0 && (arg == 0 || fpt <= arg * st->o.threshold[SESS_THRESHOLD_APDEX]);
}

static bool
duration(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->d = (double)(o->s->end - o->s->start);
	return true;
}

static bool
pages(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->d = (double)o->s->page_views;
	return true;
}

static bool
bounce(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = 1;
	return o->s->page_views == 1;
}

static bool
duration_class(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v)
{
	static const struct { int64_t below; const char *name; } classes[] = {
		{ 10000, "<10s" }, { 60000, "10s-1m" }, { 180000, "1m-3m" },
		{ 600000, "3m-10m" }, { 1800000, "10m-30m" }, { INT64_MAX, ">=30m" }
	};
	int64_t ms = o->s->end - o->s->start;
	size_t i;

	(void)st, (void)arg;
	for (i = 0; ms >= classes[i].below; i++)
		;
	v->text = (struct sess_slice){ classes[i].name, strlen(classes[i].name) };
	return true;
}

enum {
	SESSIONS, USERS, VIEWS, VIEWS_W, ERRORS, ERROR_VIEWS, CALLS, CALLS_W, FAILURES,
	SLOW_APIS, RESOURCE_ERRORS, LOADS, LOADS_W, SLOW_LOADS, LOAD, PAINTS, SATISFIED, TOLERATED,
	DURATION, PAGES, BOUNCES, DURATIONS
};

static const struct sessp_measure measures[] = {
	[SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[USERS] = { "users", SESSP_DISTINCT, 0, sessp_obs_user, 0, 0 },
	[VIEWS] = { "page_views", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_times, 0, 0 },
	[VIEWS_W] = { "page_views_weighted", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_weights, 0, 0 },
	[ERRORS] = { "js_errors", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_js_errors, 0, 0 },
	[ERROR_VIEWS] = { "error_page_views", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_error_view, 0, SESSP_ONCE_A_VIEW },
	[CALLS] = { "api_calls", SESSP_COUNT, SESSP_ON(API) | SESSP_ON(LEAVE), api_calls, 0, 0 },
	[CALLS_W] = { "api_calls_weighted", SESSP_COUNT, SESSP_ON(API), sessp_obs_weights, 0, 0 },
	[FAILURES] = { "api_failures", SESSP_COUNT, SESSP_ON(API) | SESSP_ON(LEAVE),
	    api_failures, 0, 0 },
	[SLOW_APIS] = { "slow_apis", SESSP_COUNT, SESSP_ON(API), sessp_obs_slow_api, 0, 0 },
	[RESOURCE_ERRORS] = { "resource_errors", SESSP_COUNT, SESSP_ON(RESOURCE),
	    sessp_obs_failures, 0, 0 },
	[LOADS] = { "loads", SESSP_COUNT, SESSP_ON(LOAD), sessp_obs_times, 0, 0 },
	[LOADS_W] = { "loads_weighted", SESSP_COUNT, SESSP_ON(LOAD), sessp_obs_weights, 0, 0 },
	[SLOW_LOADS] = { "slow_loads", SESSP_COUNT, SESSP_ON(LOAD), sessp_obs_slow_load, 0, 0 },
	[LOAD] = { "load_ms", SESSP_SKETCH, SESSP_ON(LOAD), sessp_obs_number, SESS_K_LOAD_MS, 0 },
	[PAINTS] = { "fpt", SESSP_COUNT, SESSP_ON(LOAD), paints_within, 0, 0 },
	[SATISFIED] = { "satisfied", SESSP_COUNT, SESSP_ON(LOAD), paints_within, 1, 0 },
	[TOLERATED] = { "tolerated", SESSP_COUNT, SESSP_ON(LOAD), paints_within, 4, 0 },
	[DURATION] = { "duration_ms", SESSP_SKETCH, SESSP_ON_SESSION, duration, 0, 0 },
	[PAGES] = { "pages", SESSP_SKETCH, SESSP_ON_SESSION, pages, 0, 0 },
	[BOUNCES] = { "bounces", SESSP_COUNT, SESSP_ON_SESSION, bounce, 0, 0 },
	[DURATIONS] = { "durations", SESSP_TALLY, SESSP_ON_SESSION, duration_class, 0, 0 },
	{ .name = NULL }
};

/* What was tolerated holds the satisfied: (S + T / 2) / all. */
static bool
apdex(const struct sessp_row *row, const struct sessp_column *col, struct sess_cell *cell)
{
	const union sessp_state *s = row->state;

	(void)col;
	if (s[PAINTS].n == 0)
		return false;
	cell->d = ((double)s[SATISFIED].n + (double)(s[TOLERATED].n - s[SATISFIED].n) / 2) /
	    (double)s[PAINTS].n;
	return true;
}

#define UP SESS_COL_WORSE_UP
#define DOWN SESS_COL_WORSE_DOWN

static const struct sessp_column columns[] = {
	COL_COUNT("sessions", SESSIONS, SESS_COL_MAIN | SESS_COL_SAMPLES, "sessions"),
	COL_COUNT("users", USERS, 0, "distinct users (UV)"),
	COL_COUNT("page_views", VIEWS, 0, "page views (PV)"),
	COL_COUNT("js_errors", ERRORS, UP, "JS errors"),
	COL_RATIO("js_error_rate", ERROR_VIEWS, VIEWS, UP, "page views with a JS error, of all"),
	COL_COUNT("api_calls", CALLS, 0, "API calls"),
	COL_COUNT("api_failures", FAILURES, UP, "API calls that failed"),
	COL_REST("api_success_rate", FAILURES, CALLS, DOWN, "API calls that succeeded, of all"),
	COL_COUNT("slow_loads", SLOW_LOADS, UP, "page loads slower than --threshold load"),
	COL_COUNT("slow_apis", SLOW_APIS, UP, "API calls slower than --threshold api"),
	COL_COUNT("resource_errors", RESOURCE_ERRORS, UP, "resources that failed"),
	COL_COUNT("loads", LOADS, 0, "page loads that were measured"),
	COL_QUANTILE("load_p75_ms", "ms", LOAD, 0.75, UP, "75th percentile of load"),
	COL_COMPUTED("apdex", NUM, DOWN, apdex, "Apdex of fpt, T as of --threshold apdex"),
	COL_QUANTILE("duration_p50_ms", "ms", DURATION, 0.50, 0, "median length of a session"),
	COL_QUANTILE("duration_p75_ms", "ms", DURATION, 0.75, 0, "75th percentile of it"),
	COL_QUANTILE("duration_p95_ms", "ms", DURATION, 0.95, 0, "95th percentile of it"),
	COL_QUANTILE("pages_p50", "", PAGES, 0.50, 0, "median page views of a session"),
	COL_QUANTILE("pages_p75", "", PAGES, 0.75, 0, "75th percentile of it"),
	COL_QUANTILE("pages_p95", "", PAGES, 0.95, 0, "95th percentile of it"),
	COL_COUNT("bounces", BOUNCES, 0, "sessions of one page view"),
	COL_RATIO("bounce_rate", BOUNCES, SESSIONS, UP, "bounces, of all sessions"),
	COL_TOP("durations", DURATIONS, "sessions by their length"),
	COL_COUNT("page_views_weighted", VIEWS_W, SESS_COL_DETAIL, "page views before sampling"),
	COL_COUNT("loads_weighted", LOADS_W, SESS_COL_DETAIL, "page loads before sampling"),
	COL_COUNT("api_calls_weighted", CALLS_W, SESS_COL_DETAIL, "API calls before sampling"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = {
	SESS_K_SAMPLING, SESS_K_OK, SESS_K_DURATION_MS, SESS_K_LOAD_MS, SESS_K_FPT_MS,
	SESS_K_ERRORS, SESS_K_V
};

const struct sessp_report sessp_report_overview = {
	.name = "overview", .title = "Overview",
	.doc = "sessions, users, page views, error and success rates, Apdex",
	.on = SESSP_ON_EVENT | SESSP_ON_SESSION, .standing = true,
	.keys = keys, .measures = measures, .columns = columns
};
