/* ua, geo: what an agent and an address say. */
#include <errno.h>
#include <unistd.h>

#include "alloc.h"
#include "envelope.h"

static void
write_file(const char *path, const void *p, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* A name for a file of this test, removed by unlink. */
static const char *
temp_name(void)
{
	static char name[] = "/tmp/sess-test-ua-XXXXXX";
	int fd;

	memcpy(name + sizeof(name) - 7, "XXXXXX", 6);
	fd = mkstemp(name);
	assert_true(fd >= 0);
	close(fd);
	return name;
}

static void
assert_agent(struct sessp_ua *ua, const char *agent, const char *expected)
{
	static const enum sess_key keys[] = { SESS_K_BROWSER, SESS_K_BROWSER_VERSION, SESS_K_OS,
	    SESS_K_OS_VERSION, SESS_K_DEVICE, SESS_K_DEVICE_TYPE };
	static struct sess_event ev;
	char got[512] = "";
	size_t i, n;

	sess_event_reset(&ev);
	sessp_ua_set(ua, &ev, (struct sess_slice){ agent, strlen(agent) });
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct sess_slice s = sess_event_get(&ev, keys[i]);

		n = strlen(got);
		snprintf(got + n, sizeof(got) - n, "%s%.*s", i > 0 ? "|" : "", (int)s.len, s.p);
	}
	assert_string_equal(got, expected);
}

static void
agents_are_taken_apart(void **state)
{
	static const char *const rows[][2] = {
		{ "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		    "Chrome/126.0.0.0 Safari/537.36", "Chrome|126.0.0|Windows|10||pc" },
		{ "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
		    "like Gecko) Version/15.0 Mobile/15E148 Safari/604.1",
		    "Mobile Safari|15.0|iOS|15.0|Apple iPhone|mobile" },
		{ "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
		    "Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
		    "Mobile Safari|12.1|iOS|12.2|Apple iPad|tablet" },
		{ "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
		    "Chrome/120.0.0.0 Mobile Safari/537.36",
		    "Chrome Mobile|120.0.0|Android|14|Google Pixel 7|mobile" },
		{ "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		    "Googlebot|2.1|||Spider|bot" },
		{ "", "|||||" }, { "nobody knows", "|||||" }, { "\xff\xfe", "|||||" },
	};
	struct sess_err err = { .code = SESS_OK };
	struct sessp_ua *ua;
	size_t i;

	(void)state;
	if (!sessp_ua_available(NULL))
		skip();
	assert_int_equal(sessp_ua_new(&ua, NULL, &err), SESS_OK);
	for (i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++)
		assert_agent(ua, rows[i / 2][0], rows[i / 2][1]);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_agent(ua, rows[i][0], rows[i][1]);
	sessp_ua_free(ua);
}

static const char rules[] =
    "user_agent_parsers:\n"
    "  - regex: '(Evil)(a+)+$'\n"
    "  - regex: '(['\n"
    "  - regex: '(foo)/(\\d+)\\.(\\d+)'\n"
    "    family_replacement: ' $1 Browser$9 '\n"
    "  - regex: 'BAR'\n"
    "    regex_flag: 'i'\n"
    "    family_replacement: 'Bar'\n"
    "    v1_replacement: '7'\n"
    "  - nothing\n"
    "os_parsers:\n"
    "  - regex: 'foo'\n"
    "    os_replacement: 'Other'\n"
    "device_parsers:\n"
    "  - regex: 'foo/(\\S+)'\n"
    "    brand_replacement: 'ACME'\n";

static void
rules_are_followed_and_bad_ones_do_no_harm(void **state)
{
	const char *path = temp_name();
	struct sess_err err = { .code = SESS_OK };
	struct sessp_ua *ua;
	char evil[4096];

	(void)state;
	write_file(path, rules, sizeof(rules) - 1);
	assert_int_equal(sessp_ua_new(&ua, path, &err), SESS_OK);
	assert_agent(ua, "foo/1.25", "foo Browser|1.25|||ACME 1.25|");
	assert_agent(ua, "xbarx", "Bar|7||||");
	memset(evil, 'a', sizeof(evil));
	memcpy(evil, "Evil", 4);
	strcpy(evil + 900, "! foo/1.25");
	assert_agent(ua, evil, "foo Browser|1.25|||ACME 1.25|");
	sessp_ua_free(ua);
	unlink(path);
}

static void
what_was_asked_for_must_be_there(void **state)
{
	const char *path = temp_name();
	struct sess_err err = { .code = SESS_OK };
	struct sessp_ua *ua;

	(void)state;
	write_file(path, "a: [1, 2", 8);
	assert_int_equal(sessp_ua_new(&ua, path, &err), SESS_EFORMAT);
	assert_null(ua);
	assert_non_null(strstr(err.text, "no regexes of uap-core"));
	unlink(path);
	err = (struct sess_err){ .code = SESS_OK };
	assert_int_equal(sessp_ua_new(&ua, path, &err), SESS_ESYS);
	assert_int_equal(err.sys, ENOENT);
	assert_false(sessp_ua_available(path));
}

/* -- geo: a database of one network, made here */

/* An item of MaxMind's data format: control byte and bytes. */
static size_t
item(unsigned char *p, unsigned type, unsigned len)
{
	if (type < 8) {
		p[0] = (unsigned char)(type << 5 | len);
		return 1;
	}
	p[0] = (unsigned char)len;
	p[1] = (unsigned char)(type - 7);
	return 2;
}

static size_t
string(unsigned char *p, const char *s)
{
	size_t n = item(p, 2, (unsigned)strlen(s));

	memcpy(p + n, s, strlen(s));
	return n + strlen(s);
}

static size_t
number(unsigned char *p, const char *name, unsigned type, unsigned v)
{
	size_t n = string(p, name);

	n += item(p + n, type, 2);
	p[n++] = (unsigned char)(v >> 8);
	p[n++] = (unsigned char)v;
	return n;
}

/* {"names":{"en":name}} or, for zh, {"names":{"zh-CN":name}} */
static size_t
names(unsigned char *p, const char *language, const char *name)
{
	size_t n = item(p, 7, 1);

	n += string(p + n, "names");
	n += item(p + n, 7, 1);
	n += string(p + n, language);
	return n + string(p + n, name);
}

/* 203.0.0.0/8: a tree of eight nodes, three bytes a record. */
static size_t
database(unsigned char *p)
{
	size_t n = 0;
	unsigned i, next, miss = 8;

	for (i = 0; i < 8; i++) {
		next = i < 7 ? i + 1 : 8 + 16;	/* the data's first byte */
		for (unsigned bit = 0; bit < 2; bit++) {
			unsigned v = (203u >> (7 - i) & 1) == bit ? next : miss;

			p[n++] = 0;
			p[n++] = (unsigned char)(v >> 8);
			p[n++] = (unsigned char)v;
		}
	}
	memset(p + n, 0, 16);
	n += 16;
	n += item(p + n, 7, 4);
	n += string(p + n, "country");
	n += names(p + n, "en", "Utopia");
	n += string(p + n, "city");
	n += names(p + n, "zh-CN", "\xe5\xb8\x82");
	n += string(p + n, "isp");
	n += string(p + n, "Carrier");
	n += string(p + n, "subdivisions");
	n += item(p + n, 11, 1);
	n += names(p + n, "en", "North");
	memcpy(p + n, "\xab\xcd\xefMaxMind.com", 14);
	n += 14;
	n += item(p + n, 7, 9);
	n += number(p + n, "node_count", 6, 8);
	n += number(p + n, "build_epoch", 9, 1);
	n += string(p + n, "languages");
	n += item(p + n, 11, 0);
	n += string(p + n, "description");
	n += item(p + n, 7, 0);
	n += number(p + n, "record_size", 5, 24);
	n += number(p + n, "ip_version", 5, 4);
	n += number(p + n, "binary_format_major_version", 5, 2);
	n += number(p + n, "binary_format_minor_version", 5, 0);
	n += string(p + n, "database_type");
	return n + string(p + n, "Test-City");
}

#define HIT(ip) "{\"ts\":1795468202.025,\"remote_addr\":\"" ip "\",\"method\":\"GET\",\"path\":\"/x\"}"

static void
addresses_have_places(void **state)
{
	const char *path = temp_name();
	unsigned char db[1024];
	struct run r = { .opts = { .geoip = path } };

	(void)state;
	write_file(path, db, database(db));
	run(&r, &sessp_json, HIT("203.0.113.7"));
	assert_value(&r, "country", "Utopia");
	assert_value(&r, "region", "North");
	assert_value(&r, "city", "\xe5\xb8\x82");
	assert_value(&r, "isp", "Carrier");
	run(&r, &sessp_json, HIT("204.0.113.7"));
	assert_value(&r, "country", "");
	run(&r, &sessp_json, HIT("2001:db8::1"));
	assert_value(&r, "country", "");
	run(&r, &sessp_json, HIT("somewhere"));
	assert_value(&r, "country", "");
	run_release(&r);
	unlink(path);
}

static void
a_database_that_is_none_is_said(void **state)
{
	const char *path = temp_name();
	struct sess_err err = { .code = SESS_OK };
	struct sessp_geo *g;

	(void)state;
	write_file(path, "hello", 5);
	assert_int_equal(sessp_geo_open(&g, path, &err), SESS_EFORMAT);
	assert_null(g);
	assert_non_null(strstr(err.text, path));
	unlink(path);
	err = (struct sess_err){ .code = SESS_OK };
	assert_int_equal(sessp_geo_open(&g, path, &err), SESS_ESYS);
	assert_non_null(strstr(err.text, "No such file"));
}

static void
memory_that_runs_out_loses_the_keys_alone(void **state)
{
	const char *path = temp_name();
	static struct sess_event ev;
	struct sess_err err;
	struct sessp_ua *ua;
	long n;

	(void)state;
	write_file(path, rules, sizeof(rules) - 1);
	for (n = 0; ; n++) {
		err = (struct sess_err){ .code = SESS_OK };
		alloc_fail_at(n);
		if (sessp_ua_new(&ua, path, &err) == SESS_OK) {
			sess_event_reset(&ev);
			sessp_ua_set(ua, &ev, (struct sess_slice){ "foo/1.25", 8 });
			sessp_ua_free(ua);
		} else {
			assert_null(ua);
		}
		if (!alloc_failed())
			break;
	}
	alloc_fail_at(-1);
	assert_true(n > 5);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents_are_taken_apart),
		cmocka_unit_test(rules_are_followed_and_bad_ones_do_no_harm),
		cmocka_unit_test(what_was_asked_for_must_be_there),
		cmocka_unit_test(addresses_have_places),
		cmocka_unit_test(a_database_that_is_none_is_said),
		cmocka_unit_test(memory_that_runs_out_loses_the_keys_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
