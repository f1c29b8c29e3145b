/* combined: access logs of nginx and Apache, and what servers make of them. */
#include "envelope.h"

#define AGENT "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
#define LINE(request, status, rest) \
	"203.0.113.7 - - [23/Nov/2026:21:10:02 +0000] \"" request "\" " status " 4479 " rest
#define REST "\"http://shop.example/a?b=1\" \"" AGENT "\""

static void
a_combined_line_is_a_request(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined,
	    LINE("GET /cart?x=1 HTTP/1.1", "200", REST)), SESSP_CONVERTED);
	assert_value(&r, "kind", "request");
	assert_value(&r, "received", "1795468202000");
	assert_value(&r, "method", "GET");
	assert_value(&r, "url", "/cart?x=1");
	assert_value(&r, "page", "/cart");
	assert_value(&r, "status", "200");
	assert_value(&r, "size", "4479");
	assert_value(&r, "referrer", "http://shop.example/a?b=1");
	assert_value(&r, "user_agent", AGENT);
	assert_value(&r, "ip", "203.0.113.7");
	assert_value(&r, "src", "log:7");
	assert_int_equal(strlen(value_of(&r, 0, "visitor")), 16);
	run_release(&r);
}

static void
dashes_are_absent(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined,
	    "203.0.113.7 - - [23/Nov/2026:21:10:02 +0000] \"-\" 408 - \"-\" \"-\""),
	    SESSP_CONVERTED);
	assert_value(&r, "status", "408");
	assert_value(&r, "method", "");
	assert_value(&r, "url", "");
	assert_value(&r, "size", "");
	assert_value(&r, "referrer", "");
	assert_value(&r, "user_agent", "");
	assert_value(&r, "user_id", "");
	run_release(&r);
}

static void
tls_garbage_is_a_request_without_a_method(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined,
	    LINE("\\x16\\x03\\x01\\x02\\x00", "400", "\"-\" \"-\"")), SESSP_CONVERTED);
	assert_value(&r, "method", "");
	assert_value(&r, "status", "400");
	run_release(&r);
}

static void
escapes_of_nginx_and_apache_are_undone(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined, LINE("GET /a\\x22b HTTP/1.1", "200",
	    "\"http://x/\\xE5\\xBC\\xA0\" \"say \\\"hi\\\" \\\\ \\t\"")), SESSP_CONVERTED);
	assert_value(&r, "url", "/a\"b");
	assert_value(&r, "referrer", "http://x/\xe5\xbc\xa0");
	assert_value(&r, "user_agent", "say \"hi\" \\ \t");
	run_release(&r);
}

static void
a_user_may_be_empty_or_hold_quotes(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined, "203.0.113.7 - \"\" [23/Nov/2026:21:10:02 +0000] "
	    "\"GET /a HTTP/1.1\" 401 5 \"-\" \"x\""), SESSP_CONVERTED);
	assert_value(&r, "url", "/a");
	assert_value(&r, "user_id", "");
	assert_int_equal(run(&r, &sessp_combined, "203.0.113.7 - a\\\"b [23/Nov/2026:21:10:02 +0000] "
	    "\"GET /a HTTP/1.1\" 401 5 \"-\" \"x\""), SESSP_CONVERTED);
	assert_value(&r, "user_id", "a\"b");
	run_release(&r);
}

static void
a_socket_is_no_address_and_garbage_no_client(void **state)
{
	static char garbage[1024];
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined, "unix: - - [23/Nov/2026:21:10:02 +0000] "
	    "\"GET /a HTTP/1.1\" 200 5 \"-\" \"x\""), SESSP_CONVERTED);
	assert_value(&r, "ip", "");
	memset(garbage, 'x', 300);
	strcpy(garbage + 300, LINE("GET / HTTP/1.1", "200", REST));
	assert_int_equal(run(&r, &sessp_combined, garbage), SESSP_REJECTED);
	assert_string_equal(r.err.text, "no access log line: no client address");
	run_release(&r);
}

static void
traefik_says_milliseconds(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_combined, LINE("GET / HTTP/1.1", "200",
	    "\"-\" \"curl\" 1 \"whoami@docker\" \"http://172.17.0.3:80\" 3ms"));
	assert_value(&r, "duration_ms", "3");
	run_release(&r);
}

static void
unescaped_quotes_end_only_before_a_blank(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_combined, LINE("GET /a\"b\"c HTTP/1.1", "200", REST));
	assert_value(&r, "url", "/a\"b\"c");
	run_release(&r);
}

static void
ipv6_user_and_virtual_host_are_told_apart(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_combined, "2001:db8::5 - j doe [23/Nov/2026:21:10:02 +0100] "
	    "\"GET / HTTP/2.0\" 304 0 \"-\" \"x\"");
	assert_value(&r, "ip", "2001:db8::5");
	assert_value(&r, "user_id", "j doe");
	assert_value(&r, "received", "1795464602000");
	run(&r, &sessp_combined, "shop.example:443 203.0.113.7 - ann [23/Nov/2026:21:10:02 +0000] "
	    "\"GET /Cart/12345/ HTTP/2.0\" 304 0 \"-\" \"x\"");
	assert_value(&r, "ip", "203.0.113.7");
	assert_value(&r, "user_id", "ann");
	assert_value(&r, "page", "shop.example:443/cart/**");
	run_release(&r);
}

static void
trailing_fields_are_known_by_name_or_form(void **state)
{
	struct run r = { .opts = { .trust_forwarded = true } };

	(void)state;
	run(&r, &sessp_combined,
	    LINE("GET / HTTP/1.1", "200", REST " \"198.51.100.9, 10.0.0.3\" rt=3.361"));
	assert_value(&r, "duration_ms", "3361");
	assert_value(&r, "ip", "198.51.100.9");
	run(&r, &sessp_combined, LINE("GET / HTTP/1.1", "200", REST " 0.005"));
	assert_value(&r, "duration_ms", "5");
	run(&r, &sessp_combined,
	    LINE("GET / HTTP/1.1", "200", REST " urt=9.9 uct=\"0.1 , 0.2\" request_time=0.0015 xff=\"198.51.100.8\""));
	assert_value(&r, "duration_ms", "1.5");
	assert_value(&r, "ip", "198.51.100.8");
	run_release(&r);
}

static void
common_log_format_has_no_agent(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_common, LINE("GET /x HTTP/1.0", "200", "")),
	    SESSP_CONVERTED);
	assert_value(&r, "url", "/x");
	assert_value(&r, "user_agent", "");
	run_release(&r);
}

static void
absolute_targets_give_the_host(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_combined, LINE("GET http://shop.example/Cart?a#b HTTP/1.1", "200", REST));
	assert_value(&r, "url", "http://shop.example/Cart?a");
	assert_value(&r, "page", "shop.example/cart");
	run_release(&r);
}

static void
a_line_that_ends_early_is_partial(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined,
	    LINE("GET / HTTP/1.1", "200", "\"-\" \"Mozilla/5.0 (X1")), SESSP_PARTIAL);
	assert_int_equal(r.n, 1);
	run_release(&r);
}

static void
what_is_no_line_is_rejected_with_the_reason(void **state)
{
	static const struct { const char *line, *why; } bad[] = {
		{ "hello", "not" }, { "1.2.3.4 - - \"GET / HTTP/1.1\" 200 1", "[time]" },
		{ "1.2.3.4 - - [99/Foo/2026:21:10:02 +0000] \"GET / HTTP/1.1\" 200 1", "[time]" },
		{ "1.2.3.4 - - [23/Nov/2026:21:10:02 +0000] \"GET / HTTP/1.1", "no end" },
		{ "1.2.3.4 - - [23/Nov/2026:21:10:02 +0000] \"GET / HTTP/1.1\" abc 1", "status" },
		{ "1.2.3.4 - - [23/Nov/2026:21:10:02 +0000] \"GET / HTTP/1.1\" 200 x", "size" },
		{ "[23/Nov/2026:21:10:02 +0000] \"GET / HTTP/1.1\" 200 1", "[time]" },
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(run(&r, &sessp_combined, bad[i].line), SESSP_REJECTED);
		assert_int_equal(r.err.code, SESS_EFORMAT);
		assert_int_equal(r.err.line, 7);
		if (i > 0)
			assert_non_null(strstr(r.err.text, bad[i].why));
		assert_int_equal(r.n, 0);
	}
	run_release(&r);
}

static void
preflights_are_ignored_and_counted(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(run(&r, &sessp_combined, LINE("OPTIONS /rum HTTP/1.1", "204", REST)),
	    SESSP_IGNORED);
	assert_int_equal(r.cv->preflights, 1);
	run_release(&r);
}

static void
a_beacon_gives_the_same_event_as_in_json(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
#define QUERY "t=pv&times=1&page=shop.example%2Fcart&begin=1795468202010&uid=u1&sid=s1&" \
	"pid=p%40q&pv_id=v1&username=&sampling=1&z=mwtrenjw"
	run(&r, &sessp_combined, LINE("HEAD /r.png?" QUERY " HTTP/1.1", "200", REST));
	assert_value(&r, "kind", "view");
	snprintf(id, sizeof(id), "%s", value_of(&r, 0, "id"));
	run(&r, &sessp_access_json, "{\"msec\":1795468202.025,\"remote_addr\":\"203.0.113.7\","
	    "\"request_method\":\"HEAD\",\"uri\":\"/r.png\",\"args\":\"" QUERY "\",\"status\":200,"
	    "\"request_body\":\"\"}");
	assert_value(&r, "kind", "view");
	assert_value(&r, "id", id);
	run_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_combined_line_is_a_request),
		cmocka_unit_test(dashes_are_absent),
		cmocka_unit_test(tls_garbage_is_a_request_without_a_method),
		cmocka_unit_test(escapes_of_nginx_and_apache_are_undone),
		cmocka_unit_test(a_user_may_be_empty_or_hold_quotes),
		cmocka_unit_test(a_socket_is_no_address_and_garbage_no_client),
		cmocka_unit_test(traefik_says_milliseconds),
		cmocka_unit_test(unescaped_quotes_end_only_before_a_blank),
		cmocka_unit_test(ipv6_user_and_virtual_host_are_told_apart),
		cmocka_unit_test(trailing_fields_are_known_by_name_or_form),
		cmocka_unit_test(common_log_format_has_no_agent),
		cmocka_unit_test(absolute_targets_give_the_host),
		cmocka_unit_test(a_line_that_ends_early_is_partial),
		cmocka_unit_test(what_is_no_line_is_rejected_with_the_reason),
		cmocka_unit_test(preflights_are_ignored_and_counted),
		cmocka_unit_test(a_beacon_gives_the_same_event_as_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
