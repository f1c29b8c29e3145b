/* Text for terminals: nothing gets through that one would obey. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/text.h"

/* The text of a buffer; the test's to free. */
static char *
taken(struct sess_buf *b)
{
	assert_int_equal(sess_buf_putc(b, '\0'), 0);
	return b->data;
}

static void
is_cleaned_len(const char *p, size_t len, const char *expected)
{
	struct sess_buf b = { 0 };
	char *text;

	assert_int_equal(sess_text_clean(&b, p, len), 0);
	text = taken(&b);
	assert_string_equal(text, expected);
	assert_int_equal(sess_text_width(p, len), sess_text_width(text, strlen(text)));
	free(text);
}

static void
is_cleaned(const char *p, const char *expected)
{
	is_cleaned_len(p, strlen(p), expected);
}

static void
fits(const char *p, size_t columns, const char *expected)
{
	struct sess_buf b = { 0 };
	char *text;

	assert_int_equal(sess_text_fit(&b, p, strlen(p), columns), 0);
	text = taken(&b);
	assert_string_equal(text, expected);
	free(text);
}

static void
is_padded(const char *p, size_t columns, bool right, const char *expected)
{
	struct sess_buf b = { 0 };
	char *text;

	assert_int_equal(sess_buf_puts(&b, "|"), 0);
	assert_int_equal(sess_text_pad(&b, p, strlen(p), columns, right), 0);
	assert_int_equal(sess_buf_puts(&b, "|"), 0);
	text = taken(&b);
	assert_string_equal(text, expected);
	free(text);
}

/* Lines of a wrapped text, joined by |. */
static void
is_wrapped(const char *p, size_t columns, const char *expected)
{
	struct sess_buf b = { 0 };
	size_t at, len = strlen(p), end, next;
	char *text;

	for (at = 0; at < len; at += next) {
		end = sess_text_wrap(p + at, len - at, columns, &next);
		assert_int_equal(sess_buf_add(&b, p + at, end), 0);
		assert_int_equal(sess_buf_puts(&b, at + next < len ? "|" : ""), 0);
	}
	text = taken(&b);
	assert_string_equal(text, expected);
	free(text);
}

static void
plain_text_passes(void **state)
{
	(void)state;
	is_cleaned("", "");
	is_cleaned("GET /v1/order", "GET /v1/order");
	is_cleaned("François 100% 张伟 user+tag&x=1 🐼panda", "François 100% 张伟 user+tag&x=1 🐼panda");
}

static void
control_characters_are_shown(void **state)
{
	(void)state;
	is_cleaned("\033[31mred\033[0m", "␛[31mred␛[0m");
	is_cleaned("a\r\n\tb\a\b\177", "a␍␊␉b␇␈␡");
	is_cleaned_len("a\0b", 3, "a␀b");
	is_cleaned("\302\2331m", "<U+009B>1m");
	is_cleaned("\302\205", "<U+0085>");
}

static void
bidi_and_invisible_characters_are_shown(void **state)
{
	(void)state;
	is_cleaned("a\342\200\256b", "a<U+202E>b");
	is_cleaned("\342\201\246x\342\201\251", "<U+2066>x<U+2069>");
	is_cleaned("\342\200\216\342\200\217\330\234", "<U+200E><U+200F><U+061C>");
	is_cleaned("a\342\200\213b\357\273\277\302\255", "a<U+200B>b<U+FEFF><U+00AD>");
	is_cleaned("\342\200\250\342\200\251", "<U+2028><U+2029>");
	is_cleaned("\343\205\244", "<U+3164>");
	is_cleaned("\363\240\201\201", "<U+E0041>");
}

static void
bytes_that_are_not_utf8_are_shown(void **state)
{
	(void)state;
	is_cleaned("\377\376a", "\\xff\\xfea");
	is_cleaned("\303", "\\xc3");
	is_cleaned("\355\240\200", "\\xed\\xa0\\x80");	/* a surrogate */
	is_cleaned("\300\257", "\\xc0\\xaf");		/* an overlong slash */
	is_cleaned("\364\220\200\200", "\\xf4\\x90\\x80\\x80");
}

static void
width_is_in_columns(void **state)
{
	(void)state;
	assert_int_equal(sess_text_width("abc", 3), 3);
	assert_int_equal(sess_text_width("张伟", 6), 4);
	assert_int_equal(sess_text_width("e\314\201", 3), 1);
	assert_int_equal(sess_text_width("ｱ", 3), 1);		/* half-width */
	assert_int_equal(sess_text_width("한국", 6), 4);
	assert_int_equal(sess_text_width("\341\204\222\341\205\241\341\206\253", 9), 2);	/* 한 in parts */
	assert_int_equal(sess_text_width("नि", 6), 2);
	assert_int_equal(sess_text_width("กำ", 6), 2);
	assert_int_equal(sess_text_width("ｶﾞ", 6), 2);
	assert_int_equal(sess_text_width("नु", 6), 1);
	assert_int_equal(sess_text_width("\033", 1), 1);
	assert_int_equal(sess_text_width("\342\200\256", 3), 8);
}

static void
an_emoji_of_several_is_two_columns(void **state)
{
	static const char family[] = "👩\342\200\215👩\342\200\215👧";
	static const char flag[] = "🇨🇳", thumb[] = "👍🏽", heart[] = "❤\357\270\217";

	(void)state;
	assert_int_equal(sess_text_width(family, sizeof(family) - 1), 2);
	assert_int_equal(sess_text_width(flag, sizeof(flag) - 1), 2);
	assert_int_equal(sess_text_width(thumb, sizeof(thumb) - 1), 2);
	assert_int_equal(sess_text_width(heart, sizeof(heart) - 1), 2);
	is_cleaned(family, family);
}

static void
joiners_stay_where_a_script_needs_them(void **state)
{
	(void)state;
	is_cleaned("می\342\200\214خ", "می\342\200\214خ");
	is_cleaned("a\342\200\215b", "a<U+200D>b");
	is_cleaned("张\342\200\215伟", "张<U+200D>伟");
}

static void
combining_marks_need_a_letter_and_have_an_end(void **state)
{
	struct sess_buf many = { 0 };
	size_t i;

	(void)state;
	is_cleaned("\314\201a", "<U+0301>a");
	is_cleaned("\n\314\201", "␊<U+0301>");
	assert_int_equal(sess_buf_puts(&many, "e"), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(sess_buf_puts(&many, "\314\201"), 0);
	assert_true(sess_text_width(many.data, many.len) > 900);
	sess_buf_release(&many);
}

static void
what_is_cut_ends_in_an_ellipsis(void **state)
{
	(void)state;
	fits("abcdef", 6, "abcdef");
	fits("abcdef", 5, "abcd…");
	fits("abcdef", 1, "…");
	fits("abcdef", 0, "");
	fits("张伟张伟", 6, "张伟…");
	fits("张伟张伟", 5, "张伟…");
	fits("张伟张伟", 4, "张…");
	fits("a\342\200\256b", 8, "a…");
}

static void
padding_counts_columns(void **state)
{
	(void)state;
	is_padded("张伟", 6, false, "|张伟  |");
	is_padded("张伟", 6, true, "|  张伟|");
	is_padded("张伟张", 5, false, "|张伟…|");
	is_padded("张伟张", 4, false, "|张… |");
	is_padded("", 2, true, "|  |");
	is_padded("ab", 0, false, "||");
}

static void
lines_end_at_spaces_and_punctuation(void **state)
{
	(void)state;
	is_wrapped("the quick brown fox", 10, "the quick|brown fox");
	is_wrapped("http://shop.example/cart/items", 22, "http://shop.example/|cart/items");
	is_wrapped("button#pay.btn[name=\"x\"]", 20, "button#pay.btn|[name=\"x\"]");
	is_wrapped("abcdefghij", 4, "abcd|efgh|ij");
	is_wrapped("购物车里有东西", 5, "购物|车里|有东|西");
	is_wrapped("a  b   ", 80, "a  b");
	is_wrapped("界", 1, "界");
	is_wrapped("     word", 3, "|wor|d");
}

static void
memory_may_run_out(void **state)
{
	struct sess_buf b = { 0 };
	long n;
	int status;

	(void)state;
	for (n = 0; ; n++) {
		alloc_fail_at(n);
		status = sess_text_pad(&b, "\033张伟 and more of it than fits", 34, 20, true);
		if (!alloc_failed())
			break;
		assert_int_equal(status, -1);
		sess_buf_release(&b);
	}
	alloc_fail_at(-1);
	assert_int_equal(status, 0);
	assert_true(n > 0);
	sess_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_passes),
		cmocka_unit_test(control_characters_are_shown),
		cmocka_unit_test(bidi_and_invisible_characters_are_shown),
		cmocka_unit_test(bytes_that_are_not_utf8_are_shown),
		cmocka_unit_test(width_is_in_columns),
		cmocka_unit_test(an_emoji_of_several_is_two_columns),
		cmocka_unit_test(joiners_stay_where_a_script_needs_them),
		cmocka_unit_test(combining_marks_need_a_letter_and_have_an_end),
		cmocka_unit_test(what_is_cut_ends_in_an_ellipsis),
		cmocka_unit_test(padding_counts_columns),
		cmocka_unit_test(lines_end_at_spaces_and_punctuation),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
