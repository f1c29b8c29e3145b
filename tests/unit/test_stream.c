/* stream: the fast searches, whose answers must be those of the plain ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/stream/private.h"

static void
count_byte_equals_a_loop(void **state)
{
	static char text[9000];
	size_t len, i, n;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 7 == 0 ? '\n' : 'x';
	for (len = 0; len < sizeof(text); len += len < 300 ? 1 : 517) {
		for (n = i = 0; i < len; i++)
			n += text[i] == '\n';
		assert_int_equal(sessp_count_byte(text, len, '\n'), n);
	}
}

static void
count_byte_does_not_wrap_at_many_hits(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', len);
	assert_int_equal(sessp_count_byte(text, len, '\n'), len);
	free(text);
}

static void
find_literal_equals_memmem_at_every_place(void **state)
{
	char text[200];
	size_t at, len;

	(void)state;
	for (at = 0; at + 6 <= sizeof(text); at++) {
		memset(text, 'u', sizeof(text));
		memcpy(text + at, "u-1024", 6);
		for (len = at; len <= sizeof(text); len += 13)
			assert_ptr_equal(sessp_find_literal(text, len, "u-1024", 6),
			    memmem(text, len, "u-1024", 6));
	}
}

static size_t
candidate(const char *text)
{
	struct sessp_hunt h = { 1, { { "u-1024", NULL, 6 } } };

	return (size_t)(sessp_hunt_next(&h, text, text + strlen(text)) - text);
}

static void
a_line_with_the_literal_is_a_candidate(void **state)
{
	(void)state;
	assert_int_equal(candidate("one\ntwo u-1024\nthree\n"), 4);
	assert_int_equal(candidate("u-1024"), 0);
	assert_int_equal(candidate("one\ntwo\n"), 8);
}

static void
a_line_whose_escapes_could_hide_it_is_a_candidate(void **state)
{
	(void)state;
	assert_int_equal(candidate("one\nx\\u0075-1024\n"), 4);
	assert_int_equal(candidate("one\nx\\x75-1024\n"), 4);
	assert_int_equal(candidate("one\nuid=%75-1024\n"), 4);
	assert_int_equal(candidate("one\n\"body_encoding\":\"base64\"\n"), 4);
}

static void
escapes_that_hide_nothing_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(candidate("a\\u5f20\nb%2F%E5\nc\\\"\n"), 20);
}

static void
of_several_texts_the_nearest_decides(void **state)
{
	const char text[] = "a\nb u-2\nc u-1\nd u-2\ne\n", *end = text + sizeof(text) - 1;
	struct sessp_hunt h = { 2, { { "u-1", NULL, 3 }, { "u-2", NULL, 3 } } };

	(void)state;
	assert_ptr_equal(sessp_hunt_next(&h, text, end), text + 2);
	assert_ptr_equal(sessp_hunt_next(&h, text + 8, end), text + 8);
	assert_ptr_equal(sessp_hunt_next(&h, text + 14, end), text + 14);
	assert_ptr_equal(sessp_hunt_next(&h, text + 20, end), end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_byte_equals_a_loop),
		cmocka_unit_test(count_byte_does_not_wrap_at_many_hits),
		cmocka_unit_test(find_literal_equals_memmem_at_every_place),
		cmocka_unit_test(a_line_with_the_literal_is_a_candidate),
		cmocka_unit_test(a_line_whose_escapes_could_hide_it_is_a_candidate),
		cmocka_unit_test(escapes_that_hide_nothing_are_passed_over),
		cmocka_unit_test(of_several_texts_the_nearest_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
