/* glob: shell patterns; cidr: blocks of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../lib/query/private.h"

static bool
glob(const char *pattern, const char *text)
{
	return sess_glob(pattern, text, strlen(text), false);
}

static void
plain_text_matches_itself_whole(void **state)
{
	(void)state;
	assert_true(glob("cart", "cart"));
	assert_true(glob("", ""));
	assert_false(glob("cart", "cart2"));
	assert_false(glob("cart", "car"));
	assert_false(glob("cart", "xcart"));
	assert_false(glob("cart", "Cart"));
	assert_false(glob("", "x"));
}

static void
a_star_matches_any_text_and_none(void **state)
{
	(void)state;
	assert_true(glob("*", ""));
	assert_true(glob("*", "a/b/c"));
	assert_true(glob("*/cart", "shop.example/a/cart"));
	assert_true(glob("a*b*c", "aXbYbZc"));
	assert_true(glob("/v1/order/**", "/v1/order/**"));
	assert_true(glob("***", "x"));
	assert_false(glob("a*b", "abc"));
	assert_false(glob("*a", ""));
}

static void
a_question_mark_is_one_character_not_one_byte(void **state)
{
	(void)state;
	assert_true(glob("张?", "张伟"));
	assert_false(glob("?", "张伟"));
	assert_false(glob("??", "张"));
	assert_false(glob("*??", "张"));
	assert_true(glob("*??", "张伟"));
	assert_false(glob("?", ""));
	assert_true(glob("?\xff?", "\xe5\xff\xbc"));	/* bytes that are no UTF-8 */
}

static void
a_set_is_one_character_of_it(void **state)
{
	(void)state;
	assert_true(glob("[abc]", "b"));
	assert_true(glob("v[0-9].[0-9]", "v2.7"));
	assert_false(glob("[a-c]", "d"));
	assert_true(glob("[!a-c]", "d"));
	assert_true(glob("[^a-c]", "d"));
	assert_false(glob("[!a-c]", "a"));
	assert_true(glob("[]x]", "]"));
	assert_true(glob("[!]x]", "a"));
	assert_true(glob("[a-]", "-"));
	assert_true(glob("[\\]]", "]"));
	assert_true(glob("[一-龥]*", "张伟"));
	assert_false(glob("[一-龥]*", "bob"));
	assert_false(glob("[abc]", ""));
}

static void
a_set_that_is_not_closed_is_text(void **state)
{
	(void)state;
	assert_true(glob("[abc", "[abc"));
	assert_true(glob("a[", "a["));
	assert_true(glob("[", "["));
	assert_true(glob("[]", "[]"));
	assert_false(glob("[abc", "a"));
}

static void
a_backslash_takes_the_meaning_away(void **state)
{
	(void)state;
	assert_true(glob("\\*", "*"));
	assert_false(glob("\\*", "x"));
	assert_true(glob("a\\?", "a?"));
	assert_true(glob("\\[a]", "[a]"));
	assert_true(glob("\\\\", "\\"));
	assert_true(glob("a\\", "a\\"));
}

static void
case_is_folded_in_ascii_only_and_when_asked(void **state)
{
	(void)state;
	assert_true(sess_glob("mobile SAFARI", "Mobile Safari", 13, true));
	assert_true(sess_glob("[a-c]x", "BX", 2, true));
	assert_true(sess_glob("[A-C]x", "bX", 2, true));
	assert_false(sess_glob("É", "é", 2, true));
	assert_false(sess_glob("chrome", "Chrome", 6, false));
	assert_false(sess_glob("[!a]", "A", 1, true));
}

static void
text_may_hold_nul(void **state)
{
	(void)state;
	assert_true(sess_glob("a?b", "a\0b", 3, false));
	assert_false(sess_glob("a", "a\0", 2, false));
	assert_true(sess_glob("a*", "a\0\0", 3, false));
}

static void
many_stars_take_no_exponential_time(void **state)
{
	static char text[20000], pattern[4001];
	clock_t start = clock();
	size_t i;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (i = 0; i < sizeof(pattern) - 3; i += 2)
		memcpy(pattern + i, "*a", 2);
	strcpy(pattern + i, "b");
	assert_false(sess_glob(pattern, text, sizeof(text), false));
	assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
}

static void
patterns_are_told_from_plain_text(void **state)
{
	(void)state;
	assert_true(sessp_glob_plain("u-1024"));
	assert_false(sessp_glob_plain("u-*"));
	assert_false(sessp_glob_plain("u-?"));
	assert_false(sessp_glob_plain("u-[1]"));
	assert_false(sessp_glob_plain("u\\1"));
}

/* -- addresses */

static bool
in(const char *block, const char *address)
{
	struct sessp_cidr c, a;

	assert_int_equal(sessp_cidr_parse(&c, block, strlen(block)), 0);
	assert_int_equal(sessp_cidr_parse(&a, address, strlen(address)), 0);
	return sessp_cidr_has(&c, a.addr);
}

static void
an_address_is_a_block_of_one(void **state)
{
	(void)state;
	assert_true(in("203.0.113.7", "203.0.113.7"));
	assert_false(in("203.0.113.7", "203.0.113.8"));
	assert_true(in("2001:db8::1", "2001:0DB8:0:0::1"));
	assert_false(in("2001:db8::1", "2001:db8::2"));
}

static void
a_block_holds_what_shares_its_bits(void **state)
{
	(void)state;
	assert_true(in("10.0.0.0/8", "10.255.1.2"));
	assert_false(in("10.0.0.0/8", "11.0.0.1"));
	assert_true(in("203.0.113.128/25", "203.0.113.200"));
	assert_false(in("203.0.113.128/25", "203.0.113.100"));
	assert_true(in("10.1.2.3/8", "10.9.9.9"));	/* bits behind the mask don't matter */
	assert_true(in("0.0.0.0/0", "8.8.8.8"));
	assert_false(in("0.0.0.0/0", "2001:db8::1"));
	assert_true(in("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(in("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(in("::/0", "2001:db8::1"));
}

static void
a_mapped_address_is_the_ipv4_one(void **state)
{
	(void)state;
	assert_true(in("203.0.113.0/24", "::ffff:203.0.113.9"));
	assert_true(in("::ffff:203.0.113.9", "203.0.113.9"));
	assert_true(in("::ffff:203.0.113.0/120", "203.0.113.9"));
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/-1", "1.2.3.4/8x", "1.2.3.4/0008", "::1/129", ":::", "/8", " 1.2.3.4",
		"1.2.3.4/1/2", "fe80::1%eth0",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"
	};
	struct sessp_cidr c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sessp_cidr_parse(&c, bad[i], strlen(bad[i])), -1);
	assert_int_equal(sessp_cidr_parse(&c, "1.2.3.4\0x", 9), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_matches_itself_whole),
		cmocka_unit_test(a_star_matches_any_text_and_none),
		cmocka_unit_test(a_question_mark_is_one_character_not_one_byte),
		cmocka_unit_test(a_set_is_one_character_of_it),
		cmocka_unit_test(a_set_that_is_not_closed_is_text),
		cmocka_unit_test(a_backslash_takes_the_meaning_away),
		cmocka_unit_test(case_is_folded_in_ascii_only_and_when_asked),
		cmocka_unit_test(text_may_hold_nul),
		cmocka_unit_test(many_stars_take_no_exponential_time),
		cmocka_unit_test(patterns_are_told_from_plain_text),
		cmocka_unit_test(an_address_is_a_block_of_one),
		cmocka_unit_test(a_block_holds_what_shares_its_bits),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
