/* --map: any NDJSON to events. */
#include "beacon.h"

#include "alloc.h"

static enum sessp_verdict
mapped(struct run *r, const char *map, const char *line)
{
	run_release(r);
	r->opts.map = map;
	r->opts.map_len = strlen(map);
	return run(r, &sessp_json, line);
}

static void
a_record_becomes_what_the_map_says(void **state)
{
	static const char map[] =
	    "# what our server writes\n"
	    "\n"
	    "time = .ts | ms\r\n"
	    "kind=\"api\"# constant\n"
	    "session_id = .ctx.sid\n"
	    "user_name = .ctx.user[\"full name\"] // .ctx.user.name // \"nobody\"\n"
	    "api = .[\"req.path\"] // .req.url | lower\n"
	    "method = .req.method | upper\n"
	    "duration_ms = .took | s\n"
	    "size = .bytes[1]\n"
	    "status = 200\n"
	    "ok = .fine\n"
	    "line = .pos | int\n"
	    "snapshot = .req\n"
	    "trace_id = .trace.\"id\"\n";
	struct run r = { .n = 0 };

	(void)state;
	assert_int_equal(mapped(&r, map, "{\"ts\":1795468202025,\"ctx\":{\"sid\":\"s\",\"user\":{\"name\":\"a\"}},"
	    "\"req\":{\"url\":\"/A/B\",\"method\":\"get\"},\"took\":0.1234567,\"bytes\":[1, 22 ,3],\"fine\":false,"
	    "\"pos\":\"12.9\",\"tr\\u0061ce\":{\"id\":\"\\u00e4\"}}"), SESSP_CONVERTED);
	assert_value(&r, "time", "1795468202025");
	assert_value(&r, "kind", "api");
	assert_value(&r, "session_id", "s");
	assert_value(&r, "user_name", "a");
	assert_value(&r, "api", "/a/b");
	assert_value(&r, "method", "GET");
	assert_value(&r, "duration_ms", "123.457");
	assert_value(&r, "size", "22");
	assert_value(&r, "status", "200");
	assert_value(&r, "ok", "false");
	assert_value(&r, "line", "12");
	assert_value(&r, "snapshot", "{\"url\":\"/A/B\",\"method\":\"get\"}");
	assert_value(&r, "trace_id", "ä");
	run(&r, &sessp_json, "{\"ts\":1795468202025,\"ctx\":{\"user\":{\"full name\":null}},\"bytes\":[1]}");
	assert_value(&r, "user_name", "nobody");
	assert_value(&r, "size", "");
	assert_value(&r, "session_id", "");
	run_release(&r);
}

static void
times_have_the_unit_they_are_given(void **state)
{
	static const struct { const char *map, *line, *ms; } cases[] = {
		{ "time = .t | s", "{\"t\":1795468202.025}", "1795468202025" },
		{ "time = .t | us", "{\"t\":\"1795468202025999\"}", "1795468202025" },
		{ "time = .t | ns", "{\"t\":1795468202025999999}", "1795468202025" },
		{ "time = .t | ms", "{\"t\":5}", "5" },
		{ "time = .t | rfc3339", "{\"t\":\"2026-11-23T21:10:02.025Z\"}", "1795468202025" },
		{ "time = .t", "{\"t\":\"2026-11-23T21:10:02.025Z\"}", "1795468202025" },
		{ "time = .t", "{\"t\":1795468202}", "1795468202000" },
		{ "time = .x // .t", "  {\"t\":1795468202}  ", "1795468202000" },
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mapped(&r, cases[i].map, cases[i].line), SESSP_CONVERTED);
		assert_value(&r, "time", cases[i].ms);
	}
	run_release(&r);
}

static void
a_kind_that_is_none_is_the_name_of_a_custom_event(void **state)
{
	struct run r = { .n = 0 };

	(void)state;
	mapped(&r, "time=.t|ms\nkind=.k", "{\"t\":1,\"k\":\"error\"}");
	assert_value(&r, "kind", "error");
	run(&r, &sessp_json, "{\"t\":1,\"k\":\"logout\"}");
	assert_value(&r, "kind", "custom");
	assert_value(&r, "name", "logout");
	mapped(&r, "time=.t|ms\nkind=.k\nname=.n", "{\"t\":1,\"k\":\"logout\",\"n\":\"mine\"}");
	assert_value(&r, "name", "mine");
	mapped(&r, "time=.t|ms", "{\"t\":1}");
	assert_value(&r, "kind", "custom");
	run_release(&r);
}

static void
identity_is_what_a_record_says(void **state)
{
	struct run r = { .n = 0 };
	char id[17];

	(void)state;
	mapped(&r, "time=.t|ms", "{\"t\":1,\"a\":{\"b\":2},\"c\":\"x\"}");
	strcpy(id, value_of(&r, 0, "id"));
	run(&r, &sessp_json, "{ \"c\":\"\\u0078\", \"a\":{\"b\":2}, \"t\":1 }");
	assert_value(&r, "id", id);
	run(&r, &sessp_json, "{\"t\":1,\"a\":{\"b\":3},\"c\":\"x\"}");
	assert_string_not_equal(value_of(&r, 0, "id"), id);
	run_release(&r);
}

static void
a_record_without_a_time_is_rejected(void **state)
{
	static const char *const lines[] = {
		"{\"a\":1}", "{\"t\":\"noon\"}", "{\"t\":{\"t\":1}}", "{\"t\":1e300}", "{\"t\":null}",
		"{\"t\":\"\"}", "{}",
	};
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(mapped(&r, "time = .t | ms\nuser_id = .u", lines[i]), SESSP_REJECTED);
		assert_error(&r, "no time where the map looks for it");
	}
	assert_int_equal(mapped(&r, "received = .t | ms", "{\"t\":7}"), SESSP_CONVERTED);
	assert_value(&r, "received", "7");
	run_release(&r);
}

static void
a_map_that_is_wrong_is_told_by_its_line(void **state)
{
	static const struct { const char *map, *why; uint64_t line; } cases[] = {
		{ "", "the map sets no key", 0 },
		{ "# only this", "the map sets no key", 0 },
		{ "\ncolour = .c", "line 2 of the map: no key that can be set: see sess-event(5)", 2 },
		{ "id = .c", "line 1 of the map: no key that can be set: see sess-event(5)", 1 },
		{ "page .c", "line 1 of the map: a = is missing", 1 },
		{ "page =", "line 1 of the map: a value is a .path, a \"text\", a number, true or false", 1 },
		{ "page = c", "line 1 of the map: a value is a .path, a \"text\", a number, true or false", 1 },
		{ "page = .", "line 1 of the map: a name is missing behind the dot", 1 },
		{ "page = .a..b", "line 1 of the map: a name is missing behind the dot", 1 },
		{ "page = .a[", "line 1 of the map: a number or a quoted name is missing behind [", 1 },
		{ "page = .a[-1]", "line 1 of the map: a number or a quoted name is missing behind [", 1 },
		{ "page = .a[1", "line 1 of the map: a ] is missing", 1 },
		{ "page = \"a", "line 1 of the map: a quote is not closed", 1 },
		{ "page = \"a\\x\"", "line 1 of the map: the text in quotes is no JSON string", 1 },
		{ "page = \"\\ud800\"", "line 1 of the map: the text in quotes is no JSON string", 1 },
		{ "page = .a | shout", "line 1 of the map: no such conversion: s, ms, us, ns, rfc3339, int, "
		    "lower, upper", 1 },
		{ "page = .a | ms", "line 1 of the map: the conversion is not for that key", 1 },
		{ "duration_ms = .a | s | int", "line 1 of the map: a unit, or rfc3339, is the last conversion", 1 },
		{ "page = .a .b", "line 1 of the map: text behind the value", 1 },
		{ "page = .a //", "line 1 of the map: a value is a .path, a \"text\", a number, true or false", 1 },
		{ "page = .a\npage = .b", "line 2 of the map: the key is set a second time", 2 },
		{ "page = .a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "line 1 of the map: a path of more than 16 steps", 1 },
	};
	struct sess_err err;
	struct sessp_map *m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct sess_err){ .code = SESS_OK };
		assert_int_equal(sessp_map_load(&m, cases[i].map, strlen(cases[i].map), &err), SESS_EFORMAT);
		assert_null(m);
		assert_string_equal(err.text, cases[i].why);
		assert_int_equal(err.line, cases[i].line);
	}
	sessp_map_free(NULL);
}

static void
loading_a_map_without_memory_leaks_nothing(void **state)
{
	static const char map[] = "time = .ts | ms\napi = .[\"a b\"] // .c[0].d // \"x\" | lower\n";
	struct sess_err err;
	struct sessp_map *m;
	enum sess_status st;
	bool failed = true;
	long n;

	(void)state;
	for (n = 0; failed; n++) {
		err = (struct sess_err){ .code = SESS_OK };
		alloc_fail_at(n);
		st = sessp_map_load(&m, map, sizeof(map) - 1, &err);
		failed = alloc_failed();
		alloc_fail_at(-1);
		assert_int_equal(st, failed ? SESS_ENOMEM : SESS_OK);
		assert_true((m == NULL) == failed);
		sessp_map_free(m);
	}
	assert_true(n > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_becomes_what_the_map_says),
		cmocka_unit_test(times_have_the_unit_they_are_given),
		cmocka_unit_test(a_kind_that_is_none_is_the_name_of_a_custom_event),
		cmocka_unit_test(identity_is_what_a_record_says),
		cmocka_unit_test(a_record_without_a_time_is_rejected),
		cmocka_unit_test(a_map_that_is_wrong_is_told_by_its_line),
		cmocka_unit_test(loading_a_map_without_memory_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
