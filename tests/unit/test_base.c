/* err, buf and arena: what every stage stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/base/private.h"
#include "alloc.h"

#define CHUNK (64 * 1024)	/* of an arena */

static void
an_error_is_set_and_its_code_returned(void **state)
{
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sess_err_set(&err, SESS_EFORMAT, 7, "bad timestamp '%.3s'", "abcdef"),
	    SESS_EFORMAT);
	assert_int_equal(err.code, SESS_EFORMAT);
	assert_int_equal(err.sys, 0);
	assert_int_equal(err.line, 7);
	assert_string_equal(err.text, "bad timestamp 'abc'");
}

static void
the_first_error_wins(void **state)
{
	struct sess_err err = { 0 };

	(void)state;
	sess_err_set(&err, SESS_ELIMIT, 1, "first");
	assert_int_equal(sess_err_set(&err, SESS_EFORMAT, 2, "second"), SESS_EFORMAT);
	assert_int_equal(sess_err_sys(&err, EIO, "third"), SESS_ESYS);
	assert_int_equal(sess_err_nomem(&err), SESS_ENOMEM);
	assert_int_equal(err.code, SESS_ELIMIT);
	assert_int_equal(err.line, 1);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "first");
}

static void
a_long_text_is_cut_and_ends(void **state)
{
	struct sess_err err = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sess_err_set(&err, SESS_EFORMAT, 0, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err = (struct sess_err){ 0 };
	sess_err_sys(&err, ENOENT, text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(err.sys, ENOENT);
}

static void
a_failed_call_says_why(void **state)
{
	struct sess_err err = { 0 };

	(void)state;
	assert_int_equal(sess_err_sys(&err, ENOENT, NULL), SESS_ESYS);
	assert_string_equal(err.text, "No such file or directory");
	assert_int_equal(err.sys, ENOENT);
	err = (struct sess_err){ 0 };
	assert_int_equal(sess_err_sys(&err, EACCES, "spill"), SESS_ESYS);
	assert_string_equal(err.text, "spill: Permission denied");
	assert_int_equal(err.code, SESS_ESYS);
}

static void
nobody_has_to_listen_to_errors(void **state)
{
	(void)state;
	assert_int_equal(sess_err_set(NULL, SESS_EFORMAT, 1, "x"), SESS_EFORMAT);
	assert_int_equal(sess_err_sys(NULL, EIO, "x"), SESS_ESYS);
	assert_int_equal(sess_err_nomem(NULL), SESS_ENOMEM);
}

static void
a_buffer_keeps_what_is_added(void **state)
{
	struct sess_buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++)
		assert_int_equal(sess_buf_putc(&b, (char)(i % 251)), 0);
	assert_int_equal(b.len, 10000);
	assert_true(b.cap >= b.len);
	for (i = 0; i < 10000; i++)
		assert_int_equal((unsigned char)b.data[i], i % 251);
	sess_buf_release(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 0);
}

static void
adding_nothing_to_an_empty_buffer_is_fine(void **state)
{
	struct sess_buf b = { 0 };

	(void)state;
	assert_int_equal(sess_buf_add(&b, NULL, 0), 0);
	assert_int_equal(sess_buf_puts(&b, ""), 0);
	assert_int_equal(b.len, 0);
	sess_buf_release(&b);
}

static void
formatted_text_is_appended_whole(void **state)
{
	struct sess_buf b = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(sess_buf_puts(&b, "a="), 0);
	assert_int_equal(sess_buf_printf(&b, "%d, b=%s", 42, text), 0);
	assert_int_equal(b.len, 2 + 6 + 999);
	assert_memory_equal(b.data, "a=42, b=yyy", 11);
	sess_buf_release(&b);
}

static void
a_size_that_overflows_is_refused(void **state)
{
	struct sess_buf b = { 0 };

	(void)state;
	assert_int_equal(sess_buf_puts(&b, "abc"), 0);
	assert_int_equal(sess_buf_grow(&b, SIZE_MAX), -1);
	assert_int_equal(sess_buf_grow(&b, SIZE_MAX - 3), -1);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "abc", 3);
	sess_buf_release(&b);
}

static void
a_buffer_without_memory_is_as_it_was(void **state)
{
	struct sess_buf b = { 0 };
	size_t cap;

	(void)state;
	alloc_fail_at(0);
	assert_int_equal(sess_buf_puts(&b, "abc"), -1);
	assert_true(alloc_failed());
	assert_null(b.data);
	assert_int_equal(sess_buf_puts(&b, "abc"), 0);
	cap = b.cap;
	alloc_fail_at(0);
	assert_int_equal(sess_buf_grow(&b, cap), -1);
	alloc_fail_at(0);
	assert_int_equal(sess_buf_printf(&b, "%1000s", "x"), -1);
	alloc_fail_at(-1);
	assert_int_equal(b.len, 3);
	assert_int_equal(b.cap, cap);
	assert_memory_equal(b.data, "abc", 3);
	sess_buf_release(&b);
}

static void
allocations_of_an_arena_stay_and_do_not_overlap(void **state)
{
	struct sessp_arena a = { 0 };
	unsigned char *p[300];
	size_t i, k;

	(void)state;
	for (i = 0; i < 300; i++) {
		p[i] = sessp_arena_get(&a, i * 7);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		memset(p[i], (int)i, i * 7);
	}
	for (i = 0; i < 300; i++)
		for (k = 0; k < i * 7; k++)
			assert_int_equal(p[i][k], (unsigned char)i);
	sessp_arena_release(&a);
}

static void
a_reset_keeps_one_ordinary_chunk(void **state)
{
	struct sessp_arena a = { 0 };

	(void)state;
	assert_non_null(sessp_arena_get(&a, 10));
	assert_non_null(sessp_arena_get(&a, 10 * CHUNK));
	assert_non_null(sessp_arena_get(&a, CHUNK));
	assert_true(a.total >= 12 * CHUNK);
	sessp_arena_reset(&a);
	assert_true(a.total <= CHUNK);
	alloc_fail_at(0);
	assert_non_null(sessp_arena_get(&a, 100));	/* from the chunk that was kept */
	alloc_fail_at(-1);
	sessp_arena_release(&a);
	assert_int_equal(a.total, 0);
	assert_non_null(sessp_arena_get(&a, 1));	/* usable again */
	sessp_arena_release(&a);
}

static void
a_reset_of_an_arena_never_used_is_fine(void **state)
{
	struct sessp_arena a = { 0 };

	(void)state;
	sessp_arena_reset(&a);
	sessp_arena_release(&a);
	assert_null(a.head);
}

static void
an_arena_copies_bytes_and_ends_them(void **state)
{
	struct sessp_arena a = { 0 };
	char *s;

	(void)state;
	s = sessp_arena_dup(&a, "a\0b", 3);
	assert_memory_equal(s, "a\0b\0", 4);
	assert_string_equal(sessp_arena_dup(&a, NULL, 0), "");
	assert_null(sessp_arena_dup(&a, "x", SIZE_MAX));
	assert_null(sessp_arena_get(&a, SIZE_MAX));
	sessp_arena_release(&a);
}

static void
an_arena_without_memory_says_so(void **state)
{
	struct sessp_arena a = { 0 };
	char *s;

	(void)state;
	alloc_fail_at(0);
	assert_null(sessp_arena_get(&a, 1));
	alloc_fail_at(-1);
	s = sessp_arena_dup(&a, "kept", 4);
	alloc_fail_at(0);
	assert_null(sessp_arena_dup(&a, "x", CHUNK * 2));
	alloc_fail_at(-1);
	assert_string_equal(s, "kept");
	sessp_arena_release(&a);
}

static void
a_string_is_copied_or_memory_is_out(void **state)
{
	char *s;

	(void)state;
	s = sessp_dup("abc");
	assert_string_equal(s, "abc");
	alloc_fail_at(0);
	assert_null(sessp_dup("abc"));
	alloc_fail_at(-1);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_set_and_its_code_returned),
		cmocka_unit_test(the_first_error_wins),
		cmocka_unit_test(a_long_text_is_cut_and_ends),
		cmocka_unit_test(a_failed_call_says_why),
		cmocka_unit_test(nobody_has_to_listen_to_errors),
		cmocka_unit_test(a_buffer_keeps_what_is_added),
		cmocka_unit_test(adding_nothing_to_an_empty_buffer_is_fine),
		cmocka_unit_test(formatted_text_is_appended_whole),
		cmocka_unit_test(a_size_that_overflows_is_refused),
		cmocka_unit_test(a_buffer_without_memory_is_as_it_was),
		cmocka_unit_test(allocations_of_an_arena_stay_and_do_not_overlap),
		cmocka_unit_test(a_reset_keeps_one_ordinary_chunk),
		cmocka_unit_test(a_reset_of_an_arena_never_used_is_fine),
		cmocka_unit_test(an_arena_copies_bytes_and_ends_them),
		cmocka_unit_test(an_arena_without_memory_says_so),
		cmocka_unit_test(a_string_is_copied_or_memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
