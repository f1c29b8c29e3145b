/* json: access logs in JSON, exports of log services, rows that wrap lines. */
#include "envelope.h"

/* {"app":{"id":"a@b"},...,"events":[{...}]}, gzipped */
#define GZIPPED "H4sIAAAAAAACA1WOwQrCMBBE/2XPhZDSapuT/yEiERcaMDF0t1EJ/Xc3UQveZt8MM5vBxggmg7uCAXu4wNrAQjhvbNEFERK5e9goVZocPjaUNDQQrEfR6llsTBiYwBwzsPNIbL1s6f3Yd7uhH9p27L6hc23A0lCTkvo5/IqlsU6J+7li+tuSl+ebyIk5GqWmMn9a381A6yfcAAAA"
#define PERF "\"t\":\"pv\",\"begin\":\"1626320736212\",\"page\":\"example.com/home\"," \
	"\"sid\":\"s1\",\"pid\":\"p@q\",\"pv_id\":\"v1\",\"uid\":\"u1\""

static void
nginx_json_is_a_request(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_access_json,
	    "{\"time_iso8601\":\"2026-11-23T21:10:02+00:00\",\"msec\":1795468202.025,"
	    "\"remote_addr\":\"203.0.113.7\",\"realip_remote_addr\":\"127.0.0.15\","
	    "\"http_x_forwarded_for\":\"203.0.113.7\",\"request_method\":\"GET\",\"scheme\":\"http\","
	    "\"host\":\"shop.example\",\"uri\":\"/cart\",\"args\":\"x=1\","
	    "\"request_uri\":\"/cart?x=1\",\"status\":200,\"body_bytes_sent\":12,"
	    "\"request_time\":0.027,\"http_referer\":\"http://shop.example/\","
	    "\"http_user_agent\":\"curl/7.88.1\",\"request_body\":\"\"}"), SESSP_CONVERTED);
	assert_value(&r, "kind", "request");
	assert_value(&r, "received", "1795468202025");
	assert_value(&r, "ip", "203.0.113.7");
	assert_value(&r, "url", "http://shop.example/cart?x=1");
	assert_value(&r, "page", "shop.example/cart");
	assert_value(&r, "duration_ms", "27");
	assert_value(&r, "status", "200");
	assert_value(&r, "size", "12");
	assert_value(&r, "browser", "curl");
	run_release(&r);
}

static void
caddy_nests_its_request(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_access_json,
	    "{\"level\":\"info\",\"ts\":1646861401.5241024,\"logger\":\"http.log.access\","
	    "\"msg\":\"handled request\",\"request\":{\"remote_ip\":\"127.0.0.1\","
	    "\"remote_port\":\"41342\",\"client_ip\":\"203.0.113.9\",\"proto\":\"HTTP/2.0\","
	    "\"method\":\"GET\",\"host\":\"localhost\",\"uri\":\"/a?b\",\"headers\":{\"User-Agent\":"
	    "[\"curl/7.82.0\"],\"Accept\":[\"*/*\"]}},\"bytes_read\":0,\"user_id\":\"\","
	    "\"duration\":0.000929675,\"size\":10900,\"status\":200,\"resp_headers\":"
	    "{\"Content-Type\":[\"text/html\"]}}"), SESSP_CONVERTED);
	assert_value(&r, "received", "1646861401524");
	assert_value(&r, "ip", "203.0.113.9");
	assert_value(&r, "user_agent", "curl/7.82.0");
	assert_value(&r, "duration_ms", "0.93");
	assert_value(&r, "url", "/a?b");
	assert_value(&r, "page", "localhost/a");
	run_release(&r);
}

static void
traefik_counts_in_nanoseconds(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_access_json,
	    "{\"ClientAddr\":\"203.0.113.4:4711\",\"ClientHost\":\"203.0.113.4\","
	    "\"ClientUsername\":\"-\",\"DownstreamContentSize\":19,\"DownstreamStatus\":404,"
	    "\"Duration\":2500000,\"RequestHost\":\"h\",\"RequestMethod\":\"GET\","
	    "\"RequestPath\":\"/x?y=1\",\"RequestScheme\":\"https\","
	    "\"StartLocal\":\"2026-11-23T22:10:02.5+01:00\",\"StartUTC\":\"2026-11-23T21:10:02.5Z\","
	    "\"request_User-Agent\":\"curl/8\",\"time\":\"2026-11-23T21:10:02Z\"}"), SESSP_CONVERTED);
	assert_value(&r, "received", "1795468202500");
	assert_value(&r, "ip", "203.0.113.4");
	assert_value(&r, "status", "404");
	assert_value(&r, "duration_ms", "2.5");
	assert_value(&r, "url", "https://h/x?y=1");
	assert_value(&r, "user_agent", "curl/8");
	assert_value(&r, "user_id", "");
	run_release(&r);
}

static void
other_servers_are_rows_of_the_table(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_access_json, "{\"time\":\"23/Nov/2026:21:10:02 +0000\",\"remote_ip\":"
	    "\"203.0.113.4\",\"request\":\"POST /a?b HTTP/1.1\",\"response\":200,\"bytes\":5,"
	    "\"referrer\":\"-\",\"agent\":\"curl/8\"}");
	assert_value(&r, "method", "POST");
	assert_value(&r, "url", "/a?b");
	assert_value(&r, "referrer", "");
	run(&r, &sessp_access_json, "{\"@timestamp\":\"2026-11-23T21:10:02Z\",\"http\":{\"request\":"
	    "{\"method\":\"GET\"},\"response\":{\"status_code\":503}},\"url\":{\"path\":\"/e\"},"
	    "\"source\":{\"ip\":\"203.0.113.4\"},\"user_agent.original\":\"curl/8\"}");
	assert_value(&r, "status", "503");
	assert_value(&r, "url", "/e");
	assert_value(&r, "ip", "203.0.113.4");
	assert_value(&r, "user_agent", "curl/8");
	run_release(&r);
}

static void
the_collectors_form_has_headers_of_its_own(void **state)
{
	struct run r = { .opts = { .trust_forwarded = true } };

	(void)state;
	run(&r, &sessp_access_json, "{\"ts\":\"2026-11-23T21:04:37.778Z\",\"remote_addr\":"
	    "\"10.0.0.3\",\"method\":\"POST\",\"host\":\"h:1\",\"path\":\"/x\",\"query\":\"a=1\","
	    "\"headers\":{\"user-agent\":\"curl/8\",\"referer\":\"http://r/\",\"accept-language\":"
	    "\"zh-CN,zh;q=0.9\",\"x-forwarded-for\":\"198.51.100.77, 10.0.0.3\"},\"body\":\"\"}");
	assert_value(&r, "ip", "198.51.100.77");
	assert_value(&r, "language", "zh-CN");
	assert_value(&r, "referrer", "http://r/");
	assert_value(&r, "url", "/x?a=1");
	run_release(&r);
}

#define COLLECTOR(body) "{\"ts\":\"2026-11-23T21:04:37.778Z\",\"remote_addr\":\"203.0.113.7\"," \
	"\"method\":\"POST\",\"path\":\"/rum\",\"headers\":{\"user-agent\":\"curl/8\"}," body "}"

static void
compressed_bodies_are_inflated(void **state)
{
	struct run r = { .n = 0 };
	char id[17], *line;
	size_t cut;

	(void)state;
	line = malloc(4096);
	assert_non_null(line);
	run(&r, &sessp_access_json,
	    COLLECTOR("\"body\":\"" GZIPPED "\",\"body_encoding\":\"base64\""));
	assert_value(&r, "kind", "view");
	assert_value(&r, "session_id", "s1");
	snprintf(id, sizeof(id), "%s", value_of(&r, 0, "id"));
	run(&r, &sessp_access_json, COLLECTOR("\"body\":\"{\\\"app\\\":{\\\"id\\\":\\\"a@b\\\"},"
	    "\\\"user\\\":{\\\"id\\\":\\\"u1\\\"},\\\"session\\\":{\\\"id\\\":\\\"s1\\\"},"
	    "\\\"view\\\":{\\\"id\\\":\\\"v1\\\",\\\"name\\\":\\\"/x\\\"},\\\"events\\\":"
	    "[{\\\"timestamp\\\":1795468582294,\\\"event_id\\\":\\\"e1\\\",\\\"times\\\":1,"
	    "\\\"event_type\\\":\\\"view\\\",\\\"type\\\":\\\"pv\\\",\\\"name\\\":\\\"/x\\\","
	    "\\\"url\\\":\\\"http://h/x\\\"}]}\""));
	assert_value(&r, "id", id);
	for (cut = 0; cut < sizeof(GZIPPED) - 1; cut += 7) {
		snprintf(line, 4096, COLLECTOR("\"body\":\"%.*s\",\"body_encoding\":\"base64\""),
		    (int)cut, GZIPPED);
		assert_int_not_equal(run(&r, &sessp_access_json, line), SESSP_REJECTED);
		assert_value(&r, "kind", "request");
	}
	free(line);
	run_release(&r);
}

static void
bodies_that_are_no_text_do_not_spoil_the_record(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_access_json, "{\"msec\":1795468202.025,\"remote_addr\":"
	    "\"203.0.113.7\",\"request_method\":\"POST\",\"uri\":\"/b\",\"args\":\"\","
	    "\"request_body\":\"\\u001F\x8b\\b\\u0000\xff\xfe\\\\\"}"), SESSP_CONVERTED);
	assert_value(&r, "url", "/b");
	run_release(&r);
}

static void
service_fields_take_no_part_in_identity(void **state)
{
	struct run r = { .n = 0 };
	char id[17], plain[17];

	(void)state;
	assert_int_equal(run(&r, &sessp_sls, "{\"__time__\":\"1626320737\",\"__source__\":\"10.0.0.1\","
	    "\"__topic__\":\"\",\"__tag__:__client_ip__\":\"1.2.3.4\"," PERF "}"), SESSP_CONVERTED);
	assert_value(&r, "received", "1626320737000");
	snprintf(id, sizeof(id), "%s", value_of(&r, 0, "id"));
	run(&r, &sessp_sls, "{" PERF ",\"__source__\":\"10.0.0.2\",\"__time__\":1626320799}");
	assert_value(&r, "id", id);
	run(&r, &sessp_sls, "{\"remote_addr\":\"1.2.3.4\",\"request_method\":\"GET\","
	    "\"request_uri\":\"/x\",\"status\":\"200\",\"__time__\":\"1626320737\","
	    "\"__source__\":\"10.0.0.1\"}");
	assert_value(&r, "received", "1626320737000");
	snprintf(plain, sizeof(plain), "%s", value_of(&r, 0, "id"));
	run(&r, &sessp_sls, "{\"__source__\":\"10.0.0.2\",\"__time__\":\"1626320738\","
	    "\"status\":200,\"request_method\":\"GET\",\"remote_addr\":\"1.2.3.4\","
	    "\"request_uri\":\"/x\"}");
	assert_value(&r, "id", plain);
	run_release(&r);
}

static void
wrapped_records_are_unwrapped(void **state)
{
	static const char *const rows[] = {
		"{\"__time__\":\"1626320737\",\"content\":\"{\\\"t\\\":\\\"pv\\\",\\\"begin\\\":1626320736212,"
		    "\\\"sid\\\":\\\"s1\\\",\\\"pid\\\":\\\"p\\\",\\\"page\\\":\\\"x\\\"}\"}",
		"{\"_index\":\"a\",\"_source\":{\"t\":\"pv\",\"begin\":1626320736212,\"sid\":\"s1\","
		    "\"pid\":\"p\",\"page\":\"x\"}}",
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(run(&r, &sessp_json, rows[i]), SESSP_CONVERTED);
		assert_value(&r, "kind", "view");
		assert_value(&r, "session_id", "s1");
	}
	run(&r, &sessp_json, "{\"log\":\"203.0.113.7 - - [23/Nov/2026:21:10:02 +0000] \\\"GET /x "
	    "HTTP/1.1\\\" 200 1 \\\"-\\\" \\\"curl/8\\\"\\n\",\"stream\":\"stdout\","
	    "\"time\":\"2026-11-23T21:10:02.5Z\"}");
	assert_value(&r, "url", "/x");
	run_release(&r);
}

static void
wrapping_has_a_limit(void **state)
{
	struct run r = { .n = 0 };
	char line[512] = "{\"t\":\"pv\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\"}", next[512];
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_true(snprintf(next, sizeof(next), "{\"_index\":\"a\",\"_source\":%s}",
		    line) < (int)sizeof(next));
		memcpy(line, next, sizeof(line));
	}
	assert_int_equal(run(&r, &sessp_json, line), SESSP_REJECTED);
	assert_int_equal(r.err.code, SESS_ELIMIT);
	assert_string_equal(r.err.text, "records wrapped in one another too deep");
	run_release(&r);
}

static void
rows_of_csv_are_the_same_events_as_json(void **state)
{
	static const char header[] = "__source__,__time__,t,begin,page,sid,pid,pv_id,uid,msg,msg_0,dt";
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	assert_true(sessp_csv.sniff(header, sizeof(header) - 1) > 0);
	run(&r, &sessp_json, "{\"t\":\"pv\",\"begin\":1626320736212,\"page\":\"a, \\\"b\\\"\\n\","
	    "\"sid\":\"s1\",\"pid\":\"p@q\",\"pv_id\":\"v1\",\"uid\":\"u1\"}");
	snprintf(id, sizeof(id), "%s", value_of(&r, 0, "id"));
	assert_int_equal(sessp_conv_header(r.cv, header, sizeof(header) - 1, &r.err), SESS_OK);
	assert_int_equal(run(&r, &sessp_csv,
	    "10.0.0.1,1626320737,pv,1626320736212,\"a, \"\"b\"\"\n\",s1,p@q,v1,u1,,,null\r"),
	    SESSP_CONVERTED);
	assert_value(&r, "page", "a, \"b\"\n");
	assert_value(&r, "id", id);
	assert_int_equal(run(&r, &sessp_csv, "1,2,3,4,5,6,7,8,9,10,11,12,13"), SESSP_REJECTED);
	assert_string_equal(r.err.text, "13 columns where the header has 12");
	assert_int_equal(run(&r, &sessp_csv, "1"), SESSP_REJECTED);
	run_release(&r);
}

static void
keyed_lines_lose_their_key(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_keyed, "s1\t{" PERF "}"), SESSP_CONVERTED);
	assert_value(&r, "session_id", "s1");
	run_release(&r);
}

static void
bulk_actions_are_ignored(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_json, "{\"index\":{\"_index\":\"a\"}}"), SESSP_IGNORED);
	run_release(&r);
}

static void
what_is_no_record_is_rejected_with_the_reason(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_json, "{\"a\":1}"), SESSP_REJECTED);
	assert_string_equal(r.err.text, "a record of no kind that is known");
	assert_int_equal(r.err.line, 7);
	assert_int_equal(run(&r, &sessp_json, "{\"a\":1"), SESSP_REJECTED);
	assert_int_equal(r.err.code, SESS_EFORMAT);
	assert_int_equal(run(&r, &sessp_json, "[1]"), SESSP_REJECTED);
	assert_int_equal(run(&r, &sessp_json, "{\"request_method\":\"GET\",\"uri\":\"/x\","
	    "\"status\":200}"), SESSP_REJECTED);
	assert_string_equal(r.err.text, "a request without a time");
	assert_int_equal(run_bytes(&r, &sessp_json, "{\"a\0\":1}", 9), SESSP_REJECTED);
	run_release(&r);
}

static void
an_event_passes_as_the_bytes_it_was(void **state)
{
	static const char line[] = "{\"v\":1,\"id\":\"9f86d081884c7d65\","
	    "\"received\":\"2026-11-23T20:31:58.003Z\",\"kind\":\"api\",\"session_id\":\"s\","
	    "\"new_key\":[1,2],\"src\":\"x:1\"}";
	static const char other[] = "{\"kind\":\"api\",\"id\":\"9f86d081884c7d65\",\"v\":1,"
	    "\"received\":\"2026-11-23T20:31:58.003Z\"}";
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_events, line), SESSP_CONVERTED);
	assert_string_equal(r.lines.data, line);
	assert_int_equal(run(&r, &sessp_json, other), SESSP_CONVERTED);
	assert_string_equal(r.lines.data, other);
	assert_int_equal(run(&r, &sessp_events,
	    "{\"v\":1,\"id\":\"9f86d081884c7d65\",\"kind\":\"api\"}"), SESSP_REJECTED);
	assert_int_equal(r.n, 0);
	run_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nginx_json_is_a_request),
		cmocka_unit_test(caddy_nests_its_request),
		cmocka_unit_test(traefik_counts_in_nanoseconds),
		cmocka_unit_test(other_servers_are_rows_of_the_table),
		cmocka_unit_test(the_collectors_form_has_headers_of_its_own),
		cmocka_unit_test(compressed_bodies_are_inflated),
		cmocka_unit_test(bodies_that_are_no_text_do_not_spoil_the_record),
		cmocka_unit_test(service_fields_take_no_part_in_identity),
		cmocka_unit_test(wrapped_records_are_unwrapped),
		cmocka_unit_test(wrapping_has_a_limit),
		cmocka_unit_test(rows_of_csv_are_the_same_events_as_json),
		cmocka_unit_test(keyed_lines_lose_their_key),
		cmocka_unit_test(bulk_actions_are_ignored),
		cmocka_unit_test(what_is_no_record_is_rejected_with_the_reason),
		cmocka_unit_test(an_event_passes_as_the_bytes_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
