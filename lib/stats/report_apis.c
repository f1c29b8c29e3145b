#include "declare.h"

static bool
failed_user(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	return sess_event_failed(o->ev) && sessp_obs_user(st, o, arg, v);
}

/* Texts of calls that failed: arg is the key, or V for the session. */
static bool
of_failure(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	if (!sess_event_failed(o->ev))
		return false;
	return arg == SESS_K_V ? sessp_obs_session_id(st, o, arg, v) : sessp_obs_text(st, o, arg, v);
}

static bool
of_slow(struct sess_stats *st, const struct sessp_obs *o, int arg, struct sessp_added *v)
{
	if (!sessp_obs_slow_api(st, o, arg, v))
		return false;
	return arg == SESS_K_V ? sessp_obs_session_id(st, o, arg, v) : sessp_obs_text(st, o, arg, v);
}

enum {
	CALLS, CALLS_W, FAILURES, FAILED_USERS, SLOW, MS, STATUSES, MESSAGES, METHODS, SAMPLES,
	SLOW_SAMPLES, FAILED_TRACES, SLOW_TRACES
};

static const struct sessp_measure measures[] = {
	[CALLS] = { "calls", SESSP_COUNT, 0, sessp_obs_times, 0, 0 },
	[CALLS_W] = { "calls_weighted", SESSP_COUNT, 0, sessp_obs_weights, 0, 0 },
	[FAILURES] = { "failures", SESSP_COUNT, 0, sessp_obs_failures, 0, 0 },
	[FAILED_USERS] = { "failed_users", SESSP_DISTINCT, 0, failed_user, 0, 0 },
	[SLOW] = { "slow_calls", SESSP_COUNT, 0, sessp_obs_slow_api, 0, 0 },
	[MS] = { "duration_ms", SESSP_SKETCH, 0, sessp_obs_number, SESS_K_DURATION_MS, 0 },
	[STATUSES] = { "statuses", SESSP_TALLY, 0, sessp_obs_text, SESS_K_STATUS, 0 },
	[MESSAGES] = { "messages", SESSP_TALLY, 0, of_failure, SESS_K_MESSAGE, 0 },
	[METHODS] = { "methods", SESSP_TALLY, 0, sessp_obs_text, SESS_K_METHOD, 0 },
	[SAMPLES] = { "sample_sessions", SESSP_SAMPLES_OF, 0, of_failure, SESS_K_V, 0 },
	[SLOW_SAMPLES] = { "slow_sessions", SESSP_SAMPLES_OF, 0, of_slow, SESS_K_V, 0 },
	[FAILED_TRACES] = { "failed_traces", SESSP_SAMPLES_OF, 0, of_failure, SESS_K_TRACE_ID, 0 },
	[SLOW_TRACES] = { "slow_traces", SESSP_SAMPLES_OF, 0, of_slow, SESS_K_TRACE_ID, 0 },
	{ .name = NULL }
};

#define MS_COLUMN(name, q, doc) COL_QUANTILE(name, "ms", MS, q, SESS_COL_WORSE_UP, doc)

static const struct sessp_column columns[] = {
	COL_KEY("api", 0, "API name"),
	COL_COUNT("calls", CALLS, SESS_COL_MAIN | SESS_COL_SAMPLES, "calls"),
	COL_COUNT("failures", FAILURES, SESS_COL_WORSE_UP, "calls that failed"),
	COL_REST("success_rate", FAILURES, CALLS, SESS_COL_WORSE_DOWN, "calls that succeeded, of all"),
	COL_COUNT("failed_users", FAILED_USERS, SESS_COL_WORSE_UP, "distinct users with a failure"),
	COL_COUNT("slow_calls", SLOW, SESS_COL_WORSE_UP, "calls slower than --threshold api"),
	COL_RATIO("slow_rate", SLOW, CALLS, SESS_COL_WORSE_UP | SESS_COL_DETAIL, "slow calls, of all"),
	MS_COLUMN("p50_ms", 0.50, "median duration"),
	MS_COLUMN("p75_ms", 0.75, "75th percentile of it"),
	MS_COLUMN("p95_ms", 0.95, "95th percentile of it"),
	MS_COLUMN("p99_ms", 0.99, "99th percentile of it"),
	COL_TOP("statuses", STATUSES, "calls by status"),
	COL_TOP("messages", MESSAGES, "failed calls by message"),
	COL_TOP("methods", METHODS, "calls by method"),
	COL_LIST("sample_sessions", SAMPLES, SESS_COL_SESSION | SESS_COL_DETAIL,
	    "sessions with a failed call"),
	COL_LIST("slow_sessions", SLOW_SAMPLES, SESS_COL_SESSION | SESS_COL_DETAIL,
	    "sessions with a slow call"),
	COL_LIST("failed_traces", FAILED_TRACES, SESS_COL_DETAIL, "trace ids of failed calls"),
	COL_LIST("slow_traces", SLOW_TRACES, SESS_COL_DETAIL, "trace ids of slow calls"),
	COL_COUNT("calls_weighted", CALLS_W, SESS_COL_DETAIL, "calls before sampling"),
	{ .c = { .name = NULL } }
};

static const enum sess_key keys[] = {
	SESS_K_SAMPLING, SESS_K_API, SESS_K_METHOD, SESS_K_STATUS, SESS_K_OK, SESS_K_DURATION_MS,
	SESS_K_MESSAGE, SESS_K_TRACE_ID, SESS_K_V
};

const struct sessp_report sessp_report_apis = {
	.name = "apis", .title = "API calls",
	.doc = "API calls by name: failures, durations, statuses, sessions to look into",
	.on = SESSP_ON(API), .keys = keys, .key = { { sessp_key_fact, SESS_K_API } },
	.measures = measures, .columns = columns
};
