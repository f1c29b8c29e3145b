#include <stdarg.h>
#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/event/private.h"
#include "alloc.h"
#include "sess/when.h"

static const char full[] = "{\"v\":1,\"id\":\"9f86d081884c7d65\","
    "\"time\":\"2026-11-23T20:31:57.120Z\",\"received\":\"2026-11-23T20:31:58.003Z\","
    "\"kind\":\"api\",\"session_id\":\"s1\",\"user_name\":\"\xe5\xbc\xa0\xe4\xbc\x9f\","
    "\"api\":\"/v1/order/**\",\"status\":\"500\",\"ok\":false,\"duration_ms\":312.5,"
    "\"message\":\"a \\\"b\\\"\\n\\u0001\",\"extra\":{\"x\":[1,{}]},\"src\":\"a.tar!b:7\"}";

static void
set(struct sess_event *ev, enum sess_key k, const char *s)
{
	sess_event_set(ev, k, s, strlen(s));
}

static void
is(const struct sess_event *ev, enum sess_key k, const char *want)
{
	struct sess_slice s = sess_event_get(ev, k);

	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

/* What the event is written as, without what all have. */
static void
written(struct sess_event *ev, const char *want)
{
	static const char head[] = "{\"v\":1,\"id\":\"0000000000000001\","
	    "\"time\":\"1970-01-01T00:00:00.000Z\",\"kind\":\"view\"";
	struct sess_buf b = { 0 };
	size_t n = sizeof(head) - 1;

	ev->id = 1;
	ev->kind = SESS_VIEW;
	ev->time = 0;
	assert_int_equal(sess_event_write(ev, &b), SESS_OK);
	assert_true(b.len > n + 2);
	assert_memory_equal(b.data, head, n);
	assert_memory_equal(b.data + b.len - 2, "}\n", 2);
	assert_int_equal(b.len - n - 2, strlen(want));
	assert_memory_equal(b.data + n, want, strlen(want));
	sess_buf_release(&b);
}

/* Prints what to put into keys.c when keys were added. */
static void
print_key_table(void)
{
	uint64_t state = 0, z, h;
	unsigned char slot[256];
	int k;

	do {
		z = state += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		z = (z ^ z >> 31) | 1;
		memset(slot, 0, sizeof(slot));
		for (k = 0; k < SESS_NKEYS; k++) {
			uint64_t head, tail;

			sessp_words(sess_keys[k].name, sess_keys[k].len, &head, &tail);
			h = sessp_words_hash(head, tail, sess_keys[k].len) * z >> 56;
			if (slot[h] != 0)
				break;
			slot[h] = (unsigned char)(k + 1);
		}
	} while (k < SESS_NKEYS);
	print_error("#define KEY_SEED 0x%016llxu\n", (unsigned long long)z);
	for (k = 0; k < 256; k++)
		print_error("%s%d,%s", k % 20 == 0 ? "\t" : " ",
		    slot[k] > 0 ? slot[k] - 1 : 0, k % 20 == 19 ? "\n" : "");
	print_error("\n");
}

static void
each_key_is_found_and_nothing_else(void **state)
{
	char longer[32];

	(void)state;
	for (int k = 0; k < SESS_NKEYS; k++) {
		const struct sess_key_info *i = &sess_keys[k];

		if (sess_key_find(i->name, i->len) != k)
			print_key_table();
		assert_int_equal(sess_key_find(i->name, i->len), k);
		assert_int_equal(i->len, strlen(i->name));
		snprintf(longer, sizeof(longer), "%sx", i->name);
		assert_int_equal(sess_key_find(longer, i->len + 1), -1);
		longer[0] ^= 1;
		assert_int_equal(sess_key_find(longer, i->len), -1);
	}
	assert_int_equal(sess_key_find("", 0), -1);
	assert_int_equal(sess_key_find("v\0", 2), -1);
	assert_int_equal(sess_key_find("a_name_longer_than_any_key", 26), -1);
}

static void
each_kind_is_found(void **state)
{
	(void)state;
	for (int k = 0; k < SESS_NKINDS; k++)
		assert_int_equal(sess_kind_find(sess_kinds[k], strlen(sess_kinds[k])), k);
	assert_int_equal(sess_kind_find("views", 5), -1);
	assert_int_equal(sess_kind_find("vie", 3), -1);
	assert_int_equal(sess_kind_find("", 0), -1);
}

static void
a_line_is_read_into_its_keys(void **state)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;
	int64_t when;

	(void)state;
	assert_int_equal(sess_event_scan(&sc, &ev, full, sizeof(full) - 1, NULL), SESS_OK);
	assert_int_equal(ev.id, 0x9f86d081884c7d65);
	assert_int_equal(ev.kind, SESS_API);
	assert_int_equal(sess_when_rfc3339("2026-11-23T20:31:57.120Z", 24, &when), 0);
	assert_int_equal(ev.time, when);
	assert_int_equal(ev.received, when + 883);
	is(&ev, SESS_K_SESSION_ID, "s1");
	is(&ev, SESS_K_USER_NAME, "\xe5\xbc\xa0\xe4\xbc\x9f");
	is(&ev, SESS_K_MESSAGE, "a \"b\"\n\x01");
	is(&ev, SESS_K_EXTRA, "{\"x\":[1,{}]}");
	is(&ev, SESS_K_SRC, "a.tar!b:7");
	assert_false(sess_event_has(&ev, SESS_K_URL));
	assert_true(sess_event_failed(&ev));
	assert_true(sess_event_num(&ev, SESS_K_DURATION_MS, -1) == 312.5);
	assert_int_equal(sess_event_int(&ev, SESS_K_DURATION_MS, -1), 312);
	assert_int_equal(sess_event_times(&ev), 1);
	assert_int_equal(sess_event_nkeys(&ev), 10);
	assert_ptr_equal(ev.line, full);
	assert_int_equal(ev.line_len, sizeof(full) - 1);
	sess_event_scanner_release(&sc);
}

static void
what_is_read_and_written_is_the_same_bytes(void **state)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;
	struct sess_buf b = { 0 };

	(void)state;
	assert_int_equal(sess_event_scan(&sc, &ev, full, sizeof(full) - 1, NULL), SESS_OK);
	for (int i = 0; i < 2; i++) {
		b.len = 0;
		assert_int_equal(sess_event_write(&ev, &b), SESS_OK);
		assert_int_equal(b.len, sizeof(full));
		assert_memory_equal(b.data, full, sizeof(full) - 1);
		assert_int_equal(b.data[b.len - 1], '\n');
		ev.line = NULL;
	}
	sess_buf_release(&b);
	sess_event_scanner_release(&sc);
}

static void
unknown_keys_stay_in_the_line(void **state)
{
	const char line[] = "{\"new\":[1], \"kind\":\"view\",\"id\":\"0123456789abcdef\","
	    "\"received\":\"2026-11-23T20:31:58Z\",\"v\":1,\"p\\u0061ge\":\"x\"}";
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;
	struct sess_buf b = { 0 };

	(void)state;
	assert_int_equal(sess_event_scan(&sc, &ev, line, sizeof(line) - 1, NULL), SESS_OK);
	assert_int_equal(ev.time, SESS_NO_TIME);
	is(&ev, SESS_K_PAGE, "x");
	assert_int_equal(sess_event_write(&ev, &b), SESS_OK);
	assert_int_equal(b.len, sizeof(line));
	assert_memory_equal(b.data, line, sizeof(line) - 1);
	sess_buf_release(&b);
	sess_event_scanner_release(&sc);
}

static void
values_of_another_type_are_absent(void **state)
{
	const char line[] = "{\"v\":1,\"id\":\"0123456789abcdef\",\"kind\":\"view\","
	    "\"time\":\"2026-11-23T20:31:58Z\",\"received\":1,\"page\":null,\"title\":7,"
	    "\"size\":\"7\",\"ok\":\"true\",\"extra\":[1],\"url\":\"\",\"message\":\"a\","
	    "\"message\":1,\"api\":\"a\",\"api\":\"b\"}";
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;

	(void)state;
	assert_int_equal(sess_event_scan(&sc, &ev, line, sizeof(line) - 1, NULL), SESS_OK);
	assert_int_equal(sess_event_nkeys(&ev), 2);
	assert_int_equal(ev.received, SESS_NO_TIME);
	is(&ev, SESS_K_API, "b");
	sess_event_scanner_release(&sc);
}

static void
a_line_that_is_no_event_is_refused_with_a_reason(void **state)
{
#define ID "\"id\":\"0123456789abcdef\""
#define TIME "\"time\":\"2026-11-23T20:31:58Z\""
	static const struct { const char *line, *why; } cases[] = {
		{ "", "'{' expected at byte 1" },
		{ "[1]", "'{' expected at byte 1" },
		{ "{\"v\":1", "'}' expected at byte 7" },
		{ "{}", "no event of version 1" },
		{ "{\"v\":2," ID "," TIME ",\"kind\":\"view\"}", "no event of version 1" },
		{ "{\"v\":\"1\"," ID "," TIME ",\"kind\":\"view\"}", "no event of version 1" },
		{ "{\"v\":1," TIME ",\"kind\":\"view\"}", "event without an id of 16 hex digits" },
		{ "{\"v\":1,\"id\":\"0123456789ABCDEF\"," TIME ",\"kind\":\"view\"}",
		    "event without an id of 16 hex digits" },
		{ "{\"v\":1,\"id\":\"0123\"," TIME ",\"kind\":\"view\"}",
		    "event without an id of 16 hex digits" },
		{ "{\"v\":1," ID "," TIME ",\"kind\":\"dance\"}", "event of no kind that is known" },
		{ "{\"v\":1," ID "," TIME "}", "event of no kind that is known" },
		{ "{\"v\":1," ID ",\"kind\":\"view\"}", "event without time and received" },
		{ "{\"v\":1," ID ",\"time\":\"soon\",\"kind\":\"view\"}",
		    "event without time and received" },
	};
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sess_err err = { 0 };

		assert_int_equal(sess_event_scan(&sc, &ev, cases[i].line,
		    strlen(cases[i].line), &err), SESS_EFORMAT);
		assert_int_equal(err.code, SESS_EFORMAT);
		assert_string_equal(err.text, cases[i].why);
	}
	sess_event_scanner_release(&sc);
}

static void
strings_are_escaped_as_little_as_json_asks(void **state)
{
	struct sess_event ev;

	(void)state;
	sess_event_reset(&ev);
	sess_event_set(&ev, SESS_K_PAGE, "\"\\/\b\f\n\r\t\0\x1f\x7f<&>", 14);
	written(&ev, ",\"page\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f<&>\"");
	sess_event_reset(&ev);
	set(&ev, SESS_K_PAGE, "\xc3\xa9\xe5\xbc\xa0\xf0\x9f\x98\x80");
	written(&ev, ",\"page\":\"\xc3\xa9\xe5\xbc\xa0\xf0\x9f\x98\x80\"");
}

/* One U+FFFD for each maximal part of a character, as Unicode recommends. */
static void
what_is_no_utf8_is_replaced(void **state)
{
#define R "\xef\xbf\xbd"
	static const struct { const char *in, *out; } cases[] = {
		{ "\x80", R }, { "\xff" "a", R "a" }, { "\xc0\xaf", R R },
		{ "\xe5\xbc", R }, { "a\xe5\xbc" "b", "a" R "b" },
		{ "\xe5\xbc\xe5\xbc\xa0", R "\xe5\xbc\xa0" },
		{ "\xe0\x80\x80", R R R }, { "\xed\xa0\x80", R R R },
		{ "\xf0\x9f\x98", R }, { "\xf0\x80\x80\x80", R R R R },
		{ "\xf4\x90\x80\x80", R R R R }, { "\xf5\x80", R R },
		{ "\xf1\x80\x80\xe1\x80\xc2" "b", R R R "b" },
		{ "12345678\xe5", "12345678" R }, { "\xe5" "12345678\"", R "12345678\\\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sess_buf b = { 0 };

		assert_int_equal(sessp_json_quote(cases[i].in, strlen(cases[i].in), &b), 0);
		assert_int_equal(b.len, strlen(cases[i].out) + 2);
		assert_memory_equal(b.data + 1, cases[i].out, b.len - 2);
		assert_true(b.data[0] == '"' && b.data[b.len - 1] == '"');
		sess_buf_release(&b);
	}
}

/* Lengths around those of words, with a byte to escape in each place. */
static void
quoting_is_undone_by_decoding_at_any_length(void **state)
{
	static char in[6000];
	struct sess_buf q = { 0 }, d = { 0 };

	(void)state;
	for (size_t len = 0; len < sizeof(in); len += len < 40 ? 1 : 1189)
		for (size_t at = 0; at <= len; at += len < 40 ? 1 : 57) {
			memset(in, 'a', len);
			if (at < len)
				in[at] = "\"\\\n\x01"[at % 4];
			q.len = d.len = 0;
			assert_int_equal(sessp_json_quote(in, len, &q), 0);
			assert_int_equal(sessp_json_decode(q.data + 1, q.len - 2, &d), 0);
			assert_int_equal(d.len, len);
			if (len > 0)
				assert_memory_equal(d.data, in, len);
		}
	sess_buf_release(&q);
	sess_buf_release(&d);
}

static void
values_that_are_none_of_their_type_are_left_out(void **state)
{
	struct sess_event ev;

	(void)state;
	sess_event_reset(&ev);
	set(&ev, SESS_K_LINE, "12a");
	set(&ev, SESS_K_COLUMN, "7");
	set(&ev, SESS_K_DURATION_MS, "NaN");
	set(&ev, SESS_K_OK, "1");
	set(&ev, SESS_K_EXTRA, "{\"a\":1} ");
	set(&ev, SESS_K_PAGE, "");
	written(&ev, ",\"column\":7");
	sess_event_reset(&ev);
	set(&ev, SESS_K_OK, "true");
	set(&ev, SESS_K_DURATION_MS, "-1.50e3");
	set(&ev, SESS_K_EXTRA, "{\"a\":\n[1,\t\"\xff\"]}");
	written(&ev, ",\"ok\":true,\"duration_ms\":-1.50e3,\"extra\":{\"a\": [1, \"" R "\"]}");
}

/* What a scanner learned from a line changes nothing for the next. */
static void
one_scanner_reads_lines_as_many_do(void **state)
{
#define HEAD "\"v\":1,\"id\":\"00000000000000ff\",\"time\":\"2026-11-23T20:31:57.120Z\",\"kind\":\"api\""
	static const char *const lines[] = {
		"{" HEAD ",\"session_id\":\"s\",\"api\":\"/a\",\"ok\":true,\"duration_ms\":12}",
		"{" HEAD ",\"api\":\"/b\",\"session_id\":\"t\",\"ok\":false,\"duration_ms\":1.5}",
		"{\"api\":\"/c\"," HEAD ",\"session_id\":\"\\u0074\",\"who\":[1],\"page\":\"p\"}",
		"{" HEAD ",\"api\":7,\"session_ids\":\"s\",\"ap\\u0069\":\"/d\",\"who\":\"me\"}",
		"{ " HEAD ", \"session_id\": \"s\", \"api\": \"/a\", \"api\": \"/e\"}",
		"{\"v\":2,\"id\":\"00000000000000ff\"}",
	};
	const size_t n = sizeof(lines) / sizeof(*lines);
	struct sess_event_scanner one = { 0 };

	(void)state;
	for (size_t i = 0; i < 3 * n * n; i++) {
		const char *line = lines[i % 2 == 0 ? i / 2 % n : i / 2 / n % n];
		struct sess_event_scanner own = { 0 };
		struct sess_event a, b;

		assert_int_equal(sess_event_scan(&one, &a, line, strlen(line), NULL),
		    sess_event_scan(&own, &b, line, strlen(line), NULL));
		assert_int_equal(a.id, b.id);
		assert_int_equal(a.time, b.time);
		for (int k = 0; k < SESS_NKEYS; k++) {
			struct sess_slice s = sess_event_get(&a, (enum sess_key)k);
			struct sess_slice t = sess_event_get(&b, (enum sess_key)k);

			assert_int_equal(s.len, t.len);
			assert_memory_equal(s.p, t.p, s.len);
		}
		sess_event_scanner_release(&own);
	}
	sess_event_scanner_release(&one);
}

/* What is known to need no look is written as what is looked at. */
static void
plain_values_are_written_as_they_stand(void **state)
{
	char text[2 * 4096 + 64];
	struct sess_event ev;
	struct sess_buf looked = { 0 }, plain = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 == 0 ? 'a' : '~';
	for (size_t len = 1; len < sizeof(text) - 32; len += len < 100 ? 1 : 61) {
		sess_event_reset(&ev);
		ev.time = 1;
		sess_event_set(&ev, SESS_K_PAGE, text, len);
		sess_event_set(&ev, SESS_K_STACK, text + 1, len / 2);
		set(&ev, SESS_K_DURATION_MS, "12");
		set(&ev, SESS_K_USER_NAME, "\"");
		looked.len = plain.len = 0;
		assert_int_equal(sess_event_write(&ev, &looked), SESS_OK);
		ev.plain[SESS_K_PAGE / 64] |= (uint64_t)1 << SESS_K_PAGE % 64;
		ev.plain[SESS_K_STACK / 64] |= (uint64_t)1 << SESS_K_STACK % 64;
		assert_int_equal(sess_event_write(&ev, &plain), SESS_OK);
		assert_int_equal(looked.len, plain.len);
		assert_memory_equal(looked.data, plain.data, plain.len);
	}
	/* another value is not what the hint was about */
	sess_event_set(&ev, SESS_K_PAGE, "\"\n", 2);
	sess_event_set(&ev, SESS_K_STACK, "\\", 1);
	plain.len = 0;
	assert_int_equal(sess_event_write(&ev, &plain), SESS_OK);
	assert_non_null(memmem(plain.data, plain.len, "\"page\":\"\\\"\\n\"", 13));
	assert_non_null(memmem(plain.data, plain.len, "\"stack\":\"\\\\\"", 12));
	sess_buf_release(&looked);
	sess_buf_release(&plain);
}

static void
numbers_are_what_they_say(void **state)
{
	static const char *const good[] = {
		"0", "-0", "1", "-12.5", "0.1", "1626320729630", "1e3", "1E-3", "123456.789",
		"9007199254740992", "0.000001", "1e-400", "0e999999999999"
	}, *const nearly[] = {		/* valgrind has no long double */
		"9007199254740993", "1.5e300", "2.5e-300", "12345678901234567890123",
		"0.1234567890123456789012345"
	};
	static const struct { const char *text; int64_t v; } ints[] = {
		{ "0", 0 }, { "-7", -7 }, { "999999999999999999", 999999999999999999 },
		{ "12.9", 12 }, { "-12.9", -12 }, { "1e3", 1000 }, { "1e30", 77 }, { "x", 77 },
		{ "", 77 }, { "-", 77 }, { "01", 77 }
	};
	struct sess_event ev;

	(void)state;
	sess_event_reset(&ev);
	assert_true(sess_event_num(&ev, SESS_K_VALUE, 77) == 77);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		set(&ev, SESS_K_VALUE, good[i]);
		assert_true(sess_event_num(&ev, SESS_K_VALUE, 77) == strtod(good[i], NULL));
	}
	for (size_t i = 0; i < sizeof(nearly) / sizeof(*nearly); i++) {
		double want = strtod(nearly[i], NULL);

		set(&ev, SESS_K_VALUE, nearly[i]);
		assert_true(fabs(sess_event_num(&ev, SESS_K_VALUE, 77) / want - 1) < 1e-14);
	}
	set(&ev, SESS_K_VALUE, "1e400");
	assert_true(sess_event_num(&ev, SESS_K_VALUE, 77) == 77);
	set(&ev, SESS_K_VALUE, "0x10");
	assert_true(sess_event_num(&ev, SESS_K_VALUE, 77) == 77);
	for (size_t i = 0; i < sizeof(ints) / sizeof(*ints); i++) {
		sess_event_unset(&ev, SESS_K_VALUE);
		set(&ev, SESS_K_VALUE, ints[i].text);
		assert_int_equal(sess_event_int(&ev, SESS_K_VALUE, 77), ints[i].v);
	}
	set(&ev, SESS_K_TIMES, "-3");
	assert_int_equal(sess_event_times(&ev), 1);
	set(&ev, SESS_K_TIMES, "3");
	assert_int_equal(sess_event_times(&ev), 3);
}

static void
memory_that_runs_out_leaves_the_output_as_it_was(void **state)
{
	struct sess_event_scanner sc = { 0 };
	struct sess_event ev;
	struct sess_buf b = { 0 };
	enum sess_status st;

	(void)state;
	for (long fail = 0; ; fail++) {
		alloc_fail_at(fail);
		st = sess_event_scan(&sc, &ev, full, sizeof(full) - 1, NULL);
		alloc_fail_at(-1);
		if (st == SESS_OK)
			break;
		assert_int_equal(st, SESS_ENOMEM);
		sess_event_scanner_release(&sc);
	}
	ev.line = NULL;
	for (long fail = 0; ; fail++) {
		assert_int_equal(sess_buf_add(&b, "x", 1), 0);
		alloc_fail_at(fail);
		st = sess_event_write(&ev, &b);
		alloc_fail_at(-1);
		if (st == SESS_OK)
			break;
		assert_int_equal(st, SESS_ENOMEM);
		assert_int_equal(b.len, 1);
		sess_buf_release(&b);
	}
	assert_int_equal(b.len, 1 + sizeof(full));
	sess_buf_release(&b);
	sess_event_scanner_release(&sc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_found_and_nothing_else),
		cmocka_unit_test(each_kind_is_found),
		cmocka_unit_test(a_line_is_read_into_its_keys),
		cmocka_unit_test(what_is_read_and_written_is_the_same_bytes),
		cmocka_unit_test(unknown_keys_stay_in_the_line),
		cmocka_unit_test(values_of_another_type_are_absent),
		cmocka_unit_test(a_line_that_is_no_event_is_refused_with_a_reason),
		cmocka_unit_test(strings_are_escaped_as_little_as_json_asks),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(quoting_is_undone_by_decoding_at_any_length),
		cmocka_unit_test(values_that_are_none_of_their_type_are_left_out),
		cmocka_unit_test(one_scanner_reads_lines_as_many_do),
		cmocka_unit_test(plain_values_are_written_as_they_stand),
		cmocka_unit_test(numbers_are_what_they_say),
		cmocka_unit_test(memory_that_runs_out_leaves_the_output_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
