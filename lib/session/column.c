/* The record of a session, column by column; defaults and rules. */
#include <string.h>

#include "../event/private.h"
#include "private.h"
#include "sess/when.h"

#define MINUTE	(60 * (int64_t)1000)
#define HOUR	(60 * MINUTE)

/* -- rules */

static const struct {
	const char *name;
	struct sess_rule rule;
} rules[] = {
	{ "arms",	{ 0, 0 } },
	{ "rum",	{ 30 * MINUTE, 24 * HOUR } },
	{ "visit",	{ 30 * MINUTE, 0 } },
	{ "datadog",	{ 15 * MINUTE, 4 * HOUR } },
	{ "faro",	{ 15 * MINUTE, 4 * HOUR } },
	{ "newrelic",	{ 30 * MINUTE, 4 * HOUR } },
	{ "posthog",	{ 30 * MINUTE, 24 * HOUR } },
	{ "splunk",	{ 15 * MINUTE, 4 * HOUR } },
};

int
sess_rule_find(const char *name, struct sess_rule *rule)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].name, name) == 0) {
			*rule = rules[i].rule;
			return 0;
		}
	return -1;
}

void
sess_session_opts_init(struct sess_session_opts *o)
{
	*o = (struct sess_session_opts){
		.visit = { 30 * MINUTE, 0 }, .clock = SESS_CLOCK_AUTO,
		.slow_load = 8000, .slow_api = 1000,
		.memory = (uint64_t)512 << 20, .max_events = 1000000,
		.newest = INT64_MIN,
	};
}

/* -- names */

bool
sess_session_named(const struct sess_session *s, const char *id, size_t len)
{
	struct sess_slice key = s->session_id.len > 0 ? s->session_id : s->visitor;
	int64_t t = 0;
	bool minus;
	size_t i;
	int digit;

	if (len == s->key.len && memcmp(id, s->key.p, len) == 0)
		return true;
	if (len < key.len || memcmp(id, key.p, key.len) != 0)
		return false;
	if (len == key.len)
		return true;
	i = key.len + 1;
	minus = i < len && id[i] == '-';
	i += minus;
	if (id[key.len] != '.' || i >= len || len - i > 11)
		return false;
	for (; i < len; i++) {
		if (id[i] >= '0' && id[i] <= '9')
			digit = id[i] - '0';
		else if (id[i] >= 'a' && id[i] <= 'z')
			digit = id[i] - 'a' + 10;
		else
			return false;
		t = 36 * t + digit;
	}
	if (minus)
		t = -t;
	return s->start <= t && t <= s->end;
}

/* -- columns */

enum how {			/* where a value comes from */
	TEXT, NUMBER,		/* a member of struct sess_session */
	ID, VISITOR, USERS, LENGTH, REASON, EVENTS, OVERSIZE
};

#define AT(member) offsetof(struct sess_session, member)
#define COLUMNS(X) \
X("session_id",		STR,  ID, 0, "session id; of a piece of a cut session KEY.T") \
X("visitor",		STR,  VISITOR, 0, "visitor, where there is no session id; of a piece KEY.T") \
X("user_id",		STR,  TEXT, AT(user_id), "user id; the last") \
X("user_name",		STR,  TEXT, AT(user_name), "user name; the last") \
X("user_ids",		STR,  USERS, 0, "all user ids in order of appearance, a JSON array") \
X("start",		TIME, NUMBER, AT(start), "effective time of the first event") \
X("end",		TIME, NUMBER, AT(end), "effective time of the last event") \
X("duration_ms",	INT,  LENGTH, 0, "end - start, ms") \
X("page_views",		INT,  NUMBER, AT(page_views), "page views") \
X("js_errors",		INT,  NUMBER, AT(js_errors), "JS errors, with those sampled away") \
X("api_calls",		INT,  NUMBER, AT(api_calls), "API calls, with those sampled away") \
X("api_failures",	INT,  NUMBER, AT(api_failures), "API calls that failed, with those sampled away") \
X("slow_loads",		INT,  NUMBER, AT(slow_loads), "page loads slower than --slow-load") \
X("slow_apis",		INT,  NUMBER, AT(slow_apis), "API calls slower than --slow-api") \
X("actions",		INT,  NUMBER, AT(actions), "clicks, keys, navigation, console and the like") \
X("resource_errors",	INT,  NUMBER, AT(resource_errors), "resources that failed to load") \
X("js_errors_recorded",	INT,  NUMBER, AT(js_errors_recorded), "JS errors that can be looked at") \
X("api_calls_recorded",	INT,  NUMBER, AT(api_calls_recorded), "API calls that can be looked at") \
X("api_failures_recorded", INT, NUMBER, AT(api_failures_recorded), "failed API calls that can be looked at") \
X("app_id",		STR,  TEXT, AT(app_id), "site or application id") \
X("release",		STR,  TEXT, AT(release), "application version") \
X("environment",	STR,  TEXT, AT(environment), "environment") \
X("entry_page",		STR,  TEXT, AT(entry_page), "page of the first view") \
X("exit_page",		STR,  TEXT, AT(exit_page), "page of the last view") \
X("device",		STR,  TEXT, AT(device), "device") \
X("device_type",	STR,  TEXT, AT(device_type), "device class") \
X("os",			STR,  TEXT, AT(os), "operating system") \
X("os_version",		STR,  TEXT, AT(os_version), "its version") \
X("browser",		STR,  TEXT, AT(browser), "browser") \
X("browser_version",	STR,  TEXT, AT(browser_version), "its version") \
X("country",		STR,  TEXT, AT(country), "country") \
X("region",		STR,  TEXT, AT(region), "province or region") \
X("city",		STR,  TEXT, AT(city), "city") \
X("isp",		STR,  TEXT, AT(isp), "carrier") \
X("ip",			STR,  TEXT, AT(ip), "client address; the last") \
X("network",		STR,  TEXT, AT(network), "network type") \
X("screen",		STR,  TEXT, AT(screen), "screen as WxH") \
X("end_reason",		STR,  REASON, 0, "why it ended: idle, max or eof") \
X("clock_skew_ms",	INT,  NUMBER, AT(clock_skew), "what is added to the client's clock, ms; 0: nothing") \
X("events",		INT,  EVENTS, 0, "records, without duplicates") \
X("oversize",		BOOL, OVERSIZE, 0, "it has more events than --max-events; left out unless true")

const struct sess_column sess_columns[] = {
#define COLUMN(name, type, how, at, doc) { name, SESS_T_##type, doc },
	COLUMNS(COLUMN)
#undef COLUMN
};
const size_t sess_ncolumns = sizeof(sess_columns) / sizeof(sess_columns[0]);

static const struct {
	const char *name;	/* as the record has it */
	uint8_t len, how;
	uint16_t at;
} sources[] = {
#define SOURCE(name, type, how, at, doc) { ",\"" name "\":", sizeof(name) + 3, how, at },
	COLUMNS(SOURCE)
#undef SOURCE
};

int
sess_column_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sess_ncolumns; i++)
		if (strlen(sess_columns[i].name) == len &&
		    memcmp(sess_columns[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

/* -- values */

static bool
text_value(struct sess_slice v, struct sess_slice *text)
{
	*text = v;
	if (v.len == 0)
		text->p = NULL;
	return v.len > 0;
}

static int
write_users(const struct sess_session *s, struct sess_buf *out)
{
	size_t i;

	for (i = 0; i < s->nuser_ids; i++)
		if (sess_buf_putc(out, i == 0 ? '[' : ',') < 0 ||
		    sessp_json_quote(s->user_ids[i].p, s->user_ids[i].len, out) < 0)
			return -1;
	return i > 0 ? sess_buf_putc(out, ']') : 0;
}

bool
sess_session_value(const struct sess_session *s, size_t column,
    struct sess_slice *text, int64_t *number, struct sess_buf *scratch)
{
	const struct sess_slice none = { NULL, 0 };
	const char *at = (const char *)s + sources[column].at;

	*text = none;
	*number = 0;
	switch ((enum how)sources[column].how) {
	case TEXT:
		return text_value(*(const struct sess_slice *)(const void *)at, text);
	case NUMBER:
		*number = *(const int64_t *)(const void *)at;
		return true;
	case ID:
		return text_value(s->session_id.len > 0 ? s->key : none, text);
	case VISITOR:
		return text_value(s->session_id.len > 0 ? none : s->key, text);
	case USERS:
		scratch->len = 0;
		if (write_users(s, scratch) < 0)
			return false;
		return text_value((struct sess_slice){ scratch->data, scratch->len }, text);
	case LENGTH:
		*number = s->end - s->start;
		return true;
	case REASON:
		return text_value((struct sess_slice){ s->end_reason,
		    strlen(s->end_reason) }, text);
	case EVENTS:
		*number = (int64_t)s->events;
		return true;
	case OVERSIZE:
		*number = s->oversize;
		return true;
	}
	return false;
}

/* -- the record */

static int
write_number(int64_t n, struct sess_buf *out)
{
	char digits[20], *p = digits + sizeof(digits);
	uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (n < 0 && sess_buf_putc(out, '-') < 0)
		return -1;
	return sess_buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

static int
write_time(int64_t ms, struct sess_buf *out)
{
	char when[SESS_WHEN_LEN + 2];

	when[0] = when[sizeof(when) - 1] = '"';
	sess_when_format(ms, when + 1);
	return sess_buf_add(out, when, sizeof(when));
}

static int
write_name(size_t column, bool *first, struct sess_buf *out)
{
	if (sess_buf_add(out, sources[column].name, sources[column].len) < 0)
		return -1;
	if (*first)
		out->data[out->len - sources[column].len] = '{';
	*first = false;
	return 0;
}

static int
write_column(const struct sess_session *s, size_t column, bool *first, struct sess_buf *out)
{
	struct sess_buf unused = { 0 };
	struct sess_slice text;
	int64_t number;

	if (sources[column].how == USERS) {	/* an array, not a string of one */
		if (s->nuser_ids == 0)
			return 0;
		return write_name(column, first, out) < 0 ? -1 : write_users(s, out);
	}
	if (!sess_session_value(s, column, &text, &number, &unused) ||
	    (sess_columns[column].type == SESS_T_BOOL && number == 0))
		return 0;
	if (write_name(column, first, out) < 0)
		return -1;
	switch (sess_columns[column].type) {
	case SESS_T_STR:
		return sessp_json_quote(text.p, text.len, out);
	case SESS_T_TIME:
		return write_time(number, out);
	case SESS_T_BOOL:
		return sess_buf_puts(out, "true");
	default:
		return write_number(number, out);
	}
}

enum sess_status
sess_session_write(const struct sess_session *s, struct sess_buf *out)
{
	size_t start = out->len, i;
	bool first = true;

	for (i = 0; i < sess_ncolumns; i++)
		if (write_column(s, i, &first, out) < 0) {
			out->len = start;
			return SESS_ENOMEM;
		}
	if (sess_buf_add(out, "}\n", 2) < 0) {
		out->len = start;
		return SESS_ENOMEM;
	}
	return SESS_OK;
}
