#include <stdlib.h>

#include "declare.h"

/* Pages: how often, how quick, how often in error; and errors by page. */

static bool
view_stay(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->d = o->v->stay_ms;
	return v->d >= 0;
}

/* Whether the session ended on this view: its last that has a page. */
static bool
is_exit(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	size_t i = o->s->nviews;

	(void)st, (void)arg;
	while (i > 0 && o->s->views[i - 1].page.len == 0)
		i--;
	v->n = 1;
	return i > 0 && o->v == &o->s->views[i - 1];
}

enum {
	VIEWS, VIEWS_W, USERS, SESSIONS, LOADS, ERRORS, ERROR_VIEWS, EXITS, STAY, FPT, TTI, READY,
	LOAD, DNS, TCP, SSL, TTFB, TRANS, DOM, RES, FIRSTBYTE, SAMPLES
};

#define MS(name, KEY) { name, SESSP_SKETCH, SESSP_ON(LOAD), sessp_obs_number, SESS_K_##KEY, 0 }

static const struct sessp_measure measures[] = {
	[VIEWS] = { "page_views", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_times, 0, 0 },
	[VIEWS_W] = { "page_views_weighted", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_weights, 0, 0 },
	[USERS] = { "users", SESSP_DISTINCT, 0, sessp_obs_user, 0, 0 },
	[SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[LOADS] = { "samples", SESSP_COUNT, SESSP_ON(LOAD), sessp_obs_times, 0, 0 },
	[ERRORS] = { "js_errors", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_js_errors, 0, 0 },
	[ERROR_VIEWS] = { "error_page_views", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_error_view, 0, SESSP_ONCE_A_VIEW },
	[EXITS] = { "exits", SESSP_COUNT, SESSP_ON_VIEW, is_exit, 0, 0 },
	[STAY] = { "stay_ms", SESSP_SKETCH, SESSP_ON_VIEW, view_stay, 0, 0 },
	[FPT] = MS("fpt_ms", FPT_MS), [TTI] = MS("tti_ms", TTI_MS),
	[READY] = MS("ready_ms", READY_MS), [LOAD] = MS("load_ms", LOAD_MS),
	[DNS] = MS("dns_ms", DNS_MS), [TCP] = MS("tcp_ms", TCP_MS),
	[SSL] = MS("ssl_ms", SSL_MS), [TTFB] = MS("ttfb_ms", TTFB_MS),
	[TRANS] = MS("trans_ms", TRANS_MS), [DOM] = MS("dom_ms", DOM_MS),
	[RES] = MS("res_ms", RES_MS), [FIRSTBYTE] = MS("firstbyte_ms", FIRSTBYTE_MS),
	[SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, sessp_obs_session_id, 0,
	    SESSP_ONCE_A_SESSION },
	{ .name = NULL }
};

#define UP SESS_COL_WORSE_UP
#define DETAIL SESS_COL_DETAIL
#define FOUR(name, m) \
	COL_QUANTILE(name "_p50_ms", "ms", m, 0.50, UP | DETAIL, "median of " name), \
	COL_QUANTILE(name "_p75_ms", "ms", m, 0.75, UP, "75th percentile of " name), \
	COL_QUANTILE(name "_p95_ms", "ms", m, 0.95, UP | DETAIL, "95th percentile of " name), \
	COL_QUANTILE(name "_p99_ms", "ms", m, 0.99, UP | DETAIL, "99th percentile of " name)
#define PHASE(name, m) \
	COL_QUANTILE(name "_p75_ms", "ms", m, 0.75, UP | DETAIL, "75th percentile of " name)

static const struct sessp_column columns[] = {
	COL_KEY("page", 0, "page"),
	COL_COUNT("page_views", VIEWS, SESS_COL_MAIN | SESS_COL_SAMPLES, "page views (PV)"),
	COL_COUNT("users", USERS, 0, "distinct users (UV)"),
	COL_COUNT("sessions", SESSIONS, DETAIL, "sessions that were on it"),
	COL_COUNT("samples", LOADS, 0, "page loads that were measured"),
	FOUR("fpt", FPT), FOUR("tti", TTI), FOUR("ready", READY), FOUR("load", LOAD),
	PHASE("dns", DNS), PHASE("tcp", TCP), PHASE("ssl", SSL), PHASE("ttfb", TTFB),
	PHASE("trans", TRANS), PHASE("dom", DOM), PHASE("res", RES), PHASE("firstbyte", FIRSTBYTE),
	COL_COUNT("js_errors", ERRORS, UP | DETAIL, "JS errors"),
	COL_RATIO("js_error_rate", ERROR_VIEWS, VIEWS, UP, "page views with a JS error, of all"),
	COL_QUANTILE("stay_p50_ms", "ms", STAY, 0.50, 0, "median time on page"),
	COL_QUANTILE("stay_p75_ms", "ms", STAY, 0.75, DETAIL, "75th percentile of it"),
	COL_COUNT("exits", EXITS, DETAIL, "sessions that ended on it"),
	COL_RATIO("exit_rate", EXITS, SESSIONS, 0, "of the sessions that were on it"),
	COL_COUNT("page_views_weighted", VIEWS_W, DETAIL, "page views before sampling"),
	COL_LIST("sample_sessions", SAMPLES, SESS_COL_SESSION | DETAIL, "sessions that were on it"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = {
	SESS_K_PAGE, SESS_K_SAMPLING, SESS_K_ERRORS, SESS_K_FPT_MS, SESS_K_TTI_MS, SESS_K_READY_MS,
	SESS_K_LOAD_MS, SESS_K_DNS_MS, SESS_K_TCP_MS, SESS_K_SSL_MS, SESS_K_TTFB_MS,
	SESS_K_TRANS_MS, SESS_K_DOM_MS, SESS_K_RES_MS, SESS_K_FIRSTBYTE_MS, SESS_K_V
};

const struct sessp_report sessp_report_pages = {
	.name = "pages", .title = "Pages",
	.doc = "pages: views, users, load times and their phases, error and exit rates",
	.on = SESSP_ON_EVENT | SESSP_ON_VIEW, .keys = keys,
	.key = { { sessp_key_fact, SESS_K_PAGE } }, .measures = measures, .columns = columns
};

/* -- errors by page */

enum { E_VIEWS, E_ERROR_VIEWS, E_ERRORS, E_USERS, E_SAMPLES };

static bool
error_user(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	return sessp_obs_error_view(st, o, arg, v) && sessp_obs_user(st, o, arg, v);
}

static bool
error_session(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	return sessp_obs_error_view(st, o, arg, v) && sessp_obs_session_id(st, o, arg, v);
}

static const struct sessp_measure by_page[] = {
	[E_VIEWS] = { "page_views", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_times, 0, 0 },
	[E_ERROR_VIEWS] = { "error_page_views", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_error_view, 0, SESSP_ONCE_A_VIEW },
	[E_ERRORS] = { "js_errors", SESSP_COUNT, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    sessp_obs_js_errors, 0, 0 },
	[E_USERS] = { "users", SESSP_DISTINCT, SESSP_ON(ERROR) | SESSP_ON(LEAVE), error_user, 0, 0 },
	[E_SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, SESSP_ON(ERROR) | SESSP_ON(LEAVE),
	    error_session, 0, 0 },
	{ .name = NULL }
};

static const struct sessp_column by_page_columns[] = {
	COL_KEY("page", 0, "page"),
	COL_RATIO("js_error_rate", E_ERROR_VIEWS, E_VIEWS, SESS_COL_MAIN | UP,
	    "page views with a JS error, of all"),
	COL_COUNT("js_errors", E_ERRORS, UP, "JS errors"),
	COL_COUNT("error_page_views", E_ERROR_VIEWS, UP, "page views with a JS error"),
	COL_COUNT("page_views", E_VIEWS, SESS_COL_SAMPLES, "page views"),
	COL_COUNT("users", E_USERS, UP, "distinct users with a JS error"),
	COL_LIST("sample_sessions", E_SAMPLES, SESS_COL_SESSION | DETAIL, "sessions with one"),
	{ .c = { .name = NULL } }
};

static const enum sess_key by_page_keys[] = { SESS_K_PAGE, SESS_K_ERRORS, SESS_K_V };

const struct sessp_report sessp_report_errors_by_page = {
	.name = "errors-by-page", .title = "Pages by JS error rate",
	.doc = "pages by the share of their views that had a JS error",
	.on = SESSP_ON(VIEW) | SESSP_ON(ERROR) | SESSP_ON(LEAVE), .keys = by_page_keys,
	.key = { { sessp_key_fact, SESS_K_PAGE } }, .measures = by_page,
	.columns = by_page_columns
};
