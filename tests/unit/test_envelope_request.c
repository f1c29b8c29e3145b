/* request: whose address, whose visit, and what privacy leaves of an event. */
#include "envelope.h"

#define KEY (const unsigned char *)"secret"
#define XFF(list) "{\"ts\":1795468202.025,\"remote_addr\":\"10.0.0.3\",\"method\":\"GET\"," \
	"\"path\":\"/x\",\"http_user_agent\":\"ua\",\"x_forwarded_for\":\"" list "\"}"

static void
the_client_is_the_right_most_hop_on_the_internet(void **state)
{
	static const struct { const char *line, *ip; } rows[] = {
		{ XFF("198.51.100.77"), "198.51.100.77" },
		{ XFF("1.1.1.1, 198.51.100.77, 10.0.0.3"), "198.51.100.77" },
		{ XFF("198.51.100.77, 192.168.1.1,172.31.0.1 , 127.0.0.1,169.254.1.1, 100.64.0.1"),
		    "198.51.100.77" },
		{ XFF("198.51.100.77, 172.32.0.1"), "172.32.0.1" },
		{ XFF("2001:db8::7, fe80::1, fd00::1, ::1"), "2001:db8::7" },
		{ XFF("[2001:db8::7]:4711"), "2001:db8::7" },
		{ XFF("198.51.100.77:80"), "198.51.100.77" },
		{ XFF("::ffff:10.1.2.3"), "10.0.0.3" },
		{ XFF("198.51.100.77, unknown"), "10.0.0.3" },
		{ XFF("10.1.1.1"), "10.0.0.3" },
		{ XFF(""), "10.0.0.3" }, { XFF(",,"), "10.0.0.3" }, { XFF("["), "10.0.0.3" },
	};
	struct run trust = { .opts = { .trust_forwarded = true } }, plain = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		run(&trust, &sessp_json, rows[i].line);
		assert_value(&trust, "ip", rows[i].ip);
		run(&plain, &sessp_json, rows[i].line);
		assert_value(&plain, "ip", "10.0.0.3");
	}
	run_release(&trust);
	run_release(&plain);
}

#define HIT(ip, ua, user) "{\"ts\":1795468202.025,\"remote_addr\":\"" ip "\",\"method\":\"GET\"," \
	"\"path\":\"/x\",\"http_user_agent\":\"" ua "\",\"remote_user\":\"" user "\"}"

static void
visitor(struct run *r, const char *line, char out[17])
{
	run(r, &sessp_json, line);
	snprintf(out, 17, "%s", value_of(r, 0, "visitor"));
}

static void
a_visitor_is_what_session_by_names(void **state)
{
	struct run r = { .n = 0 }, by_user = { .opts = { .session_by = SESS_BY_USER } };
	char a[17], b[17];

	(void)state;
	visitor(&r, HIT("203.0.113.1", "ua", "ann"), a);
	visitor(&r, HIT("203.0.113.1", "ua", "bob"), b);
	assert_string_equal(a, b);
	visitor(&r, HIT("203.0.113.2", "ua", "ann"), b);
	assert_string_not_equal(a, b);
	visitor(&r, HIT("203.0.113.1", "ub", "ann"), b);
	assert_string_not_equal(a, b);
	visitor(&by_user, HIT("203.0.113.1", "ua", "ann"), a);
	visitor(&by_user, HIT("203.0.113.2", "ub", "ann"), b);
	assert_string_equal(a, b);
	visitor(&by_user, HIT("203.0.113.2", "ub", "-"), b);
	assert_string_equal(b, "");
	run_release(&r);
	run_release(&by_user);
}

static void
ids_that_are_none_are_left_out(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	run(&r, &sessp_json, "{\"t\":\"pv\",\"begin\":1626320736212,\"sid\":\"undefined\",\"pid\":\"p\","
	    "\"pv_id\":\"null\",\"uid\":\"-\",\"username\":\"\"}");
	assert_value(&r, "session_id", "");
	assert_value(&r, "view_id", "");
	assert_value(&r, "user_id", "");
	run_release(&r);
}

static void
masked_addresses_keep_their_first_bits(void **state)
{
	struct run r = { .opts = { .mask_ip4 = 20, .mask_ip6 = 48 } };
	char a[17], b[17];

	(void)state;
	visitor(&r, HIT("203.0.113.77", "from 203.0.113.77, 1203.0.113.77, 203.0.113.778.", ""), a);
	assert_value(&r, "ip", "203.0.112.0");
	assert_value(&r, "user_agent", "from 203.0.112.0, 1203.0.113.77, 203.0.113.778.");
	visitor(&r, HIT("203.0.112.9", "from 203.0.112.0, 1203.0.113.77, 203.0.113.778.", ""), b);
	assert_string_equal(a, b);	/* the visitor doesn't tell them apart */
	run(&r, &sessp_json, HIT("2001:db8:1:2::3", "ua", ""));
	assert_value(&r, "ip", "2001:db8:1::");
	run(&r, &sessp_json, HIT("2001:db8:1:2::3", "from 2001:DB8:1:2::3", ""));
	assert_value(&r, "user_agent", "from 2001:db8:1::");
	run(&r, &sessp_json, HIT("::ffff:203.0.113.77", "from 203.0.113.77", ""));
	assert_value(&r, "ip", "::ffff:203.0.112.0");
	assert_value(&r, "user_agent", "from 203.0.112.0");
	run(&r, &sessp_json, HIT("client.example", "ua", ""));
	assert_value(&r, "ip", "");
	run_release(&r);
}

static void
a_family_without_a_prefix_is_not_masked(void **state)
{
	struct run r = { .opts = { .mask_ip4 = 24 } };

	(void)state;
	run(&r, &sessp_json, HIT("2001:db8:1:2::3", "ua", ""));
	assert_value(&r, "ip", "2001:db8:1:2::3");
	run_release(&r);
}

static void
queries_are_dropped_from_urls_and_texts(void **state)
{
	struct run r = { .opts = { .drop_query = true } };

	(void)state;
	run(&r, &sessp_json, "{\"t\":\"error\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\","
	    "\"dl\":\"http://h/a?b=1#c\",\"file\":\"http://h/x.js?v=1\","
	    "\"msg\":\"GET http://h/a?tok=1 failed (https://g/#x), see http://k\","
	    "\"stack\":\"at f (http://h/x.js?v=1:12:5) at http://h/y.js:1:2\"}");
	assert_value(&r, "kind", "error");
	assert_value(&r, "page_url", "http://h/a");
	assert_value(&r, "file", "http://h/x.js");
	assert_value(&r, "message", "GET http://h/a failed (https://g/), see http://k");
	assert_value(&r, "stack", "at f (http://h/x.js:12:5) at http://h/y.js:1:2");
	run_release(&r);
}

static void
queries_are_dropped_from_paths_in_texts(void **state)
{
	struct run r = { .opts = { .drop_query = true } };

	(void)state;
	run(&r, &sessp_json, "{\"t\":\"error\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\","
	    "\"msg\":\"GET /a?tok=1 of ../b#tok, list.php?tok[]=x&tok=1 or a=/c?tok=1: really? body#id.c\","
	    "\"stack\":\"a[href=\\\"/x?tok=1\\\"] {\\\"u\\\":\\\"https:\\\\/\\\\/h\\\\/y?tok=1\\\"}\"}");
	assert_value(&r, "message", "GET /a of ../b, list.php or a=/c: really? body#id.c");
	assert_value(&r, "stack", "a[href=\"/x\"] {\"u\":\"https:\\/\\/h\\/y\"}");
	run(&r, &sessp_json, "{\"t\":\"error\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\","
	    "\"dl\":\"http://h/a?tok=1&u=2#f\",\"msg\":\"no page for tok=1&u=2\"}");
	assert_value(&r, "message", "no page for ");
	run_release(&r);
}

static void
users_are_hashed_wherever_they_are_repeated(void **state)
{
	struct run r = { .opts = { .hash_key = KEY, .hash_key_len = 6 } };
	char id[33], name[33], expected[512];

	(void)state;
	sess_hash_user(KEY, 6, "u-1024", 6, id);
	sess_hash_user(KEY, 6, "\xe5\xbc\xa0\xe4\xbc\x9f", 6, name);
	assert_int_equal(strlen(id), 32);
	run(&r, &sessp_json, "{\"t\":\"error\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\","
	    "\"uid\":\"u-1024\",\"username\":\"张伟\",\"dl\":\"http://h/u-1024?n=%e5%bc%a0%E4%BC%9F\","
	    "\"msg\":\"no 张伟 (u-1024)\"}");
	assert_value(&r, "user_id", id);
	assert_value(&r, "user_name", name);
	snprintf(expected, sizeof(expected), "http://h/%s?n=%s", id, name);
	assert_value(&r, "page_url", expected);
	snprintf(expected, sizeof(expected), "no %s (%s)", name, id);
	assert_value(&r, "message", expected);
	assert_value(&r, "app_id", "p");
	/* in lower case, as the SDK names pages; in JSON in texts */
	run(&r, &sessp_json, "{\"t\":\"error\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\","
	    "\"uid\":\"U-1024\",\"username\":\"张伟😀\",\"page\":\"h/u-1024\","
	    "\"msg\":\"{\\\"n\\\":\\\"\\\\u5F20\\\\u4f1f\\\\ud83d\\\\ude00\\\"}\","
	    "\"stack\":\"\\\\\\\\u5f20\\\\\\\\u4f1f\\\\\\\\ud83d\\\\\\\\ude00\"}");
	sess_hash_user(KEY, 6, "U-1024", 6, id);
	sess_hash_user(KEY, 6, "张伟😀", 10, name);
	snprintf(expected, sizeof(expected), "h/%s", id);
	assert_value(&r, "page", expected);
	snprintf(expected, sizeof(expected), "{\"n\":\"%s\"}", name);
	assert_value(&r, "message", expected);
	assert_value(&r, "stack", name);
	run_release(&r);
}

static void
parameters_that_name_a_user_are_hashed(void **state)
{
	struct run r = { .opts = { .hash_key = KEY, .hash_key_len = 6 } };
	char id[33], name[33], expected[512];

	(void)state;
	sess_hash_user(KEY, 6, "u1", 2, id);
	sess_hash_user(KEY, 6, "a b", 3, name);
	run(&r, &sessp_json, "{\"ts\":1795468202.025,\"method\":\"GET\","
	    "\"uri\":\"/x?a=1&uid=u1&UserName=a%20b&user=&z=uid#uid=u1\",\"status\":200}");
	snprintf(expected, sizeof(expected), "/x?a=1&uid=%s&UserName=%s&user=&z=uid", id, name);
	assert_value(&r, "url", expected);
	run_release(&r);
}

/* Events that were converted before come out as if the options had been given
 * then; what was hashed isn't hashed again. */
static void
privacy_at_a_later_door_is_the_same(void **state)
{
	static const char line[] = HIT("203.0.113.77", "ua", "u-1024");
	static const struct sess_convert_opts opts = { .mask_ip4 = 24, .drop_query = true,
	    .hash_key = KEY, .hash_key_len = 6 };
	struct run raw = { .n = 0 }, at_once = { .opts = opts }, later = { .opts = opts };
	char *once;

	(void)state;
	run(&raw, &sessp_json, line);
	run(&at_once, &sessp_json, line);
	run(&later, &sessp_events, raw.lines.data);
	assert_string_equal(later.lines.data, at_once.lines.data);
	once = malloc(at_once.lines.len);
	assert_non_null(once);
	memcpy(once, at_once.lines.data, at_once.lines.len);
	run(&later, &sessp_events, once);
	assert_string_equal(later.lines.data, once);
	free(once);
	run_release(&raw);
	run_release(&at_once);
	run_release(&later);
}

static int
refuse(void *arg, const struct sess_event *ev)
{
	(void)ev;
	++*(int *)arg;
	return 1;
}

static void
a_sink_can_stop(void **state)
{
	struct sess_convert_opts opts = { .format = NULL };
	char line[512] = HIT("203.0.113.77", "ua", "u-1024");
	struct sess_err err = { .code = SESS_OK };
	struct sessp_conv *cv;
	int calls = 0;

	(void)state;
	assert_int_equal(sessp_conv_new(&cv, &opts, &err), SESS_OK);
	sessp_convert(cv, &sessp_json, "log", 1, line, strlen(line), refuse, &calls, &err);
	assert_true(cv->failed);
	assert_int_equal(calls, 1);
	sessp_conv_free(cv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_is_the_right_most_hop_on_the_internet),
		cmocka_unit_test(a_visitor_is_what_session_by_names),
		cmocka_unit_test(ids_that_are_none_are_left_out),
		cmocka_unit_test(masked_addresses_keep_their_first_bits),
		cmocka_unit_test(a_family_without_a_prefix_is_not_masked),
		cmocka_unit_test(queries_are_dropped_from_urls_and_texts),
		cmocka_unit_test(queries_are_dropped_from_paths_in_texts),
		cmocka_unit_test(users_are_hashed_wherever_they_are_repeated),
		cmocka_unit_test(parameters_that_name_a_user_are_hashed),
		cmocka_unit_test(privacy_at_a_later_door_is_the_same),
		cmocka_unit_test(a_sink_can_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
