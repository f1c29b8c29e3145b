/* query: what a condition means (design section 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/query/private.h"
#include "alloc.h"
#include "sess/convert.h"

#define T0 1795464000000	/* 2026-11-23T20:00:00Z */

/* A query, the session it is asked about, and what it said. */
static struct {
	struct sess_query *q;
	struct sess_query_scratch *sc;
	struct sess_session s;
	struct sess_view views[8];
	struct sess_err err;
	enum sess_status status;
} x;

static struct sess_slice
text(const char *p)
{
	return (struct sess_slice){ p, strlen(p) };
}

static int
begin(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	x.s.key = x.s.session_id = text("s1");
	x.s.end_reason = "eof";
	x.s.start = T0;
	x.s.end = T0 + 60000;
	x.s.views = x.views;
	return sess_query_new(&x.q, NULL);
}

static int
end(void **state)
{
	(void)state;
	sess_query_scratch_free(x.sc);
	sess_query_free(x.q);
	return 0;
}

static void
add(const char *name, const char *value)
{
	assert_int_equal(sess_query_add(x.q, name, value, &x.err), SESS_OK);
}

static void
refused(const char *name, const char *value, const char *why)
{
	struct sess_err err = { 0 };

	assert_int_equal(sess_query_add(x.q, name, value, &err), SESS_EFORMAT);
	assert_int_equal(err.code, SESS_EFORMAT);
	if (strstr(err.text, why) == NULL)
		assert_string_equal(err.text, why);
}

static void
compile(void)
{
	if (x.sc != NULL)
		return;
	assert_int_equal(sess_query_compile(x.q, &x.err), SESS_OK);
	assert_int_equal(sess_query_scratch_new(&x.sc, x.q, &x.err), SESS_OK);
}

/* Give the session one more event, from "key":"value" pairs of JSON. */
static uint32_t
event(const char *members)
{
	struct sess_event_scanner scanner = { 0 };
	struct sess_event ev;
	char line[4096] = "";
	uint32_t marks;
	int n;

	compile();
	n = snprintf(line, sizeof(line) - 64, "{\"v\":1,\"id\":\"0000000000000001\","
	    "\"session_id\":\"s1\",%s}", members);
	assert_int_equal(sess_event_scan(&scanner, &ev, line, (size_t)n, NULL), SESS_OK);
	x.status = sess_query_event(x.q, x.sc, &ev, &marks, &x.err);
	x.s.marks |= marks;
	sess_event_scanner_release(&scanner);
	return marks;
}

#define AT(t) "\"received\":\"2026-11-23T" t ".000Z\","
#define API(more) AT("20:00:00") "\"kind\":\"api\"," more
#define ERROR(more) AT("20:00:00") "\"kind\":\"error\"," more

static bool
matches(void)
{
	bool match;

	compile();
	x.status = sess_query_session(x.q, x.sc, &x.s, &match, &x.err);
	return match;
}

/* -- conditions */

static void
a_query_without_conditions_holds_for_all(void **state)
{
	(void)state;
	compile();
	assert_true(sess_query_empty(x.q));
	assert_true(matches());
}

static void
identity_conditions_may_hold_on_different_events(void **state)
{
	(void)state;
	add("user", "u1");
	add("browser", "chrome");
	event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"u1\",\"browser\":\"Safari\"");
	assert_false(matches());
	event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"u2\",\"browser\":\"Chrome\"");
	assert_true(matches());
}

static void
the_same_condition_twice_is_either(void **state)
{
	(void)state;
	add("user-name", "bob*");
	add("user-name", "张伟");
	event(AT("20:00:00") "\"kind\":\"view\",\"user_name\":\"张伟\"");
	assert_true(matches());
}

static void
a_user_id_is_exact_and_a_browser_is_not(void **state)
{
	(void)state;
	add("user", "Bob");
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"bob\""), 0);
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"Bob\""), 0);
}

static void
api_conditions_hold_on_one_call(void **state)
{
	(void)state;
	add("api", "/v1/order*");
	add("status", "5xx");
	event(API("\"api\":\"/v1/order/1\",\"status\":\"200\""));
	event(API("\"api\":\"/v1/cart\",\"status\":\"500\""));
	assert_false(matches());
	event(API("\"api\":\"/v1/order/2\",\"status\":\"503\""));
	assert_true(matches());
}

static void
api_conditions_look_at_api_events_only(void **state)
{
	(void)state;
	add("status", "500");
	event(AT("20:00:00") "\"kind\":\"request\",\"status\":\"500\"");
	assert_false(matches());
}

static void
a_status_is_exact_a_class_or_a_pattern(void **state)
{
	(void)state;
	add("status", "5xx");
	add("status", "404");
	add("status", "FAIL*");
	assert_int_not_equal(event(API("\"status\":\"599\"")), 0);
	assert_int_not_equal(event(API("\"status\":\"404\"")), 0);
	assert_int_not_equal(event(API("\"status\":\"FAILED\"")), 0);
	assert_int_equal(event(API("\"status\":\"403\"")), 0);
	assert_int_equal(event(API("\"status\":\"5000\"")), 0);
	assert_int_equal(event(API("\"status\":\"5xx\"")), 0);
	assert_int_equal(event(API("\"api\":\"x\"")), 0);
}

static void
failed_and_slow_calls_are_told(void **state)
{
	(void)state;
	add("api-failed", NULL);
	add("slow-api", "250");
	assert_int_equal(event(API("\"ok\":false,\"duration_ms\":250")), 0);
	assert_int_equal(event(API("\"ok\":true,\"duration_ms\":900")), 0);
	assert_int_equal(event(API("\"duration_ms\":900")), 0);
	assert_int_not_equal(event(API("\"ok\":false,\"duration_ms\":250.5")), 0);
}

static void
a_call_is_slow_above_a_second_unless_said_otherwise(void **state)
{
	(void)state;
	add("slow-api", NULL);
	assert_int_equal(event(API("\"duration_ms\":1000")), 0);
	assert_int_not_equal(event(API("\"duration_ms\":1001")), 0);
}

static void
a_load_is_slow_above_eight_seconds(void **state)
{
	(void)state;
	add("slow-load", NULL);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"load\",\"load_ms\":8000"), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"load_ms\":9000"), 0);
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"load\",\"load_ms\":8000.5"), 0);
}

static void
a_trace_id_is_exact(void **state)
{
	(void)state;
	add("trace-id", "ab*");
	assert_int_equal(event(API("\"trace_id\":\"abc\"")), 0);
	assert_int_not_equal(event(API("\"trace_id\":\"ab*\"")), 0);
}

static void
an_error_matches_by_type_message_or_stack(void **state)
{
	(void)state;
	add("error", "(?i)typeerror");
	assert_int_not_equal(event(ERROR("\"error_type\":\"TypeError\"")), 0);
	assert_int_not_equal(event(ERROR("\"message\":\"Uncaught TypeError: x\"")), 0);
	assert_int_not_equal(event(ERROR("\"stack\":\"typeerror\\n at f\"")), 0);
	assert_int_equal(event(ERROR("\"file\":\"TypeError.js\"")), 0);
	assert_int_equal(event(API("\"message\":\"TypeError\"")), 0);
	assert_int_equal(x.status, SESS_OK);
}

static void
a_page_belongs_to_the_error_asked_for(void **state)
{
	(void)state;
	add("page", "*/cart");
	add("error", "boom");
	event(ERROR("\"page\":\"shop/home\",\"message\":\"boom\""));
	event(AT("20:00:00") "\"kind\":\"view\",\"page\":\"shop/cart\"");
	assert_false(matches());
	event(ERROR("\"page\":\"shop/cart\",\"message\":\"boom\""));
	assert_true(matches());
}

static void
a_page_alone_may_be_on_any_event(void **state)
{
	(void)state;
	add("page", "*/cart");
	add("user", "u1");
	event(AT("20:00:00") "\"kind\":\"view\",\"page\":\"shop/home\",\"user_id\":\"u1\"");
	event(AT("20:00:00") "\"kind\":\"action\",\"page\":\"shop/cart\"");
	assert_true(matches());
}

static void
a_call_and_an_error_are_two_events_each_in_place(void **state)
{
	(void)state;
	add("page", "*/cart");
	add("error", "boom");
	add("api-failed", NULL);
	event(ERROR("\"page\":\"shop/cart\",\"message\":\"boom\""));
	event(API("\"page\":\"shop/home\",\"ok\":false"));
	assert_false(matches());
	event(API("\"page\":\"shop/cart\",\"ok\":false"));
	assert_true(matches());
}

static void
a_range_is_half_open_and_by_the_servers_clock(void **state)
{
	(void)state;
	sess_query_range(x.q, T0, T0 + 1000);
	assert_int_equal(event(AT("19:59:59") "\"kind\":\"view\",\"time\":\"2026-11-23T20:00:00.000Z\""), 0);
	assert_int_equal(event(AT("20:00:01") "\"kind\":\"view\""), 0);
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"view\""), 0);
	assert_int_not_equal(event("\"kind\":\"view\",\"time\":\"2026-11-23T20:00:00.999Z\""), 0);
	assert_false(sess_query_empty(x.q));
}

static void
a_range_belongs_to_the_call_asked_for(void **state)
{
	(void)state;
	sess_query_range(x.q, T0, SESS_NO_TIME);
	add("status", "500");
	event(AT("19:00:00") "\"kind\":\"api\",\"status\":\"500\"");
	event(AT("20:00:00") "\"kind\":\"api\",\"status\":\"200\"");
	assert_false(matches());
	event(AT("20:00:00") "\"kind\":\"api\",\"status\":\"500\"");
	assert_true(matches());
}

static void
an_error_that_was_sampled_away_is_an_error(void **state)
{
	(void)state;
	add("has-error", NULL);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"leave\",\"errors\":0"), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"leave\""), 0);
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"leave\",\"errors\":2"), 0);
	assert_int_not_equal(event(ERROR("\"message\":\"x\"")), 0);
}

static void
an_address_may_be_in_a_block(void **state)
{
	(void)state;
	add("ip", "10.0.0.0/8");
	add("ip", "2001:db8::/32");
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"view\",\"ip\":\"10.1.2.3\""), 0);
	assert_int_not_equal(event(AT("20:00:00") "\"kind\":\"view\",\"ip\":\"2001:db8::7\""), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"ip\":\"11.1.2.3\""), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"ip\":\"unknown\""), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"ip\":\"10.0.0.0/8\""), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\""), 0);
}

static void
all_fields_can_be_asked_for_at_once(void **state)
{
	static const char *const names[] = {
		"user", "user-name", "browser", "browser-version", "os", "device", "network",
		"country", "region", "city", "release", "environment", "app"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		add(names[i], "x");
	add("ip", "::1");
	event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"x\",\"user_name\":\"x\",\"app_id\":\"x\","
	    "\"release\":\"x\",\"environment\":\"x\",\"ip\":\"::1\",\"country\":\"X\",\"region\":\"X\","
	    "\"city\":\"x\",\"network\":\"X\",\"browser\":\"X\",\"browser_version\":\"x\",\"os\":\"X\"");
	assert_false(matches());
	event(AT("20:00:00") "\"kind\":\"view\",\"device\":\"X\"");
	assert_true(matches());
}

static void
inverting_negates_the_whole(void **state)
{
	(void)state;
	add("user", "u1");
	add("browser", "chrome");
	sess_query_invert(x.q, true);
	assert_false(sess_query_empty(x.q));
	event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"u1\"");
	assert_true(matches());
	event(AT("20:00:00") "\"kind\":\"view\",\"browser\":\"chrome\"");
	assert_false(matches());
}

/* -- ids */

static void
a_session_is_found_by_its_id_or_visitor(void **state)
{
	(void)state;
	add("session", "s1");
	add("session", "0123456789abcdef");
	assert_true(matches());
	x.s.key = x.s.session_id = text("s2");
	assert_false(matches());
	x.s.session_id = text("");
	x.s.key = x.s.visitor = text("0123456789abcdef");
	assert_true(matches());
}

static void
a_piece_is_found_by_a_moment_in_it(void **state)
{
	(void)state;
	add("session", "s1.mwtowsqw");	/* 1795464005000 */
	assert_true(matches());
	x.s.start = T0 + 5001;
	assert_false(matches());
	x.s.start = T0 - 5000;
	x.s.end = T0 + 5000;
	assert_true(matches());
	x.s.end = T0 + 4999;
	assert_false(matches());
	x.s.key = x.s.session_id = text("s1.mwtowsqw");	/* an SDK may name it so */
	assert_true(matches());
}

static void
all_pieces_are_found_by_the_id(void **state)
{
	(void)state;
	add("session", "s1");
	x.s.key = text("s1.mwtowsqw");
	assert_true(matches());
}

static void
ids_come_by_lines_or_nuls(void **state)
{
	static const char lines[] = "a\r\n\nb", nuls[] = "d\ne\0s1\0";

	(void)state;
	assert_int_equal(sess_query_add_ids(x.q, lines, sizeof(lines) - 1, &x.err), SESS_OK);
	assert_int_equal(sess_query_add_ids(x.q, nuls, sizeof(nuls) - 1, &x.err), SESS_OK);
	assert_true(matches());
	x.s.key = x.s.session_id = text("a");
	assert_true(matches());
	x.s.key = x.s.session_id = text("d\ne");
	assert_true(matches());
	x.s.key = x.s.session_id = text("e");
	assert_false(matches());
}

static void
an_empty_list_of_ids_meets_nothing(void **state)
{
	(void)state;
	assert_int_equal(sess_query_add_ids(x.q, "\n", 1, &x.err), SESS_OK);
	assert_false(matches());
	assert_true(sess_query_by_id(x.q));
}

static void
many_ids_are_found_whatever_their_number(void **state)
{
	char id[16];
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "id%d", i % 10000);
		add("session", id);
	}
	x.s.session_id = x.s.key = text("id9999");
	assert_true(matches());
	x.s.session_id = x.s.key = text("id10000");
	assert_false(matches());
}

/* -- expressions and paths */

static void
an_expression_sees_the_columns(void **state)
{
	(void)state;
	add("where", "js_errors > 2 and duration_ms >= 60000 and start < '2026-11-23T20:00:01'"
	    " and user_name is null and page_views = 0");
	assert_false(matches());
	x.s.js_errors = 3;
	assert_true(matches());
}

static void
expressions_may_be_quoted_nested_and_use_functions(void **state)
{
	(void)state;
	x.s.browser = text("Mobile Safari");
	x.s.exit_page = text("shop/it's");
	add("where", "lower(browser) LIKE '%safari%' AND (\"exit_page\" = 'shop/it''s' OR 1=0)"
	    " AND length(session.browser) BETWEEN 1 AND 20 AND coalesce(city, 'none') = 'none'"
	    " AND CASE WHEN page_views IN (0, 1) THEN 1 ELSE 0 END"
	    " AND [Browser] GLOB 'Mob*' AND substr(start, 12, 2) = '20'");
	assert_true(matches());
	assert_int_equal(x.status, SESS_OK);
}

static void
columns_compare_as_what_they_are(void **state)
{
	(void)state;
	x.s.user_id = text("1001");
	x.s.js_errors = 10;
	add("where", "user_id = 1001 and user_id in (7, 1001) and js_errors > '9'"
	    " and js_errors between '2' and '10.5' and start > 2026 and not oversize");
	assert_true(matches());
	add("where", "user_id = 1001.0 or city = 0");
	x.s.user_id = text("0");
	assert_false(matches());
}

static void
null_and_zero_are_not_true(void **state)
{
	(void)state;
	add("where", "city = 'Berlin'");
	assert_false(matches());
	add("where", "0");
	assert_false(matches());
}

static void
two_expressions_are_either(void **state)
{
	(void)state;
	add("where", "js_errors > 0");
	add("where", "page_views = 0");
	assert_true(matches());
}

static void
expressions_that_are_none_are_refused(void **state)
{
	static const struct { const char *expr, *why; } bad[] = {
		{ "js_errors >", "syntax error at a ')' or at the end" },
		{ "js_errors > > 1", "near \">\": syntax error" },
		{ "js_error > 1", "no such column: js_error" },
		{ "\"typo\" = 'x'", "no such column: typo" },
		{ "1) FROM session --", "a parenthesis is not opened" },
		{ "1) UNION SELECT (2", "a parenthesis is not opened" },
		{ "(1", "a parenthesis is not closed" },
		{ "'abc", "a quote is not closed" },
		{ "1 -- x", "comments are not allowed" },
		{ "1 /* x", "comments are not allowed" },
		{ "1; DROP TABLE session", "only values and operators are allowed" },
		{ "?1 = 's1'", "only values and operators are allowed" },
		{ "(SELECT 1)", "no SELECT in an expression" },
		{ "EXISTS (SELECT 1 FROM sqlite_master)", "no SELECT in an expression" },
		{ "js_errors IN (SELECT 1)", "no SELECT in an expression" },
		{ "random() > 0", "no such function: random" },
		{ "load_extension('x')", "no such function: load_extension" },
		{ "zeroblob(1000000000)", "no such function: zeroblob" },
		{ "date('now') > start", "no such function: date" },
		{ "1, 2", "row value misused" },
		{ "", "empty" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused("where", bad[i].expr, bad[i].why);
}

static void
an_expression_too_deep_or_long_is_refused(void **state)
{
	char *expr = malloc(200000);
	size_t i;

	(void)state;
	memset(expr, ' ', 100000);
	strcpy(expr + 100000, "1");
	refused("where", expr, "longer than 64 KiB");
	for (i = 0; i < 4000; i++)
		memcpy(expr + 2 * i, "1+", 2);
	strcpy(expr + 8000, "1");
	refused("where", expr, "Expression tree is too large");
	memset(expr, '(', 20000);
	strcpy(expr + 20000, "1");
	memset(expr + 20001, ')', 20000);
	expr[40001] = '\0';
	refused("where", expr, "");
	free(expr);
}

static void
an_expression_that_grows_names_the_session(void **state)
{
	struct sess_buf expr = { 0 };
	int i;

	(void)state;
	/* made from a column, so that it isn't worked out when it is read */
	sess_buf_puts(&expr, "instr(");
	for (i = 0; i < 12; i++)
		sess_buf_puts(&expr, "replace(");
	sess_buf_puts(&expr, "session_id || 'aaaaaaaaaaaaaaaa'");
	for (i = 0; i < 12; i++)
		sess_buf_puts(&expr, ",'a','aaaa')");
	sess_buf_add(&expr, ", 'b')", 7);
	add("where", expr.data);
	sess_buf_release(&expr);
	assert_false(matches());
	assert_int_equal(x.status, SESS_ELIMIT);
	assert_string_equal(x.err.text, "session s1: --where: a text is longer than 64 KiB");
}

static void
the_path_joins_pages_and_drops_neighbours_that_are_equal(void **state)
{
	(void)state;
	x.views[0].page = text("home");
	x.views[1].page = text("home");
	x.views[2].page = text("");
	x.views[3].page = text("home");
	x.views[4].page = text("cart");
	x.s.nviews = 5;
	add("path", "^>home>cart>$");
	assert_true(matches());
}

static void
the_path_of_no_pages_is_a_frame(void **state)
{
	(void)state;
	add("path", "^>$");
	assert_true(matches());
}

/* -- limits */

static void
a_pattern_that_takes_too_long_names_the_session(void **state)
{
	(void)state;
	add("error", "(x+x+)+y$");
	event(ERROR("\"message\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxzy\""));
	assert_int_equal(x.status, SESS_ELIMIT);
	assert_string_equal(x.err.text, "session s1: --error: the pattern takes too many steps");
	x.err = (struct sess_err){ 0 };
	assert_false(matches());
	assert_int_equal(x.status, SESS_ELIMIT);
	assert_non_null(strstr(x.err.text, "session s1: --error: "));
}

static void
a_limit_does_not_matter_where_the_rest_decides(void **state)
{
	(void)state;
	add("error", "(x+x+)+y$");
	add("user", "u1");
	event(ERROR("\"message\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxzy\""));
	assert_false(matches());		/* another user's */
	assert_int_equal(x.status, SESS_OK);
	event(ERROR("\"message\":\"xxy\",\"user_id\":\"u1\""));
	x.err = (struct sess_err){ 0 };
	assert_true(matches());			/* another error has it */
	assert_int_equal(x.status, SESS_OK);
}

static void
a_long_text_is_searched_at_its_beginning_only(void **state)
{
	struct sessp_matcher *m;
	struct sessp_regex *re;
	char *p = calloc(1, 100001);
	bool found;

	(void)state;
	memset(p, 'a', 100000);
	assert_int_equal(sessp_regex_new(&re, "a*b", &x.err), SESS_OK);
	assert_int_equal(sessp_matcher_new(&m, &x.err), SESS_OK);
	assert_int_equal(sessp_regex_find(re, m, p, 60000, SESSP_TEXT_MAX, &found, &x.err), SESS_OK);
	assert_false(found);
	assert_int_equal(sessp_regex_find(re, m, p, 100000, SESSP_TEXT_MAX, &found, &x.err),
	    SESS_ELIMIT);
	assert_string_equal(x.err.text, "not in the first 64 KiB of a longer text");
	p[50] = 'b';
	assert_int_equal(sessp_regex_find(re, m, p, 100000, SESSP_TEXT_MAX, &found, NULL), SESS_OK);
	assert_true(found);
	sessp_regex_free(re);
	sessp_matcher_free(m);
	free(p);
}

static void
a_plain_text_is_found_in_all_of_a_long_one(void **state)
{
	static const char needle[] = "库存不足 - x=1";
	struct sessp_matcher *m;
	struct sessp_regex *re;
	char *p = calloc(1, 100001);
	bool found;

	(void)state;
	memset(p, 'a', 100000);
	assert_int_equal(sessp_regex_new(&re, needle, &x.err), SESS_OK);
	assert_int_equal(sessp_matcher_new(&m, &x.err), SESS_OK);
	assert_int_equal(sessp_regex_find(re, m, p, 100000, SESSP_TEXT_MAX, &found, &x.err), SESS_OK);
	assert_false(found);
	memcpy(p + 100000 - strlen(needle), needle, strlen(needle));
	assert_int_equal(sessp_regex_find(re, m, p, 100000, SESSP_TEXT_MAX, &found, &x.err), SESS_OK);
	assert_true(found);
	sessp_regex_free(re);
	sessp_matcher_free(m);
	free(p);
}

static void
a_search_stands_bytes_that_are_no_text(void **state)
{
	struct sessp_matcher *m;
	struct sessp_regex *re;
	bool found;

	(void)state;
	assert_int_equal(sessp_regex_new(&re, "伟.x", &x.err), SESS_OK);
	assert_int_equal(sessp_matcher_new(&m, &x.err), SESS_OK);
	assert_int_equal(sessp_regex_find(re, m, "\xff\xfe\xe4\xbc\x9f-x\x80", 8, 100, &found,
	    &x.err), SESS_OK);
	assert_true(found);
	assert_int_equal(sessp_regex_find(re, m, "", 0, 100, &found, &x.err), SESS_OK);
	assert_false(found);
	sessp_regex_free(re);
	sessp_matcher_free(m);
}

/* -- arguments */

static void
bad_arguments_are_refused(void **state)
{
	(void)state;
	refused("error", "(", "bad pattern at byte 2: missing closing parenthesis");
	refused("path", "a\\C", "bad pattern");
	refused("error", "\xff", "bad pattern");
	refused("ip", "10.0.0", "'10.0.0' is no address, nor a block like 10.0.0.0/8");
	refused("slow-load", "fast", "'fast' is no number of milliseconds");
	refused("slow-api", "-1", "'-1' is no number of milliseconds");
	refused("slow-api", "nan", "'nan' is no number of milliseconds");
	refused("slow-api", "1e999", "'1e999' is no number of milliseconds");
	refused("user", "", "empty");
	refused("user", NULL, "empty");
	refused("nonsense", "x", "no condition 'nonsense'");
}

static void
a_condition_says_whether_it_takes_an_argument(void **state)
{
	(void)state;
	assert_int_equal(sess_query_condition("user"), 1);
	assert_int_equal(sess_query_condition("has-error"), 0);
	assert_int_equal(sess_query_condition("slow-api"), 2);
	assert_int_equal(sess_query_condition("sort"), -1);
}

static void
users_are_hashed_like_the_events(void **state)
{
	char hash[33], members[128];

	(void)state;
	sess_query_hash_user(x.q, (const unsigned char *)"key", 3);
	sess_hash_user((const unsigned char *)"key", 3, "u-1024", 6, hash);
	add("user", "u-1024");
	snprintf(members, sizeof(members), AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"%s\"", hash);
	assert_int_not_equal(event(members), 0);
	assert_int_equal(event(AT("20:00:00") "\"kind\":\"view\",\"user_id\":\"u-1024\""), 0);
}

/* -- what a caller may skip */

static void
a_literal_is_given_only_where_it_is_sound(void **state)
{
	static const struct { const char *name, *value, *literal; bool each; } rows[] = {
		{ "user", "u-1024", "u-1024", false },
		{ "user-name", "bob.smith", "bob.smith", false },
		{ "trace-id", "4bf92f3577b34da6", "4bf92f3577b34da6", false },
		{ "session", "jqmebww0tmw", "jqmebww0tmw", true },
		{ "session", "0123456789abcdef", NULL, false },	/* maybe a visitor */
		{ "session", "jqmebww0tmw.mwtowsqw", NULL, false },
		{ "user", "u-1", NULL, false },
		{ "user", "u-10*", NULL, false },
		{ "user", "bob smith", NULL, false },
		{ "user-name", "bob@example.com", NULL, false },
		{ "user-name", "张伟张伟", NULL, false },
		{ "browser", "Chrome", NULL, false },
	};
	const char *literal;
	bool each;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add(rows[i].name, rows[i].value);
		compile();
		literal = sess_query_literal(x.q, &each);
		if (rows[i].literal == NULL)
			assert_null(literal);
		else
			assert_string_equal(literal, rows[i].literal);
		assert_int_equal(each, rows[i].each);
		sess_query_invert(x.q, true);
		assert_null(sess_query_literal(x.q, &each));
		end(state);
		begin(state);
	}
	add("user", "u-1024");
	add("user", "u-1025");
	assert_null(sess_query_literal(x.q, &each));
	end(state);
	begin(state);
	sess_query_hash_user(x.q, (const unsigned char *)"k", 1);
	add("user", "u-1024");
	assert_null(sess_query_literal(x.q, &each));
}

static void
events_of_other_sessions_are_not_wanted(void **state)
{
	struct sess_event ev;

	(void)state;
	sess_event_reset(&ev);
	add("session", "s1.abc");
	compile();
	assert_true(sess_query_wants(x.q, &ev));	/* it will be given a name yet */
	sess_event_set(&ev, SESS_K_VISITOR, "v1", 2);
	assert_false(sess_query_wants(x.q, &ev));
	sess_event_set(&ev, SESS_K_SESSION_ID, "s1", 2);
	assert_true(sess_query_wants(x.q, &ev));
	sess_query_invert(x.q, true);
	assert_true(sess_query_wants(x.q, &ev));
	assert_false(sess_query_by_id(x.q));
}

static void
one_event_may_meet_it_all(void **state)
{
	struct sess_event ev;
	uint32_t marks;

	(void)state;
	sess_event_reset(&ev);
	sess_event_set(&ev, SESS_K_SESSION_ID, "s1", 2);
	add("user", "u1");
	add("has-error", NULL);
	marks = event(ERROR("\"user_id\":\"u1\""));
	assert_true(sess_query_holds(x.q, &ev, marks));
	assert_false(sess_query_holds(x.q, &ev, event(ERROR("\"user_id\":\"u2\""))));
	assert_true(sess_query_of_one_event(x.q));
	add("path", "x");
	assert_false(sess_query_of_one_event(x.q));
	assert_true(sess_query_of_events(x.q));
	add("where", "1");
	assert_false(sess_query_of_events(x.q));
}

static void
an_empty_result_is_explained_by_condition(void **state)
{
	const char *holds;
	uint64_t n;

	(void)state;
	add("user-name", "bob");
	add("status", "500");
	add("api-failed", NULL);
	add("where", "js_errors = 0");
	event(API("\"status\":\"500\",\"ok\":true"));
	assert_false(matches());
	x.s.marks = 0;
	event(API("\"status\":\"500\",\"ok\":false"));
	assert_false(matches());
	assert_true(sess_query_why(x.sc, 0, &holds, &n));
	assert_string_equal(holds, "had that user name");
	assert_int_equal(n, 0);
	assert_true(sess_query_why(x.sc, 1, &holds, &n));
	assert_string_equal(holds, "had such an API call");
	assert_int_equal(n, 1);
	assert_true(sess_query_why(x.sc, 2, &holds, &n));
	assert_string_equal(holds, "fit the expression");
	assert_int_equal(n, 2);
	assert_false(sess_query_why(x.sc, 3, &holds, &n));
}

/* -- memory */

static enum sess_status
make_one(struct sess_err *err)
{
	struct sess_query_scratch *sc = NULL;
	struct sess_query *q = NULL;
	enum sess_status st;
	bool match;

	x.views[0].page = text("home");
	x.s.nviews = 1;
	if ((st = sess_query_new(&q, err)) < 0 ||
	    (st = sess_query_add(q, "user", "u1", err)) < 0 ||
	    (st = sess_query_add(q, "session", "s1.abc", err)) < 0 ||
	    (st = sess_query_add(q, "error", "x", err)) < 0 ||
	    (st = sess_query_add(q, "status", "5xx", err)) < 0 ||
	    (st = sess_query_add(q, "where", "start > 'x' or user_ids = ''", err)) < 0 ||
	    (st = sess_query_add(q, "path", "home", err)) < 0 ||
	    (st = sess_query_compile(q, err)) < 0 ||
	    (st = sess_query_scratch_new(&sc, q, err)) < 0)
		goto out;
	st = sess_query_session(q, sc, &x.s, &match, err);
out:
	sess_query_scratch_free(sc);
	sess_query_free(q);
	return st;
}

static void
memory_that_runs_out_is_said(void **state)
{
	struct sess_err err;
	enum sess_status st;
	long n;

	(void)state;
	for (n = 0; ; n++) {
		err = (struct sess_err){ 0 };
		alloc_fail_at(n);
		st = make_one(&err);
		if (!alloc_failed())
			break;
		/* what only the record's text needed may be missing from it */
		if (st != SESS_OK) {
			assert_int_equal(st, SESS_ENOMEM);
			assert_int_equal(err.code, SESS_ENOMEM);
		}
	}
	alloc_fail_at(-1);
	assert_int_equal(st, SESS_OK);
	assert_true(n > 8);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_query_without_conditions_holds_for_all),
		TEST(identity_conditions_may_hold_on_different_events),
		TEST(the_same_condition_twice_is_either),
		TEST(a_user_id_is_exact_and_a_browser_is_not),
		TEST(api_conditions_hold_on_one_call),
		TEST(api_conditions_look_at_api_events_only),
		TEST(a_status_is_exact_a_class_or_a_pattern),
		TEST(failed_and_slow_calls_are_told),
		TEST(a_call_is_slow_above_a_second_unless_said_otherwise),
		TEST(a_load_is_slow_above_eight_seconds),
		TEST(a_trace_id_is_exact),
		TEST(an_error_matches_by_type_message_or_stack),
		TEST(a_page_belongs_to_the_error_asked_for),
		TEST(a_page_alone_may_be_on_any_event),
		TEST(a_call_and_an_error_are_two_events_each_in_place),
		TEST(a_range_is_half_open_and_by_the_servers_clock),
		TEST(a_range_belongs_to_the_call_asked_for),
		TEST(an_error_that_was_sampled_away_is_an_error),
		TEST(an_address_may_be_in_a_block),
		TEST(all_fields_can_be_asked_for_at_once),
		TEST(inverting_negates_the_whole),
		TEST(a_session_is_found_by_its_id_or_visitor),
		TEST(a_piece_is_found_by_a_moment_in_it),
		TEST(all_pieces_are_found_by_the_id),
		TEST(ids_come_by_lines_or_nuls),
		TEST(an_empty_list_of_ids_meets_nothing),
		TEST(many_ids_are_found_whatever_their_number),
		TEST(an_expression_sees_the_columns),
		TEST(expressions_may_be_quoted_nested_and_use_functions),
		TEST(columns_compare_as_what_they_are),
		TEST(null_and_zero_are_not_true),
		TEST(two_expressions_are_either),
		TEST(expressions_that_are_none_are_refused),
		TEST(an_expression_too_deep_or_long_is_refused),
		TEST(an_expression_that_grows_names_the_session),
		TEST(the_path_joins_pages_and_drops_neighbours_that_are_equal),
		TEST(the_path_of_no_pages_is_a_frame),
		TEST(a_pattern_that_takes_too_long_names_the_session),
		TEST(a_limit_does_not_matter_where_the_rest_decides),
		TEST(a_long_text_is_searched_at_its_beginning_only),
		TEST(a_plain_text_is_found_in_all_of_a_long_one),
		TEST(a_search_stands_bytes_that_are_no_text),
		TEST(bad_arguments_are_refused),
		TEST(a_condition_says_whether_it_takes_an_argument),
		TEST(users_are_hashed_like_the_events),
		TEST(a_literal_is_given_only_where_it_is_sound),
		TEST(events_of_other_sessions_are_not_wanted),
		TEST(one_event_may_meet_it_all),
		TEST(an_empty_result_is_explained_by_condition),
		TEST(memory_that_runs_out_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
