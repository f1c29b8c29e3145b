/* The path of a session, from sessions made by hand. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc.h"
#include "sess/path.h"

#define T0 1795467600000	/* 2026-11-23T21:00:00Z */
#define MEMBERS 32

#define TEXT(s) { s, sizeof(s) - 1 }

/* A session with what its slices point into. */
struct made {
	struct sess_session s;
	struct sess_view views[3];
	struct sess_member members[MEMBERS];
	char lines[MEMBERS][2048];	/* the scanner may look behind a line's end */
};

static void
make(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->views[0] = (struct sess_view){ .view_id = TEXT("v1"), .page = TEXT("shop.example/cart"),
	    .page_url = TEXT("https://shop.example/cart?x=1"), .title = TEXT("购物车"),
	    .start = T0, .end = T0 + 9000, .stay_ms = 9000, .load_ms = 1430, .viewed = true };
	m->views[1] = (struct sess_view){ .view_id = TEXT("v2"), .page = TEXT("shop.example/pay"),
	    .start = T0 + 9000, .end = T0 + 20000, .stay_ms = -1, .load_ms = 9500,
	    .js_errors = 1, .api_failures = 1, .viewed = true };
	m->s = (struct sess_session){ .key = TEXT("s1"), .session_id = TEXT("s1"),
	    .user_id = TEXT("u-1024"), .user_name = TEXT("张伟"), .start = T0, .end = T0 + 20000,
	    .page_views = 2, .js_errors = 5, .js_errors_recorded = 3, .api_calls = 2,
	    .api_calls_recorded = 2, .end_reason = "idle", .views = m->views, .nviews = 2,
	    .members = m->members };
}

static void
add(struct made *m, enum sess_kind kind, unsigned view, int64_t at, const char *keys)
{
	struct sess_member *e = &m->members[m->s.nmembers];
	char *line = m->lines[m->s.nmembers++];

	*e = (struct sess_member){ .when = T0 + at, .time = T0 + at,
	    .received = SESS_NO_TIME, .id = m->s.nmembers, .kind = kind, .view = view,
	    .times = strstr(keys, "\"times\":3") != NULL ? 3 : 1, .line = line };
	e->line_len = (size_t)snprintf(line, sizeof(m->lines[0]) - 64, "{\"v\":1,"
	    "\"id\":\"%016llx\",\"time\":\"2026-11-23T21:00:%02d.%03dZ\",\"kind\":\"%s\","
	    "\"session_id\":\"s1\"%s}", (unsigned long long)e->id, (int)(at / 1000),
	    (int)(at % 1000), sess_kinds[kind], keys);
}

/* A cart, then a payment that fails. */
static void
make_full(struct made *m)
{
	make(m);
	add(m, SESS_VIEW, 0, 10, ",\"view_id\":\"v1\",\"page\":\"shop.example/cart\","
	    "\"referrer\":\"https://shop.example/\"");
	add(m, SESS_LOAD, 0, 20, ",\"load_ms\":1430,\"fpt_ms\":334,\"tti_ms\":644,"
	    "\"ready_ms\":740,\"dom_ms\":310,\"res_ms\":690,\"ttfb_ms\":210,\"trans_ms\":24,"
	    "\"firstbyte_ms\":310,\"dns_ms\":12,\"tcp_ms\":88,\"ssl_ms\":55");
	add(m, SESS_RESOURCE, 0, 100, ",\"url\":\"https://cdn.example/lib/app.js\","
	    "\"resource_type\":\"script\",\"start_ms\":40,\"duration_ms\":400,\"size\":123456");
	add(m, SESS_RESOURCE, 0, 200, ",\"url\":\"https://cdn.example/gone.png\","
	    "\"resource_type\":\"img\",\"ok\":false");
	add(m, SESS_ACTION, 0, 300, ",\"action\":\"click\",\"target\":\"button#pay\"");
	add(m, SESS_ACTION, 1, 8000, ",\"action\":\"navigation\",\"from\":\"/cart\",\"to\":\"/pay\"");
	add(m, SESS_API, 1, 9100, ",\"api\":\"/v1/order/**\",\"method\":\"POST\",\"status\":\"500\","
	    "\"ok\":false,\"duration_ms\":1500,\"message\":\"库存不足\",\"trace_id\":\"abc123\","
	    "\"snapshot\":\"{\\\"response\\\":\\\"{\\\\\\\"code\\\\\\\":7}\\\"}\"");
	add(m, SESS_API, 1, 9200, ",\"api\":\"/v1/ok\",\"method\":\"GET\",\"status\":\"200\","
	    "\"ok\":true,\"duration_ms\":15");
	add(m, SESS_ERROR, 1, 9300, ",\"times\":3,\"error_type\":\"TypeError\","
	    "\"message\":\"x is null\",\"file\":\"app.js\",\"line\":12,\"column\":34,"
	    "\"stack\":\"TypeError: x is null\\n\\tat pay (app.js:12:34)\"");
	add(m, SESS_VITAL, 1, 9400, ",\"name\":\"LCP\",\"value\":1234.5");
	add(m, SESS_VITAL, 1, 9500, ",\"name\":\"CLS\",\"value\":0.0213");
	add(m, SESS_LEAVE, 1, 11000, ",\"stay_ms\":2000");
}

/* The rendered session; the test's to free. */
static char *
render(const struct sess_path_opts *o, const struct sess_session *s)
{
	struct sess_buf out = { 0 };
	struct sess_path *p;

	assert_int_equal(sess_path_new(&p, o, NULL), SESS_OK);
	assert_int_equal(sess_path_render(p, s, &out, NULL), SESS_OK);
	sess_path_free(p);
	assert_int_equal(sess_buf_putc(&out, '\0'), 0);
	return out.data;
}

static struct sess_path_opts
text_opts(void)
{
	struct sess_path_opts o;

	sess_path_opts_init(&o);
	o.tz = "UTC0";
	return o;
}

static void
holds(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no '%s' in:\n%s", part, text);
}

static void
holds_not(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("'%s' in:\n%s", part, text);
}

static struct made m;		/* too large for a stack */

static void
text_tells_the_session_page_by_page(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	t = render(&o, &m.s);
	assert_string_equal(t,
"Session s1 ─────────────────────────────────────────────────────────────────────\n"
"  User name  张伟                             Page views   2\n"
"  User id    u-1024                         ✗ JS errors    5 (3 recorded)\n"
"  Start      2026-11-23 21:00:00.000 +0000    API calls    2\n"
"  End        21:00:20.000 (then idle)         API failures 0\n"
"  Duration   20.0s                            Slow loads   0\n"
"\n"
"  1 21:00:00.000        shop.example/cart               load  1.43s  stay  9.00s\n"
"    21:00:00   +0.020s  load    ttfb 210ms  dom 310ms  ready 740ms         1.43s\n"
"!   21:00:00   +0.200s  res     img https://cdn.example/gone.png\n"
"    21:00:00   +0.300s  click   button#pay\n"
"\n"
"  2 21:00:09.000        shop.example/pay                load  9.50s\n"
"    21:00:08   -1.000s  nav     /cart → /pay\n"
"!~  21:00:09   +0.100s  api     POST /v1/order/**                    500   1.50s\n"
"    21:00:09   +0.200s  api     GET /v1/ok                           200    15ms\n"
"✗   21:00:09   +0.300s  error   ×3 TypeError: x is null\n"
"                                app.js:12:34\n"
"    21:00:09   +0.400s  vital   LCP 1.23s  CLS 0.0213\n"
"\n"
"    1 resource was loaded: --details shows it\n");
	free(t);
}

static void
clock_times_are_in_the_time_zone(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.tz = "XXX-5:30";
	t = render(&o, &m.s);
	holds(t, "2026-11-24 02:30:00.000 +0530");
	holds(t, "    02:30:00   +0.300s  click");
	free(t);
	o.tz = "XXX-2:59";		/* midnight passes */
	m.views[1].start += 60000;
	t = render(&o, &m.s);
	holds(t, "2026-11-23 23:59:00.000 +0259");
	holds(t, "    2026-11-24\n  2 00:00:09.000");
	free(t);
}

static void
collapsed_are_pages_only(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.collapse = true;
	t = render(&o, &m.s);
	holds(t, "  1 21:00:00.000        shop.example/cart           load  1.43s  stay  9.00s\n"
	    "  2 21:00:09.000        shop.example/pay            load  9.50s              ✗!~\n");
	holds_not(t, "click");
	free(t);
}

static void
details_are_everything(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.details = true;
	t = render(&o, &m.s);
	holds(t, "title 购物车\n");
	holds(t, "url https://shop.example/cart?x=1\n");
	holds(t, "from https://shop.example/\n");
	holds(t, "message 库存不足\n");
	holds(t, "trace abc123\n");
	holds(t, "response {\n                                  \"code\": 7\n");
	holds(t, "stack TypeError: x is null\n"
	    "                                    at pay (app.js:12:34)\n");
	holds(t, "    resources, 440ms\n    script  app.js                       123 kB   400ms");
	holds(t, "dns    12ms  █");
	holds(t, "leave   stayed 2.00s");
	free(t);
}

static void
width_bounds_every_line(void **state)
{
	struct sess_path_opts o = text_opts();
	char long_text[1500], keys[1800], *t, *line, *save;
	static const unsigned widths[] = { 60, 80, 120, 200 };
	size_t i, columns;

	(void)state;
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		make_full(&m);
		memset(long_text, 'x', sizeof(long_text));
		memcpy(long_text + 40, "购物车", 9);
		snprintf(keys, sizeof(keys), ",\"message\":\"%.*s\"", 1400, long_text);
		add(&m, SESS_ERROR, 1, 12000, keys);
		snprintf(keys, sizeof(keys), ",\"status\":\"%.*s\",\"api\":\"/a/%.*s\",\"ok\":false,"
		    "\"duration_ms\":1e300", 30, long_text, 1300, long_text);
		add(&m, SESS_API, 1, 13000, keys);
		o.width = widths[i];
		t = render(&o, &m.s);
		holds(t, "x…\n");
		for (line = strtok_r(t, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
			for (columns = 0; *line != '\0'; line++)	/* narrow ones, at least */
				columns += ((unsigned char)*line & 0xc0) != 0x80;
			assert_in_range(columns, 1, widths[i]);
		}
		free(t);
	}
}

static void
only_problems_leaves_the_rest_out(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.only_problems = true;
	t = render(&o, &m.s);
	holds(t, "gone.png");
	holds(t, "/v1/order");
	holds(t, "TypeError");
	holds_not(t, "/v1/ok");
	holds_not(t, "click");
	free(t);
	m.s.nmembers = 1;
	t = render(&o, &m.s);
	holds(t, "nothing of what was asked for on any page\n");
	free(t);
}

static void
kinds_are_chosen(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.kinds = 1u << SESS_RESOURCE;
	t = render(&o, &m.s);
	holds(t, "res     script https://cdn.example/lib/            400ms\n"
	    "                                app.js\n");
	holds(t, "    1 of 2 pages: nothing of what was asked for\n");
	holds_not(t, "click");
	free(t);
}

static void
what_came_before_an_error(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	o.before_error = true;
	o.backtrack = 3;
	t = render(&o, &m.s);
	holds(t, "nav     /cart → /pay");	/* the third before it, of another page */
	holds(t, "/v1/ok");
	holds(t, "TypeError");
	holds_not(t, "click");
	holds_not(t, "vital");
	free(t);
	o.kinds = 1u << SESS_ACTION;		/* the last of these */
	o.backtrack = 2;
	t = render(&o, &m.s);
	holds(t, "click");
	holds(t, "nav ");
	holds(t, "TypeError");
	holds_not(t, "/v1/ok");
	free(t);
}

static void
a_log_without_bodies_is_said_to_be(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make(&m);
	add(&m, SESS_ERROR, 0, 100, ",\"message\":\"boom\"");
	t = render(&o, &m.s);
	holds(t, "No clicks, keys or navigation recorded");
	free(t);
	add(&m, SESS_ACTION, 0, 200, ",\"action\":\"click\"");
	t = render(&o, &m.s);
	holds_not(t, "No clicks");
	free(t);
}

static void
an_oversize_session_is_said_to_be(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make(&m);
	m.s.oversize = true;
	t = render(&o, &m.s);
	holds(t, "More events than --max-events");
	holds(t, "  2 21:00:09.000        shop.example/pay");
	free(t);
}

static void
hostile_data_is_only_data(void **state)
{
	struct sess_path_opts o = text_opts();
	unsigned char *c;
	char *t;

	(void)state;
	make_full(&m);
	m.s.user_name = (struct sess_slice)TEXT("\033]0;pwned\a\0\302\233");
	m.s.key = (struct sess_slice)TEXT("s\033[2J");
	m.views[0].page = (struct sess_slice)TEXT("a\342\200\256b\r\n");
	add(&m, SESS_ERROR, 0, 14000, ",\"message\":\"\\u001b[31m\\u0000\\n\\u202e\","
	    "\"stack\":\"a\\u001bc\\r\\n\\u009b2J\",\"file\":\"\\u001b.js\",\"line\":1");
	add(&m, SESS_API, 0, 14100, ",\"api\":\"\\u001b\",\"status\":\"\\u001b\",\"method\":\"\\u0007\","
	    "\"snapshot\":\"{\\\"\\u001ba\\\":\\\"\\\\u001b\\\"}\"");
	add(&m, SESS_ACTION, 0, 14200, ",\"action\":\"\\u001bx\",\"target\":\"\\u001b\"");
	add(&m, SESS_CUSTOM, 0, 14300, ",\"name\":\"\\u001bx\",\"value\":1");
	o.details = true;
	t = render(&o, &m.s);
	for (c = (unsigned char *)t; *c != '\0'; c++)
		if (*c != '\n')
			assert_in_range(*c, 0x20, 0xff);
	holds_not(t, "\177");
	holds_not(t, "\302\233");
	holds_not(t, "\342\200\256");
	holds(t, "␛]0;pwned␇␀<U+009B>");
	free(t);
}

static void
colours_only_where_told(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;

	(void)state;
	make_full(&m);
	t = render(&o, &m.s);
	holds_not(t, "\033");
	free(t);
	o.color = true;
	t = render(&o, &m.s);
	holds(t, "\033[31m✗");
	assert_string_equal(t + strlen(t) - 1, "\n");
	free(t);
}

static void
json_is_one_object_with_all(void **state)
{
	struct sess_path_opts o = text_opts();
	json_t *root, *views;
	char *t;

	(void)state;
	make_full(&m);
	o.format = SESS_PATH_JSON;
	t = render(&o, &m.s);
	root = json_loads(t, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(json_object_get(root, "overview"),
	    "user_name")), "张伟");
	views = json_object_get(root, "views");
	assert_int_equal(json_array_size(views), 2);
	assert_int_equal(json_array_size(json_object_get(json_array_get(views, 0), "behaviours")), 5);
	assert_int_equal(json_array_size(json_object_get(json_array_get(views, 1), "behaviours")), 7);
	assert_null(json_object_get(json_array_get(views, 1), "stay_ms"));
	holds(t, "\"behaviours\":[{\"seq\":1,\"at\":\"2026-11-23T21:00:00.010Z\",\"v\":1,\"id\":");
	json_decref(root);
	free(t);
}

static void
ndjson_is_a_line_a_behaviour(void **state)
{
	struct sess_path_opts o = text_opts();
	json_t *root;
	char *t, *line, *save;
	size_t n = 0;

	(void)state;
	make_full(&m);
	m.s.key = (struct sess_slice)TEXT("s1.mqhuf6tc");
	o.format = SESS_PATH_NDJSON;
	t = render(&o, &m.s);
	holds(t, "{\"seq\":5,\"at\":\"2026-11-23T21:00:00.300Z\","
	    "\"session_start\":\"2026-11-23T21:00:00.000Z\",\"view_start\":\"2026-11-23T21:00:00.000Z\","
	    "\"v\":1,\"id\":\"0000000000000005\",\"time\":\"2026-11-23T21:00:00.300Z\","
	    "\"kind\":\"action\",\"session_id\":\"s1.mqhuf6tc\",\"view_id\":\"v1\","
	    "\"page\":\"shop.example/cart\",\"action\":\"click\",\"target\":\"button#pay\"}\n");
	for (line = strtok_r(t, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(root);
		assert_int_equal(json_integer_value(json_object_get(root, "seq")), ++n);
		json_decref(root);
	}
	assert_int_equal(n, m.s.nmembers);
	free(t);
}

static void
events_without_a_line_or_view_are_shown(void **state)
{
	struct sess_path_opts o = text_opts();
	json_t *root;
	char *t;

	(void)state;
	make(&m);
	add(&m, SESS_API, 7, 100, ",\"api\":\"/v1/stray\"");
	add(&m, SESS_ERROR, 0, 200, "");
	m.members[1].line = NULL;
	t = render(&o, &m.s);
	holds(t, "(no page view)");
	holds(t, "/v1/stray");
	holds(t, "✗   21:00:00   +0.200s  error   (no message)\n");
	free(t);
	o.format = SESS_PATH_JSON;
	t = render(&o, &m.s);
	root = json_loads(t, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "views")), 3);
	json_decref(root);
	free(t);
}

/* Where the log lines of shown events belong. */
static void
note(void *arg, size_t at, uint64_t id, struct sess_slice src)
{
	size_t *n = arg;

	(void)src;
	assert_true(at > n[1]);
	n[0]++;
	n[1] = at;
	n[2] = id;
}

static void
raw_lines_have_their_places(void **state)
{
	struct sess_path_opts o = text_opts();
	struct sess_buf raw = { 0 };
	struct sess_path *p;
	size_t n[3] = { 0 };
	char *t;

	(void)state;
	make_full(&m);
	o.kinds = 1u << SESS_ERROR | 1u << SESS_API;
	o.raw = note;
	o.raw_arg = n;
	t = render(&o, &m.s);
	assert_int_equal(n[0], 3);
	assert_true(n[1] <= strlen(t) && t[n[1] - 1] == '\n');
	assert_int_equal(n[2], 9);
	free(t);

	assert_int_equal(sess_path_new(&p, &o, NULL), SESS_OK);
	assert_int_equal(sess_path_raw(p, "a\033\"b", 4, &raw), 0);
	assert_int_equal(sess_buf_putc(&raw, '\0'), 0);
	assert_string_equal(raw.data, "    raw a␛\"b\n");
	sess_path_free(p);
	sess_buf_release(&raw);
	o.format = SESS_PATH_NDJSON;
	assert_int_equal(sess_path_new(&p, &o, NULL), SESS_OK);
	assert_int_equal(sess_path_raw(p, "a\033\"b", 4, &raw), 0);
	assert_int_equal(sess_buf_putc(&raw, '\0'), 0);
	assert_string_equal(raw.data, ",\"raw\":\"a\\u001b\\\"b\"");
	sess_path_free(p);
	sess_buf_release(&raw);
}

/* One rendering with the n-th allocation failing; false when none did.  Where a
 * zone's memory can't be had its text is UTC, as it is here anyway. */
static bool
fails_at(long n, const struct sess_path_opts *o, const char *whole)
{
	struct sess_buf out = { 0 };
	struct sess_err err = { 0 };
	struct sess_path *p;
	enum sess_status r;
	bool failed;

	alloc_fail_at(n);
	r = sess_path_new(&p, o, &err);
	if (r == SESS_OK)
		r = sess_path_render(p, &m.s, &out, &err);
	failed = alloc_failed();
	alloc_fail_at(-1);
	if (r == SESS_OK)
		assert_memory_equal(out.data, whole, strlen(whole));
	else {
		assert_true(failed);
		assert_int_equal(r, SESS_ENOMEM);
		assert_int_equal(err.code, SESS_ENOMEM);
		assert_int_equal(out.len, 0);
	}
	sess_path_free(p);
	sess_buf_release(&out);
	return failed;
}

static void
memory_may_run_out(void **state)
{
	struct sess_path_opts o = text_opts();
	char *t;
	long n;

	(void)state;
	make_full(&m);
	o.details = true;
	t = render(&o, &m.s);
	for (n = 0; fails_at(n, &o, t); n++)
		;
	assert_true(n > 5);
	free(t);
	o.format = SESS_PATH_JSON;
	t = render(&o, &m.s);
	for (n = 0; fails_at(n, &o, t); n++)
		;
	assert_true(n > 3);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_tells_the_session_page_by_page),
		cmocka_unit_test(clock_times_are_in_the_time_zone),
		cmocka_unit_test(collapsed_are_pages_only),
		cmocka_unit_test(details_are_everything),
		cmocka_unit_test(width_bounds_every_line),
		cmocka_unit_test(only_problems_leaves_the_rest_out),
		cmocka_unit_test(kinds_are_chosen),
		cmocka_unit_test(what_came_before_an_error),
		cmocka_unit_test(a_log_without_bodies_is_said_to_be),
		cmocka_unit_test(an_oversize_session_is_said_to_be),
		cmocka_unit_test(hostile_data_is_only_data),
		cmocka_unit_test(colours_only_where_told),
		cmocka_unit_test(json_is_one_object_with_all),
		cmocka_unit_test(ndjson_is_a_line_a_behaviour),
		cmocka_unit_test(events_without_a_line_or_view_are_shown),
		cmocka_unit_test(raw_lines_have_their_places),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
