#include <stdlib.h>

#include "declare.h"
#include "signature.h"

/* Lists: sessions, users, all events; resources and web vitals. */

#define UP SESS_COL_WORSE_UP
#define DETAIL SESS_COL_DETAIL

const struct sessp_report sessp_report_sessions = {
	.name = "sessions", .title = "Sessions", .doc = "sessions, as sess-find -l has them",
	.on = SESSP_ON_SESSION, .of_sessions = true, .ascending = true
};

/* -- users */

static int
user_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	(void)st, (void)arg;
	return o->user.len == 0 ? 0 : sess_buf_add(out, o->user.p, o->user.len) < 0 ? -1 : 1;
}

/* The latest name: FIRST is of the least number. */
static bool
last_name(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->text = sessp_obs_fact(o, SESS_K_USER_NAME);
	v->n = -o->when;
	return v->text.len > 0;
}

enum { U_NAME, U_SESSIONS, U_VIEWS, U_ERRORS, U_CALLS, U_FAILURES, U_SLOW, U_FIRST, U_LAST, U_SAMPLES };

static const struct sessp_measure user_measures[] = {
	[U_NAME] = { "user_name", SESSP_FIRST, 0, last_name, 0, 0 },
	[U_SESSIONS] = { "sessions", SESSP_COUNT, 0, sessp_obs_one, 0, SESSP_ONCE_A_SESSION },
	[U_VIEWS] = { "page_views", SESSP_COUNT, SESSP_ON(VIEW), sessp_obs_times, 0, 0 },
	[U_ERRORS] = { "js_errors", SESSP_COUNT, SESSP_ON(ERROR), sessp_obs_times, 0, 0 },
	[U_CALLS] = { "api_calls", SESSP_COUNT, SESSP_ON(API), sessp_obs_times, 0, 0 },
	[U_FAILURES] = { "api_failures", SESSP_COUNT, SESSP_ON(API), sessp_obs_failures, 0, 0 },
	[U_SLOW] = { "slow_loads", SESSP_COUNT, SESSP_ON(LOAD), sessp_obs_slow_load, 0, 0 },
	[U_FIRST] = { "first_seen", SESSP_LEAST, 0, sessp_obs_moment, 0, 0 },
	[U_LAST] = { "last_seen", SESSP_MOST, 0, sessp_obs_moment, 0, 0 },
	[U_SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, sessp_obs_session_id, 0,
	    SESSP_ONCE_A_SESSION },
	{ .name = NULL }
};

static const struct sessp_column user_columns[] = {
	COL_KEY("user_id", 0, "user id; else visitor, else session"),
	COL_TEXT("user_name", U_NAME, 0, "user name, the last"),
	COL_COUNT("sessions", U_SESSIONS, SESS_COL_MAIN, "sessions"),
	COL_COUNT("page_views", U_VIEWS, 0, "page views"),
	COL_COUNT("js_errors", U_ERRORS, UP, "JS errors, recorded"),
	COL_COUNT("api_calls", U_CALLS, 0, "API calls, recorded"),
	COL_COUNT("api_failures", U_FAILURES, UP, "API calls that failed, recorded"),
	COL_COUNT("slow_loads", U_SLOW, UP, "page loads slower than --threshold load"),
	COL_TIME("first_seen", U_FIRST, SESS_COL_DETAIL, "first event"),
	COL_TIME("last_seen", U_LAST, 0, "last event"),
	COL_LIST("sample_sessions", U_SAMPLES, SESS_COL_SESSION | DETAIL, "sessions"),
	{ .c = { .name = NULL } }
};

static const enum sess_key user_keys[] = {
	SESS_K_USER_NAME, SESS_K_OK, SESS_K_LOAD_MS, SESS_K_V
};

const struct sessp_report sessp_report_users = {
	.name = "users", .title = "Users", .doc = "users with what they did and met",
	.on = SESSP_ON_EVENT, .keys = user_keys, .key = { { user_key, 0 } },
	.measures = user_measures, .columns = user_columns
};

/* -- resources */

static int
url_key(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sess_buf *out)
{
	struct sess_slice url = sess_event_get(o->ev, SESS_K_URL);

	(void)st, (void)arg;
	return url.len == 0 ? 0 : sessp_fold_url(out, url.p, url.len) < 0 ? -1 : 1;
}

static bool
is_slow(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)arg;
	v->n = o->n;
	return sess_event_num(o->ev, SESS_K_DURATION_MS, -1) > st->o.threshold[SESS_THRESHOLD_RESOURCE];
}

static bool
trouble(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	return sess_event_failed(o->ev) ? sessp_obs_times(st, o, 0, v) : is_slow(st, o, arg, v);
}

static bool
trouble_session(struct sess_stats *st, const struct sessp_obs *o, int arg,
    struct sessp_added *v)
{
	return trouble(st, o, arg, v) && sessp_obs_session_id(st, o, arg, v);
}

static bool
bytes(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	int64_t size = sess_event_int(o->ev, SESS_K_SIZE, 0);

	(void)st, (void)arg;
	v->n = size < INT64_MAX / o->n ? size * o->n : INT64_MAX;
	return size > 0;
}

enum { R_LOADS, R_TROUBLE, R_FAILURES, R_SLOW, R_MS, R_BYTES, R_PAGES, R_SAMPLES };

static const struct sessp_measure resource_measures[] = {
	[R_LOADS] = { "loads", SESSP_COUNT, 0, sessp_obs_times, 0, 0 },
	[R_TROUBLE] = { "trouble", SESSP_COUNT, 0, trouble, 0, 0 },
	[R_FAILURES] = { "failures", SESSP_COUNT, 0, sessp_obs_failures, 0, 0 },
	[R_SLOW] = { "slow", SESSP_COUNT, 0, is_slow, 0, 0 },
	[R_MS] = { "duration_ms", SESSP_SKETCH, 0, sessp_obs_number, SESS_K_DURATION_MS, 0 },
	[R_BYTES] = { "bytes", SESSP_COUNT, 0, bytes, 0, 0 },
	[R_PAGES] = { "pages", SESSP_TALLY, 0, sessp_obs_text, SESS_K_PAGE, 0 },
	[R_SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, trouble_session, 0, 0 },
	{ .name = NULL }
};

static const struct sessp_column resource_columns[] = {
	COL_KEY("url", 0, "URL without query, its numbers as *"),
	COL_KEY("resource_type", 1, "script, css, img, ..."),
	COL_COUNT("trouble", R_TROUBLE, SESS_COL_MAIN | UP, "failed or slow"),
	COL_COUNT("failures", R_FAILURES, UP, "failed"),
	COL_COUNT("slow", R_SLOW, UP, "slower than --threshold resource"),
	COL_COUNT("loads", R_LOADS, SESS_COL_SAMPLES, "records of it"),
	COL_QUANTILE("p75_ms", "ms", R_MS, 0.75, UP, "75th percentile of its duration"),
	COL_QUANTILE("p95_ms", "ms", R_MS, 0.95, UP | DETAIL, "95th percentile of it"),
	{ .c = COL("bytes", INT, "bytes", DETAIL, "transferred, all together"),
	    .show = SESSP_VALUE, .a = R_BYTES },
	COL_TOP("pages", R_PAGES, "records by page"),
	COL_LIST("sample_sessions", R_SAMPLES, SESS_COL_SESSION | DETAIL,
	    "sessions where it failed or was slow"),
	{ .c = { .name = NULL } }
};

static const enum sess_key resource_keys[] = {
	SESS_K_URL, SESS_K_RESOURCE_TYPE, SESS_K_OK, SESS_K_DURATION_MS, SESS_K_SIZE, SESS_K_PAGE,
	SESS_K_V
};

const struct sessp_report sessp_report_resources = {
	.name = "resources", .title = "Resources", .doc = "failed and slow resources",
	.on = SESSP_ON(RESOURCE), .keys = resource_keys,
	.key = { { url_key, 0 }, { sessp_key_fact, SESS_K_RESOURCE_TYPE } },
	.measures = resource_measures, .columns = resource_columns
};

/* -- web vitals, with the thresholds of web.dev/articles/vitals */

static const struct { const char *name; double good, poor; } vitals[] = {
	{ "LCP", 2500, 4000 }, { "INP", 200, 500 }, { "CLS", 0.1, 0.25 },
	{ "FCP", 1800, 3000 }, { "TTFB", 800, 1800 }, { "FID", 100, 300 }
};

enum { GOOD, FAIR, POOR };

/* arg: which of the three. */
static bool
rated(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	struct sess_slice name = sess_event_get(o->ev, SESS_K_NAME);
	double value = sess_event_num(o->ev, SESS_K_VALUE, -1);
	size_t i;

	(void)st;
	v->n = o->n;
	for (i = 0; i < sizeof(vitals) / sizeof(vitals[0]); i++)
		if (strlen(vitals[i].name) == name.len && value >= 0 &&
		    memcmp(vitals[i].name, name.p, name.len) == 0)
			return arg == (value <= vitals[i].good ? GOOD :
			    value <= vitals[i].poor ? FAIR : POOR);
	return false;
}

enum { V_SAMPLES, V_VALUE, V_RATED, V_GOOD, V_FAIR, V_POOR, V_SESSIONS };

static bool
is_rated(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)arg;
	return rated(st, o, GOOD, v) || rated(st, o, FAIR, v) || rated(st, o, POOR, v);
}

static bool
poor_session(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	return rated(st, o, POOR, v) && sessp_obs_session_id(st, o, arg, v);
}

static const struct sessp_measure vital_measures[] = {
	[V_SAMPLES] = { "samples", SESSP_COUNT, 0, sessp_obs_times, 0, 0 },
	[V_VALUE] = { "value", SESSP_SKETCH, 0, sessp_obs_number, SESS_K_VALUE, 0 },
	[V_RATED] = { "rated", SESSP_COUNT, 0, is_rated, 0, 0 },
	[V_GOOD] = { "good", SESSP_COUNT, 0, rated, GOOD, 0 },
	[V_FAIR] = { "needs_improvement", SESSP_COUNT, 0, rated, FAIR, 0 },
	[V_POOR] = { "poor", SESSP_COUNT, 0, rated, POOR, 0 },
	[V_SESSIONS] = { "sample_sessions", SESSP_SAMPLES_OF, 0, poor_session, 0, 0 },
	{ .name = NULL }
};

static const struct sessp_column vital_columns[] = {
	COL_KEY("name", 0, "LCP, INP, CLS, FCP, TTFB, ..."),
	COL_COUNT("samples", V_SAMPLES, SESS_COL_MAIN | SESS_COL_SAMPLES, "values"),
	COL_QUANTILE("p75", "", V_VALUE, 0.75, UP, "75th percentile: ms, of CLS none"),
	COL_RATIO("good", V_GOOD, V_RATED, SESS_COL_WORSE_DOWN, "share of good values"),
	COL_RATIO("needs_improvement", V_FAIR, V_RATED, 0, "share of those between"),
	COL_RATIO("poor", V_POOR, V_RATED, UP, "share of poor values"),
	COL_LIST("sample_sessions", V_SESSIONS, SESS_COL_SESSION | DETAIL, "sessions with a poor value"),
	{ .c = { .name = NULL } }
};

static const enum sess_key vital_keys[] = { SESS_K_NAME, SESS_K_VALUE, SESS_K_V };

const struct sessp_report sessp_report_vitals = {
	.name = "vitals", .title = "Web vitals",
	.doc = "web vitals at p75, with shares of good and poor",
	.on = SESSP_ON(VITAL), .keys = vital_keys, .key = { { sessp_key_fact, SESS_K_NAME } },
	.measures = vital_measures, .columns = vital_columns
};

/* -- all events: the "All Logs" door */

static bool
kind(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->text = (struct sess_slice){ sess_kinds[o->ev->kind], strlen(sess_kinds[o->ev->kind]) };
	return true;
}

static bool
ok(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	(void)st, (void)arg;
	v->n = !sess_event_failed(o->ev);
	return sess_event_has(o->ev, SESS_K_OK);
}

static const struct sessp_column log_columns[] = {
	CELL("time", TIME, SESS_COL_MAIN, sessp_obs_moment, "when, by the server's clock, else the client's"),
	CELL("kind", STR, 0, kind, "kind of event"),
	CELL("session_id", STR, SESS_COL_KEY | SESS_COL_SESSION, sessp_obs_session_id, "session"),
	CELL_TEXT("view_id", VIEW_ID, DETAIL, "page view"),
	CELL_TEXT("user_id", USER_ID, DETAIL, "user id"),
	CELL_TEXT("user_name", USER_NAME, 0, "user name"),
	CELL_TEXT("page", PAGE, 0, "page"),
	CELL_TEXT("api", API, 0, "API name"),
	CELL_TEXT("method", METHOD, DETAIL, "HTTP method"),
	CELL_TEXT("status", STATUS, 0, "status"),
	CELL("ok", BOOL, DETAIL, ok, "whether it succeeded"),
	CELL_NUM("duration_ms", "ms", DURATION_MS, 0, "how long it took"),
	CELL_NUM("load_ms", "ms", LOAD_MS, 0, "page load"),
	CELL_TEXT("error_type", ERROR_TYPE, DETAIL, "class of the error"),
	CELL_TEXT("message", MESSAGE, 0, "message"),
	CELL_TEXT("name", NAME, DETAIL, "name of a vital, timing, metric, ..."),
	CELL_NUM("value", "", VALUE, DETAIL, "its value"),
	CELL_TEXT("action", ACTION, DETAIL, "click, navigation, console, ..."),
	CELL_TEXT("target", TARGET, DETAIL, "what was acted on"),
	CELL_TEXT("url", URL, DETAIL, "URL"),
	CELL_TEXT("trace_id", TRACE_ID, DETAIL, "trace id of the call"),
	{ .c = { .name = NULL } }
};

static const enum sess_key log_keys[] = {
	SESS_K_VIEW_ID, SESS_K_USER_NAME, SESS_K_PAGE, SESS_K_API, SESS_K_METHOD, SESS_K_STATUS,
	SESS_K_OK, SESS_K_DURATION_MS, SESS_K_LOAD_MS, SESS_K_ERROR_TYPE, SESS_K_MESSAGE,
	SESS_K_NAME, SESS_K_VALUE, SESS_K_ACTION, SESS_K_TARGET, SESS_K_URL, SESS_K_TRACE_ID, SESS_K_V
};

const struct sessp_report sessp_report_log = {
	.name = "log", .title = "All logs", .doc = "all events with their sessions, by time",
	.on = SESSP_ON_EVENT, .keys = log_keys, .columns = log_columns, .ascending = true
};
