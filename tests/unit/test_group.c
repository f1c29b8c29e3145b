/* Tests of group.h: whose an event is, keys for a shuffle, shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "sess/group.h"

static struct sess_event
event(const char *session, const char *visitor, const char *app)
{
	struct sess_event ev;

	sess_event_reset(&ev);
	sess_event_set(&ev, SESS_K_SESSION_ID, session, strlen(session));
	sess_event_set(&ev, SESS_K_VISITOR, visitor, strlen(visitor));
	sess_event_set(&ev, SESS_K_APP_ID, app, strlen(app));
	return ev;
}

/* The key's part behind the hash is rest, the hash that of the group's id. */
static void
assert_key(const struct sess_event *ev, const char *rest)
{
	char name[SESS_GROUP_NAME], key[256];
	struct sess_buf b = { 0 };

	assert_int_equal(sess_event_key(ev, &b), SESS_OK);
	snprintf(key, sizeof(key), "%08x:%s", sess_group_hash(sess_event_group(ev, name)), rest);
	assert_int_equal(b.len, strlen(key));
	assert_memory_equal(b.data, key, b.len);
	sess_buf_release(&b);
}

static void
a_key_is_the_id_and_of_a_session_the_application(void **state)
{
	struct sess_event ev = event("s1", "v1", "shop");
	struct sess_buf b = { 0 };

	(void)state;
	assert_key(&ev, "s1@shop");
	ev = event("abc", "v1", "");
	assert_int_equal(sess_event_key(&ev, &b), SESS_OK);
	assert_int_equal(b.len, 13);
	assert_memory_equal(b.data, "44bc2cf5:abc@", 13);	/* as xxhsum -H1 has it */
	sess_buf_release(&b);
	ev = event("s1", "", "");
	assert_key(&ev, "s1@");
	ev = event("", "v1", "shop");
	assert_key(&ev, "v1");
}

static void
who_has_no_id_is_told_by_what_is_known(void **state)
{
	struct sess_event ev = event("", "", "shop"), other = event("", "", "shop");
	struct sess_buf a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(sess_event_key(&ev, &a), SESS_OK);
	assert_int_equal(a.len, 9 + 16);
	sess_event_set(&other, SESS_K_IP, "10.0.0.1", 8);
	assert_int_equal(sess_event_key(&other, &b), SESS_OK);
	assert_int_equal(b.len, 9 + 16);
	assert_memory_not_equal(a.data, b.data, b.len);
	sess_buf_release(&a);
	sess_buf_release(&b);
}

static void
a_key_is_one_field_of_one_line(void **state)
{
	struct sess_event ev = event("a\tb\nc d\r%\x7f", "", "x@y {");
	char id[256];
	struct sess_buf b = { 0 };
	size_t i;

	(void)state;
	assert_key(&ev, "a%09b%0Ac%20d%0D%25%7F@x%40y%20{");
	ev = event("\xe5\xbc\xa0", "", "");
	assert_key(&ev, "%E5%BC%A0@");
	for (i = 0; i < sizeof(id); i++)
		id[i] = (char)i;
	sess_event_reset(&ev);
	sess_event_set(&ev, SESS_K_SESSION_ID, id, sizeof(id));
	assert_int_equal(sess_event_key(&ev, &b), SESS_OK);
	for (i = 0; i < b.len; i++)
		assert_true((unsigned char)b.data[i] > ' ' && (unsigned char)b.data[i] < 0x7f &&
		    (b.data[i] != '@' || i == b.len - 1));
	sess_buf_release(&b);
}

/* What could be taken for one another isn't. */
static void
different_groups_have_different_keys(void **state)
{
	struct sess_event ev[] = {
		event("a", "", ""), event("", "a", ""), event("a@", "", ""), event("", "a@", ""),
		event("a%40", "", ""), event("a", "", "b"), event("a@b", "", ""), event("", "a@b", "")
	};
	struct sess_buf keys[8] = { { 0 } };
	size_t i, j;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(sess_event_key(&ev[i], &keys[i]), SESS_OK);
	for (i = 0; i < 8; i++)
		for (j = i + 1; j < 8; j++)
			assert_false(keys[i].len == keys[j].len &&
			    memcmp(keys[i].data, keys[j].data, keys[i].len) == 0);
	for (i = 0; i < 8; i++)
		sess_buf_release(&keys[i]);
}

static void
a_share_is_the_hash_of_the_id(void **state)
{
	struct sess_event ev = event("62mLjwLatyXrgCd5vvheegwxgCUw", "", "shop");
	struct sess_event other = event("62mLjwLatyXrgCd5vvheegwxgCUw", "", "pay");
	unsigned i, n = 0;

	(void)state;
	/* the first eight digits that xxhsum -H1 prints of these texts */
	assert_int_equal(sess_group_hash((struct sess_slice){ "abc", 3 }), 0x44bc2cf5);
	assert_int_equal(sess_group_hash((struct sess_slice){ "", 0 }), 0xef46db37);
	assert_int_equal(sess_shard_of((struct sess_slice){ "abc", 3 }, 1000), 0x44bc2cf5 % 1000);
	for (i = 0; i < 7; i++) {
		n += sess_shard_has((struct sess_shard){ i, 7 }, &ev);
		assert_int_equal(sess_shard_has((struct sess_shard){ i, 7 }, &ev),
		    sess_shard_has((struct sess_shard){ i, 7 }, &other));
	}
	assert_int_equal(n, 1);
	assert_true(sess_shard_has((struct sess_shard){ 0, 0 }, &ev));
	assert_true(sess_shard_has((struct sess_shard){ 0, 1 }, &ev));
}

static void
a_share_is_written_as_index_and_number(void **state)
{
	static const char *const bad[] = {
		"", "1", "/", "1/", "/2", "2/2", "0/0", "-1/2", "+1/2", "1/2 ", " 1/2", "1/2/3",
		"0/65537", "99999999999/99999999999", "a/b", "0x0/2"
	};
	struct sess_shard s;
	struct sess_err err;
	size_t i;

	(void)state;
	assert_int_equal(sess_shard_parse(&s, "3/16", NULL), SESS_OK);
	assert_int_equal(s.index, 3);
	assert_int_equal(s.of, 16);
	assert_int_equal(sess_shard_parse(&s, "65535/65536", NULL), SESS_OK);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct sess_err){ 0 };
		assert_int_equal(sess_shard_parse(&s, bad[i], &err), SESS_EFORMAT);
		assert_non_null(strstr(err.text, "is not like 0/16"));
	}
}

static void
without_memory_nothing_is_appended(void **state)
{
	struct sess_event ev = event("s1", "", "shop");
	struct sess_buf b = { 0 };

	(void)state;
	alloc_fail_at(0);
	assert_int_equal(sess_event_key(&ev, &b), SESS_ENOMEM);
	alloc_fail_at(-1);
	assert_int_equal(b.len, 0);
	sess_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_the_id_and_of_a_session_the_application),
		cmocka_unit_test(who_has_no_id_is_told_by_what_is_known),
		cmocka_unit_test(a_key_is_one_field_of_one_line),
		cmocka_unit_test(different_groups_have_different_keys),
		cmocka_unit_test(a_share_is_the_hash_of_the_id),
		cmocka_unit_test(a_share_is_written_as_index_and_number),
		cmocka_unit_test(without_memory_nothing_is_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
