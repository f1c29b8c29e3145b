/* ARMS RUM: bundles and rows to events. */
#include "beacon.h"

#include "alloc.h"

#define HEAD "{\"app\":{\"id\":\"a1\",\"env\":\"prod\",\"version\":\"2.4.1\",\"type\":\"browser\"}," \
	"\"user\":{\"id\":\"uid_1\",\"name\":\"alice\",\"tags\":\"vip\"},\"session\":{\"id\":\"s1\"}," \
	"\"net\":{\"model\":\"4g\"},\"view\":{\"id\":\"v1\",\"name\":\"/\"},\"events\":["
#define TAIL "],\"properties\":{\"shop\":\"demo\"},\"_v\":\"npm-0.0.37\"}"
#define AT "\"timestamp\":1795468552638,\"times\":1,"

static enum sessp_verdict
bundle(struct run *r, const char *events)
{
	static char body[65536];

	snprintf(body, sizeof(body), HEAD "%s" TAIL, events);
	return beacon_to(r, "/rum/web/v2", "workspace=w&service_id=x", body);
}

static void
a_view_has_what_its_bundle_shares(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(bundle(&r, "{" AT "\"event_id\":\"e1\",\"event_type\":\"view\",\"type\":\"pv\","
	    "\"name\":\"/\",\"url\":\"http://s/\",\"referrer\":\"http://r/\",\"loading_type\":\"initial_load\"}"),
	    SESSP_CONVERTED);
	assert_value(&r, "kind", "view");
	assert_value(&r, "time", "1795468552638");
	assert_value(&r, "received", "1795468202025");
	assert_value(&r, "session_id", "s1");
	assert_value(&r, "view_id", "v1");
	assert_value(&r, "user_id", "uid_1");
	assert_value(&r, "user_name", "alice");
	assert_value(&r, "tags", "vip");
	assert_value(&r, "app_id", "a1");
	assert_value(&r, "release", "2.4.1");
	assert_value(&r, "environment", "prod");
	assert_value(&r, "network", "4g");
	assert_value(&r, "page", "/");
	assert_value(&r, "page_url", "http://s/");
	assert_value(&r, "referrer", "http://r/");
	assert_value(&r, "navigation_type", "initial_load");
	assert_value(&r, "ip", "192.0.2.7");
	run_release(&r);
}

static void
an_event_may_have_its_own_view_and_session(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	bundle(&r, "{" AT "\"event_type\":\"action\",\"type\":\"click\",\"name\":\"click on a\","
	    "\"target_name\":\"//*[@id=\\\"n4\\\"]\",\"duration\":4.3999,\"session_id\":\"s2\","
	    "\"view\":{\"id\":\"v2\"}}");
	assert_value(&r, "kind", "action");
	assert_value(&r, "action", "click");
	assert_value(&r, "message", "click on a");
	assert_value(&r, "target", "//*[@id=\"n4\"]");
	assert_value(&r, "duration_ms", "4.4");
	assert_value(&r, "session_id", "s2");
	assert_value(&r, "view_id", "v2");
	assert_value(&r, "page", "");		/* the bundle's is that of v1 */
	run_release(&r);
}

static void
one_event_in_two_bundles_is_one(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	bundle(&r, "{\"timestamp\":1795468552638,\"event_id\":\"e1\",\"event_type\":\"view\",\"type\":\"pv\"}");
	strcpy(id, value_of(&r, 0, "id"));
	bundle(&r, "{\"timestamp\":1,\"event_type\":\"action\"},{\"type\":\"pv\",\"event_id\":\"e1\","
	    "\"event_type\":\"view\",\"timestamp\":1795468552638,\"url\":\"x\"}");
	assert_int_equal(r.n, 2);
	assert_event(&r, 1, "id", id);
	run(&r, &sessp_json, "{\"event_id\":\"e1\",\"event_type\":\"view\",\"type\":\"pv\",\"session.id\":\"s1\","
	    "\"timestamp\":\"1795468552638\"}");
	assert_event(&r, 0, "id", id);
	/* without an event_id it is by what it says */
	bundle(&r, "{\"timestamp\":1795468552638,\"event_type\":\"custom\",\"name\":\"a\"}");
	strcpy(id, value_of(&r, 0, "id"));
	bundle(&r, "{\"timestamp\":1795468552638,\"event_type\":\"custom\",\"name\":\"b\"}");
	assert_string_not_equal(value_of(&r, 0, "id"), id);
	run_release(&r);
}

static void
a_load_has_the_phases_of_its_navigation(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	bundle(&r, "{" AT "\"event_type\":\"view\",\"type\":\"perf\",\"url\":\"http://s/\",\"first_paint\":38.5,"
	    "\"first_contentful_paint\":176,\"dom_interactive\":220.199,\"dom_content_loaded\":1,\"load_event\":2,"
	    "\"snapshots\":\"{\\\"fetchStart\\\":0.1,\\\"domainLookupStart\\\":0.1,\\\"domainLookupEnd\\\":2.1,"
	    "\\\"connectStart\\\":4.1,\\\"secureConnectionStart\\\":9.5,\\\"connectEnd\\\":19.5,\\\"requestStart\\\":19.7,"
	    "\\\"responseStart\\\":37.2,\\\"responseEnd\\\":38.6,\\\"domInteractive\\\":220.3,"
	    "\\\"domContentLoadedEventEnd\\\":220.6,\\\"loadEventStart\\\":221.2}\"}");
	assert_int_equal(r.n, 3);
	assert_event(&r, 0, "kind", "load");
	assert_event(&r, 0, "dns_ms", "2");
	assert_event(&r, 0, "tcp_ms", "15.4");
	assert_event(&r, 0, "ssl_ms", "10");
	assert_event(&r, 0, "ttfb_ms", "17.5");
	assert_event(&r, 0, "trans_ms", "1.4");
	assert_event(&r, 0, "fpt_ms", "38.5");
	assert_event(&r, 0, "tti_ms", "220.2");
	assert_event(&r, 0, "ready_ms", "220.5");
	assert_event(&r, 0, "load_ms", "221.1");
	assert_event(&r, 0, "firstbyte_ms", "37.1");
	assert_event(&r, 0, "dom_ms", "181.7");
	assert_event(&r, 0, "res_ms", "0.6");
	assert_event(&r, 1, "kind", "vital");
	assert_event(&r, 1, "name", "FP");
	assert_event(&r, 1, "value", "38.5");
	assert_event(&r, 2, "name", "FCP");
	/* without it, the SDK's own figures */
	bundle(&r, "{" AT "\"event_type\":\"view\",\"type\":\"perf\",\"dom_interactive\":220.199,"
	    "\"dom_content_loaded\":220.5,\"load_event\":221.099,\"snapshots\":\"{\\\"loadEventStart\\\":0}\"}");
	assert_value(&r, "tti_ms", "220.199");
	assert_value(&r, "ready_ms", "220.5");
	assert_value(&r, "load_ms", "221.099");
	run_release(&r);
}

static void
what_an_application_measured_of_a_page_is_no_page_view(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(bundle(&r, "{" AT "\"event_type\":\"view\",\"type\":\"custom\",\"name\":\"hero\","
	    "\"t1\":10,\"t3\":20.5}"), SESSP_CONVERTED);
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "kind", "timing");
	assert_event(&r, 0, "name", "t1");
	assert_event(&r, 0, "group", "hero");
	assert_event(&r, 0, "value", "10");
	assert_event(&r, 0, "page", "/");
	assert_event(&r, 1, "name", "t3");
	assert_event(&r, 1, "value", "20.5");
	run_release(&r);
}

static void
web_vitals_are_one_each(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(bundle(&r, "{" AT "\"event_type\":\"view\",\"type\":\"webvitals\",\"url\":\"http://s/\","
	    "\"largest_contentful_paint\":128,\"first_input_delay\":0,\"cumulative_layout_shift\":0.1234,"
	    "\"interaction_to_next_paint\":8}"), SESSP_CONVERTED);
	assert_int_equal(r.n, 4);
	assert_event(&r, 0, "name", "LCP");
	assert_event(&r, 0, "page_url", "http://s/");
	assert_event(&r, 1, "name", "FID");
	assert_event(&r, 1, "value", "0");
	assert_event(&r, 2, "name", "CLS");
	assert_event(&r, 2, "value", "0.123");
	assert_event(&r, 3, "name", "INP");
	assert_int_equal(bundle(&r, "{" AT "\"event_type\":\"view\",\"type\":\"webvitals\"}"), SESSP_PARTIAL);
	assert_error(&r, "an event has no values");
	run_release(&r);
}

static void
requests_of_scripts_are_calls_and_the_rest_resources(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	bundle(&r, "{" AT "\"event_type\":\"resource\",\"type\":\"fetch\",\"url\":\"http://s/api/x?a=1\","
	    "\"name\":\"/api/x\",\"method\":\"GET\",\"status_code\":500,\"success\":0,\"message\":\"bad\","
	    "\"trace_id\":\"t\",\"duration\":36.10000000009313,\"size\":77,\"transfer_size\":377,"
	    "\"first_byte_duration\":29.6,\"download_duration\":2.8,\"timing_data\":\"{\\\"startTime\\\":215.5,"
	    "\\\"responseStart\\\":248.8,\\\"responseEnd\\\":251.6}\"}");
	assert_value(&r, "kind", "api");
	assert_value(&r, "api", "/api/x");
	assert_value(&r, "url", "http://s/api/x?a=1");
	assert_value(&r, "method", "GET");
	assert_value(&r, "status", "500");
	assert_value(&r, "ok", "false");
	assert_value(&r, "message", "bad");
	assert_value(&r, "trace_id", "t");
	assert_value(&r, "duration_ms", "36.1");
	assert_value(&r, "size", "377");
	assert_value(&r, "ttfb_ms", "29.6");
	assert_value(&r, "trans_ms", "2.8");
	assert_value(&r, "start_ms", "215.5");
	bundle(&r, "{" AT "\"event_type\":\"resource\",\"type\":\"beacon\",\"success\":-1,\"status_code\":0}");
	assert_value(&r, "kind", "api");
	assert_value(&r, "ok", "");
	assert_value(&r, "status", "");
	/* over without an answer, which the SDK has no word for */
	bundle(&r, "{" AT "\"event_type\":\"resource\",\"type\":\"xmlhttprequest\",\"success\":-1,\"status_code\":0}");
	assert_value(&r, "ok", "false");
	assert_value(&r, "status", "");
	bundle(&r, "{" AT "\"event_type\":\"resource\",\"type\":\"css\",\"url\":\"u\",\"success\":1,\"size\":92}");
	assert_value(&r, "kind", "resource");
	assert_value(&r, "resource_type", "css");
	assert_value(&r, "ok", "true");
	assert_value(&r, "size", "92");
	run_release(&r);
}

static void
errors_long_tasks_and_custom_events_have_their_names(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	bundle(&r, "{\"timestamp\":1795468552638,\"times\":3,\"event_type\":\"exception\",\"type\":\"error\","
	    "\"source\":\"onError\",\"name\":\"TypeError\",\"message\":\"m\",\"stack\":\"s\",\"file\":\"f\","
	    "\"line\":10,\"column\":39}");
	assert_value(&r, "kind", "error");
	assert_value(&r, "error_type", "TypeError");
	assert_value(&r, "message", "m");
	assert_value(&r, "stack", "s");
	assert_value(&r, "file", "f");
	assert_value(&r, "line", "10");
	assert_value(&r, "column", "39");
	assert_value(&r, "times", "3");
	bundle(&r, "{" AT "\"event_type\":\"longTask\",\"type\":\"fps\",\"id\":\"v1\",\"name\":\"/\","
	    "\"duration\":151,\"fps\":12}");
	assert_value(&r, "kind", "longtask");
	assert_value(&r, "name", "fps");	/* the view's name is none of its own */
	assert_value(&r, "duration_ms", "151");
	bundle(&r, "{" AT "\"event_type\":\"custom\",\"type\":\"pay\",\"name\":\"submit\",\"group\":\"g\",\"value\":128.5}");
	assert_value(&r, "kind", "custom");
	assert_value(&r, "name", "submit");
	assert_value(&r, "group", "g");
	assert_value(&r, "value", "128.5");
	bundle(&r, "{" AT "\"event_type\":\"custom\",\"type\":\"pay\",\"value\":\"much\"}");
	assert_value(&r, "name", "pay");
	assert_value(&r, "message", "much");
	bundle(&r, "{" AT "\"event_type\":\"novelty\",\"type\":\"x\"}");
	assert_value(&r, "kind", "custom");
	assert_value(&r, "name", "novelty");
	run_release(&r);
}

static void
a_row_has_dotted_names_or_nested_ones(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_json, "{\"__time__\":\"1795468553\",\"event_type\":\"resource\","
	    "\"type\":\"xmlhttprequest\",\"timestamp\":\"1795468552638\",\"session.id\":\"s\",\"user.name\":\"n\","
	    "\"view.id\":\"v\",\"view.name\":\"/p\",\"device.type\":\"mobile\",\"os.type\":\"iOS\","
	    "\"os.container\":\"Safari\",\"geo.country\":\"中国\",\"geo.province\":\"r\",\"geo.city\":\"c\","
	    "\"isp.name\":\"i\",\"app\":\"{\\\"id\\\":\\\"a\\\"}\",\"user\":{\"id\":7},\"status_code\":\"200\","
	    "\"success\":\"1\",\"net.ip\":\"192.0.2.1\"}"), SESSP_CONVERTED);
	assert_value(&r, "kind", "api");
	assert_value(&r, "received", "1795468553000");
	assert_value(&r, "session_id", "s");
	assert_value(&r, "user_name", "n");
	assert_value(&r, "user_id", "7");
	assert_value(&r, "app_id", "a");
	assert_value(&r, "page", "/p");
	assert_value(&r, "device_type", "mobile");
	assert_value(&r, "os", "iOS");
	assert_value(&r, "browser", "Safari");
	assert_value(&r, "country", "中国");
	assert_value(&r, "region", "r");
	assert_value(&r, "city", "c");
	assert_value(&r, "isp", "i");
	assert_value(&r, "status", "200");
	assert_value(&r, "ok", "true");
	assert_value(&r, "ip", "192.0.2.1");
	run_release(&r);
}

static void
a_bundle_may_be_a_line(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_json, HEAD "{" AT "\"event_type\":\"view\",\"type\":\"pv\"},{" AT
	    "\"event_type\":\"action\",\"type\":\"click\"}" TAIL), SESSP_CONVERTED);
	assert_int_equal(r.n, 2);
	assert_event(&r, 1, "session_id", "s1");
	assert_int_equal(run(&r, &sessp_json, HEAD TAIL), SESSP_CONVERTED);
	assert_int_equal(r.n, 0);
	run_release(&r);
}

static void
nothing_of_a_bundle_is_lost_silently(void **state)
{
	static const struct { const char *body, *why; size_t events; enum sessp_verdict v; } cases[] = {
		{ NULL, "the log has no bodies", 0, SESSP_PARTIAL },
		{ "", "the body is missing", 0, SESSP_PARTIAL },
		{ HEAD "5,{" AT "\"event_type\":\"view\"}" TAIL, "an event is no object", 1, SESSP_PARTIAL },
		{ HEAD "{" AT "\"event_type\":\"view\"},{\"a\":1}" TAIL, "an event has no event_type", 1,
		    SESSP_PARTIAL },
		{ HEAD "{" AT "\"event_type\":\"view\"},{" AT "\"event_type\":\"vie", "the bundle is cut", 1,
		    SESSP_PARTIAL },
		{ HEAD "{" AT "\"event_type\":\"view\"}", "the bundle is cut", 1, SESSP_PARTIAL },
		{ "{\"session\":{},\"events\":4,\"event_type\":1}", "the events of the bundle are no array", 0,
		    SESSP_REJECTED },
		{ "{\"session\":{},\"events\":[{\"event_type\":1}]]", "the body is no JSON", 0, SESSP_REJECTED },
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(beacon_to(&r, "/rum/web/v2", "", cases[i].body), cases[i].v);
		assert_error(&r, cases[i].why);
		assert_int_equal(r.n, cases[i].events);
	}
	assert_int_equal(r.cv->nobody, 1);
	run_release(&r);
}

static void
records_of_others_are_not_ours(void **state)
{
	static const char *const others[] = {
		"{\"event_type\":\"login\",\"session\":\"abc\"}", "{\"events\":[],\"meta\":{\"session\":{}}}",
		"{\"events\":5,\"session\":{}}", "{\"event_type\":{},\"app.id\":\"a\"}",
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(run(&r, &sessp_json, others[i]), SESSP_REJECTED);
		assert_error(&r, "a record of no kind that is known");
	}
	run_release(&r);
}

static void
what_has_no_key_is_kept_when_asked_for(void **state)
{
	struct run r = { .opts = { .extra = true } };

	(void)state;
	bundle(&r, "{" AT "\"event_type\":\"custom\",\"type\":\"pay\",\"properties\":{\"a\":1},\"method\":\"M\"},{"
	    AT "\"event_type\":\"view\",\"type\":\"pv\"}");
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "extra", "{\"app.type\":\"browser\",\"_v\":\"npm-0.0.37\",\"properties\":\"{\\\"a\\\":1}\","
	    "\"method\":\"M\"}");
	assert_event(&r, 1, "extra", "{\"app.type\":\"browser\",\"properties\":\"{\\\"shop\\\":\\\"demo\\\"}\","
	    "\"_v\":\"npm-0.0.37\"}");
	run_release(&r);
}

static void
memory_that_runs_out_fails_the_converter(void **state)
{
	static const char body[] = HEAD "{" AT "\"event_type\":\"view\",\"type\":\"perf\",\"load_event\":5.12345,"
	    "\"first_paint\":3,\"snapshots\":\"{\\\"fetchStart\\\":1}\"}" TAIL;
	struct sess_convert_opts opts = { .extra = true };
	long n;

	(void)state;
	for (n = 0; n < 500; n++) {
		struct sessp_conv *cv;
		struct sessp_request rq = { .received = 5, .body = { body, sizeof(body) - 1 } };
		struct sess_err err = { .code = SESS_OK };
		bool failed;

		assert_int_equal(sessp_conv_new(&cv, &opts, NULL), SESS_OK);
		cv->name = "x";
		cv->outer = SESS_NO_TIME;
		alloc_fail_at(n);
		sessp_rum_bundle.convert(cv, &rq, &err);
		failed = alloc_failed();
		alloc_fail_at(-1);
		assert_true(cv->failed == failed);
		assert_true(failed || cv->events == 2);
		sessp_conv_free(cv);
		if (!failed)
			break;
	}
	assert_in_range(n, 3, 499);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_runs_out_fails_the_converter),
		cmocka_unit_test(a_view_has_what_its_bundle_shares),
		cmocka_unit_test(an_event_may_have_its_own_view_and_session),
		cmocka_unit_test(one_event_in_two_bundles_is_one),
		cmocka_unit_test(a_load_has_the_phases_of_its_navigation),
		cmocka_unit_test(what_an_application_measured_of_a_page_is_no_page_view),
		cmocka_unit_test(web_vitals_are_one_each),
		cmocka_unit_test(requests_of_scripts_are_calls_and_the_rest_resources),
		cmocka_unit_test(errors_long_tasks_and_custom_events_have_their_names),
		cmocka_unit_test(a_row_has_dotted_names_or_nested_ones),
		cmocka_unit_test(a_bundle_may_be_a_line),
		cmocka_unit_test(nothing_of_a_bundle_is_lost_silently),
		cmocka_unit_test(records_of_others_are_not_ours),
		cmocka_unit_test(what_has_no_key_is_kept_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
