/* format: what a file is recognised as, and a converter's life. */
#include "alloc.h"
#include "envelope.h"

#define COMBINED(second, request) "203.0.113.7 - - [23/Nov/2026:21:10:" second " +0000] \"GET /" \
	request " HTTP/1.1\" 200 1 \"-\" \"curl/8\"\n"
#define COMMON "203.0.113.7 - - [23/Nov/2026:21:10:02 +0000] \"GET / HTTP/1.1\" 200 1\n"
#define ARMS "{\"t\":\"pv\",\"begin\":1626320736212,\"sid\":\"s\",\"pid\":\"p\"}\n"
#define EVENT "{\"v\":1,\"id\":\"9f86d081884c7d65\",\"received\":\"2026-11-23T20:31:58.003Z\"," \
	"\"kind\":\"api\"}\n"
#define ACCESS(second) "{\"time\":\"2026-11-23T21:10:" second "Z\",\"method\":\"GET\"," \
	"\"uri\":\"/x\",\"status\":200}\n"

static const struct sessp_format *
sniff(const char *text)
{
	return sessp_sniff(text, strlen(text), true);
}

static void
formats_are_recognised_by_content(void **state)
{
	(void)state;
	assert_ptr_equal(sniff(COMBINED("02", "")), &sessp_combined);
	assert_ptr_equal(sniff(COMMON), &sessp_common);
	assert_ptr_equal(sniff(EVENT), &sessp_events);
	assert_ptr_equal(sniff(ACCESS("02")), &sessp_access_json);
	assert_ptr_equal(sniff(ARMS), &sessp_json);
	assert_ptr_equal(sniff("{\"__time__\":\"1\",\"t\":\"pv\",\"begin\":\"1626320736212\","
	    "\"sid\":\"s\",\"pid\":\"p\"}"), &sessp_sls);
	assert_ptr_equal(sniff("key\t" EVENT), &sessp_keyed);
	assert_ptr_equal(sniff("t,begin,sid,pid\r\npv,1,s,p\r\n"), &sessp_csv);
	assert_ptr_equal(sniff("\"time\",\"request_method\",\"request_uri\",\"status\"\n"), &sessp_csv);
	assert_ptr_equal(sniff(" [\n " ARMS "," ARMS "]"), &sessp_array);
	assert_ptr_equal(sniff("[]\n"), &sessp_array);
}

static void
a_mark_blank_lines_and_carriage_returns_do_not_matter(void **state)
{
	(void)state;
	assert_ptr_equal(sniff("\xef\xbb\xbf\r\n \n" ARMS), &sessp_json);
	assert_ptr_equal(sniff("{\"t\":\"pv\",\"begin\":1,\"sid\":\"s\",\"pid\":\"p\"}\r\n"), &sessp_json);
}

static void
strangers_are_not_recognised(void **state)
{
	static const char *const texts[] = { "", "\n", "hello\n", "{\"a\":1}\n", "{}", "[1,2]", "[",
		"[{\"a\":1}]", "a,b\n1,2\n", "{", "\xef\xbb\xbf", "<?xml?>" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_null(sniff(texts[i]));
}

static void
the_majority_decides(void **state)
{
	(void)state;
	assert_ptr_equal(sniff(ARMS "garbage\n" ARMS), &sessp_json);
	assert_ptr_equal(sniff("cut line\n" COMBINED("02", "") "\n\n\n\n"), &sessp_combined);
	assert_null(sniff("garbage\ngarbage\n" ARMS));
	assert_ptr_equal(sniff(ARMS EVENT EVENT), &sessp_events);
	assert_ptr_equal(sniff(ARMS ARMS EVENT), &sessp_json);
}

static void
a_last_line_that_is_cut_does_not_count(void **state)
{
	static const char text[] = ARMS "{\"t\":\"p";

	(void)state;
	assert_ptr_equal(sessp_sniff(text, sizeof(text) - 1, false), &sessp_json);
	assert_ptr_equal(sessp_sniff(text, sizeof(text) - 1, true), &sessp_json);
}

static void
one_line_longer_than_the_head_is_judged_by_its_begin(void **state)
{
	static const char start[] = "{\"time\":\"2026-11-23T21:10:02Z\",\"method\":\"POST\","
	    "\"uri\":\"/x\",\"status\":200,\"request_body\":\"";
	size_t len = 1 << 20;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, start, sizeof(start) - 1);
	assert_ptr_equal(sessp_sniff(text, len, false), &sessp_access_json);
	free(text);
}

static void
a_map_makes_any_objects_a_format(void **state)
{
	struct sess_convert_opts o = { .map = "kind = \"api\"", .map_len = 12 };

	(void)state;
	assert_ptr_equal(sessp_sniff_opts(&o, " {\"a\":1}", 8, true), &sessp_json);
	assert_ptr_equal(sessp_sniff_opts(&o, "[{\"a\":1}]", 9, true), &sessp_array);
	assert_null(sessp_sniff_opts(&o, "hello", 5, true));
	o.format = "combined";
	assert_ptr_equal(sessp_sniff_opts(&o, "hello", 5, true), &sessp_combined);
}

static void
formats_are_found_by_name(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; sessp_formats[i] != NULL; i++)
		assert_ptr_equal(sessp_format_find(sessp_formats[i]->name), sessp_formats[i]);
	assert_null(sessp_format_find("nginx"));
}

static void
blank_records_are_ignored(void **state)
{
	static const char *const blanks[] = { "", " ", "\r", "\t \r", "\xef\xbb\xbf" };
	struct run r = { .n = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(blanks) / sizeof(*blanks); i++)
		assert_int_equal(run(&r, &sessp_json, blanks[i]), SESSP_IGNORED);
	assert_true(sessp_blank("\xef\xbb\xbf \r\n", 6));
	assert_false(sessp_blank("x", 1));
	run_release(&r);
}

/* -- equal lines of a second */

static void
id_of(struct run *r, const struct sessp_format *f, const char *line, char id[17])
{
	assert_int_equal(run_bytes(r, f, line, strlen(line) - 1), SESSP_CONVERTED);
	snprintf(id, 17, "%s", value_of(r, 0, "id"));
}

static void
equal_lines_of_a_second_have_ids_of_their_own(void **state)
{
	static const struct { const struct sessp_format *f; const char *line, *later; } both[] = {
		{ &sessp_combined, COMBINED("02", "x"), COMBINED("03", "x") },
		{ &sessp_access_json, ACCESS("02"), ACCESS("03") },
	};
	struct run r = { .n = 0 };
	char first[17], second[17], third[17];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		id_of(&r, both[i].f, both[i].line, first);
		id_of(&r, both[i].f, both[i].line, second);
		assert_string_not_equal(first, second);
		id_of(&r, both[i].f, both[i].later, third);
		id_of(&r, both[i].f, both[i].line, third);
		assert_string_equal(first, third);
	}
	run_release(&r);
}

static void
a_block_goes_on_counting_where_the_one_before_ended(void **state)
{
	static const struct {
		const struct sessp_format *f;
		const char *text, *tail, *line;
	} rows[] = {
		{ &sessp_combined, COMBINED("01", "a") COMBINED("02", "x") COMBINED("02", "b"),
		    COMBINED("02", "x") COMBINED("02", "b"), COMBINED("02", "x") },
		{ &sessp_access_json, ACCESS("01") ACCESS("02"), ACCESS("02"), ACCESS("02") },
	};
	struct run r = { .n = 0 };
	char whole[17], split[17], text[1024];
	size_t i, off, len;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		len = strlen(rows[i].text);
		memset(text, 0, sizeof(text));
		memcpy(text, rows[i].text, len);
		off = sessp_tail(rows[i].f, NULL, 0, text, len);
		assert_string_equal(rows[i].text + off, rows[i].tail);
		id_of(&r, rows[i].f, rows[i].line, whole);
		id_of(&r, rows[i].f, rows[i].line, whole);
		sessp_conv_seconds(r.cv, rows[i].f, text + off, len - off);
		id_of(&r, rows[i].f, rows[i].line, split);
		assert_string_equal(whole, split);
		sessp_conv_seconds(r.cv, rows[i].f, text, 0);
	}
	run_release(&r);
}

static void
formats_without_plain_requests_need_no_tail(void **state)
{
	char text[256] = ARMS ARMS;
	size_t len = strlen(text);

	(void)state;
	assert_int_equal(sessp_tail(&sessp_json, NULL, 0, text, len), len);
	assert_int_equal(sessp_tail(&sessp_events, NULL, 0, text, len), len);
	assert_int_equal(sessp_tail(&sessp_csv, NULL, 0, text, len), len);
	assert_int_equal(sessp_tail(&sessp_combined, NULL, 0, text, 0), 0);
	assert_int_equal(sessp_tail(&sessp_combined, NULL, 0, text, len), len);
}

static void
many_different_lines_of_a_second_are_kept_apart(void **state)
{
	struct run r = { .n = 0 };
	char line[256], id[17], again[17];
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), COMBINED("02", "%d"), i);
		id_of(&r, &sessp_combined, line, id);
	}
	snprintf(line, sizeof(line), COMBINED("02", "%d"), 2999);
	id_of(&r, &sessp_combined, line, again);
	assert_string_not_equal(id, again);
	run_release(&r);
}

/* -- identity */

static void
identity_knows_no_order_and_no_empty_values(void **state)
{
#define S(x) ((struct sess_slice){ x, sizeof(x) - 1 })
	struct sessp_ident a = { 0, 0 }, b = { 0, 0 }, c = { 0, 0 }, d = { 0, 0 };

	(void)state;
	sessp_ident_add(&a, S("t"), S("pv"));
	sessp_ident_add(&a, S("page"), S("a value that is longer than sixteen bytes"));
	sessp_ident_add(&b, S("page"), S("a value that is longer than sixteen bytes"));
	sessp_ident_add(&b, S("tag"), S(""));
	sessp_ident_add(&b, S("t"), S("pv"));
	assert_int_equal(sessp_ident_finish(&a), sessp_ident_finish(&b));
	/* names and values don't run into one another, nor do pairs */
	sessp_ident_add(&c, S("tp"), S("v"));
	sessp_ident_add(&d, S("t"), S("pv"));
	assert_int_not_equal(sessp_ident_finish(&c), sessp_ident_finish(&d));
	sessp_ident_add(&c, S("x"), S("y"));
	sessp_ident_add(&d, S("x"), S("y"));
	assert_int_not_equal(sessp_ident_finish(&c), sessp_ident_finish(&d));
}

static void
identity_is_the_same_for_ever(void **state)
{
	struct sessp_ident id = { 0, 0 };

	(void)state;
	sessp_ident_add(&id, S("t"), S("pv"));
	sessp_ident_add(&id, S("begin"), S("1626320736212"));
	sessp_ident_add(&id, S("page"), S("example.com/a/very/long/page/name"));
	assert_int_equal(sessp_ident_finish(&id), 0xf6127ba0a45df998u);
}

static void
identities_do_not_collide(void **state)
{
	enum { N = 200000 };
	uint64_t *seen = calloc(1 << 20, sizeof(*seen)), h;
	char text[32];
	size_t slot;
	int i;

	(void)state;
	assert_non_null(seen);
	for (i = 0; i < N; i++) {
		struct sessp_ident id = { 0, 0 };

		sessp_ident_add(&id, S("a"), (struct sess_slice){ text,
		    (size_t)snprintf(text, sizeof(text), "%d", i % 500) });
		sessp_ident_add(&id, S("b"), (struct sess_slice){ text,
		    (size_t)snprintf(text, sizeof(text), "%d", i / 500) });
		h = sessp_ident_finish(&id);
		for (slot = h >> 44; seen[slot] != 0; slot = (slot + 1) % (1 << 20))
			assert_int_not_equal(seen[slot], h);
		seen[slot] = h;
	}
	free(seen);
}

/* -- memory */

static void
memory_that_runs_out_is_said(void **state)
{
	static const struct { const struct sessp_format *f; const char *line; } rows[] = {
		{ &sessp_combined, COMBINED("02", "\\x41?uid=zhang") },
		{ &sessp_access_json, ACCESS("02") },
		{ &sessp_json, ARMS },
		{ &sessp_events, EVENT },
		{ &sessp_access_json, "{\"ts\":1795468202.025,\"method\":\"POST\",\"path\":\"/x\",\"headers\":"
		    "{\"user-agent\":\"a\\u0041\"},\"body\":\"H4sIAAAAAAACA6tWKkotVrICUgA=\","
		    "\"body_encoding\":\"base64\"}\n" },
	};
	struct sess_convert_opts opts = { .mask_ip4 = 24, .drop_query = true,
	    .hash_key = (const unsigned char *)"k", .hash_key_len = 1 };
	struct sessp_conv *cv;
	char line[512];
	size_t i;
	long n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(line, 0, sizeof(line));
		memcpy(line, rows[i].line, strlen(rows[i].line) - 1);
		for (n = 0; ; n++) {
			struct sess_err err = { .code = SESS_OK };
			enum sess_status st;

			cv = NULL;
			alloc_fail_at(n);
			st = sessp_conv_new(&cv, &opts, &err);
			if (st == SESS_OK) {
				sessp_ua_free(cv->ua);	/* has a test of its own */
				cv->ua = NULL;
				(void)sessp_convert(cv, rows[i].f, "log", 1, line, strlen(line),
				    NULL, NULL, &err);
				if (cv->failed)
					st = SESS_ENOMEM;
			}
			if (st == SESS_ENOMEM)
				assert_int_equal(err.code, SESS_ENOMEM);
			sessp_conv_free(cv);
			if (!alloc_failed())
				break;
		}
		alloc_fail_at(-1);
		assert_true(n > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_recognised_by_content),
		cmocka_unit_test(a_mark_blank_lines_and_carriage_returns_do_not_matter),
		cmocka_unit_test(strangers_are_not_recognised),
		cmocka_unit_test(the_majority_decides),
		cmocka_unit_test(a_last_line_that_is_cut_does_not_count),
		cmocka_unit_test(one_line_longer_than_the_head_is_judged_by_its_begin),
		cmocka_unit_test(a_map_makes_any_objects_a_format),
		cmocka_unit_test(formats_are_found_by_name),
		cmocka_unit_test(blank_records_are_ignored),
		cmocka_unit_test(equal_lines_of_a_second_have_ids_of_their_own),
		cmocka_unit_test(a_block_goes_on_counting_where_the_one_before_ended),
		cmocka_unit_test(formats_without_plain_requests_need_no_tail),
		cmocka_unit_test(many_different_lines_of_a_second_are_kept_apart),
		cmocka_unit_test(identity_knows_no_order_and_no_empty_values),
		cmocka_unit_test(identity_is_the_same_for_ever),
		cmocka_unit_test(identities_do_not_collide),
		cmocka_unit_test(memory_that_runs_out_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
