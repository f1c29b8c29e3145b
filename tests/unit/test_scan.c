#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/event/index.h"
#include "alloc.h"

struct read {
	struct sessp_field *f;
	size_t n, cap;
	enum sess_status st;
	struct sess_err err;
};

static void
check_same(const struct read *a, const struct read *b)
{
	assert_int_equal(a->st, b->st);
	assert_int_equal(a->n, b->n);
	assert_string_equal(a->err.text, b->err.text);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->f[i].name_len, b->f[i].name_len);
		assert_int_equal(a->f[i].val_len, b->f[i].val_len);
		assert_int_equal(a->f[i].type, b->f[i].type);
		assert_int_equal(a->f[i].name_esc, b->f[i].name_esc);
		assert_int_equal(a->f[i].val_esc, b->f[i].val_esc);
		assert_int_equal(a->f[i].val_utf8, b->f[i].val_utf8);
	}
}

/* Read by a version: as a text of its own (seen NULL), or along names that are
 * learned, first, and known, then. */
static void
check_by(const struct sessp_scan_version *by, const char *text, size_t len, size_t behind,
    struct sessp_trail *seen, const struct read *want)
{
	struct read b = { 0 };

	for (int turn = 0; turn < (seen != NULL ? 3 : 1); turn++) {
		b.err = (struct sess_err){ 0 };
		b.st = sessp_json_fields_by(by, text, len, behind, seen, &b.f, &b.n,
		    &b.cap, &b.err);
		check_same(want, &b);
		for (size_t i = 0; i < b.n; i++) {
			assert_true(b.f[i].name >= text && b.f[i].name < text + len);
			assert_memory_equal(b.f[i].name, want->f[i].name, b.f[i].name_len);
			assert_memory_equal(b.f[i].val, want->f[i].val, b.f[i].val_len);
		}
	}
	free(b.f);
}

/* All versions must say the same; the text is copied so that valgrind and the
 * sanitizers see a look behind it and what may be read there. */
static struct read
read_text(const char *text, size_t len)
{
	const struct sessp_scan_version *const versions[] = {
		&sessp_scan_portable, sessp_scan_best()
	};
	struct sessp_trail *seen;
	struct read a = { 0 };

	a.st = sessp_json_fields(text, len, &a.f, &a.n, &a.cap, &a.err);
	for (size_t behind = 0; behind <= SESSP_PAD; behind += SESSP_PAD) {
		char *copy = malloc(len + behind > 0 ? len + behind : 1);

		assert_non_null(copy);
		memset(copy, '"', len + behind);
		memcpy(copy, text, len);
		for (size_t i = 0; i < 2; i++) {
			check_by(versions[i], copy, len, behind, NULL, &a);
			seen = calloc(1, sizeof(*seen));
			assert_non_null(seen);
			check_by(versions[i], copy, len, behind, seen, &a);
			free(seen);
		}
		free(copy);
	}
	return a;
}

static void
check_field(const struct sessp_field *f, const char *name, int type, const char *val)
{
	assert_int_equal(f->name_len, strlen(name));
	assert_memory_equal(f->name, name, f->name_len);
	assert_int_equal(f->type, type);
	assert_int_equal(f->val_len, strlen(val));
	assert_memory_equal(f->val, val, f->val_len);
}

static void
accepted(const char *text, size_t len, size_t n)
{
	struct read r = read_text(text, len);

	if (r.st != SESS_OK)
		print_error("%.60s: %s\n", text, r.err.text);
	assert_int_equal(r.st, SESS_OK);
	assert_int_equal(r.n, n);
	free(r.f);
}

static void
rejected(const char *text, size_t len, const char *why)
{
	struct read r = read_text(text, len);

	if (r.st != SESS_EFORMAT)
		print_error("%.60s is taken\n", text);
	assert_int_equal(r.st, SESS_EFORMAT);
	assert_int_equal(r.n, 0);
	assert_string_equal(r.err.text, why);
	free(r.f);
}

#define ACCEPTED(s, n) accepted(s, sizeof(s) - 1, n)
#define REJECTED(s, why) rejected(s, sizeof(s) - 1, why)

static void
fields_come_as_they_stand(void **state)
{
	struct read r;
	const char *text = " {\"a\":\"x\", \"b\" : -1.5e+3,\"c\":true,\"d\":false,"
	    "\"e\":null,\"f\":{\"g\":[1,\"}\"]},\"h\":[],\"\":\"\",\"a\":\"y\"} \r\n";

	(void)state;
	r = read_text(text, strlen(text));
	assert_int_equal(r.st, SESS_OK);
	assert_int_equal(r.n, 9);
	check_field(&r.f[0], "a", SESSP_STRING, "x");
	check_field(&r.f[1], "b", SESSP_NUMBER, "-1.5e+3");
	check_field(&r.f[2], "c", SESSP_TRUE, "true");
	check_field(&r.f[3], "d", SESSP_FALSE, "false");
	check_field(&r.f[4], "e", SESSP_NULL, "null");
	check_field(&r.f[5], "f", SESSP_NESTED, "{\"g\":[1,\"}\"]}");
	check_field(&r.f[6], "h", SESSP_NESTED, "[]");
	check_field(&r.f[7], "", SESSP_STRING, "");
	check_field(&r.f[8], "a", SESSP_STRING, "y");
	free(r.f);
}

static void
escapes_and_bytes_over_ascii_are_flagged(void **state)
{
	struct read r;
	const char *text = "{\"a\\n\":\"b\",\"c\":\"\\\"\",\"d\":\"\xe5\xbc\xa0\","
	    "\"\xc3\xa9\":\"e\",\"f\":\"\\u00e9\xff\",\"g\":\"g\"}";

	(void)state;
	r = read_text(text, strlen(text));
	assert_int_equal(r.st, SESS_OK);
	assert_int_equal(r.n, 6);
	for (size_t i = 0; i < r.n; i++) {
		assert_int_equal(r.f[i].name_esc, i == 0);
		assert_int_equal(r.f[i].val_esc, i == 1 || i == 4);
		assert_int_equal(r.f[i].val_utf8, i == 2 || i == 4);
	}
	free(r.f);
}

static void
what_is_no_json_is_rejected_with_its_place(void **state)
{
	(void)state;
	REJECTED("", "'{' expected at byte 1");
	REJECTED("[]", "'{' expected at byte 1");
	REJECTED("  \n", "'{' expected at byte 1");
	REJECTED("{", "'}' expected at byte 2");
	REJECTED("{\"a\":1", "'}' expected at byte 7");
	REJECTED("{}}", "text behind the object at byte 3");
	REJECTED("{}{}", "text behind the object at byte 3");
	REJECTED("{,}", "name expected at byte 2");
	REJECTED("{\"a\":1,}", "name expected at byte 8");
	REJECTED("{a:1}", "name expected at byte 2");
	REJECTED("{\"a\"}", "':' expected at byte 5");
	REJECTED("{\"a\":}", "value expected at byte 6");
	REJECTED("{\"a\":1 \"b\":2}", "',' or '}' expected at byte 8");
	REJECTED("{\"a\":\"b}", "string without an end at byte 6");
	REJECTED("{\"a}", "string without an end at byte 2");
	REJECTED("{\"a\":\"\\\"}", "string without an end at byte 6");
	REJECTED("{\\\"a\":1}", "name expected at byte 2");
	REJECTED("{\"a\":truex}", "',' or '}' expected at byte 10");
	REJECTED("{\"a\":tru}", "value expected at byte 6");
	REJECTED("{\"a\":nul", "'}' expected at byte 9");
	REJECTED("{\"a\":\xe5}", "value expected at byte 6");
	REJECTED("\xef\xbb\xbf{}", "'{' expected at byte 1");
	REJECTED("{\"a\":1}\0", "'}' expected at byte 9");
	REJECTED("{\"a\":1430\0,\"b\":2}", "',' or '}' expected at byte 10");
}

static void
control_characters_in_strings_are_rejected(void **state)
{
	char text[] = "{\"a\":\"b?c\"}", why[] = "control character in a string at byte 8";

	(void)state;
	for (int c = 0; c < 0x20; c++) {
		text[7] = (char)c;
		rejected(text, sizeof(text) - 1, why);
	}
	text[7] = 0x7f;
	accepted(text, sizeof(text) - 1, 1);
}

static void
escapes_are_checked(void **state)
{
	(void)state;
	ACCEPTED("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00eF\"}", 1);
	ACCEPTED("{\"a\":\"\\u0000\"}", 1);
	ACCEPTED("{\"a\":\"\\ud83d\\uDE00\"}", 1);
	REJECTED("{\"a\":\"\\x\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\u12g4\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\u123\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\ud83d\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\ud83d\\n\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\ud83d\\ud83d\"}", "bad escape at byte 7");
	REJECTED("{\"a\":\"\\ude00\"}", "bad escape at byte 7");
	REJECTED("{\"\\q\":1}", "bad escape at byte 3");
	REJECTED("{\"a\":{\"b\":[\"\\q\"]}}", "bad escape at byte 13");
}

static void
numbers_follow_the_grammar(void **state)
{
	static const char *const good[] = {
		"0", "-0", "7", "1234567", "12345678", "123456789012345678901234567890",
		"0.5", "-0.0", "1e5", "1E+5", "1.25e-10", "1e400"
	}, *const wrong[] = {
		"", "-", "+1", "01", "-01", "00", "1.", ".5", "1e", "1e+", "0x1", "1.e1",
		"Infinity", "NaN", "1 ", " 1", "1a", "--1", "12345678a"
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(sessp_json_number(good[i], strlen(good[i])));
		accepted(text, (size_t)snprintf(text, sizeof(text), "{\"a\":%s}", good[i]), 1);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct read r;
		int n = snprintf(text, sizeof(text), "{\"a\":x%s}", wrong[i]);

		assert_false(sessp_json_number(wrong[i], strlen(wrong[i])));
		if (strchr(wrong[i], ' ') != NULL)
			continue;
		memmove(text + 5, text + 6, (size_t)n - 5);
		r = read_text(text, (size_t)n - 1);
		assert_int_equal(r.st, SESS_EFORMAT);
		free(r.f);
	}
}

static void
nesting_ends_at_512(void **state)
{
	char text[1200] = "{\"a\":";
	size_t n;

	(void)state;
	for (int depth = 511; depth <= 512; depth++) {
		n = 5;
		memset(text + n, '[', (size_t)depth);
		n += (size_t)depth;
		memset(text + n, ']', (size_t)depth);
		n += (size_t)depth;
		text[n++] = '}';
		if (depth < 512)
			accepted(text, n, 1);
		else
			rejected(text, n, "nested deeper than 512 at byte 517");
	}
}

static void
nested_values_are_checked_to_their_ends(void **state)
{
	(void)state;
	ACCEPTED("{\"a\":[1,{\"b\":[],\"c\":{}},[[\"}]\"]] , null]}", 1);
	REJECTED("{\"a\":[1}", "',' or end expected at byte 8");
	REJECTED("{\"a\":[1,]}", "value expected at byte 9");
	REJECTED("{\"a\":{\"b\":1,}}", "name expected at byte 13");
	REJECTED("{\"a\":{\"b\" 1}}", "':' expected at byte 11");
	REJECTED("{\"a\":{1:1}}", "name expected at byte 7");
	REJECTED("{\"a\":[1 2]}", "',' or end expected at byte 9");
	REJECTED("{\"a\":{\"b\":1}", "text ends at byte 13");
	REJECTED("{\"a\":[{\"b\":1}", "text ends at byte 14");
	REJECTED("{\"a\":{}", "text ends at byte 8");
}

/* A table that knows the names of one line reads others as if it knew none:
 * another order, names that begin alike, other spacing, names by the hundred. */
static void
names_that_were_seen_mislead_nobody(void **state)
{
	static const char *const lines[] = {
		"{\"a\":1,\"ab\":\"x\",\"abc\":true,\"detector_browser_version\":\"126.0\",\"t\":\"pv\"}",
		"{\"ab\":1,\"a\":\"x\",\"abc\":null,\"detector_browser_versions\":\"126.0\",\"t\":\"pv\"}",
		"{ \"a\" : 1, \"ab\": \"x\",  \"abc\":  true, \"t\":\"pv\" }",
		"{\"a\": 1, \"ab\": \"x\", \"abc\": true, \"t\": \"pv\"}",
		"{\"t\":\"pv\",\"a\":1{\"t\":2,\"ab\":\"x\"}", "{\"t\":\"pv\",\"a\":1,{\"t\":2}",
		"{\"a\":1null,\"ab\":2}", "{\"a\":1\"x\",\"ab\":2}", "{\"a\":1\x01,\"ab\":2}",
		"{\"a name of much more than thirty-two bytes\":1{\"t\":2}", ",\"a\":1,\"ab\":\"x\"}",
		"{\"a\":\"x\",\"a value of thirty-two by\":\"x\",\"a value of thirty-two byt\":\"\"}",
		"{\"a\":1,\"a\":2,\"a\":3,\"a name of much more than thirty-two bytes\":\"x\",\"a\":4}",
		"{\"a\":12345678901234567890123456789012345678901234567890,\"ab\":0,\"abc\":01}",
		"{\"a\":\"\\u00e9\xc3\xa9\\n\",\"ab\":\"\\q\",\"abc\":1}",
		"{\"a\":1 \"ab\":2}", "{\"a\":1,\"ab\"}", "{\"a\":1,\"ab\":\"x}", "{\"a\":1,}",
		"{\"a\":{\"b\":[1,2]},\"ab\":\"x\",\"abc\":-1.5e3,\"t\":\"\"}", "{}", "{\"\":\"\",\"\":0}",
	};
	struct sessp_trail *seen = calloc(1, sizeof(*seen));
	char many[64];

	(void)state;
	assert_non_null(seen);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		for (size_t j = 0; j < sizeof(lines) / sizeof(*lines); j++) {
			struct read a = read_text(lines[i], strlen(lines[i]));
			struct read b = read_text(lines[j], strlen(lines[j]));

			check_by(sessp_scan_best(), lines[i], strlen(lines[i]), 0, seen, &a);
			check_by(sessp_scan_best(), lines[j], strlen(lines[j]), 0, seen, &b);
			free(a.f);
			free(b.f);
		}
	for (int i = 0; i < 2 * SESSP_TRAIL_MAX; i++) {
		int n = snprintf(many, sizeof(many), "{\"number %d of the names\":%d,\"t\":\"pv\"}", i, i);
		struct read a = read_text(many, (size_t)n);

		assert_int_equal(a.n, 2);
		check_by(sessp_scan_best(), many, (size_t)n, 0, seen, &a);
		free(a.f);
	}
	assert_int_equal(seen->n, SESSP_TRAIL_MAX);
	free(seen);
}

/* Each place of a window's border: within names, values, escapes, numbers. */
static void
windows_have_no_seams(void **state)
{
	static const char tail[] = "\"pad\":1,\"na\\u00e9me\":\"v\\\\\\\"al\",\"n\":-12.5e3,"
	    "\"\xe5\xbc\xa0\":\"\xe4\xbc\x9f\",\"x\":{\"y\":\"\\n\"},\"z\":\"z\"}";
	size_t len = 2 * SESSP_WINDOW + sizeof(tail);
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	for (size_t at = SESSP_WINDOW - 80; at <= SESSP_WINDOW + 2; at++) {
		struct read r;

		memset(text, 'p', at);
		memcpy(text, "{\"p\":\"", 6);
		memcpy(text + at - 2, "\",", 2);
		memcpy(text + at, tail, sizeof(tail) - 1);
		r = read_text(text, at + sizeof(tail) - 1);
		assert_int_equal(r.st, SESS_OK);
		assert_int_equal(r.n, 7);
		check_field(&r.f[2], "na\\u00e9me", SESSP_STRING, "v\\\\\\\"al");
		check_field(&r.f[3], "n", SESSP_NUMBER, "-12.5e3");
		check_field(&r.f[5], "x", SESSP_NESTED, "{\"y\":\"\\n\"}");
		assert_true(r.f[2].name_esc && r.f[2].val_esc && !r.f[2].val_utf8);
		assert_true(r.f[4].val_utf8 && !r.f[4].val_esc && !r.f[6].val_utf8);
		free(r.f);
	}
	free(text);
}

/* More than one window without a quote, with something to find in each. */
static void
long_strings_are_looked_at_in_every_window(void **state)
{
	size_t len = 5 * SESSP_WINDOW;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	for (size_t at = 10; at < len - 3; at += SESSP_WINDOW / 2 + 13) {
		struct read r;

		memset(text, 'p', len);
		memcpy(text, "{\"p\":\"", 6);
		memcpy(text + len - 2, "\"}", 2);
		text[at] = (char)0xe5;
		r = read_text(text, len);
		assert_int_equal(r.st, SESS_OK);
		assert_true(r.f[0].val_utf8);
		free(r.f);
		text[at] = '\x01';
		r = read_text(text, len);
		assert_int_equal(r.st, SESS_EFORMAT);
		free(r.f);
	}
	free(text);
}

static void
memory_that_runs_out_is_said(void **state)
{
	struct read r = { 0 };
	char text[2000] = "{";
	size_t n = 1;

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(text + n, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	text[n++] = '}';
	for (long fail = 0; ; fail++) {
		r.err = (struct sess_err){ 0 };
		alloc_fail_at(fail);
		r.st = sessp_json_fields(text, n, &r.f, &r.n, &r.cap, &r.err);
		alloc_fail_at(-1);
		if (r.st == SESS_OK)
			break;
		assert_int_equal(r.st, SESS_ENOMEM);
		assert_string_equal(r.err.text, "out of memory");
		free(r.f);
		r.f = NULL;
		r.cap = 0;
	}
	assert_int_equal(r.n, 100);
	free(r.f);
}

static void
decoding_gives_the_characters(void **state)
{
	static const char in[] = "plain text\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u007f\\u0080"
	    "\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\xe5\xbc\xa0";
	static const char want[] = "plain text\"\\/\b\f\n\r\t\0\x7f\xc2\x80\xdf\xbf"
	    "\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xe5\xbc\xa0";
	struct sess_buf b = { 0 };

	(void)state;
	assert_int_equal(sessp_json_decode(in, sizeof(in) - 1, &b), 0);
	assert_int_equal(b.len, sizeof(want) - 1);
	assert_memory_equal(b.data, want, b.len);
	sess_buf_release(&b);
}

static void
an_object_alone_is_an_object(void **state)
{
	(void)state;
	assert_true(sessp_json_object("{}", 2));
	assert_true(sessp_json_object("{\"a\":[{}]}", 10));
	assert_false(sessp_json_object("[]", 2));
	assert_false(sessp_json_object("{}}", 3));
	assert_false(sessp_json_object("", 0));
}

static void
names_are_found_whatever_their_length(void **state)
{
	static char text[40][48];
	const char *names[40];
	struct sessp_names t;

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		memset(text[i], 'a', i);
		names[i] = text[i];
	}
	assert_int_equal(sessp_names_init(&t, names, 40), SESS_OK);
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(sessp_names_find(&t, names[i], i), (int)i);
		for (size_t at = 0; at < i; at++) {
			text[39][at] = 'b';
			if (i < 39)
				assert_int_equal(sessp_names_find(&t, text[39], i), -1);
			text[39][at] = 'a';
		}
	}
	assert_int_equal(sessp_names_find(&t, "a\0", 2), -1);
	sessp_names_release(&t);
}

static void
names_may_be_none_many_or_twice_the_same(void **state)
{
	static char text[3000][8];
	static const char *names[3000];
	const char *const twice[] = { "a", "b", "a" };
	struct sessp_names t;

	(void)state;
	assert_int_equal(sessp_names_init(&t, NULL, 0), SESS_OK);
	assert_int_equal(sessp_names_find(&t, "", 0), -1);
	assert_int_equal(sessp_names_find(&t, "a", 1), -1);
	sessp_names_release(&t);
	assert_int_equal(sessp_names_init(&t, twice, 3), SESS_EFORMAT);
	assert_int_equal(sessp_names_init(&t, names, 4097), SESS_ELIMIT);
	for (size_t i = 0; i < 3000; i++) {
		sprintf(text[i], "n%zu", i);
		names[i] = text[i];
	}
	assert_int_equal(sessp_names_init(&t, names, 3000), SESS_OK);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(sessp_names_find(&t, names[i], strlen(names[i])), (int)i);
	sessp_names_release(&t);
	for (long fail = 0; ; fail++) {
		enum sess_status st;

		alloc_fail_at(fail);
		st = sessp_names_init(&t, names, 50);
		alloc_fail_at(-1);
		if (st == SESS_OK)
			break;
		assert_int_equal(st, SESS_ENOMEM);
	}
	sessp_names_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_as_they_stand),
		cmocka_unit_test(escapes_and_bytes_over_ascii_are_flagged),
		cmocka_unit_test(what_is_no_json_is_rejected_with_its_place),
		cmocka_unit_test(control_characters_in_strings_are_rejected),
		cmocka_unit_test(escapes_are_checked),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(nesting_ends_at_512),
		cmocka_unit_test(nested_values_are_checked_to_their_ends),
		cmocka_unit_test(names_that_were_seen_mislead_nobody),
		cmocka_unit_test(windows_have_no_seams),
		cmocka_unit_test(long_strings_are_looked_at_in_every_window),
		cmocka_unit_test(memory_that_runs_out_is_said),
		cmocka_unit_test(decoding_gives_the_characters),
		cmocka_unit_test(an_object_alone_is_an_object),
		cmocka_unit_test(names_are_found_whatever_their_length),
		cmocka_unit_test(names_may_be_none_many_or_twice_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
