/* ARMS Browser Monitoring: beacons and rows to events. */
#include "beacon.h"

#include "alloc.h"
#include "sess/arms.h"

#define IDS "&begin=1795468202010&uid=u1&sid=s1&pid=p%40x&pv_id=v1&_v=1.8.35&sampling=1&z=a"

static void
a_page_view_has_its_page_and_who_saw_it(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(beacon(&r, "t=pv&times=1&page=shop%2Flist&dt=%E5%95%86&dr=&ul=zh"
	    "&dl=http%3A%2F%2Fshop%2Flist%3Fa%3Db%26c&username=a%2Bb%20c&ct=4g&sr=390x844" IDS, ""),
	    SESSP_CONVERTED);
	assert_value(&r, "kind", "view");
	assert_value(&r, "time", "1795468202010");
	assert_value(&r, "received", "1795468202025");
	assert_value(&r, "session_id", "s1");
	assert_value(&r, "view_id", "v1");
	assert_value(&r, "user_id", "u1");
	assert_value(&r, "user_name", "a+b c");
	assert_value(&r, "app_id", "p@x");
	assert_value(&r, "page", "shop/list");
	assert_value(&r, "page_url", "http://shop/list?a=b&c");
	assert_value(&r, "title", "商");
	assert_value(&r, "referrer", "");
	assert_value(&r, "language", "zh");
	assert_value(&r, "network", "4g");
	assert_value(&r, "screen", "390x844");
	assert_value(&r, "ip", "192.0.2.7");
	assert_value(&r, "times", "");		/* 1 is what its absence means */
	assert_value(&r, "sampling", "");
	run_release(&r);
}

static void
ids_that_are_none_are_left_out(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	beacon(&r, "t=pv&begin=1795468202010&uid=null&sid=undefined&pid=p&pv_id=-&username=", "");
	assert_value(&r, "user_id", "");
	assert_value(&r, "session_id", "");
	assert_value(&r, "view_id", "");
	assert_int_equal(strlen(value_of(&r, 0, "visitor")), 16);
	run_release(&r);
}

static void
a_beacon_cannot_claim_an_address(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	beacon(&r, "t=pv&ip=10.9.9.9&remote_addr=10.9.9.9&__time__=1" IDS, "");
	assert_value(&r, "ip", "192.0.2.7");
	assert_value(&r, "received", "1795468202025");
	run_release(&r);
}

static void
a_load_has_its_phases_and_the_points_of_the_application(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(beacon(&r, "t=perf&dns=0&tcp=12&ssl=-1&ttfb=793.25&trans=3.00005&dom=9999999999"
	    "&res=%20106%20&load=4466&fpt=abc&tti=&navtype=Reload&t1=15&cfpt=7.5&ctti=x" IDS, NULL),
	    SESSP_CONVERTED);
	assert_int_equal(r.n, 3);
	assert_event(&r, 0, "kind", "load");
	assert_event(&r, 0, "dns_ms", "0");
	assert_event(&r, 0, "tcp_ms", "12");
	assert_event(&r, 0, "ssl_ms", "");
	assert_event(&r, 0, "ttfb_ms", "793.25");
	assert_event(&r, 0, "trans_ms", "3");
	assert_event(&r, 0, "dom_ms", "");
	assert_event(&r, 0, "res_ms", "106");
	assert_event(&r, 0, "fpt_ms", "");
	assert_event(&r, 0, "load_ms", "4466");
	assert_event(&r, 0, "navigation_type", "Reload");
	assert_event(&r, 1, "kind", "timing");
	assert_event(&r, 1, "name", "cfpt");
	assert_event(&r, 1, "value", "7.5");
	assert_event(&r, 2, "name", "t1");
	assert_string_not_equal(value_of(&r, 0, "id"), value_of(&r, 1, "id"));
	run_release(&r);
}

static void
a_failed_call_has_its_snapshot(void **state)
{
	struct run r = { .n = 0 };
	const char *query = "t=api&api=%2Fapi%2Fcoupon%2F**&success=0&time=302&code=500"
	    "&msg=Internal%20Error&traceId=abc" IDS;

	(void)state;
	assert_int_equal(beacon(&r, query, "{\"apiSnapshot\":\"{\\\"originApi\\\":\\\"/api/coupon/8\\\","
	    "\\\"method\\\":\\\"POST\\\",\\\"params\\\":\\\"{}\\\"}\"}"), SESSP_CONVERTED);
	assert_value(&r, "kind", "api");
	assert_value(&r, "api", "/api/coupon/**");
	assert_value(&r, "ok", "false");
	assert_value(&r, "duration_ms", "302");
	assert_value(&r, "status", "500");
	assert_value(&r, "message", "Internal Error");
	assert_value(&r, "trace_id", "abc");
	assert_value(&r, "url", "/api/coupon/8");
	assert_value(&r, "method", "POST");
	assert_value(&r, "snapshot", "{\"originApi\":\"/api/coupon/8\",\"method\":\"POST\",\"params\":\"{}\"}");
	/* the SDK cuts it at 2000 characters */
	assert_int_equal(beacon(&r, query, "{\"apiSnapshot\":\"{\\\"originApi\\\":\\\"/x\\\",\\\"method\\\":"
	    "\\\"GET\\\",\\\"resp\"}"), SESSP_CONVERTED);
	assert_value(&r, "url", "/x");
	assert_value(&r, "method", "GET");
	run_release(&r);
}

static void
a_call_is_whole_without_a_body(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	assert_int_equal(beacon(&r, "t=api&api=%2Fa&success=1&time=5&code=200" IDS
	    "&post_res=", "{\"apiSnapshot\":\"{}\"}"), SESSP_CONVERTED);
	assert_value(&r, "ok", "true");
	assert_value(&r, "snapshot", "");
	strcpy(id, value_of(&r, 0, "id"));
	assert_int_equal(beacon(&r, "t=api&api=%2Fa&success=1&time=5&code=200" IDS, NULL),
	    SESSP_CONVERTED);
	assert_value(&r, "id", id);		/* with a body or without: one event */
	assert_int_equal(beacon(&r, "t=api&api=%2Fa&success=0&time=5&code=200&pid=p&sid=s", ""),
	    SESSP_CONVERTED);			/* a manual one has no begin */
	assert_value(&r, "time", "-9223372036854775808");
	assert_value(&r, "received", "1795468202025");
	run_release(&r);
}

static void
an_error_has_its_uncut_text_from_the_body(void **state)
{
	struct run r = { .n = 0 };
	const char *query = "t=error&times=3&cate=TypeError&msg=cut&stack=cut&file=a.js&line=10&col=0" IDS;

	(void)state;
	assert_int_equal(beacon(&r, query, "{\"err\":{\"msg_raw\":\"100%25%20whole\",\"stack_raw\":"
	    "\"at%0Ab\"}}"), SESSP_CONVERTED);
	assert_value(&r, "kind", "error");
	assert_value(&r, "error_type", "TypeError");
	assert_value(&r, "message", "100% whole");
	assert_value(&r, "stack", "at\nb");
	assert_value(&r, "times", "3");
	assert_value(&r, "line", "10");
	assert_value(&r, "column", "0");
	assert_int_equal(beacon(&r, query, NULL), SESSP_CONVERTED);
	assert_value(&r, "message", "cut");
	assert_int_equal(beacon(&r, query, "{\"err\":{\"msg_raw\":\"whole\",\"stack_ra"), SESSP_PARTIAL);
	assert_error(&r, "the body is cut");
	assert_value(&r, "message", "whole");
	assert_value(&r, "stack", "cut");
	assert_int_equal(beacon(&r, query, "{]"), SESSP_PARTIAL);
	assert_error(&r, "the body is no JSON");
	assert_int_equal(beacon(&r, "t=error&line=&msg=m" IDS, ""), SESSP_CONVERTED);
	assert_value(&r, "error_type", "CustomError");
	assert_value(&r, "line", "");
	run_release(&r);
}

static void
a_failed_resource_is_not_ok(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	beacon(&r, "t=resourceError&src=http%3A%2F%2Fs%2Fa.png&node_name=img&xpath=html.%20%3E%20img."
	    "&res_type=image" IDS, "");
	assert_value(&r, "kind", "resource");
	assert_value(&r, "ok", "false");
	assert_value(&r, "url", "http://s/a.png");
	assert_value(&r, "resource_type", "image");
	assert_value(&r, "target", "html. > img.");
	run_release(&r);
}

#define CLICK "{\"type\":\"ui.click\",\"data\":{\"message\":\"%20%3E%20html%23.%20%3E%20a%23x.\"}," \
	"\"timestamp\":1795468200000,\"page\":\"/\"}"

static void
each_behavior_is_an_action(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(beacon(&r, "t=behavior&page=shop%2Fx" IDS "&post_res=", "{\"behavior\":[" CLICK
	    ",{\"type\":\"navigation\",\"data\":{\"from\":\"/a\",\"to\":\"/b\"},\"timestamp\":1795468200001}"
	    ",{\"type\":\"console\",\"data\":{\"level\":\"warn\",\"message\":\"a%20b\"}}"
	    ",{\"type\":\"custom\",\"data\":{\"name\":\"n\",\"message\":\"m\"}}]}"), SESSP_CONVERTED);
	assert_int_equal(r.n, 4);
	assert_event(&r, 0, "kind", "action");
	assert_event(&r, 0, "action", "click");
	assert_event(&r, 0, "target", "html#. > a#x.");
	assert_event(&r, 0, "message", "");
	assert_event(&r, 0, "time", "1795468200000");
	assert_event(&r, 0, "page", "shop/x");
	assert_event(&r, 1, "action", "navigation");
	assert_event(&r, 1, "from", "/a");
	assert_event(&r, 1, "to", "/b");
	assert_event(&r, 2, "level", "warn");
	assert_event(&r, 2, "message", "a b");
	assert_event(&r, 2, "time", "1795468202010");	/* it has none: the record's */
	assert_event(&r, 3, "name", "n");
	assert_event(&r, 3, "message", "m");
	run_release(&r);
}

static void
a_list_that_is_not_all_there_is_partial(void **state)
{
	static const struct { const char *body, *why; size_t events; } cases[] = {
		{ NULL, "the log has no bodies", 0 },
		{ "", "the body is missing", 0 },
		{ "&post_res=", "the body is missing", 0 },
		{ "{}", "the body is missing", 0 },
		{ "{\"behavior\":[" CLICK "," CLICK ",{\"type\":\"ui.click\",\"da", "the list is cut", 2 },
		{ "{\"behavior\":[" CLICK "," CLICK, "the list is cut", 2 },
		{ "{\"behavior\":[" CLICK "]", "the list is cut", 1 },
		{ "{\"behav", "the list is cut", 0 },
		{ "{\"behavior\":5}", "the list is no JSON", 0 },
		{ "{\"behavior\":\"[1\"}", "the list is cut", 0 },
		{ "{\"behavior\":[1," CLICK "]}", "an element of the list can't be read", 1 },
		{ "nothing", "the list is no JSON", 0 },
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(beacon(&r, "t=behavior" IDS, cases[i].body), SESSP_PARTIAL);
		assert_error(&r, cases[i].why);
		assert_int_equal(r.n, cases[i].events);
	}
	assert_int_equal(r.cv->nobody, 1);
	assert_int_equal(beacon(&r, "t=behavior" IDS, "{\"behavior\":[]}"), SESSP_CONVERTED);
	run_release(&r);
}

#define ENTRY "{\\\"name\\\":\\\"http://s/a.js\\\",\\\"startTime\\\":8782.299999999814,\\\"duration\\\":10.25," \
	"\\\"initiatorType\\\":\\\"script\\\",\\\"domainLookupStart\\\":1,\\\"domainLookupEnd\\\":3.5," \
	"\\\"connectStart\\\":4,\\\"connectEnd\\\":6,\\\"secureConnectionStart\\\":0,\\\"requestStart\\\":6," \
	"\\\"responseStart\\\":7,\\\"responseEnd\\\":9,\\\"transferSize\\\":0,\\\"responseStatus\\\":200}"
#define OTHER "{\\\"name\\\":\\\"http://o/b\\\",\\\"startTime\\\":1,\\\"duration\\\":2,\\\"requestStart\\\":0," \
	"\\\"responseStart\\\":0,\\\"responseEnd\\\":5,\\\"transferSize\\\":0}"

static void
the_waterfall_is_a_resource_each(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(beacon(&r, "t=res&dom=147&load=8795" IDS, "{\"res\":\"[" ENTRY "," OTHER "]\"}"),
	    SESSP_CONVERTED);
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "kind", "resource");
	assert_event(&r, 0, "url", "http://s/a.js");
	assert_event(&r, 0, "resource_type", "script");
	assert_event(&r, 0, "time", "1795468210792");
	assert_event(&r, 0, "start_ms", "8782.3");
	assert_event(&r, 0, "duration_ms", "10.25");
	assert_event(&r, 0, "size", "0");		/* from the cache */
	assert_event(&r, 0, "status", "200");
	assert_event(&r, 0, "dns_ms", "2.5");
	assert_event(&r, 0, "tcp_ms", "2");
	assert_event(&r, 0, "ssl_ms", "");
	assert_event(&r, 0, "ttfb_ms", "1");
	assert_event(&r, 0, "trans_ms", "2");
	assert_event(&r, 0, "ok", "");
	assert_event(&r, 1, "size", "");		/* another origin's: unknown */
	assert_event(&r, 1, "ttfb_ms", "");
	/* cut inside the text */
	assert_int_equal(beacon(&r, "t=res" IDS, "{\"res\":\"[" ENTRY ",{\\\"name\\\":\\\"x\\"), SESSP_PARTIAL);
	assert_error(&r, "the list is cut");
	assert_int_equal(r.n, 1);
	run_release(&r);
}

static void
a_group_of_resources_is_its_timings(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(beacon(&r, "t=resource&_combo=1" IDS, "{\"resource\":\"[{\\\"domain\\\":\\\"d\\\","
	    "\\\"timings\\\":\\\"%5B%7B%22name%22%3A%22u%22%2C%22startTime%22%3A3%7D%5D\\\"},"
	    "{\\\"domain\\\":\\\"e\\\",\\\"res_type\\\":\\\"img\\\",\\\"count\\\":4,\\\"size\\\":9}]\"}"),
	    SESSP_CONVERTED);
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "url", "u");
	assert_event(&r, 0, "start_ms", "3");
	assert_event(&r, 0, "time", "1795468202010");
	assert_event(&r, 1, "url", "e");
	assert_event(&r, 1, "resource_type", "img");
	assert_event(&r, 1, "times", "4");
	assert_event(&r, 1, "size", "9");
	run_release(&r);
}

static void
leaving_has_what_was_counted(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	beacon(&r, "t=health&errcount=2&apisucc=3&apifail=0&healthy=0&stay=4677" IDS, "&post_res=");
	assert_int_equal(r.verdict, SESSP_CONVERTED);
	assert_value(&r, "kind", "leave");
	assert_value(&r, "stay_ms", "4677");
	assert_value(&r, "errors", "2");
	assert_value(&r, "api_ok", "3");
	assert_value(&r, "api_failed", "0");
	run_release(&r);
}

static void
points_metrics_and_events_have_their_names(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	beacon(&r, "t=speed&s0=5947&s10=7" IDS, "");
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "kind", "timing");
	assert_event(&r, 1, "name", "s10");
	assert_event(&r, 1, "value", "7");
	assert_int_equal(beacon(&r, "t=speed" IDS, ""), SESSP_PARTIAL);
	assert_error(&r, "a speed record without a point");
	beacon(&r, "t=percent&key=channel&subkey=alipay&val=-1.5&group=pay" IDS, "");
	assert_value(&r, "kind", "metric");
	assert_value(&r, "metric_type", "percent");
	assert_value(&r, "name", "channel");
	assert_value(&r, "subkey", "alipay");
	assert_value(&r, "value", "-1.5");
	assert_value(&r, "group", "pay");
	beacon(&r, "t=event&key=pay_submit&success=1&time=321" IDS, "");
	assert_value(&r, "kind", "custom");
	assert_value(&r, "name", "pay_submit");
	assert_value(&r, "ok", "true");
	assert_value(&r, "duration_ms", "321");
	run_release(&r);
}

static void
free_fields_are_an_event_each_and_unknown_types_keep_their_name(void **state)
{
	struct run r = { .n = 0 };
	char query[4096] = "t=custom" IDS;
	int i;

	(void)state;
	beacon(&r, "t=custom&x-orderNo=SO-1&x-%E6%B8%A0=app" IDS, "");
	assert_int_equal(r.n, 2);
	assert_event(&r, 0, "group", "custom");
	assert_event(&r, 0, "name", "orderNo");
	assert_event(&r, 0, "message", "SO-1");
	assert_event(&r, 1, "name", "渠");
	for (i = 0; i < 200; i++)
		sprintf(query + strlen(query), "&x-a%d=%d", i, i);
	beacon(&r, query, "");
	assert_int_equal(r.n, 200);
	assert_event(&r, 199, "name", "a199");
	beacon(&r, "t=custom" IDS, "");
	assert_value(&r, "name", "custom");
	beacon(&r, "t=brandNew&key=k" IDS, "");
	assert_value(&r, "kind", "custom");
	assert_value(&r, "name", "brandNew");
	assert_value(&r, "group", "");
	run_release(&r);
}

static void
a_form_body_is_a_beacon(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	beacon(&r, "", "t=pv&page=a%20b" IDS);
	assert_value(&r, "kind", "view");
	assert_value(&r, "page", "a b");
	strcpy(id, value_of(&r, 0, "id"));
	beacon(&r, "", "t=pv&page=a+b" IDS);
	assert_value(&r, "page", "a b");
	beacon(&r, "t=pv&page=a%20b" IDS, "");
	assert_value(&r, "id", id);
	run_release(&r);
}

static void
queries_of_others_are_no_beacons(void **state)
{
	static const char *const others[] = {
		"t=12&sid=0123456789abcdef", "t=12&pid=1&sid=2", "t=dark&sid=1", "t=pv", "sid=1&pid=2",
		"t=&sid=1&pid=2&pv_id=3", "t", "&&&",
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(beacon_to(&r, "/viewtopic.php", others[i], NULL), SESSP_CONVERTED);
		assert_value(&r, "kind", "request");
	}
	beacon_to(&r, "/x", "t=mine&pid=1&_v=2", NULL);
	assert_value(&r, "kind", "custom");
	run_release(&r);
}

/* -- rows */

#define ROW "\"t\":\"api\",\"begin\":\"1626320730270\",\"sid\":\"s\",\"pv_id\":\"v\",\"api\":\"/a\"," \
	"\"success\":\"1\",\"time\":\"184\",\"code\":200,\"trace_id\":\"x\""

static void
a_row_is_read_whatever_its_types(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	assert_int_equal(run(&r, &sessp_json, "{\"__time__\":\"1626320731\",\"__source__\":\"10.1.1.1\"," ROW
	    ",\"detector_browser\":\"safari\",\"detector_type\":\"pc\",\"ip_country\":\"中国\","
	    "\"remote_addr\":\"192.0.2.9\",\"http_user_agent\":\"UA\",\"username\":null,\"uid\":\"\\u5f20\"}"),
	    SESSP_CONVERTED);
	assert_value(&r, "kind", "api");
	assert_value(&r, "time", "1626320730270");
	assert_value(&r, "received", "1626320731000");
	assert_value(&r, "ok", "true");
	assert_value(&r, "duration_ms", "184");
	assert_value(&r, "status", "200");
	assert_value(&r, "trace_id", "x");
	assert_value(&r, "browser", "safari");
	assert_value(&r, "device_type", "pc");
	assert_value(&r, "country", "中国");
	assert_value(&r, "ip", "192.0.2.9");
	assert_value(&r, "user_agent", "UA");
	assert_value(&r, "user_id", "张");
	/* another export of it: other order, other types, other meta fields */
	run(&r, &sessp_json, "{" ROW ",\"__topic__\":\"x\"}");
	strcpy(id, value_of(&r, 0, "id"));
	run(&r, &sessp_json, "{\"code\":\"200\",\"trace_id\":\"x\",\"time\":184,\"success\":1,\"api\":\"\\/a\","
	    "\"pv_id\":\"v\",\"sid\":\"s\",\"begin\":1626320730270,\"t\":\"api\",\"tag\":\"\",\"uid\":null}");
	assert_value(&r, "id", id);
	run_release(&r);
}

static void
a_row_without_begin_has_the_time_of_date(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_json, "{\"t\":\"pv\",\"sid\":\"s\",\"date\":1626320730270}");
	assert_value(&r, "time", "1626320730270");
	run(&r, &sessp_json, "{\"t\":\"pv\",\"sid\":\"s\",\"__tag__:__receive_time__\":\"1626320731\"}");
	assert_value(&r, "received", "1626320731000");
	assert_int_equal(run(&r, &sessp_json, "{\"t\":\"pv\",\"sid\":\"s\",\"begin\":\"-5\"}"), SESSP_REJECTED);
	assert_error(&r, "an event without a time");
	assert_int_equal(r.n, 0);
	run_release(&r);
}

static void
a_row_holds_its_big_fields_itself(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_json, "{\"t\":\"behavior\",\"sid\":\"s\",\"begin\":1626320730270,"
	    "\"behavior\":\"[{\\\"type\\\":\\\"ui.click\\\",\\\"data\\\":{\\\"message\\\":\\\"a%23b\\\"}}]\"}"),
	    SESSP_CONVERTED);
	assert_value(&r, "target", "a#b");
	run(&r, &sessp_json, "{\"t\":\"behavior\",\"sid\":\"s\",\"begin\":1626320730270,"
	    "\"behavior\":[{\"type\":\"ui.keypress\",\"data\":{\"message\":\"i\"}}]}");
	assert_value(&r, "action", "keypress");
	assert_int_equal(run(&r, &sessp_json, "{\"t\":\"behavior\",\"sid\":\"s\",\"begin\":1626320730270}"),
	    SESSP_PARTIAL);
	assert_error(&r, "the list is missing");
	run(&r, &sessp_json, "{\"t\":\"api\",\"sid\":\"s\",\"begin\":1626320730270,\"apiSnapshot\":"
	    "{\"method\":\"PUT\",\"originApi\":\"/u\"}}");
	assert_value(&r, "method", "PUT");
	run(&r, &sessp_json, "{\"t\":\"error\",\"sid\":\"s\",\"begin\":1626320730270,\"msg\":\"m\",\"err\":"
	    "\"{\\\"msg_raw\\\":\\\"%41\\\"}\"}");
	assert_value(&r, "message", "A");
	run_release(&r);
}

static void
numbers_are_numbers_or_nothing(void **state)
{
	static const struct { const char *from, *to; } cases[] = {
		{ "0", "0" }, { "007", "" }, { "12", "12" }, { "12.0", "12" }, { "12.3456", "12.346" },
		{ "0.05", "0.05" }, { "0.0004", "0" }, { "1e2", "100" }, { "1E+2", "100" }, { "12e-1", "1.2" },
		{ "-0", "0" }, { "-1", "" }, { "1,5", "" }, { "0x10", "" }, { "NaN", "" }, { "Infinity", "" },
		{ "2678399999", "2678399999" }, { "2678400000", "" }, { "1e999", "" }, { "1795468202010", "" },
		{ "36.10000000009313", "36.1" }, { "123456789.987654321", "123456789.988" }, { "5 ", "5" },
		{ "99999999999999999999999999999999999999999999999999999999999999999999", "" },
		{ "0.000000000000000000000000000000000000000001", "0" },
	};
	struct run r = { .n = 0 };
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sprintf(line, "{\"t\":\"health\",\"sid\":\"s\",\"begin\":1626320730270,\"stay\":\"%s\"}", cases[i].from);
		run(&r, &sessp_json, line);
		assert_value(&r, "stay_ms", cases[i].to);
	}
	run(&r, &sessp_json, "{\"t\":\"sum\",\"sid\":\"s\",\"begin\":1626320730270,\"val\":123456789012345678901234567890,"
	    "\"times\":\"0\",\"sampling\":10}");
	assert_value(&r, "value", "123456789012345678901234567890");
	assert_value(&r, "times", "");
	assert_value(&r, "sampling", "10");
	run_release(&r);
}

static void
what_has_no_key_is_kept_when_asked_for(void **state)
{
	struct run r = { .opts = { .extra = true } };

	(void)state;
	beacon(&r, "t=perf&load=5&c1=vip&c2=a%3Db&msg=m&bandwidth=1.5" IDS "&post_res=", "");
	assert_value(&r, "extra", "{\"c1\":\"vip\",\"c2\":\"a=b\",\"bandwidth\":\"1.5\",\"_v\":\"1.8.35\","
	    "\"z\":\"a\",\"msg\":\"m\"}");
	run(&r, &sessp_json, "{" ROW ",\"__topic__\":\"x\",\"q\\\"\":{\"a\":1},\"n\":null}");
	assert_value(&r, "extra", "{\"q\\\"\":\"{\\\"a\\\":1}\"}");
	run(&r, &sessp_json, "{" ROW "}");
	assert_value(&r, "extra", "");
	assert_int_equal(run(&r, &sessp_json, "{\"t\":\"behavior\",\"begin\":1626320730270,\"c1\":\"x\"}"),
	    SESSP_PARTIAL);
	run_release(&r);
}

/* -- ids */

static void
an_id_tells_when_it_was_made(void **state)
{
	(void)state;
	assert_int_equal(sess_arms_id_time("bkkRsrej4OFdv2d4yeb37Xb2R2Xp", 28), 1626320729630);
	assert_int_equal(sess_arms_id_time("hFmd5wdptbqre77Rms4UyqebsmUh", 28), 1795467877715);
	assert_true(sess_arms_id_time("bkkRsrej4OFdv2d4yeb37Xb2R2X", 27) == SESS_NO_TIME);
	assert_true(sess_arms_id_time("bkkRsrej4OFdv2d4yeb37Xb2R2X-", 28) == SESS_NO_TIME);
	assert_true(sess_arms_id_time("0000000000000000000000000000", 28) == SESS_NO_TIME);
	assert_true(sess_arms_id_time("ba586f83ff6948d08c0f067d3215d31d", 32) == SESS_NO_TIME);
}

static void
memory_that_runs_out_fails_the_converter(void **state)
{
	const char *body = "{\"behavior\":[" CLICK ",{\"type\":\"console\",\"data\":{\"message\":\"a%20b\\u0041\"}}]}";
	struct run r = { .n = 0 };
	long n;

	(void)state;
	for (n = 0; n < 500; n++) {
		struct sess_convert_opts opts = { .extra = true };
		struct sessp_conv *cv;
		struct sessp_request rq = { .received = 5, .query = { "t=behavior&sid=a&c1=%20x", 24 },
		    .body = { body, strlen(body) } };
		struct sess_err err = { .code = SESS_OK };

		assert_int_equal(sessp_conv_new(&cv, &opts, NULL), SESS_OK);
		cv->name = "x";
		cv->outer = SESS_NO_TIME;
		alloc_fail_at(n);
		sessp_arms_beacon.convert(cv, &rq, &err);
		if (!alloc_failed()) {
			alloc_fail_at(-1);
			assert_int_equal(cv->events, 2);
			sessp_conv_free(cv);
			break;
		}
		alloc_fail_at(-1);
		assert_true(cv->failed);
		sessp_conv_free(cv);
	}
	assert_in_range(n, 3, 499);
	run_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_runs_out_fails_the_converter),
		cmocka_unit_test(a_page_view_has_its_page_and_who_saw_it),
		cmocka_unit_test(ids_that_are_none_are_left_out),
		cmocka_unit_test(a_beacon_cannot_claim_an_address),
		cmocka_unit_test(a_load_has_its_phases_and_the_points_of_the_application),
		cmocka_unit_test(a_failed_call_has_its_snapshot),
		cmocka_unit_test(a_call_is_whole_without_a_body),
		cmocka_unit_test(an_error_has_its_uncut_text_from_the_body),
		cmocka_unit_test(a_failed_resource_is_not_ok),
		cmocka_unit_test(each_behavior_is_an_action),
		cmocka_unit_test(a_list_that_is_not_all_there_is_partial),
		cmocka_unit_test(the_waterfall_is_a_resource_each),
		cmocka_unit_test(a_group_of_resources_is_its_timings),
		cmocka_unit_test(leaving_has_what_was_counted),
		cmocka_unit_test(points_metrics_and_events_have_their_names),
		cmocka_unit_test(free_fields_are_an_event_each_and_unknown_types_keep_their_name),
		cmocka_unit_test(a_form_body_is_a_beacon),
		cmocka_unit_test(queries_of_others_are_no_beacons),
		cmocka_unit_test(a_row_is_read_whatever_its_types),
		cmocka_unit_test(a_row_without_begin_has_the_time_of_date),
		cmocka_unit_test(a_row_holds_its_big_fields_itself),
		cmocka_unit_test(numbers_are_numbers_or_nothing),
		cmocka_unit_test(what_has_no_key_is_kept_when_asked_for),
		cmocka_unit_test(an_id_tells_when_it_was_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
